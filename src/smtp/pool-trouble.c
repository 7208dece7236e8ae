/* SPDX-License-Identifier: Apache-2.0 */

/* What the relay bears, made of what its sessions are told. */

#include "smtp/pool-inside.h"

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/notice.h"

/* How long no connection is opened where one was not let in and others go on. */
enum { OPENING_HOLD_MS = 30 * 1000 };

/* --- Trouble --- */

/* Relays say what they like, in as many lines. */
static char *one_line(const char *text)
{
  g_autofree char *line = g_strdelimit(g_strdup(text), "\n", ' ');
  return text_make_visible(line);
}

static void set_trouble(Pool *pool, const char *trouble)
{
  gint64 wait = breaker_trouble(&pool->breaker, clock_monotonic_ms());
  if (wait == 0) {
    pool_wake_later(pool, 0);
    return;
  }
  throttle_restart(&pool->throttle);
  g_autofree char *visible = one_line(trouble);
  if (g_strcmp0(pool->trouble, visible) != 0)
    notice(NOTICE_RELAY_TROUBLE, (NoticeFields){ .relay = pool->relay->name, .reason = visible },
           "relay %s: %s; next try in %.1f s", pool->relay->name, visible, (double)wait / 1000);
  g_free(pool->trouble);
  pool->trouble = g_steal_pointer(&visible);
  pool_wake_later(pool, wait);
  pool->host->changed(pool->host_data, pool);
}

void pool_clear_trouble(Pool *pool)
{
  if (!breaker_success(&pool->breaker))
    return;
  notice(NOTICE_RELAY_WORKS, (NoticeFields){ .relay = pool->relay->name },
         "relay %s: takes mail again", pool->relay->name);
  g_clear_pointer(&pool->trouble, g_free);
  pool_wake_later(pool, 0);
  pool->host->changed(pool->host_data, pool);
}

/* --- Load --- */

/* A relay that refuses again and again, and takes nothing meanwhile, is in trouble. */
static void on_overload(Pool *pool, gboolean is_event, const char *reason)
{
  if (!is_event)
    return;
  g_info("relay %s asks for less: %u connections and %.1f messages a second from now on",
         pool->relay->name, throttle_connections(&pool->throttle), throttle_rate(&pool->throttle));
  set_trouble(pool, reason);
}

void pool_heed_outcome(Pool *pool, const Job *job, const Outcome *outcome)
{
  gint64 now = clock_monotonic_ms();
  if (outcome->judgement.scope != SCOPE_LOAD)
    return;
  if (outcome->judgement.verdict == VERDICT_DEFER)
    throttle_suspected(&pool->throttle, g_str_hash(strrchr(job->mailbox, '@') + 1), now);
  else
    on_overload(pool, throttle_refused(&pool->throttle, now), outcome->text);
}

/* A connection that delivered something and then broke is replaced at once; one that broke
 * before is the relay's trouble. One too many is neither. */
void pool_heed_end(Pool *pool, Scope scope, const char *trouble, guint sent)
{
  if (trouble != NULL && scope == SCOPE_LOAD)
    on_overload(pool, throttle_crowded(&pool->throttle, clock_monotonic_ms()), trouble);
  else if (trouble != NULL && (scope == SCOPE_RELAY || sent == 0))
    set_trouble(pool, trouble);
  pool_wake_later(pool, 0);
}

/* --- Being let in --- */

gboolean pool_hold_opening(Pool *pool, const char *reason)
{
  gint64 now = clock_monotonic_ms();
  if (pool->counts[SESSION_BUSY] + pool->counts[SESSION_IDLE] == 0)
    return FALSE;
  if (now >= pool->hold_until_ms) {
    g_autofree char *visible = one_line(reason);
    g_message("relay %s: no further connection for now: %s", pool->relay->name, visible);
    pool->hold_until_ms = now + OPENING_HOLD_MS;
  }
  return TRUE;
}

static void on_login_ready(gpointer host)
{
  Pool *pool = host;
  if (pool->stopping)
    pool->host->changed(pool->host_data, pool);
  else
    pool_wake(pool);
}

static void on_login_failed(gpointer host, const char *reason)
{
  Pool *pool = host;
  if (pool->stopping)
    pool->host->changed(pool->host_data, pool);
  else if (!pool_hold_opening(pool, reason))
    set_trouble(pool, reason);
}

const TokenEvents pool_login_events = { on_login_ready, on_login_failed };
