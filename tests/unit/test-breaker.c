/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/breaker.h"

enum { NOW = 1000000 };

static void assert_state(const Breaker *breaker, gint64 now_ms, BreakerState state)
{
  g_assert_cmpstr(breaker_state_name(breaker_state(breaker, now_ms)), ==,
                  breaker_state_name(state));
}

static void assert_about(gint64 wait, gint64 expected)
{
  g_assert_cmpint(wait, >=, expected * 8 / 10);
  g_assert_cmpint(wait, <=, expected * 12 / 10);
}

/* A relay of which nothing is known is left alone at its first trouble. */
static void test_unproven(void)
{
  Breaker breaker = { 0 };
  assert_state(&breaker, NOW, BREAKER_HEALTHY);
  g_assert_cmpint(breaker_wait_ms(&breaker, NOW), ==, 0);
  gint64 wait = breaker_trouble(&breaker, NOW);
  assert_about(wait, 1000);
  g_assert_cmpint(breaker_wait_ms(&breaker, NOW), ==, wait);
  assert_state(&breaker, NOW + wait - 1, BREAKER_TROUBLE);
  assert_state(&breaker, NOW + wait, BREAKER_PROBING);
  g_assert_cmpint(breaker_wait_ms(&breaker, NOW + wait), ==, 0);
}

/* The wait is over; the next trouble begins a longer one, as it would have. */
static void test_hurry(void)
{
  Breaker breaker = { 0 };
  breaker_hurry(&breaker, NOW);
  assert_state(&breaker, NOW, BREAKER_HEALTHY);
  breaker_trouble(&breaker, NOW);
  breaker_hurry(&breaker, NOW + 1);
  assert_state(&breaker, NOW + 1, BREAKER_PROBING);
  g_assert_cmpint(breaker_wait_ms(&breaker, NOW + 1), ==, 0);
  assert_about(breaker_trouble(&breaker, NOW + 1), 2000);
}

static void test_proven(void)
{
  Breaker breaker = { 0 };
  g_assert_false(breaker_success(&breaker));
  for (guint i = 0; i < 20; i++) {
    g_assert_cmpint(breaker_trouble(&breaker, NOW), ==, 0);
    g_assert_cmpint(breaker_trouble(&breaker, NOW), ==, 0);
    assert_state(&breaker, NOW, BREAKER_HEALTHY);
    g_assert_false(breaker_success(&breaker));
  }
  breaker_trouble(&breaker, NOW);
  breaker_trouble(&breaker, NOW);
  assert_about(breaker_trouble(&breaker, NOW), 1000);
  assert_state(&breaker, NOW, BREAKER_TROUBLE);
}

/* Connections that fail together are one trouble: waits grow by tries. */
static void test_together(void)
{
  Breaker breaker = { 0 };
  gint64 wait = breaker_trouble(&breaker, NOW);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpint(breaker_trouble(&breaker, NOW + 10), ==, 0);
  assert_about(breaker_trouble(&breaker, NOW + wait), 2000);
}

/* A relay that is away for a day: one try each, waits from a second to five minutes. */
static void test_away_for_a_day(void)
{
  Breaker breaker = { 0 };
  gint64 now = NOW;
  gint64 expected = 1000;
  guint tries = 0;
  while (now < NOW + 24 * 3600 * 1000) {
    gint64 wait = breaker_trouble(&breaker, now);
    assert_about(wait, expected);
    expected = MIN(2 * expected, 300000);
    now += wait;
    assert_state(&breaker, now, BREAKER_PROBING);
    tries++;
  }
  g_assert_cmpuint(tries, >, 24 * 10);
  g_assert_cmpuint(tries, <, 24 * 16);
}

static void test_recovers(void)
{
  Breaker breaker = { 0 };
  gint64 now = NOW;
  for (guint i = 0; i < 5; i++)
    now += breaker_trouble(&breaker, now);
  assert_state(&breaker, now, BREAKER_PROBING);
  g_assert_true(breaker_success(&breaker));
  assert_state(&breaker, now, BREAKER_HEALTHY);
  g_assert_false(breaker_success(&breaker));
  /* And everything begins anew. */
  breaker_trouble(&breaker, now);
  breaker_trouble(&breaker, now);
  assert_about(breaker_trouble(&breaker, now), 1000);
}

/* Many daemons that lost the same relay do not come back at the same moment. */
static void test_jitter(void)
{
  g_autoptr(GHashTable) waits = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < 100; i++) {
    Breaker breaker = { 0 };
    g_hash_table_add(waits, GINT_TO_POINTER((gint)breaker_trouble(&breaker, NOW)));
  }
  g_assert_cmpuint(g_hash_table_size(waits), >, 20);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/breaker/unproven", test_unproven);
  g_test_add_func("/breaker/hurry", test_hurry);
  g_test_add_func("/breaker/proven", test_proven);
  g_test_add_func("/breaker/together", test_together);
  g_test_add_func("/breaker/away-for-a-day", test_away_for_a_day);
  g_test_add_func("/breaker/recovers", test_recovers);
  g_test_add_func("/breaker/jitter", test_jitter);
  return g_test_run();
}
