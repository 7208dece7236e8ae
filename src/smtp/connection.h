/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <sys/uio.h>

#include "smtp/login.h"

/* Connections to relays. libcurl opens the door: names, IPv6 and happy eyeballs, TLS,
 * STARTTLS, EHLO and AUTH (CURLOPT_CONNECT_ONLY); after that the bytes are ours.
 *
 * Callbacks come from the main loop only, never from within a connection_ function; the
 * owner may close the connection in any of them. */

typedef struct Connection Connection;

typedef struct {
  /* Connected, encrypted and authenticated as the relay's settings demand. */
  void (*opened)(Connection *connection, gpointer owner);
  /* Could not be opened; reason is one sentence for people, borrowed. */
  void (*failed)(Connection *connection, const char *reason, gpointer owner);
  void (*readable)(Connection *connection, gpointer owner);
  void (*writable)(Connection *connection, gpointer owner);
} ConnectionEvents;

/* relay and events must outlive the connection; secrets are those that relay's settings ask
 * for, borrowed during the call. Never fails at once: failed() tells. */
Connection *connection_open(Connector *connector, const RelaySettings *relay,
                            const Secrets *secrets, const ConnectionEvents *events,
                            gpointer owner);
void connection_close(Connection *connection);

/* After failed(): the relay said that the password or the token is wrong. */
gboolean connection_login_refused(const Connection *connection);

/* After failed(): the last reply while it was opened, its code and its text, lines joined by
 * '\n'; "" when there was none. Borrowed. */
const char *connection_last_reply(const Connection *connection);

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
