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

static gboolean budget_read(const char *text, Budget *budget)
{
  g_auto(GStrv) parts = g_strsplit(text, "/", 2);
  guint64 count;

  if (parts[0] == NULL || parts[1] == NULL) {
    return FALSE;
  }
  const Unit *unit = find_unit(number_time_units, g_strstrip(parts[1]));
  if (unit == NULL ||
      !g_ascii_string_to_unsigned(g_strstrip(parts[0]), 10, 1, G_MAXINT, &count, NULL)) {
    return FALSE;
  }
  *budget = (Budget){.count = (guint)count, .period_ms = unit->factor};
  return TRUE;
}

static gboolean rate_add(Rate *rate, Budget budget)
{
  guint place = 0;

  while (place < rate->length && rate->budgets[place].period_ms < budget.period_ms) {
    place++;
  }
  if (rate->length == RATE_BUDGETS ||
      (place < rate->length && rate->budgets[place].period_ms == budget.period_ms)) {
    return FALSE;
  }
  for (guint i = rate->length++; i > place; i--) {
    rate->budgets[i] = rate->budgets[i - 1];
  }
  rate->budgets[place] = budget;
  return TRUE;
}

gboolean rate_read(const char *text, Rate *rate)
{
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  Rate read = {0};
  Budget budget;

  if (g_str_equal(text, "none")) {
    *rate = read;
    return TRUE;
  }
  for (guint i = 0; parts[i] != NULL; i++) {
    if (!budget_read(parts[i], &budget) || !rate_add(&read, budget)) {
      return FALSE;
    }
  }
  *rate = read;
  return read.length > 0;
}

char *rate_write(const Rate *rate)
{
  GString *text = g_string_new(rate->length == 0 ? "none" : NULL);

  for (guint i = 0; i < rate->length; i++) {
    g_autofree char *period = number_write(rate->budgets[i].period_ms, number_time_units);
    g_string_append_printf(text, "%s%u/%s", i > 0 ? ", " : "", rate->budgets[i].count,
                           strchr(period, ' ') + 1);
  }
  return g_string_free(text, FALSE);
}
