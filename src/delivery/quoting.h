/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A field's value as it stands in a journal's line (record.h says how), in memory that
 * is there already: nothing is allocated. */

/* Writes value at `at`, before end, and returns what is behind it; NULL where there is
 * not room enough. With may_cut it is cut between characters instead and ends in "…". */
char *quoting_put_value(char *at, const char *end, const char *value, gboolean may_cut);

/* Parses in place the value at *at, in a text that ends in NUL, and moves *at behind it;
 * *value is terminated by NUL if it was quoted, otherwise by what the caller makes of
 * **at. NULL, or what is wrong with it (static text). */
const char *quoting_parse_value(char **at, const char **value);
