/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/rows.h"

/* The formats, for the table of rows.c; csvreader.h has the other one. */

/* One address a line, "jane@example.org" or "Jane Doe <jane@example.org>". Blank lines and
 * lines that begin with "#" are passed over. The column is "email". */
extern const RowFormat text_format;

/* vCard 3.0 and 4.0 (RFC 2426, RFC 6350), a row a card; 2.1 as far as nothing is
 * quoted-printable. Of several addresses the preferred one: PREF, TYPE=pref, else the first. */
extern const RowFormat vcard_format;

/* JSON, an array of objects, and JSON Lines, objects one after the other. The columns are the
 * keys of all objects, in the order in which they come. A value that is no string stands
 * in its cell as JSON; null is "". */
extern const RowFormat json_format;

/* XLSX, ODS and XLS: the first sheet, made CSV by ssconvert of the Debian package gnumeric,
 * in a private folder, within limits of time, memory and size. Lines are the sheet's rows. */
extern const RowFormat sheet_format;
