/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Counts events and tells how many a second there were lately, without a timer: the
 * seconds are kept in a ring. A zeroed Meter is ready for use. */
enum { METER_SECONDS = 5 };

typedef struct {
  gint64 second;                       /* monotonic, of the newest bucket */
  guint buckets[METER_SECONDS + 1];    /* by second modulo its length */
} Meter;

void meter_count(Meter *meter, gint64 monotonic_ms);

/* Events a second over the last METER_SECONDS whole seconds. */
double meter_rate(Meter *meter, gint64 monotonic_ms);
