/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Counts events and tells how many a second there were lately, without a timer: the
 * seconds are kept in a ring. A zeroed Meter is ready for use. Times are monotonic
 * milliseconds. */
enum { METER_SECONDS = 5 };

typedef struct {
  gint64 first_ms;                     /* of the first event after a silence; 0: silent */
  gint64 second;                       /* of the newest bucket */
  guint buckets[METER_SECONDS + 1];    /* by second modulo its length */
} Meter;

void meter_count(Meter *meter, gint64 now_ms);

/* Events a second over the last METER_SECONDS seconds, or since the first event where that
 * was later. */
double meter_rate(Meter *meter, gint64 now_ms);
