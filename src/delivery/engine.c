/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/engine.h"

#include <gio/gio.h>

#include "base/clock.h"
#include "base/clockwatch.h"
#include "config/senders.h"
#include "config/settings.h"
#include "delivery/fleet.h"
#include "delivery/loader.h"

/* What could not be read is read again after FIRST, then after twice as long each time. */
enum { READ_AGAIN_FIRST_MS = 1000, READ_AGAIN_MAX_MS = 5 * 60 * 1000 };

struct Engine {
  Config *config;
  const EngineEvents *events;
  gpointer data;
  Connector *connector;
  Committer *committer;
  Domains *domains;      /* what the receivers bear, over all releases and relays */
  Loader *loader;        /* of releases that are not among these yet */
  Usage *usage;          /* of former processes; NULL once the limits know of it */
  Domains *recalled;     /* as usage was sorted; NULL with it */
  Suppression *suppression;   /* who must not be mailed */
  gint64 read_again_ms;  /* monotonic: when what could not be read is read again; 0: not set */
  gint64 read_again_wait_ms;
  GPtrArray *releases;   /* Release * */
  GPtrArray *pools;      /* Pool * */
  Fleet *fleet;          /* the pools as one */
  GPtrArray *leaving;    /* Pool * of former settings, until their sessions have ended */
  guint turn;            /* index of the release whose turn it is */
  GSource *waker;
  ClockWatch *clock;     /* a step of the wall clock moves what is scheduled */
  GSource *cut;          /* the end of patience */
  gboolean stopping;
};

static void wake_soon(Engine *engine);

/* --- What the pools ask --- */

/* Which contacts of the release the pool may be given; 0: none. */
static Needs goes_over(const Engine *engine, const Release *release, const Pool *pool)
{
  return release_state(release) == RELEASE_SENDING
    ? fleet_may_carry(engine->fleet, pool, release_sender(release)) : 0;
}

/* Whom the relay cannot serve is left to others, who have to learn of it. */
static Delivery *take(Engine *engine, Release *release, const Pool *pool, Needs needs)
{
  guint before = release_aside(release);
  Delivery *delivery = release_take(release, pool_relay(pool)->name, needs);
  if (release_aside(release) > before)
    wake_soon(engine);
  return delivery;
}

/* The releases of one priority take turns, so the largest leaves room for the smallest. */
static Job *next_job_of(Engine *engine, const Pool *pool, gboolean urgent)
{
  for (guint i = 0; i < engine->releases->len; i++) {
    Release *release = engine->releases->pdata[engine->turn++ % engine->releases->len];
    Needs needs = release_terms(release)->urgent == urgent ? goes_over(engine, release, pool) : 0;
    if (needs == 0)
      continue;
    const guint32 suppressed = ledger_count(release_ledger(release), CONTACT_SUPPRESSED);
    Delivery *delivery = take(engine, release, pool, needs);
    if (delivery != NULL) {
      fleet_count(engine->fleet, pool);
      return &delivery->job;
    }
    if (release_state(release) != RELEASE_SENDING ||
        ledger_count(release_ledger(release), CONTACT_SUPPRESSED) > suppressed)
      wake_soon(engine);   /* for the others, its end, or the end of its pause */
  }
  return NULL;
}

/* While an urgent release has a contact that may go, nobody else's goes. One whose contacts
 * all wait, for their domains or for a second attempt, holds up nobody. */
static Job *next_job(gpointer host, Pool *pool)
{
  Engine *engine = host;
  if (engine->stopping)
    return NULL;
  fleet_ask_others(engine->fleet, pool);
  Job *job = next_job_of(engine, pool, TRUE);
  return job != NULL ? job : next_job_of(engine, pool, FALSE);
}

static guint work(gpointer host, Pool *pool, guint at_most)
{
  const Engine *engine = host;
  guint count = 0;
  for (guint i = 0; i < engine->releases->len && count < at_most; i++) {
    Release *release = engine->releases->pdata[i];
    Needs needs = goes_over(engine, release, pool);
    if (needs != 0)
      count += release_ready(release, needs, at_most - count);
  }
  return engine->stopping ? 0 : count;
}

static guint share(gpointer host, const Pool *pool)
{
  const Engine *engine = host;
  return fleet_share(engine->fleet, pool);
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
  gboolean was_full = domains_is_full(delivery->domains, delivery->lane);
  release_settle(release, delivery, outcome, &retry);
  if (was_full || outcome->judgement.verdict != VERDICT_PROCEED ||
      release_ready(release, NEEDS_ANY, 1) == 0)
    wake_soon(engine);
  engine->events->changed(engine->data);
}

static void pool_changed(gpointer host, Pool *pool)
{
  (void)pool;
  wake_soon(host);
}

static const PoolHost pool_host = {
  next_job, work, share, body_leave, merge, settled, pool_changed,
};

/* --- What former processes have sent --- */

/* The latest of that name, where pools have left. */
static Pool *find_pool(const GPtrArray *pools, const char *relay)
{
  for (guint i = pools->len; i > 0; i--)
    if (g_str_equal(pool_relay(pools->pdata[i - 1])->name, relay))
      return pools->pdata[i - 1];
  return NULL;
}

static void recall_one(gint64 wall_ms, const char *relay, guint lane, gpointer data)
{
  const Engine *engine = data;
  gint64 now = clock_monotonic_ms();
  gint64 then = now - (clock_wall_ms() - wall_ms);
  Pool *pool = find_pool(engine->pools, relay);
  if (pool != NULL)
    pool_recall(pool, then);
  domains_recall(engine->recalled, lane, then, now);
}

/* FALSE while it is not known yet, since not all was read that lay in queue/ and done/; until
 * then nothing is sent. */
static gboolean recall_usage(Engine *engine)
{
  if (engine->usage == NULL)
    return TRUE;
  if (loader_length(engine->loader) > 0)
    return FALSE;
  usage_each(engine->usage, recall_one, engine);
  if (engine->recalled != engine->domains)   /* the settings have changed meanwhile */
    domains_inherit(engine->domains, engine->recalled, clock_monotonic_ms());
  g_clear_pointer(&engine->recalled, domains_unref);
  g_clear_pointer(&engine->usage, usage_free);
  return TRUE;
}

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

/* All that could not be read, at once: mostly it was one disk. Returns when that is due next. */
static gint64 read_again(Engine *engine)
{
  gint64 now = clock_monotonic_ms();
  gboolean is_due = engine->read_again_ms != 0 && now >= engine->read_again_ms;
  guint unreadable = 0;
  for (guint i = engine->releases->len; i > 0; i--) {
    Release *release = engine->releases->pdata[i - 1];
    if (!release_may_be_read_again(release))
      continue;
    unreadable++;
    if (!is_due)
      continue;
    g_autofree char *directory = g_strdup(release_directory(release));
    g_ptr_array_remove_index(engine->releases, i - 1);
    engine_add(engine, directory);
  }
  if (unreadable == 0 && loader_length(engine->loader) == 0)
    engine->read_again_wait_ms = 0;
  if (unreadable == 0 || is_due) {
    engine->read_again_ms = 0;
  } else if (engine->read_again_ms == 0) {
    engine->read_again_wait_ms = CLAMP(2 * engine->read_again_wait_ms, READ_AGAIN_FIRST_MS,
                                       READ_AGAIN_MAX_MS);
    engine->read_again_ms = now + engine->read_again_wait_ms;
  }
  return engine->read_again_ms != 0 ? engine->read_again_ms : G_MAXINT64;
}

static void drop_left(Engine *engine)
{
  for (guint i = engine->leaving->len; i > 0; i--)
    if (pool_is_at_rest(engine->leaving->pdata[i - 1]))
      g_ptr_array_remove_index(engine->leaving, i - 1);
}

static gboolean is_at_rest(const Engine *engine)
{
  gboolean rests = engine->leaving->len == 0;
  for (guint i = 0; i < engine->pools->len && rests; i++)
    rests = pool_is_at_rest(engine->pools->pdata[i]);
  return rests;
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
  if (!is_at_rest(engine))
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
  g_source_set_ready_time(engine->waker, -1);
  gboolean may_send = recall_usage(engine);
  for (guint i = 0; i < engine->releases->len; i++)
    release_tick(engine->releases->pdata[i]);
  drop_finished(engine);
  drop_left(engine);
  engine->events->changed(engine->data);
  if (engine->stopping) {
    finish_stop(engine);
    return G_SOURCE_CONTINUE;
  }
  gint64 next = read_again(engine);
  for (guint i = 0; i < engine->pools->len && may_send; i++)
    pool_wake(engine->pools->pdata[i]);
  for (guint i = 0; i < engine->releases->len; i++)
    next = MIN(next, release_wake_ms(engine->releases->pdata[i]));
  if (engine->releases->len > 0)
    next = MIN(next, domains_next_ms(engine->domains, clock_monotonic_ms()));
  if (g_source_get_ready_time(engine->waker) < 0)
    wake_at(engine, next);
  return G_SOURCE_CONTINUE;
}

/* A journal moved on: bodies may leave that waited for it. */
static void on_journal(Release *release, gpointer data)
{
  Engine *engine = data;
  for (guint i = 0; i < engine->pools->len; i++)
    pool_wake_waiting(engine->pools->pdata[i]);
  for (guint i = 0; i < engine->leaving->len; i++)
    pool_wake_waiting(engine->leaving->pdata[i]);
  engine->events->changed(engine->data);
  if (ledger_settled(release_ledger(release)) || release_ready(release, NEEDS_ANY, 1) > 0)
    wake_soon(engine);
}

/* --- Life --- */

/* The pool for a relay as it is in the settings: the former one where they are the same. */
static Pool *make_pool(Engine *engine, GPtrArray *former, const RelaySettings *relay)
{
  guint index;
  Pool *before = find_pool(former, relay->name);
  if (before != NULL && settings_equal(SECTION_RELAYS, pool_relay(before), relay)) {
    g_ptr_array_find(former, before, &index);
    pool_hurry(before);
    return g_ptr_array_steal_index(former, index);
  }
  Pool *pool = pool_new(engine->connector, engine->config, relay, &pool_host, engine);
  if (before == NULL)
    before = find_pool(engine->leaving, relay->name);
  if (before != NULL)
    pool_inherit(pool, before);
  return pool;
}

static GPtrArray *pool_array_new(void)
{
  return g_ptr_array_new_with_free_func((GDestroyNotify)pool_free);
}

/* Pools of relays that are gone or changed leave. */
static void open_pools(Engine *engine)
{
  g_autoptr(GPtrArray) former = g_steal_pointer(&engine->pools);
  engine->pools = pool_array_new();
  for (guint i = 0; i < engine->config->relays->len; i++)
    g_ptr_array_add(engine->pools, make_pool(engine, former, engine->config->relays->pdata[i]));
  g_clear_pointer(&engine->fleet, fleet_free);
  engine->fleet = fleet_new(engine->pools);
  while (former->len > 0) {
    Pool *pool = g_ptr_array_steal_index(former, 0);
    g_ptr_array_add(engine->leaving, pool);
    pool_stop(pool);
  }
}

/* Settings may have changed since the release was accepted. */
static void block_unless_taken(const Engine *engine, Release *release)
{
  if (release_state(release) == RELEASE_HELD)
    return;
  g_autofree char *reason = config_refuses_sender(engine->config, release_sender(release));
  release_block(release, reason);
}

/* release is NULL when it was done/ that has been read. */
static void on_loaded(Release *release, Domains *domains, gpointer data)
{
  Engine *engine = data;
  if (release != NULL && engine->stopping) {
    release_close(release);
  } else if (release != NULL) {
    release_begin(release, domains, engine->suppression, on_journal, engine);
    if (domains != engine->domains)
      release_set_domains(release, engine->domains);
    g_ptr_array_add(engine->releases, release);
    block_unless_taken(engine, release);
  }
  wake_soon(engine);
}

static void on_clock_set(gpointer data)
{
  g_message("the clock was set: schedules are computed anew");
  wake_soon(data);
}

static void on_disk(gpointer data)
{
  const Engine *engine = data;
  engine->events->disk(engine->data);
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
  g_autoptr(Suppression) suppression = suppression_open(config->spool, SUPPRESSION_WRITE, error);
  if (suppression == NULL) {
    connector_free(connector);
    return NULL;
  }
  Engine *engine = g_new0(Engine, 1);
  engine->suppression = g_steal_pointer(&suppression);
  engine->config = config_ref(config);
  engine->events = events;
  engine->data = data;
  engine->connector = connector;
  engine->committer = committer_new(NULL);
  committer_watch(engine->committer, on_disk, engine);
  engine->domains = domains_new(config, clock_monotonic_ms());
  engine->loader = loader_new(engine->committer, on_loaded, engine);
  engine->releases = g_ptr_array_new_with_free_func((GDestroyNotify)release_close);
  engine->pools = pool_array_new();
  engine->leaving = pool_array_new();
  engine->waker = g_source_new(&waker_funcs, sizeof(GSource));
  g_source_set_callback(engine->waker, on_wake, engine, NULL);
  g_source_attach(engine->waker, NULL);
  engine->clock = clock_watch_new(on_clock_set, engine, error);
  if (engine->clock == NULL) {
    engine_free(engine);
    return NULL;
  }
  open_pools(engine);
  engine->usage = usage_new(config, clock_wall_ms());
  if (engine->usage != NULL) {
    engine->recalled = domains_ref(engine->domains);
    loader_read_done(engine->loader, config, engine->recalled, engine->usage);
  }
  return engine;
}

void engine_free(Engine *engine)
{
  engine->stopping = TRUE;
  loader_free(engine->loader);
  g_ptr_array_unref(engine->pools);
  g_ptr_array_unref(engine->leaving);
  g_ptr_array_unref(engine->releases);
  g_clear_pointer(&engine->fleet, fleet_free);
  g_clear_pointer(&engine->usage, usage_free);
  g_clear_pointer(&engine->recalled, domains_unref);
  domains_unref(engine->domains);
  suppression_close(engine->suppression);
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

static void inherit_limits(Engine *engine)
{
  gint64 now = clock_monotonic_ms();
  if (domains_suit(engine->domains, engine->config))
    return;
  g_autoptr(Domains) domains = g_steal_pointer(&engine->domains);
  engine->domains = domains_new(engine->config, now);
  domains_inherit(engine->domains, domains, now);
  for (guint i = 0; i < engine->releases->len; i++)
    release_set_domains(engine->releases->pdata[i], engine->domains);
}

static void block_releases(const Engine *engine)
{
  for (guint i = 0; i < engine->releases->len; i++)
    block_unless_taken(engine, engine->releases->pdata[i]);
}

void engine_reload(Engine *engine, Config *config)
{
  config_ref(config);
  config_unref(engine->config);
  engine->config = config;
  open_pools(engine);
  inherit_limits(engine);
  block_releases(engine);
  wake_soon(engine);
}

void engine_add(Engine *engine, const char *directory)
{
  if (engine->stopping)
    return;   /* it waits in queue/ */
  Domains *domains = engine->usage != NULL ? engine->recalled : engine->domains;
  loader_read(engine->loader, directory, domains, engine->usage);
}

static Release *find_release(const Engine *engine, const char *id)
{
  for (guint i = 0; i < engine->releases->len; i++)
    if (g_str_equal(release_id(engine->releases->pdata[i]), id))
      return engine->releases->pdata[i];
  return NULL;
}

guint engine_settle(Engine *engine, const char *id, const guint32 *contacts, guint n_contacts,
                    const Decision *decision, GError **error)
{
  Release *release = find_release(engine, id);
  if (release == NULL || engine->stopping) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                engine->stopping ? "the daemon is stopping; release %s can be settled when it "
                                   "runs again"
                : loader_reads(engine->loader, id) ? "release %s is still being read; try again"
                                                   : "no release %s is being worked on", id);
    return 0;
  }
  guint settled = release_settle_doubt(release, contacts, n_contacts, decision, error);
  wake_soon(engine);
  return settled;
}

static gboolean on_patience_over(gpointer data)
{
  Engine *engine = data;
  for (guint i = 0; i < engine->pools->len; i++)
    pool_abort(engine->pools->pdata[i], "the daemon had to stop");
  for (guint i = 0; i < engine->leaving->len; i++)
    pool_abort(engine->leaving->pdata[i], "the daemon had to stop");
  wake_soon(engine);
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

gint64 engine_disk_hangs_since(const Engine *engine)
{
  return committer_hangs_since(engine->committer);
}

guint engine_loading(const Engine *engine)
{
  return loader_length(engine->loader);
}

const GPtrArray *engine_releases(const Engine *engine)
{
  return engine->releases;
}

const GPtrArray *engine_pools(const Engine *engine)
{
  return engine->pools;
}
