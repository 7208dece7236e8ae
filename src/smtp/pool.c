/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/pool-inside.h"

#include "base/clock.h"

/* --- Waking --- */

gint64 pool_wait_for_rates(Pool *pool, gint64 now_ms)
{
  return MAX(pace_wait_ms(&pool->pace, now_ms), throttle_wait_ms(&pool->throttle, now_ms));
}

void pool_wake(Pool *pool)
{
  gint64 now = clock_monotonic_ms();
  if (pool->stopping)
    return;
  if (pool_state(pool) == BREAKER_TROUBLE) {
    pool_wake_later(pool, breaker_wait_ms(&pool->breaker, now));
    return;
  }
  pool_stop_surplus(pool);
  pool_wake_idle(pool);
  gint64 wait = pool_wait_for_rates(pool, now);
  if (wait > 0)
    pool_wake_later(pool, wait);
  else
    pool_open_sessions(pool);
}

static gboolean on_waker(gpointer data)
{
  Pool *pool = data;
  g_clear_pointer(&pool->waker, g_source_unref);
  pool_wake(pool);
  return G_SOURCE_REMOVE;
}

/* One timer: the earliest wake counts. */
void pool_wake_later(Pool *pool, gint64 wait_ms)
{
  gint64 ready_us = g_get_monotonic_time() + wait_ms * 1000;
  if (pool->waker != NULL) {
    if (g_source_get_ready_time(pool->waker) <= ready_us)
      return;
    g_source_destroy(pool->waker);
    g_clear_pointer(&pool->waker, g_source_unref);
  }
  pool->waker = g_timeout_source_new((guint)wait_ms);
  g_source_set_callback(pool->waker, on_waker, pool, NULL);
  g_source_attach(pool->waker, g_main_context_get_thread_default());
}

/* --- Life --- */

Pool *pool_new(Connector *connector, Config *config, const RelaySettings *relay,
               const PoolHost *host, gpointer host_data)
{
  Pool *pool = g_new0(Pool, 1);
  pool->connector = connector;
  pool->config = config_ref(config);
  pool->relay = relay;
  pool->host = host;
  pool->host_data = host_data;
  g_autofree char *tokens = g_build_filename(config->spool, "tokens", NULL);
  pool->login = login_new(connector, relay, tokens, &pool_login_events, pool);
  pool->members = g_ptr_array_new_with_free_func(g_free);
  pace_init(&pool->pace, relay->rate, clock_monotonic_ms());
  throttle_init(&pool->throttle, relay->connections, clock_monotonic_ms());
  return pool;
}

void pool_abort(Pool *pool, const char *reason)
{
  pool->stopping = TRUE;
  while (pool->members->len > 0)
    session_abort(((Member *)pool->members->pdata[0])->session, reason);
  login_abandon(pool->login);
}

gboolean pool_is_at_rest(const Pool *pool)
{
  return pool->members->len == 0 && !login_is_awaited(pool->login);
}

void pool_free(Pool *pool)
{
  pool_abort(pool, "the daemon stops");
  if (pool->waker != NULL) {
    g_source_destroy(pool->waker);
    g_source_unref(pool->waker);
  }
  login_free(pool->login);
  g_ptr_array_unref(pool->members);
  config_unref(pool->config);
  g_free(pool->trouble);
  g_free(pool);
}

void pool_stop(Pool *pool)
{
  pool->stopping = TRUE;
  pool_stop_sessions(pool);
}

void pool_recall(Pool *pool, gint64 then_ms)
{
  pace_recall(&pool->pace, then_ms, clock_monotonic_ms());
}

void pool_hurry(Pool *pool)
{
  breaker_hurry(&pool->breaker, clock_monotonic_ms());
  pool->hold_until_ms = 0;
}

void pool_inherit(Pool *pool, const Pool *former)
{
  pace_inherit(&pool->pace, &former->pace, clock_monotonic_ms());
}

const RelaySettings *pool_relay(const Pool *pool)
{
  return pool->relay;
}

gboolean pool_lacks_smtputf8(const Pool *pool)
{
  return pool->lacks_smtputf8;
}

guint pool_connections(const Pool *pool)
{
  return pool->members->len;
}

BreakerState pool_state(const Pool *pool)
{
  return pool->trouble == NULL ? BREAKER_HEALTHY
                               : breaker_state(&pool->breaker, clock_monotonic_ms());
}

double pool_rate(const Pool *pool)
{
  return throttle_rate(&pool->throttle);
}

guint64 pool_sent(const Pool *pool)
{
  return pool->sent;
}

const char *pool_trouble(const Pool *pool)
{
  return pool->trouble;
}

gint64 pool_next_try_ms(const Pool *pool)
{
  if (pool->trouble == NULL)
    return 0;
  return clock_wall_ms() + breaker_wait_ms(&pool->breaker, clock_monotonic_ms());
}
