/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/details.h"

#include <pwd.h>
#include <stdio.h>

#include "base/names.h"
#include "cli/grid.h"
#include "contacts/roster.h"

static const GridColumn PAIR[] = {{.heading = NULL}, {.heading = NULL}};

static Roster *open_roster(const Standing *standing, GError **error)
{
  g_autofree char *path = g_build_filename(standing->summary->directory, "roster.db", NULL);

  return roster_open(path, error);
}

static void add_text(Grid *grid, const char *name, const char *value)
{
  if (value != NULL) {
    grid_add(grid, name, value);
  }
}

static void add_moment(Grid *grid, const char *name, gint64 wall_ms)
{
  if (wall_ms != 0) {
    g_autofree char *moment = moment_to_text(wall_ms);
    grid_add(grid, name, moment);
  }
}

static void add_drop(Grid *grid, const Terms *terms)
{
  const struct passwd *owner = getpwuid(terms->owner);
  g_autofree char *number = g_strdup_printf("user %u", terms->owner);
  g_autofree char *moment = moment_to_text(terms->received_ms);
  g_autofree char *text = g_strdup_printf("%s, by %s, %s", terms->name != NULL ? terms->name : "?",
                                          owner != NULL ? owner->pw_name : number, moment);

  grid_add(grid, "Dropped", text);
}

static void add_terms(Grid *grid, const Terms *terms)
{
  add_text(grid, "Subject", terms->subject);
  add_text(grid, "From", terms->from);
  add_text(grid, "Reply-To", terms->reply_to);
  add_text(grid, "Return path", terms->return_path);
  add_text(grid, "List", terms->list_name);
  add_text(grid, "Channel", terms->channel);
  add_drop(grid, terms);
  add_moment(grid, "Accepted", terms->accepted_ms);
  add_moment(grid, "Send at", terms->send_at_ms);
  add_moment(grid, "Give up at", terms->deadline_ms);
}

static void add_progress(Grid *grid, const Standing *standing)
{
  const Summary *summary = standing->summary;

  add_moment(grid, "Started", summary->started_ms);
  add_moment(grid, "Latest news", summary->latest_ms);
  add_moment(grid, "Finished", summary->finished_ms);
  if (standing->rate > 0) {
    g_autofree char *time = standing_time(standing);
    g_autofree char *text = g_strdup_printf("%.1f messages a second, %s", standing->rate, time);
    grid_add(grid, "Rate", text);
  }
  if (summary->torn > 0) {
    grid_add(grid, "Journal", "a crash has cut off a line at its end; nothing is lost by that");
  }
  add_text(grid, "Files", summary->directory);
}

static void print_states(const Standing *standing)
{
  static const GridColumn columns[] = {
    {.heading = "CONTACTS", .style = style_of_state}, {.heading = "NUMBER", .right = TRUE},
  };
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  for (guint state = 0; state < CONTACT_STATES; state++) {
    g_autofree char *count = g_strdup_printf("%u", standing_count(standing, (ContactState)state));
    grid_add(grid, contact_state_name((ContactState)state), count);
  }
  g_autofree char *all = g_strdup_printf("%u", standing_contacts(standing));
  grid_add(grid, "all", all);
  grid_print(grid, "  ", stdout);
}

static void print_rows(const Standing *standing)
{
  static const GridColumn columns[] = {
    {.heading = "ROWS OF THE LISTS"}, {.heading = "NUMBER", .right = TRUE},
  };
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));
  g_autoptr(GError) error = NULL;
  g_autoptr(Roster) roster = open_roster(standing, &error);

  if (roster == NULL) {
    g_autofree char *visible = text_make_visible(error->message);
    printf("  The rows of the lists cannot be told: %s\n", visible);
    return;
  }
  RosterCounts counts = roster_counts(roster);
  for (guint fate = 0; fate < G_N_ELEMENTS(counts.fates); fate++) {
    g_autofree char *count = g_strdup_printf("%" G_GUINT64_FORMAT, counts.fates[fate]);
    grid_add(grid, fate_name((RosterFate)fate), count);
  }
  g_autofree char *all = g_strdup_printf("%" G_GUINT64_FORMAT, counts.rows);
  grid_add(grid, "all", all);
  grid_print(grid, "  ", stdout);
}

void details_print(const Standing *standing)
{
  g_autoptr(Grid) grid = grid_new(PAIR, G_N_ELEMENTS(PAIR));
  Style style = style_of_state(standing->state);
  g_autofree char *state = text_make_visible(standing->state);
  g_autofree char *reason = text_make_visible(standing->reason != NULL ? standing->reason : "");

  printf("%s: %s%s%s%s%s\n\n", standing->summary->id, style_begin(style), state, style_end(style),
         *reason != '\0' ? ": " : "", reason);
  add_terms(grid, &standing->summary->terms);
  add_progress(grid, standing);
  grid_print(grid, "  ", stdout);
  putchar('\n');
  print_states(standing);
  putchar('\n');
  print_rows(standing);
}

void details_add_rows(const Standing *standing, JsonBuilder *builder)
{
  g_autoptr(Roster) roster = open_roster(standing, NULL);

  if (roster == NULL) {
    object_add_text(builder, "rows", NULL);
    return;
  }
  RosterCounts counts = roster_counts(roster);
  json_builder_set_member_name(builder, "rows");
  json_builder_begin_object(builder);
  object_add_number(builder, "all", counts.rows);
  for (guint fate = 0; fate < G_N_ELEMENTS(counts.fates); fate++) {
    object_add_number(builder, fate_name((RosterFate)fate), counts.fates[fate]);
  }
  json_builder_end_object(builder);
}
