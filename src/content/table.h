/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/words.h"

/* A table in plain text: columns under a ruled header where they fit, otherwise the rows
 * as lists of "Header: cell". */
typedef struct Table Table;

Table *table_new(const Words *words);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* The first row is the header. Cells are of the row that was added last; takes text. */
void table_add_row(Table *table);
void table_add_cell(Table *table, char *text);

/* Words of sections between rows: a line of their own in the result. */
void table_add_mark(Table *table, const char *words);

/* alignments: 'r' for each column to be set flush right, anything else for left; may be
 * NULL. Lines end with '\n' each. Caller frees. */
char *table_render(const Table *table, const guint8 *alignments, guint width);
