/* SPDX-License-Identifier: Apache-2.0 */

/* The sessions of a pool as a crowd: how many there are to be, and who of them is asked. */

#include "smtp/pool-inside.h"

#include "base/clock.h"

/* Connections that are opened at the same time: a relay is not stormed. */
enum { OPENING_AT_MOST = 16 };
enum { DEADLINE_CHECK_MS = 500 };

/* Sessions may end while they are asked: then the last member takes the place. */
static Member *member_at(const Pool *pool, guint index)
{
  return index < pool->members->len ? pool->members->pdata[index] : NULL;
}

/* --- Their number --- */

guint pool_connections_allowed(const Pool *pool)
{
  if (pool_state(pool) != BREAKER_HEALTHY)
    return 1;
  guint share = pool->host->share(pool->host_data, pool);
  return MIN(throttle_connections(&pool->throttle), share);
}

/* --- Deadlines --- */

static gboolean on_tick(gpointer data)
{
  Pool *pool = data;
  gint64 now = clock_monotonic_ms();
  for (guint i = pool->members->len; i > 0; i--) {
    const Member *member = member_at(pool, i - 1);
    if (member != NULL)
      session_check_deadline(member->session, now);
  }
  return pool->ticker != NULL ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void start_ticker(Pool *pool)
{
  if (pool->ticker != NULL)
    return;
  pool->ticker = g_timeout_source_new(DEADLINE_CHECK_MS);
  g_source_set_callback(pool->ticker, on_tick, pool, NULL);
  g_source_attach(pool->ticker, g_main_context_get_thread_default());
}

static void stop_ticker(Pool *pool)
{
  if (pool->ticker == NULL)
    return;
  g_source_destroy(pool->ticker);
  g_clear_pointer(&pool->ticker, g_source_unref);
}

/* --- Opening and ending --- */

static gboolean open_session(Pool *pool)
{
  g_autoptr(GError) error = NULL;
  g_auto(Secrets) secrets = { 0 };
  if (!login_read(pool->login, &secrets, &error)) {
    if (error != NULL)
      pool_login_events.failed(pool, error->message);
    return FALSE;
  }
  Member *member = g_new0(Member, 1);
  member->pool = pool;
  member->token_serial = secrets.token_serial;
  member->state = SESSION_OPENING;
  member->link.data = member;
  g_ptr_array_add(pool->members, member);
  pool->counts[SESSION_OPENING]++;
  member->session = session_open(pool->connector, pool->relay, &secrets, &pool_session_host,
                                 member);
  start_ticker(pool);
  return TRUE;
}

void pool_drop_member(Member *member)
{
  Pool *pool = member->pool;
  pool->counts[member->state]--;
  if (member->waits)
    g_queue_unlink(&pool->waiting, &member->link);
  g_ptr_array_remove_fast(pool->members, member);
  if (pool->members->len == 0)
    stop_ticker(pool);
}

void pool_open_sessions(Pool *pool)
{
  guint opening = pool->counts[SESSION_OPENING];
  guint allowed = pool_connections_allowed(pool);
  guint room = pool->members->len < allowed ? allowed - pool->members->len : 0;
  room = MIN(room, OPENING_AT_MOST - MIN(opening, OPENING_AT_MOST));
  gint64 held = pool->hold_until_ms - clock_monotonic_ms();
  if (room == 0)
    return;
  if (held > 0 && opening < pool->members->len) {
    pool_wake_later(pool, held);
    return;
  }
  guint work = pool->host->work(pool->host_data, pool, room + opening);
  guint wanted = work > opening ? MIN(work - opening, room) : 0;
  while (wanted-- > 0 && open_session(pool))
    continue;
}

void pool_stop_surplus(Pool *pool)
{
  guint kept = pool_connections_allowed(pool) + pool->counts[SESSION_LEAVING];
  guint surplus = pool->members->len - MIN(kept, pool->members->len);
  for (guint i = pool->members->len; i > 0 && surplus > 0 && pool->counts[SESSION_IDLE] > 0; i--) {
    const Member *member = member_at(pool, i - 1);
    if (member == NULL || member->state != SESSION_IDLE)
      continue;
    session_stop(member->session);
    surplus--;
  }
}

void pool_stop_sessions(Pool *pool)
{
  for (guint i = pool->members->len; i > 0; i--) {
    const Member *member = member_at(pool, i - 1);
    if (member != NULL)
      session_stop(member->session);
  }
}

/* --- Asking them --- */

void pool_wake_idle(Pool *pool)
{
  for (guint i = pool->members->len; i > 0 && pool->counts[SESSION_IDLE] > 0; i--) {
    const Member *member = member_at(pool, i - 1);
    if (member != NULL && member->state == SESSION_IDLE)
      session_wake(member->session);
  }
}

gboolean pool_offer(Pool *pool)
{
  guint out = pool->out;
  for (guint i = 0; i < pool->members->len && pool->counts[SESSION_IDLE] > 0; i++) {
    const Member *member = member_at(pool, i);
    if (member->state == SESSION_IDLE) {
      session_wake(member->session);
      return pool->out > out;
    }
  }
  return FALSE;
}

/* Those that go on waiting stand at the end again. */
void pool_wake_waiting(Pool *pool)
{
  for (guint left = pool->waiting.length; left > 0 && pool->waiting.length > 0; left--) {
    Member *member = g_queue_pop_head_link(&pool->waiting)->data;
    member->waits = FALSE;
    session_wake(member->session);
  }
}
