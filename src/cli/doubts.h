/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/verp.h"
#include "config/config.h"
#include "delivery/summary.h"

/* The contacts of a release that are in doubt, with all by which their messages can be
 * looked up elsewhere; and the way to have the daemon settle them. */

typedef struct {
  guint32 contact;
  char *address;
  char *message_id;             /* without brackets */
  char token[VERP_TOKEN_SIZE];  /* of its return path; "": it has none of its own */
  char *relay;                  /* NULL: not known, as the next two */
  char *stage, *text;
  gint64 intended_ms, doubt_ms; /* wall clock */
} Doubt;

/* Doubt *, by contact. address: as of facts_open(). */
GPtrArray *doubts_read(const char *spool, const Summary *summary, const char *address,
                       GError **error);

typedef enum { SETTLE_SENT, SETTLE_DUE } Settlement;

/* Has the daemon settle doubts (Doubt *) of the release id. reason may be NULL. */
gboolean doubts_settle(const Config *config, const char *id, const GPtrArray *doubts,
                       Settlement settlement, const char *reason, GError **error);
