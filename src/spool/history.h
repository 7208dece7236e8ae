/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* Which content was accepted before: from the first lines of the journals in queue/ and
 * done/. Used by one thread at a time. */
typedef struct History History;

History *history_load(const Config *config, GError **error);
void history_free(History *history);

typedef struct {
  char *id;
  gint64 accepted_ms;
} HistoryEntry;

/* The release that had content of this hash, the first one, or NULL. Borrowed. */
const HistoryEntry *history_find(const History *history, const char *hash);
void history_add(History *history, const char *hash, const char *id, gint64 accepted_ms);
