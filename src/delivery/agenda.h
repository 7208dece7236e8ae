/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/ledger.h"

/* Who of a release is next. Contacts wait in lanes, one for each group of domains that has
 * limits of its own and lane 0 for everybody else; within a lane those never tried go in
 * the roster's order, and those that come again by the time at which they may. The lanes
 * take turns, and one that is shut holds up nobody in the others.
 *
 * Times are monotonic milliseconds, so that a step of the wall clock neither storms a relay
 * nor silences a release. A few bytes for each contact that waits to come again, nothing
 * for the others. */

typedef struct Agenda Agenda;

/* Which lane a contact waits in: contact n at n - 1. NULL: all in lane 0. */
typedef struct {
  const guint8 *of_contact;   /* borrowed, and must outlive the agenda */
  guint count;                /* of lanes, at least 1 */
} Lanes;

/* How many of a lane may be taken now: 0 where it is shut. */
typedef struct {
  guint (*room)(gpointer data, guint lane);
  gpointer data;
} LaneGate;

/* Reads the ledger: due contacts now, deferred ones at their time. The ledger is borrowed
 * and must outlive the agenda. */
Agenda *agenda_new(Ledger *ledger, Lanes lanes, gint64 wall_ms, gint64 now_ms);
void agenda_free(Agenda *agenda);

/* The next contact, which leaves the agenda; 0: nobody is due at present in a lane that is
 * open. gate NULL: all are. */
guint32 agenda_take(Agenda *agenda, gint64 now_ms, const LaneGate *gate);

/* The contact comes again at due_ms; enter its new state into the ledger before. */
void agenda_put(Agenda *agenda, guint32 contact, gint64 due_ms);

/* How many could be taken now, counted no further than at_most. */
guint agenda_ready(const Agenda *agenda, gint64 now_ms, guint at_most, const LaneGate *gate);

/* When somebody is due next whom time alone keeps back: 0 for now, G_MAXINT64 for nobody.
 * Who waits for a shut lane does not count. */
gint64 agenda_next_ms(const Agenda *agenda, gint64 now_ms, const LaneGate *gate);

guint agenda_lane(const Agenda *agenda, guint32 contact);

/* Forgets everybody. */
void agenda_clear(Agenda *agenda);
