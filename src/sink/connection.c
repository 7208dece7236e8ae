/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/connection.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sink/client.h"
#include "sink/transit.h"

enum {
  LINGER_TIME = 2 * G_USEC_PER_SEC,  /* for the client to notice that we closed */
  ROUNDS = 16,                       /* buffers of input before others have their turn */
};

struct Connection {
  Service *service;
  int socket;
  SSL *ssl;              /* NULL without TLS */
  Client *client;
  Outlet *outlet;
  Transit *transit;      /* NULL without latency */
  GByteArray *carry;     /* input that the conversation has not taken yet */
  gboolean hungry;       /* it cannot go on with what is in carry */
  gboolean drained;      /* the socket held no more at the last look in this run */
  gboolean hanging;
  gboolean (*phase)(Connection *connection, Buffer buffer);
  gint64 linger_until;
  gint64 now;
  Wish wish;
};

/* The phases. Each does what it can and returns FALSE when the connection is over;
 * otherwise it has either set the wish or gone to another phase. */
static gboolean phase_start(Connection *connection, Buffer buffer);
static gboolean phase_handshake(Connection *connection, Buffer buffer);
static gboolean phase_talk(Connection *connection, Buffer buffer);
static gboolean phase_hang(Connection *connection, Buffer buffer);
static gboolean phase_linger(Connection *connection, Buffer buffer);

Connection *connection_new(Service *service, int socket, guint64 number)
{
  Connection *connection = g_new0(Connection, 1);
  connection->service = service;
  connection->socket = socket;
  connection->outlet = outlet_new();
  connection->client = client_new(service, connection->outlet, number);
  connection->transit = service->latency > 0 ? transit_new() : NULL;
  connection->carry = g_byte_array_new();
  connection->hungry = TRUE;
  connection->phase = phase_start;
  return connection;
}

void connection_free(Connection *connection)
{
  client_free(connection->client);
  outlet_free(connection->outlet);
  transit_free(connection->transit);
  g_byte_array_unref(connection->carry);
  SSL_free(connection->ssl);
  close(connection->socket);
  g_free(connection);
}

gboolean connection_run(Connection *connection, guint32 events, Buffer buffer, Wish *wish)
{
  gboolean broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (broken && (connection->wish.events & EPOLLIN) == 0) {
    return FALSE;
  }
  connection->now = g_get_monotonic_time();
  connection->drained = FALSE;
  gboolean (*phase)(Connection *, Buffer);
  do {
    connection->wish = (Wish){0};
    phase = connection->phase;
    if (!phase(connection, buffer)) {
      return FALSE;
    }
  } while (connection->phase != phase);
  *wish = connection->wish;
  return TRUE;
}

/* After a call into TLS that returned result: TRUE if it only has to wait. */
static gboolean tls_waits(Connection *connection, int result)
{
  switch (SSL_get_error(connection->ssl, result)) {
  case SSL_ERROR_WANT_READ:
    connection->wish.events |= EPOLLIN;
    return TRUE;
  case SSL_ERROR_WANT_WRITE:
    connection->wish.events |= EPOLLOUT;
    return TRUE;
  default:
    ERR_clear_error();
    return FALSE;
  }
}

typedef enum {
  MOVED,    /* some octets */
  WAITING,  /* none now; the wish says for what */
  ENDED,    /* the other side sends no more */
  BROKEN,
} Movement;

static Movement socket_waits_or_broke(Connection *connection, guint32 event)
{
  if (errno != EAGAIN && errno != EINTR) {
    return BROKEN;
  }
  connection->wish.events |= event;
  return WAITING;
}

static Movement connection_read(Connection *connection, char *octets, gsize size, gsize *length)
{
  *length = 0;
  if (connection->ssl != NULL) {
    int result = SSL_read_ex(connection->ssl, octets, size, length);
    if (result == 1) {
      return MOVED;
    }
    gboolean at_end = SSL_get_error(connection->ssl, result) == SSL_ERROR_ZERO_RETURN;
    return at_end ? ENDED : tls_waits(connection, result) ? WAITING : BROKEN;
  }
  if (connection->drained) {
    connection->wish.events |= EPOLLIN;
    return WAITING;
  }
  ssize_t result = recv(connection->socket, octets, size, 0);
  if (result < 0) {
    return socket_waits_or_broke(connection, EPOLLIN);
  }
  *length = (gsize)result;
  connection->drained = *length < size;
  return result > 0 ? MOVED : ENDED;
}

static Movement connection_write(Connection *connection, const char *octets, gsize size,
                                 gsize *length)
{
  *length = 0;
  if (connection->ssl != NULL) {
    int result = SSL_write_ex(connection->ssl, octets, size, length);
    return result == 1 ? MOVED : tls_waits(connection, result) ? WAITING : BROKEN;
  }
  ssize_t result = send(connection->socket, octets, size, MSG_NOSIGNAL);
  if (result < 0) {
    return socket_waits_or_broke(connection, EPOLLOUT);
  }
  *length = (gsize)result;
  return MOVED;
}

/* What the client may see now: straight from the outlet, or what has come through transit. */
static gsize connection_peek(Connection *connection, const char **octets)
{
  gsize left = outlet_peek(connection->outlet, connection->now, octets);
  if (connection->transit == NULL) {
    return left;
  }
  if (left > 0) {
    gint64 latency = (gint64)connection->service->latency * 1000;
    transit_add(connection->transit, *octets, left, connection->now + latency);
    outlet_sent(connection->outlet, left);
  }
  return transit_peek(connection->transit, connection->now, octets);
}

static void connection_sent(Connection *connection, gsize length)
{
  if (connection->transit != NULL) {
    transit_sent(connection->transit, length);
  } else {
    outlet_sent(connection->outlet, length);
  }
}

/* Whatever is to become of the connection waits until all replies have arrived. */
static gboolean ending_waits(const Connection *connection, gint64 arrival)
{
  return arrival > 0 && outlet_ending(connection->outlet) != ENDING_NONE;
}

/* Sends what may leave. MOVED means that all of it has left, that no parcel waits for its
 * time, and that no ending waits for what is in transit. */
static Movement connection_flush(Connection *connection)
{
  const char *octets;
  gsize left;
  while ((left = connection_peek(connection, &octets)) > 0) {
    gsize length;
    Movement movement = connection_write(connection, octets, left, &length);
    if (movement != MOVED) {
      return movement;
    }
    connection_sent(connection, length);
  }
  gint64 due = outlet_due(connection->outlet);
  gint64 arrival = connection->transit != NULL ? transit_due(connection->transit) : 0;
  connection->wish.due = due == 0 || arrival == 0 ? due + arrival : MIN(due, arrival);
  return due > 0 || ending_waits(connection, arrival) ? WAITING : MOVED;
}

static gboolean phase_start(Connection *connection, Buffer buffer G_GNUC_UNUSED)
{
  if (connection->service->tls_wrapped) {
    connection->phase = phase_handshake;
  } else {
    client_greet(connection->client);
    connection->phase = phase_talk;
  }
  return TRUE;
}

static gboolean phase_handshake(Connection *connection, Buffer buffer G_GNUC_UNUSED)
{
  if (connection->ssl == NULL) {
    connection->ssl = SSL_new(connection->service->tls);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, connection->socket) != 1) {
      return FALSE;
    }
  }
  int result = SSL_accept(connection->ssl);
  if (result != 1) {
    return tls_waits(connection, result);
  }
  client_secure(connection->client, SSL_get_version(connection->ssl));
  if (connection->service->tls_wrapped) {
    client_greet(connection->client);
  }
  connection->phase = phase_talk;
  return TRUE;
}

/* Everything has left; what the outlet says is to become of the connection happens. */
static gboolean connection_end(Connection *connection, Ending ending)
{
  static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (connection->ssl != NULL && (ending == ENDING_CLOSE || ending == ENDING_QUIT)) {
    SSL_shutdown(connection->ssl);
    ERR_clear_error();
  }
  switch (ending) {
  case ENDING_HANDSHAKE:
    outlet_clear_ending(connection->outlet);
    connection->hungry = TRUE;
    connection->phase = phase_handshake;
    return TRUE;
  case ENDING_HANG:
    connection->phase = phase_hang;
    return TRUE;
  case ENDING_CLOSE:
    shutdown(connection->socket, SHUT_WR);
    connection->linger_until = connection->now + LINGER_TIME;
    connection->phase = phase_linger;
    return TRUE;
  case ENDING_RESET:
    setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return FALSE;
  case ENDING_QUIT:
    return FALSE;
  case ENDING_NONE:
    break;
  }
  return TRUE;
}

/* Fills the buffer with what was left over and, if the conversation cannot go on with
 * that alone, with new input. */
static Movement connection_gather(Connection *connection, Buffer buffer, gsize *length)
{
  gsize carried = connection->carry->len;
  gsize room = buffer.size - carried;
  if (carried > 0) {
    memcpy(buffer.octets, connection->carry->data, carried);
  }
  *length = carried;
  if (!connection->hungry) {
    return MOVED;
  }
  gsize fresh;
  Movement movement = connection_read(connection, buffer.octets + carried, room, &fresh);
  *length += fresh;
  return movement;
}

static void connection_feed(Connection *connection, char *octets, gsize length)
{
  gsize taken = client_take(connection->client, octets, length);
  connection->hungry = taken == length || !outlet_is_busy(connection->outlet);
  g_byte_array_set_size(connection->carry, 0);
  if (taken < length) {
    g_byte_array_append(connection->carry, (const guint8 *)octets + taken,
                        (guint)(length - taken));
  }
}

static gboolean phase_talk(Connection *connection, Buffer buffer)
{
  for (guint round = 0; round < ROUNDS; round++) {
    Movement movement = connection_flush(connection);
    if (movement != MOVED) {
      return movement == WAITING;
    }
    Ending ending = outlet_ending(connection->outlet);
    if (ending != ENDING_NONE) {
      return connection_end(connection, ending);
    }
    gsize length;
    movement = connection_gather(connection, buffer, &length);
    if (movement != MOVED) {
      return movement == WAITING;
    }
    connection_feed(connection, buffer.octets, length);
  }
  connection->wish = (Wish){.events = EPOLLIN, .due = connection->now};
  return TRUE;
}

/* Only the client can end this: whatever happens to the socket now is its closing. */
static gboolean phase_hang(Connection *connection, Buffer buffer G_GNUC_UNUSED)
{
  gboolean first_time = !connection->hanging;
  connection->hanging = TRUE;
  connection->wish.events = EPOLLRDHUP;
  return first_time;
}

/* Our side is closed. What still arrives is thrown away for a while: closing with unread
 * input would make the kernel send a reset, which can overtake the last reply. */
static gboolean phase_linger(Connection *connection, Buffer buffer)
{
  ssize_t result = 1;
  for (guint round = 0; round < ROUNDS && result > 0; round++) {
    result = recv(connection->socket, buffer.octets, buffer.size, 0);
  }
  gboolean open = result > 0 || (result < 0 && (errno == EAGAIN || errno == EINTR));
  connection->wish = (Wish){.events = EPOLLIN, .due = connection->linger_until};
  return open && connection->now < connection->linger_until;
}
