/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/engine.h"

#include "base/clock.h"
#include "base/clockwatch.h"

struct Engine {
  Config *config;
  const EngineEvents *events;
  gpointer data;
  Connector *connector;
  Committer *committer;
  GPtrArray *releases;   /* Release * */
  GPtrArray *pools;      /* Pool * */
  GPtrArray *leaving;    /* Pool * of former settings, until their sessions have ended */
  guint turn;            /* index of the release whose turn it is */
  GSource *waker;
  ClockWatch *clock;     /* a step of the wall clock moves what is scheduled */
  GSource *cut;          /* the end of patience */
  gboolean stopping;
};

static void wake_soon(Engine *engine);

/* --- What the pools ask --- */

static Job *next_job(gpointer host, Pool *pool)
{
  Engine *engine = host;
  if (engine->stopping)
    return NULL;
  for (guint i = 0; i < engine->releases->len; i++) {
    Release *release = engine->releases->pdata[engine->turn++ % engine->releases->len];
    Delivery *delivery = release_take(release, pool_relay(pool)->name);
    if (delivery != NULL)
      return &delivery->job;
  }
  return NULL;
}

static guint work(gpointer host, Pool *pool, guint at_most)
{
  const Engine *engine = host;
  guint count = 0;
  (void)pool;
  for (guint i = 0; i < engine->releases->len && count < at_most; i++)
    count += release_ready(engine->releases->pdata[i], at_most - count);
  return engine->stopping ? 0 : count;
}

/* The Job is a Delivery's first member. */
static Delivery *delivery_of(Job *job)
{
  return (Delivery *)job;
}

static BodyLeave body_leave(gpointer host, Job *job)
{
  const Engine *engine = host;
  const Delivery *delivery = delivery_of(job);
  if (engine->stopping)
    return BODY_WITHDRAW;
  return release_body_leave(delivery->release, delivery);
}

static void merge(gpointer host, Job *job, Merge *into)
{
  Delivery *delivery = delivery_of(job);
  (void)host;
  release_merge(delivery->release, delivery, into);
}

static void settled(gpointer host, Pool *pool, Job *job, const Outcome *outcome)
{
  Engine *engine = host;
  Delivery *delivery = delivery_of(job);
  RetryPolicy retry = { engine->config->retry_first_ms, engine->config->retry_max_ms };
  (void)pool;
  Release *release = delivery->release;
  release_settle(release, delivery, outcome, &retry);
  if (outcome->judgement.verdict != VERDICT_PROCEED || release_ready(release, 1) == 0)
    wake_soon(engine);
}

static void pool_changed(gpointer host, Pool *pool)
{
  (void)pool;
  wake_soon(host);
}

static const PoolHost pool_host = { next_job, work, body_leave, merge, settled, pool_changed };

/* --- What happens when --- */

static void drop_finished(Engine *engine)
{
  for (guint i = engine->releases->len; i > 0; i--) {
    Release *release = engine->releases->pdata[i - 1];
    if (release_state(release) != RELEASE_FINISHED)
      continue;
    g_autofree char *id = g_strdup(release_id(release));
    g_ptr_array_remove_index(engine->releases, i - 1);
    engine->events->finished(id, engine->data);
  }
}

static void drop_left(Engine *engine)
{
  for (guint i = engine->leaving->len; i > 0; i--)
    if (pool_connections(engine->leaving->pdata[i - 1]) == 0)
      g_ptr_array_remove_index(engine->leaving, i - 1);
}

static guint connections(const Engine *engine)
{
  guint count = 0;
  for (guint i = 0; i < engine->pools->len; i++)
    count += pool_connections(engine->pools->pdata[i]);
  return count + engine->leaving->len;
}

static void wake_at(Engine *engine, gint64 monotonic_ms)
{
  g_source_set_ready_time(engine->waker, monotonic_ms == G_MAXINT64 ? -1 : monotonic_ms * 1000);
}

static void wake_soon(Engine *engine)
{
  g_source_set_ready_time(engine->waker, 0);
}

static void finish_stop(Engine *engine)
{
  if (connections(engine) > 0)
    return;
  if (engine->cut != NULL) {
    g_source_destroy(engine->cut);
    g_clear_pointer(&engine->cut, g_source_unref);
    engine->events->stopped(engine->data);
  }
}

/* The one place that looks at everything: releases first, then relays, then sleep. */
static gboolean on_wake(gpointer data)
{
  Engine *engine = data;
  gint64 next = G_MAXINT64;
  g_source_set_ready_time(engine->waker, -1);
  for (guint i = 0; i < engine->releases->len; i++)
    release_tick(engine->releases->pdata[i]);
  drop_finished(engine);
  drop_left(engine);
  if (engine->stopping) {
    finish_stop(engine);
    return G_SOURCE_CONTINUE;
  }
  for (guint i = 0; i < engine->pools->len; i++)
    pool_wake(engine->pools->pdata[i]);
  for (guint i = 0; i < engine->releases->len; i++) {
    gint64 wake = release_wake_ms(engine->releases->pdata[i]);
    if (wake > 0)
      next = MIN(next, wake);
  }
  if (g_source_get_ready_time(engine->waker) < 0)
    wake_at(engine, next);
  return G_SOURCE_CONTINUE;
}

/* A journal moved on: bodies may leave that waited for it. */
static void on_journal(Release *release, gpointer data)
{
  Engine *engine = data;
  for (guint i = 0; i < engine->pools->len; i++)
    pool_wake_busy(engine->pools->pdata[i]);
  for (guint i = 0; i < engine->leaving->len; i++)
    pool_wake_busy(engine->leaving->pdata[i]);
  if (ledger_settled(release_ledger(release)) || release_ready(release, 1) > 0)
    wake_soon(engine);
}

/* --- Life --- */

static void open_pools(Engine *engine)
{
  for (guint i = 0; i < engine->config->relays->len; i++)
    g_ptr_array_add(engine->pools, pool_new(engine->connector, engine->config,
                                            engine->config->relays->pdata[i], &pool_host, engine));
}

static void on_clock_set(gpointer data)
{
  g_message("the clock was set: schedules are computed anew");
  wake_soon(data);
}

static gboolean dispatch_waker(GSource *source, GSourceFunc callback, gpointer data)
{
  (void)source;
  return callback(data);
}

Engine *engine_new(Config *config, const EngineEvents *events, gpointer data, GError **error)
{
  static GSourceFuncs waker_funcs = { .dispatch = dispatch_waker };
  Connector *connector = connector_new(NULL, error);
  if (connector == NULL)
    return NULL;
  Engine *engine = g_new0(Engine, 1);
  engine->config = config_ref(config);
  engine->events = events;
  engine->data = data;
  engine->connector = connector;
  engine->committer = committer_new(NULL);
  engine->releases = g_ptr_array_new_with_free_func((GDestroyNotify)release_close);
  engine->pools = g_ptr_array_new_with_free_func((GDestroyNotify)pool_free);
  engine->leaving = g_ptr_array_new_with_free_func((GDestroyNotify)pool_free);
  engine->waker = g_source_new(&waker_funcs, sizeof(GSource));
  g_source_set_callback(engine->waker, on_wake, engine, NULL);
  g_source_attach(engine->waker, NULL);
  engine->clock = clock_watch_new(on_clock_set, engine, error);
  if (engine->clock == NULL) {
    engine_free(engine);
    return NULL;
  }
  open_pools(engine);
  return engine;
}

void engine_free(Engine *engine)
{
  engine->stopping = TRUE;
  g_ptr_array_unref(engine->pools);
  g_ptr_array_unref(engine->leaving);
  g_ptr_array_unref(engine->releases);
  if (engine->cut != NULL) {
    g_source_destroy(engine->cut);
    g_source_unref(engine->cut);
  }
  g_source_destroy(engine->waker);
  g_source_unref(engine->waker);
  g_clear_pointer(&engine->clock, clock_watch_free);
  committer_free(engine->committer);
  connector_free(engine->connector);
  config_unref(engine->config);
  g_free(engine);
}

void engine_reload(Engine *engine, Config *config)
{
  config_ref(config);
  config_unref(engine->config);
  engine->config = config;
  while (engine->pools->len > 0) {
    Pool *pool = g_ptr_array_steal_index(engine->pools, 0);
    g_ptr_array_add(engine->leaving, pool);
    pool_stop(pool);
  }
  open_pools(engine);
  wake_soon(engine);
}

void engine_add(Engine *engine, const char *directory)
{
  g_ptr_array_add(engine->releases, release_open(directory, engine->committer, on_journal, engine));
  wake_soon(engine);
}

static gboolean on_patience_over(gpointer data)
{
  Engine *engine = data;
  for (guint i = 0; i < engine->pools->len; i++)
    pool_abort(engine->pools->pdata[i], "the daemon had to stop");
  for (guint i = 0; i < engine->leaving->len; i++)
    pool_abort(engine->leaving->pdata[i], "the daemon had to stop");
  return G_SOURCE_CONTINUE;
}

void engine_stop(Engine *engine, gint64 patience_ms)
{
  if (engine->stopping)
    return;
  engine->stopping = TRUE;
  engine->cut = g_timeout_source_new((guint)patience_ms);
  g_source_set_callback(engine->cut, on_patience_over, engine, NULL);
  g_source_attach(engine->cut, NULL);
  for (guint i = 0; i < engine->pools->len; i++)
    pool_stop(engine->pools->pdata[i]);
  wake_soon(engine);
}

const GPtrArray *engine_releases(const Engine *engine)
{
  return engine->releases;
}

const GPtrArray *engine_pools(const Engine *engine)
{
  return engine->pools;
}
