/* SPDX-License-Identifier: Apache-2.0 */

/* dateline status: what is going on. It reads the files of the spool, so it works whether
 * the daemon runs or not, and asks the daemon for what only that knows. */

#include <stdio.h>

#include "base/clock.h"
#include "base/names.h"
#include "cli/command.h"
#include "cli/details.h"
#include "cli/live.h"
#include "cli/refusals.h"
#include "cli/standing.h"
#include "cli/grid.h"

enum { DONE_SHOWN = 10, REFUSALS_SHOWN_MS = 24 * 60 * 60 * 1000 };

typedef struct {
  GPtrArray *standings;   /* Standing *, the oldest first */
  GPtrArray *refusals;    /* Refusal *, likewise */
} Overview;

/* --- Reading --- */

/* Those of the releases in folder that are not known yet. FALSE where the folder cannot be
 * read; a release that cannot be read is complained about and left out. */
static gboolean add_standings(Overview *overview, const char *spool, const char *folder,
                              guint at_most, GHashTable *known, const Live *live, GError **error)
{
  g_autoptr(GPtrArray) ids = releases_list(spool, folder, error);

  if (ids == NULL) {
    return FALSE;
  }
  for (guint i = ids->len > at_most ? ids->len - at_most : 0; i < ids->len; i++) {
    const char *id = g_ptr_array_index(ids, i);
    g_autoptr(GError) reason = NULL;
    if (!g_hash_table_add(known, g_strdup(id))) {
      continue;
    }
    Standing *standing = standing_read(spool, id, live, &reason);
    if (standing != NULL) {
      g_ptr_array_add(overview->standings, standing);
    } else {
      complain("release %s: %s", id, reason->message);
    }
  }
  return TRUE;
}

static int compare_standings(gconstpointer a, gconstpointer b)
{
  const Standing *left = *(const Standing *const *)a, *right = *(const Standing *const *)b;

  return g_strcmp0(left->summary->id, right->summary->id);
}

/* queue/ before done/: a release that moves meanwhile is not missed. */
static gboolean read_overview(Overview *overview, const char *spool, const Live *live,
                              GError **error)
{
  g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

  if (!add_standings(overview, spool, "queue", G_MAXUINT, known, live, error) ||
      !add_standings(overview, spool, "done", DONE_SHOWN, known, live, error)) {
    return FALSE;
  }
  g_ptr_array_sort(overview->standings, compare_standings);
  overview->refusals = refusals_list(spool, clock_wall_ms() - REFUSALS_SHOWN_MS, error);
  return overview->refusals != NULL;
}

static void overview_clear(Overview *overview)
{
  g_clear_pointer(&overview->standings, g_ptr_array_unref);
  g_clear_pointer(&overview->refusals, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Overview, overview_clear)

/* --- For people --- */

static Style style_of_health(const char *state)
{
  return g_str_equal(state, "healthy") ? STYLE_PLAIN : STYLE_BAD;
}

static void add_relay_row(Grid *grid, const LiveRelay *relay)
{
  g_autofree char *connections = g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                                                 relay->connections, relay->connections_allowed);
  g_autofree char *limit = relay->rate_limit > 0 ? g_strdup_printf("%.1f/s", relay->rate_limit)
                                                 : g_strdup("-");
  g_autofree char *sent = g_strdup_printf("%" G_GUINT64_FORMAT, relay->sent);

  grid_add(grid, relay->name, relay->state != NULL ? relay->state : "-", connections, limit, sent,
           relay->url);
}

static void print_relay_table(const Live *live)
{
  static const GridColumn columns[] = {
    {.heading = "RELAY"}, {.heading = "STATE", .style = style_of_health},
    {.heading = "CONNECTIONS", .right = TRUE}, {.heading = "LIMIT FOUND", .right = TRUE},
    {.heading = "SENT", .right = TRUE}, {.heading = "URL"},
  };
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  for (guint i = 0; i < live_relays(live); i++) {
    LiveRelay relay = live_relay(live, i);
    add_relay_row(grid, &relay);
  }
  if (grid_length(grid) > 0) {
    putchar('\n');
    grid_print(grid, "", stdout);
  }
}

static void print_relay_troubles(const Live *live)
{
  for (guint i = 0; i < live_relays(live); i++) {
    LiveRelay relay = live_relay(live, i);
    if (relay.trouble == NULL) {
      continue;
    }
    g_autofree char *next = moment_to_text(relay.next_try_ms);
    g_autofree char *text = g_strdup_printf("relay %s (%s): %s; next try at %s", relay.name,
                                            relay.url, relay.trouble, next);
    g_autofree char *visible = text_make_visible(text);
    printf("%s%s%s\n", style_begin(STYLE_BAD), visible, style_end(STYLE_BAD));
  }
}

static void print_disk(const Live *live)
{
  gint64 hangs_since_ms = live_disk_hangs_since_ms(live);

  if (hangs_since_ms != 0) {
    g_autofree char *since = moment_to_text(hangs_since_ms);
    printf("%sthe disk has not answered since %s; nothing is sent until it does%s\n",
           style_begin(STYLE_BAD), since, style_end(STYLE_BAD));
  }
}

static void print_daemon(const Live *live)
{
  const GError *trouble = live_trouble(live);

  if (trouble != NULL) {
    g_autofree char *visible = text_make_visible(trouble->message);
    printf("%s%s%s\n", style_begin(STYLE_BAD), visible, style_end(STYLE_BAD));
    return;
  }
  g_autofree char *since = moment_to_text(live_since_ms(live));
  g_autofree char *version = text_make_visible(live_version(live));
  printf("datelined %s runs since %s (process %" G_GINT64_FORMAT ")\n", version, since,
         live_pid(live));
  print_disk(live);
  print_relay_troubles(live);
  print_relay_table(live);
}

static void add_row(Grid *grid, const Standing *standing)
{
  g_autofree char *sent = g_strdup_printf("%u/%u", standing_count(standing, CONTACT_SENT),
                                          standing_contacts(standing));
  g_autofree char *deferred = g_strdup_printf("%u", standing_count(standing, CONTACT_DEFERRED));
  g_autofree char *bounced = g_strdup_printf("%u", standing_count(standing, CONTACT_BOUNCED));
  g_autofree char *doubt = g_strdup_printf("%u", standing_count(standing, CONTACT_IN_DOUBT));
  g_autofree char *rate = standing->rate > 0 ? g_strdup_printf("%.1f/s", standing->rate)
                                             : g_strdup("-");
  g_autofree char *time = standing_time(standing);

  grid_add(grid, standing->summary->id, standing->state, sent, deferred, bounced, doubt, rate,
            time);
}

static void print_standings(const GPtrArray *standings)
{
  static const GridColumn columns[] = {
    {.heading = "RELEASE"},
    {.heading = "STATE", .style = style_of_state},
    {.heading = "SENT", .right = TRUE},
    {.heading = "DEFERRED", .right = TRUE},
    {.heading = "BOUNCED", .right = TRUE},
    {.heading = "IN DOUBT", .right = TRUE},
    {.heading = "RATE", .right = TRUE},
    {.heading = "TIME"},
  };
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  for (guint i = 0; i < standings->len; i++) {
    add_row(grid, g_ptr_array_index(standings, i));
  }
  if (standings->len == 0) {
    printf("There are no releases.\n");
  } else {
    grid_print(grid, "", stdout);
  }
}

static void print_reasons(const GPtrArray *standings)
{
  static const GridColumn columns[] = {{.heading = NULL}, {.heading = NULL}};
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  for (guint i = 0; i < standings->len; i++) {
    const Standing *standing = g_ptr_array_index(standings, i);
    if (standing->reason != NULL) {
      grid_add(grid, standing->summary->id, standing->reason);
    }
  }
  if (grid_length(grid) > 0) {
    putchar('\n');
    grid_print(grid, "", stdout);
  }
}

static void print_refusals(const GPtrArray *refusals, const char *spool)
{
  static const GridColumn columns[] = {
    {.heading = "REFUSED"}, {.heading = "TIME"}, {.heading = "REASON"},
  };
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  for (guint i = 0; i < refusals->len; i++) {
    const Refusal *refusal = g_ptr_array_index(refusals, i);
    g_autofree char *when = moment_to_text(refusal->refused_ms);
    grid_add(grid, refusal->id, when, refusal->reason);
  }
  if (refusals->len > 0) {
    putchar('\n');
    grid_print(grid, "", stdout);
    printf("\nAll reasons are in REASON.txt in %s/rejected/.\n", spool);
  }
}

static void print_overview(const Overview *overview, const Live *live, const char *spool)
{
  print_daemon(live);
  putchar('\n');
  print_standings(overview->standings);
  print_reasons(overview->standings);
  print_refusals(overview->refusals, spool);
}

/* --- For scripts --- */

static void add_daemon(JsonBuilder *builder, const Live *live)
{
  json_builder_set_member_name(builder, "daemon");
  json_builder_begin_object(builder);
  const GError *trouble = live_trouble(live);
  json_builder_set_member_name(builder, "running");
  json_builder_add_boolean_value(builder, trouble == NULL);
  object_add_text(builder, "trouble", trouble != NULL ? trouble->message : NULL);
  if (trouble == NULL) {
    object_add_text(builder, "version", live_version(live));
    object_add_number(builder, "pid", (guint64)live_pid(live));
    object_add_moment(builder, "since", live_since_ms(live));
    object_add_moment(builder, "disk-hangs-since", live_disk_hangs_since_ms(live));
  }
  json_builder_end_object(builder);
}

static void add_rate_limit(JsonBuilder *builder, double rate)
{
  json_builder_set_member_name(builder, "rate-limit");
  if (rate > 0) {
    json_builder_add_double_value(builder, rate);
  } else {
    json_builder_add_null_value(builder);
  }
}

static void add_relays(JsonBuilder *builder, const Live *live)
{
  json_builder_set_member_name(builder, "relays");
  json_builder_begin_array(builder);
  for (guint i = 0; i < live_relays(live); i++) {
    LiveRelay relay = live_relay(live, i);
    json_builder_begin_object(builder);
    object_add_text(builder, "name", relay.name);
    object_add_text(builder, "url", relay.url);
    object_add_text(builder, "state", relay.state);
    object_add_number(builder, "priority", relay.priority);
    object_add_number(builder, "connections", relay.connections);
    object_add_number(builder, "connections-allowed", relay.connections_allowed);
    add_rate_limit(builder, relay.rate_limit);
    object_add_number(builder, "sent", relay.sent);
    object_add_text(builder, "trouble", relay.trouble);
    object_add_moment(builder, "next-try", relay.next_try_ms);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

static void add_releases(JsonBuilder *builder, const GPtrArray *standings)
{
  json_builder_set_member_name(builder, "releases");
  json_builder_begin_array(builder);
  for (guint i = 0; i < standings->len; i++) {
    json_builder_begin_object(builder);
    standing_add_members(g_ptr_array_index(standings, i), builder);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

static void add_refusal(JsonBuilder *builder, const Refusal *refusal)
{
  json_builder_begin_object(builder);
  object_add_text(builder, "id", refusal->id);
  object_add_text(builder, "state", "refused");
  object_add_text(builder, "reason", refusal->reason);
  object_add_moment(builder, "refused", refusal->refused_ms);
  json_builder_end_object(builder);
}

static void add_refusals(JsonBuilder *builder, const GPtrArray *refusals)
{
  json_builder_set_member_name(builder, "rejected");
  json_builder_begin_array(builder);
  for (guint i = 0; i < refusals->len; i++) {
    add_refusal(builder, g_ptr_array_index(refusals, i));
  }
  json_builder_end_array(builder);
}

static void print_overview_json(const Overview *overview, const Live *live)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();

  json_builder_begin_object(builder);
  add_daemon(builder, live);
  add_relays(builder, live);
  add_releases(builder, overview->standings);
  add_refusals(builder, overview->refusals);
  json_builder_end_object(builder);
  object_print(builder, OBJECT_PRETTY);
}

/* --- The command --- */

static int show_all(const Config *config, const Live *live, gboolean json)
{
  g_autoptr(GError) error = NULL;
  g_auto(Overview) overview = {
    .standings = g_ptr_array_new_with_free_func((GDestroyNotify)standing_free),
  };

  if (!read_overview(&overview, config->spool, live, &error)) {
    return complain_error(error, EX_IOERR);
  }
  if (json) {
    print_overview_json(&overview, live);
  } else {
    print_overview(&overview, live, config->spool);
  }
  return EX_OK;
}

static void show_standing(const Standing *standing, gboolean json)
{
  if (!json) {
    details_print(standing);
    return;
  }
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  standing_add_members(standing, builder);
  details_add_rows(standing, builder);
  json_builder_end_object(builder);
  object_print(builder, OBJECT_PRETTY);
}

static void show_refusal(const char *spool, const Refusal *refusal, gboolean json)
{
  if (json) {
    g_autoptr(JsonBuilder) builder = json_builder_new();
    add_refusal(builder, refusal);
    object_print(builder, OBJECT_PRETTY);
    return;
  }
  g_autofree char *text = text_make_lines_visible(refusal->text);
  printf("%s: %srefused%s\n\n%s\nIt lies in %s/rejected/%s.\n", refusal->id,
         style_begin(STYLE_BAD), style_end(STYLE_BAD), text, spool, refusal->id);
}

/* What was refused is no release, but whoever dropped it asks for it in the same way. */
static int show_one(const Config *config, const char *part, const Live *live, gboolean json)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *directory = releases_find(config->spool, part, &error);
  g_autofree char *id = directory != NULL ? g_path_get_basename(directory) : NULL;
  g_autoptr(Standing) standing = id != NULL ? standing_read(config->spool, id, live, &error) : NULL;
  g_autoptr(Refusal) refusal = NULL;

  if (standing != NULL) {
    show_standing(standing, json);
    return EX_OK;
  }
  if (g_error_matches(error, RELEASES_ERROR, RELEASES_ERROR_UNKNOWN)) {
    refusal = refusals_find(config->spool, part);
  }
  if (refusal == NULL) {
    return complain_error(error, EX_IOERR);
  }
  show_refusal(config->spool, refusal, json);
  return EX_OK;
}

static int run(Invocation *invocation)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL},
    G_OPTION_ENTRY_NULL,
  };
  int status;

  if (!command_options(invocation, entries, 0, 1)) {
    return EX_USAGE;
  }
  g_autoptr(Config) config = command_config(invocation, &status);
  if (config == NULL) {
    return status;
  }
  g_autoptr(Live) live = live_ask(config);
  const char *part = invocation->arguments[0];
  return part != NULL ? show_one(config, part, live, json) : show_all(config, live, json);
}

const Command status_command = {
  .name = "status",
  .arguments = "[RELEASE]",
  .help = "Tell what is going on, or all about one release",
  .example = "  dateline status jakarta\n",
  .run = run,
};
