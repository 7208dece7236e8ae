/* SPDX-License-Identifier: Apache-2.0 */
#include "control/line.h"

#include <string.h>

G_DEFINE_QUARK(dateline-control-error-quark, control_error)

/* json-glib's parser calls itself for each level: a line of brackets would use up the
 * stack. Nothing that we say to each other is nested half as deeply. */
#define DEPTH_MAX 16

/* What JSON has outside of texts. The parser would take more: comments and other quotation
 * marks, in which brackets would be miscounted here. */
static const char OUTSIDE[] = " \t\r\n{}[]:,+-.0123456789Eaeflnrstu";

/* The byte behind the text that begins behind at. */
static const char *skip_text(const char *at, const char *end)
{
  while (at < end && *at != '"') {
    at += *at == '\\' && at + 1 < end ? 2 : 1;
  }
  return MIN(at + 1, end);
}

/* NULL, or why the parser must not see the line. Where there is more than an object it would
 * lose, and leak, all but the last. */
static const char *find_flaw(const char *line, gsize length)
{
  const char *end = line + length;
  guint depth = 0;
  gboolean done = FALSE;

  for (const char *at = line; at < end;) {
    const char c = *at++;
    if (depth == 0 && !g_ascii_isspace(c) && (done || c != '{')) {
      return done ? "something follows the object" : "it holds no JSON object";
    } else if (c == '"') {
      at = skip_text(at, end);
    } else if (memchr(OUTSIDE, c, strlen(OUTSIDE)) == NULL) {
      return "something in it is not JSON";
    } else if ((c == '[' || c == '{') && ++depth > DEPTH_MAX) {
      return "it is nested more than " G_STRINGIFY(DEPTH_MAX) " levels deep";
    } else if (c == ']' || c == '}') {
      done = --depth == 0;
    }
  }
  return NULL;
}

JsonNode *control_line_read(const char *line, gsize length, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  g_autoptr(GError) reason = NULL;
  const char *flaw = find_flaw(line, length);

  if (flaw != NULL) {
    g_set_error(error, CONTROL_ERROR, CONTROL_ERROR_FORMAT, "the line is not JSON of this protocol: %s",
                flaw);
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
