/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/rowbuffer.h"

#include <string.h>

void row_buffer_init(RowBuffer *buffer)
{
  buffer->text = g_string_new(NULL);
}

void row_buffer_clear(RowBuffer *buffer)
{
  g_string_free(buffer->text, TRUE);
}

void row_buffer_begin(RowBuffer *buffer, guint line)
{
  buffer->line = line;
  buffer->n_cells = buffer->n_used = 0;
  buffer->cell_start = 0;
  *buffer->flaw = '\0';
  g_string_truncate(buffer->text, 0);
}

void row_buffer_flaw(RowBuffer *buffer, const char *format, ...)
{
  if (!*buffer->flaw) {
    va_list arguments;
    va_start(arguments, format);
    g_vsnprintf(buffer->flaw, sizeof buffer->flaw, format, arguments);
    va_end(arguments);
  }
}

/* One byte more than is allowed is kept, by which row_buffer_end_cell() knows. */
void row_buffer_append(RowBuffer *buffer, const char *text, gsize length)
{
  gsize kept = buffer->text->len - buffer->cell_start;
  gsize room = kept > LIMIT_CSV_CELL ? 0 : LIMIT_CSV_CELL + 1 - kept;
  g_string_append_len(buffer->text, text, (gssize)MIN(length, room));
}

static gboolean is_ascii(const char *text, gsize length)
{
  guchar seen = 0;
  for (gsize i = 0; i < length; i++) {
    seen |= (guchar)text[i];
  }
  return seen < 0x80;
}

/* A NUL is valid here. */
static const char *find_stray(const char *text, gsize length)
{
  const char *end = text + length;
  const char *bad = text;
  while (!g_utf8_validate_len(bad, (gsize)(end - bad), &bad)) {
    if (*bad) {
      return bad;
    }
    bad++;
  }
  return NULL;
}

static gboolean check_cell(RowBuffer *buffer, const char *text, gsize length)
{
  if (length > LIMIT_CSV_CELL) {
    row_buffer_flaw(buffer, "cell %u has more than %d bytes", buffer->n_cells, LIMIT_CSV_CELL);
    return FALSE;
  }
  const char *stray = is_ascii(text, length) ? NULL : find_stray(text, length);
  if (stray) {
    row_buffer_flaw(buffer, "cell %u holds the byte \\x%02x, which is not UTF-8",
                    buffer->n_cells, (guchar)*stray);
  }
  return !stray;
}

void row_buffer_end_cell(RowBuffer *buffer, gboolean is_exact)
{
  gsize start = buffer->cell_start;
  gsize length = buffer->text->len - start;
  guint index = buffer->n_cells++;
  if (length > 0) {
    buffer->n_used = buffer->n_cells;
  }
  if (!check_cell(buffer, buffer->text->str + start, length)) {
    g_string_truncate(buffer->text, start);
    length = 0;
  }
  if (index < LIMIT_CSV_COLUMNS) {
    g_string_append_c(buffer->text, '\0');
    buffer->starts[index] = start;
    buffer->cells[index].length = length;
    buffer->cells[index].is_exact = is_exact;
  } else {
    g_string_truncate(buffer->text, start);
  }
  buffer->cell_start = buffer->text->len;
}

void row_buffer_add(RowBuffer *buffer, const char *text)
{
  row_buffer_append(buffer, text, strlen(text));
  row_buffer_end_cell(buffer, TRUE);
}

void row_buffer_finish(RowBuffer *buffer, FileRow *row)
{
  for (guint i = 0; i < MIN(buffer->n_cells, LIMIT_CSV_COLUMNS); i++) {
    buffer->cells[i].text = buffer->text->str + buffer->starts[i];
  }
  *row = (FileRow){
    .line = buffer->line,
    .n_cells = buffer->n_cells,
    .n_used = buffer->n_used,
    .cells = buffer->cells,
    .flaw = *buffer->flaw ? buffer->flaw : NULL,
  };
}
