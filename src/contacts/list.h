/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"
#include "config/config.h"
#include "contacts/columns.h"
#include "contacts/rows.h"

/* A list is read as rows of cells, whatever it is kept in (contacts/rows.h). The first row
 * names the columns. Text reaches the caller as valid UTF-8 without NUL, whatever the file's
 * encoding was, and without the blanks around a cell that was not quoted. Constant memory: a
 * row at a time. */

typedef struct List List;

/* NULL with errors in report: unreadable, empty, no header, no address column, more than
 * LIMIT_CSV_COLUMNS columns, two columns of one name. Warnings: an encoding that had to be
 * guessed, columns without a name (nothing can refer to them). */
List *list_open(const ListSettings *settings, Report *report);
void list_close(List *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(List, list_close)

const char *list_name(const List *list);
const char *list_file(const List *list);            /* base name, for findings */
const char *const *list_columns(const List *list);  /* NULL-terminated; as written */
guint list_address_column(const List *list);
/* The index of the column that name stands for, or -1: what the list's settings map it to,
 * else the column of that name (see column_name_equal()), else, where name is one of
 * columns.h, the column of the same meaning, however that is called. */
int list_column(const List *list, const char *name);
int list_column_meaning(const List *list, ColumnMeaning meaning);

typedef struct {
  guint line;              /* of the file, where the row begins, from 1 */
  const char *const *cells;  /* as many as columns; "" where empty; good until the next row */
  const char *flaw;        /* NULL, or what is wrong with the row as such (too few or too
                              many cells, a NUL, a cell that is too long or not UTF-8,
                              misplaced quotation marks): then it goes nowhere, and cells
                              may be partly filled. Empty cells beyond the last column are
                              no flaw. */
} ListRow;

/* Blank lines, and lines of delimiters only, are passed over. LIST_FAILED sets error,
 * which names file and line: the file could not be read to its end, or ends within
 * quotation marks (the line is that of the mark that is never closed). */
ListResult list_next(List *list, ListRow *row, GError **error);

#define CONTACTS_ERROR (contacts_error_quark())
GQuark contacts_error_quark(void);
typedef enum {
  CONTACTS_ERROR_LIST,
  CONTACTS_ERROR_ROSTER,       /* it is damaged, or no roster */
  CONTACTS_ERROR_UNREADABLE,   /* the machine could not read it: another try may succeed */
} ContactsError;
