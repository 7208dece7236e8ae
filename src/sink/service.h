/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <openssl/ssl.h>

#include "sink/auth.h"
#include "sink/extensions.h"
#include "sink/script.h"
#include "sink/store.h"
#include "sink/totals.h"

/* What all conversations of the server share. Everything but the totals and the
 * counters inside the script stays as it is once the server runs. */

typedef struct {
  Extensions *extensions;
  char *hello;           /* the reply to EHLO */
  char *hello_tls;       /* the same inside TLS */
  Script *script;
  Store *store;
  SSL_CTX *tls;          /* NULL without TLS */
  gboolean tls_wrapped;  /* TLS from the first octet on */
  Credential credential; /* with a password, mail is taken only after AUTH */
  gboolean strict;       /* what SMTP forbids is refused even where it could be understood */
  guint delay;           /* milliseconds before every reply */
  guint latency;         /* milliseconds that every reply is under way */
  Totals totals;
} Service;
