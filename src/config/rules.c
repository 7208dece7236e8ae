/* SPDX-License-Identifier: Apache-2.0 */
#include "config/rules.h"

#include <gio/gio.h>
#include <string.h>

#include "base/names.h"

static void check_not_empty(const Place *place, const GPtrArray *objects, const char *section,
                            const char *example)
{
  Place member = place_member(place, section);

  if (objects->len > 0 || (member.node != place->node && config_setting_length(member.node) > 0)) {
    return;
  }
  place_error(&member, "%s: there is none; write at least %s", section, example);
}

void rules_check_global(const Place *place, Config *config)
{
  if (config->retry_first_ms > config->retry_max_ms) {
    Place member = place_member(place, place_has(place, "retry_max") ? "retry_max" : "retry_first");
    place_error(&member, "retry_first is longer than retry_max; it must not be");
  }
  check_not_empty(place, config->relays, "relays",
                  "relays = ( { url = \"smtp://mail.example.org:587\"; } );");
  check_not_empty(place, config->channels, "channels",
                  "channels = { press = { from = \"Press Office <press@example.org>\"; }; };");
}

/* --- A relay. --- */

static gboolean is_loopback(const char *host)
{
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);

  return g_ascii_strcasecmp(host, "localhost") == 0 ||
         (address != NULL && g_inet_address_get_is_loopback(address));
}

static void check_relay_name(const Place *place, const RelaySettings *relay)
{
  if (config_relay(place->config, relay->name) != NULL) {
    Place member = place_member(place, "name");
    place_error(&member, "name: \"%s\" is the name of a relay above; give each its own",
                relay->name);
  }
}

static void check_login(const Place *place, const RelaySettings *relay)
{
  gboolean has_username = place_has(place, "username");
  gboolean has_credential = place_has(place, "credential");

  if (has_username != has_credential) {
    Place member = place_member(place, has_username ? "username" : "credential");
    place_error(&member, "relay \"%s\" has a %s and no %s; a login needs both", relay->name,
                has_username ? "username" : "credential", has_username ? "credential" : "username");
  }
  if (relay->credential != NULL && strchr(relay->credential, '/') != NULL &&
      !g_path_is_absolute(relay->credential)) {
    Place member = place_member(place, "credential");
    place_error(&member, "credential: \"%s\" is neither a name without \"/\" nor an absolute path",
                relay->credential);
  }
}

static void check_tls(const Place *place, RelaySettings *relay, gboolean is_smtps)
{
  Place member = place_member(place, "tls");

  if (!place_has(place, "tls") && !is_smtps && is_loopback(relay->host)) {
    relay->tls = TLS_NONE;
  }
  if (is_smtps && relay->tls != TLS_REQUIRED) {
    place_error(&member, "tls: smtps:// is TLS from the first byte; write \"required\", or "
                "smtp:// in url");
    return;
  }
  if (relay->username == NULL || is_loopback(relay->host)) {
    return;
  }
  if (relay->tls == TLS_NONE) {
    place_error(&member, "tls: with \"none\" the password goes to %s in the clear; write "
                "\"required\"", relay->host);
  } else if (relay->tls == TLS_OPPORTUNISTIC) {
    place_warning(&member, "tls: with \"opportunistic\" whoever stands between here and %s can "
                  "have the password in the clear; better is \"required\"", relay->host);
  }
}

void rules_check_relay(const Place *place, RelaySettings *relay)
{
  check_relay_name(place, relay);
  check_login(place, relay);
  if (relay->url != NULL) {
    g_autoptr(GUri) uri = g_uri_parse(relay->url, G_URI_FLAGS_NONE, NULL);
    relay->host = g_strdup(g_uri_get_host(uri));
    check_tls(place, relay, g_str_equal(g_uri_get_scheme(uri), "smtps"));
  }
}

/* --- Lists and channels. --- */

void rules_check_list(const Place *place, ListSettings *list)
{
  if (list->file != NULL && !g_file_test(list->file, G_FILE_TEST_IS_REGULAR)) {
    Place member = place_member(place, "file");
    place_warning(&member, "file: there is no file %s; releases to the list \"%s\" will be refused",
                  list->file, list->name);
  }
}

static const char *nearest_list(const Config *config, const char *name)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (guint i = 0; i < config->lists->len; i++) {
    const ListSettings *list = g_ptr_array_index(config->lists, i);
    g_ptr_array_add(names, list->name);
  }
  g_ptr_array_add(names, NULL);
  return nearest_word(name, (const char *const *)names->pdata);
}

static void check_known_list(const Place *place, const char *name)
{
  const char *nearest = nearest_list(place->config, name);

  if (config_list(place->config, name) != NULL) {
    return;
  }
  if (nearest != NULL) {
    place_error(place, "list: there is no list \"%s\"; did you mean \"%s\"?", name, nearest);
  } else {
    place_error(place, "list: there is no list \"%s\"; write it into lists = { … };", name);
  }
}

void rules_check_channel(const Place *place, ChannelSettings *channel)
{
  Place member = place_member(place, "list");

  if (channel->lists == NULL) {
    channel->lists = g_new0(char *, 1);
  }
  for (guint i = 0; channel->lists[i] != NULL; i++) {
    check_known_list(&member, channel->lists[i]);
  }
}
