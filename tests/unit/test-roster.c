/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "contacts/roster.h"

/* --- Lists in a folder of their own, and a roster built from them. --- */

typedef struct {
  char *folder;
  char *path;
  GPtrArray *lists;     /* ListSettings *, with all that they own */
  Report *report;
  RosterCounts counts;
} Fixture;

static void settings_free(gpointer pointer)
{
  ListSettings *settings = pointer;
  g_free(settings->name);
  g_free(settings->file);
  g_free(settings);
}

static void set_up(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->folder = g_dir_make_tmp("test-roster-XXXXXX", NULL);
  g_assert_nonnull(f->folder);
  f->path = g_build_filename(f->folder, "roster 100%?#.db", NULL);
  f->lists = g_ptr_array_new_with_free_func(settings_free);
  f->report = report_new();
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true(durable_remove_tree(f->folder, NULL));
  g_ptr_array_unref(f->lists);
  report_free(f->report);
  g_free(f->path);
  g_free(f->folder);
}

static void add_list(Fixture *f, const char *name, const char *content)
{
  ListSettings *settings = g_new0(ListSettings, 1);
  g_autofree char *file = g_strconcat(name, ".csv", NULL);
  settings->name = g_strdup(name);
  settings->file = g_build_filename(f->folder, file, NULL);
  g_assert_true(g_file_set_contents(settings->file, content, -1, NULL));
  g_ptr_array_add(f->lists, settings);
}

static gboolean try_build(Fixture *f, const char *path, const RosterField *fields, guint n_fields,
                          MissingPolicy missing, guint max_recipients, GError **error)
{
  report_free(f->report);
  f->report = report_new();
  const RosterPlan plan = {.lists = f->lists, .fields = fields, .n_fields = n_fields,
                           .missing = missing, .max_recipients = max_recipients};
  gboolean good = roster_build(path, &plan, &f->counts, f->report, error);
  g_autofree char *new_path = g_strconcat(f->path, ".new", NULL);
  g_assert_false(g_file_test(new_path, G_FILE_TEST_EXISTS));
  g_assert_true(g_file_test(f->path, G_FILE_TEST_EXISTS) == (good && path));
  return good;
}

static Roster *build(Fixture *f, const RosterField *fields, guint n_fields, MissingPolicy missing)
{
  g_autoptr(GError) error = NULL;
  gboolean good = try_build(f, f->path, fields, n_fields, missing, 0, &error);
  g_assert_no_error(error);
  g_assert_true(good);
  Roster *roster = roster_open(f->path, &error);
  g_assert_no_error(error);
  RosterCounts counts = roster_counts(roster);
  g_assert_true(memcmp(&counts, &f->counts, sizeof counts) == 0);
  return roster;
}

static void assert_refused(Fixture *f, const RosterField *fields, guint n_fields,
                           MissingPolicy missing, guint max_recipients)
{
  g_autoptr(GError) error = NULL;
  gboolean good = try_build(f, f->path, fields, n_fields, missing, max_recipients, &error);
  g_assert_false(good);
  g_assert_no_error(error);
  g_assert_true(report_failed(f->report));
}

static void assert_says(Fixture *f, const char *says)
{
  g_autofree char *text = report_to_text(f->report);
  if (!strstr(text, says)) {
    g_error("the report does not say \"%s\":\n%s", says, text);
  }
}

static void assert_fates(Fixture *f, guint64 selected, guint64 duplicate, guint64 invalid,
                         guint64 empty)
{
  g_assert_cmpuint(f->counts.fates[FATE_SELECTED], ==, selected);
  g_assert_cmpuint(f->counts.fates[FATE_DUPLICATE], ==, duplicate);
  g_assert_cmpuint(f->counts.fates[FATE_INVALID], ==, invalid);
  g_assert_cmpuint(f->counts.fates[FATE_EMPTY], ==, empty);
  g_assert_cmpuint(f->counts.rows, ==, selected + duplicate + invalid + empty);
}

static RosterRecipient get(Roster *roster, guint32 contact)
{
  RosterRecipient recipient;
  g_autoptr(GError) error = NULL;
  gboolean good = roster_read(roster, contact, &recipient, &error);
  g_assert_no_error(error);
  g_assert_true(good);
  g_assert_cmpuint(recipient.contact, ==, contact);
  return recipient;
}

static void append_skipped(const RosterSkipped *skipped, gpointer data)
{
  g_string_append_printf(data, "%s:%u %s [%s] %s\n", skipped->list, skipped->line,
                         fate_name(skipped->fate), skipped->address, skipped->reason);
}

static char *list_skipped(Roster *roster)
{
  GString *text = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  gboolean good = roster_each_skipped(roster, append_skipped, text, &error);
  g_assert_no_error(error);
  g_assert_true(good);
  return g_string_free(text, FALSE);
}

/* --- Fates. --- */

static void test_fates(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email,first_name,beat\n"
                       "jane@example.org,Jane,cyber\n"
                       "joe@example,Joe,cyber\n"
                       "JANE@EXAMPLE.ORG,Jane again,\n"
                       "short@example.org\n"
                       "blank@example.org, ,x\n"
                       "ann@example.org,Ann,\n");
  add_list(f, "embassies", "Courriel;First-Name;Beat\n"
                           "ann@example.org;Ann;x\n"
                           "\"\"\"jane\"\"@example.org\";;x\n"
                           "\"joe\"@example.org;Joe;x\n"
                           "blank@example.org;Bea;x\n"
                           "last@bücher.example;Last;x\n");
  const RosterField fields[] = {{"First Name", TRUE}, {"beat", FALSE}};
  g_autoptr(Roster) roster = build(f, fields, 2, MISSING_SKIP);
  assert_fates(f, 4, 3, 3, 1);
  g_assert_cmpuint(roster_length(roster), ==, 4);
  g_assert_cmpstr(roster_columns(roster)[0], ==, "First Name");
  g_assert_cmpstr(roster_columns(roster)[1], ==, "beat");
  g_assert_null(roster_columns(roster)[2]);

  static const char *const MAILBOXES[] = {"jane@example.org", "ann@example.org",
                                          "blank@example.org", "last@xn--bcher-kva.example"};
  for (guint32 i = 1; i <= 4; i++) {
    g_assert_cmpstr(get(roster, i).mailbox, ==, MAILBOXES[i - 1]);
  }
  RosterRecipient third = get(roster, 3);
  g_assert_cmpstr(third.list, ==, "embassies");
  g_assert_cmpuint(third.line, ==, 5);
  g_assert_cmpstr(third.values[0], ==, "Bea");
  g_assert_cmpstr(third.values[1], ==, "x");
  g_assert_cmpstr(third.name, ==, "Bea");

  g_autofree char *skipped = list_skipped(roster);
  g_assert_cmpstr(skipped, ==,
    "press:3 invalid [joe@example] \"joe@example\" is not a mail address: the domain example has "
    "no dot\n"
    "press:4 duplicate [JANE@EXAMPLE.ORG] same address as press.csv line 2\n"
    "press:5 invalid [short@example.org] the row has 1 cell; 3 are expected\n"
    "press:6 empty [blank@example.org] no value for {{First Name}}\n"
    "embassies:2 duplicate [ann@example.org] same address as press.csv line 7\n"
    "embassies:3 duplicate [\"jane\"@example.org] same address as press.csv line 2\n"
    "embassies:4 invalid [joe@example.org] cell 1 goes on after its closing quotation mark; "
    "a quotation mark inside quotation marks is written twice\n");
  assert_says(f, "press.csv:3: warning: the row is left out: \"joe@example\"");
  assert_says(f, "press.csv:5: warning: the row is left out: the row has 1 cell");
}

static void test_names(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "full", "email,Name,first_name\na@x.example,\"Jane \r\n\tDoe\",J\n"
                      "b@x.example,,Bea\n");
  add_list(f, "parts", "email,Vorname,Nachname\nc@x.example,Jürgen,Groß\nd@x.example,,Groß\n"
                       "e@x.example,Eva,\nf@x.example,,\n");
  add_list(f, "none", "email\ng@x.example\nGabi Groß <h@x.example>\n"
                      "\"\"\"Doe, J\"\" <i@x.example>\"\n");
  add_list(f, "both", "email,name\nX <j@x.example>,Jo\n<k@x.example>,K\nDoe, K <k@x.example>,K\n");
  static const char *const NAMES[] = {"Jane Doe", "Bea", "Jürgen Groß", "Groß", "Eva", NULL, NULL,
                                      "Gabi Groß", "Doe, J", "Jo"};
  g_autoptr(Roster) roster = build(f, NULL, 0, MISSING_REFUSE);
  g_assert_cmpuint(roster_length(roster), ==, G_N_ELEMENTS(NAMES));
  for (guint32 i = 0; i < G_N_ELEMENTS(NAMES); i++) {
    g_assert_cmpstr(get(roster, i + 1).name, ==, NAMES[i]);
  }
}

/* --- Policies. --- */

static const char HOLES[] = "email,first_name,last_name\na@x.example,,\nb@x.example,Bea,B\n"
                            "a@x.example,,A\nc@x.example,\"\u00a0 \",C\nb@x.example,,\n";
static const RosterField NAME_FIELDS[] = {{"first_name", TRUE}, {"last_name", TRUE}};

static void test_missing_refuse(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", HOLES);
  assert_refused(f, NAME_FIELDS, 2, MISSING_REFUSE, 0);
  assert_says(f, "press.csv:2: error: no value for {{first_name}}, {{last_name}}, which the text "
                 "uses without a fallback; fill it in, write {{first_name|…}} or set missing: "
                 "skip");
  assert_says(f, "press.csv:4: error: no value for {{first_name}}, which");
  assert_says(f, "press.csv:5: error: no value for {{first_name}}, which");
  g_assert_cmpuint(report_count(f->report, FINDING_ERROR), ==, 3);
  assert_fates(f, 1, 1, 0, 3);
}

static void test_missing_skip(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", HOLES);
  roster_close(build(f, NAME_FIELDS, 2, MISSING_SKIP));
  assert_fates(f, 1, 1, 0, 3);
  g_assert_cmpuint(report_length(f->report), ==, 0);
}

static void test_missing_blank(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", HOLES);
  g_autoptr(Roster) roster = build(f, NAME_FIELDS, 2, MISSING_BLANK);
  assert_fates(f, 3, 2, 0, 0);
  g_assert_cmpstr(get(roster, 1).values[0], ==, "");
  g_assert_cmpstr(get(roster, 3).values[0], ==, "\u00a0 ");
}

static void test_first_ten(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GString) list = g_string_new("email,a\n");
  for (guint i = 0; i < 25; i++) {
    g_string_append_printf(list, "r%u@x.example,\nwrong%u,x\n", i, i);
  }
  g_string_append(list, "good@x.example,x\n");
  add_list(f, "press", list->str);
  const RosterField fields[] = {{"a", TRUE}};
  assert_refused(f, fields, 1, MISSING_REFUSE, 0);
  g_assert_cmpuint(report_count(f->report, FINDING_ERROR), ==, 11);
  g_assert_cmpuint(report_count(f->report, FINDING_WARNING), ==, 11);
  assert_says(f, "error: 15 more rows have no value");
  assert_says(f, "warning: 15 more rows are left out as invalid");
  assert_fates(f, 1, 0, 25, 25);
}

static void test_fields(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "E-Mail,first_name\na@x.example,Ann\nnot an address,x\n");
  add_list(f, "other", "mail,beat\nb@x.example,x\n");
  const RosterField wrong[] = {{"frist_name", TRUE}, {"zzzzzzzz", FALSE}, {"first_name", FALSE}};
  assert_refused(f, wrong, 3, MISSING_REFUSE, 0);
  assert_says(f, "error: no list has a column for {{frist_name}}; did you mean {{first_name}}?");
  assert_says(f, "error: no list has a column for {{zzzzzzzz}}; it must be");
  assert_says(f, "other.csv: warning: list \"other\" has no column for {{first_name}}");
  assert_says(f, "press.csv:3: warning: the row is left out");
  g_assert_cmpuint(report_count(f->report, FINDING_ERROR), ==, 2);

  const RosterField address[] = {{"email", TRUE}, {"beat", FALSE}};
  g_autoptr(Roster) roster = build(f, address, 2, MISSING_REFUSE);
  g_assert_cmpstr(get(roster, 1).values[0], ==, "a@x.example");
  g_assert_cmpstr(get(roster, 1).values[1], ==, "");
  g_assert_cmpstr(get(roster, 2).values[0], ==, "b@x.example");
}

/* What is valid but looks wrong is told, and sent to. */
static void test_suspicions(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email\na@gmial.com\nb@example.con\nc@yopmail.com\nNoReply@x.example\n"
                       "d@[192.0.2.1]\npress@x.example\ninfo@gmail.com\na@ymail.com\n"
                       "e@yhoo.com\ne@gamil.com\n");
  roster_close(build(f, NULL, 0, MISSING_REFUSE));
  assert_fates(f, 10, 0, 0, 0);
  assert_says(f, "press.csv:2: warning: a@gmial.com: gmial.com is hardly what was meant; did you "
                 "mean gmail.com?");
  assert_says(f, "press.csv:3: warning: b@example.con: no domain ends in .con; did you mean "
                 "example.com?");
  assert_says(f, "press.csv:4: warning: c@yopmail.com: yopmail.com gives out");
  assert_says(f, "press.csv:5: warning: NoReply@x.example: noreply@ is hardly read");
  assert_says(f, "press.csv:6: warning: d@[192.0.2.1]: few receivers");
  assert_says(f, "press.csv:10: warning: ");
  assert_says(f, "press.csv:11: warning: ");
  g_assert_cmpuint(report_length(f->report), ==, 7);
}

static void test_limits(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email\na@x.example\nb@x.example\nA@x.example\n");
  assert_refused(f, NULL, 0, MISSING_REFUSE, 1);
  assert_says(f, "there are 2 recipients; max_recipients of the channel allows 1");
  g_autoptr(GError) error = NULL;
  g_assert_true(try_build(f, f->path, NULL, 0, MISSING_REFUSE, 2, &error));
}

static void test_nobody(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email\nwrong\n");
  assert_refused(f, NULL, 0, MISSING_REFUSE, 0);
  assert_says(f, "there is no recipient: of 1 rows 1 are invalid");
  g_ptr_array_set_size(f->lists, 0);
  assert_refused(f, NULL, 0, MISSING_REFUSE, 0);
}

static void test_unusable_lists(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "bad", "who\nx\n");
  add_list(f, "empty", "");
  add_list(f, "good", "email\na@x.example\n");
  assert_refused(f, NULL, 0, MISSING_REFUSE, 0);
  assert_says(f, "bad.csv:1: error: no column");
  assert_says(f, "empty.csv: error: the list is empty");
}

static void test_torn_list(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email,x\na@x.example,1\nb@x.example,\"open\n");
  g_autoptr(GError) error = NULL;
  g_assert_false(try_build(f, f->path, NULL, 0, MISSING_REFUSE, 0, &error));
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST);
  g_assert_true(g_str_has_prefix(error->message, "press.csv: line 3: "));
}

/* --- The file. --- */

static void test_check_only(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email\na@x.example\nA@X.example\n");
  g_autoptr(GError) error = NULL;
  g_assert_true(try_build(f, NULL, NULL, 0, MISSING_REFUSE, 0, &error));
  assert_fates(f, 1, 1, 0, 0);
}

static void test_existing_files(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email\na@x.example\n");
  /* What a crash left behind is in nobody's way. */
  g_autofree char *left = g_strconcat(f->path, ".new", NULL);
  g_assert_true(g_file_set_contents(left, "torn", -1, NULL));
  roster_close(build(f, NULL, 0, MISSING_REFUSE));
  /* A roster is never replaced. */
  g_autoptr(GError) error = NULL;
  g_autofree char *before = NULL, *after = NULL;
  gsize length_before, length_after;
  g_assert_true(g_file_get_contents(f->path, &before, &length_before, NULL));
  const RosterPlan plan = {.lists = f->lists};
  g_assert_false(roster_build(f->path, &plan, &f->counts, f->report, &error));
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER);
  g_assert_true(g_file_get_contents(f->path, &after, &length_after, NULL));
  g_assert_true(length_before == length_after && memcmp(before, after, length_after) == 0);
  g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
}

static void test_no_folder(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email\na@x.example\n");
  g_autofree char *path = g_build_filename(f->folder, "missing", "roster.db", NULL);
  g_autoptr(GError) error = NULL;
  gboolean good = try_build(f, path, NULL, 0, MISSING_REFUSE, 0, &error);
  g_assert_false(good);
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER);
}

static void execute(const char *path, const char *sql)
{
  sqlite3 *db;
  g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close(db);
}

static void assert_not_opened(const char *path, const char *says)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Roster) roster = roster_open(path, &error);
  g_assert_null(roster);
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER);
  g_assert_true(g_str_has_prefix(error->message, path));
  if (!strstr(error->message, says)) {
    g_error("\"%s\" does not say \"%s\"", error->message, says);
  }
}

static void build_and_close(Fixture *f)
{
  add_list(f, "press", "email\na@x.example\nb@x.example\n");
  roster_close(build(f, NULL, 0, MISSING_REFUSE));
}

static void test_versions(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  build_and_close(f);
  execute(f->path, "PRAGMA user_version = 2");
  assert_not_opened(f->path, "the roster has format 2; this program reads format 1");
  execute(f->path, "PRAGMA user_version = 1; PRAGMA application_id = 1");
  assert_not_opened(f->path, "not a roster");
}

static void test_damage(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *other = g_build_filename(f->folder, "other.db", NULL);
  assert_not_opened(other, "unable to open");
  g_assert_true(g_file_set_contents(other, "", 0, NULL));
  assert_not_opened(other, "not a roster");
  g_autofree char *noise = g_strnfill(100000, '#');
  g_assert_true(g_file_set_contents(other, noise, -1, NULL));
  assert_not_opened(other, "not a database");

  build_and_close(f);
  g_autofree char *content = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(f->path, &content, &length, NULL));
  for (gsize kept = 100; kept < length; kept += 1000) {
    g_assert_true(g_file_set_contents(other, content, (gssize)kept, NULL));
    assert_not_opened(other, "");
  }
}

/* SQLite's reads of files, after reads_left of which all fail. */
static guint reads_left = G_MAXUINT;
static ssize_t (*real_pread)(int, void *, size_t, off_t);

static ssize_t failing_pread(int fd, void *bytes, size_t length, off_t at)
{
  if (reads_left == 0) {
    errno = EIO;
    return -1;
  }
  reads_left--;
  return real_pread(fd, bytes, length, at);
}

/* By whichever name SQLite was built to call it. */
static void replace_pread(gboolean fails)
{
  static const char *const names[] = {"pread", "pread64"};
  sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
  real_pread = pread;
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    vfs->xSetSystemCall(vfs, names[i], fails ? (sqlite3_syscall_ptr)failing_pread : NULL);
  }
}

static void assert_unreadable(GError **error)
{
  g_assert_error(*error, CONTACTS_ERROR, CONTACTS_ERROR_UNREADABLE);
  g_assert_nonnull(strstr((*error)->message, g_strerror(EIO)));
  g_clear_error(error);
}

/* Whichever read fails, nobody takes the roster for a damaged one. */
static void test_failing_disk(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Roster) roster = NULL;
  RosterRecipient recipient;
  guint reads = 0;
  build_and_close(f);
  replace_pread(TRUE);
  for (; !roster; reads++) {
    reads_left = reads;
    roster = roster_open(f->path, &error);
    if (!roster) {
      assert_unreadable(&error);
    }
  }
  g_assert_cmpuint(reads, >, 3);
  reads = 0;
  for (gboolean good = FALSE; !good; reads++) {
    reads_left = reads;
    good = roster_reopen(roster, &error) && roster_read(roster, 2, &recipient, &error);
    if (!good) {
      assert_unreadable(&error);
    }
  }
  g_assert_cmpuint(reads, >, 2);
  g_assert_cmpstr(recipient.mailbox, ==, "b@x.example");
  replace_pread(FALSE);
}

static void test_reopening(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *aside = g_strconcat(f->path, ".aside", NULL);
  g_autoptr(GError) error = NULL;
  RosterRecipient recipient;
  add_list(f, "press", "email,city\na@x.example,Jakarta\nb@x.example,Berlin\n");
  static const RosterField fields[] = {{"city", 0}};
  g_autoptr(Roster) roster = build(f, fields, 1, MISSING_REFUSE);
  g_assert_cmpint(g_rename(f->path, aside), ==, 0);
  g_assert_false(roster_reopen(roster, &error));
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER);
  g_clear_error(&error);
  g_assert_cmpint(g_rename(aside, f->path), ==, 0);
  g_assert_true(roster_reopen(roster, &error));
  g_assert_no_error(error);
  g_assert_true(roster_read(roster, 2, &recipient, &error));
  g_assert_cmpstr(recipient.values[0], ==, "Berlin");
  g_assert_cmpuint(roster_find(roster, "b@x", 0, &error), ==, 2);
}

static void test_gaps(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  build_and_close(f);
  execute(f->path, "UPDATE recipients SET contact = 3 WHERE contact = 2");
  assert_not_opened(f->path, "not numbered in sequence");
  execute(f->path, "UPDATE recipients SET contact = 2, list = 7 WHERE contact = 3");
  g_autoptr(GError) error = NULL;
  g_autoptr(Roster) roster = roster_open(f->path, &error);
  g_assert_no_error(error);
  RosterRecipient recipient;
  g_assert_false(roster_read(roster, 2, &recipient, &error));
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER);
  g_clear_error(&error);
  g_assert_false(roster_read(roster, 3, &recipient, &error));
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER);
  g_clear_error(&error);
  g_assert_false(roster_read(roster, 0, &recipient, &error));
  g_assert_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER);
}

/* --- Reading back. --- */

static char *quote_cell(const char *value)
{
  GString *cell = g_string_new(value);
  g_string_replace(cell, "\"", "\"\"", 0);
  g_string_prepend_c(cell, '"');
  g_string_append_c(cell, '"');
  return g_string_free(cell, FALSE);
}

static void test_hostile_values(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const VALUES[] = {
    "'; DROP TABLE recipients; --", "\"quoted\", and more", "line\r\nBcc: eve@example.org\r\n\r\n.",
    "{{first_name}}", "<script>alert(1)</script> &amp;", "=?utf-8?q?no?=", "\x01\x02\x1b[31m\x7f",
    "\u202e\u200b\ufeff", "e\u0301 É 🙂 \U0010ffff", "  blanks  ", "\\0 %s %n", "\t",
  };
  g_autoptr(GString) list = g_string_new("email,value\n");
  for (guint i = 0; i < G_N_ELEMENTS(VALUES); i++) {
    g_autofree char *cell = quote_cell(VALUES[i]);
    g_string_append_printf(list, "r%u@x.example,%s\n", i, cell);
  }
  add_list(f, "press", list->str);
  const RosterField fields[] = {{"value", FALSE}, {"email", TRUE}, {"VALUE", FALSE}};
  g_autoptr(Roster) roster = build(f, fields, 3, MISSING_REFUSE);
  for (guint32 i = 0; i < G_N_ELEMENTS(VALUES); i++) {
    RosterRecipient recipient = get(roster, i + 1);
    g_assert_cmpstr(recipient.values[0], ==, VALUES[i]);
    g_assert_cmpstr(recipient.values[2], ==, VALUES[i]);
  }
}

static void test_find(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add_list(f, "press", "email\nJane@example.org\njoe@bücher.example\nÉlise@example.org\n"
                       "jane_doe@example.com\n");
  g_autoptr(Roster) roster = build(f, NULL, 0, MISSING_REFUSE);
  static const struct {
    const char *text;
    guint32 after, found;
  } FINDS[] = {
    {"jane", 0, 1}, {"JANE", 1, 4}, {"jane", 4, 0}, {"e_d", 0, 4}, {"%", 0, 0}, {"", 2, 3},
    {"élise", 0, 3}, {"E\u0301LISE", 0, 3}, {"joe@BÜCHER.example", 0, 2}, {"@example.org", 1, 3},
    {"\"jane\"@example.org", 0, 1}, {"\xff", 0, 0}, {"' OR 1", 0, 0},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(FINDS); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(roster_find(roster, FINDS[i].text, FINDS[i].after, &error), ==,
                     FINDS[i].found);
    g_assert_no_error(error);
  }
}

/* What row i of the generated list holds: each kind of difficulty in turn. */
static char *make_generated_name(guint i)
{
  static const char *const KINDS[] = {"Élise \"Z\" Müller, %u", "日本 %u;\nzwei", "O'Neill %u",
                                      "İpek\t%u"};
  g_autofree char *number = g_strdup_printf("%u", i);
  GString *name = g_string_new(KINDS[i % G_N_ELEMENTS(KINDS)]);
  g_string_replace(name, "%u", number, 0);
  return g_string_free(name, FALSE);
}

/* The second kind above takes two lines. */
static guint generated_line(guint i)
{
  return 2 + i + (i + 2) / 4;
}

static void test_thousand(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  enum { ROWS = 1000 };
  static const char *const DOMAINS[] = {"example.org", "bücher.example", "例え.テスト"};
  g_autoptr(GString) list = g_string_new("\ufeffemail;nom;number\r\n");
  for (guint i = 0; i < ROWS; i++) {
    g_autofree char *name = make_generated_name(i);
    g_autofree char *cell = quote_cell(name);
    g_string_append_printf(list, "r%u@%s;%s;%u\r\n", i, DOMAINS[i % 3], cell, i);
  }
  add_list(f, "press", list->str);
  add_list(f, "again", list->str);
  const RosterField fields[] = {{"number", TRUE}, {"nom", TRUE}};
  g_autoptr(Roster) roster = build(f, fields, 2, MISSING_REFUSE);
  assert_fates(f, ROWS, ROWS, 0, 0);
  g_autofree char *skipped = list_skipped(roster);
  for (guint i = 0; i < ROWS; i++) {
    g_autofree char *name = make_generated_name(i);
    g_autofree char *number = g_strdup_printf("%u", i);
    RosterRecipient recipient = get(roster, i + 1);
    g_assert_cmpstr(recipient.values[0], ==, number);
    g_assert_cmpstr(recipient.values[1], ==, name);
    g_assert_cmpuint(recipient.line, ==, generated_line(i));
    g_assert_true(g_str_is_ascii(recipient.mailbox));
    g_autofree char *line = g_strdup_printf("again:%u duplicate [r%u@%s] same address as "
                                            "press.csv line %u\n", generated_line(i), i,
                                            DOMAINS[i % 3], generated_line(i));
    g_assert_nonnull(strstr(skipped, line));
  }
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("/roster/fates", test_fates);
  ADD("/roster/names", test_names);
  ADD("/roster/missing-refuse", test_missing_refuse);
  ADD("/roster/missing-skip", test_missing_skip);
  ADD("/roster/missing-blank", test_missing_blank);
  ADD("/roster/first-ten", test_first_ten);
  ADD("/roster/fields", test_fields);
  ADD("/roster/suspicions", test_suspicions);
  ADD("/roster/limits", test_limits);
  ADD("/roster/nobody", test_nobody);
  ADD("/roster/unusable-lists", test_unusable_lists);
  ADD("/roster/torn-list", test_torn_list);
  ADD("/roster/check-only", test_check_only);
  ADD("/roster/existing-files", test_existing_files);
  ADD("/roster/no-folder", test_no_folder);
  ADD("/roster/versions", test_versions);
  ADD("/roster/damage", test_damage);
  ADD("/roster/failing-disk", test_failing_disk);
  ADD("/roster/reopening", test_reopening);
  ADD("/roster/gaps", test_gaps);
  ADD("/roster/hostile-values", test_hostile_values);
  ADD("/roster/find", test_find);
  ADD("/roster/thousand", test_thousand);
  return g_test_run();
}
