/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/names.h"

enum { US_PER_MS = 1000, MS_PER_SECOND = 1000, SECONDS_PER_DAY = 24 * 60 * 60 };

static const gint64 FIRST_MS = G_GINT64_CONSTANT(-62167219200000); /* 0000-01-01T00:00:00.000Z */
static const gint64 LAST_MS = G_GINT64_CONSTANT(253402300799999);  /* 9999-12-31T23:59:59.999Z */

/* An offset may follow the time at once, the name of a zone only after a blank. */
#define MOMENT_PATTERN \
  "^\\s*(\\d{4})-(\\d\\d)-(\\d\\d)(?:T|[ \\t]+)(\\d\\d?):(\\d\\d)(?::(\\d\\d))?" \
  "(?:\\s*(Z|[+-]\\d\\d(?::?\\d\\d)?)|\\s+([A-Za-z]\\S*))?\\s*$"
enum { GROUP_YEAR = 1, GROUP_MONTH, GROUP_DAY, GROUP_HOUR, GROUP_MINUTE, GROUP_SECOND,
       GROUP_OFFSET, GROUP_ZONE };

G_DEFINE_QUARK(dateline-clock-error-quark, clock_error)

gint64 clock_wall_ms(void)
{
  return g_get_real_time() / US_PER_MS;
}

gint64 clock_monotonic_ms(void)
{
  return g_get_monotonic_time() / US_PER_MS;
}

void clock_format_utc(gint64 wall_ms, char *buffer)
{
  gint64 ms = CLAMP(wall_ms, FIRST_MS, LAST_MS);
  gint64 in_second = ((ms % MS_PER_SECOND) + MS_PER_SECOND) % MS_PER_SECOND;
  time_t seconds = (ms - in_second) / MS_PER_SECOND;
  struct tm utc;

  gmtime_r(&seconds, &utc);
  /* The remainders change nothing; they let the compiler see that it fits. */
  snprintf(buffer, CLOCK_UTC_LENGTH + 1, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
           (guint)(utc.tm_year + 1900) % 10000, (guint)(utc.tm_mon + 1) % 100,
           (guint)utc.tm_mday % 100, (guint)utc.tm_hour % 100, (guint)utc.tm_min % 100,
           (guint)utc.tm_sec % 100, (guint)in_second % 1000);
}

gboolean clock_parse_utc(const char *text, gsize length, gint64 *wall_ms)
{
  char copy[CLOCK_UTC_LENGTH + 1] = {0}, again[CLOCK_UTC_LENGTH + 1];
  struct tm utc = {0};
  int in_second;

  if (length != CLOCK_UTC_LENGTH) {
    return FALSE;
  }
  memcpy(copy, text, CLOCK_UTC_LENGTH);
  if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
             &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &in_second) != 7) {
    return FALSE;
  }
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  gint64 ms = (gint64)timegm(&utc) * MS_PER_SECOND + in_second;
  /* sscanf() and timegm() take 31 February, signs and blanks: only what would be
   * written in the same way is the exact form. */
  clock_format_utc(ms, again);
  if (memcmp(again, text, CLOCK_UTC_LENGTH) != 0) {
    return FALSE;
  }
  *wall_ms = ms;
  return TRUE;
}

static int group_number(GMatchInfo *match, int group)
{
  g_autofree char *digits = g_match_info_fetch(match, group);

  return digits != NULL ? atoi(digits) : 0;
}

static char *group_text(GMatchInfo *match, int group)
{
  g_autofree char *text = g_match_info_fetch(match, group);

  return text != NULL && *text != '\0' ? g_steal_pointer(&text) : NULL;
}

/* The wanted date and time as seconds since 1970 on a clock that shows UTC. */
static gboolean read_local_time(GMatchInfo *match, const char *text, gint64 *local, GError **error)
{
  g_autoptr(GDateTime) time = g_date_time_new_utc(
      group_number(match, GROUP_YEAR), group_number(match, GROUP_MONTH),
      group_number(match, GROUP_DAY), group_number(match, GROUP_HOUR),
      group_number(match, GROUP_MINUTE), group_number(match, GROUP_SECOND));

  if (time == NULL) {
    g_set_error(error, CLOCK_ERROR, CLOCK_ERROR_DATE,
                "\"%s\" is no day of the calendar or no time of the day", text);
    return FALSE;
  }
  *local = g_date_time_to_unix(time);
  return TRUE;
}

/* Besides the names of the zone database GLib takes POSIX rules such as "WIB7", whose
 * sign is the opposite of what people mean by it: digits only after a '/'. */
static gboolean looks_like_zone(const char *name)
{
  const char *slash = strchr(name, '/');

  return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                           "0123456789_+-/")] == '\0' &&
         (slash != NULL || strpbrk(name, "0123456789+") == NULL);
}

static GTimeZone *find_zone(const char *name, GError **error)
{
  gboolean is_offset = name != NULL && (*name == '+' || *name == '-');
  GTimeZone *zone = NULL;

  if (name == NULL) {
    return g_time_zone_new_local();
  }
  if (is_offset || looks_like_zone(name)) {
    zone = g_time_zone_new_identifier(name);
  }
  if (zone == NULL) {
    g_set_error(error, CLOCK_ERROR, CLOCK_ERROR_ZONE,
                "unknown time zone \"%s\"; write an offset such as \"+02:00\", \"Z\" for UTC, or "
                "a name such as \"Europe/Brussels\"", name);
  }
  return zone;
}

static gint32 offset_at(GTimeZone *zone, gint64 seconds)
{
  int interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, seconds);

  return g_time_zone_get_offset(zone, interval);
}

/* The moments at which clocks of zone show local: none, one or two. Any such moment
 * has the offset that holds a day before or the one that holds a day after. */
static guint find_moments(GTimeZone *zone, gint64 local, gint64 moments[2])
{
  gint32 before = offset_at(zone, local - SECONDS_PER_DAY);
  gint32 after = offset_at(zone, local + SECONDS_PER_DAY);
  guint count = 0;

  if (offset_at(zone, local - before) == before) {
    moments[count++] = local - before;
  }
  if (after != before && offset_at(zone, local - after) == after) {
    moments[count++] = local - after;
  }
  return count;
}

static char *offset_to_text(gint64 seconds)
{
  gint64 minutes = ABS(seconds) / 60;

  return g_strdup_printf("%c%02d:%02d", seconds < 0 ? '-' : '+', (int)(minutes / 60),
                         (int)(minutes % 60));
}

static gboolean read_moment(GMatchInfo *match, const char *text, const char *name, gint64 *seconds,
                            GError **error)
{
  g_autoptr(GTimeZone) zone = find_zone(name, error);
  gint64 local, moments[2];

  if (zone == NULL || !read_local_time(match, text, &local, error)) {
    return FALSE;
  }
  guint count = find_moments(zone, local, moments);
  if (count == 1) {
    *seconds = moments[0];
    return TRUE;
  }
  const char *where = name != NULL ? name : g_time_zone_get_identifier(zone);
  if (count == 0) {
    g_set_error(error, CLOCK_ERROR, CLOCK_ERROR_LOCAL_TIME,
                "\"%s\" does not exist in %s, where clocks are put forward over it; write "
                "another time, or an offset instead of the zone", text, where);
    return FALSE;
  }
  g_autofree char *first = offset_to_text(local - moments[0]);
  g_autofree char *second = offset_to_text(local - moments[1]);
  g_set_error(error, CLOCK_ERROR, CLOCK_ERROR_LOCAL_TIME,
              "\"%s\" exists twice in %s, where clocks are put back over it; write the offset "
              "instead of the zone: %s for the first, %s for the second", text, where, first,
              second);
  return FALSE;
}

gboolean clock_parse_moment(const char *text, gint64 *wall_ms, char **zone, GError **error)
{
  g_autoptr(GRegex) regex = g_regex_new(MOMENT_PATTERN, G_REGEX_RAW, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  g_autofree char *visible = text_make_visible(text);
  gint64 seconds;

  g_assert(regex != NULL);
  if (!g_regex_match(regex, text, 0, &match)) {
    g_set_error(error, CLOCK_ERROR, CLOCK_ERROR_SYNTAX,
                "\"%s\" is no date and time; write it as \"2026-11-23 09:00 Europe/Brussels\" or "
                "\"2026-11-23 09:00 +01:00\"", visible);
    return FALSE;
  }
  g_autofree char *name = group_text(match, GROUP_OFFSET);
  if (name == NULL) {
    name = group_text(match, GROUP_ZONE);
  }
  if (!read_moment(match, visible, name, &seconds, error)) {
    return FALSE;
  }
  *wall_ms = seconds * MS_PER_SECOND;
  if (zone != NULL) {
    *zone = g_steal_pointer(&name);
  }
  return TRUE;
}
