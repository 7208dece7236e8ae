/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <sys/uio.h>

#include "config/config.h"

/* Connections to relays. libcurl opens the door: names, IPv6 and happy eyeballs, TLS,
 * STARTTLS, EHLO and AUTH (CURLOPT_CONNECT_ONLY); after that the bytes are ours.
 *
 * All sockets sit in one epoll set, which is one source of the main loop, so that a
 * wake serves a batch. Callbacks come from that source only, never from within a
 * connection_ function; the owner may close the connection in any of them. */

typedef struct Connector Connector;
typedef struct Connection Connection;

typedef struct {
  /* Connected, encrypted and authenticated as the relay's settings demand. */
  void (*opened)(Connection *connection, gpointer owner);
  /* Could not be opened; reason is one sentence for people, borrowed. */
  void (*failed)(Connection *connection, const char *reason, gpointer owner);
  void (*readable)(Connection *connection, gpointer owner);
  void (*writable)(Connection *connection, gpointer owner);
} ConnectionEvents;

Connector *connector_new(GMainContext *context, GError **error);
void connector_free(Connector *connector);   /* all connections must be closed before */

/* relay and events must outlive the connection; password NULL without authentication,
 * borrowed during the call. Never fails at once: failed() tells. */
Connection *connection_open(Connector *connector, const RelaySettings *relay,
                            const char *password, const ConnectionEvents *events,
                            gpointer owner);
void connection_close(Connection *connection);

/* What the server offered in its last EHLO reply, lines joined by '\n', the first its
 * greeting. Borrowed. */
const char *connection_ehlo(const Connection *connection);

typedef enum { IO_DONE, IO_AGAIN, IO_CLOSED } IoResult;

/* Takes as much of slices as it can; *written is what it took. What was taken may have
 * left, or leaves without further ado. After IO_AGAIN writable() will tell. */
IoResult connection_write(Connection *connection, const struct iovec *slices, int count,
                          gsize *written);

/* Call until IO_AGAIN: TLS may hold bytes that epoll knows nothing of. */
IoResult connection_read(Connection *connection, void *buffer, gsize size, gsize *received);

/* Whether another connection_read() may bring more at once, after one that brought
 * received of size bytes. Saves a call where epoll will tell. */
gboolean connection_may_hold_more(const Connection *connection, gsize received, gsize size);
