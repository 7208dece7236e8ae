/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"

static void assert_utc(gint64 wall_ms, const char *expected)
{
  char text[CLOCK_UTC_LENGTH + 1];

  clock_format_utc(wall_ms, text);
  g_assert_cmpstr(text, ==, expected);
}

static void test_formats_utc(void)
{
  assert_utc(0, "1970-01-01T00:00:00.000Z");
  assert_utc(-1, "1969-12-31T23:59:59.999Z");
  assert_utc(G_GINT64_CONSTANT(1795342500123), "2026-11-22T10:15:00.123Z");
  assert_utc(G_GINT64_CONSTANT(951782400000), "2000-02-29T00:00:00.000Z");
  assert_utc(G_MAXINT64, "9999-12-31T23:59:59.999Z");
  assert_utc(G_MININT64, "0000-01-01T00:00:00.000Z");
}

static void test_parses_utc(void)
{
  static const gint64 moments[] = {0, -1, 951782400000, 1795342500123, 253402300799999,
                                   -62167219200000};

  for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
    char text[CLOCK_UTC_LENGTH + 1];
    gint64 wall_ms = 1;
    clock_format_utc(moments[i], text);
    g_assert_true(clock_parse_utc(text, CLOCK_UTC_LENGTH, &wall_ms));
    g_assert_cmpint(wall_ms, ==, moments[i]);
  }
}

static void test_refuses_other_utc(void)
{
  static const char *const texts[] = {
    "",
    "2026-11-22T10:15:00Z",
    "2026-11-22T10:15:00.123",
    "2026-11-22T10:15:00.123z",
    "2026-11-22 10:15:00.123Z",
    "2026-02-29T10:15:00.123Z",
    "2026-11-22T24:00:00.000Z",
    "2026-11-22T23:59:60.000Z",
    "2026-11-22T10:15:00.12 Z",
    "2026-11-22T10:15:+1.123Z",
    "-026-11-22T10:15:00.123Z",
    "2026-11-22T10:15:00.123Zx",
    "\xff\xff\xff\xff-11-22T10:15:00.123Z",
  };
  gint64 wall_ms;

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_assert_false(clock_parse_utc(texts[i], strlen(texts[i]), &wall_ms));
  }
  g_assert_false(clock_parse_utc("2026-11-22T10:15:0\0.123Z", CLOCK_UTC_LENGTH, &wall_ms));
}

/* The text need not end behind the moment. */
static void test_parses_utc_within_text(void)
{
  gint64 wall_ms;

  g_assert_true(clock_parse_utc("1970-01-01T00:00:01.000Z sent", CLOCK_UTC_LENGTH, &wall_ms));
  g_assert_cmpint(wall_ms, ==, 1000);
}

static void test_moments(void)
{
  static const struct {
    const char *text, *utc, *zone;
  } cases[] = {
    {"2026-11-23 09:00 Europe/Brussels", "2026-11-23T08:00:00.000Z", "Europe/Brussels"},
    {"2026-07-01 09:00 Europe/Brussels", "2026-07-01T07:00:00.000Z", "Europe/Brussels"},
    {"2026-11-23T09:00:30Z", "2026-11-23T09:00:30.000Z", "Z"},
    {"2026-11-23 9:00 Z", "2026-11-23T09:00:00.000Z", "Z"},
    {"  2026-11-23  09:00  +02:00 ", "2026-11-23T07:00:00.000Z", "+02:00"},
    {"2026-11-23 09:00-0330", "2026-11-23T12:30:00.000Z", "-0330"},
    {"2026-11-23 12:00 Asia/Jakarta", "2026-11-23T05:00:00.000Z", "Asia/Jakarta"},
    {"2026-11-23 12:00 UTC", "2026-11-23T12:00:00.000Z", "UTC"},
    {"2028-02-29 12:00 Z", "2028-02-29T12:00:00.000Z", "Z"},
    {"2026-11-23 12:00", "2026-11-23T17:00:00.000Z", NULL}, /* TZ of this test: New York */
    /* The last minutes before and the first after a change of clocks are unique. */
    {"2026-03-29 01:59:59 Europe/Brussels", "2026-03-29T00:59:59.000Z", "Europe/Brussels"},
    {"2026-03-29 03:00 Europe/Brussels", "2026-03-29T01:00:00.000Z", "Europe/Brussels"},
    {"2026-10-25 01:59:59 Europe/Brussels", "2026-10-24T23:59:59.000Z", "Europe/Brussels"},
    {"2026-10-25 03:00 Europe/Brussels", "2026-10-25T02:00:00.000Z", "Europe/Brussels"},
    {"2026-10-25 02:30 +02:00", "2026-10-25T00:30:00.000Z", "+02:00"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *zone = NULL;
    gint64 wall_ms;
    g_assert_true(clock_parse_moment(cases[i].text, &wall_ms, &zone, &error));
    g_assert_no_error(error);
    assert_utc(wall_ms, cases[i].utc);
    g_assert_cmpstr(zone, ==, cases[i].zone);
    g_assert_true(clock_parse_moment(cases[i].text, &wall_ms, NULL, NULL));
  }
}

static void test_bad_moments(void)
{
  static const struct {
    const char *text;
    ClockError code;
    const char *says;
  } cases[] = {
    {"", CLOCK_ERROR_SYNTAX, "\"\" is no date and time"},
    {"tomorrow", CLOCK_ERROR_SYNTAX, "\"tomorrow\" is no date and time; write it as"},
    {"2026-11-23", CLOCK_ERROR_SYNTAX, "2026-11-23 09:00"},
    {"23.11.2026 09:00", CLOCK_ERROR_SYNTAX, "no date and time"},
    {"2026-11-23 09:00Europe/Brussels", CLOCK_ERROR_SYNTAX, "no date and time"},
    {"2026-11-23 09:00 Z Z", CLOCK_ERROR_SYNTAX, "no date and time"},
    {"2026-11-23 09:00\r\nBcc: x", CLOCK_ERROR_SYNTAX, "09:00\\r\\nBcc: x"},
    {"2026-11-23 09:00 \xff", CLOCK_ERROR_SYNTAX, "\\xff"},
    {"2026-02-29 09:00 Z", CLOCK_ERROR_DATE, "no day of the calendar"},
    {"2026-11-23 24:00 Z", CLOCK_ERROR_DATE, "no time of the day"},
    {"0000-01-01 10:00 Z", CLOCK_ERROR_DATE, "no day"},
    {"2026-11-23 09:00 Europe/Brussel", CLOCK_ERROR_ZONE,
     "unknown time zone \"Europe/Brussel\"; write an offset such as \"+02:00\", \"Z\" for UTC, or "
     "a name such as \"Europe/Brussels\""},
    {"2026-11-23 09:00 +99:00", CLOCK_ERROR_ZONE, "unknown time zone \"+99:00\""},
    {"2026-11-23 09:00 WIB", CLOCK_ERROR_ZONE, "unknown time zone \"WIB\""},
    {"2026-11-23 09:00 WIB7", CLOCK_ERROR_ZONE, "unknown time zone \"WIB7\""},
    {"2026-11-23 09:00 Mars/Base7", CLOCK_ERROR_ZONE, "unknown time zone"},
    {"2026-11-23 09:00 Europe/../../../etc/passwd", CLOCK_ERROR_ZONE, "unknown time zone"},
    {"2026-03-29 02:30 Europe/Brussels", CLOCK_ERROR_LOCAL_TIME,
     "does not exist in Europe/Brussels"},
    {"2011-12-30 12:00 Pacific/Apia", CLOCK_ERROR_LOCAL_TIME, "does not exist in Pacific/Apia"},
    {"2026-10-25 02:30 Europe/Brussels", CLOCK_ERROR_LOCAL_TIME,
     "exists twice in Europe/Brussels, where clocks are put back over it; write the offset "
     "instead of the zone: +02:00 for the first, +01:00 for the second"},
    {"2026-11-01 01:30", CLOCK_ERROR_LOCAL_TIME, "-04:00 for the first, -05:00 for the second"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *zone = NULL;
    gint64 wall_ms;
    g_assert_false(clock_parse_moment(cases[i].text, &wall_ms, &zone, &error));
    g_assert_error(error, CLOCK_ERROR, (int)cases[i].code);
    if (strstr(error->message, cases[i].says) == NULL) {
      g_error("\"%s\" does not say \"%s\"", error->message, cases[i].says);
    }
    g_assert_null(zone);
    g_assert_false(clock_parse_moment(cases[i].text, &wall_ms, NULL, NULL));
  }
}

static void test_clocks_run(void)
{
  gint64 start = clock_monotonic_ms();

  g_assert_cmpint(clock_wall_ms(), >, G_GINT64_CONSTANT(1577836800000)); /* 2020 */
  g_usleep(20 * 1000);
  g_assert_cmpint(clock_monotonic_ms() - start, >=, 20);
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "America/New_York", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/clock/formats-utc", test_formats_utc);
  g_test_add_func("/clock/parses-utc", test_parses_utc);
  g_test_add_func("/clock/refuses-other-utc", test_refuses_other_utc);
  g_test_add_func("/clock/parses-utc-within-text", test_parses_utc_within_text);
  g_test_add_func("/clock/moments", test_moments);
  g_test_add_func("/clock/bad-moments", test_bad_moments);
  g_test_add_func("/clock/clocks-run", test_clocks_run);
  return g_test_run();
}
