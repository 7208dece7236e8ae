/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/connector.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "smtp/wipe.h"

/* curl_easy_send() and _recv() walk the connections of their multi handle each time. */
enum { TRANSFERS_PER_MULTI = 64 };
enum { EVENTS_PER_WAKE = 256 };

typedef struct {
  Connector *connector;
  CURLM *curl;
  guint transfers;
  GSource *timer;      /* libcurl's, while a transfer is under way */
} Multi;

struct Transfer {
  Multi *multi;
  CURL *curl;
  void (*done)(CURLcode result, gpointer owner);
  gpointer owner;
};

/* What an event of the epoll set belongs to: a socket of libcurl's, with multi, or one of
 * ours, with events and owner. */
struct SocketWatch {
  Connector *connector;
  int fd;              /* -1: freed, but an event of the present batch may name it */
  Multi *multi;
  const SocketEvents *events;
  gpointer owner;
  guint32 interest;
};

struct Connector {
  GMainContext *context;
  GSource *source;
  int epoll_fd;
  GPtrArray *multis;      /* Multi * */
  GPtrArray *graveyard;   /* SocketWatch * that events of the present batch may name */
};

/* --- Sockets --- */

SocketWatch *socket_watch_new(Connector *connector, int fd, const SocketEvents *events,
                              gpointer owner)
{
  SocketWatch *watch = g_new0(SocketWatch, 1);
  watch->connector = connector;
  watch->fd = fd;
  watch->events = events;
  watch->owner = owner;
  return watch;
}

void socket_watch_for(SocketWatch *watch, guint32 interest)
{
  if (watch->interest == interest)
    return;
  struct epoll_event event = { .events = interest, .data.ptr = watch };
  int operation = watch->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(watch->connector->epoll_fd, operation, watch->fd, &event) == 0)
    watch->interest = interest;
}

void socket_watch_free(SocketWatch *watch)
{
  epoll_ctl(watch->connector->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  watch->fd = -1;
  g_ptr_array_add(watch->connector->graveyard, watch);
}

/* --- libcurl's side of the event loop --- */

static void collect_done(Multi *multi)
{
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE)
      continue;
    CURLcode result = message->data.result;
    char *private;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    Transfer *transfer = (Transfer *)(gpointer)private;
    transfer->done(result, transfer->owner);
  }
}

static void act(Multi *multi, curl_socket_t fd, int mask)
{
  int running;
  curl_multi_socket_action(multi->curl, fd, mask, &running);
  collect_done(multi);
}

static gboolean on_multi_timer(gpointer data)
{
  Multi *multi = data;
  g_clear_pointer(&multi->timer, g_source_unref);
  act(multi, CURL_SOCKET_TIMEOUT, 0);
  return G_SOURCE_REMOVE;
}

static void stop_timer(Multi *multi)
{
  if (multi->timer == NULL)
    return;
  g_source_destroy(multi->timer);
  g_clear_pointer(&multi->timer, g_source_unref);
}

static int set_multi_timer(CURLM *curl, long timeout_ms, void *data)
{
  Multi *multi = data;
  (void)curl;
  stop_timer(multi);
  if (timeout_ms >= 0) {
    multi->timer = g_timeout_source_new((guint)timeout_ms);
    g_source_set_callback(multi->timer, on_multi_timer, multi, NULL);
    g_source_attach(multi->timer, multi->connector->context);
  }
  return 0;
}

static int set_multi_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
  Multi *multi = data;
  SocketWatch *watch = socket_data;
  guint32 interest = 0;
  (void)easy;

  if (what == CURL_POLL_REMOVE) {
    if (watch != NULL) {
      socket_watch_free(watch);
      curl_multi_assign(multi->curl, fd, NULL);
    }
    return 0;
  }
  if (watch == NULL) {
    watch = socket_watch_new(multi->connector, fd, NULL, NULL);
    watch->multi = multi;
    curl_multi_assign(multi->curl, fd, watch);
  }
  if (what != CURL_POLL_OUT)
    interest |= EPOLLIN;
  if (what != CURL_POLL_IN)
    interest |= EPOLLOUT;
  socket_watch_for(watch, interest);
  return watch->interest == interest ? 0 : -1;
}

static void multi_free(gpointer data)
{
  Multi *multi = data;
  curl_multi_cleanup(multi->curl);
  stop_timer(multi);
  g_free(multi);
}

static Multi *multi_with_room(Connector *connector)
{
  for (guint i = 0; i < connector->multis->len; i++) {
    Multi *multi = g_ptr_array_index(connector->multis, i);
    if (multi->transfers < TRANSFERS_PER_MULTI)
      return multi;
  }
  Multi *multi = g_new0(Multi, 1);
  multi->connector = connector;
  multi->curl = curl_multi_init();
  curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, set_multi_socket);
  curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, set_multi_timer);
  curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
  g_ptr_array_add(connector->multis, multi);
  return multi;
}

Transfer *transfer_start(Connector *connector, CURL *curl,
                         void (*done)(CURLcode result, gpointer owner), gpointer owner)
{
  Transfer *transfer = g_new0(Transfer, 1);
  transfer->multi = multi_with_room(connector);
  transfer->multi->transfers++;
  transfer->curl = curl;
  transfer->done = done;
  transfer->owner = owner;
  curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
  curl_multi_add_handle(transfer->multi->curl, curl);
  return transfer;
}

void transfer_end(Transfer *transfer)
{
  curl_multi_remove_handle(transfer->multi->curl, transfer->curl);
  transfer->multi->transfers--;
  g_free(transfer);
}

/* --- The epoll set as one source of the main loop --- */

static void dispatch(SocketWatch *watch, guint32 events)
{
  const guint32 end = EPOLLHUP | EPOLLERR;
  if (watch->fd < 0)
    return;
  if (watch->multi != NULL) {
    act(watch->multi, watch->fd, ((events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
                                 ((events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                                 ((events & end) ? CURL_CSELECT_ERR : 0));
    return;
  }
  if ((events & EPOLLOUT) != 0)
    watch->events->writable(watch->owner);
  if (watch->fd >= 0 && (events & (EPOLLIN | end)) != 0)
    watch->events->readable(watch->owner);
}

static gboolean on_epoll(int fd, GIOCondition condition, gpointer data)
{
  Connector *connector = data;
  struct epoll_event events[EVENTS_PER_WAKE];
  (void)condition;
  int count = epoll_wait(fd, events, EVENTS_PER_WAKE, 0);
  for (int i = 0; i < count; i++)
    dispatch(events[i].data.ptr, events[i].events);
  g_ptr_array_set_size(connector->graveyard, 0);
  return G_SOURCE_CONTINUE;
}

Connector *connector_new(GMainContext *context, GError **error)
{
  wipe_what_curl_frees();
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) {
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "epoll_create1: %s",
                g_strerror(errno));
    return NULL;
  }
  Connector *connector = g_new0(Connector, 1);
  connector->context = context;
  connector->epoll_fd = epoll_fd;
  connector->multis = g_ptr_array_new_with_free_func(multi_free);
  connector->graveyard = g_ptr_array_new_with_free_func(g_free);
  connector->source = g_unix_fd_source_new(epoll_fd, G_IO_IN);
  g_source_set_callback(connector->source, G_SOURCE_FUNC(on_epoll), connector, NULL);
  g_source_attach(connector->source, context);
  return connector;
}

void connector_free(Connector *connector)
{
  g_ptr_array_unref(connector->multis);
  g_source_destroy(connector->source);
  g_source_unref(connector->source);
  g_ptr_array_unref(connector->graveyard);
  close(connector->epoll_fd);
  g_free(connector);
}
