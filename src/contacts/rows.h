/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Whatever a list is kept in, it is read as rows of cells: the first row names the columns,
 * each further one is a contact. What rows mean is the List's affair. The kinds of files
 * stand in the table of rows.c; each is read by a file of its own, in constant memory. */

typedef struct {
  char *text;        /* a NUL follows; the caller may write to it */
  gsize length;      /* text may hold NULs */
  gboolean is_exact; /* blanks at its edges belong to it: it stood in quotation marks, or what
                        it comes from knows of no padding */
} FileCell;

typedef struct {
  guint line;        /* of the file, where the row begins, from 1 */
  guint n_cells;     /* more than LIMIT_CSV_COLUMNS are counted, and not kept */
  guint n_used;      /* up to the last cell that is not empty */
  FileCell *cells;       /* good until the next row; UTF-8 but where flaw says otherwise */
  const char *flaw;  /* NULL, or what is wrong with the row's text */
} FileRow;

/* LIST_FAILED: the file cannot be read to its end; error says where. */
typedef enum { LIST_ROW, LIST_END, LIST_FAILED } ListResult;

typedef struct RowReader RowReader;

/* How one kind of file is read. */
typedef struct {
  const char *name;          /* "CSV" */
  const char *suffixes;      /* ".csv .tsv": files of these names are of this kind */
  gboolean (*is_it)(const char *head);  /* whether text that begins so is; NULL: never */
  /* encoding: see text_file_open(). Errors do not name the file. */
  RowReader *(*open)(const char *path, const char *encoding, GError **error);
  ListResult (*next)(RowReader *reader, FileRow *row, GError **error);
  /* See text_file_remark(); NULL, or a clause that follows the file's name. */
  const char *(*remark)(const RowReader *reader);
  void (*close)(RowReader *reader);
} RowFormat;

/* What each reader's struct begins with. */
struct RowReader {
  const RowFormat *format;
};

/* encoding NULL: it is found out. What kind a file is, its first bytes tell where it is a
 * spreadsheet, its name where that is in the table, and else how its text begins; a file of an
 * unknown kind is CSV. */
RowReader *row_reader_open(const char *path, const char *encoding, GError **error);
void row_reader_close(RowReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RowReader, row_reader_close)

const char *row_reader_remark(const RowReader *reader);

/* Blank lines are passed over, and rows of empty cells are not. */
ListResult row_reader_next(RowReader *reader, FileRow *row, GError **error);
