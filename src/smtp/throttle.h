/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/meter.h"

/* A Throttle finds out how much a relay bears, from what it accepts and refuses. It rules how
 * many connections may be open and, once the relay has asked for less, how many messages
 * leave in a second.
 *
 * Connections begin with two, and one is added for every message that is delivered, so that
 * a fast relay is at its full number within a few round trips. When the relay asks for
 * less, their number is halved and the rate falls a little below what it has accepted
 * lately; then both rise again slowly, and faster when the relay goes on accepting more
 * than it did before (additive increase, multiplicative decrease). What is refused within a
 * short time is one event, for it was under way already.
 *
 * Times are monotonic milliseconds, given by the caller. */

enum { THROTTLE_SUSPECTS = 3 };

typedef struct {
  guint most;             /* connections */
  guint window;           /* connections that may be open now */
  guint threshold;        /* up to here the window grows quickly */
  gint64 widened_ms;      /* when the window last changed */
  gint64 widen_wait_ms;   /* until the next change, above the threshold */
  Meter accepted;
  double rate;            /* messages a second; 0: no limit was needed */
  double known;           /* what the relay has been seen to accept a second */
  double tokens;
  gint64 filled_ms;
  gint64 pressed_ms;      /* when somebody last had to wait for a token */
  gint64 event_ms;        /* when the relay last asked for less; 0: never */
  struct {
    guint domain;
    gint64 at_ms;
  } suspects[THROTTLE_SUSPECTS];
  guint n_suspects;
} Throttle;

void throttle_init(Throttle *throttle, guint connections, gint64 now_ms);

/* After the relay was in trouble: connections begin with few again, and with no more than there
 * were. */
void throttle_restart(Throttle *throttle);

/* Takes leave for one message; FALSE when there is none yet. */
gboolean throttle_take(Throttle *throttle, gint64 now_ms);
/* Milliseconds until throttle_take() can succeed; 0: now. */
gint64 throttle_wait_ms(Throttle *throttle, gint64 now_ms);

/* A message was accepted. TRUE when more connections may be open than before. */
gboolean throttle_accepted(Throttle *throttle, gint64 now_ms);

/* The relay refused a message because there were too many (refused), or a connection
 * (crowded). TRUE when that is an event of its own. */
gboolean throttle_refused(Throttle *throttle, gint64 now_ms);
gboolean throttle_crowded(Throttle *throttle, gint64 now_ms);

/* A reply that may mean the recipient as well as all of us: several different domains within
 * a short time are the relay's own doing. domain: a hash of its name. TRUE as above. */
gboolean throttle_suspected(Throttle *throttle, guint domain, gint64 now_ms);

guint throttle_connections(const Throttle *throttle);
double throttle_rate(const Throttle *throttle);   /* messages a second; 0: no limit */
