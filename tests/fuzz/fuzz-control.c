/* SPDX-License-Identifier: Apache-2.0 */

/* A line of the control socket, from whoever may connect to it: what is read can be written,
 * as one line, and means the same when it is read again; nothing is nested deeply. */

#include <string.h>

#include "control/line.h"
#include "fuzz.h"

enum { DEPTH_MAX = 16 };

static guint depth_of(JsonNode *node)
{
  g_autoptr(GList) inside = NULL;
  guint deepest = 0;

  if (JSON_NODE_HOLDS_OBJECT(node)) {
    inside = json_object_get_values(json_node_get_object(node));
  } else if (JSON_NODE_HOLDS_ARRAY(node)) {
    inside = json_array_get_elements(json_node_get_array(node));
  } else {
    return 0;
  }
  for (GList *at = inside; at != NULL; at = at->next) {
    deepest = MAX(deepest, depth_of(at->data));
  }
  return deepest + 1;
}

/* The line that says what node says; node is freed. */
static char *write_line(JsonNode *node)
{
  char *line = control_line_write(node);

  g_assert_cmpuint(depth_of(node), <=, DEPTH_MAX);
  g_assert_true(g_utf8_validate(line, -1, NULL));
  g_assert_true(strchr(line, '\n') == line + strlen(line) - 1);
  json_node_unref(node);
  return line;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) input = fuzz_expand(data, size);
  JsonNode *node = control_line_read(input->str, input->len, &error);

  if (node == NULL) {
    g_assert_error(error, CONTROL_ERROR, CONTROL_ERROR_FORMAT);
    return 0;
  }
  g_autofree char *first = write_line(node);
  /* What json-glib makes of 1e999; JSON has no word for it. Nothing read is written back. */
  if (strstr(first, "inf") != NULL) {
    return 0;
  }
  node = control_line_read(first, strlen(first) - 1, &error);
  g_assert_no_error(error);
  g_autofree char *second = write_line(node);
  g_assert_cmpstr(first, ==, second);
  return 0;
}
