/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/durable.h"
#include "spool/drop.h"

static const char CONFIGURATION[] =
    "spool = \"%s/spool\";\n"
    "settle = \"%u ms\";\n"
    "rescan = \"%u ms\";\n"
    "max_bundle_size = \"%u KiB\";\n"
    "relays = ( { name = \"main\"; url = \"smtp://127.0.0.1:2525\"; } );\n"
    "lists = { press = { file = \"press.csv\"; }; };\n"
    "channels = { press = { list = \"press\"; }; berlin = { list = \"press\"; }; };\n";

void spool_open(Spool *spool, guint settle_ms, guint rescan_ms)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();

  spool->root = g_dir_make_tmp("test-spool-XXXXXX", &error);
  g_assert_no_error(error);
  spool_write(spool, "press.csv", "email\n");
  g_autofree char *path = spool_file(spool, "dateline.conf");
  g_autofree char *text = g_strdup_printf(CONFIGURATION, spool->root, settle_ms, rescan_ms,
                                          (guint)BUNDLE_SIZE >> 10);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  spool->config = config_load(path, report);
  g_autofree char *findings = report_to_text(report);
  g_assert_cmpstr(findings, ==, "");
  g_assert_nonnull(spool->config);
  spool_prepare(spool->config, &error);
  g_assert_no_error(error);
}

void spool_close(Spool *spool)
{
  g_autoptr(GError) error = NULL;

  config_unref(spool->config);
  durable_remove_tree(spool->root, &error);
  g_assert_no_error(error);
  g_free(spool->root);
}

char *spool_file(const Spool *spool, const char *path)
{
  return g_build_filename(spool->root, path, NULL);
}

void spool_write(const Spool *spool, const char *path, const char *text)
{
  g_autofree char *full = spool_file(spool, path);
  unlink(full); /* it may be read-only */
  FILE *file = fopen(full, "w");

  g_assert_nonnull(file);
  g_assert_cmpint(fputs(text, file), >=, 0);
  g_assert_cmpint(fclose(file), ==, 0);
}

void spool_make_folder(const Spool *spool, const char *path)
{
  g_autofree char *full = spool_file(spool, path);

  g_assert_cmpint(g_mkdir_with_parents(full, 0755), ==, 0);
}

void spool_rename(const Spool *spool, const char *from, const char *to)
{
  g_autofree char *full_from = spool_file(spool, from);
  g_autofree char *full_to = spool_file(spool, to);

  g_assert_cmpint(rename(full_from, full_to), ==, 0);
}

gboolean spool_has(const Spool *spool, const char *path)
{
  g_autofree char *full = spool_file(spool, path);
  struct stat status;
  int got = lstat(full, &status);

  g_assert_true(got == 0 || errno == ENOENT);
  return got == 0;
}

char *spool_read(const Spool *spool, const char *path)
{
  g_autofree char *full = spool_file(spool, path);
  g_autoptr(GError) error = NULL;
  char *text = NULL;

  g_file_get_contents(full, &text, NULL, &error);
  g_assert_no_error(error);
  return text;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *spool_list(const Spool *spool, const char *path)
{
  g_autofree char *full = spool_file(spool, path);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) folder = g_dir_open(full, 0, NULL);
  const char *name;

  g_assert_nonnull(folder);
  while ((name = g_dir_read_name(folder)) != NULL) {
    g_ptr_array_add(names, g_strdup(name));
  }
  g_ptr_array_sort(names, compare_names);
  g_ptr_array_add(names, NULL);
  return g_strjoinv(" ", (char **)names->pdata);
}
