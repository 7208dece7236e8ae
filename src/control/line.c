/* SPDX-License-Identifier: Apache-2.0 */
#include "control/line.h"

#include <string.h>

G_DEFINE_QUARK(dateline-control-error-quark, control_error)

/* json-glib's parser calls itself for each level: a line of brackets would use up the
 * stack. Nothing that we say to each other is nested half as deeply. */
enum { DEPTH_MAX = 16 };

static gboolean is_shallow(const char *line, gsize length)
{
  gboolean quoted = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < length && depth <= DEPTH_MAX; i++) {
    if (line[i] == '\\') {
      i++;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (line[i] == '[' || line[i] == '{')) {
      depth++;
    } else if (!quoted && depth > 0 && (line[i] == ']' || line[i] == '}')) {
      depth--;
    }
  }
  return depth <= DEPTH_MAX;
}

JsonNode *control_line_read(const char *line, gsize length, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  g_autoptr(GError) reason = NULL;

  if (!is_shallow(line, length)) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_FORMAT,
                "the line is nested more than %d levels deep", DEPTH_MAX);
    return NULL;
  }
  if (!json_parser_load_from_data(parser, line, (gssize)length, &reason)) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_FORMAT, "the line is not JSON: %s",
                reason->message);
    return NULL;
  }
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
    g_set_error_literal(error, CONTROL_ERROR, CONTROL_ERROR_FORMAT,
                        "the line holds no JSON object");
    return NULL;
  }
  return json_node_ref(root);
}

char *control_line_write(JsonNode *node)
{
  g_autofree char *text = json_to_string(node, FALSE);
  g_autofree char *valid = g_utf8_make_valid(text, -1);

  return g_strconcat(valid, "\n", NULL);
}

JsonNode *control_error_reply(const char *message, const char *hint)
{
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *reply = json_object_new();
  JsonObject *error = json_object_new();

  json_object_set_string_member(error, "message", message);
  if (hint != NULL) {
    json_object_set_string_member(error, "hint", hint);
  } else {
    json_object_set_null_member(error, "hint");
  }
  json_object_set_object_member(reply, "error", error);
  json_node_take_object(node, reply);
  return node;
}
