/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Hours of the week, as people write them: "Mon-Fri 08:00-18:00 Europe/Brussels". Days are
 * single or ranges, with commas between; a zone is that of an IANA name or an offset, or the
 * machine's own where there is none; several openings have ";" between them. One that ends
 * before it begins ends on the next day; 24:00 is the end of a day.
 *
 * They go by the clock on the wall, also on days on which it is put forward or back: of a
 * time that it passes twice the second one counts, and for one that it skips the time to
 * which it is put forward; an opening that it skips as a whole is none. */

typedef struct Hours Hours;

Hours *hours_parse(const char *text, GError **error);
void hours_free(Hours *hours);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hours, hours_free)

/* Whether wall_ms lies within them. until_ms gets when that changes, or may: openings that
 * follow one another without a gap are told one by one. */
gboolean hours_are_open(const Hours *hours, gint64 wall_ms, gint64 *until_ms);

/* wall_ms, or the beginning of the next opening. */
gint64 hours_next_ms(const Hours *hours, gint64 wall_ms);

/* "Monday 2026-11-23 08:00 (Europe/Brussels)", in the zone of the first opening. Caller frees. */
char *hours_moment_to_text(const Hours *hours, gint64 wall_ms);

#define HOURS_ERROR (hours_error_quark())
GQuark hours_error_quark(void);
typedef enum { HOURS_ERROR_SYNTAX, HOURS_ERROR_ZONE } HoursError;
