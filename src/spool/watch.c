/* SPDX-License-Identifier: Apache-2.0 */

/* inotify and the rescan, which bring in the names that may become drops, folder by
 * folder; waiting.c finds out when each of them is complete. */
#include "spool/watch.h"

#include <glib-unix.h>
#include <sys/inotify.h>
#include "spool/drop.h"
#include "spool/folders.h"
#include "spool/waiting.h"

enum {
  EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR |
           IN_DONT_FOLLOW | IN_EXCL_UNLINK,
  EVENTS_READ = 16 << 10, /* bytes at a time */
  MS_PER_SECOND = 1000,
};

/* What an event of inotify means for the name that it is about. */
static const struct {
  guint32 event;
  News news;
} news_of_event[] = {
  {IN_CREATE, NEWS_MADE},
  {IN_CLOSE_WRITE, NEWS_CLOSED},
  {IN_MOVED_TO, NEWS_RENAMED},
  {IN_MOVED_FROM, NEWS_GONE},
  {IN_DELETE, NEWS_GONE},
};

/* incoming/, a channel's folder, or the one for suppressions. */
typedef struct {
  Watch *watch;
  char *folder;          /* the channel folder's name; NULL: incoming/ itself */
  const char *channel;   /* for which drops here are; borrowed from the configuration */
  char *path;
  int fd;                /* -1 while it is missing */
  int descriptor;        /* inotify's; -1 without */
  gboolean told_missing, told_blind;
  Waiting *waiting;
} Place;

struct Watch {
  Config *config;
  WatchDrop drop;
  gpointer data;
  GPtrArray *places;
  GHashTable *by_descriptor;  /* Place *, borrowed */
  int inotify;                /* -1 without */
  guint inotify_source, rescan_source, soon_source;
};

static gboolean is_drop_name(const Place *place, const char *name)
{
  return watch_name_is_ready(name) &&
         (place->folder != NULL ||
          !spool_is_channel_folder(place->watch->config, place->fd, name));
}

static void handle_name(Place *place, const char *name, guint32 mask)
{
  for (guint i = 0; i < G_N_ELEMENTS(news_of_event); i++) {
    if ((mask & news_of_event[i].event) != 0 && is_drop_name(place, name)) {
      waiting_hear(place->waiting, name, news_of_event[i].news);
    }
  }
}

static void handle_event(Watch *watch, const struct inotify_event *event)
{
  Place *place = g_hash_table_lookup(watch->by_descriptor, GINT_TO_POINTER(event->wd));

  if ((event->mask & IN_Q_OVERFLOW) != 0) {
    watch_rescan(watch);
  } else if (place == NULL) {
    return; /* of a folder that was replaced */
  } else if ((event->mask & IN_IGNORED) != 0) {
    g_hash_table_remove(watch->by_descriptor, GINT_TO_POINTER(event->wd));
    place->descriptor = -1;
  } else if (event->len > 0) {
    handle_name(place, event->name, event->mask);
  }
}

/* One read only: what is left calls us again, after other sources had their turn. */
static gboolean on_inotify(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
  char events[EVENTS_READ] __attribute__((aligned(__alignof__(struct inotify_event))));
  gssize length = read(fd, events, sizeof events);

  for (gssize at = 0; at < length;) {
    const struct inotify_event *event = (const void *)(events + at);
    handle_event(data, event);
    at += (gssize)(sizeof *event + event->len);
  }
  return G_SOURCE_CONTINUE;
}

static void stop_descriptor(Place *place)
{
  Watch *watch = place->watch;

  if (place->descriptor >= 0) {
    g_hash_table_remove(watch->by_descriptor, GINT_TO_POINTER(place->descriptor));
    inotify_rm_watch(watch->inotify, place->descriptor);
    place->descriptor = -1;
  }
}

/* The folder by this path now, which need not be the one of the last time. */
static void renew_descriptor(Place *place)
{
  Watch *watch = place->watch;
  int descriptor = inotify_add_watch(watch->inotify, place->path, EVENTS);

  if (descriptor < 0 && !place->told_blind) {
    g_warning("cannot watch %s: %s; it is looked through every %" G_GINT64_FORMAT " s instead",
              place->path, g_strerror(errno), watch->config->rescan_ms / MS_PER_SECOND);
  }
  place->told_blind = descriptor < 0;
  if (descriptor != place->descriptor) {
    stop_descriptor(place);
    place->descriptor = descriptor;
  }
  if (descriptor >= 0) {
    g_hash_table_insert(watch->by_descriptor, GINT_TO_POINTER(descriptor), place);
  }
}

/* FALSE while the folder cannot be opened, with errno. */
static gboolean renew_place(Place *place)
{
  fd_clear(&place->fd);
  place->fd = spool_open_incoming(place->watch->config, place->folder);
  waiting_set_folder(place->waiting, place->fd);
  if (place->fd < 0) {
    int number = errno;
    if (!place->told_missing) {
      g_warning("cannot open %s: %s; nothing that is dropped there is seen", place->path,
                g_strerror(number));
    }
    stop_descriptor(place);
    place->told_missing = TRUE;
    errno = number;
    return FALSE;
  }
  place->told_missing = FALSE;
  if (place->watch->inotify >= 0) {
    renew_descriptor(place);
  }
  return TRUE;
}

static void scan_place(Place *place)
{
  g_autoptr(DIR) folder = folder_open(place->fd, ".");
  const char *name;

  waiting_forget_reported(place->waiting);
  while (folder != NULL && (name = folder_next(folder)) != NULL) {
    if (!waiting_knows(place->waiting, name) && is_drop_name(place, name)) {
      waiting_hear(place->waiting, name, NEWS_FOUND);
    }
  }
}

static gboolean on_rescan(gpointer data)
{
  Watch *watch = data;

  for (guint i = 0; i < watch->places->len; i++) {
    Place *place = g_ptr_array_index(watch->places, i);
    if (renew_place(place)) {
      scan_place(place);
    }
  }
  return G_SOURCE_CONTINUE;
}

static gboolean on_soon(gpointer data)
{
  Watch *watch = data;

  watch->soon_source = 0;
  on_rescan(watch);
  return G_SOURCE_REMOVE;
}

void watch_rescan(Watch *watch)
{
  if (watch->soon_source == 0) {
    watch->soon_source = g_timeout_add(0, on_soon, watch);
  }
}

static void place_free(gpointer pointer)
{
  Place *place = pointer;

  stop_descriptor(place);
  fd_clear(&place->fd);
  waiting_free(place->waiting);
  g_free(place->folder);
  g_free(place->path);
  g_free(place);
}

static void on_complete(const char *name, gpointer data)
{
  const Place *place = data;
  g_autofree char *path = g_build_filename(place->path, name, NULL);

  place->watch->drop(path, place->channel, place->watch->data);
}

static Place *add_place(Watch *watch, const char *folder, const char *channel)
{
  Place *place = g_new0(Place, 1);

  place->watch = watch;
  place->folder = g_strdup(folder);
  place->channel = channel;
  place->path = spool_path(watch->config, SPOOL_INCOMING, folder);
  place->fd = -1;
  place->descriptor = -1;
  place->waiting = waiting_new(watch->config->settle_ms, watch->config->rescan_ms, on_complete,
                               place);
  g_ptr_array_add(watch->places, place);
  return place;
}

static void start_inotify(Watch *watch)
{
  watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watch->inotify < 0) {
    g_warning("cannot start inotify: %s; the spool is looked through every %" G_GINT64_FORMAT
              " s instead", g_strerror(errno), watch->config->rescan_ms / MS_PER_SECOND);
    return;
  }
  watch->inotify_source = g_unix_fd_add(watch->inotify, G_IO_IN, on_inotify, watch);
}

/* In whole seconds GLib lets wake-ups of several timers fall together. */
static guint add_rescan_timer(Watch *watch)
{
  gint64 ms = watch->config->rescan_ms;

  return ms % MS_PER_SECOND == 0
             ? g_timeout_add_seconds((guint)(ms / MS_PER_SECOND), on_rescan, watch)
             : g_timeout_add((guint)ms, on_rescan, watch);
}

Watch *watch_new(Config *config, WatchDrop drop, gpointer data, GError **error)
{
  Watch *watch = g_new0(Watch, 1);

  watch->config = config_ref(config);
  watch->drop = drop;
  watch->data = data;
  watch->places = g_ptr_array_new_with_free_func(place_free);
  watch->by_descriptor = g_hash_table_new(NULL, NULL);
  start_inotify(watch);
  Place *incoming = add_place(watch, NULL, config_channel(config, NULL)->name);
  incoming->told_missing = TRUE; /* the error will tell */
  if (!renew_place(incoming)) {
    spool_fail(error, NULL, "open folder %s", incoming->path);
    watch_free(watch);
    return NULL;
  }
  for (guint i = 0; i < config->channels->len; i++) {
    const ChannelSettings *channel = g_ptr_array_index(config->channels, i);
    renew_place(add_place(watch, channel->name, channel->name));
  }
  renew_place(add_place(watch, SPOOL_SUPPRESSIONS, SPOOL_SUPPRESSIONS));
  watch->rescan_source = add_rescan_timer(watch);
  watch_rescan(watch);
  return watch;
}

void watch_free(Watch *watch)
{
  if (watch == NULL) {
    return;
  }
  g_clear_handle_id(&watch->inotify_source, g_source_remove);
  g_clear_handle_id(&watch->rescan_source, g_source_remove);
  g_clear_handle_id(&watch->soon_source, g_source_remove);
  g_ptr_array_unref(watch->places);
  g_hash_table_unref(watch->by_descriptor);
  fd_clear(&watch->inotify);
  config_unref(watch->config);
  g_free(watch);
}
