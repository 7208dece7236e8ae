/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/rows.h"

/* CSV: RFC 4180 with what is found in practice, read as Excel and as Python's csv module
 * read it. The delimiter is a comma, a semicolon, a tab or a pipe, whichever stands most
 * often in the first line outside quotation marks, or what a first line "sep=;" says.
 * Lines end in LF, CRLF or CR; those within quotation marks are kept as they are. Blanks
 * belong to their cell. A quotation mark inside a cell that is not quoted is an ordinary
 * character; where every delimiter of the first line has a blank after it (email, "name"),
 * a mark that only blanks stand before opens a quoted cell all the same.
 *
 * What goes on after a closing mark ("Jane "JJ" Doe") belongs to the cell, and is a flaw of
 * the row, unless it is blank. A mark that is never closed fails the list: the rows behind
 * it would be lost in one cell. */

extern const RowFormat csv_format;

