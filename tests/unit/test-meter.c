/* SPDX-License-Identifier: Apache-2.0 */
#include "base/meter.h"

static void test_rate(void)
{
  Meter meter = { 0 };
  for (gint64 ms = 100000; ms < 110000; ms += 10)
    meter_count(&meter, ms);
  g_assert_cmpfloat(meter_rate(&meter, 110000), ==, 100);
  g_assert_cmpfloat(meter_rate(&meter, 112500), ==, 60);
  g_assert_cmpfloat(meter_rate(&meter, 115000), ==, 0);
  g_assert_cmpfloat(meter_rate(&meter, 999000), ==, 0);
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
  g_test_add_func("/meter/unused", test_unused);
  return g_test_run();
}
