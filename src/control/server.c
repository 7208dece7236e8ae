/* SPDX-License-Identifier: Apache-2.0 */
#include "control/server.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/limits.h"

enum { PATIENCE_MS = 10 * 1000, CHUNK_SIZE = 4 << 10, SOCKET_MODE = 0660 };

struct ControlServer {
  GSocketService *service;
  char *path;
  ControlHandle handle;
  gpointer data;
  guint patience_ms;
  GPtrArray *clients;  /* Client *, borrowed: they free themselves */
};

/* At any time exactly one operation is under way, a read or a write. Its callback either
 * begins the next one or frees the client, so that nothing else ever may. */
typedef struct {
  ControlServer *server;  /* NULL: it is gone */
  GSocketConnection *connection;
  gint64 uid;             /* of the process at its other end; -1: not known */
  GCancellable *cancel;
  guint deadline;         /* a source; 0: none */
  GString *received;
  char *reply;
  gboolean last;          /* the connection ends with this reply */
  char chunk[CHUNK_SIZE];
} Client;

/* --- One client --- */

static gboolean on_deadline(gpointer data)
{
  Client *client = data;

  client->deadline = 0;
  g_cancellable_cancel(client->cancel);
  return G_SOURCE_REMOVE;
}

static void client_set_deadline(Client *client)
{
  g_clear_handle_id(&client->deadline, g_source_remove);
  client->deadline = g_timeout_add(client->server->patience_ms, on_deadline, client);
}

static void client_free(Client *client)
{
  if (client->server != NULL) {
    g_ptr_array_remove_fast(client->server->clients, client);
  }
  g_clear_handle_id(&client->deadline, g_source_remove);
  g_object_unref(client->connection);
  g_object_unref(client->cancel);
  g_string_free(client->received, TRUE);
  g_free(client->reply);
  g_free(client);
}

/* Takes error. */
static JsonNode *reply_from_error(GError *error)
{
  JsonNode *reply = control_error_reply(error->message, NULL);

  g_error_free(error);
  return reply;
}

static JsonNode *answer(const Client *client, const char *line, gsize length)
{
  const ControlServer *server = client->server;
  GError *error = NULL;
  g_autoptr(JsonNode) request = control_line_read(line, length, &error);

  if (request == NULL) {
    return reply_from_error(error);
  }
  JsonObject *object = json_node_get_object(request);
  JsonNode *command = json_object_get_member(object, "command");
  if (command == NULL || json_node_get_value_type(command) != G_TYPE_STRING) {
    return control_error_reply("the request names no command",
                               "send {\"command\": \"status\"} and the like");
  }
  JsonNode *reply = server->handle(json_node_get_string(command), object, client->uid, server->data,
                                    &error);
  return reply != NULL ? reply : reply_from_error(error);
}

static void client_go_on(Client *client);

static void on_written(GObject *stream, GAsyncResult *result, gpointer data)
{
  Client *client = data;
  gboolean written = g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, NULL, NULL);

  if (!written || client->server == NULL || client->last) {
    client_free(client);
    return;
  }
  client_set_deadline(client);
  client_go_on(client);
}

/* Takes reply. */
static void client_reply(Client *client, JsonNode *reply)
{
  GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(client->connection));

  g_free(client->reply);
  client->reply = control_line_write(reply);
  json_node_unref(reply);
  client_set_deadline(client);
  g_output_stream_write_all_async(stream, client->reply, strlen(client->reply), G_PRIORITY_DEFAULT,
                                  client->cancel, on_written, client);
}

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
  Client *client = data;
  gssize got = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);

  if (got <= 0 || client->server == NULL) {
    client_free(client);
    return;
  }
  g_string_append_len(client->received, client->chunk, got);
  client_go_on(client);
}

/* Answers the first line that was received, or receives more. */
static void client_go_on(Client *client)
{
  GString *received = client->received;
  const char *end = memchr(received->str, '\n', received->len);
  gsize length = end != NULL ? (gsize)(end - received->str) : received->len;

  if (length > LIMIT_CONTROL_REQUEST) {
    g_autofree char *message = g_strdup_printf("the request is longer than %d bytes",
                                               LIMIT_CONTROL_REQUEST);
    client->last = TRUE;
    client_reply(client, control_error_reply(message, NULL));
  } else if (end != NULL) {
    JsonNode *reply = answer(client, received->str, length);
    g_string_erase(received, 0, (gssize)length + 1);
    client_reply(client, reply);
  } else {
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(client->connection)),
                              client->chunk, sizeof client->chunk, G_PRIORITY_DEFAULT,
                              client->cancel, on_read, client);
  }
}

/* A word of regret that fits into an empty socket's buffer, so this does not block. */
static void turn_away(GSocketConnection *connection)
{
  g_autofree char *message = g_strdup_printf("%d clients talk to the daemon already",
                                             LIMIT_CONTROL_CLIENTS);
  g_autoptr(JsonNode) reply = control_error_reply(message, "try again in ten seconds");
  g_autofree char *line = control_line_write(reply);

  g_socket_send_with_blocking(g_socket_connection_get_socket(connection), line, strlen(line), FALSE,
                              NULL, NULL);
}

static gint64 uid_of(GSocketConnection *connection)
{
  GSocket *socket = g_socket_connection_get_socket(connection);
  g_autoptr(GCredentials) credentials = g_socket_get_credentials(socket, NULL);
  uid_t uid = credentials != NULL ? g_credentials_get_unix_user(credentials, NULL) : (uid_t)-1;

  return uid != (uid_t)-1 ? (gint64)uid : -1;
}

static gboolean on_incoming(G_GNUC_UNUSED GSocketService *service, GSocketConnection *connection,
                            G_GNUC_UNUSED GObject *source, gpointer data)
{
  ControlServer *server = data;

  if (server->clients->len >= LIMIT_CONTROL_CLIENTS) {
    turn_away(connection);
    return TRUE;
  }
  Client *client = g_new0(Client, 1);
  client->server = server;
  client->connection = g_object_ref(connection);
  client->uid = uid_of(connection);
  client->cancel = g_cancellable_new();
  client->received = g_string_new(NULL);
  g_ptr_array_add(server->clients, client);
  client_set_deadline(client);
  client_go_on(client);
  return TRUE;
}

/* --- The socket --- */

/* GSocketAddress would cut a longer path without a word. */
static gboolean check_path(const char *path, GError **error)
{
  struct sockaddr_un address;

  if (strlen(path) < sizeof address.sun_path) {
    return TRUE;
  }
  g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_SOCKET,
              "the path %s is too long for a socket (at most %zu bytes); choose another runtime "
              "folder", path, sizeof address.sun_path - 1);
  return FALSE;
}

/* TRUE when nothing lies at path any more that stands in the way. */
static gboolean clear_away(const char *path, GSocketAddress *address, GError **error)
{
  struct stat status;

  if (lstat(path, &status) != 0) {
    return TRUE; /* bind(2) will tell what else is wrong */
  }
  if (!S_ISSOCK(status.st_mode)) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_SOCKET,
                "%s is no socket but something else; move it away", path);
    return FALSE;
  }
  g_autoptr(GError) reason = NULL;
  g_autoptr(GSocket) probe = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                          G_SOCKET_PROTOCOL_DEFAULT, error);
  if (probe == NULL) {
    return FALSE;
  }
  g_socket_set_blocking(probe, FALSE);
  g_socket_connect(probe, address, NULL, &reason);
  if (!g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED)) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_RUNNING,
                "datelined is already running (somebody listens at %s)", path);
    return FALSE;
  }
  if (g_unlink(path) != 0 && errno != ENOENT) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_SOCKET,
                "cannot remove what an earlier daemon has left, %s: %s", path, g_strerror(errno));
    return FALSE;
  }
  return TRUE;
}

/* The permissions are set before anybody can connect: until listen(2) nobody can. */
static GSocket *listen_at(const char *path, GError **error)
{
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
  g_autoptr(GSocket) socket = NULL;

  if (!clear_away(path, address, error)) {
    return NULL;
  }
  socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                        error);
  if (socket == NULL) {
    return NULL;
  }
  if (!g_socket_bind(socket, address, FALSE, error)) {
    g_prefix_error(error, "cannot make the socket %s: ", path);
    return NULL;
  }
  if (g_chmod(path, SOCKET_MODE) != 0) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_SOCKET, "cannot set the permissions of %s: %s",
                path, g_strerror(errno));
    return NULL;
  }
  g_socket_set_listen_backlog(socket, LIMIT_CONTROL_CLIENTS);
  return g_socket_listen(socket, error) ? g_steal_pointer(&socket) : NULL;
}

ControlServer *control_server_new(const char *path, ControlHandle handle, gpointer data,
                                  GError **error)
{
  g_autoptr(GSocket) socket = check_path(path, error) ? listen_at(path, error) : NULL;
  g_autoptr(GSocketService) service = NULL;

  if (socket == NULL) {
    return NULL;
  }
  service = g_socket_service_new();
  if (!g_socket_listener_add_socket(G_SOCKET_LISTENER(service), socket, NULL, error)) {
    return NULL;
  }
  ControlServer *server = g_new0(ControlServer, 1);
  server->service = g_steal_pointer(&service);
  server->path = g_strdup(path);
  server->handle = handle;
  server->data = data;
  server->patience_ms = PATIENCE_MS;
  server->clients = g_ptr_array_new();
  g_signal_connect(server->service, "incoming", G_CALLBACK(on_incoming), server);
  g_socket_service_start(server->service);
  return server;
}

void control_server_free(ControlServer *server)
{
  g_unlink(server->path);
  g_signal_handlers_disconnect_by_data(server->service, server);
  g_socket_service_stop(server->service);
  g_socket_listener_close(G_SOCKET_LISTENER(server->service));
  g_object_unref(server->service);
  for (guint i = 0; i < server->clients->len; i++) {
    Client *client = g_ptr_array_index(server->clients, i);
    client->server = NULL;
    g_cancellable_cancel(client->cancel);
  }
  g_ptr_array_unref(server->clients);
  g_free(server->path);
  g_free(server);
}

void control_server_set_patience(ControlServer *server, guint patience_ms)
{
  server->patience_ms = patience_ms;
}
