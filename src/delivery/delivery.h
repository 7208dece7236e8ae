/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uuid/uuid.h>

#include "contacts/roster.h"
#include "smtp/session.h"

/* A Delivery is one contact of a release on its way: the Job that a session works on (its
 * first member), and all that is merged into the contact's copy. */

typedef struct {
  Job job;
  gpointer release;        /* Release *; it lends return_path */
  guint32 contact;
  guint64 intent;          /* its line in the journal */
  GString *strings;        /* the texts that name, values and job.mailbox point into */
  const char *name;        /* or NULL */
  const char **values;     /* by the roster's columns */
} Delivery;

Delivery *delivery_new(gpointer release, guint n_columns);
void delivery_free(Delivery *delivery);

/* Takes over what the roster lends, for use after the roster moves on. May be called
 * again for another contact. */
void delivery_set_recipient(Delivery *delivery, const RosterRecipient *recipient, guint n_columns);

/* Merges the contact's copy. The Message-ID is the UUIDv5 (RFC 9562 section 5.5) of the
 * release's and the address, at the domain of From: the same contact of the same release has
 * the same one wherever it turns up. */
void delivery_merge(const Delivery *delivery, const Message *message, const uuid_t release_uuid,
                    gint64 wall_ms, Merge *merge);
