/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"

typedef struct {
  char *root;
} Fixture;

static void set_up(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->root = g_dir_make_tmp("test-durable-XXXXXX", NULL);
  g_assert_nonnull(fixture->root);
}

static void tear_down(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  g_assert_true(durable_remove_tree(fixture->root, &error));
  g_assert_no_error(error);
  g_assert_false(g_file_test(fixture->root, G_FILE_TEST_EXISTS));
  g_free(fixture->root);
}

static char *path_in(const Fixture *fixture, const char *name)
{
  return g_build_filename(fixture->root, name, NULL);
}

static void assert_content(const char *path, const char *expected)
{
  g_autofree char *content = NULL;

  g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
  g_assert_cmpstr(content, ==, expected);
}

static guint count_entries(const char *path)
{
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  guint count = 0;

  while (g_dir_read_name(folder) != NULL) {
    count++;
  }
  return count;
}

static void assert_failed(gboolean done, GError **error, GFileError code, const char *says)
{
  g_assert_false(done);
  g_assert_error(*error, G_FILE_ERROR, (int)code);
  g_assert_nonnull(strstr((*error)->message, says));
}

static void test_writes_file(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = path_in(fixture, "a");
  g_autoptr(GError) error = NULL;
  struct stat status;

  g_assert_true(durable_write_file(path, "one", 3, &error));
  assert_content(path, "one");
  g_assert_true(durable_write_file(path, "two\n", 4, &error));
  assert_content(path, "two\n");
  g_assert_true(durable_write_file(path, NULL, 0, &error));
  assert_content(path, "");
  g_assert_no_error(error);
  g_assert_cmpuint(count_entries(fixture->root), ==, 1);
  g_assert_cmpint(g_stat(path, &status), ==, 0);
  g_assert_cmphex(status.st_mode & 0777, ==, 0640);
}

static void test_write_file_fails(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *orphan = path_in(fixture, "no/where");
  g_autofree char *folder = path_in(fixture, "folder");
  g_autoptr(GError) no_folder = NULL, is_folder = NULL;

  assert_failed(durable_write_file(orphan, "x", 1, &no_folder), &no_folder, G_FILE_ERROR_NOENT,
                orphan);
  g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
  assert_failed(durable_write_file(folder, "x", 1, &is_folder), &is_folder, G_FILE_ERROR_ISDIR,
                folder);
  g_assert_cmpuint(count_entries(fixture->root), ==, 1); /* no temporary file stays */
}

/* A full disk, as the limit on a file's size imitates it: the old content stays. */
static void test_write_file_is_atomic(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = path_in(fixture, "a");
  g_autofree char *big = g_strnfill(4096, 'x');
  g_autoptr(GError) error = NULL;
  struct rlimit before, small;

  g_assert_true(durable_write_file(path, "old", 3, &error));
  g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
  small = (struct rlimit){.rlim_cur = 1000, .rlim_max = before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
  gboolean written = durable_write_file(path, big, 4096, &error);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);

  assert_failed(written, &error, G_FILE_ERROR_FAILED, path);
  assert_content(path, "old");
  g_assert_cmpuint(count_entries(fixture->root), ==, 1);
}

static gpointer read_slowly(gpointer data)
{
  int fd = GPOINTER_TO_INT(data);
  GString *all = g_string_new(NULL);
  char buffer[1000];
  gssize length;

  while ((length = read(fd, buffer, sizeof buffer)) > 0) {
    g_string_append_len(all, buffer, length);
  }
  return all;
}

/* A pipe takes less than is offered, so that writes are short or wait. */
static void test_writes_all(G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *big = g_strnfill(300000, 'x');
  g_autoptr(GError) error = NULL;
  int ends[2];

  g_assert_cmpint(pipe(ends), ==, 0);
  GThread *reader = g_thread_new("reader", read_slowly, GINT_TO_POINTER(ends[0]));
  g_assert_true(durable_write_all(ends[1], big, 300000, &error));
  g_assert_no_error(error);
  close(ends[1]);
  GString *all = g_thread_join(reader);
  g_assert_cmpuint(all->len, ==, 300000);
  g_string_free(all, TRUE);
  close(ends[0]);
}

static void test_write_all_fails(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = path_in(fixture, "read-only");
  g_autoptr(GError) error = NULL;
  int fd = open(path, O_RDONLY | O_CREAT, 0600);

  assert_failed(durable_write_all(fd, "x", 1, &error), &error, G_FILE_ERROR_BADF, path);
  close(fd);
}

static void test_makes_directory(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = path_in(fixture, "a");
  g_autofree char *deep = path_in(fixture, "b/c");
  g_autofree char *file = path_in(fixture, "file");
  g_autoptr(GError) error = NULL, no_parent = NULL, no_folder = NULL;
  struct stat status;

  g_assert_true(durable_make_directory(path, &error));
  g_assert_true(durable_make_directory(path, &error));
  g_assert_no_error(error);
  g_assert_cmpint(g_stat(path, &status), ==, 0);
  g_assert_cmphex(status.st_mode & 0777, ==, 0750);
  assert_failed(durable_make_directory(deep, &no_parent), &no_parent, G_FILE_ERROR_NOENT, deep);
  g_assert_true(g_file_set_contents(file, "", 0, NULL));
  assert_failed(durable_make_directory(file, &no_folder), &no_folder, G_FILE_ERROR_NOTDIR, file);
}

static void test_renames(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *from = path_in(fixture, "from");
  g_autofree char *to = path_in(fixture, "folder/to");
  g_autofree char *folder = path_in(fixture, "folder");
  g_autoptr(GError) error = NULL, exists = NULL, gone = NULL;

  g_assert_true(durable_make_directory(folder, &error));
  g_assert_true(durable_write_file(from, "1", 1, &error));
  g_assert_true(durable_rename(from, to, &error));
  g_assert_no_error(error);
  assert_content(to, "1");
  g_assert_true(durable_write_file(from, "2", 1, &error));
  assert_failed(durable_rename(from, to, &exists), &exists, G_FILE_ERROR_EXIST, to);
  assert_content(to, "1");
  assert_content(from, "2");
  g_unlink(from);
  assert_failed(durable_rename(from, to, &gone), &gone, G_FILE_ERROR_NOENT, from);
}

static void test_removes_tree(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *tree = path_in(fixture, "tree");
  g_autofree char *deep = path_in(fixture, "tree/a/b");
  g_autofree char *file = path_in(fixture, "tree/a/file");
  g_autofree char *link = path_in(fixture, "tree/link");
  g_autofree char *outside = path_in(fixture, "outside");
  g_autofree char *kept = path_in(fixture, "outside/kept");
  g_autoptr(GError) error = NULL;

  g_assert_cmpint(g_mkdir_with_parents(deep, 0700), ==, 0);
  g_assert_cmpint(g_mkdir(outside, 0700), ==, 0);
  g_assert_true(g_file_set_contents(kept, "kept", 4, NULL));
  g_assert_true(g_file_set_contents(file, "x", 1, NULL));
  g_assert_cmpint(symlink(outside, link), ==, 0);
  g_assert_cmpint(g_chmod(deep, 0500), ==, 0);
  g_assert_cmpint(g_chmod(tree, 0500), ==, 0);

  g_assert_true(durable_remove_tree(tree, &error));
  g_assert_false(g_file_test(tree, G_FILE_TEST_EXISTS));
  assert_content(kept, "kept");
  g_assert_true(durable_remove_tree(tree, &error)); /* gone already */
  g_assert_true(durable_remove_tree(kept, &error)); /* a file */
  g_assert_cmpint(symlink(outside, link), ==, -1);  /* its folder is gone */
  g_assert_cmpint(symlink(outside, kept), ==, 0);
  g_assert_true(durable_remove_tree(kept, &error)); /* the link, not its target */
  g_assert_true(g_file_test(outside, G_FILE_TEST_IS_DIR));
  g_assert_no_error(error);
}

/* Deeper than any bundle may be: an error, neither a crash nor half a promise. */
static void test_tree_too_deep(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  enum { DEEP = 150, BEARABLE = 60 };
  g_autoptr(GString) path = g_string_new(fixture->root);
  g_autoptr(GError) too_deep = NULL, error = NULL;

  for (guint i = 0; i < DEEP; i++) {
    g_string_append(path, "/d");
  }
  g_assert_cmpint(g_mkdir_with_parents(path->str, 0700), ==, 0);
  assert_failed(durable_remove_tree(fixture->root, &too_deep), &too_deep, G_FILE_ERROR_NAMETOOLONG,
                fixture->root);
  g_string_truncate(path, strlen(fixture->root) + 2 * (DEEP - BEARABLE));
  g_assert_true(durable_remove_tree(path->str, &error));
  g_assert_no_error(error);
}

#define ADD(name, function) \
  g_test_add("/durable/" name, Fixture, NULL, set_up, function, tear_down)

static void test_list(void)
{
  g_autofree char *folder = g_dir_make_tmp("dateline-test-XXXXXX", NULL);
  static const char *const names[] = {"b", ".hidden", "a"};
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
  }
  g_autoptr(GPtrArray) found = durable_list_directory(folder, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(found->len, ==, 3);
  g_assert_cmpstr(found->pdata[0], ==, ".hidden");
  g_assert_cmpstr(found->pdata[2], ==, "b");
  g_assert_true(durable_remove_tree(folder, NULL));
  g_assert_null(durable_list_directory(folder, &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

int main(int argc, char **argv)
{
  umask(0022);
  g_test_init(&argc, &argv, NULL);
  ADD("writes-file", test_writes_file);
  ADD("write-file-fails", test_write_file_fails);
  ADD("write-file-is-atomic", test_write_file_is_atomic);
  ADD("writes-all", test_writes_all);
  ADD("write-all-fails", test_write_all_fails);
  ADD("makes-directory", test_makes_directory);
  ADD("renames", test_renames);
  ADD("removes-tree", test_removes_tree);
  ADD("tree-too-deep", test_tree_too_deep);
  g_test_add_func("/durable/list", test_list);
  return g_test_run();
}
