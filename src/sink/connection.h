/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sink/service.h"

/* A Connection is one accepted socket: it moves octets between the socket, through
 * TLS if there is any, and a conversation. It never blocks and keeps no clock of its
 * own: it says what it waits for. */

typedef struct Connection Connection;

typedef struct {
  guint32 events;  /* of epoll */
  gint64 due;      /* monotonic, microseconds; 0 for no time */
} Wish;

/* Working space of a thread, for input; its content has no meaning between calls. */
typedef struct {
  char *octets;
  gsize size;
} Buffer;

/* socket becomes the connection's own. */
Connection *connection_new(Service *service, int socket, guint64 number);

/* Closes the socket. */
void connection_free(Connection *connection);

/* Does everything that can be done without waiting. events are those that came, 0 for
 * the first call and when the wished time has come. Returns FALSE when the connection
 * is over and is to be freed. */
gboolean connection_run(Connection *connection, guint32 events, Buffer buffer, Wish *wish);
