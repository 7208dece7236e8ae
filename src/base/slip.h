/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The usual slips in a mail address, for suggestions: "jane@example,org", "Jane
 * <jane@example.org>", "mailto:jane@example.org", "jane (at) example.org" … A repair is only
 * ever offered, after it was checked, and never applied. */

/* What text may have been meant to be: the first repair that is_good accepts, with *slip
 * (static text, a clause) saying what is wrong with text; NULL where no slip is known. text
 * is valid UTF-8. The caller frees. */
char *slip_repair(const char *text, gboolean (*is_good)(const char *text), const char **slip);
