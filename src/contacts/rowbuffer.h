/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/limits.h"
#include "contacts/rows.h"

/* Where a reader puts the row that it reads, cell by cell. A cell that cannot be taken (too
 * long, not UTF-8) is a flaw of its row and is empty then. */

typedef struct {
  GString *text;                     /* all cells, each with a NUL */
  gsize starts[LIMIT_CSV_COLUMNS];
  FileCell cells[LIMIT_CSV_COLUMNS];
  guint n_cells, n_used;
  guint line;
  gsize cell_start;                  /* in text, of the cell that is being written */
  char flaw[160];
} RowBuffer;

void row_buffer_init(RowBuffer *buffer);
void row_buffer_clear(RowBuffer *buffer);

void row_buffer_begin(RowBuffer *buffer, guint line);
/* Appends to the cell that is being written. Beyond LIMIT_CSV_CELL nothing is kept. */
void row_buffer_append(RowBuffer *buffer, const char *text, gsize length);
/* Ends the cell. */
void row_buffer_end_cell(RowBuffer *buffer, gboolean is_exact);
/* A whole cell. */
void row_buffer_add(RowBuffer *buffer, const char *text);
/* The first flaw of a row is the one that is told. */
void row_buffer_flaw(RowBuffer *buffer, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The row, good until the next row_buffer_begin(). */
void row_buffer_finish(RowBuffer *buffer, FileRow *row);
