/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/draft.h"

/* What stands between "---" lines at the beginning of a release, in YAML. Empty lines may
 * come before it. A text that does not begin so has none, which is no mistake. */

/* text is what begins at line 1 of file. Sets *body and *body_line to what follows the front
 * matter, and front to what it says; every mistake goes into report. */
void front_matter_read(const char *text, const char *file, FrontMatter *front,
                       const char **body, guint *body_line, Report *report);
void front_matter_clear(FrontMatter *front);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FrontMatter, front_matter_clear)

/* "en", "pt-BR": looks like a tag of BCP 47. */
gboolean language_is_plausible(const char *language);
