/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settle.h"

#include <gio/gio.h>
#include <string.h>

/* Texts that go into the journal, where each byte may take four of a line. */
enum { TEXT_MAX = 500 };

/* *text is NULL where there is none. FALSE: it is something else than a text of fair size. */
static gboolean get_text(JsonObject *request, const char *name, const char **text, GError **error)
{
  JsonNode *node = json_object_get_member(request, name);

  *text = NULL;
  if (node == NULL) {
    return TRUE;
  }
  if (json_node_get_value_type(node) != G_TYPE_STRING ||
      strlen(json_node_get_string(node)) > TEXT_MAX) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "\"%s\" must be text of at most %d bytes", name, TEXT_MAX);
    return FALSE;
  }
  *text = json_node_get_string(node);
  return TRUE;
}

/* The numbers, as guint32; NULL: they are no contacts. */
static GArray *get_contacts(JsonObject *request, GError **error)
{
  JsonNode *node = json_object_get_member(request, "contacts");
  JsonArray *array = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  guint length = array != NULL ? json_array_get_length(array) : 0;
  GArray *contacts = g_array_sized_new(FALSE, FALSE, sizeof(guint32), length);

  for (guint i = 0; i < length; i++) {
    JsonNode *element = json_array_get_element(array, i);
    gint64 number = json_node_get_value_type(element) == G_TYPE_INT64 ? json_node_get_int(element)
                                                                      : 0;
    if (number <= 0 || number > G_MAXUINT32) {
      break;
    }
    guint32 contact = (guint32)number;
    g_array_append_val(contacts, contact);
  }
  if (length > 0 && contacts->len == length) {
    return contacts;
  }
  g_array_unref(contacts);
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
              "\"contacts\" must be an array of the numbers of contacts, at least one");
  return NULL;
}

static JsonNode *make_reply(guint settled)
{
  JsonObject *reply = json_object_new();
  JsonNode *node = json_node_alloc();

  json_object_set_int_member(reply, "settled", settled);
  json_node_init_object(node, reply);
  json_object_unref(reply);
  return node;
}

JsonNode *settle_doubts(Engine *engine, JsonObject *request, gint64 uid, GError **error)
{
  const char *id, *as, *by, *reason;

  if (!get_text(request, "release", &id, error) || !get_text(request, "as", &as, error) ||
      !get_text(request, "by", &by, error) || !get_text(request, "reason", &reason, error)) {
    return NULL;
  }
  if (id == NULL || by == NULL || *by == '\0' ||
      (g_strcmp0(as, "sent") != 0 && g_strcmp0(as, "due") != 0)) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "\"settle\" needs \"release\", \"as\" (\"sent\" or \"due\") and \"by\"");
    return NULL;
  }
  g_autoptr(GArray) contacts = get_contacts(request, error);
  if (contacts == NULL) {
    return NULL;
  }
  Decision decision = {.sent = g_str_equal(as, "sent"), .by = by, .uid = uid, .reason = reason};
  guint settled = engine_settle(engine, id, (const guint32 *)(gconstpointer)contacts->data,
                                contacts->len, &decision, error);
  return settled > 0 ? make_reply(settled) : NULL;
}
