/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The drops in a spool's rejected/. */

typedef struct {
  char *id;
  gint64 refused_ms;   /* wall clock */
  char *text;          /* REASON.txt; "" where there is none to be read */
  char *reason;        /* the first of its reasons, one line */
} Refusal;

void refusal_free(Refusal *refusal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Refusal, refusal_free)

/* Those since since_ms, the oldest first. Refusal * */
GPtrArray *refusals_list(const char *spool, gint64 since_ms, GError **error);

/* The newest whose id has part in it, or NULL. */
Refusal *refusals_find(const char *spool, const char *part);
