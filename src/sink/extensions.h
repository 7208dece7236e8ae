/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The SMTP extensions that the server announces and keeps to. */

typedef enum {
  EXTENSION_PIPELINING,
  EXTENSION_8BITMIME,
  EXTENSION_SIZE,
  EXTENSION_CHUNKING,
  EXTENSION_SMTPUTF8,
  EXTENSION_DSN,
  EXTENSION_ENHANCEDSTATUSCODES,
  EXTENSION_STARTTLS,
  EXTENSION_AUTH,
  EXTENSION_COUNT,
} Extension;

typedef struct Extensions Extensions;

/* All but STARTTLS and AUTH. */
Extensions *extensions_new(void);
void extensions_free(Extensions *extensions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Extensions, extensions_free)

/* Replaces the set by a list such as "PIPELINING,SIZE=1000,AUTH=PLAIN LOGIN,X-ODD". */
gboolean extensions_set(Extensions *extensions, const char *list, GError **error);

void extensions_add(Extensions *extensions, Extension extension);
gboolean extensions_remove(Extensions *extensions, const char *name, GError **error);

gboolean extensions_offer(const Extensions *extensions, Extension extension);

/* The largest message, or G_MAXUINT64 if there is no limit. */
guint64 extensions_size(const Extensions *extensions);

/* Whether AUTH is offered with that mechanism. */
gboolean extensions_offer_mechanism(const Extensions *extensions, const char *mechanism);

/* The reply to EHLO without its last CRLF; the caller frees it. */
char *extensions_to_reply(const Extensions *extensions, gboolean tls);
