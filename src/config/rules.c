/* SPDX-License-Identifier: Apache-2.0 */
#include "config/rules.h"

#include "base/names.h"
#include "config/security.h"
#include "config/value.h"

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

static void check_relay_name(const Place *place, const RelaySettings *relay)
{
  if (config_relay(place->config, relay->name) != NULL) {
    Place member = place_member(place, "name");
    place_error(&member, "name: \"%s\" is the name of a relay above; give each its own",
                relay->name);
  }
}

static void check_senders(const Place *place)
{
  Place member = place_member(place, "senders");

  if (place_has(place, "senders") && config_setting_is_aggregate(member.node) &&
      config_setting_length(member.node) == 0) {
    place_error(&member, "senders: the list is empty, so that the relay would take nobody's mail; "
                "fill it or leave the setting out");
  }
}

void rules_check_relay(const Place *place, RelaySettings *relay)
{
  check_relay_name(place, relay);
  check_senders(place);
  if (relay->url != NULL) {
    g_autoptr(GUri) uri = g_uri_parse(relay->url, G_URI_FLAGS_NONE, NULL);
    relay->host = g_strdup(g_uri_get_host(uri));
  }
  security_check(place, relay);
}

/* --- Groups of domains. --- */

static void check_pattern(const Place *place, const DomainSettings *domains, guint index)
{
  const char *pattern = domains->match[index];
  gboolean again = FALSE;

  for (guint i = 0; i < index; i++) {
    again = again || g_str_equal(domains->match[i], pattern);
  }
  for (guint i = 0; i < place->config->domains->len; i++) {
    const DomainSettings *above = g_ptr_array_index(place->config->domains, i);
    again = again || g_strv_contains((const char *const *)above->match, pattern);
  }
  if (again) {
    place_error(place, "match: \"%s\" stands here or above already; each domain counts once",
                pattern);
  }
}

void rules_check_domains(const Place *place, DomainSettings *domains)
{
  Place member = place_member(place, "match");

  if (domains->match == NULL) {
    domains->match = g_new0(char *, 1);
  }
  if (config_setting_is_aggregate(member.node) && config_setting_length(member.node) == 0) {
    place_error(&member, "match: there is none; expected %s", value_description(KIND_DOMAINS));
  }
  for (guint i = 0; domains->match[i] != NULL; i++) {
    check_pattern(&member, domains, i);
  }
  domains->name = g_strdup(domains->match[0]);
  if (place->config->domains->len == DOMAIN_GROUPS) {
    place_error(place, "domains: there are more than %d groups", DOMAIN_GROUPS);
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

static void check_notify(const Place *place, const ChannelSettings *channel)
{
  if ((channel->dsn_notify & DSN_NEVER) != 0 && channel->dsn_notify != DSN_NEVER) {
    Place member = place_member(place, "dsn_notify");
    place_error(&member, "dsn_notify: \"never\" stands beside other words; it must stand alone");
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
  check_notify(place, channel);
}
