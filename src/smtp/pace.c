/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/pace.h"

#include <math.h>

/* What may leave at once after a pause: a twentieth of the budget, at least one. */
enum { BURST_DIVISOR = 20 };
/* A budget of a longer period does not flow: nobody wants their news spread over a day. */
enum { FLOW_PERIOD_MAX_MS = 60 * 1000 };

/* --- Budgets that flow --- */

static void flow_init(Flow *flow, const Budget *budget, gint64 now_ms)
{
  flow->capacity = MAX(1u, budget->count / BURST_DIVISOR);
  /* A full bucket leaves at once; the next message after it must be the last one that fits
   * into the period, which a half-open interval leaves out. */
  flow->per_ms = (budget->count - flow->capacity + 1) / (double)budget->period_ms;
  flow->tokens = flow->capacity;
  flow->filled_ms = now_ms - budget->period_ms;   /* full since then, for pace_recall() */
}

static void flow_fill(Flow *flow, gint64 now_ms)
{
  if (now_ms <= flow->filled_ms)
    return;
  flow->tokens += (double)(now_ms - flow->filled_ms) * flow->per_ms;
  flow->tokens = MIN(flow->tokens, flow->capacity);
  flow->filled_ms = now_ms;
}

static gint64 flow_wait(const Flow *flow)
{
  return flow->tokens >= 1 ? 0 : (gint64)ceil((1 - flow->tokens) / flow->per_ms);
}

/* --- Quotas --- */

static guint *slot(Quota *quota, gint64 number)
{
  return &quota->slots[number % (QUOTA_SLOTS + 1)];
}

static gint64 slot_number(const Quota *quota, gint64 ms)
{
  return (ms - quota->epoch_ms) / quota->slot_ms;
}

static void quota_init(Quota *quota, const Budget *budget, gint64 now_ms)
{
  *quota = (Quota){ .epoch_ms = now_ms - 2 * budget->period_ms,
                    .slot_ms = (budget->period_ms + QUOTA_SLOTS - 1) / QUOTA_SLOTS };
  quota->newest = slot_number(quota, now_ms);
}

static void quota_move_on(Quota *quota, gint64 now_ms)
{
  gint64 number = slot_number(quota, now_ms);
  quota->newest = MAX(quota->newest, number - QUOTA_SLOTS - 1);
  while (quota->newest < number) {
    guint *oldest = slot(quota, ++quota->newest);
    quota->sum -= *oldest;
    *oldest = 0;
  }
}

static void quota_count(Quota *quota, gint64 then_ms)
{
  gint64 number = MIN(slot_number(quota, then_ms), quota->newest);
  if (then_ms < quota->epoch_ms || quota->newest - number > QUOTA_SLOTS)
    return;
  (*slot(quota, number))++;
  quota->sum++;
}

/* Until so many of the oldest slots are forgotten that there is one left. */
static gint64 quota_wait(Quota *quota, guint count, gint64 now_ms)
{
  guint64 sum = quota->sum;
  gint64 number = quota->newest - QUOTA_SLOTS;
  if (sum < count)
    return 0;
  for (sum -= *slot(quota, number); sum >= count; sum -= *slot(quota, number))
    number++;
  return quota->epoch_ms + (number + QUOTA_SLOTS + 1) * quota->slot_ms - now_ms;
}

/* --- All budgets of a rate, which stand in the order of their periods --- */

static gboolean flows(const Rate *rate)
{
  return rate->length > 0 && rate->budgets[0].period_ms <= FLOW_PERIOD_MAX_MS;
}

static guint first_quota(const Rate *rate)
{
  return flows(rate) ? 1 : 0;
}

static void move_on(Pace *pace, gint64 now_ms)
{
  if (flows(&pace->rate))
    flow_fill(&pace->flow, now_ms);
  for (guint i = first_quota(&pace->rate); i < pace->rate.length; i++)
    quota_move_on(&pace->quotas[i], now_ms);
}

static void count_in_quotas(Pace *pace, gint64 then_ms)
{
  for (guint i = first_quota(&pace->rate); i < pace->rate.length; i++)
    quota_count(&pace->quotas[i], then_ms);
}

void pace_init(Pace *pace, Rate rate, gint64 now_ms)
{
  *pace = (Pace){ .rate = rate };
  if (flows(&rate))
    flow_init(&pace->flow, &rate.budgets[0], now_ms);
  for (guint i = first_quota(&rate); i < rate.length; i++)
    quota_init(&pace->quotas[i], &rate.budgets[i], now_ms);
}

void pace_recall(Pace *pace, gint64 then_ms, gint64 now_ms)
{
  gint64 when = MIN(then_ms, now_ms);
  if (flows(&pace->rate) && now_ms - when < pace->rate.budgets[0].period_ms) {
    flow_fill(&pace->flow, when);
    pace->flow.tokens -= 1;
  }
  count_in_quotas(pace, when);
}

/* A bucket of another count begins empty: what it let through lately is not known. */
static void inherit_flow(Pace *pace, const Pace *former, gint64 now_ms)
{
  const Budget *budget = &pace->rate.budgets[0], *before = &former->rate.budgets[0];
  if (!flows(&former->rate) || budget->period_ms != before->period_ms)
    return;
  if (budget->count == before->count) {
    pace->flow = former->flow;
    return;
  }
  pace->flow.tokens = MIN(0, former->flow.tokens);
  pace->flow.filled_ms = now_ms;
}

void pace_inherit(Pace *pace, const Pace *former, gint64 now_ms)
{
  if (flows(&pace->rate))
    inherit_flow(pace, former, now_ms);
  for (guint i = first_quota(&pace->rate); i < pace->rate.length; i++)
    for (guint j = first_quota(&former->rate); j < former->rate.length; j++)
      if (pace->rate.budgets[i].period_ms == former->rate.budgets[j].period_ms)
        pace->quotas[i] = former->quotas[j];
}

guint pace_room(Pace *pace, gint64 now_ms)
{
  guint room = G_MAXUINT;
  move_on(pace, now_ms);
  if (flows(&pace->rate))
    room = (guint)MAX(0, pace->flow.tokens);
  for (guint i = first_quota(&pace->rate); i < pace->rate.length; i++) {
    guint64 used = MIN(pace->quotas[i].sum, pace->rate.budgets[i].count);
    room = MIN(room, pace->rate.budgets[i].count - (guint)used);
  }
  return room;
}

gboolean pace_take(Pace *pace, gint64 now_ms)
{
  if (pace_room(pace, now_ms) == 0)
    return FALSE;
  pace->flow.tokens -= 1;
  count_in_quotas(pace, now_ms);
  return TRUE;
}

gint64 pace_wait_ms(Pace *pace, gint64 now_ms)
{
  gint64 wait = 0;
  move_on(pace, now_ms);
  if (flows(&pace->rate))
    wait = flow_wait(&pace->flow);
  for (guint i = first_quota(&pace->rate); i < pace->rate.length; i++)
    wait = MAX(wait, quota_wait(&pace->quotas[i], pace->rate.budgets[i].count, now_ms));
  return wait;
}
