/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"
#include "contacts/list.h"

/* An SQL expression over the columns of lists, which selects rows: "country = 'ID' AND beat
 * LIKE '%cyber%'". SQLite evaluates it, in a database without a file that holds nothing but a
 * table of one row, the row at hand. Whoever writes the expression can do nothing with it but
 * compute: an authorizer refuses all but reading that row and the functions of a table, and
 * what a row may take is limited, in steps, in bytes and in depth.
 *
 * A name in the expression means what it means in {{…}}: the column that the settings map it
 * to, that of the name, or of its synonyms. All values are text. */

typedef struct Where Where;

/* lists: List *, borrowed; their columns may be named. NULL where the expression is wrong, with
 * an error in report at file and line; warnings there tell of lists that have not all of its
 * columns, whose rows have no value then. */
Where *where_new(const char *expression, const GPtrArray *lists, const char *file, guint line,
                 Report *report);
void where_free(Where *where);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Where, where_free)

/* Whether the row of lists[index] is selected: the expression is neither 0 nor NULL for it.
 * FALSE with error where it cannot be evaluated, which says why. */
gboolean where_test(Where *where, guint index, const ListRow *row, gboolean *selected,
                    GError **error);
