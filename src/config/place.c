/* SPDX-License-Identifier: Apache-2.0 */
#include "config/place.h"

Place place_at(const Place *place, const config_setting_t *node)
{
  Place other = *place;

  other.node = node;
  return other;
}

Place place_member(const Place *place, const char *name)
{
  const config_setting_t *member = config_setting_get_member(place->node, name);

  return place_at(place, member != NULL ? member : place->node);
}

gboolean place_has(const Place *place, const char *name)
{
  return config_setting_get_member(place->node, name) != NULL;
}

/* libconfig knows the file's name only where it came in by @include. */
static const char *file_of(const Place *place)
{
  const char *file = config_setting_source_file(place->node);

  return file != NULL ? file : place->path;
}

void place_error(const Place *place, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_error(place->report, file_of(place), config_setting_source_line(place->node), 0, "%s",
               text);
}

void place_warning(const Place *place, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_warning(place->report, file_of(place), config_setting_source_line(place->node), 0, "%s",
                 text);
}
