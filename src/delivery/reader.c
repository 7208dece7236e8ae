/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/limits.h"
#include "delivery/segment.h"

/* A segment is read in large pieces into one buffer and parsed there. The CRC of every
 * line is kept, four bytes a line, to tell whether a line that comes again is the same. */

enum { BUFFER_SIZE = 256 << 10 };

struct JournalReader {
  char *directory;
  GArray *crcs;            /* of line n at n - 1: as many as lines are known */
  guint torn;
  GError *failure;         /* why there is no going on */
  RecordClock clock;

  /* The segment. */
  guint segment, last_segment;
  int fd;
  guint line;              /* that was read last, from 1 */
  guint64 sequence;        /* of its last record, 0 before the first */
  gboolean closed;         /* the next segment exists: nothing is written to it any more */
  gboolean unfinished;     /* the last line's LF is missing */
  gsize begin, end;        /* what is in the buffer and was not parsed yet */
  char *buffer;

  /* Why the rest of an earlier segment cannot be read. The next record dispels it if its
   * number leaves no gap: whatever was lost, it and all behind it were written again. */
  GError *doubt;
};

/* --- Segments. --- */

static gboolean reader_open_segment(JournalReader *reader, guint number)
{
  g_autofree char *path = segment_path(reader->directory, number);
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0) {
    int reason = errno;
    g_set_error(&reader->failure, JOURNAL_ERROR, JOURNAL_ERROR_DISK, "cannot open %s: %s", path,
                g_strerror(reason));
    return FALSE;
  }
  if (reader->fd >= 0) {
    close(reader->fd);
  }
  reader->fd = fd;
  reader->segment = number;
  reader->line = 0;
  reader->sequence = 0;
  reader->closed = FALSE;
  reader->unfinished = FALSE;
  reader->begin = reader->end = 0;
  return TRUE;
}

/* The next segment's number, 0 if there is none (yet), or failure says that nobody can tell.
 * Numbers that are missing are left out here; whether lines are missing with them, their
 * numbers tell. */
static guint reader_next_segment(JournalReader *reader)
{
  guint number = reader->segment + 1;

  do {
    g_autofree char *path = segment_path(reader->directory, number);
    if (access(path, F_OK) == 0) {
      return number;
    }
    if (errno != ENOENT) {
      int reason = errno;
      g_set_error(&reader->failure, JOURNAL_ERROR, JOURNAL_ERROR_DISK, "cannot look for %s: %s",
                  path, g_strerror(reason));
      return 0;
    }
  } while (++number <= reader->last_segment);
  return 0;
}

JournalReader *journal_reader_open(const char *directory, GError **error)
{
  g_autoptr(JournalReader) reader = g_new0(JournalReader, 1);

  reader->directory = g_strdup(directory);
  reader->crcs = g_array_new(FALSE, FALSE, sizeof(guint32));
  reader->fd = -1;
  reader->buffer = g_malloc(BUFFER_SIZE);
  if (!segment_find_last(directory, &reader->last_segment, error)) {
    return NULL;
  }
  guint first = reader_next_segment(reader);
  if (reader->failure != NULL || !reader_open_segment(reader, MAX(first, 1))) {
    g_propagate_error(error, g_steal_pointer(&reader->failure));
    return NULL;
  }
  return g_steal_pointer(&reader);
}

void journal_reader_close(JournalReader *reader)
{
  if (reader->fd >= 0) {
    close(reader->fd);
  }
  g_clear_error(&reader->failure);
  g_clear_error(&reader->doubt);
  g_array_unref(reader->crcs);
  g_free(reader->buffer);
  g_free(reader->directory);
  g_free(reader);
}

/* --- Bytes. --- */

/* The length of the unread bytes without NULs at their end. */
static gsize reader_tail(const JournalReader *reader)
{
  gsize end = reader->end;

  while (end > reader->begin && reader->buffer[end - 1] == '\0') {
    end--;
  }
  return end - reader->begin;
}

/* Reads more behind what is there; FALSE at the end of the file, and for a failure. */
static gboolean reader_fill(JournalReader *reader)
{
  gssize got;

  memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
  reader->end -= reader->begin;
  reader->begin = 0;
  if (reader->end == BUFFER_SIZE) {
    reader->end = reader_tail(reader) + 1;   /* of NULs one tells as much as many */
  }
  do {
    got = read(reader->fd, reader->buffer + reader->end, BUFFER_SIZE - reader->end);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    int reason = errno;
    g_set_error(&reader->failure, JOURNAL_ERROR, JOURNAL_ERROR_DISK,
                "cannot read segment %u of the journal in %s: %s", reader->segment,
                reader->directory, g_strerror(reason));
    return FALSE;
  }
  reader->end += (gsize)got;
  return got > 0;
}

/* --- Lines. --- */

typedef enum {
  LINE_READ,
  LINE_PASSED,     /* there is nothing new in it */
  LINE_NONE,       /* the end of what there is at present */
  LINE_BAD,        /* doubt says why */
  LINE_FAILED,     /* failure says why */
} LineResult;

static GError *line_error(const JournalReader *reader, JournalError code, const char *why)
{
  return g_error_new(JOURNAL_ERROR, (gint)code, "the journal in %s, segment %u, line %u: %s",
                     reader->directory, reader->segment, reader->line, why);
}

/* The first doubt stays: where there is one already, this line cannot dispel it. */
static LineResult bad_line(JournalReader *reader, const char *why)
{
  if (reader->doubt == NULL) {
    reader->doubt = line_error(reader, JOURNAL_ERROR_DAMAGED, why);
  }
  return LINE_BAD;
}

/* Whether a line with its right CRC is in these bytes, with more behind it: a write that
 * was cut off leaves no such thing, an LF that turned into something else does. */
static gboolean holds_whole_line(const char *bytes, gsize length)
{
  guint32 crc;

  for (gsize end = RECORD_SEAL_LENGTH; end < length; end++) {
    if (bytes[end - RECORD_SEAL_LENGTH] == ' ' && record_check_seal(bytes, end, &crc)) {
      return TRUE;
    }
  }
  return FALSE;
}

/* What is behind the last LF, at the end of the file. */
static LineResult reader_take_tail(JournalReader *reader, char **line, gsize *length)
{
  char *tail = reader->buffer + reader->begin;
  gsize tail_length = reader_tail(reader);
  guint32 crc;

  if (reader->unfinished) {
    return tail_length > 0 ? bad_line(reader, "it does not end") : LINE_NONE;
  }
  if (tail_length >= LIMIT_JOURNAL_LINE || holds_whole_line(tail, tail_length)) {
    reader->line++;
    return bad_line(reader, "it does not end");
  }
  if (reader->line == 0 || !record_check_seal(tail, tail_length, &crc)) {
    return LINE_NONE;
  }
  reader->line++;
  reader->unfinished = TRUE;
  reader->begin += tail_length;
  *line = tail;
  *length = tail_length;
  return LINE_READ;
}

/* A line without its LF, which may come yet, but nothing else. */
static LineResult reader_finish_line(JournalReader *reader, gsize length)
{
  reader->unfinished = FALSE;
  return length == 0 ? LINE_PASSED : bad_line(reader, "it does not end");
}

/* The next line of the segment, without its LF. */
static LineResult reader_take_line(JournalReader *reader, char **line, gsize *length)
{
  char *end;

  while ((end = memchr(reader->buffer + reader->begin, '\n', reader->end - reader->begin)) ==
         NULL) {
    if (reader->end - reader->begin == BUFFER_SIZE && reader_tail(reader) >= LIMIT_JOURNAL_LINE) {
      reader->line++;
      return bad_line(reader, "it is longer than a line may be");
    }
    if (!reader_fill(reader)) {
      return reader->failure != NULL ? LINE_FAILED : reader_take_tail(reader, line, length);
    }
  }
  *line = reader->buffer + reader->begin;
  *length = (gsize)(end - *line);
  reader->begin += *length + 1;
  if (reader->unfinished) {
    return reader_finish_line(reader, *length);
  }
  reader->line++;
  return LINE_READ;
}

/* --- Records. --- */

static LineResult reader_check_header(JournalReader *reader, const char *line, gsize length)
{
  g_autoptr(GError) problem = NULL;

  if (segment_check_header(line, length, &problem)) {
    return LINE_PASSED;
  }
  if (g_error_matches(problem, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED)) {
    return bad_line(reader, problem->message);
  }
  reader->failure = line_error(reader, JOURNAL_ERROR_VERSION, problem->message);
  return LINE_FAILED;
}

/* What the number says: whether the line is the next, was seen before, or cannot be. */
static LineResult reader_check_sequence(JournalReader *reader, const Record *record)
{
  guint known = reader->crcs->len;

  if ((reader->sequence != 0 && record->sequence != reader->sequence + 1) ||
      record->sequence > (guint64)known + 1) {
    return bad_line(reader, "its number is not the next; lines are missing before it");
  }
  reader->sequence = record->sequence;
  g_clear_error(&reader->doubt);
  if (record->sequence == (guint64)known + 1) {
    g_array_append_val(reader->crcs, record->crc);
    return LINE_READ;
  }
  if (g_array_index(reader->crcs, guint32, record->sequence - 1) == record->crc) {
    return LINE_PASSED;
  }
  reader->failure = line_error(reader, JOURNAL_ERROR_DAMAGED,
                               "another line than before under the same number");
  return LINE_FAILED;
}

static LineResult reader_take_record(JournalReader *reader, Record *record)
{
  char *line = NULL;
  gsize length = 0;
  const char *why;
  LineResult result = reader_take_line(reader, &line, &length);

  if (result != LINE_READ) {
    return result;
  }
  if (reader->line == 1) {
    return reader_check_header(reader, line, length);
  }
  return record_parse(line, length, &reader->clock, record, &why)
             ? reader_check_sequence(reader, record) : bad_line(reader, why);
}

/* Goes on where the segment ends; READ_RECORD: there may be one now. */
static ReadResult reader_leave_segment(JournalReader *reader, gboolean bad)
{
  guint next = reader_next_segment(reader);

  if (next == 0) {
    if (reader->failure == NULL) {
      reader->failure = g_steal_pointer(&reader->doubt);
    }
    return reader->failure != NULL ? READ_FAILED : READ_END;
  }
  if (!bad && !reader->closed) {
    /* What was written before the next one began may have come after the last look. */
    reader->closed = TRUE;
    return READ_RECORD;
  }
  reader->torn += bad || reader->begin != reader->end;
  return reader_open_segment(reader, next) ? READ_RECORD : READ_FAILED;
}

static ReadResult reader_next(JournalReader *reader, Record *record)
{
  ReadResult result = reader->failure == NULL ? READ_RECORD : READ_FAILED;

  while (result == READ_RECORD) {
    switch (reader_take_record(reader, record)) {
    case LINE_READ:
      return READ_RECORD;
    case LINE_PASSED:
      break;
    case LINE_NONE:
      result = reader_leave_segment(reader, FALSE);
      break;
    case LINE_BAD:
      result = reader_leave_segment(reader, TRUE);
      break;
    case LINE_FAILED:
      result = READ_FAILED;
      break;
    }
  }
  return result;
}

ReadResult journal_reader_next(JournalReader *reader, Record *record, GError **error)
{
  ReadResult result = reader_next(reader, record);

  if (result == READ_FAILED && error != NULL) {
    *error = g_error_copy(reader->failure);
  }
  return result;
}

guint journal_reader_segment(const JournalReader *reader)
{
  return reader->segment;
}

gboolean journal_reader_whole(const JournalReader *reader)
{
  return reader->line > 0 && !reader->unfinished && reader->begin == reader->end;
}

guint64 journal_reader_sequence(const JournalReader *reader)
{
  return reader->crcs->len;
}

guint journal_reader_torn(const JournalReader *reader)
{
  return reader->torn + (reader->begin != reader->end);
}
