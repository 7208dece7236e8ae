/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

#include "sink/service.h"

/* The Server listens, and runs the connections in its threads, each of which has an
 * epoll loop of its own. The first thread accepts and deals the connections out in
 * turn, so that their numbers and their distribution are the same in every run. */

typedef struct Server Server;

/* Listens on address, which must be a loopback address; port 0 takes a free port. */
Server *server_new(Service *service, GInetSocketAddress *address, guint threads, GError **error);

guint16 server_port(const Server *server);

gboolean server_start(Server *server, GError **error);

/* Stops the threads, closes every connection, and frees the server. */
void server_stop(Server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_stop)
