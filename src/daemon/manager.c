/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/manager.h"

#include <systemd/sd-daemon.h>

#include "base/clock.h"

enum { STATUS_SECONDS = 2 };

struct Manager {
  const Engine *engine;
  char *status;             /* as it was told last */
  guint status_timer;       /* 0: nothing has changed */
  guint watchdog_timer;     /* 0: there is no watchdog */
  gint64 watchdog_ms;
  gboolean stopping;
};

/* --- STATUS= --- */

static char *releases_line(const Engine *engine)
{
  const GPtrArray *releases = engine_releases(engine);
  guint64 total = 0, sent = 0;
  if (releases->len == 0)
    return g_strdup(engine_loading(engine) > 0 ? "reading what is in the queue"
                                               : "waiting for drops");
  for (guint i = 0; i < releases->len; i++) {
    const Ledger *ledger = release_ledger(releases->pdata[i]);
    if (ledger == NULL)
      continue;
    total += ledger_length(ledger);
    sent += ledger_count(ledger, CONTACT_SENT);
  }
  return g_strdup_printf("%u release%s, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " sent",
                         releases->len, releases->len == 1 ? "" : "s", sent, total);
}

/* What keeps a journal from being written; NULL: nothing does. */
static char *trouble_line(const Engine *engine)
{
  const GPtrArray *releases = engine_releases(engine);
  for (guint i = 0; i < releases->len; i++) {
    const char *trouble = release_trouble(releases->pdata[i]);
    if (trouble != NULL)
      return g_strdup_printf("release %s: %s; nothing of it is sent until the journal can be written",
                             release_id(releases->pdata[i]), trouble);
  }
  return NULL;
}

static gint64 disk_hangs_ms(const Manager *manager)
{
  gint64 since = engine_disk_hangs_since(manager->engine);
  return since != 0 ? clock_monotonic_ms() - since : 0;
}

/* The moment, not the duration: that would be another line every second. */
static char *disk_line(gint64 hangs_ms)
{
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc((clock_wall_ms() - hangs_ms) / 1000);
  g_autoptr(GDateTime) local = g_date_time_to_local(utc);
  g_autofree char *since = g_date_time_format(local, "%Y-%m-%d %H:%M:%S");
  return g_strdup_printf("the disk has not answered since %s; nothing is sent until it does", since);
}

static char *status_line(const Manager *manager)
{
  gint64 hangs_ms = disk_hangs_ms(manager);
  const char *stop = manager->stopping ? "finishing what is in flight; " : "";
  g_autofree char *line = hangs_ms > 0 ? disk_line(hangs_ms) : trouble_line(manager->engine);
  if (line == NULL)
    line = releases_line(manager->engine);
  return g_strconcat(stop, line, NULL);
}

/* FALSE when it has not changed. */
static gboolean tell_status(Manager *manager)
{
  g_autofree char *line = status_line(manager);
  if (g_strcmp0(line, manager->status) == 0)
    return FALSE;
  sd_notifyf(0, "STATUS=%s", line);
  g_free(manager->status);
  manager->status = g_steal_pointer(&line);
  return TRUE;
}

static gboolean on_status_time(gpointer data)
{
  Manager *manager = data;
  if (tell_status(manager))
    return G_SOURCE_CONTINUE;
  manager->status_timer = 0;
  return G_SOURCE_REMOVE;
}

void manager_changed(Manager *manager)
{
  if (manager->status_timer == 0)
    manager->status_timer = g_timeout_add_seconds(STATUS_SECONDS, on_status_time, manager);
}

/* --- WATCHDOG=1 --- */

static gboolean feed_watchdog(gpointer data)
{
  const Manager *manager = data;
  if (disk_hangs_ms(manager) <= manager->watchdog_ms)
    sd_notify(0, "WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

/* In whole seconds, where it has some, so that GLib may wake for several timers at once. */
static void start_watchdog(Manager *manager)
{
  guint64 interval_us;
  if (sd_watchdog_enabled(0, &interval_us) <= 0)
    return;
  manager->watchdog_ms = (gint64)(interval_us / 1000);
  guint half_ms = (guint)MIN(interval_us / 2000, G_MAXINT);
  manager->watchdog_timer = half_ms >= 1000
                                ? g_timeout_add_seconds(half_ms / 1000, feed_watchdog, manager)
                                : g_timeout_add(MAX(half_ms, 1), feed_watchdog, manager);
}

/* --- Both --- */

void manager_tell(Manager *manager)
{
  tell_status(manager);
  if (manager->watchdog_timer != 0)
    feed_watchdog(manager);
}

void manager_stop(Manager *manager)
{
  manager->stopping = TRUE;
  sd_notify(0, "STOPPING=1");
  tell_status(manager);
}

Manager *manager_new(const Engine *engine)
{
  Manager *manager = g_new0(Manager, 1);
  manager->engine = engine;
  start_watchdog(manager);
  tell_status(manager);
  return manager;
}

void manager_free(Manager *manager)
{
  g_clear_handle_id(&manager->status_timer, g_source_remove);
  g_clear_handle_id(&manager->watchdog_timer, g_source_remove);
  g_free(manager->status);
  g_free(manager);
}
