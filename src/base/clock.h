/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Two clocks, never mixed: the wall clock says when something happened or shall
 * happen, the monotonic clock measures how long. Both in milliseconds. */

gint64 clock_wall_ms(void);       /* since 1970-01-01T00:00:00Z */
gint64 clock_monotonic_ms(void);

enum { CLOCK_UTC_LENGTH = 24 };   /* "2026-11-22T10:15:00.123Z" */

/* RFC 3339 in UTC with milliseconds; buffer holds CLOCK_UTC_LENGTH + 1 bytes.
 * Moments outside of the years 0000 to 9999 become the nearest within. */
void clock_format_utc(gint64 wall_ms, char *buffer);

/* Exactly the form above; FALSE otherwise. */
gboolean clock_parse_utc(const char *text, gsize length, gint64 *wall_ms);

/* What a person writes in front matter: "2026-11-23 09:00 Europe/Brussels", with
 * "T" or a blank, seconds optional, "Z" or "+02:00" or an IANA zone; without a zone
 * the machine's own. A local time that does not exist or exists twice (daylight
 * saving) is an error that says so (CLOCK_ERROR). zone, if not NULL, gets what was
 * written of it ("Z", "+02:00", "Europe/Brussels"), NULL where nothing was. */
gboolean clock_parse_moment(const char *text, gint64 *wall_ms, char **zone, GError **error);

#define CLOCK_ERROR (clock_error_quark())
GQuark clock_error_quark(void);
typedef enum {
  CLOCK_ERROR_SYNTAX,
  CLOCK_ERROR_DATE,        /* no such day or time of day */
  CLOCK_ERROR_ZONE,        /* no such time zone */
  CLOCK_ERROR_LOCAL_TIME,  /* a local time that does not exist, or exists twice */
} ClockError;
