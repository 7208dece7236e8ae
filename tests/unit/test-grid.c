/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/grid.h"

/* The grid as printed, standard output being no terminal that shows colours. */
static void assert_printed(const Grid *grid, const char *indent, const char *expected)
{
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);

  grid_print(grid, indent, out);
  fclose(out);
  g_assert_cmpstr(text, ==, expected);
  free(text);
}

static Style always_bad(G_GNUC_UNUSED const char *cell)
{
  return STYLE_BAD;
}

static void test_alignment(void)
{
  static const GridColumn columns[] = {
    {.heading = "NAME"}, {.heading = "N", .right = TRUE}, {.heading = "LAST", .style = always_bad},
  };
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  grid_add(grid, "a", "1000", "x");
  grid_add(grid, "longer", "1", "");
  g_assert_cmpuint(grid_length(grid), ==, 2);
  assert_printed(grid, "> ",
                 "> NAME       N  LAST\n"
                 "> a       1000  x\n"
                 "> longer     1\n");
}

/* Wide characters take two places, combining ones none. */
static void test_width(void)
{
  static const GridColumn columns[] = {{.heading = NULL}, {.heading = NULL}};
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  g_assert_cmpuint(text_width("灯台"), ==, 4);
  g_assert_cmpuint(text_width("e\u0301"), ==, 1);
  g_assert_cmpuint(text_width("Übung"), ==, 5);
  grid_add(grid, "灯台", "|");
  grid_add(grid, "Zoe\u0308", "|");
  grid_add(grid, "abcd", "|");
  assert_printed(grid, "", "灯台  |\nZoe\u0308   |\nabcd  |\n");
}

static void test_hostile(void)
{
  static const GridColumn columns[] = {{.heading = NULL}, {.heading = NULL}};
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  grid_add(grid, "a\nb", "\x1b[31m\xff\u202e");
  grid_add(grid, "longer", "x");
  assert_printed(grid, "", "a\\nb    \\x1b[31m\\xff\\u202e\nlonger  x\n");
}

static void test_empty(void)
{
  static const GridColumn columns[] = {{.heading = "A"}, {.heading = "B"}};
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  assert_printed(grid, "", "A  B\n");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_setenv("NO_COLOR", "1", TRUE);
  g_test_add_func("/grid/alignment", test_alignment);
  g_test_add_func("/grid/width", test_width);
  g_test_add_func("/grid/hostile", test_hostile);
  g_test_add_func("/grid/empty", test_empty);
  return g_test_run();
}
