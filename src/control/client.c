/* SPDX-License-Identifier: Apache-2.0 */
#include "control/client.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>

enum {
  PATIENCE_S = 10,
  REPLY_MAX = 16 << 20,  /* thousands of releases, each with a relay's long-winded reason */
  CHUNK_SIZE = 16 << 10,
};

JsonNode *control_request(const char *command)
{
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *request = json_object_new();

  json_object_set_string_member(request, "command", command);
  json_node_take_object(node, request);
  return node;
}

/* What an error of the socket means to whoever wanted to talk to the daemon. */
static void explain(const char *socket_path, const GError *reason, GError **error)
{
  if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
      g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED)) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_NOT_RUNNING,
                "datelined does not run (nobody listens at %s); start it with \"systemctl start "
                "datelined\"", socket_path);
  } else if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_PERMISSION,
                "you may not talk to datelined (%s: permission denied); become a member of the "
                "group dateline", socket_path);
  } else if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_SILENT,
                "datelined has not answered for %d seconds; its log may tell why (journalctl -u "
                "datelined)", PATIENCE_S);
  } else {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_SOCKET, "cannot talk to datelined at %s: %s",
                socket_path, reason->message);
  }
}

static GSocket *open_socket(const char *socket_path, GError **error)
{
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(socket_path);
  g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                           G_SOCKET_PROTOCOL_DEFAULT, error);

  if (socket == NULL) {
    return NULL;
  }
  g_socket_set_timeout(socket, PATIENCE_S);
  return g_socket_connect(socket, address, NULL, error) ? g_steal_pointer(&socket) : NULL;
}

static gboolean send_line(GSocket *socket, const char *line, GError **error)
{
  gsize length = strlen(line), sent = 0;

  while (sent < length) {
    gssize part = g_socket_send(socket, line + sent, length - sent, NULL, error);
    if (part < 0) {
      return FALSE;
    }
    sent += (gsize)part;
  }
  return TRUE;
}

/* The reply without its LF. */
static GString *receive_line(GSocket *socket, GError **error)
{
  GString *line = g_string_new(NULL);
  g_autofree char *chunk = g_malloc(CHUNK_SIZE);
  gssize got;

  while ((got = g_socket_receive(socket, chunk, CHUNK_SIZE, NULL, error)) > 0) {
    char *end = memchr(chunk, '\n', (gsize)got);
    g_string_append_len(line, chunk, end != NULL ? end - chunk : got);
    if (end != NULL) {
      return line;
    }
    if (line->len > REPLY_MAX) {
      break;
    }
  }
  if (got >= 0) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                got == 0 ? "it closed the connection without a reply"
                         : "its reply is longer than %d MiB", REPLY_MAX >> 20);
  }
  g_string_free(line, TRUE);
  return NULL;
}

static GString *exchange(const char *socket_path, JsonNode *request, GError **error)
{
  g_autofree char *line = control_line_write(request);
  g_autoptr(GSocket) socket = open_socket(socket_path, error);

  return socket != NULL && send_line(socket, line, error) ? receive_line(socket, error) : NULL;
}

static const char *text_of(JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member(object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

/* FALSE where the reply tells of an error. */
static gboolean check_reply(JsonNode *reply, GError **error)
{
  JsonNode *member = json_object_get_member(json_node_get_object(reply), "error");

  if (member == NULL) {
    return TRUE;
  }
  JsonObject *object = JSON_NODE_HOLDS_OBJECT(member) ? json_node_get_object(member) : NULL;
  const char *message = object != NULL ? text_of(object, "message") : NULL;
  const char *hint = object != NULL ? text_of(object, "hint") : NULL;
  g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_REFUSED, "datelined says: %s%s%s",
              message != NULL ? message : "no, but not why", hint != NULL ? "; " : "",
              hint != NULL ? hint : "");
  return FALSE;
}

JsonNode *control_call(const char *socket_path, JsonNode *request, GError **error)
{
  g_autoptr(GError) reason = NULL;
  g_autoptr(JsonNode) reply = NULL;
  GString *line = exchange(socket_path, request, &reason);

  if (line == NULL) {
    explain(socket_path, reason, error);
    return NULL;
  }
  reply = control_line_read(line->str, line->len, error);
  g_string_free(line, TRUE);
  if (reply == NULL) {
    g_prefix_error(error, "what datelined answers is not understood: ");
    return NULL;
  }
  return check_reply(reply, error) ? g_steal_pointer(&reply) : NULL;
}
