/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/ledger.h"

/* Who of a release is next: those never tried, in the roster's order, and those that come
 * again, by the time at which they may. Times are monotonic milliseconds, so that a step
 * of the wall clock neither storms a relay nor silences a release. A few bytes for each
 * contact that waits to come again, nothing for the others. */

typedef struct Agenda Agenda;

/* Reads the ledger: due contacts now, deferred ones at their time. The ledger is borrowed
 * and must outlive the agenda. */
Agenda *agenda_new(Ledger *ledger, gint64 wall_ms, gint64 now_ms);
void agenda_free(Agenda *agenda);

/* The next contact, which leaves the agenda; 0: nobody is due at present. */
guint32 agenda_take(Agenda *agenda, gint64 now_ms);

/* The contact comes again at due_ms; enter its new state into the ledger before. */
void agenda_put(Agenda *agenda, guint32 contact, gint64 due_ms);

/* How many are due now, counted no further than at_most. */
guint agenda_ready(const Agenda *agenda, gint64 now_ms, guint at_most);

/* When somebody is due next: 0 for now, G_MAXINT64 for nobody. */
gint64 agenda_next_ms(const Agenda *agenda, gint64 now_ms);

/* Forgets everybody. */
void agenda_clear(Agenda *agenda);
