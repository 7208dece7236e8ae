/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/token.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "config/credential.h"
#include "smtp/refreshtoken.h"
#include "smtp/route.h"
#include "smtp/tokenreply.h"

/* How long before its end a token is no longer used for new connections. */
enum { MARGIN_MS = 60 * 1000 };

/* What is under way to the token server. The secrets are kept until the answer has come, to
 * be cut out of what it says. */
typedef struct {
  CURL *curl;
  Transfer *transfer;
  struct curl_slist *headers;
  char *client_secret;    /* NULL, as the next: the settings have none */
  char *refresh_token;
  char *proxy_password;
  char *form;
  GString *answer;        /* as large as it may become, so that no part of it is left behind */
  char error[CURL_ERROR_SIZE];
} Request;

struct Token {
  Connector *connector;
  const RelaySettings *relay;
  const TokenEvents *events;
  gpointer host;
  RefreshToken *refresh;  /* NULL: the client's own credentials are used */
  char *text;             /* NULL: there is none */
  guint serial;
  gint64 expires_ms;      /* monotonic, the margin taken off */
  gboolean suspect;       /* one was refused, and none has been accepted since */
  Request *request;       /* NULL: none is under way */
};

/* --- The request --- */

static void request_free(Request *request)
{
  if (request->transfer != NULL)
    transfer_end(request->transfer);
  curl_easy_cleanup(request->curl);
  curl_slist_free_all(request->headers);
  credential_free(request->client_secret);
  credential_free(request->refresh_token);
  credential_free(request->proxy_password);
  credential_free(request->form);
  explicit_bzero(request->answer->str, request->answer->allocated_len);
  g_string_free(request->answer, TRUE);
  g_free(request);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_free)

static size_t on_answer(char *data, size_t size, size_t count, void *user)
{
  Request *request = user;
  if (request->answer->len + size * count > TOKEN_REPLY_LARGEST)
    return 0;
  g_string_append_len(request->answer, data, (gssize)(size * count));
  return size * count;
}

static void add_field(Request *request, const char *name, const char *value)
{
  if (value == NULL)
    return;
  char *escaped = g_uri_escape_string(value, NULL, FALSE);
  char *before = request->form;
  request->form = before == NULL ? g_strconcat(name, "=", escaped, NULL)
                                 : g_strconcat(before, "&", name, "=", escaped, NULL);
  credential_free(before);
  credential_free(escaped);
}

static gboolean read_secrets(Request *request, const Token *token, GError **error)
{
  const RelaySettings *relay = token->relay;
  if (token->refresh != NULL)
    request->refresh_token = refresh_token_get(token->refresh, error);
  return (token->refresh == NULL || request->refresh_token != NULL) &&
         credential_read_if_set(relay->oauth_client_credential, &request->client_secret, error) &&
         credential_read_if_set(relay->proxy_credential, &request->proxy_password, error);
}

static void fill_form(Request *request, const RelaySettings *relay)
{
  add_field(request, "grant_type",
            request->refresh_token != NULL ? "refresh_token" : "client_credentials");
  add_field(request, "client_id", relay->oauth_client_id);
  add_field(request, "client_secret", request->client_secret);
  add_field(request, "refresh_token", request->refresh_token);
  add_field(request, "scope", relay->oauth_scope);
}

static void set_options(Request *request, const RelaySettings *relay)
{
  CURL *curl = request->curl;
  route_set(curl, relay, request->proxy_password);
  route_set_trust(curl, NULL);
  curl_easy_setopt(curl, CURLOPT_URL, relay->oauth_token_url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)relay->connect_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->form);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->error);
}

static Request *request_new(const Token *token, GError **error)
{
  g_autoptr(Request) request = g_new0(Request, 1);
  request->answer = g_string_sized_new(TOKEN_REPLY_LARGEST);
  if (!read_secrets(request, token, error))
    return NULL;
  request->curl = curl_easy_init();
  request->headers = curl_slist_append(NULL, "Accept: application/json");
  fill_form(request, token->relay);
  set_options(request, token->relay);
  return g_steal_pointer(&request);
}

/* --- The answer --- */

/* A server may repeat what it was sent. */
static char *without(const char *text, const char *secret)
{
  if (secret == NULL)
    return g_strdup(text);
  g_auto(GStrv) parts = g_strsplit(text, secret, -1);
  return g_strjoinv("…", parts);
}

static char *reason_of(const Token *token, const Request *request, const char *what)
{
  g_autofree char *once = without(what, request->client_secret);
  g_autofree char *twice = without(once, request->refresh_token);
  if (strlen(twice) > LIMIT_REPLY_TEXT_KEPT)
    *g_utf8_find_prev_char(twice, twice + LIMIT_REPLY_TEXT_KEPT) = '\0';
  g_autoptr(GUri) uri = g_uri_parse(token->relay->oauth_token_url, G_URI_FLAGS_NONE, NULL);
  return g_strdup_printf("no token from %s: %s", g_uri_get_host(uri), twice);
}

static gboolean read_answer(Request *request, CURLcode result, TokenReply *reply, GError **error)
{
  long status = 0;
  if (result == CURLE_WRITE_ERROR) {
    g_set_error(error, SMTP_ERROR, SMTP_ERROR_TOKEN, "its answer is longer than %d bytes",
                TOKEN_REPLY_LARGEST);
    return FALSE;
  }
  if (result != CURLE_OK) {
    g_set_error(error, SMTP_ERROR, SMTP_ERROR_TOKEN, "%s",
                request->error[0] != '\0' ? request->error : curl_easy_strerror(result));
    return FALSE;
  }
  curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
  return token_reply_read(status, request->answer->str, request->answer->len, reply, error);
}

static void forget(Token *token)
{
  credential_free(token->text);
  token->text = NULL;
}

/* One that lives for two minutes or less is used for half of its time. */
static void keep(Token *token, TokenReply *reply)
{
  forget(token);
  token->text = g_steal_pointer(&reply->access_token);
  token->serial++;
  token->expires_ms = clock_monotonic_ms() + reply->lifetime_ms -
                      MIN(MARGIN_MS, reply->lifetime_ms / 2);
}

/* It may be the only one that is good from now on, so it goes before all else. */
static void keep_refresh_token(const Token *token, const Request *request, const TokenReply *reply)
{
  if (token->refresh != NULL && reply->refresh_token != NULL &&
      !g_str_equal(reply->refresh_token, request->refresh_token))
    refresh_token_replace(token->refresh, reply->refresh_token);
}

static void on_done(CURLcode result, gpointer owner)
{
  Token *token = owner;
  g_autoptr(GError) error = NULL;
  g_auto(TokenReply) reply = { 0 };
  g_autoptr(Request) request = g_steal_pointer(&token->request);
  if (read_answer(request, result, &reply, &error)) {
    keep_refresh_token(token, request, &reply);
    keep(token, &reply);
    token->events->ready(token->host);
  } else {
    g_autofree char *reason = reason_of(token, request, error->message);
    token->events->failed(token->host, reason);
  }
}

/* --- The token --- */

Token *token_new(Connector *connector, const RelaySettings *relay, const char *folder,
                 const TokenEvents *events, gpointer host)
{
  Token *token = g_new0(Token, 1);
  token->connector = connector;
  token->relay = relay;
  token->events = events;
  token->host = host;
  if (relay->oauth_refresh_credential != NULL)
    token->refresh = refresh_token_new(relay, folder);
  return token;
}

void token_free(Token *token)
{
  if (token == NULL)
    return;
  token_abandon(token);
  refresh_token_free(token->refresh);
  forget(token);
  g_free(token);
}

gboolean token_is_awaited(const Token *token)
{
  return token->request != NULL;
}

void token_abandon(Token *token)
{
  g_clear_pointer(&token->request, request_free);
}

const char *token_get(Token *token, guint *serial, GError **error)
{
  if (token->text != NULL && clock_monotonic_ms() < token->expires_ms) {
    *serial = token->serial;
    return token->text;
  }
  forget(token);
  if (token->request != NULL)
    return NULL;
  token->request = request_new(token, error);
  if (token->request != NULL)
    token->request->transfer = transfer_start(token->connector, token->request->curl, on_done,
                                              token);
  return NULL;
}

void token_accepted(Token *token, guint serial)
{
  if (serial == token->serial)
    token->suspect = FALSE;
}

gboolean token_refused(Token *token, guint serial)
{
  if (token->text == NULL || serial != token->serial)
    return TRUE;
  gboolean first = !token->suspect;
  forget(token);
  token->suspect = TRUE;
  return first;
}
