/* SPDX-License-Identifier: Apache-2.0 */

/* The main of a fuzz target without libFuzzer, for any compiler: the program replay-NAME
 * is a unit test with a case for each file of tests/fuzz/corpus/NAME. */

#include <string.h>

#include "fuzz.h"

static void replay(gconstpointer path)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *data = NULL;
  gsize size;

  g_file_get_contents(path, &data, &size, &error);
  g_assert_no_error(error);
  g_autofree guint8 *input = fuzz_copy(data, size);
  g_assert_cmpint(LLVMFuzzerTestOneInput(input, size), ==, 0);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
  return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *list_names(const char *folder)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

  g_assert_no_error(error);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_ptr_array_add(names, g_strdup(name));
  }
  g_ptr_array_sort(names, compare_names);
  return names;
}

int main(int argc, char **argv)
{
  g_autofree char *program = g_path_get_basename(argv[0]);
  const char *target = program + strlen("replay-");
  g_autofree char *folder = g_build_filename(CORPUS, target, NULL);

  g_test_init(&argc, &argv, NULL);
  g_autoptr(GPtrArray) names = list_names(folder);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *test = g_strconcat("/", target, "/", names->pdata[i], NULL);
    g_test_add_data_func_full(test, g_build_filename(folder, names->pdata[i], NULL), replay,
                              g_free);
  }
  return g_test_run();
}
