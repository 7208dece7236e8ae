/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"
#include "contacts/suppression.h"

/* Suppressions in a file: addresses and domains, one a line, with blank lines and comments
 * (# …) between them; or, where the first line names columns, a table with a column of
 * addresses and perhaps "scope", "reason", "since" and "evidence", as the export writes it. */

typedef struct {
  guint64 added;
  guint64 known;    /* were on the list already, which stays as it was */
  guint64 wrong;    /* lines that are no address and no domain */
} SuppressionCounts;

/* Adds what the file holds, all of it in one transaction, on disk when TRUE is returned. usual:
 * scope, reason, moment and evidence where the file does not say them; evidence NULL: the
 * file's name, as name has it, and the line. Lines that are wrong are errors in report, and do
 * not keep the others from being added. FALSE with error where the file cannot be read or the
 * list not be written: then nothing was added. */
gboolean suppression_import(Suppression *suppression, const char *path, const char *name,
                            const SuppressionEntry *usual, SuppressionCounts *counts,
                            Report *report, GError **error);
