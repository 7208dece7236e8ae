/* SPDX-License-Identifier: Apache-2.0 */
#include "config/mechanism.h"

const char *const mechanism_words[] = {"any",  "PLAIN",   "LOGIN",       "CRAM-MD5", "DIGEST-MD5",
                                       "NTLM", "XOAUTH2", "OAUTHBEARER", NULL};

/* Bit i of a set is word i + 1. */
enum {
  TAKE_PASSWORD = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
  TAKE_TOKEN = 1 << 5 | 1 << 6,
};

gboolean mechanisms_take_password(guint set)
{
  return (set & TAKE_PASSWORD) != 0;
}

gboolean mechanisms_take_token(guint set)
{
  return (set & TAKE_TOKEN) != 0;
}

gboolean relay_takes_token(const RelaySettings *relay)
{
  return relay->oauth_token_url != NULL || mechanisms_take_token(relay->auth);
}

char *relay_login_options(const RelaySettings *relay)
{
  GString *options = g_string_new(NULL);
  guint set = relay->auth;

  if (set == 0) {
    set = relay_takes_token(relay) ? TAKE_TOKEN : TAKE_PASSWORD;
  }
  for (guint i = 0; mechanism_words[i + 1] != NULL; i++) {
    if ((set & 1u << i) != 0) {
      g_string_append_printf(options, "%sAUTH=%s", options->len > 0 ? ";" : "",
                             mechanism_words[i + 1]);
    }
  }
  return g_string_free(options, FALSE);
}
