/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/pace.h"

#include <math.h>

/* What may leave at once after a pause: a twentieth of the budget, at least one. */
enum { BURST_DIVISOR = 20 };

void pace_init(Pace *pace, Rate rate, gint64 now_ms)
{
  *pace = (Pace){ .rate = rate, .filled_ms = now_ms };
  if (rate.count == 0)
    return;
  pace->capacity = MAX(1u, rate.count / BURST_DIVISOR);
  /* A full bucket leaves at once; the next message after it must be the last one that fits
   * into the period, which a half-open interval leaves out. */
  double flow = rate.count - pace->capacity + 1;
  pace->per_ms = flow / (double)rate.period_ms;
  pace->tokens = pace->capacity;
}

static void fill(Pace *pace, gint64 now_ms)
{
  if (now_ms <= pace->filled_ms)
    return;
  pace->tokens += (double)(now_ms - pace->filled_ms) * pace->per_ms;
  pace->tokens = MIN(pace->tokens, pace->capacity);
  pace->filled_ms = now_ms;
}

gboolean pace_take(Pace *pace, gint64 now_ms)
{
  if (pace->rate.count == 0)
    return TRUE;
  fill(pace, now_ms);
  if (pace->tokens < 1)
    return FALSE;
  pace->tokens -= 1;
  return TRUE;
}

void pace_return(Pace *pace)
{
  pace->tokens = MIN(pace->tokens + 1, pace->capacity);
}

gint64 pace_wait_ms(Pace *pace, gint64 now_ms)
{
  if (pace->rate.count == 0)
    return 0;
  fill(pace, now_ms);
  return pace->tokens >= 1 ? 0 : (gint64)ceil((1 - pace->tokens) / pace->per_ms);
}
