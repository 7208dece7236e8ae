/* SPDX-License-Identifier: Apache-2.0 */
#include "config/senders.h"

#include <string.h>

static const char any_below[] = "*.";

static const char *domain_of(const char *address)
{
  return strrchr(address, '@') + 1;
}

/* "*.example" may name what has no dot itself: it is checked as the domain of an address
 * below it. */
char *domain_pattern_read(const char *pattern)
{
  g_auto(Address) address = {0};
  gboolean below = g_str_has_prefix(pattern, any_below);
  g_autofree char *sample = g_strconcat("a@", below ? "a" : "", below ? pattern + 1 : pattern,
                                        NULL);

  if (!address_parse(sample, &address, NULL)) {
    return NULL;
  }
  char *domain = g_strdup(domain_of(address.mailbox));
  if (below) {
    domain[0] = '*';
  }
  return domain;
}

char *sender_pattern_read(const char *pattern)
{
  g_auto(Address) address = {0};

  if (strchr(pattern, '@') == NULL) {
    return domain_pattern_read(pattern);
  }
  return address_parse(pattern, &address, NULL) ? g_steal_pointer(&address.key) : NULL;
}

static gboolean pattern_fits(const char *pattern, const Address *sender)
{
  if (strchr(pattern, '@') != NULL) {
    return g_str_equal(pattern, sender->key);
  }
  const char *domain = domain_of(sender->mailbox);
  return g_str_has_prefix(pattern, any_below) ? g_str_has_suffix(domain, pattern + 1)
                                              : g_str_equal(domain, pattern);
}

gboolean relay_takes(const RelaySettings *relay, const Address *sender)
{
  if (relay->senders == NULL) {
    return TRUE;
  }
  for (guint i = 0; relay->senders[i] != NULL; i++) {
    if (pattern_fits(relay->senders[i], sender)) {
      return TRUE;
    }
  }
  return FALSE;
}

char *config_refuses_sender(const Config *config, const Address *sender)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (guint i = 0; i < config->relays->len; i++) {
    const RelaySettings *relay = g_ptr_array_index(config->relays, i);
    if (relay_takes(relay, sender)) {
      return NULL;
    }
    g_ptr_array_add(names, relay->name);
  }
  g_ptr_array_add(names, NULL);
  g_autofree char *relays = g_strjoinv(", ", (char **)names->pdata);
  return g_strdup_printf("no relay takes mail from %s (asked: %s); send from another address, or "
                         "let the administrator add this one or its domain to a relay's senders",
                         sender->mailbox, relays);
}
