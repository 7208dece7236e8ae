/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/auth.h"

#include <string.h>

struct Auth {
  const Credential *credential;
  void (*take)(Auth *auth, const char *response, gsize length);
  AuthState state;
  const char *reply;
  char *user;
};

static void challenge(Auth *auth, const char *reply)
{
  auth->state = AUTH_CHALLENGE;
  auth->reply = reply;
}

static void refuse(Auth *auth, const char *reply)
{
  auth->state = AUTH_REFUSED;
  auth->reply = reply;
}

static void refuse_malformed(Auth *auth)
{
  refuse(auth, "501 5.5.2 this response makes no sense");
}

static gboolean credential_fits(const Auth *auth, const char *password)
{
  const Credential *wanted = auth->credential;
  return wanted->password == NULL || (strcmp(wanted->user, auth->user) == 0 &&
                                      strcmp(wanted->password, password) == 0);
}

static void decide(Auth *auth, const char *password)
{
  if (credential_fits(auth, password)) {
    auth->state = AUTH_ACCEPTED;
    auth->reply = "235 2.7.0 welcome";
  } else {
    refuse(auth, "535 5.7.8 these are not the right credentials");
  }
}

/* RFC 4616: authorisation identity, NUL, user, NUL, password. */
static void take_plain(Auth *auth, const char *response, gsize length)
{
  const char *end = response + length;
  const char *user = memchr(response, '\0', length);
  const char *password = user != NULL ? memchr(user + 1, '\0', (gsize)(end - user - 1)) : NULL;
  if (password == NULL || memchr(password + 1, '\0', (gsize)(end - password - 1)) != NULL) {
    refuse_malformed(auth);
    return;
  }
  auth->user = g_strdup(user + 1);
  decide(auth, password + 1);
}

static void take_login_password(Auth *auth, const char *response, gsize length G_GNUC_UNUSED)
{
  decide(auth, response);
}

static void take_login_user(Auth *auth, const char *response, gsize length G_GNUC_UNUSED)
{
  auth->user = g_strdup(response);
  auth->take = take_login_password;
  challenge(auth, "334 UGFzc3dvcmQ6");
}

/* After XOAUTH2's explanation the client answers with an empty line. */
static void take_xoauth2_end(Auth *auth, const char *response G_GNUC_UNUSED,
                             gsize length G_GNUC_UNUSED)
{
  refuse(auth, "535 5.7.8 this is not the right token");
}

/* "user=" user ^A "auth=Bearer " token ^A ^A. A refusal is first explained in JSON. */
static void take_xoauth2(Auth *auth, const char *response, gsize length G_GNUC_UNUSED)
{
  g_auto(GStrv) parts = g_strsplit(response, "\001", -1);
  gboolean well_formed = g_strv_length(parts) == 4 && g_str_has_prefix(parts[0], "user=") &&
                         g_ascii_strncasecmp(parts[1], "auth=Bearer ", 12) == 0;
  if (!well_formed) {
    refuse_malformed(auth);
    return;
  }
  auth->user = g_strdup(parts[0] + 5);
  decide(auth, parts[1] + 12);
  if (auth->state == AUTH_REFUSED) {
    auth->take = take_xoauth2_end;
    challenge(auth, "334 eyJzdGF0dXMiOiI0MDEifQ==");
  }
}

static const struct {
  const char *name;
  const char *first_challenge;
  void (*take)(Auth *auth, const char *response, gsize length);
} mechanisms[] = {
  {"PLAIN", "334 ", take_plain},
  {"LOGIN", "334 VXNlcm5hbWU6", take_login_user},
  {"XOAUTH2", "334 ", take_xoauth2},
};

Auth *auth_new(const char *argument, const Credential *credential, const Extensions *extensions)
{
  g_auto(GStrv) words = g_strsplit(argument, " ", 2);
  const char *name = words[0] != NULL ? words[0] : "";
  gsize i = 0;
  while (i < G_N_ELEMENTS(mechanisms) && g_ascii_strcasecmp(mechanisms[i].name, name) != 0) {
    i++;
  }
  if (i == G_N_ELEMENTS(mechanisms) || !extensions_offer_mechanism(extensions, name)) {
    return NULL;
  }
  Auth *auth = g_new0(Auth, 1);
  auth->credential = credential;
  auth->take = mechanisms[i].take;
  challenge(auth, mechanisms[i].first_challenge);
  if (words[1] != NULL) {
    auth_respond(auth, strcmp(words[1], "=") == 0 ? "" : words[1]);
  }
  return auth;
}

void auth_free(Auth *auth)
{
  if (auth == NULL) {
    return;
  }
  g_free(auth->user);
  g_free(auth);
}

static gboolean is_base64(const char *line)
{
  gsize length = strlen(line);
  gsize digits = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  gsize padding = strspn(line + digits, "=");
  return digits + padding == length && length % 4 == 0 && padding <= 2;
}

void auth_respond(Auth *auth, const char *line)
{
  if (strcmp(line, "*") == 0) {
    refuse(auth, "501 5.7.0 cancelled");
    return;
  }
  if (!is_base64(line)) {
    refuse(auth, "501 5.5.2 this is not base64");
    return;
  }
  gsize length = 0;
  g_autoptr(GByteArray) response = g_byte_array_new();
  if (*line != '\0') {
    g_autofree guchar *octets = g_base64_decode(line, &length);
    g_byte_array_append(response, octets, (guint)length);
  }
  g_byte_array_append(response, (const guint8 *)"", 1);
  auth->take(auth, (const char *)response->data, length);
}

AuthState auth_state(const Auth *auth)
{
  return auth->state;
}

const char *auth_reply(const Auth *auth)
{
  return auth->reply;
}

const char *auth_user(const Auth *auth)
{
  return auth->user;
}
