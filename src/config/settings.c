/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include <stddef.h>

#include "config/dsn.h"
#include "config/mechanism.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

const Section settings_sections[SECTION_CHANNELS + 1] = {
  [SECTION_GLOBAL] = {"global", "file", "at the top level", FALSE, sizeof(Config), 0},
  [SECTION_RELAYS] = {"relays", "relay", "in a relay", TRUE, sizeof(RelaySettings),
                      offsetof(Config, relays)},
  [SECTION_DOMAINS] = {"domains", "group of domains", "in a group of domains", TRUE,
                       sizeof(DomainSettings), offsetof(Config, domains)},
  [SECTION_LISTS] = {"lists", "list", "in a list", FALSE, sizeof(ListSettings),
                     offsetof(Config, lists)},
  [SECTION_CHANNELS] = {"channels", "channel", "in a channel", FALSE, sizeof(ChannelSettings),
                        offsetof(Config, channels)},
};

/* In the order of the enums of config.h. */
static const char *const tls_words[] = {"none", "opportunistic", "required", NULL};
static const char *const html_words[] = {"drop", "pass", NULL};
static const char *const missing_words[] = {"refuse", "skip", "blank", NULL};
static const char *const in_doubt_words[] = {"hold", "resend", NULL};
static const char *const dsn_words[] = {"auto", "off", NULL};

#define GLOBAL(name, kind, field) SECTION_GLOBAL, name, kind, offsetof(Config, field)
#define RELAY(name, kind, field) SECTION_RELAYS, name, kind, offsetof(RelaySettings, field)
#define DOMAIN(name, kind, field) SECTION_DOMAINS, name, kind, offsetof(DomainSettings, field)
#define LIST(name, kind, field) SECTION_LISTS, name, kind, offsetof(ListSettings, field)
#define CHANNEL(name, kind, field) SECTION_CHANNELS, name, kind, offsetof(ChannelSettings, field)
#define ANY {NULL, 0, 0}
#define FROM_TO(minimum, maximum) {NULL, minimum, maximum}
#define WORD_OF(words) {words, 0, 0}

const Setting settings_table[] = {
  {GLOBAL("spool", KIND_PATH, spool), "/var/spool/dateline", FALSE, ANY,
   "folder in which releases are dropped, sent and kept"},
  {GLOBAL("runtime", KIND_PATH, runtime), "/run/dateline", FALSE, ANY,
   "folder of the control socket"},
  {GLOBAL("settle", KIND_DURATION, settle_ms), "2 s", FALSE, FROM_TO(10, HOUR),
   "how long a drop must be quiet before it counts as complete"},
  {GLOBAL("rescan", KIND_DURATION, rescan_ms), "30 s", FALSE, FROM_TO(100, DAY),
   "how often the spool is searched for drops that went unnoticed"},
  {GLOBAL("max_bundle_size", KIND_SIZE, max_bundle_size), "64 MiB", FALSE,
   FROM_TO(1 << 10, G_GINT64_CONSTANT(4) << 30), "a larger drop is refused"},
  {GLOBAL("retry_first", KIND_DURATION, retry_first_ms), "5 min", FALSE, FROM_TO(10, DAY),
   "wait before the second attempt; each further wait is twice as long"},
  {GLOBAL("retry_max", KIND_DURATION, retry_max_ms), "2 h", FALSE, FROM_TO(10, 7 * DAY),
   "longest wait between two attempts"},
  {GLOBAL("max_age", KIND_DURATION, max_age_ms), "2 d", FALSE,
   FROM_TO(SECOND, G_GINT64_CONSTANT(30) * DAY),
   "how long after a release was accepted its deferred contacts are given up"},

  {RELAY("name", KIND_NAME, name), "main", FALSE, ANY, "what the relay is called in the journal"},
  {RELAY("url", KIND_URL, url), NULL, TRUE, ANY,
   "smtp://HOST:PORT, or smtps://HOST:PORT for TLS from the first byte"},
  {RELAY("tls", KIND_WORD, tls), "required", FALSE, WORD_OF(tls_words),
   "whether STARTTLS must succeed; where the host is this machine, the default is none"},
  {RELAY("ca_file", KIND_PATH, ca_file), NULL, FALSE, ANY,
   "certificates (PEM) to trust instead of the system's"},
  {RELAY("tls_key_pin", KIND_PIN, tls_key_pin), NULL, FALSE, ANY,
   "the only public keys that the relay's certificate may have"},
  {RELAY("client_certificate", KIND_PATH, client_certificate), NULL, FALSE, ANY,
   "certificate (PEM) to show to the relay"},
  {RELAY("client_key", KIND_CREDENTIAL, client_key), NULL, FALSE, ANY,
   "its private key (PEM), guarded as a password is"},
  {RELAY("proxy", KIND_PROXY, proxy), NULL, FALSE, ANY,
   "socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT on the way to the relay"},
  {RELAY("proxy_username", KIND_TEXT, proxy_username), NULL, FALSE, ANY,
   "who to log in as at the proxy"},
  {RELAY("proxy_credential", KIND_CREDENTIAL, proxy_credential), NULL, FALSE, ANY,
   "the password for the proxy"},
  {RELAY("source_address", KIND_IP, source_address), NULL, FALSE, ANY,
   "this machine's address to connect from"},
  {RELAY("username", KIND_TEXT, username), NULL, FALSE, ANY,
   "who to log in as; without it there is no login"},
  {RELAY("credential", KIND_CREDENTIAL, credential), NULL, FALSE, ANY,
   "the password: name of a systemd credential, or absolute path of a file with mode 0600"},
  {RELAY("auth", KIND_WORDS, auth), "any", FALSE, WORD_OF(mechanism_words),
   "how to log in; any: whatever takes the password or token that there is"},
  {RELAY("oauth_token_url", KIND_WEB, oauth_token_url), NULL, FALSE, ANY,
   "where access tokens are fetched; with it, the login is by OAuth 2.0"},
  {RELAY("oauth_client_id", KIND_TEXT, oauth_client_id), NULL, FALSE, ANY,
   "what the token server calls dateline"},
  {RELAY("oauth_client_credential", KIND_CREDENTIAL, oauth_client_credential), NULL, FALSE, ANY,
   "the client secret"},
  {RELAY("oauth_refresh_credential", KIND_CREDENTIAL, oauth_refresh_credential), NULL, FALSE, ANY,
   "the refresh token; without it, tokens are the client's own (client credentials)"},
  {RELAY("oauth_scope", KIND_TEXT, oauth_scope), NULL, FALSE, ANY, "what the token is for"},
  {RELAY("helo", KIND_HOST, helo), NULL, FALSE, ANY,
   "name given in EHLO; without it the machine's"},
  {RELAY("priority", KIND_INTEGER, priority), "10", FALSE, FROM_TO(0, 1000),
   "the relays with the smallest one are used, the next only while all of those are in trouble"},
  {RELAY("weight", KIND_INTEGER, weight), "1", FALSE, FROM_TO(1, 1000),
   "share of the messages among relays of the same priority"},
  {RELAY("senders", KIND_SENDERS, senders), NULL, FALSE, ANY,
   "whose mail it takes: addresses, domains, or \"*.DOMAIN\"; without it, everybody's"},
  {RELAY("connections", KIND_INTEGER, connections), "10", FALSE, FROM_TO(1, 1000),
   "most connections at once"},
  {RELAY("rate", KIND_RATE, rate), "none", FALSE, ANY, "most messages in a time"},
  {RELAY("per_connection", KIND_INTEGER, per_connection), "0", FALSE, FROM_TO(0, G_MAXINT),
   "messages after which a connection is closed; 0: no limit"},
  {RELAY("depth", KIND_INTEGER, depth), "0", FALSE, FROM_TO(0, 64),
   "messages sent behind one whose reply is outstanding, where the relay offers CHUNKING"},
  {RELAY("connect_timeout", KIND_DURATION, connect_timeout_ms), "30 s", FALSE, FROM_TO(100, HOUR),
   "for connecting, TLS and login together"},
  {RELAY("reply_timeout", KIND_DURATION, reply_timeout_ms), "5 min", FALSE, FROM_TO(100, HOUR),
   "for the reply to a command, and for each stretch of a message"},
  {RELAY("dot_timeout", KIND_DURATION, dot_timeout_ms), "10 min", FALSE, FROM_TO(100, HOUR),
   "for the reply to a whole message"},
  {RELAY("idle", KIND_DURATION, idle_ms), "5 s", FALSE, FROM_TO(0, HOUR),
   "how long a connection with nothing to do is kept"},
  {RELAY("dsn", KIND_WORD, dsn), "auto", FALSE, WORD_OF(dsn_words),
   "whether reports (RFC 3461) are asked for: where the relay offers them, or never"},

  {DOMAIN("match", KIND_DOMAINS, match), NULL, TRUE, ANY,
   "domains of the group; \"*.\" before one means all below it"},
  {DOMAIN("connections", KIND_INTEGER, connections), "4", FALSE, FROM_TO(1, 1000),
   "most messages to these domains under way at once"},
  {DOMAIN("rate", KIND_RATE, rate), "none", FALSE, ANY, "most messages to these domains in a time"},

  {LIST("file", KIND_PATH, file), NULL, TRUE, ANY,
   "the contacts: CSV, vCard, JSON, one address a line, or a spreadsheet"},
  {LIST("address_column", KIND_TEXT, address_column), NULL, FALSE, ANY,
   "column with the address; without it, found by its name"},
  {LIST("columns", KIND_COLUMNS, columns), NULL, FALSE, ANY,
   "what fields the columns hold, where their names do not say it"},
  {LIST("encoding", KIND_ENCODING, encoding), NULL, FALSE, ANY,
   "encoding of a file that is not UTF-8; without it, found out"},
  {LIST("title", KIND_TEXT, title), NULL, FALSE, ANY,
   "the list's name for its readers; without it, the name here"},

  {CHANNEL("from", KIND_MAILBOX, from), NULL, FALSE, ANY,
   "sender; without it, every release must say its own"},
  {CHANNEL("reply_to", KIND_MAILBOX, reply_to), NULL, FALSE, ANY, "where answers go"},
  {CHANNEL("return_path", KIND_RETURN_PATH, return_path), NULL, FALSE, ANY,
   "envelope sender, where bounces go, each contact's own with {token} in it; without it, the "
   "address of the sender"},
  {CHANNEL("dsn_notify", KIND_WORDS, dsn_notify), "failure", FALSE, WORD_OF(dsn_notify_words),
   "when the receiving side is to report; default: as the relay does by itself"},
  {CHANNEL("dsn_return", KIND_WORD, dsn_return), "headers", FALSE, WORD_OF(dsn_return_words),
   "what of the message comes back with a report"},
  {CHANNEL("list", KIND_TEXTS, lists), NULL, FALSE, ANY,
   "list, or lists, to which a release goes that names none"},
  {CHANNEL("language", KIND_LANGUAGE, language), "en", FALSE, ANY,
   "language of a release that does not say its own"},
  {CHANNEL("html", KIND_WORD, html), "drop", FALSE, WORD_OF(html_words),
   "HTML in the Markdown of a release: drop it, or pass on what mail programs show"},
  {CHANNEL("missing", KIND_WORD, missing), "refuse", FALSE, WORD_OF(missing_words),
   "where a contact lacks a value that the text uses: refuse the release, skip the contact, or "
   "leave it blank"},
  {CHANNEL("strict", KIND_SWITCH, strict), "false", FALSE, ANY,
   "whether a release is refused for what proofreading finds, instead of a warning"},
  {CHANNEL("in_doubt", KIND_WORD, in_doubt), "hold", FALSE, WORD_OF(in_doubt_words),
   "where nobody knows whether a copy was sent: hold it until a person decides, or resend it"},
  {CHANNEL("max_recipients", KIND_INTEGER, max_recipients), "0", FALSE, FROM_TO(0, G_MAXINT),
   "a release to more contacts is refused; 0: no limit"},
  {CHANNEL("rate", KIND_RATE, rate), "none", FALSE, ANY, "most messages of a release in a time"},
  {CHANNEL("hours", KIND_HOURS, hours), NULL, FALSE, ANY,
   "when a release may be sent unless it is urgent; without it, always"},

  {SECTION_GLOBAL, NULL, KIND_TEXT, 0, NULL, FALSE, ANY, NULL},
};

const Setting *settings_find(SectionId section, const char *name)
{
  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    if (setting->section == section && g_str_equal(setting->name, name)) {
      return setting;
    }
  }
  return NULL;
}

void settings_fill(SectionId section, gpointer object)
{
  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    if (setting->section == section && setting->preset != NULL) {
      gboolean understood = value_read(setting->kind, &setting->range, "/", setting->preset,
                                       (char *)object + setting->offset, NULL);
      g_assert(understood);
    }
  }
}

void settings_clear(SectionId section, gpointer object)
{
  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    if (setting->section == section) {
      value_clear(setting->kind, (char *)object + setting->offset);
    }
  }
}

gboolean settings_equal(SectionId section, gconstpointer one, gconstpointer other)
{
  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    if (setting->section != section) {
      continue;
    }
    g_autofree char *text = settings_write(setting, one);
    g_autofree char *other_text = settings_write(setting, other);
    if (g_strcmp0(text, other_text) != 0) {
      return FALSE;
    }
  }
  return TRUE;
}

GPtrArray *settings_array(const Config *config, SectionId section)
{
  return *(GPtrArray *const *)((const char *)config + settings_sections[section].offset);
}

char *settings_write(const Setting *setting, gconstpointer object)
{
  return value_write(setting->kind, &setting->range, (const char *)object + setting->offset);
}
