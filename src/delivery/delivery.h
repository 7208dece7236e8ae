/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uuid/uuid.h>

#include "base/limits.h"
#include "base/verp.h"
#include "delivery/domains.h"
#include "delivery/terms.h"
#include "smtp/session.h"

/* A Delivery is one contact of a release on its way: the Job that a session works on (its
 * first member), and all that is merged into the contact's copy. */

typedef struct {
  Job job;
  gpointer release;        /* Release * */
  guint32 contact;
  Domains *domains;        /* whose lane it is under way in; a reference, while it is out */
  guint lane;
  guint64 intent;          /* its line in the journal */
  GString *strings;        /* the texts that name, values and job.mailbox point into */
  const char *name;        /* or NULL */
  const char **values;     /* by the roster's columns */
  VerpKey *key;            /* the release's, or NULL */
  char token[VERP_TOKEN_SIZE];   /* made when it is wanted; "": not yet */
  GString *return_path;    /* job.return_path */
} Delivery;

Delivery *delivery_new(gpointer release, guint n_columns);
void delivery_free(Delivery *delivery);

/* Takes over what the roster lends, for use after the roster moves on. May be called
 * again for another contact. */
void delivery_set_recipient(Delivery *delivery, const RosterRecipient *recipient, guint n_columns);

/* What the recipient's envelope says beside the recipient. key: of the terms' token_key;
 * NULL for a release that was accepted before there were tokens, which goes on without. */
void delivery_set_envelope(Delivery *delivery, const Terms *terms, VerpKey *key);

/* The Message-ID, without brackets, of the copy for mailbox: the UUIDv5 (RFC 9562 section
 * 5.5) of the release's and the address, at the domain of from, the address of From:. The
 * same contact of the same release has the same one wherever it turns up. */
enum { MESSAGE_ID_SIZE = UUID_STR_LEN + 1 + LIMIT_DOMAIN + 1 };
void delivery_message_id(const uuid_t release_uuid, const char *mailbox, const char *from,
                         char buffer[MESSAGE_ID_SIZE]);

/* Merges the contact's copy. */
void delivery_merge(const Delivery *delivery, const Message *message, const uuid_t release_uuid,
                    gint64 wall_ms, Merge *merge);
