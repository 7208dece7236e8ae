/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grid.h"

#include "base/names.h"

enum { GAP = 2 };

struct Grid {
  const GridColumn *columns;
  guint n_columns;
  GPtrArray *cells;   /* char *, row after row, visible */
  guint *widths;      /* by column */
};

guint text_width(const char *text)
{
  guint width = 0;

  for (; *text != '\0'; text = g_utf8_next_char(text)) {
    gunichar c = g_utf8_get_char(text);
    width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
  }
  return width;
}

Grid *grid_new(const GridColumn *columns, guint n_columns)
{
  Grid *grid = g_new0(Grid, 1);

  grid->columns = columns;
  grid->n_columns = n_columns;
  grid->cells = g_ptr_array_new_with_free_func(g_free);
  grid->widths = g_new0(guint, n_columns);
  for (guint i = 0; i < n_columns && columns[i].heading != NULL; i++) {
    grid->widths[i] = text_width(columns[i].heading);
  }
  return grid;
}

void grid_free(Grid *grid)
{
  g_ptr_array_unref(grid->cells);
  g_free(grid->widths);
  g_free(grid);
}

void grid_add(Grid *grid, ...)
{
  va_list cells;

  va_start(cells, grid);
  for (guint i = 0; i < grid->n_columns; i++) {
    char *cell = text_make_visible(va_arg(cells, const char *));
    grid->widths[i] = MAX(grid->widths[i], text_width(cell));
    g_ptr_array_add(grid->cells, cell);
  }
  va_end(cells);
}

guint grid_length(const Grid *grid)
{
  return grid->cells->len / grid->n_columns;
}

/* blanks: owed from the cells before; printed only where something follows, so that no line
 * ends in blanks. */
static void print_cell(const Grid *grid, guint column, const char *cell, Style style,
                       guint *blanks, FILE *out)
{
  guint padding = grid->widths[column] - text_width(cell);
  gboolean right = grid->columns[column].right;

  *blanks += right ? padding : 0;
  if (*cell != '\0') {
    fprintf(out, "%*s%s%s%s", (int)*blanks, "", style_begin(style), cell, style_end(style));
    *blanks = 0;
  }
  *blanks += GAP + (right ? 0 : padding);
  if (column + 1 == grid->n_columns) {
    putc('\n', out);
    *blanks = 0;
  }
}

void grid_print(const Grid *grid, const char *indent, FILE *out)
{
  const GridColumn *columns = grid->columns;
  guint blanks = 0;

  if (columns[0].heading != NULL) {
    fputs(indent, out);
    for (guint i = 0; i < grid->n_columns; i++) {
      print_cell(grid, i, columns[i].heading, STYLE_HEADING, &blanks, out);
    }
  }
  for (guint i = 0; i < grid->cells->len; i++) {
    guint column = i % grid->n_columns;
    const char *cell = g_ptr_array_index(grid->cells, i);
    Style style = columns[column].style != NULL ? columns[column].style(cell) : STYLE_PLAIN;
    fputs(column == 0 ? indent : "", out);
    print_cell(grid, column, cell, style, &blanks, out);
  }
}
