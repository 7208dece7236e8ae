/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/pool.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "smtp/login.h"
#include "smtp/pace.h"
#include "smtp/throttle.h"

/* Connections that are opened at the same time: a relay is not stormed. */
enum { OPENING_AT_MOST = 16 };
enum { DEADLINE_CHECK_MS = 500 };
/* How long no connection is opened where one was not let in and others go on. */
enum { OPENING_HOLD_MS = 30 * 1000 };

typedef struct {
  Pool *pool;
  Session *session;   /* NULL while it is being made */
  guint token_serial; /* see login.h */
} Member;

struct Pool {
  Connector *connector;
  Config *config;
  const RelaySettings *relay;
  const PoolHost *host;
  gpointer host_data;
  Login *login;
  gint64 hold_until_ms;    /* monotonic; until then none is opened beside those that are open */
  GPtrArray *members;      /* Member * */
  Pace pace;               /* what the settings allow */
  Throttle throttle;       /* what the relay bears */
  Breaker breaker;         /* whether it is worth trying */
  char *trouble;           /* NULL while the breaker says healthy */
  gboolean lacks_smtputf8;
  gboolean stopping;
  gboolean asking;         /* for a job, which may make the host offer one to another session */
  guint out;               /* jobs that are in the sessions */
  guint64 sent;
  GSource *ticker;         /* deadlines, while there are sessions */
  GSource *waker;          /* pace or the end of trouble */
};

static void wake_later(Pool *pool, gint64 wait_ms);

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
    wake_later(pool, 0);
    return;
  }
  throttle_restart(&pool->throttle);
  g_autofree char *visible = one_line(trouble);
  if (g_strcmp0(pool->trouble, visible) != 0)
    g_message("relay %s: %s; next try in %.1f s", pool->relay->name, visible,
              (double)wait / 1000);
  g_free(pool->trouble);
  pool->trouble = g_steal_pointer(&visible);
  wake_later(pool, wait);
  pool->host->changed(pool->host_data, pool);
}

static void clear_trouble(Pool *pool)
{
  if (!breaker_success(&pool->breaker))
    return;
  g_message("relay %s: takes mail again", pool->relay->name);
  g_clear_pointer(&pool->trouble, g_free);
  wake_later(pool, 0);
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

static void heed_load(Pool *pool, const Job *job, const Outcome *outcome)
{
  gint64 now = clock_monotonic_ms();
  if (outcome->judgement.scope != SCOPE_LOAD)
    return;
  if (outcome->judgement.verdict == VERDICT_DEFER)
    throttle_suspected(&pool->throttle, g_str_hash(strrchr(job->mailbox, '@') + 1), now);
  else
    on_overload(pool, throttle_refused(&pool->throttle, now), outcome->text);
}

guint pool_connections_allowed(const Pool *pool)
{
  if (pool_state(pool) != BREAKER_HEALTHY)
    return 1;
  double share = pool->host->share(pool->host_data, pool);
  guint shared = (guint)ceil(pool->relay->connections * share);
  return MIN(throttle_connections(&pool->throttle), MAX(1, shared));
}

/* --- Being let in --- */

static guint count_state(const Pool *pool, SessionState state)
{
  guint count = 0;
  for (guint i = 0; i < pool->members->len; i++)
    count += session_state(((Member *)pool->members->pdata[i])->session) == state;
  return count;
}

/* Sessions that are in go on where the next one cannot get in: FALSE if there are none. */
static gboolean hold_opening(Pool *pool, const char *reason)
{
  gint64 now = clock_monotonic_ms();
  if (count_state(pool, SESSION_BUSY) + count_state(pool, SESSION_IDLE) == 0)
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
  pool_wake(host);
}

static void on_login_failed(gpointer host, const char *reason)
{
  Pool *pool = host;
  if (!pool->stopping && !hold_opening(pool, reason))
    set_trouble(pool, reason);
}

static const TokenEvents login_events = { on_login_ready, on_login_failed };

static gboolean on_login_refused(gpointer host, const char *reason)
{
  Member *member = host;
  return login_refused(member->pool->login, member->token_serial) ||
         hold_opening(member->pool, reason);
}

/* --- What the sessions ask and tell --- */

/* Connections that are more than may carry messages get none, and are closed: stop_surplus(). */
static gboolean is_surplus(const Pool *pool, const Member *member)
{
  guint allowed = pool_connections_allowed(pool);
  if (pool->members->len <= allowed)
    return FALSE;
  guint busy = count_state(pool, SESSION_BUSY);
  return session_state(member->session) == SESSION_BUSY ? busy > allowed : busy >= allowed;
}

/* A relay that is probed gets one message at a time. */
static gboolean may_take(const Pool *pool, const Member *member)
{
  BreakerState state = pool_state(pool);
  return !pool->stopping && !pool->asking && state != BREAKER_TROUBLE &&
         (state != BREAKER_PROBING || pool->out == 0) && !is_surplus(pool, member);
}

static gint64 wait_for_rates(Pool *pool, gint64 now_ms)
{
  return MAX(pace_wait_ms(&pool->pace, now_ms), throttle_wait_ms(&pool->throttle, now_ms));
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
  if (!may_take(pool, member))
    return NULL;
  gint64 wait = wait_for_rates(pool, clock_monotonic_ms());
  if (wait > 0) {
    wake_later(pool, wait);
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
  Pool *pool = ((Member *)host)->pool;
  return pool->host->body_leave(pool->host_data, job);
}

static void on_merge(gpointer host, Job *job, Merge *merge)
{
  Pool *pool = ((Member *)host)->pool;
  pool->host->merge(pool->host_data, job, merge);
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
      wake_later(pool, 0);
  }
  if (shows_service(outcome))
    clear_trouble(pool);
  heed_load(pool, job, outcome);
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
 * before is the relay's trouble. One too many is neither. */
static void heed_end(Pool *pool, Scope scope, const char *trouble, guint sent)
{
  if (trouble != NULL && scope == SCOPE_LOAD)
    on_overload(pool, throttle_crowded(&pool->throttle, clock_monotonic_ms()), trouble);
  else if (trouble != NULL && (scope == SCOPE_RELAY || sent == 0))
    set_trouble(pool, trouble);
  wake_later(pool, 0);
}

static void on_closed(gpointer host, Scope scope, const char *trouble, guint sent)
{
  Member *member = host;
  Pool *pool = member->pool;
  g_ptr_array_remove_fast(pool->members, member);
  if (pool->members->len == 0)
    stop_ticker(pool);
  if (!pool->stopping)
    heed_end(pool, scope, trouble, sent);
  if (pool->members->len == 0)
    pool->host->changed(pool->host_data, pool);
}

static const SessionHost session_host = {
  on_next_job, on_body_leave, on_merge, on_settled, on_login_refused, on_closed,
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
  g_auto(Secrets) secrets = { 0 };
  if (!login_read(pool->login, &secrets, &error)) {
    if (error != NULL)
      on_login_failed(pool, error->message);
    return FALSE;
  }
  Member *member = g_new0(Member, 1);
  member->pool = pool;
  member->token_serial = secrets.token_serial;
  g_ptr_array_add(pool->members, member);
  member->session = session_open(pool->connector, pool->relay, &secrets, &session_host, member);
  start_ticker(pool);
  return TRUE;
}

static void open_sessions(Pool *pool)
{
  guint opening = count_state(pool, SESSION_OPENING);
  guint allowed = pool_connections_allowed(pool);
  guint room = pool->members->len < allowed ? allowed - pool->members->len : 0;
  room = MIN(room, OPENING_AT_MOST - MIN(opening, OPENING_AT_MOST));
  gint64 held = pool->hold_until_ms - clock_monotonic_ms();
  if (room == 0)
    return;
  if (held > 0 && opening < pool->members->len) {
    wake_later(pool, held);
    return;
  }
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

static void stop_surplus(Pool *pool)
{
  guint kept = pool_connections_allowed(pool) + count_state(pool, SESSION_LEAVING);
  guint surplus = pool->members->len - MIN(kept, pool->members->len);
  for (guint i = pool->members->len; i > 0 && surplus > 0; i--) {
    if (i > pool->members->len)
      continue;
    Session *session = ((Member *)pool->members->pdata[i - 1])->session;
    if (session_state(session) != SESSION_IDLE)
      continue;
    session_stop(session);
    surplus--;
  }
}

gboolean pool_offer(Pool *pool)
{
  guint out = pool->out;
  for (guint i = 0; i < pool->members->len; i++) {
    Session *session = ((Member *)pool->members->pdata[i])->session;
    if (session_state(session) == SESSION_IDLE) {
      session_wake(session);
      return pool->out > out;
    }
  }
  return FALSE;
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
  if (pool_state(pool) == BREAKER_TROUBLE) {
    wake_later(pool, breaker_wait_ms(&pool->breaker, now));
    return;
  }
  stop_surplus(pool);
  wake_sessions(pool, SESSION_IDLE);
  gint64 wait = wait_for_rates(pool, now);
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
  pool->login = login_new(connector, relay, &login_events, pool);
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
}

void pool_free(Pool *pool)
{
  pool_abort(pool, "the daemon stops");
  stop_ticker(pool);
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
  return breaker_state(&pool->breaker, clock_monotonic_ms());
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
