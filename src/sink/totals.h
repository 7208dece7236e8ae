/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdio.h>

/* What the server has counted since it started; any thread adds, any thread reads. */

typedef enum {
  TOTAL_CONNECTIONS,
  TOTAL_MESSAGES,            /* accepted */
  TOTAL_REFUSED_RECIPIENTS,  /* RCPT commands answered with 4xx or 5xx */
  TOTAL_OCTETS,              /* of the accepted messages, as they were before dot-stuffing */
  TOTAL_OPEN,                /* connections at this moment */
  TOTAL_PEAK,                /* connections at the busiest moment */
  TOTAL_COUNT,
} Total;

typedef struct {
  _Atomic guint64 count[TOTAL_COUNT];
} Totals;

static inline guint64 totals_add(Totals *totals, Total which, guint64 amount)
{
  return atomic_fetch_add_explicit(&totals->count[which], amount, memory_order_relaxed) + amount;
}

static inline guint64 totals_get(Totals *totals, Total which)
{
  return atomic_load_explicit(&totals->count[which], memory_order_relaxed);
}

/* Only the thread that accepts may call the first; who closes a connection calls the second. */
void totals_connection_opened(Totals *totals);
void totals_connection_closed(Totals *totals);

/* One line: "connections=3 messages=12 …". */
void totals_print(Totals *totals, FILE *stream);
