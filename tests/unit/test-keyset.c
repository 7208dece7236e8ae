/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/keyset.h"

enum { KEYS = 200000 };

static void make_key(char *key, gsize size, guint32 number)
{
  g_snprintf(key, size, "c%u@example.org", number);
}

/* How often number is among the candidates for the key of that number. */
static guint count_number(const KeySet *set, guint32 of, guint32 number)
{
  char key[40];
  guint32 position = 0;
  guint32 found;
  guint count = 0;
  make_key(key, sizeof key, of);
  while ((found = key_set_next(set, key_set_hash(set, key), &position)) != 0) {
    count += found == number;
  }
  return count;
}

static void test_all_found(void)
{
  g_autoptr(KeySet) set = key_set_new();
  char key[40];
  for (guint32 i = 1; i <= KEYS; i++) {
    g_assert_cmpuint(count_number(set, i, i), ==, 0);
    make_key(key, sizeof key, i);
    key_set_add(set, key_set_hash(set, key), i);
  }
  for (guint32 i = 1; i <= KEYS; i++) {
    g_assert_cmpuint(count_number(set, i, i), ==, 1);
  }
}

static void test_few_candidates(void)
{
  g_autoptr(KeySet) set = key_set_new();
  char key[40];
  guint wrong = 0;
  for (guint32 i = 1; i <= KEYS; i++) {
    make_key(key, sizeof key, i);
    key_set_add(set, key_set_hash(set, key), i);
  }
  for (guint32 i = KEYS + 1; i <= 2 * KEYS; i++) {
    guint32 position = 0;
    make_key(key, sizeof key, i);
    while (key_set_next(set, key_set_hash(set, key), &position) != 0) {
      wrong++;
    }
  }
  g_assert_cmpuint(wrong, <, 200);
}

/* Keys that share a hash are candidates for one another. */
static void test_same_hash(void)
{
  g_autoptr(KeySet) set = key_set_new();
  guint32 position = 0;
  guint32 sum = 0;
  for (guint32 i = 1; i <= 100; i++) {
    key_set_add(set, G_MAXUINT32, i);
  }
  for (guint32 found; (found = key_set_next(set, G_MAXUINT32, &position)) != 0;) {
    sum += found;
  }
  g_assert_cmpuint(sum, ==, 5050);
  position = 0;
  g_assert_cmpuint(key_set_next(set, 1, &position), ==, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/keyset/all-found", test_all_found);
  g_test_add_func("/keyset/few-candidates", test_few_candidates);
  g_test_add_func("/keyset/same-hash", test_same_hash);
  return g_test_run();
}
