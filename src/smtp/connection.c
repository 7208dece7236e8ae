/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/connection.h"

#include <curl/curl.h>
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* curl_easy_send() and _recv() walk the connections of their multi handle each time. */
enum { CONNECTIONS_PER_MULTI = 64 };
enum { EVENTS_PER_WAKE = 256 };
/* A TLS record holds 16 KiB; a write that OpenSSL could not finish must be repeated with
 * the same bytes at the same place, so they are gathered here. */
enum { TLS_RECORD = 16 << 10 };
static const char system_ca_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

typedef struct {
  Connector *connector;
  CURLM *curl;
  guint connections;
  GSource *timer;      /* libcurl's, while something is being opened */
} Multi;

/* What an event of the epoll set belongs to: a socket that libcurl opens (connection is
 * NULL), or one that is ours. */
typedef struct {
  int fd;
  Multi *multi;
  Connection *connection;
} Endpoint;

struct Connector {
  GMainContext *context;
  GSource *source;
  int epoll_fd;
  GPtrArray *multis;      /* Multi * */
  GPtrArray *graveyard;   /* Endpoint * that events of the present batch may name */
};

struct Connection {
  Connector *connector;
  Multi *multi;
  CURL *curl;
  Endpoint *endpoint;   /* NULL while libcurl opens the connection */
  const ConnectionEvents *events;
  gpointer owner;
  gboolean plain;       /* no TLS: the socket is used directly */
  guint32 interest;     /* EPOLLIN, EPOLLOUT */
  GString *ehlo;        /* the last complete reply with 250 of the opening */
  GString *reply;       /* the reply that is being received */
  GString *last;        /* the last reply, for the reason of a failure */
  char error[CURL_ERROR_SIZE];
  char *record;         /* TLS: bytes taken but not yet passed to libcurl */
  gsize record_length, record_start;
};

/* --- libcurl's side of the event loop --- */

static void collect_opened(Multi *multi);

static gboolean on_multi_timer(gpointer data)
{
  Multi *multi = data;
  int running;
  g_clear_pointer(&multi->timer, g_source_unref);
  curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &running);
  collect_opened(multi);
  return G_SOURCE_REMOVE;
}

static int set_multi_timer(CURLM *curl, long timeout_ms, void *data)
{
  Multi *multi = data;
  (void)curl;
  if (multi->timer != NULL) {
    g_source_destroy(multi->timer);
    g_clear_pointer(&multi->timer, g_source_unref);
  }
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
  Connector *connector = multi->connector;
  Endpoint *endpoint = socket_data;
  (void)easy;

  if (what == CURL_POLL_REMOVE) {
    if (endpoint != NULL) {
      epoll_ctl(connector->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
      endpoint->fd = -1;
      g_ptr_array_add(connector->graveyard, endpoint);
      curl_multi_assign(multi->curl, fd, NULL);
    }
    return 0;
  }
  struct epoll_event event = { 0 };
  if (what != CURL_POLL_OUT)
    event.events |= EPOLLIN;
  if (what != CURL_POLL_IN)
    event.events |= EPOLLOUT;
  int operation = EPOLL_CTL_MOD;
  if (endpoint == NULL) {
    endpoint = g_new0(Endpoint, 1);
    endpoint->fd = fd;
    endpoint->multi = multi;
    curl_multi_assign(multi->curl, fd, endpoint);
    operation = EPOLL_CTL_ADD;
  }
  event.data.ptr = endpoint;
  return epoll_ctl(connector->epoll_fd, operation, fd, &event);
}

static void multi_free(gpointer data)
{
  Multi *multi = data;
  if (multi->timer != NULL) {
    g_source_destroy(multi->timer);
    g_source_unref(multi->timer);
  }
  curl_multi_cleanup(multi->curl);
  g_free(multi);
}

static Multi *multi_with_room(Connector *connector)
{
  for (guint i = 0; i < connector->multis->len; i++) {
    Multi *multi = g_ptr_array_index(connector->multis, i);
    if (multi->connections < CONNECTIONS_PER_MULTI)
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

/* --- Opening --- */

/* Every line that the server says while libcurl opens the connection comes by here. */
static size_t on_opening_line(char *data, size_t size, size_t count, void *user)
{
  Connection *connection = user;
  size_t length = size * count;
  gsize text = length;
  while (text > 0 && (data[text - 1] == '\r' || data[text - 1] == '\n'))
    text--;
  if (text < 3)
    return length;
  if (connection->reply->len > 0)
    g_string_append_c(connection->reply, '\n');
  if (text > 4)
    g_string_append_len(connection->reply, data + 4, (gssize)text - 4);
  if (text > 3 && data[3] == '-')
    return length;
  if (strncmp(data, "250", 3) == 0)
    g_string_assign(connection->ehlo, connection->reply->str);
  g_string_printf(connection->last, "%.3s %s", data, connection->reply->str);
  g_string_truncate(connection->reply, 0);
  return length;
}

static char *opening_url(const RelaySettings *relay)
{
  const char *helo = relay->helo != NULL ? relay->helo : g_get_host_name();
  return g_strdup_printf("%s/%s", relay->url, helo);
}

static void set_tls_options(CURL *curl, const RelaySettings *relay)
{
  static const long use_ssl[] = { [TLS_NONE] = CURLUSESSL_NONE,
                                  [TLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
                                  [TLS_REQUIRED] = CURLUSESSL_ALL };
  curl_easy_setopt(curl, CURLOPT_USE_SSL, use_ssl[relay->tls]);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  /* Debian's default CAPATH makes OpenSSL read a folder of files for every connection;
   * the bundle is read once and shared. */
  curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(curl, CURLOPT_CAINFO,
                   relay->ca_file != NULL ? relay->ca_file : system_ca_bundle);
  /* Opportunistic encryption is not authenticated (RFC 7435). */
  gboolean verify = relay->tls != TLS_OPPORTUNISTIC;
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
}

static CURL *opening_handle(Connection *connection, const RelaySettings *relay,
                            const char *password)
{
  CURL *curl = curl_easy_init();
  g_autofree char *url = opening_url(relay);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");   /* not what the environment says */
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)relay->connect_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, connection->error);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_opening_line);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, connection);
  curl_easy_setopt(curl, CURLOPT_PRIVATE, connection);
  set_tls_options(curl, relay);
  if (relay->username != NULL) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, relay->username);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
  }
  return curl;
}

Connection *connection_open(Connector *connector, const RelaySettings *relay,
                            const char *password, const ConnectionEvents *events,
                            gpointer owner)
{
  Connection *connection = g_new0(Connection, 1);
  connection->connector = connector;
  connection->events = events;
  connection->owner = owner;
  connection->plain = relay->tls == TLS_NONE && !g_str_has_prefix(relay->url, "smtps:");
  connection->ehlo = g_string_new(NULL);
  connection->reply = g_string_new(NULL);
  connection->last = g_string_new(NULL);
  connection->multi = multi_with_room(connector);
  connection->multi->connections++;
  connection->curl = opening_handle(connection, relay, password);
  curl_multi_add_handle(connection->multi->curl, connection->curl);
  return connection;
}

static void connection_failed(Connection *connection, CURLcode result)
{
  const char *what = connection->error[0] != '\0' ? connection->error : curl_easy_strerror(result);
  g_autofree char *reason = connection->last->len > 0
    ? g_strdup_printf("%s (the relay said: %s)", what, connection->last->str)
    : g_strdup(what);
  connection->events->failed(connection, reason, connection->owner);
}

static void set_interest(Connection *connection, guint32 interest)
{
  if (connection->interest == interest)
    return;
  struct epoll_event event = { .events = interest, .data.ptr = connection->endpoint };
  int operation = connection->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(connection->connector->epoll_fd, operation, connection->endpoint->fd, &event) == 0)
    connection->interest = interest;
}

/* The handle stays in the multi: taking it out would close the connection. */
static void take_over(Connection *connection)
{
  curl_socket_t fd = CURL_SOCKET_BAD;
  curl_easy_getinfo(connection->curl, CURLINFO_ACTIVESOCKET, &fd);
  if (fd == CURL_SOCKET_BAD) {
    connection->events->failed(connection, "the connection closed while it was opened",
                               connection->owner);
    return;
  }
  connection->endpoint = g_new0(Endpoint, 1);
  connection->endpoint->fd = fd;
  connection->endpoint->connection = connection;
  set_interest(connection, EPOLLIN);
  connection->events->opened(connection, connection->owner);
}

static void collect_opened(Multi *multi)
{
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE)
      continue;
    CURLcode result = message->data.result;
    char *owner;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    Connection *connection = (Connection *)(gpointer)owner;
    if (result == CURLE_OK)
      take_over(connection);
    else
      connection_failed(connection, result);
  }
}

void connection_close(Connection *connection)
{
  Connector *connector = connection->connector;
  if (connection->endpoint != NULL) {
    epoll_ctl(connector->epoll_fd, EPOLL_CTL_DEL, connection->endpoint->fd, NULL);
    connection->endpoint->connection = NULL;
    connection->endpoint->fd = -1;
    g_ptr_array_add(connector->graveyard, connection->endpoint);
  }
  curl_multi_remove_handle(connection->multi->curl, connection->curl);
  curl_easy_cleanup(connection->curl);
  connection->multi->connections--;
  g_string_free(connection->ehlo, TRUE);
  g_string_free(connection->reply, TRUE);
  g_string_free(connection->last, TRUE);
  g_free(connection->record);
  g_free(connection);
}

const char *connection_ehlo(const Connection *connection)
{
  return connection->ehlo->str;
}

/* --- Bytes --- */

static IoResult write_plain(Connection *connection, const struct iovec *slices, int count,
                            gsize *written)
{
  struct msghdr message = { .msg_iov = (struct iovec *)slices, .msg_iovlen = (size_t)count };
  ssize_t n;
  do
    n = sendmsg(connection->endpoint->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n >= 0) {
    *written = (gsize)n;
    return IO_DONE;
  }
  return errno == EAGAIN || errno == EWOULDBLOCK ? IO_AGAIN : IO_CLOSED;
}

static IoResult flush_record(Connection *connection)
{
  while (connection->record_start < connection->record_length) {
    size_t sent = 0;
    CURLcode result = curl_easy_send(connection->curl, connection->record + connection->record_start,
                                     connection->record_length - connection->record_start, &sent);
    if (result == CURLE_AGAIN)
      return IO_AGAIN;
    if (result != CURLE_OK)
      return IO_CLOSED;
    connection->record_start += sent;
  }
  connection->record_start = connection->record_length = 0;
  return IO_DONE;
}

static void fill_record(Connection *connection, const struct iovec *slices, int count)
{
  if (connection->record == NULL)
    connection->record = g_malloc(TLS_RECORD);
  for (int i = 0; i < count && connection->record_length < TLS_RECORD; i++) {
    gsize n = MIN(slices[i].iov_len, TLS_RECORD - connection->record_length);
    memcpy(connection->record + connection->record_length, slices[i].iov_base, n);
    connection->record_length += n;
  }
}

static IoResult write_encrypted(Connection *connection, const struct iovec *slices, int count,
                                gsize *written)
{
  IoResult result = flush_record(connection);
  if (result != IO_DONE)
    return result;
  fill_record(connection, slices, count);
  *written = connection->record_length;
  result = flush_record(connection);
  return result == IO_CLOSED ? IO_CLOSED : IO_DONE;
}

IoResult connection_write(Connection *connection, const struct iovec *slices, int count,
                          gsize *written)
{
  *written = 0;
  IoResult result = connection->plain ? write_plain(connection, slices, count, written)
                                      : write_encrypted(connection, slices, count, written);
  gboolean waits = result == IO_AGAIN || connection->record_length > 0;
  if (result != IO_CLOSED)
    set_interest(connection, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  return result;
}

IoResult connection_read(Connection *connection, void *buffer, gsize size, gsize *received)
{
  *received = 0;
  if (!connection->plain) {
    CURLcode result = curl_easy_recv(connection->curl, buffer, size, received);
    if (result == CURLE_AGAIN)
      return IO_AGAIN;
    return result == CURLE_OK && *received > 0 ? IO_DONE : IO_CLOSED;
  }
  ssize_t n;
  do
    n = recv(connection->endpoint->fd, buffer, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n > 0) {
    *received = (gsize)n;
    return IO_DONE;
  }
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? IO_AGAIN : IO_CLOSED;
}

gboolean connection_may_hold_more(const Connection *connection, gsize received, gsize size)
{
  return !connection->plain || received == size;
}

/* --- The epoll set as one source of the main loop --- */

/* Bytes that were taken but could not leave yet go first; the owner is told only when
 * there is room again. */
static void on_writable(Connection *connection)
{
  if (flush_record(connection) == IO_AGAIN)
    return;
  set_interest(connection, EPOLLIN);
  connection->events->writable(connection, connection->owner);
}

static void dispatch(Endpoint *endpoint, guint32 events)
{
  if (endpoint->fd < 0)
    return;
  if (endpoint->multi != NULL) {
    int running;
    int mask = ((events & EPOLLIN) ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
               ((events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
    Multi *multi = endpoint->multi;
    curl_multi_socket_action(multi->curl, endpoint->fd, mask, &running);
    collect_opened(multi);
    return;
  }
  if ((events & EPOLLOUT) != 0)
    on_writable(endpoint->connection);
  if (endpoint->connection != NULL && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
    endpoint->connection->events->readable(endpoint->connection, endpoint->connection->owner);
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
