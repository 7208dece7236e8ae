/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notice.h"

#include <string.h>

static GHashTable *seen;   /* the last line's fields */

static GLogWriterOutput keep_line(GLogLevelFlags level G_GNUC_UNUSED, const GLogField *fields,
                                  gsize n_fields, gpointer data G_GNUC_UNUSED)
{
  g_hash_table_remove_all(seen);
  for (gsize i = 0; i < n_fields; i++) {
    g_assert_cmpint(fields[i].length, ==, -1);
    g_hash_table_insert(seen, g_strdup(fields[i].key), g_strdup(fields[i].value));
  }
  return G_LOG_WRITER_HANDLED;
}

static const char *field(const char *key)
{
  return g_hash_table_lookup(seen, key);
}

static void test_fields(void)
{
  notice(NOTICE_HELD, (NoticeFields){ .release = "20261122-101500-jakarta", .state = "held",
                                      .reason = "100% torn" }, "release %s", "jakarta");
  g_assert_cmpstr(field("MESSAGE"), ==, "release jakarta");
  g_assert_cmpstr(field("MESSAGE_ID"), ==, notice_id(NOTICE_HELD));
  g_assert_cmpstr(field("PRIORITY"), ==, "4");
  g_assert_cmpstr(field("GLIB_DOMAIN"), ==, "dateline");
  g_assert_cmpstr(field("DATELINE_RELEASE"), ==, "20261122-101500-jakarta");
  g_assert_cmpstr(field("DATELINE_STATE"), ==, "held");
  g_assert_cmpstr(field("DATELINE_REASON"), ==, "100% torn");
  g_assert_null(field("DATELINE_RELAY"));
}

static void test_without_fields(void)
{
  notice(NOTICE_STOPPED, (NoticeFields){ 0 }, "stopped");
  g_assert_cmpstr(field("PRIORITY"), ==, "5");
  g_assert_cmpuint(g_hash_table_size(seen), ==, 4);
}

/* Each has an entry in the catalog, and the catalog no other. */
static void test_catalog(void)
{
  g_autofree char *catalog = NULL;
  g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
  guint entries = 0;
  g_assert_true(g_file_get_contents(CATALOG, &catalog, NULL, NULL));
  for (guint i = 0; i < NOTICES; i++) {
    g_autofree char *entry = g_strdup_printf("\n-- %s\nSubject: ", notice_id(i));
    g_assert_cmpuint(strspn(notice_id(i), "0123456789abcdef"), ==, 32);
    g_assert_cmpuint(strlen(notice_id(i)), ==, 32);
    g_assert_true(g_hash_table_add(ids, (gpointer)notice_id(i)));
    g_assert_nonnull(strstr(catalog, entry));
  }
  for (const char *at = catalog; (at = strstr(at, "\n-- ")) != NULL; at++)
    entries++;
  g_assert_cmpuint(entries, ==, NOTICES);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_log_set_writer_func(keep_line, NULL, NULL);
  g_test_add_func("/notice/fields", test_fields);
  g_test_add_func("/notice/without-fields", test_without_fields);
  g_test_add_func("/notice/catalog", test_catalog);
  int status = g_test_run();
  g_hash_table_unref(seen);
  return status;
}
