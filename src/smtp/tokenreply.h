/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The answer of a token server (RFC 6749 sections 5.1 and 5.2). */
typedef struct {
  char *access_token;
  char *refresh_token;   /* to be used from now on; NULL: the former one stays good */
  gint64 lifetime_ms;
} TokenReply;

enum { TOKEN_REPLY_LARGEST = 64 << 10 };   /* bytes of an answer */

/* status is that of HTTP; body need not be text. An error (SMTP_ERROR) is one line made
 * visible that has the server's error_description in it, and never a token. */
gboolean token_reply_read(long status, const char *body, gsize length, TokenReply *reply,
                          GError **error);

/* Wipes the tokens. */
void token_reply_clear(TokenReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TokenReply, token_reply_clear)

#define SMTP_ERROR (smtp_error_quark())
GQuark smtp_error_quark(void);
typedef enum { SMTP_ERROR_TOKEN } SmtpError;
