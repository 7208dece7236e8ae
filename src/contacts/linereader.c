/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/linereader.h"

#include "base/limits.h"

enum { BUFFER_SIZE = 64 << 10 };

struct LineReader {
  TextFile *file;
  GString *line;
  char buffer[BUFFER_SIZE];
  gsize position, filled;
  guint number;
  gboolean after_cr;
};

LineReader *line_reader_open(const char *path, const char *encoding, GError **error)
{
  TextFile *file = text_file_open(path, encoding, error);
  if (!file) {
    return NULL;
  }
  LineReader *reader = g_new0(LineReader, 1);
  reader->file = file;
  reader->line = g_string_new(NULL);
  return reader;
}

void line_reader_close(LineReader *reader)
{
  if (reader) {
    text_file_close(reader->file);
    g_string_free(reader->line, TRUE);
    g_free(reader);
  }
}

const char *line_reader_remark(const LineReader *reader)
{
  return text_file_remark(reader->file);
}

static gboolean fill(LineReader *reader, GError **error)
{
  reader->position = 0;
  if (!text_file_read(reader->file, reader->buffer, BUFFER_SIZE, &reader->filled, error)) {
    g_prefix_error(error, "after line %u: ", reader->number);
    return FALSE;
  }
  return TRUE;
}

/* Takes bytes to the end of the line; TRUE when it was reached. */
static gboolean take_bytes(LineReader *reader)
{
  while (reader->position < reader->filled) {
    char c = reader->buffer[reader->position++];
    gboolean belongs_to_cr = reader->after_cr && c == '\n';
    reader->after_cr = c == '\r';
    if (belongs_to_cr) {
      continue;
    }
    if (c == '\n' || c == '\r') {
      return TRUE;
    }
    if (reader->line->len <= LIMIT_CSV_CELL) {
      g_string_append_c(reader->line, c ? c : '?');
    }
  }
  return FALSE;
}

ListResult line_reader_next(LineReader *reader, const char **line, guint *number, GError **error)
{
  g_string_truncate(reader->line, 0);
  gboolean is_whole = FALSE;
  while (!is_whole) {
    if (reader->position == reader->filled && !fill(reader, error)) {
      return LIST_FAILED;
    }
    if (reader->filled == 0) {
      break;
    }
    is_whole = take_bytes(reader);
  }
  if (!is_whole && reader->line->len == 0) {
    return LIST_END;
  }
  *line = reader->line->str;
  *number = ++reader->number;
  return LIST_ROW;
}
