/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/record.h"

/* The state of every contact of a release, in memory: what the journal says, added up.
 * Eight bytes a contact.
 *
 *   suppressed (also from deferred)
 *    ▲
 *   due ─► intended ─► sent
 *    ▲        ├─────► deferred (due again at a time)
 *    │        ├─────► bounced
 *    │        ├─────► in-doubt ─► sent | due   (settled)
 *    └────────┘ withdrawn
 *
 * The legal transitions are one table in ledger.c; anything else is an error that the
 * caller treats as damage. */

typedef enum {
  CONTACT_DUE,
  CONTACT_INTENDED,
  CONTACT_SENT,
  CONTACT_DEFERRED,
  CONTACT_BOUNCED,
  CONTACT_IN_DOUBT,
  CONTACT_EXPIRED,      /* given up: the release expired before it could be sent */
  CONTACT_SUPPRESSED,   /* not to be mailed any more, before it could be sent */
  CONTACT_STATES
} ContactState;
const char *contact_state_name(ContactState state);

typedef struct Ledger Ledger;

Ledger *ledger_new(guint32 contacts);
void ledger_free(Ledger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ledger, ledger_free)

/* Enters one event about a contact. until_ms: for EVENT_DEFERRED when it is due again
 * (wall clock), otherwise 0. settled_sent: for EVENT_SETTLED. FALSE when the table does
 * not allow it: nothing is changed and error says which contact, state and event.
 * A deferral counts an attempt; a withdrawal does not. */
gboolean ledger_enter(Ledger *ledger, guint32 contact, Event event, gint64 until_ms,
                      gboolean settled_sent, GError **error);
/* The same from a journal's line; events of the release (EVENT_EXPIRED turns all that
 * is due or deferred into expired) included. */
gboolean ledger_replay(Ledger *ledger, const Record *record, GError **error);

/* What EVENT_EXPIRED does: all that is due or deferred is given up. */
void ledger_expire(Ledger *ledger);

guint32 ledger_length(const Ledger *ledger);
ContactState ledger_state(const Ledger *ledger, guint32 contact);
guint ledger_attempts(const Ledger *ledger, guint32 contact);   /* deferrals, at most 255 */
/* Whole seconds, never before the time that was entered. CONTACT_DEFERRED only. */
gint64 ledger_due_ms(const Ledger *ledger, guint32 contact);
guint32 ledger_count(const Ledger *ledger, ContactState state);
gboolean ledger_settled(const Ledger *ledger);  /* none due, intended, deferred */

/* Calls func for each contact in state, in ascending order; func may enter events. */
void ledger_each(Ledger *ledger, ContactState state,
                 void (*func)(Ledger *ledger, guint32 contact, gpointer data), gpointer data);
