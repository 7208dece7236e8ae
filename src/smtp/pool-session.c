/* SPDX-License-Identifier: Apache-2.0 */

/* What one session of a pool asks, and what it tells. */

#include "smtp/pool-inside.h"

#include "base/clock.h"

/* --- What it asks --- */

/* Connections that are more than may carry messages get none, and are closed: see
 * pool_stop_surplus(). The one that asks is among the busy ones. */
static gboolean has_surplus(const Pool *pool)
{
  return pool->counts[SESSION_BUSY] > pool_connections_allowed(pool);
}

/* A relay that is probed gets one message at a time. */
static gboolean may_take(const Pool *pool)
{
  BreakerState state = pool_state(pool);
  return !pool->stopping && !pool->asking && state != BREAKER_TROUBLE &&
         (state != BREAKER_PROBING || pool->out == 0) && !has_surplus(pool);
}

/* Others may be in want of it, or have hoped for it. */
static void learn_offer(Pool *pool, const Session *session)
{
  gboolean lacks = !session_offers_smtputf8(session);
  if (lacks == pool->lacks_smtputf8)
    return;
  pool->lacks_smtputf8 = lacks;
  pool->host->changed(pool->host_data, pool);
}

static Job *ask_host(Pool *pool)
{
  pool->asking = TRUE;
  Job *job = pool->host->next_job(pool->host_data, pool);
  pool->asking = FALSE;
  return job;
}

/* The job counts from when it is there and not from when it was asked for, for that may have
 * taken a while: so the rate holds for the moments at which messages begin. */
static void count_job(Pool *pool)
{
  gint64 now = clock_monotonic_ms();
  pace_take(&pool->pace, now);
  throttle_take(&pool->throttle, now);
  pool->out++;
}

static Job *on_next_job(gpointer host)
{
  Member *member = host;
  Pool *pool = member->pool;
  if (!may_take(pool))
    return NULL;
  gint64 wait = pool_wait_for_rates(pool, clock_monotonic_ms());
  if (wait > 0) {
    pool_wake_later(pool, wait);
    return NULL;
  }
  learn_offer(pool, member->session);
  Job *job = ask_host(pool);
  if (job != NULL)
    count_job(pool);
  return job;
}

static BodyLeave on_body_leave(gpointer host, Job *job)
{
  Member *member = host;
  Pool *pool = member->pool;
  BodyLeave leave = pool->host->body_leave(pool->host_data, job);
  if (leave == BODY_WAIT && !member->waits) {
    member->waits = TRUE;
    g_queue_push_tail_link(&pool->waiting, &member->link);
  }
  return leave;
}

static void on_merge(gpointer host, Job *job, Merge *merge)
{
  Pool *pool = ((Member *)host)->pool;
  pool->host->merge(pool->host_data, job, merge);
}

/* --- What it tells --- */

static void on_moved(gpointer host, SessionState state)
{
  Member *member = host;
  member->pool->counts[member->state]--;
  member->pool->counts[state]++;
  member->state = state;
}

/* Whoever knows that a recipient does not exist is at work as well. */
static gboolean shows_service(const Outcome *outcome)
{
  Verdict verdict = outcome->judgement.verdict;
  return (outcome->stage == STAGE_DOT && verdict == VERDICT_PROCEED) ||
         (verdict == VERDICT_BOUNCE && outcome->code != 0 &&
          outcome->judgement.scope == SCOPE_RECIPIENT);
}

static void on_settled(gpointer host, Job *job, const Outcome *outcome)
{
  Pool *pool = ((Member *)host)->pool;
  pool->out--;
  if (outcome->stage == STAGE_DOT && outcome->judgement.verdict == VERDICT_PROCEED) {
    pool->sent++;
    login_accepted(pool->login, ((Member *)host)->token_serial);
    if (throttle_accepted(&pool->throttle, clock_monotonic_ms()))
      pool_wake_later(pool, 0);
  }
  if (shows_service(outcome))
    pool_clear_trouble(pool);
  pool_heed_outcome(pool, job, outcome);
  pool->host->settled(pool->host_data, pool, job, outcome);
}

static gboolean on_login_refused(gpointer host, const char *reason)
{
  Member *member = host;
  return login_refused(member->pool->login, member->token_serial) ||
         pool_hold_opening(member->pool, reason);
}

static void on_closed(gpointer host, Scope scope, const char *trouble, guint sent)
{
  Member *member = host;
  Pool *pool = member->pool;
  pool_drop_member(member);
  if (!pool->stopping)
    pool_heed_end(pool, scope, trouble, sent);
  if (pool->members->len == 0)
    pool->host->changed(pool->host_data, pool);
}

const SessionHost pool_session_host = {
  on_next_job, on_body_leave, on_merge, on_moved, on_settled, on_login_refused, on_closed,
};
