/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/draft.h"

/* Which content was accepted before: from the first lines of the journals in queue/ and
 * done/. Used by one thread at a time. */
typedef struct History History;

History *history_load(const Config *config, GError **error);
void history_free(History *history);

/* An error in report where the same content was accepted before and its front matter does
 * not ask for it to be sent again. */
void history_check(const History *history, const Draft *draft, Report *report);
void history_add(History *history, const char *hash, const char *id, gint64 accepted_ms);
