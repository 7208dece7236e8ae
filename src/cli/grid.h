/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "cli/terminal.h"

/* Rows of text in columns, aligned by what a terminal shows: wide characters (CJK) take two
 * places, combining ones none. Cells may hold anything; they are made visible. */

typedef struct {
  const char *heading;                /* of all columns or of none */
  gboolean right;                     /* aligned to the right */
  Style (*style)(const char *cell);   /* NULL: plain */
} GridColumn;

typedef struct Grid Grid;

/* columns are borrowed. */
Grid *grid_new(const GridColumn *columns, guint n_columns);
void grid_free(Grid *grid);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Grid, grid_free)

/* A cell for each column. */
void grid_add(Grid *grid, ...);

guint grid_length(const Grid *grid);

/* Each line begins with indent. */
void grid_print(const Grid *grid, const char *indent, FILE *out);

/* How many places of a terminal text takes. */
guint text_width(const char *text);
