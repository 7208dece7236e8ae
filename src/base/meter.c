/* SPDX-License-Identifier: Apache-2.0 */
#include "base/meter.h"

static guint *bucket(Meter *meter, gint64 second)
{
  return &meter->buckets[second % (METER_SECONDS + 1)];
}

static void move_on(Meter *meter, gint64 second)
{
  if (second - meter->second > METER_SECONDS)
    meter->second = second - METER_SECONDS - 1;
  while (meter->second < second)
    *bucket(meter, ++meter->second) = 0;
}

void meter_count(Meter *meter, gint64 monotonic_ms)
{
  move_on(meter, monotonic_ms / 1000);
  (*bucket(meter, meter->second))++;
}

double meter_rate(Meter *meter, gint64 monotonic_ms)
{
  guint sum = 0;
  move_on(meter, monotonic_ms / 1000);
  for (gint64 second = meter->second - METER_SECONDS; second < meter->second; second++)
    if (second >= 0)
      sum += *bucket(meter, second);
  return (double)sum / METER_SECONDS;
}
