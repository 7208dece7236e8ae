/* SPDX-License-Identifier: Apache-2.0 */

/* csv2json FILE: the rows of a CSV file as a JSON array of objects whose keys are the cells
 * of the first row, in UTF-8, by the reader that lists are read with. It is there to hold
 * that reader against other people's files.
 *
 * It prints what is in the file, where a list is stricter or kinder:
 *   - blanks belong to their cell (a list takes them off where the cell is not quoted);
 *   - blank lines are passed over, lines of delimiters only are rows (a list passes over);
 *   - a row with too few cells has "" for the others (in a list it is invalid);
 *   - the cells of a row beyond the header are an error, and are not printed (in a list the
 *     row is invalid, unless they are empty);
 *   - keys are as they stand in the header: a column without a name has the key "", and two of
 *     one name are printed twice, of which most readers of JSON keep the last (a list with two
 *     columns of one name is refused);
 *   - a NUL is \u0000 (in a list the row is invalid);
 *   - what goes on after a closing quotation mark belongs to the cell, as Python's csv has
 *     it, and is an error (in a list the row is invalid);
 *   - a quotation mark that is never closed is an error, and so is a byte that is not UTF-8
 *     in a file that else is; rows before are printed.
 * Errors go to stderr and make the exit status 65. A file without rows is []. */

#include <stdio.h>

#include "base/limits.h"
#include "contacts/csvreader.h"

enum { EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_NO_INPUT = 66 };

static void print_text(const char *text, gsize length)
{
  putchar('"');
  for (gsize i = 0; i < length; i++) {
    guchar c = (guchar)text[i];
    if (c == '"' || c == '\\') {
      printf("\\%c", c);
    } else if (c < 0x20 || c == 0x7f) {
      printf("\\u%04x", c);
    } else {
      putchar(c);
    }
  }
  putchar('"');
}

static gboolean complain(const char *file, guint line, const char *what)
{
  fprintf(stderr, "csv2json: %s:%u: %s\n", file, line, what);
  return FALSE;
}

static void print_cell(const FileRow *row, guint index)
{
  gboolean is_there = index < row->n_cells;
  print_text(is_there ? row->cells[index].text : "", is_there ? row->cells[index].length : 0);
}

/* The header's cells as keys in JSON, which outlast the row. */
static GPtrArray *take_keys(const FileRow *header)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  for (guint i = 0; i < MIN(header->n_cells, LIMIT_CSV_COLUMNS); i++) {
    g_ptr_array_add(keys, g_bytes_new(header->cells[i].text, header->cells[i].length));
  }
  return keys;
}

static gboolean print_row(const char *file, const GPtrArray *keys, const FileRow *row)
{
  printf("{");
  for (guint i = 0; i < keys->len; i++) {
    gsize length;
    const char *key = g_bytes_get_data(g_ptr_array_index(keys, i), &length);
    printf("%s", i > 0 ? ", " : "");
    print_text(key, length);
    printf(": ");
    print_cell(row, i);
  }
  printf("}");
  if (row->flaw) {
    return complain(file, row->line, row->flaw);
  }
  return row->n_cells <= keys->len || complain(file, row->line, "more cells than the header has");
}

static gboolean print_rows(const char *file, RowReader *reader)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) keys = NULL;
  FileRow row;
  gboolean good = TRUE;
  guint count = 0;
  ListResult result = csv_format.next(reader, &row, &error);
  if (result == LIST_ROW) {
    good = !row.flaw || complain(file, row.line, row.flaw);
    keys = take_keys(&row);
  }
  printf("[");
  while (result == LIST_ROW &&
         (result = csv_format.next(reader, &row, &error)) == LIST_ROW) {
    printf("%s", count++ > 0 ? ",\n " : "");
    good = print_row(file, keys, &row) && good;
  }
  printf("]\n");
  if (error) {
    fprintf(stderr, "csv2json: %s: %s\n", file, error->message);
  }
  return good && !error;
}

int main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc != 2) {
    fprintf(stderr, "usage: csv2json FILE\n");
    return EXIT_USAGE;
  }
  RowReader *reader = csv_format.open(argv[1], NULL, &error);
  if (!reader) {
    fprintf(stderr, "csv2json: %s: %s\n", argv[1], error->message);
    return EXIT_NO_INPUT;
  }
  if (csv_format.remark(reader)) {
    fprintf(stderr, "csv2json: %s %s\n", argv[1], csv_format.remark(reader));
  }
  gboolean good = print_rows(argv[1], reader);
  csv_format.close(reader);
  return good ? 0 : EXIT_DATA;
}
