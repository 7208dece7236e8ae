/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* A token bucket that keeps a Rate over *every* stretch of its period, not only on
 * average: what the bucket holds at most and what flows in before the period is over add up
 * to the rate's count. Times are monotonic milliseconds, given by the caller. */

typedef struct {
  Rate rate;
  double capacity;      /* tokens */
  double per_ms;        /* tokens that flow in */
  double tokens;
  gint64 filled_ms;
} Pace;

void pace_init(Pace *pace, Rate rate, gint64 now_ms);

/* Takes one token; FALSE when there is none yet. A rate of 0 never refuses. */
gboolean pace_take(Pace *pace, gint64 now_ms);

/* Gives one back that was taken for nothing. */
void pace_return(Pace *pace);

/* Milliseconds until pace_take() can succeed; 0: now. */
gint64 pace_wait_ms(Pace *pace, gint64 now_ms);
