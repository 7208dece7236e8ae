/* SPDX-License-Identifier: Apache-2.0 */
#include "base/meter.h"

static void test_rate(void)
{
  Meter meter = { 0 };
  for (gint64 ms = 100000; ms < 110000; ms += 10)
    meter_count(&meter, ms);
  g_assert_cmpfloat(meter_rate(&meter, 110000), ==, 100);
  g_assert_cmpfloat(meter_rate(&meter, 112500), ==, 300 / 5.5);
  g_assert_cmpfloat(meter_rate(&meter, 115999), ==, 0);
  g_assert_cmpfloat(meter_rate(&meter, 999000), ==, 0);
}

/* At the beginning the rate is that since the first event, not a fifth of it. */
static void test_beginning(void)
{
  Meter meter = { 0 };
  for (gint64 ms = 100700; ms < 101700; ms += 10)
    meter_count(&meter, ms);
  g_assert_cmpfloat(meter_rate(&meter, 101700), ==, 100);
}

/* A silence longer than the ring ends what was before. */
static void test_silence(void)
{
  Meter meter = { 0 };
  for (gint64 ms = 100000; ms < 101000; ms += 10)
    meter_count(&meter, ms);
  for (gint64 ms = 200000; ms < 202000; ms += 20)
    meter_count(&meter, ms);
  g_assert_cmpfloat(meter_rate(&meter, 202000), ==, 50);
}

static void test_unused(void)
{
  Meter meter = { 0 };
  g_assert_cmpfloat(meter_rate(&meter, 0), ==, 0);
  g_assert_cmpfloat(meter_rate(&meter, 86400000), ==, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/meter/rate", test_rate);
  g_test_add_func("/meter/beginning", test_beginning);
  g_test_add_func("/meter/silence", test_silence);
  g_test_add_func("/meter/unused", test_unused);
  return g_test_run();
}
