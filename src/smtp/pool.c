/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/pool.h"

#include "base/clock.h"
#include "config/credential.h"
#include "smtp/pace.h"

enum { TROUBLE_FIRST_MS = 1000, TROUBLE_MAX_MS = 5 * 60 * 1000 };
/* Connections that are opened at the same time: a relay is not stormed. */
enum { OPENING_AT_MOST = 16 };
enum { DEADLINE_CHECK_MS = 500 };

typedef struct {
  Pool *pool;
  Session *session;   /* NULL while it is being made */
} Member;

struct Pool {
  Connector *connector;
  Config *config;
  const RelaySettings *relay;
  const PoolHost *host;
  gpointer host_data;
  GPtrArray *members;      /* Member * */
  Pace pace;
  gboolean stopping;
  char *trouble;
  guint troubles;          /* in a row */
  gint64 closed_until_ms;  /* monotonic */
  guint64 sent;
  GSource *ticker;         /* deadlines, while there are sessions */
  GSource *waker;          /* pace or the end of trouble */
};

static void wake_later(Pool *pool, gint64 wait_ms);

/* --- Trouble --- */

static void set_trouble(Pool *pool, const char *trouble)
{
  gint64 wait = TROUBLE_MAX_MS;
  if (pool->troubles < 10)
    wait = MIN(TROUBLE_MAX_MS, (gint64)TROUBLE_FIRST_MS << pool->troubles);
  wait = (gint64)((double)wait * g_random_double_range(0.8, 1.2));
  pool->troubles++;
  pool->closed_until_ms = clock_monotonic_ms() + wait;
  if (g_strcmp0(pool->trouble, trouble) != 0)
    g_message("relay %s: %s; next try in %.1f s", pool->relay->name, trouble,
              (double)wait / 1000);
  g_free(pool->trouble);
  pool->trouble = g_strdup(trouble);
  wake_later(pool, wait);
  pool->host->changed(pool->host_data, pool);
}

static void clear_trouble(Pool *pool)
{
  pool->troubles = 0;
  if (pool->trouble == NULL)
    return;
  g_message("relay %s: takes mail again", pool->relay->name);
  g_clear_pointer(&pool->trouble, g_free);
  pool->closed_until_ms = 0;
  wake_later(pool, 0);
  pool->host->changed(pool->host_data, pool);
}

/* --- What the sessions ask and tell --- */

static Job *on_next_job(gpointer host)
{
  Pool *pool = ((Member *)host)->pool;
  gint64 now = clock_monotonic_ms();
  if (pool->stopping || now < pool->closed_until_ms)
    return NULL;
  if (!pace_take(&pool->pace, now)) {
    wake_later(pool, pace_wait_ms(&pool->pace, now));
    return NULL;
  }
  Job *job = pool->host->next_job(pool->host_data, pool);
  if (job == NULL)
    pace_return(&pool->pace);
  return job;
}

static BodyLeave on_body_leave(gpointer host, Job *job)
{
  Pool *pool = ((Member *)host)->pool;
  return pool->host->body_leave(pool->host_data, job);
}

static void on_merge(gpointer host, Job *job, Merge *merge)
{
  Pool *pool = ((Member *)host)->pool;
  pool->host->merge(pool->host_data, job, merge);
}

static void on_settled(gpointer host, Job *job, const Outcome *outcome)
{
  Pool *pool = ((Member *)host)->pool;
  if (outcome->stage == STAGE_DOT && outcome->judgement.verdict == VERDICT_PROCEED) {
    pool->sent++;
    clear_trouble(pool);
  }
  pool->host->settled(pool->host_data, pool, job, outcome);
}

static void stop_ticker(Pool *pool)
{
  if (pool->ticker == NULL)
    return;
  g_source_destroy(pool->ticker);
  g_clear_pointer(&pool->ticker, g_source_unref);
}

/* A connection that delivered something and then broke is replaced at once; one that broke
 * before is the relay's trouble. */
static void on_closed(gpointer host, Scope scope, const char *trouble, guint sent)
{
  Member *member = host;
  Pool *pool = member->pool;
  g_ptr_array_remove_fast(pool->members, member);
  if (pool->members->len == 0)
    stop_ticker(pool);
  if (!pool->stopping && trouble != NULL && (scope == SCOPE_RELAY || sent == 0))
    set_trouble(pool, trouble);
  else if (!pool->stopping)
    wake_later(pool, 0);
  if (pool->members->len == 0)
    pool->host->changed(pool->host_data, pool);
}

static const SessionHost session_host = {
  on_next_job, on_body_leave, on_merge, on_settled, on_closed,
};

/* --- Sessions --- */

static gboolean on_tick(gpointer data)
{
  Pool *pool = data;
  gint64 now = clock_monotonic_ms();
  for (guint i = pool->members->len; i > 0; i--)
    if (i <= pool->members->len)
      session_check_deadline(((Member *)pool->members->pdata[i - 1])->session, now);
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

static gboolean open_session(Pool *pool)
{
  g_autoptr(GError) error = NULL;
  char *password = NULL;
  if (pool->relay->username != NULL) {
    password = credential_read(pool->relay->credential, &error);
    if (password == NULL) {
      set_trouble(pool, error->message);
      return FALSE;
    }
  }
  Member *member = g_new0(Member, 1);
  member->pool = pool;
  g_ptr_array_add(pool->members, member);
  member->session = session_open(pool->connector, pool->relay, password, &session_host, member);
  credential_free(password);
  start_ticker(pool);
  return TRUE;
}

static guint count_state(const Pool *pool, SessionState state)
{
  guint count = 0;
  for (guint i = 0; i < pool->members->len; i++)
    count += session_state(((Member *)pool->members->pdata[i])->session) == state;
  return count;
}

static void open_sessions(Pool *pool)
{
  guint opening = count_state(pool, SESSION_OPENING);
  guint limit = pool->troubles > 0 ? 1 : pool->relay->connections;
  guint room = pool->members->len < limit ? limit - pool->members->len : 0;
  room = MIN(room, OPENING_AT_MOST - MIN(opening, OPENING_AT_MOST));
  if (room == 0)
    return;
  guint work = pool->host->work(pool->host_data, pool, room + opening);
  guint wanted = work > opening ? MIN(work - opening, room) : 0;
  while (wanted-- > 0 && open_session(pool))
    continue;
}

/* Sessions may end while they are asked: then the last member takes the place. */
static void wake_sessions(Pool *pool, SessionState state)
{
  for (guint i = pool->members->len; i > 0; i--) {
    if (i > pool->members->len)
      continue;
    Session *session = ((Member *)pool->members->pdata[i - 1])->session;
    if (session_state(session) == state)
      session_wake(session);
  }
}

void pool_wake_busy(Pool *pool)
{
  wake_sessions(pool, SESSION_BUSY);
}

void pool_wake(Pool *pool)
{
  gint64 now = clock_monotonic_ms();
  if (pool->stopping)
    return;
  if (now < pool->closed_until_ms) {
    wake_later(pool, pool->closed_until_ms - now);
    return;
  }
  wake_sessions(pool, SESSION_IDLE);
  gint64 wait = pace_wait_ms(&pool->pace, now);
  if (wait > 0)
    wake_later(pool, wait);
  else
    open_sessions(pool);
}

static gboolean on_waker(gpointer data)
{
  Pool *pool = data;
  g_clear_pointer(&pool->waker, g_source_unref);
  pool_wake(pool);
  return G_SOURCE_REMOVE;
}

/* One timer: the earliest wake counts. */
static void wake_later(Pool *pool, gint64 wait_ms)
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
  pool->members = g_ptr_array_new_with_free_func(g_free);
  pace_init(&pool->pace, relay->rate, clock_monotonic_ms());
  return pool;
}

void pool_abort(Pool *pool, const char *reason)
{
  pool->stopping = TRUE;
  while (pool->members->len > 0)
    session_abort(((Member *)pool->members->pdata[0])->session, reason);
}

void pool_free(Pool *pool)
{
  pool_abort(pool, "the daemon stops");
  stop_ticker(pool);
  if (pool->waker != NULL) {
    g_source_destroy(pool->waker);
    g_source_unref(pool->waker);
  }
  g_ptr_array_unref(pool->members);
  config_unref(pool->config);
  g_free(pool->trouble);
  g_free(pool);
}

static void stop_sessions(Pool *pool)
{
  for (guint i = pool->members->len; i > 0; i--)
    if (i <= pool->members->len)
      session_stop(((Member *)pool->members->pdata[i - 1])->session);
}

void pool_stop(Pool *pool)
{
  pool->stopping = TRUE;
  stop_sessions(pool);
}

const RelaySettings *pool_relay(const Pool *pool)
{
  return pool->relay;
}

guint pool_connections(const Pool *pool)
{
  return pool->members->len;
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
  return clock_wall_ms() + MAX(0, pool->closed_until_ms - clock_monotonic_ms());
}
