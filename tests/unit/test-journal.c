/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/limits.h"
#include "faulty-disk.h"
#include "lines.h"

enum { PATIENCE_MS = 30000 };

typedef struct {
  char *folder;
  GMainContext *context;
  Committer *committer;
  Journal *journal;
  GString *expected;     /* what was appended, as lines_describe() has it */
  guint notified;
  gboolean iterating;
  GError *error;
} Fixture;

static gint warnings;

static GLogWriterOutput count_warnings(GLogLevelFlags level, const GLogField *fields,
                                       gsize n_fields, gpointer data)
{
  if ((level & G_LOG_LEVEL_WARNING) == 0) {
    return g_log_writer_default(level, fields, n_fields, data);
  }
  g_atomic_int_inc(&warnings);
  return G_LOG_WRITER_HANDLED;
}

static void notify(G_GNUC_UNUSED Journal *journal, gpointer data)
{
  Fixture *f = data;

  g_assert_true(f->iterating);
  f->notified++;
}

static void set_up(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  disk_reset();
  g_atomic_int_set(&warnings, 0);
  f->folder = lines_make_folder();
  f->context = g_main_context_new();
  f->committer = committer_new(f->context);
  f->expected = g_string_new(NULL);
  f->journal = journal_create(f->committer, f->folder, notify, f, &f->error);
  g_assert_no_error(f->error);
}

static void close_journal(Fixture *f)
{
  g_assert_true(journal_close(g_steal_pointer(&f->journal), &f->error));
  g_assert_no_error(f->error);
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  disk_reset();
  if (f->journal != NULL) {
    close_journal(f);
  }
  committer_free(f->committer);
  g_main_context_unref(f->context);
  g_clear_error(&f->error);
  g_string_free(f->expected, TRUE);
  lines_remove_folder(f->folder);
}

static gboolean lose_patience(G_GNUC_UNUSED gpointer data)
{
  g_error("nothing happened for %d ms", PATIENCE_MS);
  return G_SOURCE_REMOVE;
}

/* The loop's round ends, and the committer gets what was appended. */
static void end_round(Fixture *f)
{
  f->iterating = TRUE;
  g_main_context_iteration(f->context, FALSE);
  f->iterating = FALSE;
}

/* Lets the loop run once; something must happen. */
static void iterate(Fixture *f)
{
  g_autoptr(GSource) patience = g_timeout_source_new(PATIENCE_MS);

  g_source_set_callback(patience, lose_patience, NULL, NULL);
  g_source_attach(patience, f->context);
  f->iterating = TRUE;
  g_main_context_iteration(f->context, TRUE);
  f->iterating = FALSE;
  g_source_destroy(patience);
}

static guint64 append(Fixture *f, JournalUrgency urgency, guint32 contact, const char *value)
{
  guint64 sequence = journal_append(f->journal, urgency, EVENT_SENT, contact, "code", NULL,
                                    "text", value, NULL);

  g_string_append_printf(f->expected, "%" G_GUINT64_FORMAT " sent %u %s\n", sequence, contact,
                         value);
  return sequence;
}

static guint64 append_some(Fixture *f, guint count)
{
  guint64 sequence = 0;

  for (guint32 i = 1; i <= count; i++) {
    sequence = append(f, i == count ? JOURNAL_SYNC : JOURNAL_LAZY, i, "2.0.0 Ok");
  }
  return sequence;
}

static void await_durable(Fixture *f, guint64 sequence)
{
  while (journal_durable(f->journal) < sequence) {
    iterate(f);
  }
}

static void await_trouble(Fixture *f)
{
  while (journal_trouble(f->journal) == NULL) {
    iterate(f);
  }
}

/* All that was appended stands in this many segments, whatever else does. */
static void assert_journal(Fixture *f, guint segments, guint torn)
{
  g_autoptr(JournalReader) reader = journal_reader_open(f->folder, &f->error);
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *name = g_build_filename(f->folder, "journal.new", NULL);

  g_assert_no_error(f->error);
  g_assert_cmpint(lines_read(reader, text, &f->error), ==, READ_END);
  g_assert_cmpstr(text->str, ==, f->expected->str);
  g_assert_cmpuint(journal_reader_segment(reader), ==, segments);
  g_assert_true(journal_reader_whole(reader));
  g_assert_cmpuint(journal_reader_torn(reader), ==, torn);
  g_assert_false(g_file_test(name, G_FILE_TEST_EXISTS));
}

/* --- Everyday life. --- */

static void test_create(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GString) file = lines_load(f->folder, "journal");
  g_autoptr(GString) header = g_string_new(NULL);

  lines_add_header(header);
  g_assert_cmpstr(file->str, ==, header->str);
  g_assert_cmpuint(journal_durable(f->journal), ==, 0);
  g_assert_null(journal_trouble(f->journal));
  g_assert_null(journal_create(f->committer, f->folder, notify, f, &f->error));
  g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DISK);
  g_clear_error(&f->error);
  g_assert_null(journal_create(f->committer, "/nonexistent/folder", notify, f, &f->error));
  g_assert_nonnull(f->error);
  g_clear_error(&f->error);
  assert_journal(f, 1, 0);
}

static void test_append(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_cmpuint(append_some(f, 10), ==, 10);
  g_assert_cmpuint(f->notified, ==, 0);
  await_durable(f, 10);
  g_assert_cmpuint(f->notified, >=, 1);
  assert_journal(f, 1, 0);
  g_assert_cmpuint(append(f, JOURNAL_LAZY, 5, "\x1b \xff\r\n\"\u20ac"), ==, 11);
  close_journal(f);
  assert_journal(f, 1, 0);
}

static void test_refused_line(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *value = g_strnfill(LIMIT_JOURNAL_LINE, 'x');

  append(f, JOURNAL_LAZY, 1, "before");
  g_assert_cmpuint(journal_append(f->journal, JOURNAL_SYNC, EVENT_HELD, 0, "reason", value, NULL),
                   ==, JOURNAL_NEVER);
  g_assert_cmpuint(append(f, JOURNAL_SYNC, 2, "behind"), ==, 2);
  await_durable(f, 2);
  g_assert_cmpuint(journal_durable(f->journal), <, JOURNAL_NEVER);
  g_assert_false(journal_wait(f->journal, JOURNAL_NEVER, PATIENCE_MS, &f->error));
  g_assert_nonnull(strstr(f->error->message, G_STRINGIFY(8192)));
  g_clear_error(&f->error);
  assert_journal(f, 1, 0);
}

static void test_wait(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  guint64 last = append(f, JOURNAL_LAZY, 1, "lazy");

  g_assert_true(journal_wait(f->journal, last, PATIENCE_MS, &f->error));
  g_assert_no_error(f->error);
  g_assert_cmpuint(journal_durable(f->journal), ==, last);
  g_assert_cmpuint(f->notified, ==, 0);
  iterate(f);
  g_assert_cmpuint(f->notified, ==, 1);
}

static void await_file(Fixture *f, const char *text)
{
  gboolean found = FALSE;

  while (!found) {
    g_autoptr(GString) file = lines_load(f->folder, "journal");
    found = strstr(file->str, text) != NULL;
    g_thread_yield();
  }
}

/* A lazy line is in the file without any sync, and is synced when its second is over. */
static void test_lazy(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  guint syncs = disk_count_syncs();

  disk_stop_time();
  append(f, JOURNAL_LAZY, 1, "first");
  end_round(f);
  await_file(f, "first");
  append(f, JOURNAL_LAZY, 1, "second");
  end_round(f);
  await_file(f, "second");
  g_assert_cmpuint(journal_durable(f->journal), ==, 0);
  g_assert_cmpuint(disk_count_syncs(), ==, syncs);
  disk_pass_time(1000);
  await_durable(f, 2);
  g_assert_cmpuint(disk_count_syncs(), ==, syncs + 1);
}

/* A line that must be synced does not wait for time to pass, nor do those before it. */
static void test_sync(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  disk_stop_time();
  append(f, JOURNAL_LAZY, 1, "lazy");
  append(f, JOURNAL_SYNC, 1, "sync");
  await_durable(f, 2);
}

static void test_group_commit(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  disk_hang(TRUE);
  append(f, JOURNAL_SYNC, 1, "first");
  end_round(f);
  disk_await_hanging();
  guint syncs = disk_count_syncs();
  for (guint32 i = 2; i <= 5000; i++) {
    append(f, JOURNAL_SYNC, i, "gathered");
  }
  disk_hang(FALSE);
  await_durable(f, 5000);
  g_assert_cmpuint(disk_count_syncs(), ==, syncs + 2);
  g_assert_cmpuint(f->notified, <=, 2);
  assert_journal(f, 1, 0);
}

static void test_continue(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  append_some(f, 3);
  close_journal(f);
  f->journal = journal_continue(f->committer, f->folder, 1, TRUE, 3, notify, f, &f->error);
  g_assert_no_error(f->error);
  g_assert_cmpuint(journal_durable(f->journal), ==, 3);
  g_assert_cmpuint(append(f, JOURNAL_SYNC, 9, "on"), ==, 4);
  close_journal(f);
  assert_journal(f, 1, 0);
  f->journal = journal_continue(f->committer, f->folder, 1, FALSE, 4, notify, f, &f->error);
  g_assert_no_error(f->error);
  append(f, JOURNAL_LAZY, 9, "on in the second");
  close_journal(f);
  assert_journal(f, 2, 0);
}

/* What was there is synced before anything is built upon it. */
static void test_continue_fails(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  append_some(f, 3);
  close_journal(f);
  disk_fail_syncs(0, 1, FALSE);
  g_assert_null(journal_continue(f->committer, f->folder, 1, TRUE, 3, notify, f, &f->error));
  g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DISK);
  g_clear_error(&f->error);
  disk_fail_directory_syncs(1);
  g_assert_null(journal_continue(f->committer, f->folder, 1, TRUE, 3, notify, f, &f->error));
  g_clear_error(&f->error);
  g_assert_null(journal_continue(f->committer, f->folder, 2, TRUE, 3, notify, f, &f->error));
  g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DISK);
  g_clear_error(&f->error);
  guint syncs = disk_count_syncs();
  f->journal = journal_continue(f->committer, f->folder, 1, TRUE, 3, notify, f, &f->error);
  g_assert_no_error(f->error);
  g_assert_cmpuint(disk_count_syncs(), ==, syncs + 1);
}

static void close_in_notification(Journal *journal, gpointer data)
{
  guint *left = data;

  g_assert_true(journal_close(journal, NULL));
  --*left;
}

static void test_many_journals(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  enum { JOURNALS = 40 };
  g_autoptr(GString) mine = g_string_new(NULL);
  Journal *journals[JOURNALS];
  guint left = JOURNALS;

  disk_be_fast(TRUE);
  for (guint i = 0; i < JOURNALS; i++) {
    g_autofree char *folder = g_strdup_printf("%s/%u", f->folder, i);
    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    journals[i] = journal_create(f->committer, folder, close_in_notification, &left, &f->error);
    g_assert_no_error(f->error);
  }
  for (guint i = 0; i < JOURNALS; i++) {
    journal_append(journals[i], JOURNAL_SYNC, EVENT_SENT, i + 1, NULL);
  }
  while (left > 0) {
    iterate(f);
  }
  for (guint i = 0; i < JOURNALS; i++) {
    g_autofree char *folder = g_strdup_printf("%s/%u", f->folder, i);
    g_autofree char *line = g_strdup_printf("1 sent %u -\n", i + 1);
    g_autoptr(JournalReader) reader = journal_reader_open(folder, &f->error);
    g_string_truncate(mine, 0);
    g_assert_cmpint(lines_read(reader, mine, &f->error), ==, READ_END);
    g_assert_cmpstr(mine->str, ==, line);
  }
}

/* --- Trouble. --- */

/* A sync that failed is not believed: its lines stand in the next segment. */
static void test_sync_fails(Fixture *f, gconstpointer data)
{
  append_some(f, 50);
  await_durable(f, 50);
  disk_fail_syncs(0, 1, GPOINTER_TO_INT(data));
  append_some(f, 50);
  await_durable(f, 100);
  g_assert_null(journal_trouble(f->journal));
  g_assert_cmpint(g_atomic_int_get(&warnings), ==, 1);
  append_some(f, 50);
  await_durable(f, 150);
  assert_journal(f, 2, GPOINTER_TO_INT(data) ? 1 : 0);
}

static void test_all_syncs_fail(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  append_some(f, 50);
  await_durable(f, 50);
  disk_fail_syncs(0, 3, TRUE);
  append_some(f, 50);
  await_trouble(f);
  const char *trouble = journal_trouble(f->journal);
  g_test_message("%s", trouble);
  g_assert_nonnull(strstr(trouble, "Input/output error"));
  g_assert_nonnull(strstr(trouble, "(50 lines wait)"));
  g_assert_cmpuint(journal_durable(f->journal), ==, 50);
  append_some(f, 50);
  g_assert_nonnull(strstr(journal_trouble(f->journal), "(100 lines wait)"));
  await_durable(f, 150);
  g_assert_null(journal_trouble(f->journal));
  g_assert_cmpint(g_atomic_int_get(&warnings), ==, 1);
  assert_journal(f, 2, 1);
}

/* Where the name cannot be synced, nothing in the segment counts. */
static void test_directory_sync_fails(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  append_some(f, 50);
  await_durable(f, 50);
  disk_fail_syncs(0, 1, TRUE);
  disk_fail_directory_syncs(1);
  append_some(f, 50);
  await_trouble(f);
  g_assert_cmpuint(journal_durable(f->journal), ==, 50);
  await_durable(f, 100);
  assert_journal(f, 3, 1);
}

static void test_disk_full(Fixture *f, gconstpointer data)
{
  append_some(f, 5);
  await_durable(f, 5);
  disk_set_room(GPOINTER_TO_INT(data));
  append_some(f, 32);
  await_trouble(f);
  const char *trouble = journal_trouble(f->journal);
  g_test_message("%s", trouble);
  g_assert_nonnull(strstr(trouble, "No space left on device"));
  g_assert_nonnull(strstr(trouble, "(32 lines wait)"));
  g_assert_false(journal_wait(f->journal, 37, PATIENCE_MS, &f->error));
  g_assert_nonnull(strstr(f->error->message, "No space left on device"));
  g_clear_error(&f->error);
  disk_set_room(1 << 20);
  append(f, JOURNAL_LAZY, 7, "one more");
  await_durable(f, 38);
  g_assert_null(journal_trouble(f->journal));
  close_journal(f);
  g_autoptr(JournalReader) reader = journal_reader_open(f->folder, NULL);
  g_autoptr(GString) text = g_string_new(NULL);
  g_assert_cmpint(lines_read(reader, text, NULL), ==, READ_END);
  g_assert_cmpstr(text->str, ==, f->expected->str);
  g_assert_cmpuint(journal_reader_segment(reader), ==, 2);
}

static void test_close_in_trouble(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *new_segment = g_build_filename(f->folder, "journal.new", NULL);

  append_some(f, 5);
  await_durable(f, 5);
  g_autofree char *durable = g_strdup(f->expected->str);
  disk_set_room(10);
  append_some(f, 5);
  g_assert_false(journal_close(g_steal_pointer(&f->journal), &f->error));
  g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DISK);
  g_assert_nonnull(strstr(f->error->message, "(5 lines wait)"));
  g_clear_error(&f->error);
  g_autoptr(JournalReader) reader = journal_reader_open(f->folder, NULL);
  g_autoptr(GString) text = g_string_new(NULL);
  g_assert_cmpint(lines_read(reader, text, NULL), ==, READ_END);
  g_assert_cmpstr(text->str, ==, durable);
  g_assert_false(journal_reader_whole(reader));
  g_assert_false(g_file_test(new_segment, G_FILE_TEST_EXISTS));
}

/* Closing tries once more, whenever the next try would be due. */
static void test_close_after_trouble(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  disk_fail_syncs(0, 2, TRUE);
  append_some(f, 5);
  await_trouble(f);
  close_journal(f);
  assert_journal(f, 2, 1);
}

static void test_hang(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  disk_hang(TRUE);
  append(f, JOURNAL_SYNC, 1, "first");
  append(f, JOURNAL_SYNC, 2, "second");
  end_round(f);
  disk_await_hanging();
  g_assert_null(journal_trouble(f->journal));
  g_assert_false(journal_wait(f->journal, 1, 10, &f->error));
  g_clear_error(&f->error);
  disk_pass_time(12500);
  const char *trouble = journal_trouble(f->journal);
  g_test_message("%s", trouble);
  g_assert_nonnull(strstr(trouble, "the disk has not answered for 12 s"));
  g_assert_nonnull(strstr(trouble, "(2 lines wait)"));
  disk_hang(FALSE);
  await_durable(f, 2);
  g_assert_null(journal_trouble(f->journal));
  assert_journal(f, 1, 0);
}

static void count_call(gpointer data)
{
  ++*(guint *)data;
}

/* Nobody asks, and it is noticed: when it begins, and when it is over. */
static void test_hang_is_told(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  guint calls = 0;

  committer_watch(f->committer, count_call, &calls);
  disk_hang(TRUE);
  disk_pass_time(-15000);   /* so that the look at the disk is due already */
  append(f, JOURNAL_SYNC, 1, "first");
  end_round(f);
  disk_await_hanging();
  disk_pass_time(15000);
  while (calls == 0) {
    iterate(f);
  }
  g_assert_cmpint(committer_hangs_since(f->committer), >, 0);
  g_assert_cmpint(g_atomic_int_get(&warnings), ==, 1);
  disk_hang(FALSE);
  await_durable(f, 1);
  while (calls == 1) {
    iterate(f);
  }
  g_assert_cmpint(committer_hangs_since(f->committer), ==, 0);
  g_assert_cmpuint(calls, ==, 2);
}

/* Closing does not wait for a disk that hangs; the thread cleans up behind it. */
static void test_close_while_hanging(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  disk_hang(TRUE);
  append(f, JOURNAL_SYNC, 1, "first");
  end_round(f);
  disk_await_hanging();
  disk_pass_time(20000);
  g_assert_false(journal_close(g_steal_pointer(&f->journal), &f->error));
  g_assert_nonnull(strstr(f->error->message, "has not answered"));
  g_clear_error(&f->error);
}

/* Faults of all kinds at random: at the end everything stands there, in order, once. */
static void test_random_faults(Fixture *f, gconstpointer data)
{
  g_autoptr(GRand) random = g_rand_new_with_seed((guint32)GPOINTER_TO_INT(data));
  guint64 last = 0;

  disk_be_fast(TRUE);
  for (int round = 0; round < 200; round++) {
    switch (g_rand_int_range(random, 0, 8)) {
    case 0:
      disk_set_room(g_rand_int_range(random, 0, 5000));
      break;
    case 1:
      disk_fail_syncs((guint)g_rand_int_range(random, 0, 3),
                      (guint)g_rand_int_range(random, 1, 4), g_rand_boolean(random));
      break;
    case 2:
      disk_fail_directory_syncs((guint)g_rand_int_range(random, 1, 3));
      break;
    case 3:
      disk_set_room(1 << 30);
      while (!journal_wait(f->journal, last, PATIENCE_MS, NULL)) {
        disk_pass_time(1000);
      }
      break;
    default:
      for (int i = g_rand_int_range(random, 0, 40); i >= 0; i--) {
        char value[] = {(char)g_rand_int_range(random, 1, 256), 'x', '\0'};
        last = append(f, g_rand_boolean(random) ? JOURNAL_SYNC : JOURNAL_LAZY,
                      (guint32)g_rand_int_range(random, 1, 1000), value);
      }
    }
  }
  disk_set_room(1 << 30);
  while (!journal_wait(f->journal, last, PATIENCE_MS, NULL)) {
    disk_pass_time(1000);
  }
  close_journal(f);
  g_autoptr(JournalReader) reader = journal_reader_open(f->folder, NULL);
  g_autoptr(GString) text = g_string_new(NULL);
  g_assert_cmpint(lines_read(reader, text, &f->error), ==, READ_END);
  g_assert_cmpstr(text->str, ==, f->expected->str);
  g_test_message("%u segments", journal_reader_segment(reader));
  g_assert_cmpuint(journal_reader_segment(reader), >, 2);
}

/* --- Torn ends and harm. --- */

static void remove_file(Fixture *f, const char *name)
{
  g_autofree char *path = g_build_filename(f->folder, name, NULL);

  g_assert_cmpint(g_unlink(path), ==, 0);
}

static ReadResult read_text(Fixture *f, GString *text, JournalReader **reader)
{
  g_string_truncate(text, 0);
  g_clear_error(&f->error);
  *reader = journal_reader_open(f->folder, &f->error);
  g_assert_no_error(f->error);
  return lines_read(*reader, text, &f->error);
}

/* The first lines of expected, as many as there are whole ones in length bytes of file. */
static char *expect_lines(const Fixture *f, const GString *file, gsize length)
{
  const char *end = f->expected->str;
  gssize lines = -1;   /* the first is the header */

  for (gsize i = 0; i < length; i++) {
    lines += file->str[i] == '\n';
  }
  lines += length < file->len && file->str[length] == '\n' && lines >= 0;
  for (; lines > 0; lines--) {
    end = strchr(end, '\n') + 1;
  }
  return g_strndup(f->expected->str, (gsize)(end - f->expected->str));
}

static void test_every_truncation(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  append_some(f, 5);
  close_journal(f);
  disk_be_fast(TRUE);
  g_autoptr(GString) file = lines_load(f->folder, "journal");

  for (gsize length = 0; length <= file->len; length++) {
    g_autofree char *expected = expect_lines(f, file, length);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(JournalReader) reader = NULL, again = NULL;
    gboolean ends_line = length > 0 && file->str[length - 1] == '\n';
    gboolean lacks_lf_only = file->str[length] == '\n' && length > 40;

    lines_write(f->folder, "journal", file->str, length);
    g_assert_cmpint(read_text(f, text, &reader), ==, READ_END);
    g_assert_cmpstr(text->str, ==, expected);
    g_assert_cmpint(journal_reader_whole(reader), ==, ends_line);
    g_assert_cmpuint(journal_reader_torn(reader), ==,
                     !ends_line && !lacks_lf_only && length > 0 ? 1 : 0);

    Journal *journal = journal_continue(f->committer, f->folder, 1, ends_line,
                                        journal_reader_sequence(reader), notify, f, &f->error);
    g_assert_no_error(f->error);
    journal_append(journal, JOURNAL_SYNC, EVENT_HELD, 0, "reason", "on", NULL);
    g_assert_true(journal_close(journal, NULL));
    g_string_printf(text, "%s%" G_GUINT64_FORMAT " held 0 on\n", expected,
                    journal_reader_sequence(reader) + 1);
    g_autofree char *with_more = g_strdup(text->str);
    g_assert_cmpint(read_text(f, text, &again), ==, READ_END);
    g_assert_cmpstr(text->str, ==, with_more);
    if (!ends_line) {
      remove_file(f, "journal.2");
    }
  }
}

/* Two segments, of which the second repeats lines 3 and 4 of the first. */
static void write_two_segments(Fixture *f, GString *files[2])
{
  files[0] = g_string_new(NULL);
  files[1] = g_string_new(NULL);
  lines_add_header(files[0]);
  lines_add_header(files[1]);
  for (guint32 i = 1; i <= 6; i++) {
    if (i <= 4) {
      lines_add(files[0], i, EVENT_SENT, i, "2.0.0 Ok");
    }
    if (i >= 3) {
      lines_add(files[1], i, EVENT_SENT, i, "2.0.0 Ok");
    }
    g_string_append_printf(f->expected, "%u sent %u 2.0.0 Ok\n", i, i);
  }
  lines_write(f->folder, "journal", files[0]->str, files[0]->len);
  lines_write(f->folder, "journal.2", files[1]->str, files[1]->len);
}

static const char *const NAMES[] = {"journal", "journal.2"};

/* A bit that turned is an alarm, or changes nothing. */
static void test_every_bit(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  GString *files[2];
  guint alarms = 0, harmless = 0;

  close_journal(f);
  write_two_segments(f, files);
  for (guint i = 0; i < 2; i++) {
    for (gsize bit = 0; bit < files[i]->len * 8; bit++) {
      g_autoptr(GString) text = g_string_new(NULL);
      g_autoptr(JournalReader) reader = NULL;

      files[i]->str[bit / 8] = (char)(files[i]->str[bit / 8] ^ (1 << bit % 8));
      lines_write(f->folder, NAMES[i], files[i]->str, files[i]->len);
      if (read_text(f, text, &reader) == READ_FAILED) {
        alarms++;
        g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED);
        g_assert_true(g_str_has_prefix(f->expected->str, text->str));
        g_clear_error(&f->error);
      } else {
        harmless++;
        g_assert_cmpstr(text->str, ==, f->expected->str);
      }
      files[i]->str[bit / 8] = (char)(files[i]->str[bit / 8] ^ (1 << bit % 8));
    }
    lines_write(f->folder, NAMES[i], files[i]->str, files[i]->len);
  }
  g_test_message("%u alarms, %u harmless", alarms, harmless);
  g_assert_cmpuint(alarms, >, harmless);
  g_assert_cmpuint(harmless, >, 0);
  g_string_free(files[0], TRUE);
  g_string_free(files[1], TRUE);
}

/* The first segment ends anywhere: harmless where the second repeats what is missing. */
static void test_truncated_first(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  GString *files[2];

  close_journal(f);
  write_two_segments(f, files);
  gsize needed = (gsize)(strstr(files[0]->str, "\n3 ") - files[0]->str);
  for (gsize length = 0; length < files[0]->len; length++) {
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(JournalReader) reader = NULL;

    lines_write(f->folder, "journal", files[0]->str, length);
    ReadResult result = read_text(f, text, &reader);
    if (length >= needed) {
      g_assert_cmpint(result, ==, READ_END);
      g_assert_cmpstr(text->str, ==, f->expected->str);
    } else {
      g_assert_cmpint(result, ==, READ_FAILED);
      g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED);
      g_clear_error(&f->error);
    }
  }
  g_string_free(files[0], TRUE);
  g_string_free(files[1], TRUE);
}

/* --- Death. --- */

static void hear_nothing(G_GNUC_UNUSED Journal *journal, G_GNUC_UNUSED gpointer data)
{
}

/* Goes on with the journal in folder, and tells each number that is durable. */
G_GNUC_NORETURN static void write_until_killed(const char *folder, int fd)
{
  g_autoptr(JournalReader) reader = journal_reader_open(folder, NULL);
  g_autoptr(GString) text = g_string_new(NULL);
  Committer *committer = committer_new(NULL);

  g_assert_cmpint(lines_read(reader, text, NULL), ==, READ_END);
  Journal *journal = journal_continue(committer, folder, journal_reader_segment(reader),
                                      journal_reader_whole(reader),
                                      journal_reader_sequence(reader), hear_nothing, NULL, NULL);
  g_assert_nonnull(journal);
  for (guint32 n = 1;; n = n % 1000 + 1) {
    guint64 last = journal_append(journal, JOURNAL_LAZY, EVENT_SENT, n, "text", "lazy", NULL);
    if (n % 7 == 0) {
      journal_append(journal, JOURNAL_SYNC, EVENT_SENT, n, "text", "2.0.0 Ok", NULL);
    }
    if (n % 31 == 0) {
      g_assert_true(journal_wait(journal, last, PATIENCE_MS, NULL));
    }
    g_main_context_iteration(NULL, FALSE);
    last = journal_durable(journal);
    if (write(fd, &last, sizeof last) != sizeof last) {
      _exit(1);
    }
  }
}

static guint64 kill_after_reports(pid_t child, int fd, int reports)
{
  guint64 durable = 0, reported;
  int status;

  while (reports-- > 0) {
    g_assert_cmpint(read(fd, &durable, sizeof durable), ==, sizeof durable);
  }
  g_assert_cmpint(kill(child, SIGKILL), ==, 0);
  while (read(fd, &reported, sizeof reported) == sizeof reported) {
    durable = reported;
  }
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  g_assert_true(WIFSIGNALED(status));
  return durable;
}

static void test_killed(void)
{
  char *folder = lines_make_folder();
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  g_autoptr(GString) header = g_string_new(NULL), before = g_string_new(NULL);

  disk_reset();
  lines_add_header(header);
  lines_write(folder, "journal", header->str, header->len);
  for (int round = 0; round < 40; round++) {
    int pipe_ends[2];
    g_assert_cmpint(pipe(pipe_ends), ==, 0);
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
      close(pipe_ends[0]);
      write_until_killed(folder, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    guint64 durable = kill_after_reports(child, pipe_ends[0],
                                         g_rand_int_range(random, 1, 1000));
    close(pipe_ends[0]);
    g_autoptr(JournalReader) reader = journal_reader_open(folder, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    GError *error = NULL;
    lines_read(reader, text, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(journal_reader_sequence(reader), >=, durable);
    g_assert_true(g_str_has_prefix(text->str, before->str));
    g_string_assign(before, text->str);
  }
  g_assert_cmpuint(before->len, >, 10000);
  lines_remove_folder(folder);
}

int main(int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*test)(Fixture *, gconstpointer);
    int data;
  } TESTS[] = {
    {"create", test_create, 0},
    {"append", test_append, 0},
    {"refused-line", test_refused_line, 0},
    {"wait", test_wait, 0},
    {"lazy", test_lazy, 0},
    {"sync", test_sync, 0},
    {"group-commit", test_group_commit, 0},
    {"continue", test_continue, 0},
    {"continue-fails", test_continue_fails, 0},
    {"many-journals", test_many_journals, 0},
    {"sync-fails", test_sync_fails, FALSE},
    {"sync-fails-and-drops", test_sync_fails, TRUE},
    {"all-syncs-fail", test_all_syncs_fail, 0},
    {"directory-sync-fails", test_directory_sync_fails, 0},
    {"disk-full", test_disk_full, 0},
    {"disk-full-within-line", test_disk_full, 1234},
    {"close-in-trouble", test_close_in_trouble, 0},
    {"close-after-trouble", test_close_after_trouble, 0},
    {"hang", test_hang, 0},
    {"hang-is-told", test_hang_is_told, 0},
    {"close-while-hanging", test_close_while_hanging, 0},
    {"random-faults-1", test_random_faults, 1},
    {"random-faults-2", test_random_faults, 2},
    {"random-faults-3", test_random_faults, 3},
    {"every-truncation", test_every_truncation, 0},
    {"every-bit", test_every_bit, 0},
    {"truncated-first", test_truncated_first, 0},
  };

  g_test_init(&argc, &argv, NULL);
  g_log_set_always_fatal(G_LOG_FATAL_MASK);
  g_log_set_writer_func(count_warnings, NULL, NULL);
  g_test_add_func("/journal/killed", test_killed);   /* first: it forks, so without threads */
  for (guint i = 0; i < G_N_ELEMENTS(TESTS); i++) {
    g_autofree char *path = g_strdup_printf("/journal/%s", TESTS[i].name);
    g_test_add(path, Fixture, GINT_TO_POINTER(TESTS[i].data), set_up, TESTS[i].test, tear_down);
  }
  return g_test_run();
}
