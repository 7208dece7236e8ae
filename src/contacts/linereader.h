/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/rows.h"
#include "contacts/textfile.h"

/* A text file line by line; lines end in LF, CRLF or CR. */

typedef struct LineReader LineReader;

LineReader *line_reader_open(const char *path, const char *encoding, GError **error);
void line_reader_close(LineReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LineReader, line_reader_close)

const char *line_reader_remark(const LineReader *reader);

/* The next line without its end, good until the next call, and its number from 1. It holds
 * NULs as "?", and is cut beyond LIMIT_CSV_CELL bytes. */
ListResult line_reader_next(LineReader *reader, const char **line, guint *number, GError **error);
