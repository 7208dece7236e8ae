/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/draft.h"

/* What a second pair of eyes would see in a release: no mistake that keeps it from being sent,
 * but one that its author would not want to have sent.
 *
 *   links and mail addresses that lead nowhere, pictures without a text
 *   paragraphs torn in two, doubled words, placeholders that were left over
 *   quotation marks that do not match or do not close
 *   the date behind the place at the beginning, when it is not about today
 *   a subject that is too long or in capitals, an embargo that has passed
 *
 * Each text of the drop is read by itself: the release's, and the partials that it uses. What
 * merge tags leave behind is not judged, nor is a quotation around the tags of sections. */

typedef struct {
  gint64 now_ms;          /* wall clock */
  gint64 send_at_ms;      /* wall clock; 0: at once */
  const char *language;   /* BCP 47, of the text */
  FindingLevel level;     /* of what is found */
} ProofreadOptions;

void proofread(const Draft *draft, const ProofreadOptions *options, Report *report);
