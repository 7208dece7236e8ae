/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/suspicion.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *name;
  const char *meant;  /* of a slip; NULL: see the table */
} Entry;

/* All tables are in the order of strcmp(). Slips are listed and not computed: gmail.com and
 * ymail.com are one letter apart, and both are right. */
static const Entry SLIPS[] = {
  {"gamil.com", "gmail.com"},         {"gmai.com", "gmail.com"},
  {"gmaik.com", "gmail.com"},         {"gmail.cm", "gmail.com"},
  {"gmail.co", "gmail.com"},          {"gmail.comm", "gmail.com"},
  {"gmail.con", "gmail.com"},         {"gmail.de", "gmail.com"},
  {"gmail.fr", "gmail.com"},          {"gmail.om", "gmail.com"},
  {"gmail.org", "gmail.com"},         {"gmaill.com", "gmail.com"},
  {"gmal.com", "gmail.com"},          {"gmali.com", "gmail.com"},
  {"gmial.com", "gmail.com"},         {"gmil.com", "gmail.com"},
  {"gmsil.com", "gmail.com"},         {"gnail.com", "gmail.com"},
  {"googelmail.com", "googlemail.com"},{"googlmail.com", "googlemail.com"},
  {"homail.com", "hotmail.com"},      {"hotamil.com", "hotmail.com"},
  {"hotmai.com", "hotmail.com"},      {"hotmail.co", "hotmail.com"},
  {"hotmail.con", "hotmail.com"},     {"hotmal.com", "hotmail.com"},
  {"hotmial.com", "hotmail.com"},     {"hotmil.com", "hotmail.com"},
  {"iclod.com", "icloud.com"},        {"icloud.co", "icloud.com"},
  {"icloud.con", "icloud.com"},       {"icoud.com", "icloud.com"},
  {"outlok.com", "outlook.com"},      {"outlook.co", "outlook.com"},
  {"outlook.con", "outlook.com"},     {"outloook.com", "outlook.com"},
  {"protonmail.con", "protonmail.com"},{"yaho.com", "yahoo.com"},
  {"yahoo.cm", "yahoo.com"},          {"yahoo.con", "yahoo.com"},
  {"yahooo.com", "yahoo.com"},        {"yaoo.com", "yahoo.com"},
  {"yhaoo.com", "yahoo.com"},         {"yhoo.com", "yahoo.com"},
};

/* The ends of domains that do not exist. */
static const Entry ENDS[] = {
  {"cmo", "com"}, {"comm", "com"}, {"con", "com"}, {"ocm", "com"}, {"ogr", "org"},
  {"orgg", "org"}, {"rog", "org"},
};

static const Entry DISPOSABLE[] = {
  {"10minutemail.com", NULL},  {"discard.email", NULL},     {"dispostable.com", NULL},
  {"fakeinbox.com", NULL},     {"getnada.com", NULL},       {"guerrillamail.com", NULL},
  {"maildrop.cc", NULL},       {"mailinator.com", NULL},    {"mailnesia.com", NULL},
  {"mintemail.com", NULL},     {"mohmal.com", NULL},        {"mytemp.email", NULL},
  {"sharklasers.com", NULL},   {"spamgourmet.com", NULL},   {"temp-mail.org", NULL},
  {"tempmail.com", NULL},      {"throwawaymail.com", NULL}, {"trash-mail.com", NULL},
  {"trashmail.com", NULL},     {"wegwerfmail.de", NULL},    {"yopmail.com", NULL},
};

/* Local parts. */
static const Entry UNREAD[] = {
  {"abuse", NULL},       {"do-not-reply", NULL}, {"donotreply", NULL}, {"hostmaster", NULL},
  {"mailer-daemon", NULL}, {"no-reply", NULL},   {"noreply", NULL},    {"postmaster", NULL},
  {"root", NULL},        {"security", NULL},     {"spam", NULL},
};

static int compare_entries(const void *a, const void *b)
{
  return strcmp(((const Entry *)a)->name, ((const Entry *)b)->name);
}

#define FIND(table, word) find_entry(table, G_N_ELEMENTS(table), word)

static const Entry *find_entry(const Entry *table, gsize length, const char *word)
{
  const Entry wanted = {word, NULL};
  return bsearch(&wanted, table, length, sizeof *table, compare_entries);
}

static char *suspect_domain(const char *domain)
{
  const char *dot = strrchr(domain, '.');
  const Entry *slip = FIND(SLIPS, domain);
  if (slip) {
    return g_strdup_printf("%s is hardly what was meant; did you mean %s?", domain, slip->meant);
  }
  const Entry *end = dot ? FIND(ENDS, dot + 1) : NULL;
  if (end) {
    return g_strdup_printf("no domain ends in .%s; did you mean %.*s.%s?", dot + 1,
                           (int)(dot - domain), domain, end->meant);
  }
  if (FIND(DISPOSABLE, domain)) {
    return g_strdup_printf("%s gives out addresses that are thrown away", domain);
  }
  return *domain == '[' ? g_strdup("few receivers take mail for an address in brackets") : NULL;
}

char *address_suspicion(const Address *address)
{
  const char *at = strrchr(address->key, '@');
  gsize length = (gsize)(at - address->key);
  char local[16] = "";
  char *clause = suspect_domain(at + 1);
  if (!clause && length < sizeof local) {
    memcpy(local, address->key, length);
    clause = FIND(UNREAD, local)
               ? g_strdup_printf("%s@ is hardly read by a person who wants news", local)
               : NULL;
  }
  return clause;
}
