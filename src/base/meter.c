/* SPDX-License-Identifier: Apache-2.0 */
#include "base/meter.h"

/* A rate over less than this says nothing. */
enum { SHORTEST_MS = 250 };

static guint *bucket(Meter *meter, gint64 second)
{
  return &meter->buckets[second % (METER_SECONDS + 1)];
}

static void move_on(Meter *meter, gint64 second)
{
  if (second - meter->second > METER_SECONDS) {
    *meter = (Meter){ .second = second };
    return;
  }
  while (meter->second < second)
    *bucket(meter, ++meter->second) = 0;
}

void meter_count(Meter *meter, gint64 now_ms)
{
  move_on(meter, now_ms / 1000);
  if (meter->first_ms == 0)
    meter->first_ms = now_ms;
  (*bucket(meter, meter->second))++;
}

double meter_rate(Meter *meter, gint64 now_ms)
{
  guint sum = 0;
  move_on(meter, now_ms / 1000);
  for (guint i = 0; i <= METER_SECONDS; i++)
    sum += meter->buckets[i];
  gint64 window_ms = METER_SECONDS * 1000 + now_ms % 1000;
  window_ms = MIN(window_ms, now_ms - meter->first_ms);
  return (double)sum * 1000 / (double)MAX(window_ms, SHORTEST_MS);
}
