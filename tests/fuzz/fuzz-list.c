/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes as a list. Rows are text in whole columns, in the order of their lines, and the
 * same whenever they are read. */

#include <string.h>

#include "base/limits.h"
#include "contacts/list.h"
#include "fuzz.h"

static void check_cell(const char *cell)
{
  g_assert_true(g_utf8_validate(cell, -1, NULL));
  g_assert_cmpuint(strlen(cell), <=, LIMIT_CSV_CELL);
}

/* Describes the row. lines: as many as the file can have. */
static void check_row(const List *list, const ListRow *row, guint lines, GString *text)
{
  const guint columns = g_strv_length((GStrv)list_columns(list));

  g_assert_cmpuint(row->line, <=, lines);
  g_string_append_printf(text, "\n%u %s:", row->line, row->flaw != NULL ? row->flaw : "");
  for (guint i = 0; row->flaw == NULL && i < columns; i++) {
    check_cell(row->cells[i]);
    g_string_append_printf(text, " [%s]", row->cells[i]);
  }
}

static void check_columns(const List *list)
{
  const char *const *columns = list_columns(list);
  const guint count = g_strv_length((GStrv)columns);

  g_assert_cmpuint(count, <=, LIMIT_CSV_COLUMNS);
  g_assert_cmpuint(list_address_column(list), <, count);
  for (guint i = 0; i < count; i++) {
    check_cell(columns[i]);
    g_assert_true(*columns[i] == '\0' || list_column(list, columns[i]) == (int)i);
  }
}

static void check_rows(List *list, guint lines, GString *text)
{
  g_autoptr(GError) error = NULL;
  ListRow row;
  ListResult result;

  for (guint before = 0; (result = list_next(list, &row, &error)) == LIST_ROW;) {
    g_assert_cmpuint(row.line, >, before);
    before = row.line;
    check_row(list, &row, lines, text);
  }
  g_assert_cmpint(result == LIST_FAILED, ==, error != NULL);
  g_string_append(text, error != NULL ? error->message : "");
}

/* What there is to be read, and what is wrong with it. */
static char *read_list(const char *path, guint lines)
{
  const ListSettings settings = { .name = (char *)"press", .file = (char *)path };
  g_autoptr(Report) report = report_new();
  g_autoptr(List) list = list_open(&settings, report);
  g_autoptr(GString) text = g_string_new(NULL);

  g_assert_cmpint(list == NULL, ==, report_failed(report));
  if (list != NULL) {
    check_columns(list);
    check_rows(list, lines, text);
  }
  g_autofree char *findings = report_to_text(report);
  g_string_append(text, findings);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static guint count_lines(const GString *input)
{
  guint lines = 1;

  for (gsize i = 0; i < input->len; i++) {
    lines += input->str[i] == '\n' || input->str[i] == '\r';
  }
  return lines;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  g_autoptr(GString) input = fuzz_expand(data, size);
  char *path = fuzz_write_file(input->str, input->len);
  g_autofree char *first = read_list(path, count_lines(input));
  g_autofree char *second = read_list(path, count_lines(input));

  fuzz_remove_file(path);
  g_assert_cmpstr(first, ==, second);
  return 0;
}
