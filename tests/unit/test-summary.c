/* SPDX-License-Identifier: Apache-2.0 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/durable.h"
#include "base/limits.h"
#include "delivery/segment.h"
#include "delivery/summary.h"

enum { ACCEPTED_MS = 1000 * 1000, NOW_MS = ACCEPTED_MS + 60 * 1000 };

/* A spool in a temporary folder, and the journal of a release that is being made up. */
typedef struct {
  char *spool;
  GString *lines;
  guint64 sequence;
} Fixture;

static void set_up(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  static const char *const folders[] = {"queue", "done"};

  fixture->spool = g_dir_make_tmp("dateline-summary-XXXXXX", &error);
  g_assert_no_error(error);
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *path = g_build_filename(fixture->spool, folders[i], NULL);
    g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
  }
}

static void tear_down(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  durable_remove_tree(fixture->spool, &error);
  g_assert_no_error(error);
  g_free(fixture->spool);
}

/* Begins the journal of a release to 5 recipients. */
static void begin(Fixture *fixture, gint64 send_at_ms)
{
  Terms terms = {
    .uuid = (char *)"6d1c0f0e-5d35-4c64-8d5e-000000000001", .channel = (char *)"press",
    .name = (char *)"jakarta.md", .hash = (char *)"00", .owner = 1000,
    .subject = (char *)"Norms \"reviewed\"", .from = (char *)"press@example.org",
    .return_path = (char *)"b+{token}@example.org", .token_key = (char *)"a secret",
    .dsn_notify = DSN_FAILURE | DSN_DELAY, .dsn_return = DSN_FULL,
    .list_name = (char *)"Press",
    .list_id = (char *)"press.example.org", .language = (char *)"en", .recipients = 5,
    .skipped = 2, .received_ms = ACCEPTED_MS - 1000, .accepted_ms = ACCEPTED_MS,
    .send_at_ms = send_at_ms, .deadline_ms = NOW_MS + 1000,
  };
  fixture->lines = terms_to_journal(&terms);
  fixture->sequence = 2;
}

/* One line more, a second after the one before. */
static void add(Fixture *fixture, Event event, guint32 contact, ...)
{
  char memory[LIMIT_JOURNAL_LINE];
  RecordWriter writer = {0};
  const char *key;
  va_list fields;

  fixture->sequence++;
  record_begin(&writer, memory, fixture->sequence,
               ACCEPTED_MS + (gint64)fixture->sequence * 1000, event, contact);
  va_start(fields, contact);
  while ((key = va_arg(fields, const char *)) != NULL) {
    record_add(&writer, key, va_arg(fields, const char *));
  }
  va_end(fields);
  gsize length = record_end(&writer);
  g_assert_cmpuint(length, >, 0);
  g_string_append_len(fixture->lines, memory, (gssize)length);
}

static void make_release(Fixture *fixture, const char *folder, const char *id)
{
  GError *error = NULL;
  g_autofree char *directory = g_build_filename(fixture->spool, folder, id, NULL);

  g_assert_cmpint(g_mkdir(directory, 0755), ==, 0);
  g_autoptr(Segment) segment = segment_create(directory, fixture->lines->str, fixture->lines->len,
                                              &error);
  g_assert_no_error(error);
  g_assert_nonnull(segment);
  g_string_free(fixture->lines, TRUE);
  fixture->lines = NULL;
}

static Summary *read_it(const Fixture *fixture, const char *id)
{
  GError *error = NULL;
  Summary *summary = releases_read(fixture->spool, id, NOW_MS, &error);

  g_assert_no_error(error);
  g_assert_nonnull(summary);
  return summary;
}

static void test_sending(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, 0);
  add(fixture, EVENT_STARTED, 0, NULL);
  add(fixture, EVENT_INTENDED, 1, "relay", "main", NULL);
  add(fixture, EVENT_SENT, 1, "code", "250", "text", "Ok", NULL);
  add(fixture, EVENT_INTENDED, 2, "relay", "main", NULL);
  add(fixture, EVENT_BOUNCED, 2, "stage", "rcpt", "code", "550", "text", "no", NULL);
  add(fixture, EVENT_INTENDED, 3, "relay", "main", NULL);
  make_release(fixture, "queue", "20261122-101500-jakarta");
  g_autoptr(Summary) summary = read_it(fixture, "20261122-101500-jakarta");

  g_assert_cmpstr(summary->id, ==, "20261122-101500-jakarta");
  g_assert_false(summary->archived);
  g_assert_cmpint(summary->state, ==, RELEASE_SENDING);
  g_assert_null(summary->reason);
  g_assert_cmpstr(summary->terms.subject, ==, "Norms \"reviewed\"");
  g_assert_cmpuint(summary->terms.skipped, ==, 2);
  g_assert_cmpstr(summary->terms.return_path, ==, "b+{token}@example.org");
  g_assert_cmpstr(summary->terms.token_key, ==, "a secret");
  g_assert_cmpuint(summary->terms.dsn_notify, ==, DSN_FAILURE | DSN_DELAY);
  g_assert_cmpuint(summary->terms.dsn_return, ==, DSN_FULL);
  g_assert_cmpuint(ledger_length(summary->ledger), ==, 5);
  g_assert_cmpuint(ledger_count(summary->ledger, CONTACT_SENT), ==, 1);
  g_assert_cmpuint(ledger_count(summary->ledger, CONTACT_BOUNCED), ==, 1);
  g_assert_cmpuint(ledger_count(summary->ledger, CONTACT_INTENDED), ==, 1);
  g_assert_cmpuint(ledger_count(summary->ledger, CONTACT_DUE), ==, 2);
  g_assert_cmpint(summary->started_ms, ==, ACCEPTED_MS + 3000);
  g_assert_cmpint(summary->latest_ms, ==, ACCEPTED_MS + 8000);
  g_assert_cmpint(summary->finished_ms, ==, 0);
}

static void test_scheduled(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, NOW_MS + 1);
  make_release(fixture, "queue", "20261122-101500-later");
  begin(fixture, NOW_MS);
  make_release(fixture, "queue", "20261122-101500-now");
  g_autoptr(Summary) later = read_it(fixture, "20261122-101500-later");
  g_autoptr(Summary) now = read_it(fixture, "20261122-101500-now");

  g_assert_cmpint(later->state, ==, RELEASE_SCHEDULED);
  g_assert_cmpint(now->state, ==, RELEASE_SENDING);
}

static void send_all(Fixture *fixture, guint32 contacts)
{
  for (guint32 contact = 1; contact <= contacts; contact++) {
    add(fixture, EVENT_INTENDED, contact, "relay", "main", NULL);
    add(fixture, EVENT_SENT, contact, "code", "250", "text", "Ok", NULL);
  }
}

static void test_in_doubt(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, 0);
  send_all(fixture, 4);
  add(fixture, EVENT_INTENDED, 5, "relay", "main", NULL);
  add(fixture, EVENT_IN_DOUBT, 5, "stage", "dot", "text", "the connection broke", NULL);
  make_release(fixture, "queue", "20261122-101500-doubt");
  g_autoptr(Summary) summary = read_it(fixture, "20261122-101500-doubt");

  g_assert_cmpint(summary->state, ==, RELEASE_IN_DOUBT);
  g_assert_nonnull(summary->reason);
}

static void test_finished(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, 0);
  send_all(fixture, 4);
  add(fixture, EVENT_EXPIRED, 0, "reason", "the deadline has passed", NULL);
  add(fixture, EVENT_FINISHED, 0, "sent", "4", NULL);
  make_release(fixture, "done", "20261122-101500-over");
  g_autoptr(Summary) summary = read_it(fixture, "20261122-101500-over");

  g_assert_true(summary->archived);
  g_assert_cmpint(summary->state, ==, RELEASE_FINISHED);
  g_assert_cmpuint(ledger_count(summary->ledger, CONTACT_EXPIRED), ==, 1);
  g_assert_cmpint(summary->finished_ms, ==, summary->latest_ms);
}

static void test_held_and_resumed(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, 0);
  add(fixture, EVENT_HELD, 0, "reason", "wrong photo", NULL);
  make_release(fixture, "queue", "20261122-101500-held");
  begin(fixture, 0);
  add(fixture, EVENT_HELD, 0, "reason", "wrong photo", NULL);
  add(fixture, EVENT_RESUMED, 0, "reason", "it was right", NULL);
  make_release(fixture, "queue", "20261122-101500-resumed");
  g_autoptr(Summary) held = read_it(fixture, "20261122-101500-held");
  g_autoptr(Summary) resumed = read_it(fixture, "20261122-101500-resumed");

  g_assert_cmpint(held->state, ==, RELEASE_HELD);
  g_assert_cmpstr(held->reason, ==, "wrong photo");
  g_assert_cmpint(resumed->state, ==, RELEASE_SENDING);
  g_assert_null(resumed->reason);
}

/* Damage is told with what could be read before it, and nothing is guessed from it. */
static void test_damaged(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, NOW_MS + 1);
  send_all(fixture, 2);
  char *line = strstr(fixture->lines->str, " sent contact=2");
  g_assert_nonnull(line);
  line[1] = 'S';
  add(fixture, EVENT_FINISHED, 0, "sent", "5", NULL);
  make_release(fixture, "queue", "20261122-101500-bad");
  g_autoptr(Summary) summary = read_it(fixture, "20261122-101500-bad");

  g_assert_cmpint(summary->state, ==, RELEASE_HELD);
  g_assert_nonnull(strstr(summary->reason, "line"));
  g_assert_cmpuint(ledger_count(summary->ledger, CONTACT_SENT), ==, 1);
  g_assert_cmpint(summary->finished_ms, ==, 0);
}

/* Sent without intent: the lines are whole, but together they cannot be. */
static void test_impossible(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, 0);
  add(fixture, EVENT_SENT, 1, "code", "250", "text", "Ok", NULL);
  make_release(fixture, "queue", "20261122-101500-odd");
  g_autoptr(Summary) summary = read_it(fixture, "20261122-101500-odd");

  g_assert_cmpint(summary->state, ==, RELEASE_HELD);
  g_assert_nonnull(summary->reason);
}

static void test_never_accepted(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->lines = g_string_new(NULL);
  make_release(fixture, "queue", "20261122-101500-empty");
  g_autoptr(Summary) summary = read_it(fixture, "20261122-101500-empty");

  g_assert_cmpint(summary->state, ==, RELEASE_HELD);
  g_assert_nonnull(strstr(summary->reason, "accepted"));
  g_assert_null(summary->ledger);
}

static void test_torn_end(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  begin(fixture, 0);
  send_all(fixture, 1);
  g_string_truncate(fixture->lines, fixture->lines->len - 9);
  make_release(fixture, "queue", "20261122-101500-torn");
  g_autoptr(Summary) summary = read_it(fixture, "20261122-101500-torn");

  g_assert_cmpint(summary->state, ==, RELEASE_SENDING);
  g_assert_cmpuint(summary->torn, ==, 1);
  g_assert_cmpuint(ledger_count(summary->ledger, CONTACT_INTENDED), ==, 1);
}

static void test_no_journal(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *path = g_build_filename(fixture->spool, "queue", "20261122-101500-bare", NULL);

  g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
  g_assert_null(releases_read(fixture->spool, "20261122-101500-bare", NOW_MS, &error));
  g_assert_nonnull(error);
  g_clear_error(&error);
  g_assert_null(releases_read(fixture->spool, "20261122-101500-nowhere", NOW_MS, &error));
  g_assert_nonnull(error);
  g_clear_error(&error);
}

/* --- Finding --- */

static void make_folder(const Fixture *fixture, const char *folder, const char *id)
{
  g_autofree char *path = g_build_filename(fixture->spool, folder, id, NULL);

  g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
}

static void assert_found(const Fixture *fixture, const char *part, const char *expected)
{
  GError *error = NULL;
  g_autofree char *directory = releases_find(fixture->spool, part, &error);
  g_autofree char *path = g_build_filename(fixture->spool, expected, NULL);

  g_assert_no_error(error);
  g_assert_cmpstr(directory, ==, path);
}

static void assert_not_found(const Fixture *fixture, const char *part, ReleasesError code,
                             const char *expected)
{
  GError *error = NULL;

  g_assert_null(releases_find(fixture->spool, part, &error));
  g_assert_error(error, RELEASES_ERROR, (int)code);
  g_assert_nonnull(strstr(error->message, expected));
  g_error_free(error);
}

static void test_find(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  make_folder(fixture, "queue", "20261122-101500-jakarta");
  make_folder(fixture, "queue", "20261122-101500-jakarta-2");
  make_folder(fixture, "queue", "20261123-101500-paris.new");
  make_folder(fixture, "done", "20261120-090000-lighthouse");
  assert_found(fixture, "light", "done/20261120-090000-lighthouse");
  assert_found(fixture, "20261120-090000-lighthouse", "done/20261120-090000-lighthouse");
  assert_found(fixture, "jakarta-2", "queue/20261122-101500-jakarta-2");
  /* A whole id is never ambiguous. */
  assert_found(fixture, "20261122-101500-jakarta", "queue/20261122-101500-jakarta");
  assert_not_found(fixture, "jakarta", RELEASES_ERROR_AMBIGUOUS,
                   "20261122-101500-jakarta, 20261122-101500-jakarta-2");
  assert_not_found(fixture, "", RELEASES_ERROR_AMBIGUOUS, "3 releases");
  /* What was claimed but not accepted is no release. */
  assert_not_found(fixture, "paris", RELEASES_ERROR_UNKNOWN, "paris");
  assert_not_found(fixture, "../done", RELEASES_ERROR_UNKNOWN, "../done");
  assert_not_found(fixture, "\x1b[2J\xff", RELEASES_ERROR_UNKNOWN, "\\x1b[2J\\xff");
}

/* On its way from queue/ to done/ it may be seen in both. */
static void test_find_while_it_moves(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  make_folder(fixture, "queue", "20261122-101500-jakarta");
  make_folder(fixture, "done", "20261122-101500-jakarta");
  assert_found(fixture, "jakarta", "queue/20261122-101500-jakarta");
}

static void test_list(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  make_folder(fixture, "done", "20261122-101500-b");
  make_folder(fixture, "done", "20261121-101500-c");
  make_folder(fixture, "done", "20261123-101500-a");
  make_folder(fixture, "done", "lost+found");
  g_autoptr(GPtrArray) ids = releases_list(fixture->spool, "done", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(ids->len, ==, 3);
  g_assert_cmpstr(g_ptr_array_index(ids, 0), ==, "20261121-101500-c");
  g_assert_cmpstr(g_ptr_array_index(ids, 2), ==, "20261123-101500-a");
  g_assert_null(releases_list(fixture->spool, "nowhere", &error));
  g_assert_nonnull(error);
  g_clear_error(&error);
}

#define ADD(name, function) \
  g_test_add("/summary/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("sending", test_sending);
  ADD("scheduled", test_scheduled);
  ADD("in-doubt", test_in_doubt);
  ADD("finished", test_finished);
  ADD("held-and-resumed", test_held_and_resumed);
  ADD("damaged", test_damaged);
  ADD("impossible", test_impossible);
  ADD("never-accepted", test_never_accepted);
  ADD("torn-end", test_torn_end);
  ADD("no-journal", test_no_journal);
  ADD("find", test_find);
  ADD("find-while-it-moves", test_find_while_it_moves);
  ADD("list", test_list);
  return g_test_run();
}
