/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cells.h"

#include <string.h>

#include "base/names.h"

static void append_cell(GString *line, const char *cell)
{
  g_autofree char *visible = text_make_visible(cell);
  gboolean formula = *visible != '\0' && strchr("=+-@", *visible) != NULL;

  if (!formula && strpbrk(visible, "\",; '") == NULL) {
    g_string_append(line, visible);
    return;
  }
  g_string_append_c(line, '"');
  if (formula) {
    g_string_append_c(line, '\'');
  }
  for (const char *at = visible; *at != '\0'; at++) {
    if (*at == '"') {
      g_string_append_c(line, '"');
    }
    g_string_append_c(line, *at);
  }
  g_string_append_c(line, '"');
}

void cells_append(GString *line, const char *const *cells, guint n_cells)
{
  for (guint i = 0; i < n_cells; i++) {
    if (i > 0) {
      g_string_append_c(line, ',');
    }
    if (cells[i] != NULL) {
      append_cell(line, cells[i]);
    }
  }
  g_string_append_c(line, '\n');
}
