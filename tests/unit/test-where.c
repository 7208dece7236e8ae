/* SPDX-License-Identifier: Apache-2.0 */

#include <glib/gstdio.h>
#include <string.h>

#include "base/durable.h"
#include "contacts/where.h"

typedef struct {
  char *folder;
  GPtrArray *lists;
  Report *report;
} Fixture;

static void add_list(Fixture *f, const char *name, const char *content)
{
  g_autofree char *file = g_strdup_printf("%s/%s.csv", f->folder, name);
  g_autofree char *owned = g_strdup(name);
  const ListSettings settings = {.name = owned, .file = file};
  g_assert_true(g_file_set_contents(file, content, -1, NULL));
  List *list = list_open(&settings, f->report);
  g_assert_nonnull(list);
  g_ptr_array_add(f->lists, list);
}

static void set_up(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->folder = g_dir_make_tmp("test-where-XXXXXX", NULL);
  f->lists = g_ptr_array_new_with_free_func((GDestroyNotify)list_close);
  f->report = report_new();
  add_list(f, "press", "E-Mail,Pays,Beat,Tier,First Name,order,\"a\"\"b\"\n"
                       "a@example.org,ID,cyber and trade,9,Ann,2,q\n");
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_ptr_array_unref(f->lists);
  report_free(f->report);
  g_assert_true(durable_remove_tree(f->folder, NULL));
  g_free(f->folder);
}

/* 1: selected, 0: not, -1: refused before, -2: at the row. */
static int evaluate(Fixture *f, const char *expression)
{
  static const char *const cells[] = {"a@example.org", "ID", "cyber and trade", "9", "Ann", "2", "q"};
  const ListRow row = {.line = 2, .cells = cells};
  g_autoptr(GError) error = NULL;
  gboolean selected;
  report_free(f->report);
  f->report = report_new();
  g_autoptr(Where) where = where_new(expression, f->lists, "news.md", 4, f->report);
  g_assert_cmpint(where == NULL, ==, report_failed(f->report));
  if (!where) {
    return -1;
  }
  gboolean good = where_test(where, 0, &row, &selected, &error);
  g_assert_cmpint(good, ==, error == NULL);
  if (!good) {
    return -2;
  }
  /* The same again: a statement is used for all rows. */
  gboolean again;
  g_assert_true(where_test(where, 0, &row, &again, NULL));
  g_assert_cmpint(again, ==, selected);
  return selected;
}

static void assert_says(Fixture *f, const char *says)
{
  g_autofree char *text = report_to_text(f->report);
  if (!strstr(text, says)) {
    g_error("the report does not say \"%s\":\n%s", says, text);
  }
}

static void test_expressions(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *expression;
    int result;
  } cases[] = {
    {"country = 'ID' AND beat LIKE '%CYBER%'", 1}, {"country = 'id'", 0},
    {"Country = 'ID'", 1}, {"contact.country IN ('FR', 'ID')", 1}, {"\"First Name\" = 'Ann'", 1},
    {"first_name = 'Ann'", 1}, {"\"order\" = '2'", 1}, {"\"a\"\"b\" = 'q'", 1},
    {"lower(country) = 'id' OR tier IS NULL", 1}, {"tier = 9", 1}, {"CAST(tier AS INTEGER) < 10", 1},
    {"CASE WHEN tier = '9' THEN 0 ELSE 1 END", 0}, {"NULL", 0}, {"1", 1}, {"beat", 0},
    {"email LIKE '%@example.org' -- all of them", 1}, {"1 /* so */", 1},
    {"(SELECT count(beat) FROM contact) = 1", -1}, {"EXISTS (SELECT country FROM contact)", 1},
    {"length(beat) BETWEEN 10 AND 20 AND NOT beat GLOB 'x*'", 1},
    {"substr(email, instr(email, '@') + 1) = 'example.org'", 1},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    int result = evaluate(f, cases[i].expression);
    if (result != cases[i].result) {
      g_autofree char *text = report_to_text(f->report);
      g_error("%s: %d\n%s", cases[i].expression, result, text);
    }
  }
}

/* Whatever a stranger writes is refused or harmless, soon, and takes little memory. */
static void test_hostile(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const refused[] = {
    "", " ", ";", "--", "/*", "1;", "1; DROP TABLE contact", "1); ATTACH 'x' AS y; --", "1, 2",
    "1) FROM contact --", "1) FROM contact WHERE (1", "1) UNION SELECT (1", "1)) UNION SELECT ((1", "'", "(", ")",
    "load_extension('/lib/x.so')", "load_extension('x', 'y') = 1", "randomblob(1e9)",
    "zeroblob(1000000000)", "random()", "writefile('/tmp/x', 'y')", "readfile('/etc/passwd')",
    "edit('x')", "fts3_tokenizer('simple')", "sqlite_version()", "last_insert_rowid()",
    "total_changes()", "PRAGMA writable_schema = 1", "ATTACH DATABASE '/tmp/x' AS x",
    "(PRAGMA user_version)", "(SELECT 1 FROM pragma_database_list)", "(SELECT name FROM sqlite_master)",
    "(SELECT sql FROM sqlite_schema) = 'x'", "EXISTS (SELECT 1 FROM sqlite_temp_master)",
    "(SELECT value FROM json_each('[1]'))", "(SELECT 1 FROM generate_series(1, 9))",
    "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c)",
    "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c)",
    "(INSERT INTO contact VALUES(1))", "(DELETE FROM contact)", "contact.nothing = 1", "rowid = 1",
    "main.contact.x = 1", "?1", ":a = 1", "country MATCH 'x'", "country REGEXP 'x'",
    "\xff\xfe", "json_extract('{}', '$') = 1", "group_concat(country)", "count(*) OVER () = 1",
  };
  for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
    int result = evaluate(f, refused[i]);
    if (result >= 0) {
      g_error("this was taken: %s", refused[i]);
    }
  }
}

static void test_bombs(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const bombs[] = {
    "length(replace(replace(replace(replace('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'a', "
    "printf('%1000s', 'a')), 'a', printf('%1000s', 'a')), ' ', printf('%1000s', 'x')), 'x', 'yy'))",
    "length(printf('%999999999d', 1)) > 0", "hex(zeroblob(1e9))",
    "(WITH a(x) AS (VALUES (1),(2),(3),(4),(5),(6),(7),(8)), b AS (SELECT 1 AS x FROM a, a, a, a, a,"
    " a, a, a, a, a, a) SELECT max(x) FROM b)",
  };
  for (guint i = 0; i < G_N_ELEMENTS(bombs); i++) {
    gint64 begin = g_get_monotonic_time();
    g_assert_cmpint(evaluate(f, bombs[i]), <=, 0);
    g_assert_cmpint(g_get_monotonic_time() - begin, <, 20 * G_USEC_PER_SEC);
  }
  g_autoptr(GString) deep = g_string_new(NULL);
  for (guint i = 0; i < 5000; i++) {
    g_string_append(deep, "(1+");
  }
  g_assert_cmpint(evaluate(f, deep->str), ==, -1);
  g_string_truncate(deep, 0);
  for (guint i = 0; i < 100000; i++) {
    g_string_append(deep, "1 OR ");
  }
  g_string_append(deep, "1");
  g_assert_cmpint(evaluate(f, deep->str), ==, -1);
}

static void test_advice(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_cmpint(evaluate(f, "baet = 'x'"), ==, -1);
  assert_says(f, "news.md:4: error: where: no such column: baet (did you mean \"Beat\"?); the columns "
                 "are: E-Mail, Pays, Beat, Tier, First Name, order, ");
  g_assert_cmpint(evaluate(f, "country = \"ID\""), ==, -1);
  assert_says(f, "no such column: ID");
  g_assert_cmpint(evaluate(f, "country = "), ==, -1);
  assert_says(f, "where: near \")\": syntax error; the columns are: ");
  g_assert_cmpint(evaluate(f, "randomblob(5)"), ==, -1);
  assert_says(f, "where: the function randomblob() cannot be used here");
}

static void test_lists(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "embassies", "email,Land\nb@example.org,FR\n");
  g_assert_cmpint(evaluate(f, "country = 'ID'"), ==, 1);
  g_assert_cmpuint(report_count(f->report, FINDING_WARNING), ==, 0);
  g_assert_cmpint(evaluate(f, "beat LIKE '%trade%'"), ==, 1);
  assert_says(f, "the list \"embassies\" has no column beat, which other lists have");
  static const char *const cells[] = {"b@example.org", "FR"};
  const ListRow row = {.line = 2, .cells = cells};
  gboolean selected;
  g_autoptr(Where) where = where_new("country = 'FR' AND beat = ''", f->lists, "news.md", 4,
                                     f->report);
  g_assert_true(where_test(where, 1, &row, &selected, NULL));
  g_assert_true(selected);
}

int main(int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*run)(Fixture *f, gconstpointer data);
  } tests[] = {
    {"/where/expressions", test_expressions}, {"/where/hostile", test_hostile},
    {"/where/bombs", test_bombs},             {"/where/advice", test_advice},
    {"/where/lists", test_lists},
  };
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
  }
  return g_test_run();
}
