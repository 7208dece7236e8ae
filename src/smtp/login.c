/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/login.h"

#include "config/credential.h"
#include "config/mechanism.h"

struct Login {
  const RelaySettings *relay;
  Token *token;   /* NULL: no OAuth */
};

void secrets_clear(Secrets *secrets)
{
  credential_free(secrets->password);
  credential_free(secrets->token);
  credential_free(secrets->client_key);
  credential_free(secrets->proxy_password);
  *secrets = (Secrets){ 0 };
}

Login *login_new(Connector *connector, const RelaySettings *relay, const char *folder,
                 const TokenEvents *events, gpointer host)
{
  Login *login = g_new0(Login, 1);
  login->relay = relay;
  if (relay->oauth_token_url != NULL)
    login->token = token_new(connector, relay, folder, events, host);
  return login;
}

void login_free(Login *login)
{
  token_free(login->token);
  g_free(login);
}

gboolean login_is_awaited(const Login *login)
{
  return login->token != NULL && token_is_awaited(login->token);
}

void login_abandon(Login *login)
{
  if (login->token != NULL)
    token_abandon(login->token);
}

static gboolean take_token(Login *login, Secrets *secrets, GError **error)
{
  if (login->token != NULL)
    secrets->token = g_strdup(token_get(login->token, &secrets->token_serial, error));
  return login->token == NULL || secrets->token != NULL;
}

static gboolean take_client_key(const Login *login, Secrets *secrets, GError **error)
{
  if (login->relay->client_key != NULL)
    secrets->client_key = credential_read_key(login->relay->client_key, error);
  return login->relay->client_key == NULL || secrets->client_key != NULL;
}

gboolean login_read(Login *login, Secrets *secrets, GError **error)
{
  const RelaySettings *relay = login->relay;
  char **secret = relay_takes_token(relay) ? &secrets->token : &secrets->password;
  if (take_token(login, secrets, error) &&
      credential_read_if_set(relay->credential, secret, error) &&
      take_client_key(login, secrets, error) &&
      credential_read_if_set(relay->proxy_credential, &secrets->proxy_password, error))
    return TRUE;
  secrets_clear(secrets);
  return FALSE;
}

void login_accepted(Login *login, guint token_serial)
{
  if (login->token != NULL)
    token_accepted(login->token, token_serial);
}

gboolean login_refused(Login *login, guint token_serial)
{
  return login->token != NULL && token_refused(login->token, token_serial);
}
