/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/line.h"

/* The daemon's control socket. It runs in the default main context and never blocks it:
 * a client has ten seconds for each request and as long to take the reply, and is dropped
 * then, however slowly it goes on. A request is at most LIMIT_CONTROL_REQUEST bytes long,
 * LIMIT_CONTROL_CLIENTS may be connected at once; over these limits there is a reply that
 * says so, and the connection is closed. A client may send any number of requests one
 * after the other.
 *
 * Who may talk to the daemon is a matter of the socket's permissions, 0660, and of those
 * of its folder. */

typedef struct ControlServer ControlServer;

/* Answers one request. uid: the user whose process asks, as the kernel knows it; -1 where it
 * does not. NULL with error: the client gets that as its reply. */
typedef JsonNode *(*ControlHandle)(const char *command, JsonObject *request, gint64 uid,
                                   gpointer data, GError **error);

/* Listens at path. What a daemon that died has left there is replaced; CONTROL_ERROR_RUNNING
 * where one lives, CONTROL_ERROR_SOCKET where something else lies there. */
ControlServer *control_server_new(const char *path, ControlHandle handle, gpointer data,
                                  GError **error);

/* Removes the socket. Clients that wait for an answer get none. Not from within handle. */
void control_server_free(ControlServer *server);

/* Instead of the ten seconds, for the clients to come. */
void control_server_set_patience(ControlServer *server, guint patience_ms);
