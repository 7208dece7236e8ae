/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* Keeps a Rate, with all its budgets, over *every* stretch of each budget's period, not
 * only on average.
 *
 * The shortest budget flows where its period is at most a minute: messages leave evenly. Every
 * other one is a quota that may be used up at once: of "20/s, 600/min, 5000/d" the first
 * flows, the others are quotas; "5000/d" alone is a quota.
 *
 * Times are monotonic milliseconds, given by the caller. */

/* A token bucket: what it holds at most and what flows in before the period is over add up
 * to the budget's count. */
typedef struct {
  double capacity;      /* tokens */
  double per_ms;        /* tokens that flow in */
  double tokens;        /* below zero: a debt of before */
  gint64 filled_ms;
} Flow;

/* A quota counts in sixtieths of its period and forgets one when all of it is over; so it
 * errs by that much at most, to the safe side. */
enum { QUOTA_SLOTS = 60 };
typedef struct {
  gint64 epoch_ms;                   /* where slot 0 begins: longer ago than can matter */
  gint64 slot_ms;
  gint64 newest;                     /* number of the newest slot */
  guint64 sum;
  guint slots[QUOTA_SLOTS + 1];      /* by number modulo length */
} Quota;

typedef struct {
  Rate rate;
  Flow flow;                         /* of the first budget, where it flows */
  Quota quotas[RATE_BUDGETS];        /* of the others */
} Pace;

void pace_init(Pace *pace, Rate rate, gint64 now_ms);

/* Enters a message of before now_ms, of which pace_init() knew nothing: one that another
 * process had sent. In ascending order, before the first pace_take(). */
void pace_recall(Pace *pace, gint64 then_ms, gint64 now_ms);

/* Goes on from former: what a budget of the same period has counted, counts here as well. */
void pace_inherit(Pace *pace, const Pace *former, gint64 now_ms);

/* Takes one of each budget; FALSE, and nothing is taken, when one has none. A rate without
 * budgets never refuses. */
gboolean pace_take(Pace *pace, gint64 now_ms);

/* Milliseconds until pace_take() can succeed; 0: now. */
gint64 pace_wait_ms(Pace *pace, gint64 now_ms);

/* How often pace_take() could succeed at once. */
guint pace_room(Pace *pace, gint64 now_ms);
