/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/roster.h"

/* Writes a new roster. It grows as <path>.new and only gets its name when all of it is on
 * disk: whatever is at path is a whole roster. A <path>.new of an earlier crash is thrown
 * away. One SQLite transaction without a journal, because a roster that was not finished
 * is worth nothing.
 *
 * Duplicates are found by hashes of the addresses, 8 to 16 bytes a recipient in memory, and
 * by what the file holds: an index on addresses would take half of the time, and much of
 * the file, for something that nobody asks of it later. */

typedef struct RosterWriter RosterWriter;

/* path NULL: nothing is kept (a temporary database, in memory while it is small). */
RosterWriter *roster_writer_open(const char *path, const RosterField *fields, guint n_fields,
                                 GError **error);
/* Unless it was finished, the file is removed. */
void roster_writer_free(RosterWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RosterWriter, roster_writer_free)

/* list: a number of the caller's, by which rows refer to it. */
gboolean roster_writer_add_list(RosterWriter *writer, guint list, const char *name,
                                const char *file, GError **error);

typedef struct {
  guint list;
  guint line;
} RosterPlace;

/* Where the recipient of that address stands; line 0 where there is none. */
gboolean roster_writer_find(RosterWriter *writer, const Address *address, RosterPlace *place,
                            GError **error);

/* Adds the next recipient, unless the address is there already: *first says where, as
 * above, and line 0 that it was added. name may be NULL; values: one for each field. */
gboolean roster_writer_add(RosterWriter *writer, const RosterPlace *place,
                           const Address *address, const char *name,
                           const char *const *values, RosterPlace *first, GError **error);

gboolean roster_writer_skip(RosterWriter *writer, const RosterPlace *place, RosterFate fate,
                            const char *address, const char *reason, GError **error);

/* On disk and under its name when TRUE is returned. Not with path NULL. */
gboolean roster_writer_finish(RosterWriter *writer, GError **error);
