/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/usage.h"

#include "base/durable.h"
#include "base/limits.h"
#include "lines.h"

typedef struct {
  char *folder;
  Config *config;
} Fixture;

static const char settings[] =
  "relays = ( { name = \"a\"; url = \"smtp://127.0.0.1\"; rate = \"100/min\"; },\n"
  "           { name = \"b\"; url = \"smtp://127.0.0.1\"; } );\n"
  "channels = { press = { }; };\n"
  "lists = { press = { file = \"press.csv\"; }; };\n"
  "domains = (\n"
  "  { match = [ \"gmail.com\", \"*.xx\" ]; connections = 2; rate = \"3/h\"; },\n"
  "  { match = [ \"*.example.org\", \"example.org\", \"a.xx\" ]; connections = 5; },\n"
  "  { match = [ \"b.example.org\" ]; }\n"
  ");\n";

static void write_file(const Fixture *f, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename(f->folder, name, NULL);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void set_up(Fixture *f, gconstpointer data)
{
  (void)data;
  f->folder = g_dir_make_tmp("test-domains-XXXXXX", NULL);
  g_autofree char *text = g_strdup_printf("spool = \"%s\";\n%s", f->folder, settings);
  g_autofree char *path = g_build_filename(f->folder, "t.conf", NULL);
  g_autoptr(Report) report = report_new();
  write_file(f, "press.csv", "email\nx@gmail.com\ny@elsewhere.org\nz@a.xx\nw@Example.ORG\n");
  write_file(f, "t.conf", text);
  f->config = config_load(path, report);
  g_assert_nonnull(f->config);
}

static void tear_down(Fixture *f, gconstpointer data)
{
  (void)data;
  config_unref(f->config);
  g_assert_true(durable_remove_tree(f->folder, NULL));
  g_free(f->folder);
}

static void test_lanes(Fixture *f, gconstpointer data)
{
  static const struct {
    const char *mailbox;
    guint lane;
  } cases[] = {
    { "a@gmail.com", 1 },         { "a@mail.gmail.com", 0 }, { "a@googlemail.com", 0 },
    { "a@b.xx", 1 },              { "a@c.b.xx", 1 },         { "a@a.xx", 1 },
    { "a@example.org", 2 },       { "a@b.example.org", 2 },  { "a@c.d.example.org", 2 },
    { "a@notexample.org", 0 },    { "\"a@gmail.com\"@x.net", 0 }, { "nobody", 0 },
    { "a.gmail.com@x.net", 0 },   { "a@xx", 0 },
  };
  (void)data;
  g_autoptr(Domains) domains = domains_new(f->config, 0);
  g_assert_cmpuint(domains_lanes(domains), ==, 4);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    g_assert_cmpuint(domains_lane(domains, cases[i].mailbox), ==, cases[i].lane);
}

static void test_limits(Fixture *f, gconstpointer data)
{
  (void)data;
  g_autoptr(Domains) domains = domains_new(f->config, 0);
  g_assert_cmpuint(domains_room(domains, 0, 0), ==, G_MAXUINT);
  g_assert_cmpuint(domains_room(domains, 1, 0), ==, 2);
  domains_begin(domains, 1, 0);
  domains_begin(domains, 1, 0);
  g_assert_true(domains_is_full(domains, 1));
  g_assert_cmpuint(domains_room(domains, 1, 0), ==, 0);
  g_assert_cmpuint(domains_room(domains, 2, 0), ==, 5);
  g_assert_cmpint(domains_next_ms(domains, 0), ==, G_MAXINT64);
  domains_end(domains, 1);
  g_assert_cmpuint(domains_room(domains, 1, 0), ==, 1);
  domains_begin(domains, 1, 0);
  domains_end(domains, 1);
  domains_end(domains, 1);
  g_assert_cmpuint(domains_room(domains, 1, 0), ==, 0);
  g_autoptr(Domains) later = domains_new(f->config, 1000);
  domains_inherit(later, domains, 1000);
  g_assert_cmpuint(domains_room(later, 1, 1000), ==, 0);
  domains_inherit(later, domains, 1000);
  g_assert_cmpuint(domains_room(later, 1, 1000), ==, 0);
  gint64 next = domains_next_ms(domains, 0);
  g_assert_cmpint(next, >=, 3600 * 1000);
  g_assert_cmpuint(domains_room(domains, 1, next - 1), ==, 0);
  g_assert_cmpuint(domains_room(domains, 1, next), ==, 2);
}

/* What is under way counts on where a group's settings are the same, and only there. */
static void test_new_settings(Fixture *f, gconstpointer data)
{
  (void)data;
  g_autofree char *path = g_build_filename(f->folder, "t.conf", NULL);
  g_autofree char *text = NULL;
  g_autoptr(Report) report = report_new();
  g_autoptr(Domains) domains = domains_new(f->config, 0);
  domains_begin(domains, 1, 0);
  domains_begin(domains, 2, 0);
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_autoptr(GString) changed = g_string_new(text);
  g_string_replace(changed, "connections = 5", "connections = 4", 1);
  write_file(f, "t.conf", changed->str);
  g_autoptr(Config) config = config_load(path, report);
  g_assert_nonnull(config);
  g_assert_true(domains_suit(domains, f->config));
  g_assert_false(domains_suit(domains, config));
  g_autoptr(Domains) later = domains_new(config, 0);
  domains_inherit(later, domains, 0);
  g_assert_cmpuint(domains_room(later, 1, 0), ==, 1);
  g_assert_cmpuint(domains_room(later, 2, 0), ==, 4);
  domains_begin(later, 1, 0);
  g_assert_true(domains_is_full(later, 1));
  domains_end(domains, 1);
  g_assert_false(domains_is_full(later, 1));
  domains_end(domains, 2);
  domains_end(later, 1);
  g_clear_pointer(&domains, domains_unref);
  g_assert_cmpuint(domains_room(later, 1, 0), ==, 1);   /* of the three an hour */
}

/* A finished release: contacts 1 to 4 by relay a, a minute before now, and 1 by relay b two
 * hours before. */
static void make_done(const Fixture *f, const char *id, gint64 now)
{
  char memory[LIMIT_JOURNAL_LINE];
  RecordWriter writer = { 0 };
  g_autoptr(Report) report = report_new();
  g_autofree char *done = g_build_filename(f->folder, "done", NULL);
  g_autofree char *directory = g_build_filename(done, id, NULL);
  g_autofree char *roster = g_build_filename(directory, "roster.db", NULL);
  g_autofree char *name = g_build_filename("done", id, "journal", NULL);
  RosterCounts counts;
  g_assert_true(durable_make_directory(done, NULL));
  g_assert_true(durable_make_directory(directory, NULL));
  const RosterPlan plan = {.lists = f->config->lists};
  g_assert_true(roster_build(roster, &plan, &counts, report, NULL));
  g_autoptr(GString) text = g_string_new(NULL);
  lines_add_header(text);
  for (guint32 i = 0; i <= 4; i++) {
    record_begin(&writer, memory, i + 1, i == 0 ? now - 7200 * 1000 : now - 60000 + 1000 * i,
                 EVENT_INTENDED, MAX(i, 1));
    record_add(&writer, "relay", i == 0 ? "b" : "a");
    g_string_append_len(text, memory, (gssize)record_end(&writer));
  }
  write_file(f, name, text->str);
}

typedef struct {
  guint count;
  guint lanes[4];
  gint64 latest_ms;
} Told;

static void take_told(gint64 wall_ms, const char *relay, guint lane, gpointer data)
{
  Told *told = data;
  g_assert_cmpstr(relay, ==, "a");
  g_assert_cmpint(wall_ms, >=, told->latest_ms);
  told->latest_ms = wall_ms;
  told->lanes[lane]++;
  told->count++;
}

static void test_usage(Fixture *f, gconstpointer data)
{
  (void)data;
  gint64 now = clock_wall_ms();
  Told told = { 0 };
  make_done(f, "20261122-101500-one", now);
  make_done(f, "20261122-101500-two", now - 10000);
  write_file(f, "done/notes", "nobody's release");
  g_autoptr(Domains) domains = domains_new(f->config, 0);
  Usage *usage = usage_new(f->config, now);
  usage_take_done(usage, f->config, domains);
  usage_each(usage, take_told, &told);
  g_assert_cmpuint(told.count, ==, 8);
  g_assert_cmpuint(told.lanes[0], ==, 2);
  g_assert_cmpuint(told.lanes[1], ==, 4);
  g_assert_cmpuint(told.lanes[2], ==, 2);
  usage_free(usage);
}

#define ADD(name, function) g_test_add("/domains/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("lanes", test_lanes);
  ADD("limits", test_limits);
  ADD("new-settings", test_new_settings);
  ADD("usage", test_usage);
  return g_test_run();
}
