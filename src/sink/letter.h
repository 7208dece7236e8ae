/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "sink/store.h"

/* A Letter is the message that a connection is receiving. One Letter serves a
 * connection for all its messages, one after the other; where nothing is kept, a
 * message costs no allocation. */

typedef struct {
  const char *unique;      /* "3-17": connection and message */
  guint64 connection;
  const char *sender;      /* empty for the null reverse-path */
  const char *recipients;  /* strings one after the other, an empty one at their end */
  const char *trace;       /* header lines for the Maildir's file, each with CRLF */
  gboolean eight_bit;      /* BODY=8BITMIME or SMTPUTF8 was given */
} Envelope;

typedef struct Letter Letter;

/* strict: the form of the text is checked. */
Letter *letter_new(Store *store, gboolean strict);
void letter_free(Letter *letter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Letter, letter_free)

/* Begins a message; the envelope is read, not kept. Octets beyond max_size are
 * counted only. */
void letter_begin(Letter *letter, const Envelope *envelope, guint64 max_size);
void letter_add(Letter *letter, const char *octets, gsize length);
guint64 letter_size(const Letter *letter);

/* What is wrong with the form, or NULL. */
const char *letter_flaw(const Letter *letter);

/* The message is accepted: puts it where it is to be kept, the record last. On
 * failure nothing of it is left. Ends the message. */
gboolean letter_keep(Letter *letter, const Envelope *envelope, GError **error);

/* Ends the message, if there is one, and leaves nothing of it. */
void letter_discard(Letter *letter);
