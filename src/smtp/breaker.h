/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A Breaker judges from what is seen whether a relay is worth trying.
 *
 *   healthy ── troubles in a row ──► in trouble ── the wait is over ──► probing
 *      ▲                               ▲   │                              │
 *      └──────── a message was taken ──┼───┴──────────────────────────────┤
 *                                      └─────────── trouble ──────────────┘
 *
 * A relay that has delivered since it was last in trouble is granted a few troubles in a
 * row, so that a single connection that breaks costs nothing; any other is left alone at
 * once. The wait is one second, doubling from try to try up to five minutes, a fifth more
 * or less by chance. Times are monotonic milliseconds, given by the caller. */

typedef enum { BREAKER_HEALTHY, BREAKER_TROUBLE, BREAKER_PROBING } BreakerState;
const char *breaker_state_name(BreakerState state);

/* A zeroed Breaker is healthy. */
typedef struct {
  gboolean proven;     /* something was delivered since the last time in trouble */
  guint troubles;      /* in a row */
  guint tries;         /* in vain, since it got into trouble; 0: it is not */
  gint64 until_ms;     /* the end of the wait */
} Breaker;

/* Returns how long the relay is to be left alone from now on; 0: it is not. While it is left
 * alone, further troubles are the same one: 0. */
gint64 breaker_trouble(Breaker *breaker, gint64 now_ms);

/* A message was taken. TRUE when the relay has recovered by it. */
gboolean breaker_success(Breaker *breaker);

/* Somebody may have mended it: the wait is over, where there is one. */
void breaker_hurry(Breaker *breaker, gint64 now_ms);

BreakerState breaker_state(const Breaker *breaker, gint64 now_ms);

/* Milliseconds until a probe may be made; 0: now, or there is no need for one. */
gint64 breaker_wait_ms(const Breaker *breaker, gint64 now_ms);
