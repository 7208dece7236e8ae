/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <sys/stat.h>
#include <uchardet.h>
#include <unistd.h>

#include "base/limits.h"

enum {
  CHUNK = 64 << 10,
  JUDGED = 256 << 10,  /* as much of a file is shown to uchardet */
  HEAD = 256,          /* as much of it is looked at for UTF-16 */
};

struct TextFile {
  GInputStream *stream;
  char *remark;
};

static gboolean fail_errno(GError **error, const char *what)
{
  int code = errno;
  g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", what,
              g_strerror(code));
  return FALSE;
}

/* O_NONBLOCK: a FIFO must not hold up the daemon. */
static int open_regular(const char *path, GError **error)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) {
    fail_errno(error, "it cannot be opened");
  } else if (!S_ISREG(status.st_mode)) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "it is not a regular file");
  } else if (status.st_size > LIMIT_LIST_SIZE) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "it has %" G_GINT64_FORMAT " bytes; at most %d are allowed",
                (gint64)status.st_size, LIMIT_LIST_SIZE);
  } else {
    return fd;
  }
  if (fd >= 0) {
    close(fd);
  }
  return -1;
}

/* Reads size bytes at offset, fewer only at the end of the file; -1 with error. */
static gssize read_at(int fd, char *buffer, gsize size, goffset offset, GError **error)
{
  gsize filled = 0;
  while (filled < size) {
    ssize_t n = pread(fd, buffer + filled, size - filled, offset + (goffset)filled);
    if (n == 0) {
      break;
    }
    if (n > 0) {
      filled += (gsize)n;
    } else if (errno != EINTR) {
      fail_errno(error, "it cannot be read");
      return -1;
    }
  }
  return (gssize)filled;
}

/* --- Byte order marks. --- */

typedef struct {
  const char *bytes;
  gsize length;
  const char *encoding;  /* for iconv, which takes the marks of these off itself; NULL: UTF-8 */
} ByteOrderMark;

/* The longer before the shorter: UTF-32LE begins as UTF-16LE does. */
static const ByteOrderMark BYTE_ORDER_MARKS[] = {
  {"\xef\xbb\xbf", 3, NULL},
  {"\xff\xfe\0\0", 4, "UTF-32"},
  {"\0\0\xfe\xff", 4, "UTF-32"},
  {"\xff\xfe", 2, "UTF-16"},
  {"\xfe\xff", 2, "UTF-16"},
};

static const ByteOrderMark *find_mark(const char *text, gsize length)
{
  for (gsize i = 0; i < G_N_ELEMENTS(BYTE_ORDER_MARKS); i++) {
    const ByteOrderMark *mark = &BYTE_ORDER_MARKS[i];
    if (length >= mark->length && memcmp(text, mark->bytes, mark->length) == 0) {
      return mark;
    }
  }
  return NULL;
}

/* --- How much of a file is UTF-8. --- */

typedef struct {
  guint64 sequences;      /* characters of more than one byte */
  guint64 strays;         /* bytes that are not UTF-8 */
  guint64 controls;       /* of these, from 0x80 to 0x9f */
  goffset first_stray;
} Survey;

static guint64 count_sequences(const char *text, const char *end)
{
  guint64 count = 0;
  for (const char *p = text; p < end; p++) {
    count += (guchar)*p >= 0xc0;
  }
  return count;
}

static void note_stray(Survey *survey, guchar byte, goffset offset)
{
  if (survey->strays++ == 0) {
    survey->first_stray = offset;
  }
  survey->controls += byte < 0xa0;
}

/* Octets of a character. */
enum { UTF8_MAX = 4 };

/* Surveys text, which stands at offset in its file; returns how much of it was done:
 * all but a character that may go on in the next chunk. NUL says nothing about the
 * encoding. */
static gsize survey_chunk(Survey *survey, const char *text, gsize length, goffset offset,
                          gboolean last)
{
  const char *p = text;
  const char *end = text + length;
  while (p < end) {
    const char *bad;
    g_utf8_validate_len(p, (gsize)(end - p), &bad);
    survey->sequences += count_sequences(p, bad);
    p = bad;
    if (p == end) {
      break;
    }
    if (*p != '\0') {
      if (!last && end - p < UTF8_MAX && g_utf8_get_char_validated(p, end - p) == (gunichar)-2) {
        break;
      }
      note_stray(survey, (guchar)*p, offset + (p - text));
    }
    p++;
  }
  return (gsize)(p - text);
}

static gboolean survey_file(int fd, Survey *survey, GError **error)
{
  g_autofree char *chunk = g_malloc(CHUNK);
  goffset offset = 0;
  gboolean last = FALSE;
  while (!last) {
    gssize length = read_at(fd, chunk, CHUNK, offset, error);
    if (length < 0) {
      return FALSE;
    }
    last = length < CHUNK;
    offset += (goffset)survey_chunk(survey, chunk, (gsize)length, offset, last);
  }
  return TRUE;
}

/* --- Guessing. --- */

/* What uchardet thinks of the part of the file around first_stray; NULL without error
 * where it has no idea. */
static char *ask_uchardet(int fd, goffset first_stray, GError **error)
{
  g_autofree char *part = g_malloc(JUDGED);
  goffset start = MAX(0, first_stray - JUDGED / 2);
  gssize length = read_at(fd, part, JUDGED, start, error);
  if (length < 0) {
    return NULL;
  }
  uchardet_t judge = uchardet_new();
  char *encoding = NULL;
  if (uchardet_handle_data(judge, part, (gsize)length) == 0) {
    uchardet_data_end(judge);
    const char *found = uchardet_get_charset(judge);
    encoding = *found ? g_strdup(found) : NULL;
  }
  uchardet_delete(judge);
  return encoding;
}

static const char FALLBACK[] = "WINDOWS-1252";

/* Windows' encodings hold the characters of ISO's, and more in the place of control codes;
 * lists come from Windows. Names of people and places in Western Europe, a handful of them,
 * are taken by uchardet for languages in which hardly anybody keeps a list in these
 * encodings: they are believed when there is much of it only. */
static const struct {
  const char *guess;
  const char *encoding;     /* to be read as */
  guint64 least_strays;     /* fewer: FALLBACK */
  guint64 least_controls;   /* the same */
} BELIEFS[] = {
  {"ISO-8859-1", FALLBACK, 0, 0},
  {"ISO-8859-15", FALLBACK, 0, 0},
  {"ISO-8859-2", "WINDOWS-1250", 0, 1},
  {"ISO-8859-2", "ISO-8859-2", 0, 0},
  {"ISO-8859-9", "WINDOWS-1254", 0, 0},
  {"ISO-8859-7", "WINDOWS-1253", 0, 1},
  {"ISO-8859-7", "ISO-8859-7", 0, 0},
  {"ISO-8859-3", "ISO-8859-3", 200, 0},
  {"ISO-8859-4", "ISO-8859-4", 200, 0},
  {"ISO-8859-10", "ISO-8859-10", 200, 0},
  {"ISO-8859-13", "WINDOWS-1257", 200, 0},
  {"ISO-8859-16", "ISO-8859-16", 200, 0},
  {"MAC-CENTRALEUROPE", "MACCENTRALEUROPE", 200, 0},
  {"IBM852", "IBM852", 200, 0},
  {"IBM865", "IBM865", 200, 0},
};

static gboolean is_known(const char *encoding)
{
  g_autoptr(GCharsetConverter) converter = g_charset_converter_new("UTF-8", encoding, NULL);
  return converter != NULL;
}

static const char *weigh_guess(const char *guess, const Survey *survey)
{
  gboolean is_listed = FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS(BELIEFS); i++) {
    if (g_str_equal(BELIEFS[i].guess, guess)) {
      is_listed = TRUE;
      if (survey->strays >= BELIEFS[i].least_strays &&
          survey->controls >= BELIEFS[i].least_controls) {
        return BELIEFS[i].encoding;
      }
    }
  }
  return is_listed || !is_known(guess) ? FALLBACK : guess;
}

static char *guess_encoding(int fd, const Survey *survey, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *guess = ask_uchardet(fd, survey->first_stray, &failure);
  if (failure) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
  }
  return g_strdup(guess ? weigh_guess(guess, survey) : FALLBACK);
}

/* UTF-16 without a mark, where it is plain: the header of a list is mostly ASCII. */
static const char *find_utf16(const char *text, gsize length)
{
  gsize nuls[2] = {0};
  for (gsize i = 0; i < length; i++) {
    nuls[i % 2] += text[i] == '\0';
  }
  gsize half = length / 2;
  for (gsize odd = 0; odd < 2; odd++) {
    if (half > 1 && nuls[odd] >= half - half / 4 && nuls[!odd] == 0) {
      return odd == 1 ? "UTF-16LE" : "UTF-16BE";
    }
  }
  return NULL;
}

/* The encoding that iconv has to convert from, NULL for none. wanted: what the caller
 * says, or NULL. */
static gboolean decide_encoding(int fd, const char *wanted, char **encoding, char **remark,
                                GError **error)
{
  Survey survey = {0};
  if (!survey_file(fd, &survey, error)) {
    return FALSE;
  }
  if (survey.strays == 0) {
    return TRUE;
  }
  if (survey.sequences > survey.strays) {
    *remark = g_strdup_printf("is UTF-8 with %" G_GUINT64_FORMAT " damaged byte%s; rows with "
                              "damage are left out", survey.strays,
                              survey.strays == 1 ? "" : "s");
    return TRUE;
  }
  *encoding = wanted ? g_strdup(wanted) : guess_encoding(fd, &survey, error);
  if (*encoding && !wanted) {
    *remark = g_strdup_printf("is not UTF-8; it was read as %s, which is a guess: look at the "
                              "accents, or save it as UTF-8", *encoding);
  }
  return *encoding != NULL;
}

/* --- Opening and reading. --- */

/* Takes fd over. */
static GInputStream *make_stream(int fd, const char *encoding, GError **error)
{
  g_autoptr(GInputStream) bytes = g_unix_input_stream_new(fd, TRUE);
  if (!encoding) {
    return g_steal_pointer(&bytes);
  }
  g_autoptr(GCharsetConverter) converter = g_charset_converter_new("UTF-8", encoding, error);
  return converter ? g_converter_input_stream_new(bytes, G_CONVERTER(converter)) : NULL;
}

/* How the file that begins with head is to be read: *start is where its text begins. */
static gboolean judge_file(int fd, const char *wanted, const char *head, gsize length,
                           goffset *start, char **encoding, char **remark, GError **error)
{
  const ByteOrderMark *mark = find_mark(head, length);
  const char *plain = mark ? mark->encoding : find_utf16(head, length);
  *start = 0;
  if (plain) {
    *encoding = g_strdup(plain);
    *remark = g_strdup_printf("is not UTF-8; it was read as %s, as its first bytes say", plain);
  } else if (mark) {
    *start = (goffset)mark->length;
  } else {
    return decide_encoding(fd, wanted, encoding, remark, error);
  }
  return TRUE;
}

TextFile *text_file_open(const char *path, const char *encoding, GError **error)
{
  int fd = open_regular(path, error);
  if (fd < 0) {
    return NULL;
  }
  g_autofree char *found = NULL;
  g_autofree char *remark = NULL;
  goffset start;
  char head[HEAD];
  gssize length = read_at(fd, head, sizeof head, 0, error);
  if (length < 0 ||
      !judge_file(fd, encoding, head, (gsize)length, &start, &found, &remark, error)) {
    close(fd);
    return NULL;
  }
  if (lseek(fd, start, SEEK_SET) < 0) {
    fail_errno(error, "it cannot be read");
    close(fd);
    return NULL;
  }
  GInputStream *stream = make_stream(fd, found, error);
  if (!stream) {
    return NULL;
  }
  TextFile *file = g_new0(TextFile, 1);
  file->stream = stream;
  file->remark = g_steal_pointer(&remark);
  return file;
}

void text_file_close(TextFile *file)
{
  if (!file) {
    return;
  }
  g_object_unref(file->stream);
  g_free(file->remark);
  g_free(file);
}

const char *text_file_remark(const TextFile *file)
{
  return file->remark;
}

gboolean text_file_read(TextFile *file, char *buffer, gsize size, gsize *length, GError **error)
{
  return g_input_stream_read_all(file->stream, buffer, size, length, NULL, error);
}
