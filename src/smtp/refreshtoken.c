/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/refreshtoken.h"

#include <string.h>

#include "base/durable.h"
#include "config/credential.h"

struct RefreshToken {
  const RelaySettings *relay;
  char *folder;
  char *path;      /* of the newest that goes back to the credential as it was read last */
  char *unsaved;   /* it, where it is not in the file; else NULL */
};

RefreshToken *refresh_token_new(const RelaySettings *relay, const char *folder)
{
  RefreshToken *token = g_new0(RefreshToken, 1);
  token->relay = relay;
  token->folder = g_strdup(folder);
  return token;
}

static void forget(RefreshToken *token)
{
  credential_free(token->unsaved);
  token->unsaved = NULL;
}

void refresh_token_free(RefreshToken *token)
{
  if (token == NULL)
    return;
  forget(token);
  g_free(token->path);
  g_free(token->folder);
  g_free(token);
}

static char *path_for(const RefreshToken *token, const char *credential)
{
  const char *parts[] = { token->relay->oauth_token_url, token->relay->oauth_client_id,
                          credential };
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (parts[i] != NULL)
      g_checksum_update(checksum, (const guchar *)parts[i], (gssize)strlen(parts[i]) + 1);
  return g_build_filename(token->folder, g_checksum_get_string(checksum), NULL);
}

static void save(RefreshToken *token)
{
  g_autoptr(GError) error = NULL;
  if (durable_make_directory(token->folder, &error) &&
      durable_write_secret(token->path, token->unsaved, strlen(token->unsaved), &error))
    forget(token);
  else
    g_warning("relay %s: the refresh token that the token server gave in place of the last one is "
              "in memory only, and lost when the daemon ends: %s", token->relay->name,
              error->message);
}

/* NULL: there is none that can be read. */
static char *read_file(const RefreshToken *token)
{
  g_autoptr(GError) error = NULL;
  if (!g_file_test(token->path, G_FILE_TEST_EXISTS))
    return NULL;
  char *text = credential_read(token->path, &error);
  if (text == NULL)
    g_warning("relay %s: the refresh token of the settings is used, since a newer one cannot be "
              "read: %s", token->relay->name, error->message);
  return text;
}

char *refresh_token_get(RefreshToken *token, GError **error)
{
  char *credential = credential_read(token->relay->oauth_refresh_credential, error);
  if (credential == NULL)
    return NULL;
  g_autofree char *before = g_steal_pointer(&token->path);
  token->path = path_for(token, credential);
  if (g_strcmp0(before, token->path) != 0)
    forget(token);
  char *newest = g_strdup(token->unsaved);
  if (newest != NULL)
    save(token);
  else
    newest = read_file(token);
  if (newest == NULL)
    return credential;
  credential_free(credential);
  return newest;
}

void refresh_token_replace(RefreshToken *token, const char *by)
{
  forget(token);
  token->unsaved = g_strdup(by);
  save(token);
}
