/* SPDX-License-Identifier: Apache-2.0 */
#include "content/table.h"

#include <string.h>
#include "content/wrap.h"

static const char gutter[] = "  ";

struct Table {
  const Words *words;
  GPtrArray *rows;   /* GPtrArray of char *; empty ones stand for marks */
  GPtrArray *marks;  /* char *, by row; NULL for those with cells */
};

Table *table_new(const Words *words)
{
  Table *table = g_new0(Table, 1);
  table->words = words;
  table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  table->marks = g_ptr_array_new_with_free_func(g_free);
  return table;
}

void table_free(Table *table)
{
  if (table != NULL) {
    g_ptr_array_unref(table->rows);
    g_ptr_array_unref(table->marks);
    g_free(table);
  }
}

void table_add_row(Table *table)
{
  table_add_mark(table, NULL);
}

void table_add_mark(Table *table, const char *words)
{
  g_ptr_array_add(table->rows, g_ptr_array_new_with_free_func(g_free));
  g_ptr_array_add(table->marks, g_strdup(words));
}

/* Whether a row is a mark, which is appended then. */
static gboolean append_mark(const Table *table, GString *out, guint row)
{
  const char *mark = table->marks->pdata[row];
  if (mark != NULL) {
    g_string_append_printf(out, "%s\n", mark);
  }
  return mark != NULL;
}

void table_add_cell(Table *table, char *text)
{
  g_strdelimit(text, "\n", ' ');
  g_ptr_array_add(table->rows->pdata[table->rows->len - 1], g_strstrip(text));
}

static const char *cell_at(const Table *table, guint row, guint column)
{
  const GPtrArray *cells = table->rows->pdata[row];
  return column < cells->len ? cells->pdata[column] : "";
}

static guint column_count(const Table *table)
{
  return ((const GPtrArray *)table->rows->pdata[0])->len;
}

static guint column_width(const Table *table, guint column)
{
  guint width = 1;
  for (guint row = 0; row < table->rows->len; row++) {
    width = MAX(width, wrap_width(cell_at(table, row, column), table->words));
  }
  return width;
}

static void append_fill(GString *out, guint count, char c)
{
  for (; count > 0; count--) {
    g_string_append_c(out, c);
  }
}

static void end_line(GString *out)
{
  while (out->len > 0 && out->str[out->len - 1] == ' ') {
    g_string_truncate(out, out->len - 1);
  }
  g_string_append_c(out, '\n');
}

static void append_row(const Table *table, GString *out, guint row, const guint *widths,
                       const guint8 *alignments)
{
  for (guint column = 0; column < column_count(table); column++) {
    const char *cell = cell_at(table, row, column);
    const guint width = wrap_width(cell, table->words);
    const guint fill = widths[column] > width ? widths[column] - width : 0;
    const gboolean right = alignments != NULL && alignments[column] == 'r';
    g_string_append(out, column > 0 ? gutter : "");
    append_fill(out, right ? fill : 0, ' ');
    g_string_append(out, cell);
    append_fill(out, right ? 0 : fill, ' ');
  }
  end_line(out);
}

static void append_columns(const Table *table, GString *out, const guint *widths,
                           const guint8 *alignments)
{
  append_row(table, out, 0, widths, alignments);
  for (guint column = 0; column < column_count(table); column++) {
    g_string_append(out, column > 0 ? gutter : "");
    append_fill(out, widths[column], '-');
  }
  end_line(out);
  for (guint row = 1; row < table->rows->len; row++) {
    if (!append_mark(table, out, row)) {
      append_row(table, out, row, widths, alignments);
    }
  }
}

static void append_records(const Table *table, GString *out, guint width)
{
  for (guint row = 1; row < table->rows->len; row++) {
    if (append_mark(table, out, row)) {
      continue;
    }
    g_string_append(out, row > 1 ? "\n" : "");
    for (guint column = 0; column < column_count(table); column++) {
      const char *header = cell_at(table, 0, column);
      g_autofree char *text = g_strconcat(header, *header != '\0' ? ": " : "",
                                          cell_at(table, row, column), NULL);
      g_autofree char *lines = wrap_text(text, table->words, width);
      g_string_append(out, lines);
    }
  }
}

char *table_render(const Table *table, const guint8 *alignments, guint width)
{
  const guint columns = column_count(table);
  g_autofree guint *widths = g_new(guint, columns);
  guint total = (guint)strlen(gutter) * (columns - 1);
  for (guint column = 0; column < columns; column++) {
    widths[column] = column_width(table, column);
    total += widths[column];
  }
  GString *out = g_string_new(NULL);
  if (total <= width || table->rows->len == 1) {
    append_columns(table, out, widths, alignments);
  } else {
    append_records(table, out, width);
  }
  return g_string_free(out, FALSE);
}
