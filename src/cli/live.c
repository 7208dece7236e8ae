/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/live.h"

#include <string.h>

#include "base/clock.h"
#include "control/client.h"

struct Live {
  JsonNode *reply;        /* NULL with trouble */
  GError *trouble;
  JsonArray *releases;    /* borrowed from the reply; NULL: none */
  JsonArray *relays;
};

/* --- What the reply holds; the daemon may be of another version --- */

static JsonNode *get_value(JsonObject *object, const char *key, GType type)
{
  JsonNode *node = json_object_get_member(object, key);

  return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                 g_type_is_a(json_node_get_value_type(node), type)
             ? node : NULL;
}

static const char *get_text(JsonObject *object, const char *key)
{
  JsonNode *node = get_value(object, key, G_TYPE_STRING);

  return node != NULL ? json_node_get_string(node) : NULL;
}

static gint64 get_number(JsonObject *object, const char *key)
{
  JsonNode *node = get_value(object, key, G_TYPE_INT64);

  return node != NULL ? json_node_get_int(node) : 0;
}

/* A rate of 3.0 may stand there as 3. */
static double get_fraction(JsonObject *object, const char *key)
{
  JsonNode *node = get_value(object, key, G_TYPE_DOUBLE);

  return node != NULL ? json_node_get_double(node) : (double)get_number(object, key);
}

static gint64 get_moment(JsonObject *object, const char *key)
{
  const char *text = get_text(object, key);
  gint64 wall_ms = 0;

  return text != NULL && clock_parse_utc(text, strlen(text), &wall_ms) ? wall_ms : 0;
}

static JsonArray *get_array(JsonObject *object, const char *key)
{
  JsonNode *node = json_object_get_member(object, key);

  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static guint count(JsonArray *array)
{
  return array != NULL ? json_array_get_length(array) : 0;
}

/* NULL where the element is no object. */
static JsonObject *get_element(JsonArray *array, guint index)
{
  JsonNode *node = json_array_get_element(array, index);

  return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* --- The daemon --- */

Live *live_ask(const Config *config)
{
  g_autofree char *socket = g_build_filename(config->runtime, "control", NULL);
  g_autoptr(JsonNode) request = control_request("status");
  Live *live = g_new0(Live, 1);

  live->reply = control_call(socket, request, &live->trouble);
  if (live->reply != NULL) {
    live->releases = get_array(json_node_get_object(live->reply), "releases");
    live->relays = get_array(json_node_get_object(live->reply), "relays");
  }
  return live;
}

void live_free(Live *live)
{
  g_clear_pointer(&live->reply, json_node_unref);
  g_clear_error(&live->trouble);
  g_free(live);
}

const GError *live_trouble(const Live *live)
{
  return live->trouble;
}

gboolean live_is_absent(const Live *live)
{
  return g_error_matches(live->trouble, CONTROL_ERROR, CONTROL_ERROR_NOT_RUNNING);
}

const char *live_version(const Live *live)
{
  const char *version = get_text(json_node_get_object(live->reply), "version");

  return version != NULL ? version : "of an unknown version";
}

gint64 live_pid(const Live *live)
{
  return get_number(json_node_get_object(live->reply), "pid");
}

gint64 live_since_ms(const Live *live)
{
  return get_moment(json_node_get_object(live->reply), "since");
}

gint64 live_disk_hangs_since_ms(const Live *live)
{
  return get_moment(json_node_get_object(live->reply), "disk-hangs-since");
}

gboolean live_release(const Live *live, const char *id, LiveRelease *release)
{
  for (guint i = 0; i < count(live->releases); i++) {
    JsonObject *object = get_element(live->releases, i);
    const char *state = object != NULL ? get_text(object, "state") : NULL;
    if (state != NULL && g_strcmp0(get_text(object, "id"), id) == 0) {
      *release = (LiveRelease){.state = state, .reason = get_text(object, "reason"),
                               .rate = get_fraction(object, "rate")};
      return TRUE;
    }
  }
  return FALSE;
}

guint live_relays(const Live *live)
{
  return count(live->relays);
}

LiveRelay live_relay(const Live *live, guint index)
{
  JsonObject *object = get_element(live->relays, index);
  LiveRelay relay = {.name = "?", .url = "?"};

  if (object == NULL) {
    return relay;
  }
  const char *name = get_text(object, "name"), *url = get_text(object, "url");
  relay.name = name != NULL ? name : relay.name;
  relay.url = url != NULL ? url : relay.url;
  relay.state = get_text(object, "state");
  relay.priority = (guint64)get_number(object, "priority");
  relay.connections = (guint64)get_number(object, "connections");
  relay.connections_allowed = (guint64)get_number(object, "connections-allowed");
  relay.rate_limit = get_fraction(object, "rate-limit");
  relay.sent = (guint64)get_number(object, "sent");
  relay.trouble = get_text(object, "trouble");
  relay.next_try_ms = get_moment(object, "next-try");
  return relay;
}
