/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/limits.h"
#include "base/names.h"

static void test_safe_names(void)
{
  static const char *const safe[] = {"a", "jakarta.md", "Übung 2.md", "...", ".hidden", "a\\b",
                                     "日本語.md", "%s"};

  for (guint i = 0; i < G_N_ELEMENTS(safe); i++) {
    const char *why = NULL;
    g_assert_true(name_is_safe(safe[i], &why));
    g_assert_null(why);
  }
}

static void test_unsafe_names(void)
{
  static const struct {
    const char *name, *why;
  } cases[] = {
    {"", "it is empty"},
    {".", "\".\" and \"..\" are folders of the system"},
    {"..", "\".\" and \"..\" are folders of the system"},
    {"a/b", "it contains \"/\""},
    {"/", "it contains \"/\""},
    {"../etc/passwd", "it contains \"/\""},
    {"a\r\nBcc: b@example.org", "it contains a control character"},
    {"a\tb", "it contains a control character"},
    {"a\x7f", "it contains a control character"},
    {"a\xc2\x85", "it contains a control character"},         /* U+0085 NEXT LINE */
    {"a\xe2\x80\xa8" "b", "it contains a control character"}, /* U+2028 LINE SEPARATOR */
    {"a\xe2\x80\xaegpj.exe", "it contains a control character"}, /* U+202E */
    {"a\xff", "it is not valid UTF-8"},
    {"a\xc3", "it is not valid UTF-8"},
    {"a\xc0\xaf", "it is not valid UTF-8"}, /* an overlong "/" */
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    const char *why = NULL;
    g_assert_false(name_is_safe(cases[i].name, &why));
    g_assert_cmpstr(why, ==, cases[i].why);
    g_assert_false(name_is_safe(cases[i].name, NULL));
  }
}

static void test_longest_name(void)
{
  g_autofree char *name = g_strnfill(LIMIT_NAME + 1, 'a');
  const char *why = NULL;

  g_assert_false(name_is_safe(name, &why));
  g_assert_cmpstr(why, ==, "it is longer than 200 bytes");
  name[LIMIT_NAME] = '\0';
  g_assert_true(name_is_safe(name, &why));
}

static void test_slugs(void)
{
  static const struct {
    const char *name, *slug;
  } cases[] = {
    {"Jakarta: Übung 2.md", "jakarta-uebung-2"},
    {"jakarta", "jakarta"},
    {"release.en.MD", "release-en"},
    {"a.tar.gz", "a-tar-gz"},
    {"--Ça  va?--.txt", "ca-va"},
    {"Straße.eml", "strasse"},
    {"v1.2.html", "v1-2"},
    {".md", "release"},
    {"", "release"},
    {"日本語.md", "release"},
    {"\xff\xfe", "release"},
    {"a\nb", "a-b"},
    {"0123456789012345678901234567890123456789xyz", "0123456789012345678901234567890123456789"},
    {"012345678901234567890123456789012345678 x", "012345678901234567890123456789012345678"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *slug = name_to_slug(cases[i].name);
    g_assert_cmpstr(slug, ==, cases[i].slug);
  }
}

static void test_release_ids(void)
{
  static const char *const valid[] = {"20261122-101500-jakarta", "20261122-101500-jakarta-2",
                                      "20261122-101500-0"};
  static const char *const invalid[] = {
    "", "2", "20261122", "20261122-101500", "20261122-101500-", "20261122-101500-a-",
    "20261122-101500--a", "20261122-101500-A", "20261122x101500-a", "20261122-101500-a/b",
    "20261122-101500-..", "20261122-101500-a\n", "2026112a-101500-a", "../20261122-101500-a"};
  g_autofree char *id = release_id_new(G_GINT64_CONSTANT(1795342500123), "Jakarta.md");

  g_assert_cmpstr(id, ==, "20261122-101500-jakarta");
  for (guint i = 0; i < G_N_ELEMENTS(valid); i++) {
    g_assert_true(release_id_is_valid(valid[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS(invalid); i++) {
    g_assert_false(release_id_is_valid(invalid[i]));
  }
}

static void test_longest_release_id(void)
{
  g_autofree char *name = g_strnfill(LIMIT_NAME, 'a');
  g_autofree char *id = release_id_new(0, name);
  g_autofree char *counted = g_strconcat(id, "-4294967295", NULL);
  g_autofree char *longer = g_strconcat(counted, "0", NULL);

  g_assert_true(release_id_is_valid(id));
  g_assert_true(release_id_is_valid(counted));
  g_assert_false(release_id_is_valid(longer));
}

static void test_nearest_words(void)
{
  static const char *const words[] = {"subject", "from", "reply-to", "embargo", "where", "list",
                                      "to", NULL};
  static const struct {
    const char *word, *nearest;
  } cases[] = {
    {"embrago", "embargo"}, {"Subjekt", "subject"}, {"reply_to", "reply-to"},
    {"form", "from"},       {"lists", "list"},      {"lst", "list"},
    {"EMBARGO", "embargo"}, {"ot", "to"},           {"x", NULL},
    {"", NULL},             {"colour", NULL},       {"xxxxxxx", NULL},
  };
  g_autofree char *huge = g_strnfill(100000, 'a');

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_assert_cmpstr(nearest_word(cases[i].word, words), ==, cases[i].nearest);
  }
  g_assert_null(nearest_word(huge, words));
  g_assert_null(nearest_word("from", (const char *const[]){huge, NULL}));
  g_assert_null(nearest_word("from", (const char *const[]){NULL}));
}

static void test_make_visible(void)
{
  static const struct {
    const char *text, *visible;
  } cases[] = {
    {"", ""},
    {"Übung 日本", "Übung 日本"},
    {"a\r\n\tb", "a\\r\\n\\tb"},
    {"\x1b[2J\x7f", "\\x1b[2J\\x7f"},
    {"\xff\xc3", "\\xff\\xc3"},
    {"\xc2\x9b" "1m", "\\u009b1m"}, /* U+009B, the one-character CSI */
    {"\xe2\x81\xa6", "\\u2066"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *visible = text_make_visible(cases[i].text);
    g_assert_cmpstr(visible, ==, cases[i].visible);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/names/safe", test_safe_names);
  g_test_add_func("/names/unsafe", test_unsafe_names);
  g_test_add_func("/names/longest", test_longest_name);
  g_test_add_func("/names/slugs", test_slugs);
  g_test_add_func("/names/release-ids", test_release_ids);
  g_test_add_func("/names/longest-release-id", test_longest_release_id);
  g_test_add_func("/names/nearest-word", test_nearest_words);
  g_test_add_func("/names/make-visible", test_make_visible);
  return g_test_run();
}
