/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/verp.h"

static const char SECRET[] = "0f3d6f52-9b0c-4c35-a0f4-3a0d7c9e1b22";

static void assert_not_parsed(const char *text)
{
  Verp verp;
  g_assert_false(verp_parse(text, &verp));
}

/* Computed by another program, from the description alone. */
static void test_known_tokens(void)
{
  static const struct {
    guint32 contact;
    const char *token;
  } cases[] = {
    {1, "d154q0dbbv12t56cg4hsw"},
    {4711, "d154q0dbbv4k7g1f1qnph53"},
    {G_MAXUINT32, "d154q0dbbv3zzzzzzfsh7f1e7fc"},
  };
  char token[VERP_TOKEN_SIZE];
  g_autoptr(VerpKey) key = verp_key_new(SECRET);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    verp_write_token(key, cases[i].contact, token);
    g_assert_cmpstr(token, ==, cases[i].token);
  }
}

static guint32 random_contact(void)
{
  guint32 contact = g_test_rand_int_range(0, 2) ? (guint32)g_test_rand_int()
                                                : (guint32)g_test_rand_int_range(1, 100000);
  return contact != 0 ? contact : 1;
}

static char *random_secret(void)
{
  return g_strdup_printf("%08x-%08x-%08x", g_test_rand_int(), g_test_rand_int(),
                         g_test_rand_int());
}

/* A reader gets back what was written, in whatever case and path the token comes. */
static void test_round_trip(void)
{
  static const char *const patterns[] = {
    "{token}@example.org", "bounces+{token}@example.org", "b-{token}-x@example.org",
    "\"a b {token}\"@example.org", "d1+{token}.d1@d1.example",
  };
  g_autoptr(GString) path = g_string_new(NULL);
  for (guint i = 0; i < 2000; i++) {
    g_autofree char *secret = random_secret();
    guint32 contact = random_contact();
    char token[VERP_TOKEN_SIZE];
    g_autoptr(VerpKey) key = verp_key_new(secret);
    Verp verp;
    verp_write_token(key, contact, token);
    g_assert_cmpuint(strlen(token), <=, VERP_TOKEN_LENGTH);
    g_assert_cmpuint(strspn(token, "abcdefghijklmnopqrstuvwxyz0123456789"), ==, strlen(token));
    verp_write_path(path, patterns[i % G_N_ELEMENTS(patterns)], token);
    g_autofree char *shouted = g_ascii_strup(path->str, -1);
    const char *const texts[] = {token, path->str, shouted};
    for (guint j = 0; j < G_N_ELEMENTS(texts); j++) {
      g_assert_true(verp_parse(texts[j], &verp));
      g_assert_cmpuint(verp.contact, ==, contact);
      g_assert_true(verp_is_sealed(&verp, key));
    }
  }
}

static void test_limits(void)
{
  static const guint32 contacts[] = {1, 31, 32, 1023, 1024, G_MAXUINT32 - 1, G_MAXUINT32};
  g_autoptr(VerpKey) key = verp_key_new(SECRET);
  for (guint i = 0; i < G_N_ELEMENTS(contacts); i++) {
    char token[VERP_TOKEN_SIZE];
    Verp verp;
    verp_write_token(key, contacts[i], token);
    g_assert_true(verp_parse(token, &verp));
    g_assert_cmpuint(verp.contact, ==, contacts[i]);
  }
}

/* Each character of a token counts: none can be changed into another token that is good. */
static void test_forgeries(void)
{
  char token[VERP_TOKEN_SIZE];
  g_autoptr(VerpKey) key = verp_key_new(SECRET);
  g_autoptr(VerpKey) other = verp_key_new("0f3d6f52-9b0c-4c35-a0f4-3a0d7c9e1b23");
  Verp verp;
  verp_write_token(key, 4711, token);
  g_assert_true(verp_parse(token, &verp));
  g_assert_false(verp_is_sealed(&verp, other));
  for (gsize i = 0; token[i] != '\0'; i++) {
    for (const char *digit = "0123456789abcdefghijklmnopqrstuvwxyz"; *digit != '\0'; digit++) {
      char forged[VERP_TOKEN_SIZE];
      g_strlcpy(forged, token, sizeof forged);
      forged[i] = *digit;
      g_assert_true(*digit == token[i] || !verp_parse(forged, &verp) ||
                    !verp_is_sealed(&verp, key));
    }
  }
}

/* Contacts and releases have tokens of their own, whatever case is lost on the way. */
static void test_unique(void)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  const char *const secrets[] = {SECRET, "another", ""};
  for (guint i = 0; i < G_N_ELEMENTS(secrets); i++) {
    g_autoptr(VerpKey) key = verp_key_new(secrets[i]);
    for (guint32 contact = 1; contact <= 5000; contact++) {
      char token[VERP_TOKEN_SIZE];
      verp_write_token(key, contact, token);
      g_assert_true(g_hash_table_add(seen, g_ascii_strdown(token, -1)));
    }
  }
}

static void test_not_tokens(void)
{
  g_autofree char *huge = g_strnfill(1 << 20, 'd');
  static const char *const texts[] = {
    "", "@", "d1", "press@example.org", "bounces+@example.org", "+++", "d1+d1@d1",
    "d1rrrrrrrrssssssssss",            /* no contact */
    "d1rrrrrrrr0ssssssssss",           /* its number begins with 0 */
    "d1rrrrrrrrzzzzzzzssssssssss",     /* or is beyond 32 bits */
    "d1rrrrrrrr11111111ssssssssss",    /* too long */
    "d2rrrrrrrr1ssssssssss",           /* not the mark */
    "d1rrrrrrrr1sssssssssi",           /* no digit */
    "xd1rrrrrrrr1ssssssssss",          /* within a word */
    "a@d1rrrrrrrr1ssssssssss",         /* in the domain */
    "d1rrrrrrrr1ssssss\xffssss", "d1rrrrrrrr\n1ssssssssss",
  };
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    assert_not_parsed(texts[i]);
  assert_not_parsed(huge);
}

static void test_paths(void)
{
  g_autoptr(GString) path = g_string_new("left over");
  verp_write_path(path, "bounces@example.org", "d1x");
  g_assert_cmpstr(path->str, ==, "bounces@example.org");
  verp_write_path(path, "", "d1x");
  g_assert_cmpstr(path->str, ==, "");
  verp_write_path(path, "a+{token}-b@example.org", "d1x");
  g_assert_cmpstr(path->str, ==, "a+d1x-b@example.org");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/verp/known-tokens", test_known_tokens);
  g_test_add_func("/verp/round-trip", test_round_trip);
  g_test_add_func("/verp/limits", test_limits);
  g_test_add_func("/verp/forgeries", test_forgeries);
  g_test_add_func("/verp/unique", test_unique);
  g_test_add_func("/verp/not-tokens", test_not_tokens);
  g_test_add_func("/verp/paths", test_paths);
  return g_test_run();
}
