/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Appends a row of CSV (RFC 4180, but for the line's end, which is LF), fit to be opened in
 * a spreadsheet: control characters, line breaks among them, are made visible, and what a
 * spreadsheet would take for a formula (= + - @ at the beginning) gets a ' before it, since
 * replies of servers and cells of lists are written by strangers. NULL is an empty cell. */
void cells_append(GString *line, const char *const *cells, guint n_cells);
