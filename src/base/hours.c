/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hours.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"

G_DEFINE_QUARK(dateline-hours-error-quark, hours_error)

enum { MINUTES_PER_DAY = 24 * 60 };

typedef struct {
  gboolean days[7];      /* on which it begins; Monday first */
  int begin, end;        /* minutes since midnight; end may lie in the next day */
  GTimeZone *zone;
} Opening;

struct Hours {
  GArray *openings;
};

static const char *const day_names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

#define OPENING_PATTERN \
  "^\\s*([A-Za-z, -]*[A-Za-z])\\s+(\\d\\d?):(\\d\\d)\\s*-\\s*(\\d\\d?):(\\d\\d)(?:\\s+(\\S+))?\\s*$"
enum { GROUP_DAYS = 1, GROUP_BEGIN_HOUR, GROUP_BEGIN_MINUTE, GROUP_END_HOUR, GROUP_END_MINUTE,
       GROUP_ZONE };

/* --- Reading --- */

static int find_day(const char *name)
{
  for (int day = 0; day < (int)G_N_ELEMENTS(day_names); day++)
    if (g_ascii_strcasecmp(name, day_names[day]) == 0)
      return day;
  return -1;
}

/* "Mon", or "Sat-Mon". */
static gboolean read_days(const char *text, gboolean days[7])
{
  g_auto(GStrv) ends = g_strsplit(text, "-", 2);
  if (ends[0] == NULL)
    return FALSE;
  int first = find_day(g_strstrip(ends[0]));
  int last = ends[1] != NULL ? find_day(g_strstrip(ends[1])) : first;
  if (first < 0 || last < 0)
    return FALSE;
  for (int day = first; day != last; day = (day + 1) % 7)
    days[day] = TRUE;
  days[last] = TRUE;
  return TRUE;
}

static int read_minutes(GMatchInfo *match, int hour_group)
{
  g_autofree char *hour = g_match_info_fetch(match, hour_group);
  g_autofree char *minute = g_match_info_fetch(match, hour_group + 1);
  int minutes = atoi(hour) * 60 + atoi(minute);
  return atoi(minute) < 60 && minutes <= MINUTES_PER_DAY ? minutes : -1;
}

static gboolean read_times(GMatchInfo *match, Opening *opening)
{
  opening->begin = read_minutes(match, GROUP_BEGIN_HOUR);
  opening->end = read_minutes(match, GROUP_END_HOUR);
  if (opening->begin < 0 || opening->end < 0 || opening->begin == opening->end ||
      opening->begin == MINUTES_PER_DAY)
    return FALSE;
  if (opening->end < opening->begin)
    opening->end += MINUTES_PER_DAY;
  return TRUE;
}

static GTimeZone *read_zone(GMatchInfo *match, GError **error)
{
  g_autofree char *name = g_match_info_fetch(match, GROUP_ZONE);
  if (name == NULL || *name == '\0')
    return g_time_zone_new_local();
  GTimeZone *zone = g_time_zone_new_identifier(name);
  if (zone == NULL)
    g_set_error(error, HOURS_ERROR, HOURS_ERROR_ZONE,
                "unknown time zone \"%s\"; write a name such as \"Europe/Brussels\", or an offset "
                "such as \"+02:00\"", name);
  return zone;
}

static gboolean read_opening(const char *text, Opening *opening, GError **error)
{
  g_autoptr(GRegex) regex = g_regex_new(OPENING_PATTERN, G_REGEX_RAW, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  gboolean good = g_regex_match(regex, text, 0, &match);
  g_autofree char *days = good ? g_match_info_fetch(match, GROUP_DAYS) : g_strdup("");
  g_auto(GStrv) parts = g_strsplit(days, ",", -1);
  for (guint i = 0; parts[i] != NULL && good; i++)
    good = read_days(parts[i], opening->days);
  if (!good || !read_times(match, opening)) {
    g_autofree char *visible = text_make_visible(text);
    g_set_error(error, HOURS_ERROR, HOURS_ERROR_SYNTAX,
                "found \"%s\", expected days, times and a time zone, such as "
                "\"Mon-Fri 08:00-18:00 Europe/Brussels\"", visible);
    return FALSE;
  }
  opening->zone = read_zone(match, error);
  return opening->zone != NULL;
}

static void clear_opening(gpointer data)
{
  g_clear_pointer(&((Opening *)data)->zone, g_time_zone_unref);
}

Hours *hours_parse(const char *text, GError **error)
{
  g_auto(GStrv) parts = g_strsplit(text, ";", -1);
  g_autoptr(Hours) hours = g_new0(Hours, 1);
  hours->openings = g_array_new(FALSE, FALSE, sizeof(Opening));
  g_array_set_clear_func(hours->openings, clear_opening);
  for (guint i = 0; i == 0 || parts[i] != NULL; i++) {
    Opening opening = { 0 };
    if (!read_opening(parts[0] != NULL ? parts[i] : "", &opening, error))
      return NULL;
    g_array_append_val(hours->openings, opening);
  }
  return g_steal_pointer(&hours);
}

void hours_free(Hours *hours)
{
  g_array_unref(hours->openings);
  g_free(hours);
}

/* --- Looking --- */

/* When the clock shows so many minutes after the midnight at which day begins. */
static gint64 moment_ms(const Opening *opening, GDateTime *day, int minutes)
{
  g_autoptr(GDateTime) date = g_date_time_add_days(day, minutes / MINUTES_PER_DAY);
  int in_day = minutes % MINUTES_PER_DAY;
  g_autoptr(GDateTime) moment =
    g_date_time_new(opening->zone, g_date_time_get_year(date), g_date_time_get_month(date),
                    g_date_time_get_day_of_month(date), in_day / 60, in_day % 60, 0);
  return g_date_time_to_unix(moment) * 1000;
}

/* How far the next opening of a week can be: one on this day that is over, and one in a week
 * that the clock skips as it is put forward. */
enum { DAYS_AHEAD = 15 };

/* Looks at the days around wall_ms, from the one before, whose opening may last until now:
 * TRUE where one has begun and not ended. */
static gboolean look(const Opening *opening, gint64 wall_ms, gint64 *until_ms)
{
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_ms / 1000);
  g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, opening->zone);
  g_autoptr(GDateTime) today = g_date_time_new_utc(g_date_time_get_year(local),
                                                   g_date_time_get_month(local),
                                                   g_date_time_get_day_of_month(local), 0, 0, 0);
  for (int offset = -1; offset <= DAYS_AHEAD; offset++) {
    g_autoptr(GDateTime) day = g_date_time_add_days(today, offset);
    if (!opening->days[g_date_time_get_day_of_week(day) - 1])
      continue;
    gint64 begin = moment_ms(opening, day, opening->begin);
    gint64 end = moment_ms(opening, day, opening->end);
    if (end <= wall_ms || end <= begin)
      continue;
    *until_ms = begin <= wall_ms ? end : begin;
    return begin <= wall_ms;
  }
  g_assert_not_reached();
}

gboolean hours_are_open(const Hours *hours, gint64 wall_ms, gint64 *until_ms)
{
  gint64 opens = G_MAXINT64, closes = 0;
  for (guint i = 0; i < hours->openings->len; i++) {
    gint64 until;
    if (look(&g_array_index(hours->openings, Opening, i), wall_ms, &until))
      closes = MAX(closes, until);
    else
      opens = MIN(opens, until);
  }
  *until_ms = closes != 0 ? closes : opens;
  return closes != 0;
}

gint64 hours_next_ms(const Hours *hours, gint64 wall_ms)
{
  gint64 until;
  return hours_are_open(hours, wall_ms, &until) ? wall_ms : until;
}

char *hours_moment_to_text(const Hours *hours, gint64 wall_ms)
{
  static const char *const names[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
                                       "Saturday", "Sunday" };
  GTimeZone *zone = g_array_index(hours->openings, Opening, 0).zone;
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(wall_ms / 1000);
  g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
  g_autofree char *text = g_date_time_format(local, "%Y-%m-%d %H:%M");
  return g_strdup_printf("%s %s (%s)", names[g_date_time_get_day_of_week(local) - 1], text,
                         g_time_zone_get_identifier(zone));
}
