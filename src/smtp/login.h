/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/token.h"

/* What a relay, and the proxy before it, let us in by. It is read anew for every connection,
 * so that a corrected password counts at once and none is kept longer than it is needed. */

typedef struct {
  char *password;          /* NULL, as all of these: there is none */
  char *token;             /* an access token; goes before password */
  guint token_serial;      /* 0: not one that can be fetched anew */
  char *client_key;        /* PEM */
  char *proxy_password;
} Secrets;

/* Wipes them. */
void secrets_clear(Secrets *secrets);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Secrets, secrets_clear)

typedef struct Login Login;

/* relay and events outlive the login. folder: see token.h. */
Login *login_new(Connector *connector, const RelaySettings *relay, const char *folder,
                 const TokenEvents *events, gpointer host);
void login_free(Login *login);

/* See token_is_awaited(). */
gboolean login_is_awaited(const Login *login);
void login_abandon(Login *login);

/* Fills secrets, which are empty. FALSE without error: a token is being fetched, and events
 * will tell. */
gboolean login_read(Login *login, Secrets *secrets, GError **error);

/* What became of the token in the secrets with this token_serial; see token.h. */
void login_accepted(Login *login, guint token_serial);
gboolean login_refused(Login *login, guint token_serial);
