/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/ledger.h"

/* Who of a release is next. Contacts wait in lanes, one for each group of domains that has
 * limits of its own and lane 0 for everybody else; within a lane those never tried go in
 * the roster's order, and those that come again by the time at which they may. The lanes
 * take turns, and one that is shut holds up nobody in the others.
 *
 * Beside each lane there is one for contacts set aside: those who need what not every relay
 * offers, as it turned out when they were taken for one that does not.
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

/* Whether a relay may be given contacts that need nothing special, those that do, or both. */
typedef enum {
  NEEDS_NOTHING = 1 << 0,
  NEEDS_SMTPUTF8 = 1 << 1,   /* RFC 6531 */
  NEEDS_ANY = NEEDS_NOTHING | NEEDS_SMTPUTF8,
} Needs;

/* How many of a lane may be taken now: 0 where it is shut. */
typedef struct {
  guint (*room)(gpointer data, guint lane);
  gpointer data;
  Needs needs;   /* NEEDS_SMTPUTF8 opens the lanes of those set aside, NEEDS_NOTHING the others */
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

/* A contact that was taken, without any entry into the ledger, waits from now on for a gate with
 * NEEDS_SMTPUTF8. */
void agenda_set_aside(Agenda *agenda, guint32 contact, gint64 now_ms);
guint agenda_aside(const Agenda *agenda);   /* how many wait so */

/* How many could be taken now, counted no further than at_most. */
guint agenda_ready(const Agenda *agenda, gint64 now_ms, guint at_most, const LaneGate *gate);

/* When somebody is due next whom time alone keeps back: 0 for now, G_MAXINT64 for nobody.
 * Who waits for a shut lane does not count. */
gint64 agenda_next_ms(const Agenda *agenda, gint64 now_ms, const LaneGate *gate);

guint agenda_lane(const Agenda *agenda, guint32 contact);

/* Forgets everybody. */
void agenda_clear(Agenda *agenda);
