/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/connection.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "config/credential.h"
#include "config/mechanism.h"
#include "smtp/route.h"

/* A relay that moves is found again soon; connections are opened seldom enough to ask. */
static const long NAMES_KEPT_S = 5;

/* A TLS record holds 16 KiB; a write that OpenSSL could not finish must be repeated with
 * the same bytes at the same place, so they are gathered here. */
enum { TLS_RECORD = 16 << 10 };

struct Connection {
  Connector *connector;
  const RelaySettings *relay;
  CURL *curl;
  Transfer *transfer;
  int fd;
  SocketWatch *watch;   /* NULL while libcurl opens the connection */
  const ConnectionEvents *events;
  gpointer owner;
  gboolean plain;       /* no TLS: the socket is used directly */
  GString *ehlo;        /* the last complete reply with 250 of the opening */
  GString *reply;       /* the reply that is being received */
  GString *last;        /* the last reply, for the reason of a failure */
  gboolean login_refused;
  char *client_key;     /* PEM; libcurl uses it where it is */
  char error[CURL_ERROR_SIZE];
  char *record;         /* TLS: bytes taken but not yet passed to libcurl */
  gsize record_length, record_start;
};

static void on_socket_readable(gpointer owner);
static void on_socket_writable(gpointer owner);

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
  route_set_trust(curl, relay->ca_file);
  /* Opportunistic encryption is not authenticated (RFC 7435). */
  gboolean verify = relay->tls != TLS_OPPORTUNISTIC;
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
  curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, relay->tls_key_pin);
}

static void set_client_certificate(Connection *connection, CURL *curl, const RelaySettings *relay,
                                   const char *key)
{
  if (relay->client_certificate == NULL)
    return;
  connection->client_key = g_strdup(key);
  struct curl_blob blob = { .data = connection->client_key, .len = strlen(key),
                            .flags = CURL_BLOB_NOCOPY };
  curl_easy_setopt(curl, CURLOPT_SSLCERT, relay->client_certificate);
  curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &blob);
}

static void set_login(CURL *curl, const RelaySettings *relay, const Secrets *secrets)
{
  if (relay->username == NULL)
    return;
  g_autofree char *options = relay_login_options(relay);
  curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS, options);
  curl_easy_setopt(curl, CURLOPT_USERNAME, relay->username);
  curl_easy_setopt(curl, CURLOPT_PASSWORD, secrets->password);
  curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, secrets->token);
}

static CURL *opening_handle(Connection *connection, const RelaySettings *relay,
                            const Secrets *secrets)
{
  CURL *curl = curl_easy_init();
  g_autofree char *url = opening_url(relay);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl, CURLOPT_DNS_CACHE_TIMEOUT, NAMES_KEPT_S);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, connection->error);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_opening_line);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, connection);
  route_set(curl, relay, secrets->proxy_password);
  set_tls_options(curl, relay);
  set_client_certificate(connection, curl, relay, secrets->client_key);
  set_login(curl, relay, secrets);
  return curl;
}

/* XOAUTH2 and OAUTHBEARER explain a refusal in a challenge (RFC 7628 section 3.2.2), which
 * libcurl leaves unanswered. */
static gboolean refuses_login(const Connection *connection, CURLcode result)
{
  return result == CURLE_LOGIN_DENIED && (g_str_has_prefix(connection->last->str, "535 ") ||
                                          g_str_has_prefix(connection->last->str, "334 "));
}

/* What the relay said last, a challenge as what it is in base64. */
static char *last_words(const Connection *connection)
{
  const char *said = connection->last->str;
  gsize length;
  if (!g_str_has_prefix(said, "334 ") || said[4] == '\0')
    return g_strdup(said);
  g_autofree guchar *challenge = g_base64_decode(said + 4, &length);
  return g_strdup_printf("334 %.*s", (int)length, (const char *)challenge);
}

static char *reason_of(const Connection *connection, CURLcode result)
{
  const char *what = connection->error[0] != '\0' ? connection->error : curl_easy_strerror(result);
  g_autofree char *said = last_words(connection);
  if (*said != '\0')
    return g_strdup_printf("%s (the relay said: %s)", what, said);
  if (result == CURLE_INTERFACE_FAILED)
    return g_strdup_printf("source_address %s: %s", connection->relay->source_address, what);
  return g_strdup(what);
}

static void connection_failed(Connection *connection, CURLcode result)
{
  g_autofree char *reason = reason_of(connection, result);
  connection->login_refused = refuses_login(connection, result);
  connection->events->failed(connection, reason, connection->owner);
}

/* Until the first call of this kind libcurl takes the connection for one that lies ready for
 * another use: when it opens the next, it closes those that have been lying for two minutes,
 * or that the server has closed. Their descriptor would then be somebody else's. */
static void claim_connection(CURL *curl)
{
  char nothing;
  size_t received;
  curl_easy_recv(curl, &nothing, 0, &received);
}

/* The handle stays in the multi: taking it out would close the connection. */
static void take_over(Connection *connection)
{
  static const SocketEvents events = { on_socket_readable, on_socket_writable };
  connection->fd = CURL_SOCKET_BAD;
  curl_easy_getinfo(connection->curl, CURLINFO_ACTIVESOCKET, &connection->fd);
  if (connection->fd == CURL_SOCKET_BAD) {
    connection->events->failed(connection, "the connection closed while it was opened",
                               connection->owner);
    return;
  }
  claim_connection(connection->curl);
  connection->watch = socket_watch_new(connection->connector, connection->fd, &events, connection);
  socket_watch_for(connection->watch, EPOLLIN);
  connection->events->opened(connection, connection->owner);
}

static void on_opening_done(CURLcode result, gpointer owner)
{
  Connection *connection = owner;
  if (result == CURLE_OK)
    take_over(connection);
  else
    connection_failed(connection, result);
}

Connection *connection_open(Connector *connector, const RelaySettings *relay,
                            const Secrets *secrets, const ConnectionEvents *events,
                            gpointer owner)
{
  Connection *connection = g_new0(Connection, 1);
  connection->connector = connector;
  connection->relay = relay;
  connection->events = events;
  connection->owner = owner;
  connection->plain = relay->tls == TLS_NONE && !g_str_has_prefix(relay->url, "smtps:");
  connection->ehlo = g_string_new(NULL);
  connection->reply = g_string_new(NULL);
  connection->last = g_string_new(NULL);
  connection->curl = opening_handle(connection, relay, secrets);
  connection->transfer = transfer_start(connector, connection->curl, on_opening_done, connection);
  return connection;
}

void connection_close(Connection *connection)
{
  if (connection->watch != NULL)
    socket_watch_free(connection->watch);
  transfer_end(connection->transfer);
  curl_easy_cleanup(connection->curl);
  credential_free(connection->client_key);
  g_string_free(connection->ehlo, TRUE);
  g_string_free(connection->reply, TRUE);
  g_string_free(connection->last, TRUE);
  g_free(connection->record);
  g_free(connection);
}

gboolean connection_login_refused(const Connection *connection)
{
  return connection->login_refused;
}

const char *connection_last_reply(const Connection *connection)
{
  return connection->last->str;
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
    n = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
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
    socket_watch_for(connection->watch, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
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
    n = recv(connection->fd, buffer, size, MSG_DONTWAIT);
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

/* --- Events --- */

static void on_socket_readable(gpointer owner)
{
  Connection *connection = owner;
  connection->events->readable(connection, connection->owner);
}

/* Bytes that were taken but could not leave yet go first; the owner is told only when
 * there is room again. */
static void on_socket_writable(gpointer owner)
{
  Connection *connection = owner;
  if (flush_record(connection) == IO_AGAIN)
    return;
  socket_watch_for(connection->watch, EPOLLIN);
  connection->events->writable(connection, connection->owner);
}
