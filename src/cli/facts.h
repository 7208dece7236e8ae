/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/roster.h"
#include "delivery/journal.h"

/* The delivery log of one release: its journal joined with its roster, as facts about
 * single contacts. A row of a list that is no recipient is a fact too ("skipped"), so that
 * every row of the lists is accounted for. The release may be under way, and may move from
 * queue/ to done/ meanwhile. */

typedef struct {
  guint64 sequence;       /* of the journal's line; of "accepted" for skipped rows */
  gint64 wall_ms;
  const char *release;    /* its id */
  const char *state;      /* that the contact has from now on, "withdrawn" or "skipped" */
  guint32 contact;        /* 0: the row is no recipient */
  const char *fate;       /* of the row: fate_name() */
  const char *address;    /* of a skipped row: as written */
  const char *list;
  const char *file;       /* the list's */
  guint line;             /* of that file */
  const char *relay;      /* or NULL, as all below */
  const char *stage, *code, *status, *text;
  const char *until;      /* when it is due again: RFC 3339, UTC */
} Fact;

/* All strings are good during the call. */
typedef void (*FactFunc)(const Fact *fact, gpointer data);

typedef struct Facts Facts;

/* Of the release id in spool. address: only contacts whose address contains it, case
 * ignored; NULL: all. */
Facts *facts_open(const char *spool, const char *id, const char *address, GError **error);
void facts_close(Facts *facts);

/* Before anything is read: only this contact, and no rows that are no recipients. */
void facts_choose(Facts *facts, guint32 contact);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Facts, facts_close)

/* Tells all facts there are and have not been told yet. FALSE: the journal is damaged, or
 * cannot be read. */
gboolean facts_read(Facts *facts, FactFunc func, gpointer data, GError **error);

/* Tells, as "due", the contacts (of address) for which wanted is TRUE. */
gboolean facts_tell_due(Facts *facts, gboolean (*wanted)(guint32 contact, gpointer data),
                        FactFunc func, gpointer data, GError **error);

/* Whether nothing will be added any more: the release is in done/. */
gboolean facts_ended(const Facts *facts);

const char *facts_release(const Facts *facts);
guint32 facts_contacts(const Facts *facts);   /* after facts_read() */

/* The states there are; NULL-terminated. */
extern const char *const FACT_STATES[];
