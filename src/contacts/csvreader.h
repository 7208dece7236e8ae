/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/list.h"

/* A CSV file as rows of cells; what they mean is the List's affair. RFC 4180 with what
 * is found in practice: the delimiter is a comma, a semicolon or a tab, whichever stands
 * most often in the first line outside quotation marks, or what a first line "sep=;"
 * says; lines end in LF, CRLF or CR; blanks around a cell that is not quoted are not part
 * of it. A quotation mark inside a cell that is not quoted is an ordinary character. */

typedef struct CsvReader CsvReader;

CsvReader *csv_reader_open(const char *path, GError **error);
void csv_reader_close(CsvReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CsvReader, csv_reader_close)

/* See text_file_remark(). */
const char *csv_reader_remark(const CsvReader *reader);

typedef struct {
  guint line;                /* where the row begins */
  guint n_cells;             /* in the file; more than LIMIT_CSV_COLUMNS are only counted */
  guint n_used;              /* up to the last cell that is not empty */
  const char *const *cells;  /* always LIMIT_CSV_COLUMNS, "" where there is none; UTF-8 */
  const char *flaw;          /* NULL, or why a cell could not be taken; it is "" then */
} CsvRow;

/* Rows of empty cells are passed over. LIST_FAILED: the file cannot be read on, or it ends
 * within quotation marks; error names the line. */
ListResult csv_reader_next(CsvReader *reader, CsvRow *row, GError **error);
