/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hours.h"

#include <string.h>

#include "base/clock.h"

static gint64 at(const char *text)
{
  gint64 wall_ms;
  g_autoptr(GError) error = NULL;
  clock_parse_moment(text, &wall_ms, NULL, &error);
  g_assert_no_error(error);
  return wall_ms;
}

#define OFFICE "Mon-Fri 08:00-18:00 Europe/Brussels"

/* 2026-11-23 is a Monday; clocks go forward on 2027-03-28 and back on 2026-10-25, in New York
 * back on 2026-11-01. */
static const struct {
  const char *hours;
  const char *now;
  gboolean open;
  const char *until;
} cases[] = {
  { OFFICE, "2026-11-23 08:00 Europe/Brussels", TRUE, "2026-11-23 18:00 Europe/Brussels" },
  { OFFICE, "2026-11-23 07:59:59 Europe/Brussels", FALSE, "2026-11-23 08:00 Europe/Brussels" },
  { OFFICE, "2026-11-23 18:00 Europe/Brussels", FALSE, "2026-11-24 08:00 Europe/Brussels" },
  { OFFICE, "2026-11-27 18:00 Europe/Brussels", FALSE, "2026-11-30 08:00 Europe/Brussels" },
  { OFFICE, "2026-11-22 23:30 Z", FALSE, "2026-11-23 07:00 Z" },
  { OFFICE, "2026-10-23 20:00 Europe/Brussels", FALSE, "2026-10-26 07:00 Z" },
  { OFFICE, "2027-03-26 20:00 Europe/Brussels", FALSE, "2027-03-29 06:00 Z" },
  { "Sun 02:30-05:00 Europe/Brussels", "2027-03-28 00:00 Z", FALSE, "2027-03-28 01:00 Z" },
  { "Sun 01:00-04:00 Europe/Brussels", "2027-03-28 01:30 Z", TRUE, "2027-03-28 02:00 Z" },
  { "Sun 01:00-04:00 Europe/Brussels", "2026-10-25 01:30 Z", TRUE, "2026-10-25 03:00 Z" },
  { "Sun 00:00-24:00 America/New_York", "2026-11-01 12:00 Z", TRUE, "2026-11-02 05:00 Z" },
  { "Fri-Sat 22:00-06:00 +01:00", "2026-11-28 23:00 +01:00", TRUE, "2026-11-29 06:00 +01:00" },
  { "Fri-Sat 22:00-06:00 +01:00", "2026-11-29 05:59 +01:00", TRUE, "2026-11-29 06:00 +01:00" },
  { "Fri-Sat 22:00-06:00 +01:00", "2026-11-29 06:00 +01:00", FALSE, "2026-12-04 22:00 +01:00" },
  { "Mon 09:00-10:00 Z", "2026-11-23 10:00 Z", FALSE, "2026-11-30 09:00 Z" },
  { "Sun-Mon, Thu 9:00-10:00 Z", "2026-11-23 10:00 Z", FALSE, "2026-11-26 09:00 Z" },
  { "Mon 09:00-12:00 Z; Mon 13:00-17:00 Z; Mon 11:00-12:30 Z", "2026-11-23 11:30 Z", TRUE,
    "2026-11-23 12:30 Z" },
  { "Mon 09:00-12:00 Z;Mon 13:00-17:00 Z", "2026-11-23 12:00 Z", FALSE, "2026-11-23 13:00 Z" },
  { "mon-SUN 00:00-24:00 Asia/Jakarta", "2026-11-23 16:59 Z", TRUE, "2026-11-23 17:00 Z" },
  /* An opening that a day's clock skips is none. */
  { "Sun 02:15-02:45 Europe/Brussels", "2027-03-22 12:00 Z", FALSE, "2027-04-04 00:15 Z" },
  { "Sun 02:15-02:45 Europe/Brussels", "2027-03-21 12:00 Z", FALSE, "2027-04-04 00:15 Z" },
  { "Mon 09:00-10:00 Pacific/Apia", "2026-11-22 19:59 Z", FALSE, "2026-11-22 20:00 Z" },
};

static void test_openings(void)
{
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(Hours) hours = hours_parse(cases[i].hours, &error);
    g_assert_no_error(error);
    gint64 until, now = at(cases[i].now);
    g_test_message("%s at %s", cases[i].hours, cases[i].now);
    g_assert_cmpint(hours_are_open(hours, now, &until), ==, cases[i].open);
    g_assert_cmpint(until, ==, at(cases[i].until));
    g_assert_cmpint(hours_next_ms(hours, now), ==, cases[i].open ? now : until);
  }
}

/* Minute by minute over both changes of the clock: what the clock shows decides. */
static void test_by_the_clock(void)
{
  static const char *const begins[] = { "2026-10-23 00:00 Z", "2027-03-26 00:00 Z" };
  g_autoptr(Hours) hours = hours_parse("Mon-Sun 00:30-04:15 Europe/Brussels", NULL);
  g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Brussels");
  for (guint i = 0; i < G_N_ELEMENTS(begins); i++)
    for (gint64 minute = 0; minute < 4 * 24 * 60; minute++) {
      gint64 until, now = at(begins[i]) + minute * 60000;
      g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now / 1000);
      g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
      int shown = g_date_time_get_hour(local) * 60 + g_date_time_get_minute(local);
      g_assert_cmpint(hours_are_open(hours, now, &until), ==, shown >= 30 && shown < 4 * 60 + 15);
      g_assert_cmpint(until, >, now);
    }
}

static void test_text(void)
{
  g_autoptr(Hours) hours = hours_parse(OFFICE, NULL);
  g_autofree char *text = hours_moment_to_text(hours, at("2026-11-23 07:00 Z"));
  g_assert_cmpstr(text, ==, "Monday 2026-11-23 08:00 (Europe/Brussels)");
}

static void test_mistakes(void)
{
  static const char *const wrong[] = {
    "", ";", "Mon", "Mon-Fri", "08:00-18:00", "Mon 8-18", "Mon 08:00-25:00", "Mon 08:60-09:00",
    "Mon 24:01-24:02", "Mon 24:00-01:00", "Mon 08:00-08:00", "Mo 08:00-09:00", "Mon- 08:00-09:00",
    "Mon,,Tue 08:00-09:00", "Mon 08:00-09:00 Europe/Bruxelles", "Mon 08:00-09:00;",
    "Mon 08:00-09:00 Z x", "Mon 08:00\n-09:00\x01", "Mon 999999999999:00-09:00",
  };
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", wrong[i]);
    g_assert_null(hours_parse(wrong[i], &error));
    g_assert_true(error != NULL && error->domain == HOURS_ERROR);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hours/openings", test_openings);
  g_test_add_func("/hours/by-the-clock", test_by_the_clock);
  g_test_add_func("/hours/text", test_text);
  g_test_add_func("/hours/mistakes", test_mistakes);
  return g_test_run();
}
