/* SPDX-License-Identifier: Apache-2.0 */
#include "config/number.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

const Unit number_time_units[] = {
  {"ms", 1, TRUE},
  {"s", SECOND, TRUE},
  {"sec", SECOND, FALSE},
  {"second", SECOND, FALSE},
  {"seconds", SECOND, FALSE},
  {"min", MINUTE, TRUE},
  {"minute", MINUTE, FALSE},
  {"minutes", MINUTE, FALSE},
  {"h", HOUR, TRUE},
  {"hour", HOUR, FALSE},
  {"hours", HOUR, FALSE},
  {"d", DAY, TRUE},
  {"day", DAY, FALSE},
  {"days", DAY, FALSE},
  {NULL, 0, FALSE},
};

const Unit number_size_units[] = {
  {"B", 1, TRUE},
  {"kB", 1000, FALSE},
  {"MB", 1000 * 1000, FALSE},
  {"GB", 1000 * 1000 * 1000, FALSE},
  {"KiB", 1 << 10, TRUE},
  {"MiB", 1 << 20, TRUE},
  {"GiB", 1 << 30, TRUE},
  {NULL, 0, FALSE},
};

const Unit number_no_units[] = {
  {"", 1, TRUE},
  {NULL, 0, FALSE},
};

static const Unit *find_unit(const Unit *unit, const char *name)
{
  while (unit->name != NULL && !g_str_equal(unit->name, name)) {
    unit++;
  }
  return unit->name != NULL ? unit : NULL;
}

gboolean number_read(const char *text, const Unit *units, const char *bare, double *number)
{
  gsize length = strspn(text, "-.0123456789");
  g_autofree char *digits = g_strndup(text, length);
  g_autofree char *name = g_strstrip(g_strdup(text + length));
  const Unit *unit = find_unit(units, *name != '\0' ? name : bare);
  char *end;
  double count = g_ascii_strtod(digits, &end);

  if (length == 0 || *end != '\0' || unit == NULL) {
    return FALSE;
  }
  *number = count * (double)unit->factor;
  return TRUE;
}

char *number_write(gint64 number, const Unit *units)
{
  const Unit *best = units;

  if (number == 0) {
    return g_strdup("0");
  }
  for (const Unit *unit = units; unit->name != NULL; unit++) {
    if (unit->written && unit->factor > best->factor && number % unit->factor == 0) {
      best = unit;
    }
  }
  return g_strdup_printf("%" G_GINT64_FORMAT "%s%s", number / best->factor,
                         *best->name != '\0' ? " " : "", best->name);
}

gboolean rate_read(const char *text, Rate *rate)
{
  g_auto(GStrv) parts = g_strsplit(text, "/", 2);
  guint64 count;

  if (g_str_equal(text, "none")) {
    *rate = (Rate){0};
    return TRUE;
  }
  if (parts[0] == NULL || parts[1] == NULL) {
    return FALSE;
  }
  const Unit *unit = find_unit(number_time_units, g_strstrip(parts[1]));
  if (unit == NULL ||
      !g_ascii_string_to_unsigned(g_strstrip(parts[0]), 10, 1, G_MAXINT, &count, NULL)) {
    return FALSE;
  }
  *rate = (Rate){.count = (guint)count, .period_ms = unit->factor};
  return TRUE;
}

char *rate_write(const Rate *rate)
{
  if (rate->count == 0) {
    return g_strdup("none");
  }
  g_autofree char *period = number_write(rate->period_ms, number_time_units);
  return g_strdup_printf("%u/%s", rate->count, strchr(period, ' ') + 1);
}
