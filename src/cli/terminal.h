/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* How things are shown to people: colours, moments, numbers. Text from outside reaches a
 * terminal only through text_make_visible() or text_make_lines_visible(). */

typedef enum { STYLE_PLAIN, STYLE_HEADING, STYLE_GOOD, STYLE_WARNING, STYLE_BAD } Style;

/* What begins and ends a style on standard output: "" unless that is a terminal that shows
 * colours, and NO_COLOR is not set. */
const char *style_begin(Style style);
const char *style_end(Style style);

/* The style of the name of a contact's or release's state. */
Style style_of_state(const char *state);

/* Several lines, each made visible but for its tabs. Caller frees. */
char *text_make_lines_visible(const char *text);

/* "2026-11-23 09:00:00" in the local zone; "-" for 0. Caller frees. */
char *moment_to_text(gint64 wall_ms);

/* "2026-11-23T09:00:00+01:00", in the local zone: for lines. Caller frees. */
char *moment_to_stamp(gint64 wall_ms);

/* "40 s", "12 min", "3 h 20 min". Caller frees. */
char *duration_to_text(gint64 ms);

/* "1 row", "2 rows". Caller frees. */
char *count_to_text(guint64 number, const char *noun);
