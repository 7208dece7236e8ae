/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/status.h"

#include <unistd.h>

#include "base/clock.h"

static void add_moment(JsonBuilder *builder, const char *key, gint64 wall_ms)
{
  char text[CLOCK_UTC_LENGTH + 1];
  json_builder_set_member_name(builder, key);
  if (wall_ms == 0) {
    json_builder_add_null_value(builder);
    return;
  }
  clock_format_utc(wall_ms, text);
  json_builder_add_string_value(builder, text);
}

static void add_text(JsonBuilder *builder, const char *key, const char *text)
{
  json_builder_set_member_name(builder, key);
  if (text != NULL)
    json_builder_add_string_value(builder, text);
  else
    json_builder_add_null_value(builder);
}

static void add_release(JsonBuilder *builder, Release *release)
{
  json_builder_begin_object(builder);
  add_text(builder, "id", release_id(release));
  add_text(builder, "state", release_state_name(release_state(release)));
  add_text(builder, "reason", release_reason(release));
  json_builder_set_member_name(builder, "rate");
  json_builder_add_double_value(builder, release_rate(release));
  json_builder_end_object(builder);
}

static void add_number(JsonBuilder *builder, const char *key, gint64 number)
{
  json_builder_set_member_name(builder, key);
  json_builder_add_int_value(builder, number);
}

/* The rate that the relay was found to bear; null where it has not asked for less. */
static void add_rate(JsonBuilder *builder, double rate)
{
  json_builder_set_member_name(builder, "rate-limit");
  if (rate > 0)
    json_builder_add_double_value(builder, rate);
  else
    json_builder_add_null_value(builder);
}

static void add_relay(JsonBuilder *builder, const Pool *pool)
{
  json_builder_begin_object(builder);
  add_text(builder, "name", pool_relay(pool)->name);
  add_text(builder, "url", pool_relay(pool)->url);
  add_text(builder, "state", breaker_state_name(pool_state(pool)));
  add_number(builder, "priority", pool_relay(pool)->priority);
  add_number(builder, "connections", pool_connections(pool));
  add_number(builder, "connections-allowed", pool_connections_allowed(pool));
  add_rate(builder, pool_rate(pool));
  add_number(builder, "sent", (gint64)pool_sent(pool));
  add_text(builder, "trouble", pool_trouble(pool));
  add_moment(builder, "next-try", pool_next_try_ms(pool));
  json_builder_end_object(builder);
}

/* Wall clock. */
static gint64 disk_hangs_since(const Engine *engine)
{
  gint64 since = engine_disk_hangs_since(engine);
  return since != 0 ? clock_wall_ms() - (clock_monotonic_ms() - since) : 0;
}

JsonNode *status_to_json(const Engine *engine, gint64 since_ms)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  const GPtrArray *releases = engine_releases(engine);
  const GPtrArray *pools = engine_pools(engine);
  json_builder_begin_object(builder);
  add_text(builder, "version", DATELINE_VERSION);
  json_builder_set_member_name(builder, "pid");
  json_builder_add_int_value(builder, getpid());
  add_moment(builder, "since", since_ms);
  add_moment(builder, "disk-hangs-since", disk_hangs_since(engine));
  json_builder_set_member_name(builder, "releases");
  json_builder_begin_array(builder);
  for (guint i = 0; i < releases->len; i++)
    add_release(builder, releases->pdata[i]);
  json_builder_end_array(builder);
  json_builder_set_member_name(builder, "relays");
  json_builder_begin_array(builder);
  for (guint i = 0; i < pools->len; i++)
    add_relay(builder, pools->pdata[i]);
  json_builder_end_array(builder);
  json_builder_end_object(builder);
  return json_builder_get_root(builder);
}
