/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes as a journal. What is read is in order and stands there with its seal, reading
 * again gives the same, what an intact line said is not lost, and a contact that was sent
 * its copy stays so.
 *
 * The first byte of an input says how much of the last segment is there at the first look of
 * a reader that follows. The rest are the segments, with 0x1C between them, in which a line's
 * end " crc=*" stands for the right seal: chance would never find one. */

#include <string.h>

#include "base/limits.h"
#include "delivery/ledger.h"
#include "delivery/segment.h"
#include "fuzz.h"
#include "../unit/lines.h"

enum { CONTACTS = 9, SEGMENTS_MAX = 4, SEPARATOR = 0x1C };

typedef struct {
  ReadResult result;
  GString *text;     /* what was read, for comparing */
  GArray *crcs;      /* of its lines */
  Ledger *ledger;
  gboolean damaged;  /* the ledger said so */
  gboolean sent[CONTACTS + 1];
} Reading;

static void reading_init(Reading *reading)
{
  *reading = (Reading){ .text = g_string_new(NULL),
                        .crcs = g_array_new(FALSE, FALSE, sizeof(guint32)),
                        .ledger = ledger_new(CONTACTS) };
}

static void reading_clear(Reading *reading)
{
  g_string_free(reading->text, TRUE);
  g_array_unref(reading->crcs);
  ledger_free(reading->ledger);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

/* --- The input. --- */

static void seal_line(GString *out, const char *line, gsize length)
{
  static const char mark[] = " crc=*";
  const gsize mark_length = strlen(mark);
  const gsize begin = out->len;

  g_string_append_len(out, line, (gssize)length);
  if (length >= mark_length && memcmp(line + length - mark_length, mark, mark_length) == 0) {
    const gsize sealed = begin + length - mark_length;
    g_string_set_size(out, sealed + RECORD_SEAL_LENGTH + 1);
    record_seal(out->str + begin, sealed - begin);
    g_string_truncate(out, sealed + RECORD_SEAL_LENGTH);
  }
}

static GString *seal_lines(const char *bytes, gsize length)
{
  GString *sealed = g_string_new(NULL);

  for (gsize at = 0; at < length;) {
    const char *line = bytes + at, *end = memchr(line, '\n', length - at);
    const gsize line_length = end != NULL ? (gsize)(end - line) : length - at;
    seal_line(sealed, line, line_length);
    if (end != NULL) {
      g_string_append_c(sealed, '\n');
    }
    at += line_length + (end != NULL);
  }
  return sealed;
}

static void free_segment(gpointer segment)
{
  g_string_free(segment, TRUE);
}

static GPtrArray *split_segments(const GString *input)
{
  GPtrArray *segments = g_ptr_array_new_with_free_func(free_segment);
  const char *at = input->str, *end = at + input->len;

  while (segments->len < SEGMENTS_MAX) {
    const char *separator = memchr(at, SEPARATOR, (gsize)(end - at));
    const char *behind = separator != NULL ? separator : end;
    g_ptr_array_add(segments, seal_lines(at, (gsize)(behind - at)));
    if (separator == NULL) {
      break;
    }
    at = separator + 1;
  }
  return segments;
}

static void write_segment(const char *folder, const GPtrArray *segments, guint index, gsize length)
{
  const GString *segment = segments->pdata[index];
  g_autofree char *path = segment_path(folder, index + 1);
  g_autofree char *name = g_path_get_basename(path);

  lines_write(folder, name, segment->str, length);
}

/* --- Reading. --- */

static void enter_record(Reading *reading, const Record *record)
{
  if (reading->damaged || !ledger_replay(reading->ledger, record, NULL)) {
    reading->damaged = TRUE;
    return;
  }
  if (record->event == EVENT_SENT) {
    reading->sent[record->contact] = TRUE;
  }
  guint32 count = 0;
  for (guint i = 0; i < CONTACT_STATES; i++) {
    count += ledger_count(reading->ledger, (ContactState)i);
  }
  g_assert_cmpuint(count, ==, CONTACTS);
  for (guint32 i = 1; i <= CONTACTS; i++) {
    g_assert_true(!reading->sent[i] || ledger_state(reading->ledger, i) == CONTACT_SENT);
  }
}

static void read_on(JournalReader *reader, Reading *reading)
{
  g_autoptr(GError) error = NULL;
  Record record;

  while ((reading->result = journal_reader_next(reader, &record, &error)) == READ_RECORD) {
    g_array_append_val(reading->crcs, record.crc);
    g_assert_cmpuint(record.sequence, ==, reading->crcs->len);
    lines_describe(reading->text, &record);
    enter_record(reading, &record);
  }
  g_assert_cmpint(reading->result == READ_FAILED, ==, error != NULL);
  g_assert_cmpuint(journal_reader_sequence(reader), ==, reading->crcs->len);
}

static void read_all(const char *folder, Reading *reading)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JournalReader) reader = journal_reader_open(folder, &error);

  g_assert_no_error(error);
  read_on(reader, reading);
}

/* As `dateline watch` does it: the last segment grows between two looks. */
static void read_following(const char *folder, const GPtrArray *segments, guint8 share,
                           Reading *reading)
{
  const guint last = segments->len - 1;
  const gsize length = ((const GString *)segments->pdata[last])->len;

  write_segment(folder, segments, last, length * share / G_MAXUINT8);
  g_autoptr(JournalReader) reader = journal_reader_open(folder, NULL);
  g_assert_nonnull(reader);
  read_on(reader, reading);
  write_segment(folder, segments, last, length);
  read_on(reader, reading);
}

/* --- What must have been read. --- */

/* Goes through a segment up to its first flaw: behind that the next segment may tell
 * something else. known: the highest number so far. */
static void check_segment(const GString *segment, const Reading *reading, guint64 *known)
{
  g_autofree char *bytes = g_memdup2(segment->str, segment->len + 1);
  char *line = bytes, *limit = bytes + segment->len;
  RecordClock clock = { 0 };
  guint64 previous = 0;
  Record record;
  const char *why;

  for (char *end; (end = memchr(line, '\n', (gsize)(limit - line))) != NULL; line = end + 1) {
    const gsize length = (gsize)(end - line);
    if (line == bytes) {
      if (!segment_check_header(line, length, NULL)) {
        return;
      }
      continue;
    }
    if (!record_parse(line, length, &clock, &record, &why) || record.sequence > *known + 1 ||
        (previous != 0 && record.sequence != previous + 1)) {
      return;
    }
    g_assert_cmpuint(record.sequence, <=, reading->crcs->len);
    g_assert_cmphex(g_array_index(reading->crcs, guint32, record.sequence - 1), ==, record.crc);
    previous = record.sequence;
    *known = MAX(*known, previous);
  }
}

static void check_nothing_lost(const GPtrArray *segments, const Reading *reading)
{
  guint64 known = 0;

  for (guint i = 0; i < segments->len; i++) {
    check_segment(segments->pdata[i], reading, &known);
  }
}

static void check(const char *folder, const GPtrArray *segments, guint8 share)
{
  g_auto(Reading) first = { 0 }, second = { 0 }, followed = { 0 };

  reading_init(&first);
  reading_init(&second);
  reading_init(&followed);
  for (guint i = 0; i < segments->len; i++) {
    write_segment(folder, segments, i, ((const GString *)segments->pdata[i])->len);
  }
  read_all(folder, &first);
  read_all(folder, &second);
  g_assert_cmpint(first.result, ==, second.result);
  g_assert_cmpstr(first.text->str, ==, second.text->str);
  read_following(folder, segments, share, &followed);
  if (first.result == READ_END) {
    check_nothing_lost(segments, &first);
  }
  if (first.result == READ_END && followed.result == READ_END) {
    g_assert_cmpstr(first.text->str, ==, followed.text->str);
  }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  if (size < 1) {
    return 0;
  }
  g_autoptr(GString) input = fuzz_expand(data + 1, size - 1);
  g_autoptr(GPtrArray) segments = split_segments(input);
  char *folder = lines_make_folder();

  check(folder, segments, data[0]);
  lines_remove_folder(folder);
  return 0;
}
