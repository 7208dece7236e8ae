/* SPDX-License-Identifier: Apache-2.0 */

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/durable.h"
#include "contacts/suppression-file.h"

enum { DAY_MS = 24 * 3600 * 1000 };
#define SINCE_MS G_GINT64_CONSTANT(1795342500123)   /* 2026-11-22T10:15:00.123Z */

typedef struct {
  char *spool;
  Suppression *suppression;
} Fixture;

static Suppression *open_list(Fixture *f, SuppressionAccess access)
{
  g_autoptr(GError) error = NULL;
  Suppression *suppression = suppression_open(f->spool, access, &error);
  g_assert_no_error(error);
  return suppression;
}

static void set_up(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->spool = g_dir_make_tmp("test-suppression-XXXXXX", NULL);
  g_assert_nonnull(f->spool);
  f->suppression = open_list(f, SUPPRESSION_WRITE);
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  suppression_close(f->suppression);
  g_assert_true(durable_remove_tree(f->spool, NULL));
  g_free(f->spool);
}

static gboolean add(Fixture *f, const char *address, const char *scope, gint64 since_ms)
{
  g_autoptr(GError) error = NULL;
  gboolean added = FALSE;
  const SuppressionEntry entry = {.address = address, .scope = scope, .since_ms = since_ms,
                                  .reason = SUPPRESSION_BOUNCED, .evidence = "a test"};
  suppression_add(f->suppression, &entry, &added, &error);
  g_assert_no_error(error);
  return added;
}

static SuppressionEntry find(Suppression *suppression, const char *text, const char *list,
                             const char *channel)
{
  g_autoptr(GError) error = NULL;
  g_auto(Address) address = {0};
  SuppressionEntry entry;
  g_assert_true(address_parse(text, &address, &error));
  g_assert_true(suppression_find(suppression, &address, list, channel, &entry, &error));
  return entry;
}

static gboolean is_on(Fixture *f, const char *text)
{
  return find(f->suppression, text, "press", "alerts").number != 0;
}

static guint64 last(Suppression *suppression)
{
  guint64 number = 0;
  g_assert_true(suppression_last(suppression, 0, &number, NULL));
  return number;
}

static void test_addresses(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_false(is_on(f, "jane@example.org"));
  g_assert_cmpuint(last(f->suppression), ==, 0);
  g_assert_true(add(f, " Jane <JANE@Bücher.example> ", "all", SINCE_MS));
  g_assert_true(is_on(f, "jane@xn--bcher-kva.example"));
  g_assert_true(is_on(f, "\"jane\"@BÜCHER.example"));
  g_assert_false(is_on(f, "joe@bücher.example"));
  SuppressionEntry entry = find(f->suppression, "jane@bücher.example", "press", "alerts");
  g_assert_cmpstr(entry.address, ==, "JANE@xn--bcher-kva.example");
  g_assert_cmpstr(entry.scope, ==, "all");
  g_assert_cmpint(entry.reason, ==, SUPPRESSION_BOUNCED);
  g_assert_cmpint(entry.since_ms, ==, SINCE_MS);
  g_autofree char *text = suppression_describe(&entry);
  g_assert_cmpstr(text, ==, "bounced since 2026-11-22 (a test)");
}

static void test_domains(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true(add(f, "example.org", "all", SINCE_MS));
  g_assert_true(is_on(f, "a@EXAMPLE.org"));
  g_assert_false(is_on(f, "a@news.example.org"));
  g_assert_false(is_on(f, "a@notexample.org"));
  g_assert_true(add(f, "*.Bücher.example", "all", SINCE_MS));
  g_assert_true(is_on(f, "a@x.xn--bcher-kva.example"));
  g_assert_true(is_on(f, "a@very.deep.bücher.example"));
  g_assert_false(is_on(f, "a@bücher.example"));
  g_assert_true(add(f, "@*.invalid", "all", SINCE_MS));
  g_assert_true(is_on(f, "a@b.c.invalid"));
  g_assert_false(is_on(f, "a@[192.0.2.1]"));
}

static void test_scopes(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, "a@example.org", "list:press", SINCE_MS);
  add(f, "b@example.org", "channel:alerts", SINCE_MS);
  g_assert_cmpuint(find(f->suppression, "a@example.org", "press", "x").number, ==, 1);
  g_assert_cmpuint(find(f->suppression, "a@example.org", "x", "press").number, ==, 0);
  g_assert_cmpuint(find(f->suppression, "b@example.org", "x", "alerts").number, ==, 2);
  g_assert_cmpuint(find(f->suppression, "b@example.org", "alerts", "x").number, ==, 0);
  /* The oldest tells since when. */
  add(f, "a@example.org", "all", SINCE_MS + DAY_MS);
  g_assert_cmpuint(find(f->suppression, "a@example.org", "press", "x").number, ==, 1);
  g_assert_cmpuint(find(f->suppression, "a@example.org", "x", "x").number, ==, 3);
}

static void test_once(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Suppression) other = open_list(f, SUPPRESSION_READ);
  guint removed;
  g_assert_true(add(f, "a@example.org", "all", SINCE_MS));
  g_assert_false(add(f, "A@EXAMPLE.ORG", "all", SINCE_MS + DAY_MS));
  g_assert_cmpint(find(other, "a@example.org", "x", "x").since_ms, ==, SINCE_MS);
  g_assert_cmpuint(last(other), ==, 1);
  g_assert_true(suppression_remove(f->suppression, "a@Example.org", NULL, &removed, NULL));
  g_assert_cmpuint(removed, ==, 1);
  g_assert_cmpuint(find(other, "a@example.org", "x", "x").number, ==, 0);
  g_assert_cmpuint(last(other), ==, 1);
  /* A number is never used again: whoever had looked learns of it. */
  g_assert_true(add(f, "a@example.org", "all", SINCE_MS));
  g_assert_cmpuint(last(other), ==, 2);
}

static void test_wrong(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const wrong[] = {"", " ", "@", "a@", "a b", "a@b", "jane@example,org",
                                      "a@example.org\r\nb@example.org", "*.", "*.*.org", "\xff@x.org",
                                      "example", "a@exa\x01mple.org"};
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    const SuppressionEntry entry = {.address = wrong[i], .scope = "all"};
    gboolean added;
    g_assert_false(suppression_add(f->suppression, &entry, &added, &error));
    g_assert_true(error->domain == ADDRESS_ERROR);
  }
  static const char *const scopes[] = {"", "ALL", "list:", "lists:press", "all "};
  for (guint i = 0; i < G_N_ELEMENTS(scopes); i++) {
    g_assert_false(suppression_scope_check(scopes[i], NULL));
  }
  g_assert_cmpuint(last(f->suppression), ==, 0);
}

static void test_look(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Suppression) other = open_list(f, SUPPRESSION_READ);
  add(f, "a@example.org", "all", SINCE_MS);
  add(f, "example.net", "all", SINCE_MS);
  g_assert_true(suppression_begin_look(other, NULL));
  add(f, "late@example.org", "all", SINCE_MS);
  g_assert_cmpuint(last(other), ==, 2);
  g_assert_cmpuint(find(other, "a@example.org", "x", "x").number, ==, 1);
  g_assert_cmpuint(find(other, "b@example.net", "x", "x").number, ==, 2);
  g_assert_cmpuint(find(other, "late@example.org", "x", "x").number, ==, 0);
  suppression_end_look(other);
  g_assert_cmpuint(last(other), ==, 3);
  g_assert_cmpuint(find(other, "late@example.org", "x", "x").number, ==, 3);
}

static void test_absent(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  Fixture other = {.spool = g_build_filename(f->spool, "elsewhere", NULL)};
  g_autoptr(Suppression) none = open_list(&other, SUPPRESSION_READ);
  g_assert_cmpuint(last(none), ==, 0);
  g_assert_true(suppression_begin_look(none, NULL));
  g_assert_cmpuint(find(none, "a@example.org", "x", "x").number, ==, 0);
  suppression_end_look(none);
  g_assert_null(suppression_open(other.spool, SUPPRESSION_WRITE, &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_free(other.spool);
}

static void test_foreign(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const contents[] = {"this is text and no database at all, whatever it says",
                                         "SQLite format 3"};
  for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
    g_autoptr(GError) error = NULL;
    Fixture other = {.spool = g_build_filename(f->spool, contents[i], NULL)};
    g_autofree char *folder = suppression_folder(other.spool);
    g_autofree char *path = g_build_filename(folder, "suppress.db", NULL);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, contents[i], -1, NULL));
    g_assert_null(suppression_open(other.spool, SUPPRESSION_READ, &error));
    g_assert_nonnull(error);
    g_free(other.spool);
  }
}

/* --- Files. --- */

static SuppressionCounts import(Fixture *f, const char *content, Report *report)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(f->spool, "file.txt", NULL);
  const SuppressionEntry usual = {.scope = "all", .since_ms = SINCE_MS};
  SuppressionCounts counts;
  g_assert_true(g_file_set_contents(path, content, -1, NULL));
  suppression_import(f->suppression, path, "file.txt", &usual, &counts, report, &error);
  g_assert_no_error(error);
  return counts;
}

static void test_lines(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Report) report = report_new();
  SuppressionCounts counts = import(f, "# unsubscribed\r\na@example.org\r\n\r\n  example.net \n"
                                       "nobody\nA@example.org\n=1+1\nb@example.org", report);
  g_assert_cmpuint(counts.added, ==, 3);
  g_assert_cmpuint(counts.known, ==, 1);
  g_assert_cmpuint(counts.wrong, ==, 2);
  g_autofree char *text = report_to_text(report);
  g_assert_nonnull(strstr(text, "file.txt:5: error: \"nobody\" is neither an address nor a domain"));
  g_assert_nonnull(strstr(text, "file.txt:7: error: "));
  g_assert_cmpstr(find(f->suppression, "b@example.org", "x", "x").evidence, ==, "file.txt line 8");
  g_assert_cmpstr(find(f->suppression, "x@example.net", "x", "x").evidence, ==, "file.txt line 4");
}

static void test_table(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Report) report = report_new();
  SuppressionCounts counts =
    import(f, "address,scope,reason,since,evidence\n"
              "a@example.org,list:press,complained,2026-11-22T10:15:00.123Z,\"a, b\"\n"
              "'+b@example.org,,,,\n"
              "c@example.org,nowhere,,,\n"
              "d@example.org,,tired,,\n"
              "e@example.org,,,yesterday,\n"
              "f@example.org\n", report);
  g_assert_cmpuint(counts.added, ==, 2);
  g_assert_cmpuint(counts.wrong, ==, 4);
  SuppressionEntry entry = find(f->suppression, "a@example.org", "press", "x");
  g_assert_cmpint(entry.reason, ==, SUPPRESSION_COMPLAINED);
  g_assert_cmpint(entry.since_ms, ==, SINCE_MS);
  g_assert_cmpstr(entry.evidence, ==, "a, b");
  g_assert_true(is_on(f, "+b@example.org"));
}

/* A list that breaks off within quotation marks is taken as far as it goes. */
static void test_torn_table(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Report) report = report_new();
  SuppressionCounts counts = import(f, "email,reason\na@example.org,asked\n\"b@example.org,as",
                                    report);
  g_assert_cmpuint(counts.added, ==, 1);
  g_assert_cmpuint(counts.wrong, ==, 1);
  g_assert_true(report_failed(report));
}

/* Killed at any moment, an import has happened wholly or not at all, and can be done again. */
static void test_kill(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  enum { LINES = 5000, ROUNDS = 12 };
  g_autoptr(GString) content = g_string_new(NULL);
  for (guint i = 0; i < LINES; i++) {
    g_string_append_printf(content, "c%u@example.org\n", i);
  }
  g_autofree char *path = g_build_filename(f->spool, "many.txt", NULL);
  g_assert_true(g_file_set_contents(path, content->str, (gssize)content->len, NULL));
  const SuppressionEntry usual = {.scope = "all", .since_ms = SINCE_MS};
  g_clear_pointer(&f->suppression, suppression_close);
  for (guint round = 0; round < ROUNDS; round++) {
    pid_t child = fork();
    if (child == 0) {
      g_autoptr(Report) report = report_new();
      SuppressionCounts counts;
      g_autoptr(Suppression) mine = suppression_open(f->spool, SUPPRESSION_WRITE, NULL);
      _exit(!suppression_import(mine, path, "many.txt", &usual, &counts, report, NULL));
    }
    g_usleep(round * 3000);
    kill(child, SIGKILL);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    g_autoptr(Suppression) reader = open_list(f, SUPPRESSION_WRITE);
    const guint64 number = last(reader);
    g_assert_true(number == 0 || number == LINES);
  }
  f->suppression = open_list(f, SUPPRESSION_WRITE);
  g_autoptr(Report) report = report_new();
  SuppressionCounts counts = import(f, content->str, report);
  g_assert_cmpuint(counts.added + counts.known, ==, LINES);
  g_assert_cmpuint(last(f->suppression), ==, LINES);
}

static void test_roll_back(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true(suppression_begin(f->suppression, NULL));
  add(f, "a@example.org", "all", SINCE_MS);
  suppression_roll_back(f->suppression);
  g_assert_false(is_on(f, "a@example.org"));
  g_assert_true(suppression_begin(f->suppression, NULL));
  add(f, "a@example.org", "all", SINCE_MS);
  g_assert_true(suppression_commit(f->suppression, NULL));
  g_assert_true(is_on(f, "a@example.org"));
}

int main(int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*run)(Fixture *f, gconstpointer data);
  } tests[] = {
    {"/suppression/addresses", test_addresses}, {"/suppression/domains", test_domains},
    {"/suppression/scopes", test_scopes},       {"/suppression/once", test_once},
    {"/suppression/wrong", test_wrong},         {"/suppression/look", test_look},
    {"/suppression/absent", test_absent},       {"/suppression/foreign", test_foreign},
    {"/suppression/lines", test_lines},         {"/suppression/table", test_table},
    {"/suppression/torn-table", test_torn_table}, {"/suppression/kill", test_kill},
    {"/suppression/roll-back", test_roll_back},
  };
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
  }
  return g_test_run();
}
