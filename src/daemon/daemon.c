/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "base/names.h"
#include "control/server.h"
#include "daemon/manager.h"
#include "daemon/settle.h"
#include "daemon/status.h"
#include "delivery/engine.h"
#include "spool/drop.h"
#include "spool/intake.h"
#include "spool/watch.h"

/* A clean stop has ten seconds; the rest of them is for the journals. */
enum { STOP_PATIENCE_MS = 8000 };

struct Daemon {
  Config *config;
  gint64 since_ms;
  int lock;                 /* of the spool; -1: not held */
  ControlServer *control;
  Engine *engine;
  Intake *intake;
  Watch *watch;
  Manager *manager;
  gboolean stopping;
  void (*stopped)(gpointer data);
  gpointer stopped_data;
};

/* --- What happens, and who has to know --- */

static void on_drop(const char *path, const char *channel, gpointer data)
{
  Daemon *daemon = data;
  intake_take(daemon->intake, path, channel);
}

static void on_accepted(const char *directory, gpointer data)
{
  Daemon *daemon = data;
  engine_add(daemon->engine, directory);
}

static void on_rejected(const char *id, gpointer data)
{
  (void)id;
  (void)data;
}

static void on_finished(const char *id, gpointer data)
{
  Daemon *daemon = data;
  /* While the daemon ends it may be the last thing that happens; the next start archives it. */
  if (daemon->intake != NULL)
    intake_archive(daemon->intake, id);
}

static void on_engine_stopped(gpointer data)
{
  Daemon *daemon = data;
  daemon->stopped(daemon->stopped_data);
}

/* The engine is there before the manager, and after it. */
static void on_changed(gpointer data)
{
  const Daemon *daemon = data;
  if (daemon->manager != NULL)
    manager_changed(daemon->manager);
}

static void on_disk(gpointer data)
{
  const Daemon *daemon = data;
  if (daemon->manager != NULL)
    manager_tell(daemon->manager);
}

static JsonNode *on_command(const char *command, JsonObject *request, gint64 uid, gpointer data,
                            GError **error)
{
  Daemon *daemon = data;
  if (g_strcmp0(command, "status") == 0)
    return status_to_json(daemon->engine, daemon->since_ms);
  if (g_strcmp0(command, "settle") == 0)
    return settle_doubts(daemon->engine, request, uid, error);
  if (g_strcmp0(command, "rescan") == 0) {
    if (daemon->watch != NULL)
      watch_rescan(daemon->watch);
    return json_node_init_object(json_node_alloc(), json_object_new());
  }
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
              "this daemon (%s) does not know the command \"%s\"", DATELINE_VERSION, command);
  return NULL;
}

/* --- Starting --- */

/* One daemon a spool: two would send everything twice. */
static gboolean lock_spool(Daemon *daemon, GError **error)
{
  g_autofree char *path = g_build_filename(daemon->config->spool, ".lock", NULL);
  daemon->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (daemon->lock >= 0 && flock(daemon->lock, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  if (errno == EWOULDBLOCK)
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                "another datelined works on %s; stop it first", daemon->config->spool);
  else
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "cannot lock %s: %s",
                path, g_strerror(errno));
  return FALSE;
}

/* The oldest first: an id begins with its time. */
static gboolean take_up_queue(Daemon *daemon, GError **error)
{
  g_autofree char *queue = g_build_filename(daemon->config->spool, "queue", NULL);
  g_autoptr(GPtrArray) names = durable_list_directory(queue, error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *directory = g_build_filename(queue, names->pdata[i], NULL);
    if (release_id_is_valid(names->pdata[i]))
      engine_add(daemon->engine, directory);
  }
  return TRUE;
}

static gboolean start(Daemon *daemon, GError **error)
{
  static const EngineEvents engine_events = {
    on_finished, on_engine_stopped, on_changed, on_disk,
  };
  static const IntakeEvents intake_events = { on_accepted, on_rejected };
  g_autofree char *socket = g_build_filename(daemon->config->runtime, "control", NULL);

  if (!spool_prepare(daemon->config, error) || !lock_spool(daemon, error))
    return FALSE;
  daemon->engine = engine_new(daemon->config, &engine_events, daemon, error);
  if (daemon->engine == NULL)
    return FALSE;
  daemon->control = control_server_new(socket, on_command, daemon, error);
  if (daemon->control == NULL)
    return FALSE;
  daemon->intake = intake_new(daemon->config, &intake_events, daemon, error);
  daemon->watch = daemon->intake != NULL ? watch_new(daemon->config, on_drop, daemon, error) : NULL;
  /* The queue before what becomes part of it: a release must not be taken up twice. */
  if (daemon->watch == NULL || !take_up_queue(daemon, error))
    return FALSE;
  intake_recover(daemon->intake);
  daemon->manager = manager_new(daemon->engine);
  return TRUE;
}

Daemon *daemon_new(Config *config, void (*stopped)(gpointer data), gpointer data, GError **error)
{
  Daemon *daemon = g_new0(Daemon, 1);
  daemon->config = config_ref(config);
  daemon->since_ms = clock_wall_ms();
  daemon->lock = -1;
  daemon->stopped = stopped;
  daemon->stopped_data = data;
  if (start(daemon, error))
    return daemon;
  daemon_free(daemon);
  return NULL;
}

/* --- Running --- */

gboolean daemon_reload(Daemon *daemon, Config *config, GError **error)
{
  if (g_strcmp0(config->spool, daemon->config->spool) != 0 ||
      g_strcmp0(config->runtime, daemon->config->runtime) != 0) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "spool and runtime cannot change while the daemon runs; restart it");
    return FALSE;
  }
  if (daemon->stopping) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN, "the daemon stops");
    return FALSE;
  }
  if (!spool_prepare(config, error))
    return FALSE;
  Watch *watch = watch_new(config, on_drop, daemon, error);
  if (watch == NULL)
    return FALSE;
  watch_free(daemon->watch);
  daemon->watch = watch;
  config_ref(config);
  config_unref(daemon->config);
  daemon->config = config;
  intake_reload(daemon->intake, config);
  engine_reload(daemon->engine, config);
  return TRUE;
}

void daemon_stop(Daemon *daemon)
{
  if (daemon->stopping)
    return;
  daemon->stopping = TRUE;
  manager_stop(daemon->manager);
  g_clear_pointer(&daemon->watch, watch_free);
  engine_stop(daemon->engine, STOP_PATIENCE_MS);
}

void daemon_free(Daemon *daemon)
{
  g_clear_pointer(&daemon->manager, manager_free);
  g_clear_pointer(&daemon->watch, watch_free);
  g_clear_pointer(&daemon->intake, intake_free);
  g_clear_pointer(&daemon->control, control_server_free);
  g_clear_pointer(&daemon->engine, engine_free);
  if (daemon->lock >= 0)
    close(daemon->lock);
  config_unref(daemon->config);
  g_free(daemon);
}
