/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/logfile.h"

#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_SIZE = 32 << 10 };

struct LogFile {
  char *name;                /* as people are told it */
  GInputStream *stream;
  GConverter *unpacker;      /* NULL: the file is plain */
  gboolean within;           /* a packed part has begun and not ended */
  gboolean ended;            /* all of the stream is in received */
  gboolean too_long;         /* the rest of the line is passed over */
  guint64 number;
  guint64 passed_over;
  gsize received_at, received_end;
  gsize text_at, text_end;
  char received[CHUNK_SIZE];      /* as it stands in the file */
  char text[LOG_FILE_LINE + 2];   /* unpacked; room for LF and a NUL */
};

/* How files begin that would be searched in vain. */
static const struct {
  const char *bytes;
  const char *what;
  const char *remedy;
} FOREIGN[] = {
  {"\xfd" "7zXZ", "packed by xz", "xzcat FILE | dateline settle RELEASE --from-log -"},
  {"\x28\xb5\x2f\xfd", "packed by zstd", "zstdcat FILE | dateline settle RELEASE --from-log -"},
  {"BZh", "packed by bzip2", "bzcat FILE | dateline settle RELEASE --from-log -"},
  {"LPKSHHRH", "a journal of systemd",
   "journalctl -o short-iso -u postfix | dateline settle RELEASE --from-log -"},
};

static const char GZIP[] = "\x1f\x8b";

/* --- Bytes --- */

/* FALSE: error. Otherwise there is something received, or the stream has ended. */
static gboolean receive(LogFile *file, GError **error)
{
  if (file->received_at < file->received_end || file->ended) {
    return TRUE;
  }
  gssize got = g_input_stream_read(file->stream, file->received, CHUNK_SIZE, NULL, error);
  file->received_at = 0;
  file->received_end = got > 0 ? (gsize)got : 0;
  file->ended = got == 0;
  return got >= 0;
}

static gsize take_plain(LogFile *file, char *to, gsize size)
{
  gsize length = MIN(size, file->received_end - file->received_at);

  memcpy(to, file->received + file->received_at, length);
  file->received_at += length;
  return length;
}

/* At the end of one packed part another may begin. */
static gboolean unpack(LogFile *file, char *to, gsize size, gsize *length, GError **error)
{
  gsize used = 0;
  GConverterResult result = g_converter_convert(file->unpacker, file->received + file->received_at,
                                                file->received_end - file->received_at, to, size,
                                                G_CONVERTER_NO_FLAGS, &used, length, error);

  if (result == G_CONVERTER_ERROR) {
    return FALSE;
  }
  file->received_at += used;
  file->within = result != G_CONVERTER_FINISHED;
  if (!file->within) {
    g_converter_reset(file->unpacker);
  }
  return TRUE;
}

/* *length 0: the file is at its end. */
static gboolean take_bytes(LogFile *file, char *to, gsize size, gsize *length, GError **error)
{
  *length = 0;
  while (*length == 0) {
    if (!receive(file, error)) {
      return FALSE;
    }
    if (file->received_at == file->received_end) {
      break;
    }
    if (file->unpacker == NULL) {
      *length = take_plain(file, to, size);
    } else if (!unpack(file, to, size, length, error)) {
      return FALSE;
    }
  }
  if (*length == 0 && file->within) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                        "it was cut off: the end of what gzip packed is missing");
    return FALSE;
  }
  return TRUE;
}

/* --- Opening --- */

static GInputStream *open_stream(const char *path, GError **error)
{
  if (g_str_equal(path, "-")) {
    return g_unix_input_stream_new(STDIN_FILENO, FALSE);
  }
  g_autoptr(GFile) place = g_file_new_for_path(path);
  return G_INPUT_STREAM(g_file_read(place, NULL, error));
}

static gboolean begins_with(const LogFile *file, const char *bytes)
{
  gsize length = strlen(bytes);

  return file->received_end >= length && memcmp(file->received, bytes, length) == 0;
}

static gboolean look_at_beginning(LogFile *file, GError **error)
{
  gsize got = 0;

  if (!g_input_stream_read_all(file->stream, file->received, CHUNK_SIZE, &got, NULL, error)) {
    return FALSE;
  }
  file->received_end = got;
  for (guint i = 0; i < G_N_ELEMENTS(FOREIGN); i++) {
    if (begins_with(file, FOREIGN[i].bytes)) {
      g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "it is %s; write \"%s\"",
                  FOREIGN[i].what, FOREIGN[i].remedy);
      return FALSE;
    }
  }
  if (begins_with(file, GZIP)) {
    file->unpacker = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  }
  return TRUE;
}

LogFile *log_file_open(const char *path, GError **error)
{
  g_autoptr(LogFile) file = g_new0(LogFile, 1);

  file->name = g_strdup(g_str_equal(path, "-") ? "standard input" : path);
  file->stream = open_stream(path, error);
  if (file->stream == NULL || !look_at_beginning(file, error)) {
    g_prefix_error(error, "cannot read %s: ", file->name);
    return NULL;
  }
  return g_steal_pointer(&file);
}

void log_file_close(LogFile *file)
{
  g_clear_object(&file->stream);
  g_clear_object(&file->unpacker);
  g_free(file->name);
  g_free(file);
}

/* --- Lines --- */

/* What is left of the text moves to the front, and more comes behind it. */
static gboolean fill(LogFile *file, gsize *got, GError **error)
{
  file->text_end -= file->text_at;
  memmove(file->text, file->text + file->text_at, file->text_end);
  file->text_at = 0;
  if (!take_bytes(file, file->text + file->text_end, LOG_FILE_LINE + 1 - file->text_end, got,
                  error)) {
    g_prefix_error(error, "cannot read %s: ", file->name);
    return FALSE;
  }
  file->text_end += *got;
  return TRUE;
}

/* The text up to end, where its line ends. FALSE: it is none to be handed out. */
static gboolean take_line(LogFile *file, char *end, const char **line, gsize *length)
{
  gboolean whole = !file->too_long;

  *line = file->text + file->text_at;
  *length = (gsize)(end - *line);
  *length -= *length > 0 && end[-1] == '\r';
  file->text[file->text_at + *length] = '\0';
  file->text_at = MIN((gsize)(end - file->text) + 1, file->text_end);
  file->too_long = FALSE;
  file->number++;
  file->passed_over += !whole;
  return whole;
}

LogFileResult log_file_next(LogFile *file, const char **line, gsize *length, GError **error)
{
  for (;;) {
    gsize left = file->text_end - file->text_at, got = 0;
    char *end = memchr(file->text + file->text_at, '\n', left);
    if (end != NULL) {
      if (take_line(file, end, line, length)) {
        return LOG_FILE_GOT_LINE;
      }
      continue;
    }
    if (left > LOG_FILE_LINE) {
      file->text_at = file->text_end;
      file->too_long = TRUE;
    }
    if (!fill(file, &got, error)) {
      return LOG_FILE_FAILED;
    }
    if (got == 0 && file->text_end == 0 && !file->too_long) {
      return LOG_FILE_END;
    }
    if (got == 0 && take_line(file, file->text + file->text_end, line, length)) {
      return LOG_FILE_GOT_LINE;
    }
  }
}

guint64 log_file_number(const LogFile *file)
{
  return file->number;
}

guint64 log_file_passed_over(const LogFile *file)
{
  return file->passed_over;
}
