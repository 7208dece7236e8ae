/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/pace.h"

static const Rate rates[] = {
  { 1, 1000 }, { 2, 1000 }, { 20, 1000 }, { 600, 60000 }, { 7, 60000 }, { 5000, 86400000 },
};

/* Takes greedily at irregular moments; no window of one period may hold more than count. */
static void test_never_exceeds(void)
{
  for (gsize r = 0; r < G_N_ELEMENTS(rates); r++) {
    Pace pace;
    g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GRand) random = g_rand_new_with_seed(17);
    gint64 now = 1000000;
    gint64 end = now + 4 * rates[r].period_ms;
    pace_init(&pace, rates[r], now);
    while (now < end) {
      while (pace_take(&pace, now))
        g_array_append_val(taken, now);
      now += g_rand_int_range(random, 1, (gint32)MAX(2, rates[r].period_ms / rates[r].count / 3));
    }
    guint first = 0;
    for (guint last = 0; last < taken->len; last++) {
      while (g_array_index(taken, gint64, last) - g_array_index(taken, gint64, first) >=
             rates[r].period_ms)
        first++;
      g_assert_cmpuint(last - first + 1, <=, rates[r].count);
    }
    /* And it is not left far below: over four periods at least 90 in 100. */
    g_assert_cmpuint(taken->len * 10, >=, (4 * rates[r].count - 1) * 9 - 10);
  }
}

static void test_wait_is_exact(void)
{
  for (gsize r = 0; r < G_N_ELEMENTS(rates); r++) {
    Pace pace;
    gint64 now = 5;
    pace_init(&pace, rates[r], now);
    for (guint i = 0; i < 50; i++) {
      gint64 wait = pace_wait_ms(&pace, now);
      if (wait > 1) {
        g_assert_false(pace_take(&pace, now + wait - 1));
      }
      now += wait;
      g_assert_true(pace_take(&pace, now));
    }
  }
}

static void test_without_limit(void)
{
  Pace pace;
  pace_init(&pace, (Rate){ 0, 0 }, 0);
  for (guint i = 0; i < 1000; i++)
    g_assert_true(pace_take(&pace, 0));
  g_assert_cmpint(pace_wait_ms(&pace, 0), ==, 0);
}

static void test_given_back(void)
{
  Pace pace;
  pace_init(&pace, (Rate){ 1, 1000 }, 0);
  g_assert_true(pace_take(&pace, 0));
  g_assert_false(pace_take(&pace, 0));
  pace_return(&pace);
  g_assert_true(pace_take(&pace, 0));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pace/never-exceeds", test_never_exceeds);
  g_test_add_func("/pace/wait", test_wait_is_exact);
  g_test_add_func("/pace/without-limit", test_without_limit);
  g_test_add_func("/pace/given-back", test_given_back);
  return g_test_run();
}
