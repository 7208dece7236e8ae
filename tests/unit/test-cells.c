/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cells.h"

static void test_rows(void)
{
  static const struct {
    const char *cells[3];
    const char *expected;
  } rows[] = {
    {{"a", "b", "c"}, "a,b,c\n"},
    {{"", NULL, ""}, ",,\n"},
    {{"Garnier, Étienne", "\"Phares\"", "x"}, "\"Garnier, Étienne\",\"\"\"Phares\"\"\",x\n"},
    {{"two words", "a;b", "it's"}, "\"two words\",\"a;b\",\"it's\"\n"},
    /* What a spreadsheet would compute. */
    {{"=1+1", "+1", "-1"}, "\"'=1+1\",\"'+1\",\"'-1\"\n"},
    {{"@SUM(A1)", "=\"\"&A1", "a=b"}, "\"'@SUM(A1)\",\"'=\"\"\"\"&A1\",a=b\n"},
    /* A row is a line, and no terminal is steered by it. */
    {{"a\r\nb", "\t=1", "\x1b[2J\xff"}, "a\\r\\nb,\\t=1,\\x1b[2J\\xff\n"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) line = g_string_new(NULL);
    cells_append(line, rows[i].cells, G_N_ELEMENTS(rows[i].cells));
    g_assert_cmpstr(line->str, ==, rows[i].expected);
  }
}

static void test_appends(void)
{
  g_autoptr(GString) lines = g_string_new("x\n");
  const char *const cells[] = {"y"};

  cells_append(lines, cells, 1);
  g_assert_cmpstr(lines->str, ==, "x\ny\n");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cells/rows", test_rows);
  g_test_add_func("/cells/appends", test_appends);
  return g_test_run();
}
