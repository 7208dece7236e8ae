/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/pace.h"

static const Rate rates[] = {
  { 1, { { 1, 1000 } } },
  { 1, { { 2, 1000 } } },
  { 1, { { 20, 1000 } } },
  { 1, { { 600, 60000 } } },
  { 1, { { 7, 60000 } } },
  { 1, { { 300, 3600000 } } },
  { 1, { { 5000, 86400000 } } },
  { 2, { { 5, 1000 }, { 100, 60000 } } },
  { 3, { { 2, 1000 }, { 60, 60000 }, { 900, 3600000 } } },
  { 4, { { 3, 100 }, { 20, 1000 }, { 600, 60000 }, { 1000, 3600000 } } },
};

/* No window of one period may hold more than count, whichever budget. */
static void assert_kept(const Rate *rate, const GArray *taken)
{
  for (guint b = 0; b < rate->length; b++) {
    guint first = 0;
    for (guint last = 0; last < taken->len; last++) {
      while (g_array_index(taken, gint64, last) - g_array_index(taken, gint64, first) >=
             rate->budgets[b].period_ms)
        first++;
      g_assert_cmpuint(last - first + 1, <=, rate->budgets[b].count);
    }
  }
}

static gint64 longest(const Rate *rate)
{
  return rate->budgets[rate->length - 1].period_ms;
}

/* Takes greedily at irregular moments. */
static void test_never_exceeds(void)
{
  for (gsize r = 0; r < G_N_ELEMENTS(rates); r++) {
    Pace pace;
    const Budget *whole = &rates[r].budgets[rates[r].length - 1];
    g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GRand) random = g_rand_new_with_seed(17);
    gint64 now = 1000000, end = now + 4 * whole->period_ms;
    gint64 step = MAX(2, rates[r].budgets[0].period_ms / rates[r].budgets[0].count / 3);
    pace_init(&pace, rates[r], now);
    while (now < end) {
      while (pace_take(&pace, now))
        g_array_append_val(taken, now);
      now += MAX(pace_wait_ms(&pace, now), 1) + g_rand_int_range(random, 0, (gint32)step);
    }
    assert_kept(&rates[r], taken);
    /* And it is not left far below: over four periods at least 80 in 100. */
    g_assert_cmpuint(taken->len * 10, >=, (4 * whole->count - 1) * 8 - 10);
  }
}

/* Random loads, and now and then a new process that knows only what was sent, or new
 * settings that are the old ones: nothing is sent too early, and everything in the end. */
static void test_restart(void)
{
  for (guint32 seed = 0; seed < 400; seed++) {
    const Rate *rate = &rates[seed % G_N_ELEMENTS(rates)];
    g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    gint64 now = g_rand_int_range(random, 0, 100000);   /* young: history is before time 0 */
    gint64 step = longest(rate) / g_rand_int_range(random, 20, 200);
    Pace pace;
    pace_init(&pace, *rate, now);
    for (guint i = 0; i < 600; i++) {
      now += g_rand_int_range(random, 0, (gint32)step + 1);
      for (gint32 load = g_rand_int_range(random, 0, 400); load > 0; load--)
        if (pace_take(&pace, now))
          g_array_append_val(taken, now);
      gint32 chance = g_rand_int_range(random, 0, 20);
      if (chance == 0) {
        pace_init(&pace, *rate, now);
        for (guint t = 0; t < taken->len; t++)
          pace_recall(&pace, g_array_index(taken, gint64, t), now);
      } else if (chance == 1) {
        Pace former = pace;
        pace_init(&pace, *rate, now);
        pace_inherit(&pace, &former, now);
      }
    }
    assert_kept(rate, taken);
    g_assert_true(pace_take(&pace, now + 2 * longest(rate)));
  }
}

/* A restart does not cost more than what was sent: where nothing was, all may be. */
static void test_recall_is_not_too_careful(void)
{
  Rate rate = { 2, { { 600, 60000 }, { 1000, 3600000 } } };
  Pace pace, again;
  gint64 now = 0;
  g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(gint64));
  pace_init(&pace, rate, now);
  for (; now < 40000; now += 10)
    if (pace_take(&pace, now))
      g_array_append_val(taken, now);
  pace_init(&again, rate, now);
  for (guint i = 0; i < taken->len; i++)
    pace_recall(&again, g_array_index(taken, gint64, i), now);
  g_assert_cmpint(ABS(pace_wait_ms(&again, now) - pace_wait_ms(&pace, now)), <=, 100);
}

/* A quota may be used up at once, and is there again when the period is over. */
static void test_quota(void)
{
  Rate rate = { 1, { { 5000, 86400000 } } };
  Pace pace;
  pace_init(&pace, rate, 0);
  g_assert_cmpuint(pace_room(&pace, 0), ==, 5000);
  for (guint i = 0; i < 5000; i++)
    g_assert_true(pace_take(&pace, i));
  g_assert_cmpuint(pace_room(&pace, 5000), ==, 0);
  gint64 wait = pace_wait_ms(&pace, 5000);
  g_assert_cmpint(wait, >, 86400000 - 5000);
  g_assert_cmpint(wait, <=, 86400000 + 86400000 / 60);
}

/* What nobody took because one budget had none is not lost to the others. */
static void test_all_or_nothing(void)
{
  Rate rate = { 2, { { 1, 1000 }, { 3, 3600000 } } };
  Pace pace;
  pace_init(&pace, rate, 0);
  g_assert_true(pace_take(&pace, 0));
  for (gint64 now = 1; now < 1000; now++)
    g_assert_false(pace_take(&pace, now));
  g_assert_true(pace_take(&pace, 1000));
  g_assert_true(pace_take(&pace, 2000));
  g_assert_false(pace_take(&pace, 3000));
}

/* New settings: the same period goes on counting, a smaller quota is kept at once. */
static void test_inherit(void)
{
  Pace former, pace;
  pace_init(&former, (Rate){ 2, { { 20, 1000 }, { 100, 86400000 } } }, 0);
  for (gint64 now = 0; now < 60000; now += 1000)
    g_assert_true(pace_take(&former, now));
  pace_init(&pace, (Rate){ 2, { { 10, 1000 }, { 61, 86400000 } } }, 60000);
  pace_inherit(&pace, &former, 60000);
  g_assert_cmpuint(pace_room(&pace, 60000), ==, 0);
  g_assert_true(pace_take(&pace, 61000));
  g_assert_cmpuint(pace_room(&pace, 62000), ==, 0);
}

static void test_wait_is_exact(void)
{
  for (gsize r = 0; r < G_N_ELEMENTS(rates); r++) {
    Pace pace;
    gint64 now = 5;
    pace_init(&pace, rates[r], now);
    for (guint i = 0; i < 2500; i++) {
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
  pace_init(&pace, (Rate){ 0 }, 0);
  for (guint i = 0; i < 1000; i++)
    g_assert_true(pace_take(&pace, 0));
  g_assert_cmpint(pace_wait_ms(&pace, 0), ==, 0);
  g_assert_cmpuint(pace_room(&pace, 0), ==, G_MAXUINT);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pace/never-exceeds", test_never_exceeds);
  g_test_add_func("/pace/restart", test_restart);
  g_test_add_func("/pace/recall", test_recall_is_not_too_careful);
  g_test_add_func("/pace/quota", test_quota);
  g_test_add_func("/pace/all-or-nothing", test_all_or_nothing);
  g_test_add_func("/pace/inherit", test_inherit);
  g_test_add_func("/pace/wait", test_wait_is_exact);
  g_test_add_func("/pace/without-limit", test_without_limit);
  return g_test_run();
}
