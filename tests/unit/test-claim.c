/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/names.h"
#include "spool.h"
#include "spool/drop.h"

enum { OTHER_USER = 12345, RACES = 40 };

static guint warnings; /* logged since the test began */
static guint staying;  /* claims that could not be recovered, since then */

static void on_stays(const char *id, const GError *reason, G_GNUC_UNUSED gpointer data)
{
  g_test_message("%s stays: %s", id, reason->message);
  staying++;
}

/* Trouble that a test brings about on purpose is counted, not fatal. */
static GLogWriterOutput count_warning(GLogLevelFlags level, const GLogField *fields, gsize count,
                                      gpointer data)
{
  warnings += (level & G_LOG_LEVEL_WARNING) != 0;
  return (level & G_LOG_LEVEL_WARNING) != 0 ? G_LOG_WRITER_HANDLED
                                            : g_log_writer_default(level, fields, count, data);
}

static void set_up(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  warnings = staying = 0;
  spool_open(spool, 100, 60000);
}

static void tear_down(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  spool_close(spool);
}

/* --- Helpers --- */

/* path is relative to incoming/. */
static Claim *take(const Spool *spool, const char *path, Report *report)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *drop = g_build_filename(spool->root, "spool/incoming", path, NULL);
  Claim *claim = claim_take(spool->config, drop, "press", report, &error);

  g_assert_no_error(error);
  g_assert_nonnull(claim);
  return claim;
}

static Claim *take_good(const Spool *spool, const char *path)
{
  g_autoptr(Report) report = report_new();
  Claim *claim = take(spool, path, report);
  g_autofree char *findings = report_to_text(report);

  g_assert_cmpstr(findings, ==, "");
  return claim;
}

static void assert_text(const char *path, const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_cmpstr(text, ==, expected);
}

static void assert_list(const Spool *spool, const char *path, const char *expected)
{
  g_autofree char *names = spool_list(spool, path);

  g_assert_cmpstr(names, ==, expected);
}

/* One finding only, for this file, that says this. */
static void assert_finding(const Report *report, const char *file, const char *says)
{
  g_assert_cmpuint(report_length(report), ==, 1);
  g_assert_cmpstr(report_get(report, 0)->file, ==, file);
  g_assert_nonnull(strstr(report_get(report, 0)->text, says));
}

/* The drop is claimed, and refused for that one reason; nothing was copied. */
static void assert_refused(const Spool *spool, const char *drop, const char *file,
                           const char *says)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(Claim) claim = take(spool, drop, report);

  assert_finding(report, file, says);
  g_assert_false(g_file_test(claim->source, G_FILE_TEST_EXISTS));
}

static void assert_not_claimed(const Spool *spool, const char *path, GFileError code)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();
  g_autofree char *drop = g_build_filename(spool->root, "spool", path, NULL);

  g_assert_null(claim_take(spool->config, drop, "press", report, &error));
  g_assert_error(error, G_FILE_ERROR, (int)code);
  assert_list(spool, "spool/queue", "");
}

static void write_sparse(const Spool *spool, const char *path, goffset size)
{
  spool_write(spool, path, "");
  g_autofree char *full = spool_file(spool, path);
  g_assert_cmpint(truncate(full, size), ==, 0);
}

static guint mode_of(const char *path)
{
  struct stat status;

  g_assert_cmpint(lstat(path, &status), ==, 0);
  return status.st_mode & 07777;
}

/* --- The folders --- */

static void test_prepare(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *incoming = spool_file(spool, "spool/incoming");
  g_autofree char *berlin = spool_file(spool, "spool/incoming/berlin");

  assert_list(spool, "spool", "done incoming queue rejected");
  assert_list(spool, "spool/incoming", ".suppress berlin press");
  g_assert_true(spool_prepare(spool->config, &error));
  g_assert_no_error(error);

  /* A new channel's folder is as open as incoming/ is. */
  g_autofree char *mark = spool_file(spool, "spool/incoming/berlin/.channel");
  g_assert_cmpint(unlink(mark), ==, 0);
  g_assert_cmpint(rmdir(berlin), ==, 0);
  g_assert_cmpint(chmod(incoming, 02770), ==, 0);
  g_assert_true(spool_prepare(spool->config, &error));
  g_assert_cmpuint(mode_of(berlin), ==, 02770);
}

static void test_linked_spool(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *link = spool_file(spool, "spool");

  spool_rename(spool, "spool", "larger-disk");
  g_assert_cmpint(symlink("larger-disk", link), ==, 0);
  g_assert_true(spool_prepare(spool->config, &error));
  spool_write(spool, "spool/incoming/press/a.md", "text");
  claim_free(take_good(spool, "press/a.md"));
}

static void assert_not_prepared(const Spool *spool, const char *says)
{
  g_autoptr(GError) error = NULL;

  g_assert_false(spool_prepare(spool->config, &error));
  g_assert_nonnull(strstr(error->message, says));
}

static void test_prepare_refuses(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *queue = spool_file(spool, "spool/queue");
  g_autofree char *incoming = spool_file(spool, "spool/incoming");

  g_assert_cmpint(chmod(queue, 0777), ==, 0);
  assert_not_prepared(spool, "chmod o-w");
  g_assert_cmpint(chmod(queue, 0750), ==, 0);

  spool_rename(spool, "spool/incoming/berlin", "elsewhere");
  spool_write(spool, "spool/incoming/berlin", "a drop");
  assert_not_prepared(spool, "a folder must be here");
  g_autofree char *berlin = spool_file(spool, "spool/incoming/berlin");
  g_assert_cmpint(unlink(berlin), ==, 0);
  g_assert_cmpint(symlink("../../elsewhere", berlin), ==, 0);
  assert_not_prepared(spool, "a folder must be here");
  g_assert_cmpint(unlink(berlin), ==, 0);

  if (geteuid() != 0) {
    g_assert_cmpint(chmod(incoming, 0550), ==, 0);
    assert_not_prepared(spool, "chown");
    g_assert_cmpint(chmod(incoming, 0750), ==, 0);
  }
}

/* --- Claiming --- */

static void test_file(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  gint64 before = clock_wall_ms();
  spool_write(spool, "spool/incoming/jakarta.md", "# Jakarta\n");
  g_autoptr(Claim) claim = take_good(spool, "jakarta.md");
  g_autofree char *drop = g_build_filename(claim->directory, "drop/jakarta.md", NULL);
  g_autofree char *folder = g_strdup_printf("spool/queue/%s.new", claim->id);
  g_autofree char *directory = spool_file(spool, folder);

  g_assert_true(release_id_is_valid(claim->id));
  g_assert_true(g_str_has_suffix(claim->id, "-jakarta"));
  g_assert_cmpstr(claim->directory, ==, directory);
  g_assert_cmpstr(claim->name, ==, "jakarta.md");
  g_assert_cmpstr(claim->channel, ==, "press");
  g_assert_cmpuint(claim->owner, ==, geteuid());
  g_assert_cmpint(claim->claimed_ms, >=, before);
  g_assert_cmpint(claim->claimed_ms, <=, clock_wall_ms());
  assert_text(claim->source, "# Jakarta\n");
  assert_text(drop, "# Jakarta\n");
  g_assert_cmpuint(mode_of(claim->source) & 0777 & ~0440u, ==, 0);
  assert_list(spool, "spool/incoming", ".suppress berlin press");
  assert_list(spool, folder, "claim drop source");
}

static void test_ticket(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  char claimed[CLOCK_UTC_LENGTH + 1];
  spool_write(spool, "spool/incoming/Übung \"1\".md", "text");
  g_autoptr(Claim) claim = take_good(spool, "Übung \"1\".md");
  g_autofree char *path = g_build_filename(claim->directory, "claim", NULL);

  clock_format_utc(claim->claimed_ms, claimed);
  g_autofree char *expected = g_strdup_printf(
      "name=Übung \\\"1\\\".md\nchannel=press\nclaimed=%s\n", claimed);
  assert_text(path, expected);
}

/* Only root can give a file to somebody else. */
static void test_owner(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  spool_write(spool, "spool/incoming/a.md", "text");
  g_autofree char *path = spool_file(spool, "spool/incoming/a.md");
  if (chown(path, OTHER_USER, OTHER_USER) != 0) {
    g_test_skip("cannot give files away");
    return;
  }
  g_autoptr(Claim) claim = take_good(spool, "a.md");
  g_assert_cmpuint(claim->owner, ==, OTHER_USER);
}

static void test_folder(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const left_over[] = {".DS_Store", "Thumbs.db", "._photo.jpg", "release.md~",
                                          ".release.md.swp", "desktop.ini"};

  spool_make_folder(spool, "spool/incoming/press/jakarta/attachments/a/b/c");
  spool_write(spool, "spool/incoming/press/jakarta/release.md", "release");
  spool_write(spool, "spool/incoming/press/jakarta/press.status.txt", "a file like others");
  spool_write(spool, "spool/incoming/press/jakarta/attachments/a/b/c/deep.txt", "deep");
  for (guint i = 0; i < G_N_ELEMENTS(left_over); i++) {
    g_autofree char *path = g_build_filename("spool/incoming/press/jakarta", left_over[i], NULL);
    spool_write(spool, path, "left over");
  }
  g_autoptr(Claim) claim = take_good(spool, "press/jakarta");
  g_autofree char *deep = g_build_filename(claim->source, "attachments/a/b/c/deep.txt", NULL);
  g_autofree char *source = g_strconcat("spool/queue/", claim->id, ".new/source/jakarta", NULL);
  g_autofree char *drop = g_strconcat("spool/queue/", claim->id, ".new/drop/jakarta", NULL);

  assert_text(deep, "deep");
  assert_list(spool, source, "attachments press.status.txt release.md");
  assert_list(spool, drop, ".DS_Store ._photo.jpg .release.md.swp Thumbs.db attachments "
                           "desktop.ini press.status.txt release.md release.md~");
  assert_list(spool, "spool/incoming/press", ".channel");
}

/* Every place where a release can be has its id taken, for as long as the test may last. */
static void test_ids(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  gint64 now = clock_wall_ms();

  for (gint64 second = 0; second < 60; second++) {
    g_autofree char *id = release_id_new(now + second * 1000, "a.md");
    const char *const places[] = {"queue/%s", "done/%s-2", "rejected/%s-3", "queue/%s-4.new"};
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
      g_auto(GStrv) parts = g_strsplit(places[i], "%s", 2);
      g_autofree char *path = g_strconcat("spool/", parts[0], id, parts[1], NULL);
      spool_make_folder(spool, path);
    }
  }
  for (guint i = 0; i < 3; i++) {
    spool_write(spool, "spool/incoming/a.md", "text");
    g_autoptr(Claim) claim = take_good(spool, "a.md");
    g_assert_true(release_id_is_valid(claim->id));
    g_assert_false(g_str_has_suffix(claim->id, "-a"));
    for (guint j = 2; j <= 4; j++) {
      g_autofree char *taken = g_strdup_printf("-a-%u", j);
      g_assert_false(g_str_has_suffix(claim->id, taken));
    }
  }
}

static void test_no_drop(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const no_drops[] = {
    "queue", "incoming/../queue", "incoming/a/b/c", "incoming/press/", "incoming/", "incoming/.",
    "incoming/press/..", "incoming//a.md", "../spool/incoming/press/a.md", "incoming-2/a.md",
  };

  spool_make_folder(spool, "spool/incoming/a/b/c");
  for (guint i = 0; i < G_N_ELEMENTS(no_drops); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(Report) report = report_new();
    g_autofree char *path = g_strconcat(spool->root, "/spool/", no_drops[i], NULL);
    g_assert_null(claim_take(spool->config, path, "press", report, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
  }
  assert_not_claimed(spool, "incoming/missing.md", G_FILE_ERROR_NOENT);
  assert_not_claimed(spool, "incoming/missing/a.md", G_FILE_ERROR_NOENT);
}

/* Also when the channel has left the configuration: here one that never was in it. */
static void test_channel_folder(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(spool, "spool/incoming/old");
  spool_write(spool, "spool/incoming/old/.channel", "");
  g_assert_true(spool_prepare(spool->config, NULL));
  g_assert_cmpuint(warnings, ==, 1);
  assert_not_claimed(spool, "incoming/press", G_FILE_ERROR_ISDIR);
  assert_not_claimed(spool, "incoming/old", G_FILE_ERROR_ISDIR);
  /* In a channel's folder the name means nothing. */
  spool_make_folder(spool, "spool/incoming/press/berlin");
  claim_free(take_good(spool, "press/berlin"));
}

/* Who may write into incoming/ can put a link in a channel folder's place. */
static void test_linked_channel(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *press = spool_file(spool, "spool/incoming/press");

  spool_make_folder(spool, "secret");
  spool_write(spool, "secret/a.md", "secret");
  spool_rename(spool, "spool/incoming/press", "elsewhere");
  g_assert_cmpint(symlink("../../secret", press), ==, 0);
  assert_not_claimed(spool, "incoming/press/a.md", G_FILE_ERROR_NOTDIR);
  g_assert_true(spool_has(spool, "secret/a.md"));
}

/* Moving a folder to another one changes its "..", so it must be writable itself. */
static void test_not_movable(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();
  g_autofree char *path = spool_file(spool, "spool/incoming/folder");

  spool_make_folder(spool, "spool/incoming/folder");
  g_assert_cmpint(chmod(path, 0555), ==, 0);
  if (access(path, W_OK) == 0) {
    g_test_skip("permissions do not bind this user");
    return;
  }
  g_assert_null(claim_take(spool->config, path, "press", report, &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ACCES);
  g_assert_nonnull(strstr(error->message, "chmod g+w"));
  assert_list(spool, "spool/queue", "");
  g_assert_cmpint(chmod(path, 0755), ==, 0);
}

/* Trouble of ours, here a limit on the size of files: the drop goes back, to be claimed
 * when it is over. */
static void test_put_back(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();
  g_autofree char *path = spool_file(spool, "spool/incoming/big.md");
  struct rlimit before, small;

  write_sparse(spool, "spool/incoming/big.md", 500000);
  g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
  small = (struct rlimit){.rlim_cur = 100000, .rlim_max = before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
  g_autoptr(Claim) none = claim_take(spool->config, path, "press", report, &error);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);

  g_assert_null(none);
  g_assert_nonnull(error);
  g_assert_false(report_failed(report));
  assert_list(spool, "spool/queue", "");
  claim_free(take_good(spool, "big.md"));
}

/* --- What is refused --- */

static void test_special_files(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *link = spool_file(spool, "spool/incoming/link.md");
  g_autofree char *pipe_path = spool_file(spool, "spool/incoming/pipe.md");
  g_autofree char *device = spool_file(spool, "spool/incoming/device.md");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
  assert_refused(spool, "link.md", "link.md", "symbolic link");
  /* Nobody writes to it: opening it would wait for ever. */
  g_assert_cmpint(mkfifo(pipe_path, 0666), ==, 0);
  assert_refused(spool, "pipe.md", "pipe.md", "a pipe");
  g_snprintf(address.sun_path, sizeof address.sun_path, "%s/spool/incoming/s.md", spool->root);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  assert_refused(spool, "s.md", "s.md", "a socket");
  close(fd);
  if (mknod(device, S_IFCHR | 0666, 0x0105 /* /dev/zero */) == 0) {
    assert_refused(spool, "device.md", "device.md", "a device");
  }
}

static void test_links_in_folder(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *file = spool_file(spool, "spool/incoming/a/inner/passwd.txt");
  g_autofree char *folder = spool_file(spool, "spool/incoming/b/attachments");

  spool_make_folder(spool, "spool/incoming/a/inner");
  g_assert_cmpint(symlink("/etc/passwd", file), ==, 0);
  assert_refused(spool, "a", "inner/passwd.txt", "symbolic link");
  spool_make_folder(spool, "spool/incoming/b");
  g_assert_cmpint(symlink("/etc", folder), ==, 0);
  assert_refused(spool, "b", "attachments", "symbolic link");
}

static void test_hard_link(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *secret = spool_file(spool, "secret");
  g_autofree char *drop = spool_file(spool, "spool/incoming/a.md");
  g_autofree char *inner = spool_file(spool, "spool/incoming/b/c.txt");

  spool_write(spool, "secret", "secret");
  g_assert_cmpint(link(secret, drop), ==, 0);
  assert_refused(spool, "a.md", "a.md", "hard link");
  spool_make_folder(spool, "spool/incoming/b");
  g_assert_cmpint(link(secret, inner), ==, 0);
  assert_refused(spool, "b", "c.txt", "hard link");
}

static void test_unreadable(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *file = spool_file(spool, "spool/incoming/a/photo.jpg");
  g_autofree char *folder = spool_file(spool, "spool/incoming/b/attachments");

  spool_make_folder(spool, "spool/incoming/a");
  spool_write(spool, "spool/incoming/a/photo.jpg", "photo");
  g_assert_cmpint(chmod(file, 0), ==, 0);
  if (access(file, R_OK) == 0) {
    g_test_skip("permissions do not bind this user");
    return;
  }
  assert_refused(spool, "a", "photo.jpg", "chmod -R a+rX");
  spool_make_folder(spool, "spool/incoming/b/attachments");
  int fd = open(folder, O_RDONLY | O_DIRECTORY);
  g_assert_cmpint(fchmod(fd, 0), ==, 0);
  assert_refused(spool, "b", "attachments", "chmod -R a+rX");
  g_assert_cmpint(fchmod(fd, 0700), ==, 0); /* for tear_down() */
  close(fd);
}

static void test_unfinished(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(spool, "spool/incoming/a/attachments");
  spool_write(spool, "spool/incoming/a/attachments/report.pdf.part", "half");
  assert_refused(spool, "a", "attachments/report.pdf.part", "unfinished transfer");
}

static void test_sizes(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(spool, "spool/incoming/most");
  write_sparse(spool, "spool/incoming/most/a", BUNDLE_SIZE / 2);
  write_sparse(spool, "spool/incoming/most/b", BUNDLE_SIZE / 2);
  claim_free(take_good(spool, "most"));

  spool_make_folder(spool, "spool/incoming/more");
  write_sparse(spool, "spool/incoming/more/a", BUNDLE_SIZE / 2);
  write_sparse(spool, "spool/incoming/more/b", BUNDLE_SIZE / 2 + 1);
  assert_refused(spool, "more", "more", "max_bundle_size");

  /* A tebibyte would take for ever, and fill every disk, were it read. */
  write_sparse(spool, "spool/incoming/huge.md", (goffset)1 << 40);
  assert_refused(spool, "huge.md", "huge.md", "TiB");
}

static void write_files(const Spool *spool, const char *folder, const char *prefix, guint count)
{
  spool_make_folder(spool, folder);
  for (guint i = 0; i < count; i++) {
    g_autofree char *path = g_strdup_printf("%s/%s%u", folder, prefix, i);
    spool_write(spool, path, "");
  }
}

static void test_counts(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  write_files(spool, "spool/incoming/most", "file", LIMIT_BUNDLE_FILES);
  claim_free(take_good(spool, "most"));
  write_files(spool, "spool/incoming/more", "file", LIMIT_BUNDLE_FILES + 1);
  assert_refused(spool, "more", "more", "too many files");
  write_files(spool, "spool/incoming/hidden", ".", 5 * LIMIT_BUNDLE_FILES);
  assert_refused(spool, "hidden", "hidden", "too many files");
}

static void test_depth(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_assert_cmpint(LIMIT_BUNDLE_DEPTH, ==, 4);
  spool_make_folder(spool, "spool/incoming/most/1/2/3/4");
  spool_write(spool, "spool/incoming/most/1/2/3/4/a.txt", "");
  claim_free(take_good(spool, "most"));
  spool_make_folder(spool, "spool/incoming/more/1/2/3/4/5/6/7/8");
  assert_refused(spool, "more", "1/2/3/4/5", "too deep");
}

static void test_names(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autofree char *longest = g_strnfill(LIMIT_NAME + 1, 'x');
  g_autofree char *path = g_build_filename("spool/incoming", longest, NULL);

  spool_write(spool, "spool/incoming/a\r\nBcc: x@example.org.md", "text");
  assert_refused(spool, "a\r\nBcc: x@example.org.md", "a\\r\\nBcc: x@example.org.md", "control");
  spool_write(spool, "spool/incoming/b\xff.md", "text");
  assert_refused(spool, "b\xff.md", "b\\xff.md", "UTF-8");
  spool_write(spool, path, "text");
  assert_refused(spool, longest, longest, "200 bytes");
  spool_make_folder(spool, "spool/incoming/c");
  spool_write(spool, "spool/incoming/c/\x1b[2J.txt", "text");
  assert_refused(spool, "c", "\\x1b[2J.txt", "control");
}

/* All that is wrong is told at once. */
static void test_all_findings(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(Report) report = report_new();
  g_autofree char *link = spool_file(spool, "spool/incoming/a/link");
  g_autofree char *fifo = spool_file(spool, "spool/incoming/a/pipe");

  spool_make_folder(spool, "spool/incoming/a");
  g_assert_cmpint(symlink("release.md", link), ==, 0);
  g_assert_cmpint(mkfifo(fifo, 0666), ==, 0);
  write_sparse(spool, "spool/incoming/a/big", 2 * BUNDLE_SIZE);
  claim_free(take(spool, "a", report));
  g_assert_cmpuint(report_count(report, FINDING_ERROR), ==, 3);
}

/* --- Races --- */

typedef struct {
  char *path, *other, *target;
  int fd;
  gint stop;
} Race;

static gpointer exchange_with_link(gpointer data)
{
  Race *race = data;

  while (!g_atomic_int_get(&race->stop)) {
    unlink(race->other);
    if (symlink(race->target, race->other) == 0) {
      renameat2(AT_FDCWD, race->other, AT_FDCWD, race->path, RENAME_EXCHANGE);
    }
    renameat2(AT_FDCWD, race->other, AT_FDCWD, race->path, RENAME_EXCHANGE);
  }
  return NULL;
}

/* Somebody who keeps exchanging a file in a folder for a link, also after the claim. */
static void test_exchanged(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  Race race = {.target = spool_file(spool, "secret")};

  spool_write(spool, "secret", "secret");
  for (guint i = 0; i < RACES; i++) {
    g_autoptr(Report) report = report_new();
    g_autofree char *text = NULL;
    spool_make_folder(spool, "spool/incoming/a");
    spool_write(spool, "spool/incoming/a/a.txt", "harmless");
    g_autoptr(Claim) claim = take(spool, "a", report);
    g_free(race.path);
    g_free(race.other);
    race.path = g_build_filename(claim->directory, "drop/a/a.txt", NULL);
    race.other = g_build_filename(claim->directory, "drop/a/.other", NULL);
    g_atomic_int_set(&race.stop, 0);
    GThread *thread = g_thread_new("exchange", exchange_with_link, &race);
    g_autoptr(GPtrArray) reports = NULL;
    g_autoptr(GPtrArray) claims = claim_recover(spool->config, on_stays, NULL, &reports, NULL);
    g_atomic_int_set(&race.stop, 1);
    g_thread_join(thread);
    const Claim *again = g_ptr_array_index(claims, claims->len - 1);
    g_autofree char *copy = g_build_filename(again->source, "a.txt", NULL);
    if (g_file_get_contents(copy, &text, NULL, NULL)) {
      g_assert_cmpstr(text, ==, "harmless");
    } else {
      g_assert_true(report_failed(g_ptr_array_index(reports, claims->len - 1)));
    }
    g_autoptr(GError) error = NULL;
    g_assert_true(claim_reject(spool->config, claim, report, &error));
    g_assert_no_error(error);
  }
  g_free(race.path);
  g_free(race.other);
  g_free(race.target);
}

static gpointer append_bytes(gpointer data)
{
  Race *race = data;

  while (!g_atomic_int_get(&race->stop)) {
    g_assert_cmpint(write(race->fd, "x", 1), ==, 1);
  }
  return NULL;
}

/* Whoever still has the file open cannot have half of what they write sent: the copy is
 * of one moment, or it is refused. */
static void test_still_written(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  gboolean refused = FALSE;

  for (guint i = 0; i < RACES && !refused; i++) {
    g_autoptr(Report) report = report_new();
    write_sparse(spool, "spool/incoming/a.md", BUNDLE_SIZE / 2);
    g_autofree char *path = spool_file(spool, "spool/incoming/a.md");
    Race race = {.fd = open(path, O_WRONLY | O_APPEND)};
    GThread *thread = g_thread_new("append", append_bytes, &race);
    claim_free(take(spool, "a.md", report));
    g_atomic_int_set(&race.stop, 1);
    g_thread_join(thread);
    close(race.fd);
    refused = report_failed(report);
  }
  g_assert_true(refused);
}

/* --- Acceptance, archive, refusal --- */

static void test_accept(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GError) error = NULL;
  spool_write(spool, "spool/incoming/a.md", "text");
  g_autoptr(Claim) claim = take_good(spool, "a.md");
  gboolean accepted = claim_accept(spool->config, claim, &error);
  g_autofree char *folder = g_strconcat("spool/queue/", claim->id, NULL);
  g_autofree char *expected = spool_file(spool, folder);

  g_assert_no_error(error);
  g_assert_true(accepted);
  g_assert_cmpstr(claim->directory, ==, expected);
  assert_list(spool, folder, "claim drop source");
  claim_tidy(claim);
  assert_list(spool, folder, "source");
  assert_text(claim->source, "text");

  g_assert_true(spool_archive(spool->config, claim->id, &error));
  assert_list(spool, "spool/done", claim->id);
  assert_list(spool, "spool/queue", "");
  g_assert_false(spool_archive(spool->config, claim->id, &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_clear_error(&error);
  g_assert_false(spool_archive(spool->config, "../../etc", &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
}

static char *reject(const Spool *spool, Claim *claim, const Report *report, const char *reason)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename("spool/rejected", claim->id, reason, NULL);

  claim_reject(spool->config, claim, report, &error);
  g_assert_no_error(error);
  assert_list(spool, "spool/queue", "");
  return spool_read(spool, path);
}

static void test_reject(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(Report) report = report_new();
  spool_write(spool, "spool/incoming/jakarta.md", "text");
  g_autoptr(Claim) claim = take_good(spool, "jakarta.md");
  report_error(report, "jakarta.md", 4, 1, "unknown key \"embrago\"");
  g_autofree char *text = reject(spool, claim, report, "REASON.txt");
  g_autofree char *begin = g_strdup_printf(
      "jakarta.md was not sent.\n\n"
      "jakarta.md:4:1: error: unknown key \"embrago\"\n\n"
      "Mend the file and drop it again. Nobody has received anything of it.\n"
      "What you dropped is beside this note, as it was.\n\n"
      "Number %s, channel press, refused at ", claim->id);
  g_autofree char *folder = g_build_filename("spool/rejected", claim->id, NULL);
  g_autofree char *kept = g_build_filename(folder, "jakarta.md", NULL);
  g_autofree char *dropped = spool_read(spool, kept);

  g_assert_true(g_str_has_prefix(text, begin));
  assert_list(spool, folder, "REASON.txt jakarta.md");
  g_assert_cmpstr(dropped, ==, "text");
}

static void test_reject_folder(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(Report) report = report_new();
  g_autofree char *link = spool_file(spool, "spool/incoming/REASON.txt/link");

  spool_make_folder(spool, "spool/incoming/REASON.txt");
  spool_write(spool, "spool/incoming/REASON.txt/.DS_Store", "hidden");
  g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
  g_autoptr(Claim) claim = take(spool, "REASON.txt", report);
  g_autofree char *text = reject(spool, claim, report, "REASON-2.txt");
  g_autofree char *folder = g_build_filename("spool/rejected", claim->id, NULL);
  g_autofree char *inner = g_build_filename(folder, "REASON.txt", NULL);

  g_assert_nonnull(strstr(text, "link: error: is a symbolic link"));
  g_assert_nonnull(strstr(text, "drop the folder again"));
  assert_list(spool, folder, "REASON-2.txt REASON.txt");
  assert_list(spool, inner, ".DS_Store link");
}

/* A name cannot write lines of its own into the reason. */
static void test_reject_hostile_name(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(Report) report = report_new();

  spool_write(spool, "spool/incoming/a\nAll is well.md", "text");
  g_autoptr(Claim) claim = take(spool, "a\nAll is well.md", report);
  g_autofree char *text = reject(spool, claim, report, "REASON.txt");
  g_assert_true(g_str_has_prefix(text, "a\\nAll is well.md was not sent.\n"));
  g_assert_null(strstr(text, "\nAll"));
}

/* --- Recovery --- */

#define ID "20261122-101500-a"
#define FOLDER "spool/queue/" ID ".new"
#define TICKET "name=a.md\nchannel=berlin\nclaimed=2026-11-22T10:15:00.123Z\n"

static GPtrArray *recover(const Spool *spool, GPtrArray **reports)
{
  g_autoptr(GError) error = NULL;
  GPtrArray *claims = claim_recover(spool->config, on_stays, NULL, reports, &error);

  g_assert_no_error(error);
  g_assert_nonnull(claims);
  g_assert_cmpuint((*reports)->len, ==, claims->len);
  return claims;
}

static void assert_nothing_recovered(const Spool *spool)
{
  g_autoptr(GPtrArray) reports = NULL;
  g_autoptr(GPtrArray) claims = recover(spool, &reports);

  g_assert_cmpuint(claims->len, ==, 0);
}

/* As far as claim_take() came, or claim_reject() after it. */
static void test_recover_nothing(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const made[][3] = {
    {NULL}, {"claim", NULL}, {"claim", "drop/", NULL}, {"claim", "source/", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS(made); i++) {
    spool_make_folder(spool, FOLDER);
    for (guint j = 0; made[i][j] != NULL; j++) {
      g_autofree char *path = g_build_filename(FOLDER, made[i][j], NULL);
      if (g_str_has_suffix(path, "/")) {
        spool_make_folder(spool, path);
      } else {
        spool_write(spool, path, TICKET);
      }
    }
    assert_nothing_recovered(spool);
    assert_list(spool, "spool/queue", "");
    assert_list(spool, "spool/rejected", "");
  }
}

/* Moved but not copied; half copied; looked at; its refusal begun. */
static void test_recover_claim(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const partial[] = {NULL, "source/a.md", "source/b.md", "roster.db",
                                        "journal", "drop/REASON.txt", "drop/.REASON.txt.0a1b"};

  spool_make_folder(spool, FOLDER "/drop");
  spool_write(spool, FOLDER "/claim", TICKET);
  spool_write(spool, FOLDER "/drop/a.md", "text");
  for (guint i = 0; i < G_N_ELEMENTS(partial); i++) {
    g_autoptr(GPtrArray) reports = NULL;
    if (partial[i] != NULL) {
      g_autofree char *path = g_build_filename(FOLDER, partial[i], NULL);
      spool_write(spool, path, "partial");
    }
    g_autoptr(GPtrArray) claims = recover(spool, &reports);
    g_assert_cmpuint(claims->len, ==, 1);
    const Claim *claim = g_ptr_array_index(claims, 0);
    g_assert_cmpstr(claim->id, ==, ID);
    g_assert_cmpstr(claim->name, ==, "a.md");
    g_assert_cmpstr(claim->channel, ==, "berlin");
    g_assert_cmpuint(claim->owner, ==, geteuid());
    g_assert_cmpint(claim->claimed_ms, ==, G_GINT64_CONSTANT(1795342500123));
    g_assert_false(report_failed(g_ptr_array_index(reports, 0)));
    assert_text(claim->source, "text");
    assert_list(spool, FOLDER, "claim drop source");
    assert_list(spool, FOLDER "/source", "a.md");
    assert_list(spool, FOLDER "/drop", "a.md");
  }
}

static void test_recover_same(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const names[] = {"a.md", "b\n\"\\\xff=.md", "REASON.txt", "Übung.md",
                                      "claim"};
  g_autoptr(GPtrArray) taken = g_ptr_array_new_with_free_func((GDestroyNotify)claim_free);

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(Report) report = report_new();
    g_autofree char *path = g_build_filename("spool/incoming", names[i], NULL);
    spool_write(spool, path, "text");
    g_ptr_array_add(taken, take(spool, names[i], report));
  }
  g_autoptr(GPtrArray) reports = NULL;
  g_autoptr(GPtrArray) claims = recover(spool, &reports);
  g_assert_cmpuint(claims->len, ==, taken->len);
  for (guint i = 0; i < taken->len; i++) {
    const Claim *before = g_ptr_array_index(taken, i);
    const Claim *after = NULL;
    for (guint j = 0; j < claims->len; j++) {
      const Claim *claim = g_ptr_array_index(claims, j);
      after = g_str_equal(claim->id, before->id) ? claim : after;
      g_assert_cmpint(report_failed(g_ptr_array_index(reports, j)), ==,
                      !name_is_safe(claim->name, NULL));
    }
    g_assert_nonnull(after);
    g_assert_cmpstr(after->name, ==, before->name);
    g_assert_cmpstr(after->channel, ==, before->channel);
    g_assert_cmpstr(after->directory, ==, before->directory);
    g_assert_cmpstr(after->source, ==, before->source);
    g_assert_cmpuint(after->owner, ==, before->owner);
    g_assert_cmpint(after->claimed_ms, ==, before->claimed_ms);
  }
}

static void test_recover_order(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const ids[] = {"20261122-101500-z", "20261122-101500-z-2",
                                    "20251231-000000-b", "20261122-101500-a"};
  static const char *const claimed[] = {"2026-11-22T10:15:00.001Z", "2026-11-22T10:15:00.002Z",
                                        "2025-12-31T00:00:00.000Z", "2026-11-22T10:15:00.900Z"};
  static const char *const order[] = {"20251231-000000-b", "20261122-101500-z",
                                      "20261122-101500-z-2", "20261122-101500-a"};

  for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
    g_autofree char *drop = g_strdup_printf("spool/queue/%s.new/drop", ids[i]);
    g_autofree char *file = g_build_filename(drop, "a.md", NULL);
    g_autofree char *ticket = g_strdup_printf("spool/queue/%s.new/claim", ids[i]);
    g_autofree char *text = g_strdup_printf("name=a.md\nchannel=press\nclaimed=%s\n", claimed[i]);
    spool_make_folder(spool, drop);
    spool_write(spool, file, "text");
    spool_write(spool, ticket, text);
  }
  g_autoptr(GPtrArray) reports = NULL;
  g_autoptr(GPtrArray) claims = recover(spool, &reports);
  g_assert_cmpuint(claims->len, ==, G_N_ELEMENTS(order));
  for (guint i = 0; i < claims->len; i++) {
    g_assert_cmpstr(((const Claim *)g_ptr_array_index(claims, i))->id, ==, order[i]);
  }
}

/* Without a good ticket nobody knows for whom it was: it is refused, not lost. */
static void test_recover_damaged(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  static const char *const tickets[] = {
    "", "name=a.md\n", "name=a.md\nchannel=berlin\nclaimed=2026-11-22T10:15:00.123Z",
    TICKET "name=a.md\n", "name=a.md\nname=a.md\nclaimed=2026-11-22T10:15:00.123Z\n",
    "name=b.md\nchannel=berlin\nclaimed=2026-11-22T10:15:00.123Z\n",
    "name=../drop/a.md\nchannel=berlin\nclaimed=2026-11-22T10:15:00.123Z\n",
    "name=a.md\nchannel=../x\nclaimed=2026-11-22T10:15:00.123Z\n",
    "name=a.md\nchannel=berlin\nclaimed=yesterday\n", NULL,
  };

  for (guint i = 0; i < G_N_ELEMENTS(tickets); i++) {
    g_autofree char *target = g_strdup_printf("spool/kept-%u", i);
    g_autofree char *reason_path = g_build_filename(target, "REASON.txt", NULL);
    g_autofree char *drop_path = g_build_filename(target, "a.md", NULL);
    spool_make_folder(spool, FOLDER "/drop");
    spool_make_folder(spool, FOLDER "/source");
    spool_write(spool, FOLDER "/drop/a.md", "text");
    if (tickets[i] != NULL) {
      spool_write(spool, FOLDER "/claim", tickets[i]);
    }
    assert_nothing_recovered(spool);
    assert_list(spool, "spool/queue", "");
    spool_rename(spool, "spool/rejected/" ID, target);
    g_autofree char *reason = spool_read(spool, reason_path);
    g_autofree char *dropped = spool_read(spool, drop_path);
    g_assert_true(g_str_has_prefix(reason, ID " was not sent.\n"));
    g_assert_cmpstr(dropped, ==, "text");
  }
}

/* The machine's trouble, not the drop's. */
static void test_recover_unreadable(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(spool, FOLDER "/drop");
  spool_write(spool, FOLDER "/drop/a.md", "text");
  spool_make_folder(spool, FOLDER "/claim");     /* which read(2) refuses */
  assert_nothing_recovered(spool);
  g_assert_cmpuint(staying, ==, 1);
  assert_list(spool, "spool/rejected", "");
  spool_rename(spool, FOLDER "/claim", "spool/aside");
  spool_write(spool, FOLDER "/claim", TICKET);
  g_autoptr(GPtrArray) reports = NULL;
  g_autoptr(GPtrArray) claims = recover(spool, &reports);
  g_assert_cmpuint(claims->len, ==, 1);
}

/* Accepted, but claim_accept() did not come to its end. */
static void test_recover_accepted(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  spool_make_folder(spool, "spool/queue/" ID "/drop");
  spool_make_folder(spool, "spool/queue/" ID "/source");
  spool_write(spool, "spool/queue/" ID "/claim", TICKET);
  spool_write(spool, "spool/queue/" ID "/drop/a.md", "text");
  spool_write(spool, "spool/queue/" ID "/journal", "journal");
  spool_write(spool, "spool/queue/notes", "not ours");
  spool_make_folder(spool, "spool/queue/notes.new/drop");
  assert_nothing_recovered(spool);
  assert_list(spool, "spool/queue", ID " notes notes.new");
  assert_list(spool, "spool/queue/" ID, "journal source");
  assert_list(spool, "spool/queue/notes.new", "drop");
}

static void test_recover_refused(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GPtrArray) reports = NULL;
  g_autofree char *link = spool_file(spool, FOLDER "/drop/a.md");

  spool_make_folder(spool, FOLDER "/drop");
  spool_write(spool, FOLDER "/claim", TICKET);
  g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
  g_autoptr(GPtrArray) claims = recover(spool, &reports);
  g_assert_cmpuint(claims->len, ==, 1);
  assert_finding(g_ptr_array_index(reports, 0), "a.md", "symbolic link");
}

/* One that cannot be recovered does not stand in the way of the others. */
static void test_recover_trouble(Spool *spool, gconstpointer data G_GNUC_UNUSED)
{
  g_autoptr(GPtrArray) reports = NULL;

  spool_make_folder(spool, FOLDER "/drop");
  spool_write(spool, FOLDER "/claim", "damaged");
  spool_write(spool, FOLDER "/drop/a.md", "text");
  spool_make_folder(spool, "spool/rejected/" ID);
  spool_make_folder(spool, "spool/queue/" ID "-2.new/drop");
  spool_write(spool, "spool/queue/" ID "-2.new/claim", TICKET);
  spool_write(spool, "spool/queue/" ID "-2.new/drop/a.md", "text");
  g_autoptr(GPtrArray) claims = recover(spool, &reports);
  g_assert_cmpuint(claims->len, ==, 1);
  g_assert_cmpuint(staying, ==, 1);
  g_assert_cmpuint(warnings, ==, 0);
  g_assert_true(spool_has(spool, FOLDER "/drop/a.md"));
}

#define TEST(path, function) \
  g_test_add("/claim/" path, Spool, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_log_set_writer_func(count_warning, NULL, NULL);
  TEST("prepare", test_prepare);
  TEST("prepare-refuses", test_prepare_refuses);
  TEST("linked-spool", test_linked_spool);
  TEST("file", test_file);
  TEST("ticket", test_ticket);
  TEST("owner", test_owner);
  TEST("folder", test_folder);
  TEST("ids", test_ids);
  TEST("no-drop", test_no_drop);
  TEST("channel-folder", test_channel_folder);
  TEST("linked-channel", test_linked_channel);
  TEST("not-movable", test_not_movable);
  TEST("put-back", test_put_back);
  TEST("special-files", test_special_files);
  TEST("links-in-folder", test_links_in_folder);
  TEST("hard-link", test_hard_link);
  TEST("unreadable", test_unreadable);
  TEST("unfinished", test_unfinished);
  TEST("sizes", test_sizes);
  TEST("counts", test_counts);
  TEST("depth", test_depth);
  TEST("names", test_names);
  TEST("all-findings", test_all_findings);
  TEST("exchanged", test_exchanged);
  TEST("still-written", test_still_written);
  TEST("accept", test_accept);
  TEST("reject", test_reject);
  TEST("reject-folder", test_reject_folder);
  TEST("reject-hostile-name", test_reject_hostile_name);
  TEST("recover-nothing", test_recover_nothing);
  TEST("recover-claim", test_recover_claim);
  TEST("recover-same", test_recover_same);
  TEST("recover-order", test_recover_order);
  TEST("recover-damaged", test_recover_damaged);
  TEST("recover-unreadable", test_recover_unreadable);
  TEST("recover-accepted", test_recover_accepted);
  TEST("recover-refused", test_recover_refused);
  TEST("recover-trouble", test_recover_trouble);
  return g_test_run();
}
