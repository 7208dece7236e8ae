/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "smtp/connector.h"

/* The access token of a relay that wants OAuth 2.0 (RFC 6749): fetched over HTTPS when it
 * is first needed, by the refresh token where there is one and else by the client's own
 * credentials, and again a minute before it expires. There is one request at a time. A new
 * refresh token in the answer takes the place of the former one: see refreshtoken.h. */

typedef struct Token Token;

typedef struct {
  void (*ready)(gpointer host);                        /* token_get() has it now */
  void (*failed)(gpointer host, const char *reason);   /* a sentence without secrets; borrowed */
} TokenEvents;

/* relay has an oauth_token_url and, as events, outlives the token. folder is for what the token
 * server changes. */
Token *token_new(Connector *connector, const RelaySettings *relay, const char *folder,
                 const TokenEvents *events, gpointer host);
void token_free(Token *token);

/* An answer is on its way, and with it maybe the only refresh token that is good from then on:
 * whoever need not should not free the token now. Events will tell. */
gboolean token_is_awaited(const Token *token);
/* No longer: events will not tell. */
void token_abandon(Token *token);

/* The token, borrowed until the main loop runs again, and its number. NULL without error:
 * it is being fetched, and events will tell. */
const char *token_get(Token *token, guint *serial, GError **error);

/* The relay let the token with this number in. */
void token_accepted(Token *token, guint serial);

/* The relay refused it: it is thrown away. TRUE where another one is worth a try; FALSE
 * where this one had itself been fetched because one was refused. */
gboolean token_refused(Token *token, guint serial);
