/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/durable.h"
#include "spool.h"
#include "spool/drop.h"
#include "spool/watch.h"

/* That something is *not* reported is tested against controls: drops made later, one after
 * the other, which are reported. A drop that is complete is reported by the second look
 * that finds no change, and that is before the second control is. */

enum {
  SETTLE = 100,         /* ms */
  NEVER = 60000,        /* ms; longer than any test lasts */
  GIVE_UP = 20000,      /* ms */
  MANY = 20000,
  OTHER_USER = 12345,
  NOBODY = 65534,
};

#define CONTROL "control-"

typedef enum {
  DROP_TAKEN,
  DROP_KEPT,
  DROP_PUT_BACK,
  DROP_PUT_BACK_LATER,  /* as a thread would */
  DROP_REPLACED,
} DropFate;

typedef struct {
  Spool spool;
  Watch *watch;
  GPtrArray *seen;     /* "channel:path", relative to incoming/ */
  DropFate fate;       /* of what is reported; a control is always taken */
  gboolean in_new;     /* while watch_new() runs */
  guint controls;
  char *away;          /* what is to be put back later, or NULL */
} Fixture;

static guint warnings; /* logged since the test began */

static GLogWriterOutput count_warning(GLogLevelFlags level, const GLogField *fields, gsize count,
                                      gpointer data)
{
  warnings += (level & G_LOG_LEVEL_WARNING) != 0;
  return (level & G_LOG_LEVEL_WARNING) != 0 ? G_LOG_WRITER_HANDLED
                                            : g_log_writer_default(level, fields, count, data);
}

/* --- Helpers --- */

static gboolean put_back(gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *aside = spool_file(&fixture->spool, "aside");

  g_assert_cmpint(rename(aside, fixture->away), ==, 0);
  g_clear_pointer(&fixture->away, g_free);
  return G_SOURCE_REMOVE;
}

static void on_drop(const char *path, const char *channel, gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *incoming = spool_file(&fixture->spool, "spool/incoming/");
  g_autofree char *aside = spool_file(&fixture->spool, "aside");
  g_autoptr(GError) error = NULL;

  g_assert_false(fixture->in_new);
  g_assert_true(g_str_has_prefix(path, incoming));
  g_ptr_array_add(fixture->seen, g_strdup_printf("%s:%s", channel, path + strlen(incoming)));
  if (strstr(path, CONTROL) != NULL) {
    g_assert_cmpint(unlink(path), ==, 0);
    return;
  }
  if (fixture->fate == DROP_TAKEN || fixture->fate == DROP_REPLACED) {
    durable_remove_tree(path, &error);
    g_assert_no_error(error);
  }
  if (fixture->fate == DROP_PUT_BACK || fixture->fate == DROP_PUT_BACK_LATER) {
    g_assert_cmpint(rename(path, aside), ==, 0);
    g_assert_null(fixture->away);
    fixture->away = g_strdup(path);
    if (fixture->fate == DROP_PUT_BACK) {
      put_back(fixture);
    } else {
      g_timeout_add(SETTLE / 2, put_back, fixture);
    }
  }
  if (fixture->fate == DROP_REPLACED) {
    fixture->fate = DROP_TAKEN;
    g_assert_true(g_file_set_contents(path, "the next", -1, NULL));
  }
}

static void begin(Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  fixture->in_new = TRUE;
  fixture->watch = watch_new(fixture->spool.config, on_drop, fixture, &error);
  fixture->in_new = FALSE;
  g_assert_no_error(error);
  g_assert_nonnull(fixture->watch);
}

static void set_up(Fixture *fixture, gconstpointer settle_ms)
{
  guint settle = GPOINTER_TO_UINT(settle_ms);

  warnings = 0;
  fixture->seen = g_ptr_array_new_with_free_func(g_free);
  spool_open(&fixture->spool, settle, NEVER);
  begin(fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  watch_free(fixture->watch);
  g_assert_false(g_main_context_pending(NULL));
  g_ptr_array_unref(fixture->seen);
  spool_close(&fixture->spool);
}

static gboolean raise_flag(gpointer flag)
{
  *(gboolean *)flag = TRUE;
  return G_SOURCE_REMOVE;
}

/* Runs the main loop until that many drops were reported in all. */
static void wait_for(const Fixture *fixture, guint count)
{
  gboolean late = FALSE;
  guint timer = g_timeout_add(GIVE_UP, raise_flag, &late);

  while (fixture->seen->len < count && !late) {
    g_main_context_iteration(NULL, TRUE);
  }
  g_assert_false(late);
  g_source_remove(timer);
  g_assert_cmpuint(fixture->seen->len, ==, count);
}

static int compare_drops(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What was reported since the last call, sorted. */
static void assert_seen(Fixture *fixture, const char *expected)
{
  g_ptr_array_sort(fixture->seen, compare_drops);
  g_autoptr(GString) seen = g_string_new(NULL);

  for (guint i = 0; i < fixture->seen->len; i++) {
    const char *drop = g_ptr_array_index(fixture->seen, i);
    g_string_append_printf(seen, "%s%s", i > 0 ? " " : "", drop);
  }
  g_string_truncate(seen, MIN(seen->len, strlen(expected) + 100)); /* if it is far too much */
  g_assert_cmpstr(seen->str, ==, expected);
  g_ptr_array_set_size(fixture->seen, 0);
}

static char *make_control(Fixture *fixture)
{
  g_autofree char *path = g_strdup_printf("spool/incoming/" CONTROL "%u.md", fixture->controls);
  char *drop = g_strdup_printf("press:" CONTROL "%u.md", fixture->controls);

  spool_write(&fixture->spool, path, "control");
  fixture->controls++;
  return drop;
}

static gboolean was_seen(const Fixture *fixture, const char *drop)
{
  return g_ptr_array_find_with_equal_func(fixture->seen, drop, g_str_equal, NULL);
}

static void wait_for_control(Fixture *fixture)
{
  g_autofree char *control = make_control(fixture);
  gboolean late = FALSE;
  guint timer = g_timeout_add(GIVE_UP, raise_flag, &late);
  guint index;

  while (!was_seen(fixture, control) && !late) {
    g_main_context_iteration(NULL, TRUE);
  }
  g_assert_false(late);
  g_source_remove(timer);
  g_ptr_array_find_with_equal_func(fixture->seen, control, g_str_equal, &index);
  g_ptr_array_remove_index(fixture->seen, index);
}

static void assert_nothing_seen(Fixture *fixture)
{
  wait_for_control(fixture);
  wait_for_control(fixture);
  assert_seen(fixture, "");
}

static int open_new(const Fixture *fixture, const char *path)
{
  g_autofree char *full = spool_file(&fixture->spool, path);
  int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(write(fd, "text", 4), ==, 4);
  return fd;
}

/* --- Names --- */

static void test_names(void)
{
  static const char *const ready[] = {"a.md", "a", "a.status.txt.md", "part", "a.parts", "~a",
                                      "status.txt", "a\nb", "b\xff.md"};
  static const char *const not_ready[] = {
    "", ".", ".a.md", ".part", "a.md~", "a.md.part", "a.PART", "a.tmp", "a.swp", "a.filepart",
    "a.crdownload", "#a.md#", "a.status.txt", "a.Status.TXT", "Thumbs.db", "desktop.ini", "~",
  };

  for (guint i = 0; i < G_N_ELEMENTS(ready); i++) {
    g_assert_true(watch_name_is_ready(ready[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS(not_ready); i++) {
    g_assert_false(watch_name_is_ready(not_ready[i]));
  }
}

/* --- When a drop is complete --- */

/* The time to settle is longer than the test may take. */
static void test_renamed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_write(&fixture->spool, "a.md", "text");
  spool_make_folder(&fixture->spool, "b");
  spool_write(&fixture->spool, "b/release.md", "text");
  spool_write(&fixture->spool, "c.md", "text");
  spool_rename(&fixture->spool, "a.md", "spool/incoming/a.md");
  spool_rename(&fixture->spool, "b", "spool/incoming/b");
  spool_rename(&fixture->spool, "c.md", "spool/incoming/berlin/c.md");
  wait_for(fixture, 3);
  assert_seen(fixture, "berlin:berlin/c.md press:a.md press:b");
}

static void test_temporary_names(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const names[] = {"a.md.part", ".b.md.x7Gh2k", "c.md~", "d.md.crdownload",
                                      "e.status.txt"};

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename("spool/incoming", names[i], NULL);
    spool_write(&fixture->spool, path, "text");
  }
  assert_nothing_seen(fixture);
  spool_rename(&fixture->spool, "spool/incoming/a.md.part", "spool/incoming/a.md");
  spool_rename(&fixture->spool, "spool/incoming/.b.md.x7Gh2k", "spool/incoming/b.md");
  wait_for(fixture, 2);
  assert_seen(fixture, "press:a.md press:b.md");
}

static void test_written(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 before = clock_monotonic_ms();
  spool_write(&fixture->spool, "spool/incoming/a.md", "text");
  wait_for(fixture, 1);
  g_assert_cmpint(clock_monotonic_ms() - before, >=, SETTLE);
  assert_seen(fixture, "press:a.md");
}

static void test_slow_writer(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  int fd = open_new(fixture, "spool/incoming/a.md");

  assert_nothing_seen(fixture);
  g_assert_cmpint(write(fd, "text", 4), ==, 4);
  assert_nothing_seen(fixture);
  gint64 before = clock_monotonic_ms();
  close(fd);
  wait_for(fixture, 1);
  g_assert_cmpint(clock_monotonic_ms() - before, >=, SETTLE);
  assert_seen(fixture, "press:a.md");
}

/* Everybody may drop; FALSE where there is only one user. */
static gboolean open_to_all(const Fixture *fixture)
{
  g_autofree char *path = spool_file(&fixture->spool, "spool");
  g_autofree char *incoming = spool_file(&fixture->spool, "spool/incoming");

  if (geteuid() != 0) {
    g_test_skip("needs two users");
    return FALSE;
  }
  g_assert_cmpint(chmod(fixture->spool.root, 0755), ==, 0);
  g_assert_cmpint(chmod(path, 0755), ==, 0);
  g_assert_cmpint(chmod(incoming, 0777), ==, 0);
  return TRUE;
}

/* The kernel tells only a file's owner whether somebody has it open. */
static void test_writer_unknown(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  if (!open_to_all(fixture)) {
    return;
  }
  int fd = open_new(fixture, "spool/incoming/a.md");
  g_assert_cmpint(fchown(fd, OTHER_USER, OTHER_USER), ==, 0);
  g_assert_cmpint(seteuid(NOBODY), ==, 0);
  assert_nothing_seen(fixture);
  close(fd);
  wait_for(fixture, 1);
  g_assert_cmpint(seteuid(0), ==, 0);
  assert_seen(fixture, "press:a.md");
}

/* Nor does anybody tell of what is open inside a folder: it has to be quiet for longer. */
static void test_folder_of_others(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  if (!open_to_all(fixture)) {
    return;
  }
  g_assert_cmpint(seteuid(NOBODY), ==, 0);
  gint64 before = clock_monotonic_ms();
  spool_make_folder(&fixture->spool, "spool/incoming/a");
  g_assert_cmpint(seteuid(0), ==, 0);
  spool_write(&fixture->spool, "spool/incoming/a/release.md", "text");
  g_assert_cmpint(seteuid(NOBODY), ==, 0);
  wait_for(fixture, 1);
  g_assert_cmpint(seteuid(0), ==, 0);
  g_assert_cmpint(clock_monotonic_ms() - before, >=, 5 * SETTLE);
  assert_seen(fixture, "press:a");
}

static void test_folder_written(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(&fixture->spool, "spool/incoming/a");
  int fd = open_new(fixture, "spool/incoming/a/release.md");
  assert_nothing_seen(fixture);
  spool_make_folder(&fixture->spool, "spool/incoming/a/attachments");
  spool_write(&fixture->spool, "spool/incoming/a/attachments/photo.jpg", "text");
  assert_nothing_seen(fixture);
  close(fd);
  wait_for(fixture, 1);
  assert_seen(fixture, "press:a");
}

typedef struct {
  const Fixture *fixture;
  guint files;
  gint64 last_ms, longest_ms;
} SlowCopy;

static gboolean add_file(gpointer data)
{
  SlowCopy *copy = data;
  g_autofree char *path = g_strdup_printf("spool/incoming/a/inner/%u.jpg", copy->files++);
  gint64 now = clock_monotonic_ms();

  spool_write(&copy->fixture->spool, path, "text");
  copy->longest_ms = MAX(copy->longest_ms, now - copy->last_ms);
  copy->last_ms = now;
  return G_SOURCE_CONTINUE;
}

/* Each file is closed, but there is always another one before the folder has settled. */
static void test_folder_copied(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  SlowCopy copy = {.fixture = fixture, .last_ms = clock_monotonic_ms()};

  spool_make_folder(&fixture->spool, "spool/incoming/a/inner");
  guint timer = g_timeout_add(SETTLE / 10, add_file, &copy);
  wait_for_control(fixture);
  wait_for_control(fixture);
  wait_for_control(fixture);
  g_source_remove(timer);
  if (copy.longest_ms >= SETTLE / 2) {
    g_test_skip("this machine is too busy to copy without long breaks");
    return;
  }
  assert_seen(fixture, "");
  wait_for(fixture, 1);
  assert_seen(fixture, "press:a");
}

static void test_folder_unfinished(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(&fixture->spool, "spool/incoming/a/attachments");
  spool_write(&fixture->spool, "spool/incoming/a/attachments/b.pdf.part", "text");
  assert_nothing_seen(fixture);
  spool_rename(&fixture->spool, "spool/incoming/a/attachments/b.pdf.part",
               "spool/incoming/a/attachments/b.pdf");
  wait_for(fixture, 1);
  assert_seen(fixture, "press:a");
}

/* "New folder", then a name for it, then what belongs into it. */
static void test_folder_empty(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(&fixture->spool, "spool/incoming/New folder");
  assert_nothing_seen(fixture);
  spool_rename(&fixture->spool, "spool/incoming/New folder", "spool/incoming/jakarta");
  spool_write(&fixture->spool, "spool/incoming/jakarta/.DS_Store", "text");
  assert_nothing_seen(fixture);
  spool_write(&fixture->spool, "spool/incoming/jakarta/release.md", "text");
  wait_for(fixture, 1);
  assert_seen(fixture, "press:jakarta");
}

/* They are no files that can be sent; claiming them says so. */
static void test_special_files(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *link = spool_file(&fixture->spool, "spool/incoming/a.md");
  g_autofree char *fifo = spool_file(&fixture->spool, "spool/incoming/b\n.md");

  g_assert_cmpint(symlink("missing", link), ==, 0);
  g_assert_cmpint(mkfifo(fifo, 0666), ==, 0);
  wait_for(fixture, 2);
  assert_seen(fixture, "press:a.md press:b\n.md");
}

static void test_removed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *path = spool_file(&fixture->spool, "spool/incoming/a.md");

  spool_write(&fixture->spool, "spool/incoming/a.md", "text");
  spool_write(&fixture->spool, "spool/incoming/b.md", "text");
  g_main_context_iteration(NULL, TRUE);
  g_assert_cmpint(unlink(path), ==, 0);
  spool_rename(&fixture->spool, "spool/incoming/b.md", "b.md");
  assert_nothing_seen(fixture);
}

/* --- The rescan --- */

static void test_found(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  watch_free(fixture->watch);
  spool_write(&fixture->spool, "spool/incoming/a.md", "text");
  spool_write(&fixture->spool, "spool/incoming/berlin/b.md", "text");
  spool_make_folder(&fixture->spool, "spool/incoming/c");
  spool_write(&fixture->spool, "spool/incoming/c/release.md", "text");
  spool_make_folder(&fixture->spool, "spool/incoming/empty");
  int fd = open_new(fixture, "spool/incoming/d.md");
  begin(fixture);
  wait_for(fixture, 3);
  assert_seen(fixture, "berlin:berlin/b.md press:a.md press:c");
  assert_nothing_seen(fixture);
  close(fd);
  wait_for(fixture, 1);
  assert_seen(fixture, "press:d.md");
}

/* As at a reload: what was noticed, and what came in between, is found again. */
static void test_reload(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_write(&fixture->spool, "spool/incoming/a.md", "text");
  g_main_context_iteration(NULL, TRUE);
  watch_free(fixture->watch);
  spool_write(&fixture->spool, "b.md", "text");
  spool_rename(&fixture->spool, "b.md", "spool/incoming/b.md");
  begin(fixture);
  wait_for(fixture, 2);
  assert_seen(fixture, "press:a.md press:b.md");
}

static gint64 read_queue_limit(void)
{
  g_autofree char *text = NULL;

  return g_file_get_contents("/proc/sys/fs/inotify/max_queued_events", &text, NULL, NULL)
             ? g_ascii_strtoll(text, NULL, 10)
             : G_MAXINT64;
}

/* More events than the kernel keeps, and then a drop that it tells nothing about. */
static void test_overflow(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  gint64 limit = read_queue_limit();

  if (limit > 100000) {
    g_test_skip("the queue is too long to fill it");
    return;
  }
  wait_for_control(fixture); /* the first rescan is over */
  spool_write(&fixture->spool, "spool/incoming/.a", "text");
  for (gint64 i = 0; i < limit / 4 + 1; i++) {
    spool_rename(&fixture->spool, "spool/incoming/.a", "spool/incoming/.b");
    spool_rename(&fixture->spool, "spool/incoming/.b", "spool/incoming/.a");
  }
  spool_write(&fixture->spool, "spool/incoming/missed.md", "text");
  wait_for(fixture, 1);
  assert_seen(fixture, "press:missed.md");
}

static void test_kept(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *path = spool_file(&fixture->spool, "spool/incoming/a.md");

  fixture->fate = DROP_KEPT;
  spool_write(&fixture->spool, "spool/incoming/a.md", "text");
  wait_for(fixture, 1);
  assert_seen(fixture, "press:a.md");
  close(open(path, O_WRONLY));
  assert_nothing_seen(fixture);
  watch_rescan(fixture->watch);
  wait_for(fixture, 1);
  assert_seen(fixture, "press:a.md");
  int fd = open(path, O_WRONLY | O_APPEND);
  g_assert_cmpint(write(fd, "more", 4), ==, 4);
  close(fd);
  wait_for(fixture, 1);
  assert_seen(fixture, "press:a.md");
}

/* A claim that fails on our side puts the drop back: no reason to try at once again. */
static void test_put_back(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  static const DropFate fates[] = {DROP_PUT_BACK, DROP_PUT_BACK_LATER};

  spool_make_folder(&fixture->spool, "b");
  spool_write(&fixture->spool, "b/release.md", "text");
  for (guint i = 0; i < G_N_ELEMENTS(fates); i++) {
    static const char *const drops[] = {"a.md", "b"};
    fixture->fate = fates[i];
    spool_write(&fixture->spool, "a.md", "text");
    for (guint j = 0; j < G_N_ELEMENTS(drops); j++) {
      g_autofree char *path = g_build_filename("spool/incoming", drops[j], NULL);
      g_autofree char *expected = g_strconcat("press:", drops[j], NULL);
      spool_rename(&fixture->spool, drops[j], path);
      wait_for(fixture, 1);
      assert_seen(fixture, expected);
      assert_nothing_seen(fixture);
      watch_rescan(fixture->watch);
      wait_for(fixture, 1);
      assert_seen(fixture, expected);
      assert_nothing_seen(fixture);
      spool_rename(&fixture->spool, path, drops[j]);
    }
  }
}

/* The same name, but another file. */
static void test_replaced(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  fixture->fate = DROP_REPLACED;
  spool_write(&fixture->spool, "spool/incoming/a.md", "text");
  wait_for(fixture, 2);
  assert_seen(fixture, "press:a.md press:a.md");
  spool_write(&fixture->spool, "a.md", "text");
  spool_rename(&fixture->spool, "a.md", "spool/incoming/a.md");
  wait_for(fixture, 1);
  assert_seen(fixture, "press:a.md");
}

static void test_rescan_by_itself(void)
{
  Fixture fixture = {.seen = g_ptr_array_new_with_free_func(g_free), .fate = DROP_KEPT};

  spool_open(&fixture.spool, 20, 200);
  begin(&fixture);
  spool_write(&fixture.spool, "spool/incoming/a.md", "text");
  wait_for(&fixture, 3);
  assert_seen(&fixture, "press:a.md press:a.md press:a.md");
  watch_free(fixture.watch);
  g_ptr_array_unref(fixture.seen);
  spool_close(&fixture.spool);
}

/* --- Folders --- */

static void test_channel_folders(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(&fixture->spool, "old");
  spool_write(&fixture->spool, "old/.channel", "");
  spool_write(&fixture->spool, "old/a.md", "text");
  spool_rename(&fixture->spool, "old", "spool/incoming/old");
  watch_rescan(fixture->watch);
  assert_nothing_seen(fixture);
  spool_make_folder(&fixture->spool, "spool/incoming/press/berlin");
  spool_write(&fixture->spool, "spool/incoming/press/berlin/release.md", "text");
  wait_for(fixture, 1);
  assert_seen(fixture, "press:press/berlin");
}

static void test_folder_missing(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *berlin = spool_file(&fixture->spool, "spool/incoming/berlin");

  durable_remove_tree(berlin, &error);
  g_assert_no_error(error);
  watch_rescan(fixture->watch);
  assert_nothing_seen(fixture);
  watch_rescan(fixture->watch);
  assert_nothing_seen(fixture);
  g_assert_cmpuint(warnings, ==, 1);

  spool_make_folder(&fixture->spool, "spool/incoming/berlin");
  watch_rescan(fixture->watch);
  assert_nothing_seen(fixture);
  spool_write(&fixture->spool, "spool/incoming/berlin/a.md", "text");
  wait_for(fixture, 1);
  assert_seen(fixture, "berlin:berlin/a.md");
}

/* inotify goes with the folder that was moved away; the rescan looks at the new one. */
static void test_folder_replaced(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_rename(&fixture->spool, "spool/incoming/berlin", "elsewhere");
  spool_make_folder(&fixture->spool, "spool/incoming/berlin");
  watch_rescan(fixture->watch);
  assert_nothing_seen(fixture);
  spool_write(&fixture->spool, "elsewhere/a.md", "text");
  spool_write(&fixture->spool, "spool/incoming/berlin/b.md", "text");
  wait_for_control(fixture);
  wait_for_control(fixture);
  assert_seen(fixture, "berlin:berlin/b.md");
}

static void test_no_incoming(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GError) error = NULL;

  spool_rename(&fixture->spool, "spool/incoming", "spool/elsewhere");
  g_assert_null(watch_new(fixture->spool.config, on_drop, fixture, &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_cmpuint(warnings, ==, 0);
}

/* --- Cost --- */

/* Milliseconds until the main loop would wake up by itself; -1: never. */
static int time_to_sleep(void)
{
  GMainContext *context = g_main_context_default();
  GPollFD fds[16];
  int priority, timeout;

  while (g_main_context_iteration(context, FALSE)) {
  }
  g_assert_true(g_main_context_acquire(context));
  g_main_context_prepare(context, &priority);
  g_main_context_query(context, priority, &timeout, fds, G_N_ELEMENTS(fds));
  g_main_context_release(context);
  return timeout;
}

static void test_idle(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(&fixture->spool, "spool/incoming/empty");
  watch_free(fixture->watch);
  begin(fixture);
  wait_for_control(fixture);
  wait_for_control(fixture); /* a timer that was set for the first one has rung, too */
  g_assert_cmpint(time_to_sleep(), >, NEVER / 2);
  assert_seen(fixture, "");
}

static void test_many(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
  watch_free(fixture->watch);
  for (guint i = 0; i < MANY; i++) {
    g_autofree char *path = g_strdup_printf("spool/incoming/%u.md", i);
    spool_write(&fixture->spool, path, "");
  }
  gint64 before = clock_monotonic_ms();
  fixture->fate = DROP_KEPT;
  begin(fixture);
  wait_for(fixture, MANY);
  g_test_minimized_result((double)(clock_monotonic_ms() - before) / 1000, "%u drops in %.1f s",
                          MANY, (double)(clock_monotonic_ms() - before) / 1000);
}

#define TEST(path, settle_ms, function)                                                   \
  g_test_add("/watch/" path, Fixture, GUINT_TO_POINTER(settle_ms), set_up, function, \
             tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_log_set_writer_func(count_warning, NULL, NULL);
  g_test_add_func("/watch/names", test_names);
  TEST("renamed", NEVER, test_renamed);
  TEST("temporary-names", SETTLE, test_temporary_names);
  TEST("written", SETTLE, test_written);
  TEST("slow-writer", SETTLE, test_slow_writer);
  TEST("writer-unknown", SETTLE, test_writer_unknown);
  TEST("folder-of-others", SETTLE, test_folder_of_others);
  TEST("folder-written", SETTLE, test_folder_written);
  TEST("folder-copied", SETTLE, test_folder_copied);
  TEST("folder-unfinished", SETTLE, test_folder_unfinished);
  TEST("folder-empty", SETTLE, test_folder_empty);
  TEST("special-files", SETTLE, test_special_files);
  TEST("removed", SETTLE, test_removed);
  TEST("found", SETTLE, test_found);
  TEST("reload", SETTLE, test_reload);
  TEST("overflow", SETTLE, test_overflow);
  TEST("kept", SETTLE, test_kept);
  TEST("put-back", SETTLE, test_put_back);
  TEST("replaced", SETTLE, test_replaced);
  g_test_add_func("/watch/rescan-by-itself", test_rescan_by_itself);
  TEST("channel-folders", SETTLE, test_channel_folders);
  TEST("folder-missing", SETTLE, test_folder_missing);
  TEST("folder-replaced", SETTLE, test_folder_replaced);
  TEST("no-incoming", SETTLE, test_no_incoming);
  TEST("idle", SETTLE, test_idle);
  TEST("many", SETTLE, test_many);
  return g_test_run();
}
