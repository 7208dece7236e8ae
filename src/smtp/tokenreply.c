/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/tokenreply.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/names.h"
#include "config/credential.h"

G_DEFINE_QUARK(dateline-smtp-error-quark, smtp_error)

/* Of a server that does not say (RFC 6749 leaves it to the documentation). */
enum { LIFETIME_UNSAID_S = 300, LIFETIME_LONGEST_S = 30 * 24 * 3600 };
/* It has to be read again as a credential is. */
enum { REFRESH_TOKEN_LONGEST = 16 << 10 };

static gboolean G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_propagate_error(error, g_error_new_valist(SMTP_ERROR, SMTP_ERROR_TOKEN, format, arguments));
  va_end(arguments);
  return FALSE;
}

static const char *text_member(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING
    ? json_node_get_string(node) : NULL;
}

/* A number, or as some servers have it a text of digits; negative: none that makes sense. */
static gint64 seconds_member(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  GType type = node != NULL ? json_node_get_value_type(node) : G_TYPE_INVALID;
  guint64 number;
  if (node == NULL || JSON_NODE_HOLDS_NULL(node))
    return LIFETIME_UNSAID_S;
  if (type == G_TYPE_INT64)
    return json_node_get_int(node);
  if (type == G_TYPE_DOUBLE)
    return (gint64)CLAMP(json_node_get_double(node), -1.0, (double)LIFETIME_LONGEST_S);
  if (type == G_TYPE_STRING &&
      g_ascii_string_to_unsigned(json_node_get_string(node), 10, 0, LIFETIME_LONGEST_S, &number,
                                 NULL))
    return (gint64)number;
  return -1;
}

/* What the server has against the request. */
static gboolean refuse_as_said(long status, JsonObject *object, GError **error)
{
  const char *code = object != NULL ? text_member(object, "error") : NULL;
  const char *description = object != NULL ? text_member(object, "error_description") : NULL;
  if (code == NULL)
    return refuse(error, "it answers with the HTTP status %ld and no reason", status);
  g_autofree char *said = g_strdup_printf("%s%s%s", code, description != NULL ? ": " : "",
                                          description != NULL ? description : "");
  g_strdelimit(said, "\r\n", ' ');
  g_autofree char *visible = text_make_visible(g_strchomp(said));
  return refuse(error, "it says: %s", visible);
}

/* RFC 6750 section 2.1 allows no more, and it goes into an SMTP command. */
static gboolean is_token(const char *text)
{
  return *text != '\0' &&
         strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") ==
           strlen(text);
}

/* RFC 6749 appendix A.17. One that is null or empty is none. */
static gboolean read_refresh_token(JsonObject *object, char **token)
{
  JsonNode *node = json_object_get_member(object, "refresh_token");
  const char *text = text_member(object, "refresh_token");
  if (node == NULL || JSON_NODE_HOLDS_NULL(node) || g_strcmp0(text, "") == 0)
    return TRUE;
  if (text == NULL || strlen(text) > REFRESH_TOKEN_LONGEST)
    return FALSE;
  for (const char *at = text; *at != '\0'; at++)
    if (!g_ascii_isprint(*at))
      return FALSE;
  *token = g_strdup(text);
  return TRUE;
}

static gboolean read_grant(JsonObject *object, TokenReply *reply, GError **error)
{
  const char *token = text_member(object, "access_token");
  const char *type = text_member(object, "token_type");
  gint64 lifetime = seconds_member(object, "expires_in");
  if (token == NULL || !is_token(token))
    return refuse(error, "its answer has no access_token, or one with characters that none has");
  if (type != NULL && g_ascii_strcasecmp(type, "Bearer") != 0)
    return refuse(error, "its tokens are not of the type Bearer");
  if (lifetime <= 0)
    return refuse(error, "the expires_in of its answer is not a number of seconds above 0");
  if (!read_refresh_token(object, &reply->refresh_token))
    return refuse(error, "its answer has a refresh_token that is no text, longer than %d bytes, or "
                  "with characters that none has", REFRESH_TOKEN_LONGEST);
  reply->access_token = g_strdup(token);
  reply->lifetime_ms = MIN(lifetime, LIFETIME_LONGEST_S) * 1000;
  return TRUE;
}

gboolean token_reply_read(long status, const char *body, gsize length, TokenReply *reply,
                          GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new();
  JsonObject *object = NULL;
  if (length > 0 && json_parser_load_from_data(parser, body, (gssize)length, NULL) &&
      json_parser_get_root(parser) != NULL && JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
    object = json_node_get_object(json_parser_get_root(parser));
  if (status < 200 || status > 299)
    return refuse_as_said(status, object, error);
  if (object == NULL)
    return refuse(error, "its answer is not a JSON object");
  return read_grant(object, reply, error);
}

void token_reply_clear(TokenReply *reply)
{
  credential_free(reply->access_token);
  credential_free(reply->refresh_token);
  *reply = (TokenReply){ 0 };
}
