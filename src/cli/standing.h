/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/live.h"
#include "cli/object.h"
#include "delivery/summary.h"

/* How a release stands: what its files say, and what the daemon adds where it runs. */

typedef struct {
  Summary *summary;
  char *state;         /* as people are told it */
  char *reason;        /* or NULL */
  double rate;         /* messages a second; 0: none, or not known */
  gint64 eta_ms;       /* wall clock; 0: not known */
} Standing;

/* The states are those of the daemon, and "waiting" for a release that it would be sending
 * if it ran. */
Standing *standing_read(const char *spool, const char *id, const Live *live, GError **error);
void standing_free(Standing *standing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Standing, standing_free)

/* Contacts in state; 0 where the journal could not be read. */
guint32 standing_count(const Standing *standing, ContactState state);
guint32 standing_contacts(const Standing *standing);

/* "3 min left", "begins 2026-11-23 09:00:00", "2026-11-23 09:12:40" of the end. Caller frees. */
char *standing_time(const Standing *standing);

/* The members of the object that "dateline status --json" prints for each release. */
void standing_add_members(const Standing *standing, JsonBuilder *builder);
