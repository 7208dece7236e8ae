/* SPDX-License-Identifier: Apache-2.0 */
#include "config/security.h"

#include <gio/gio.h>

#include "config/mechanism.h"

static gboolean is_loopback(const char *host)
{
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);

  return g_ascii_strcasecmp(host, "localhost") == 0 ||
         (address != NULL && g_inet_address_get_is_loopback(address));
}

/* What a proxy calls localhost is another machine, or the way there. */
static gboolean is_here(const RelaySettings *relay)
{
  return relay->proxy == NULL && is_loopback(relay->host);
}

/* --- What must stand together. --- */

static void check_needs(const Place *place, const char *name, const char *needed)
{
  if (place_has(place, name) && !place_has(place, needed)) {
    Place member = place_member(place, name);
    place_error(&member, "%s: without %s it makes no sense", name, needed);
  }
}

static void check_companions(const Place *place)
{
  static const char *const needs[][2] = {
    {"client_certificate", "client_key"},
    {"client_key", "client_certificate"},
    {"proxy_username", "proxy"},
    {"proxy_credential", "proxy_username"},
    {"proxy_username", "proxy_credential"},
    {"oauth_token_url", "username"},
    {"oauth_token_url", "oauth_client_id"},
    {"oauth_client_id", "oauth_token_url"},
    {"oauth_client_credential", "oauth_token_url"},
    {"oauth_refresh_credential", "oauth_token_url"},
    {"oauth_scope", "oauth_token_url"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(needs); i++) {
    check_needs(place, needs[i][0], needs[i][1]);
  }
}

/* --- The login. --- */

static void check_password(const Place *place, const RelaySettings *relay)
{
  gboolean has_username = place_has(place, "username");
  gboolean has_credential = place_has(place, "credential");
  gboolean has_oauth = place_has(place, "oauth_token_url");

  if (has_credential && has_oauth) {
    Place member = place_member(place, "credential");
    place_error(&member, "credential: a login takes a password or, with oauth_token_url, a token; "
                "leave one of the two out");
  } else if (has_username != has_credential && !has_oauth) {
    Place member = place_member(place, has_username ? "username" : "credential");
    place_error(&member, "relay \"%s\" has a %s and no %s; a login needs both", relay->name,
                has_username ? "username" : "credential", has_username ? "credential" : "username");
  }
}

static void check_mechanisms(const Place *place, const RelaySettings *relay)
{
  Place member = place_member(place, "auth");
  gboolean password = mechanisms_take_password(relay->auth);
  gboolean token = mechanisms_take_token(relay->auth);

  if (relay->auth != 0) { /* "any" is no wish */
    check_needs(place, "auth", "username");
  }
  if (password && token) {
    place_error(&member, "auth: some of these take a password and some a token; a login has one "
                "of the two");
  } else if (password && place_has(place, "oauth_token_url")) {
    place_error(&member, "auth: nothing here takes the token of oauth_token_url; expected "
                "\"XOAUTH2\" or \"OAUTHBEARER\"");
  }
}

static void check_oauth(const Place *place, const RelaySettings *relay)
{
  Place member = place_member(place, "oauth_token_url");

  if (relay->oauth_token_url == NULL) {
    return;
  }
  if (!place_has(place, "oauth_client_credential") &&
      !place_has(place, "oauth_refresh_credential")) {
    place_error(&member, "oauth_token_url: nothing to show there; expected "
                "oauth_refresh_credential, oauth_client_credential or both");
  }
  g_autoptr(GUri) uri = g_uri_parse(relay->oauth_token_url, G_URI_FLAGS_ENCODED, NULL);
  if (g_str_equal(g_uri_get_scheme(uri), "http") && !is_loopback(g_uri_get_host(uri))) {
    place_error(&member, "oauth_token_url: with http:// secrets go to %s in the clear; write "
                "https://", g_uri_get_host(uri));
  }
}

/* --- TLS. --- */

static void check_tls_wanted(const Place *place, const RelaySettings *relay)
{
  if (place_has(place, "tls_key_pin") && relay->tls != TLS_REQUIRED) {
    Place member = place_member(place, "tls_key_pin");
    place_error(&member, "tls_key_pin: where TLS may fail, a key is no protection; write tls = "
                "\"required\"");
  }
  if (place_has(place, "client_certificate") && relay->tls == TLS_NONE) {
    Place member = place_member(place, "client_certificate");
    place_error(&member, "client_certificate: without TLS it is shown to nobody; write tls = "
                "\"required\"");
  }
}

static void check_clear_text(const Place *place, const RelaySettings *relay)
{
  if (relay->username == NULL || is_here(relay)) {
    return;
  }
  if (relay->tls == TLS_NONE) {
    place_error(place, "tls: with \"none\" the password goes to %s in the clear; write "
                "\"required\"", relay->host);
  } else if (relay->tls == TLS_OPPORTUNISTIC) {
    place_warning(place, "tls: with \"opportunistic\" whoever stands between here and %s can "
                  "have the password in the clear; better is \"required\"", relay->host);
  }
}

static void check_tls(const Place *place, RelaySettings *relay)
{
  Place member = place_member(place, "tls");
  gboolean is_smtps = g_str_has_prefix(relay->url, "smtps:");

  if (!place_has(place, "tls") && !is_smtps && is_here(relay)) {
    relay->tls = TLS_NONE;
  }
  if (is_smtps && relay->tls != TLS_REQUIRED) {
    place_error(&member, "tls: smtps:// is TLS from the first byte; write \"required\", or "
                "smtp:// in url");
    return;
  }
  check_tls_wanted(place, relay);
  check_clear_text(&member, relay);
}

void security_check(const Place *place, RelaySettings *relay)
{
  check_companions(place);
  check_password(place, relay);
  check_mechanisms(place, relay);
  check_oauth(place, relay);
  if (relay->host != NULL) {
    check_tls(place, relay);
  }
}
