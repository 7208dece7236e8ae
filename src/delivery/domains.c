/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/domains.h"

#include <string.h>

#include "config/settings.h"

/* It may belong to the Domains of several settings. */
typedef struct {
  Config *config;      /* whose settings these are */
  const DomainSettings *settings;
  guint under_way;
  Pace pace;
} Group;

struct Domains {
  Config *config;
  GHashTable *exact;   /* domain -> lane */
  GHashTable *below;   /* domain -> lane of all that is below it */
  guint n_groups;
  Group **groups;      /* lane n at n - 1 */
};

static Group *group(const Domains *domains, guint lane)
{
  return domains->groups[lane - 1];
}

static Group *group_new(Config *config, const DomainSettings *settings, gint64 now_ms)
{
  Group *group = g_rc_box_new0(Group);
  group->config = config_ref(config);
  group->settings = settings;
  pace_init(&group->pace, settings->rate, now_ms);
  return group;
}

static void group_clear(gpointer data)
{
  config_unref(((Group *)data)->config);
}

static void add_patterns(Domains *domains, guint lane)
{
  char *const *match = group(domains, lane)->settings->match;
  for (guint i = 0; match[i] != NULL; i++) {
    gboolean below = g_str_has_prefix(match[i], "*.");
    g_hash_table_insert(below ? domains->below : domains->exact, match[i] + (below ? 2 : 0),
                        GUINT_TO_POINTER(lane));
  }
}

Domains *domains_new(Config *config, gint64 now_ms)
{
  Domains *domains = g_rc_box_new0(Domains);
  domains->config = config_ref(config);
  domains->exact = g_hash_table_new(g_str_hash, g_str_equal);
  domains->below = g_hash_table_new(g_str_hash, g_str_equal);
  domains->n_groups = config->domains->len;
  domains->groups = g_new0(Group *, domains->n_groups);
  for (guint lane = 1; lane <= domains->n_groups; lane++) {
    domains->groups[lane - 1] = group_new(config, config->domains->pdata[lane - 1], now_ms);
    add_patterns(domains, lane);
  }
  return domains;
}

Domains *domains_ref(Domains *domains)
{
  return g_rc_box_acquire(domains);
}

static void clear(gpointer data)
{
  Domains *domains = data;
  g_hash_table_unref(domains->exact);
  g_hash_table_unref(domains->below);
  for (guint i = 0; i < domains->n_groups; i++)
    g_rc_box_release_full(domains->groups[i], group_clear);
  g_free(domains->groups);
  config_unref(domains->config);
}

void domains_unref(Domains *domains)
{
  g_rc_box_release_full(domains, clear);
}

gboolean domains_suit(const Domains *domains, const Config *config)
{
  gboolean suit = config->domains->len == domains->n_groups;
  for (guint i = 0; i < domains->n_groups && suit; i++)
    suit = settings_equal(SECTION_DOMAINS, domains->groups[i]->settings, config->domains->pdata[i]);
  return suit;
}

static void inherit_group(Group **one, Group *before, gint64 now_ms)
{
  if (!settings_equal(SECTION_DOMAINS, (*one)->settings, before->settings)) {
    pace_inherit(&(*one)->pace, &before->pace, now_ms);
    return;
  }
  g_rc_box_acquire(before);
  g_rc_box_release_full(*one, group_clear);
  *one = before;
}

void domains_inherit(Domains *domains, const Domains *former, gint64 now_ms)
{
  for (guint i = 0; i < domains->n_groups; i++)
    for (guint j = 0; j < former->n_groups; j++)
      if (g_str_equal(domains->groups[i]->settings->name, former->groups[j]->settings->name))
        inherit_group(&domains->groups[i], former->groups[j], now_ms);
}

/* --- Who belongs where --- */

guint domains_lanes(const Domains *domains)
{
  return domains->n_groups + 1;
}

/* The first group counts, by whatever pattern: of all that fit, the lowest number. */
static guint first_of(guint lane, GHashTable *table, const char *domain)
{
  guint other = GPOINTER_TO_UINT(g_hash_table_lookup(table, domain));
  return lane == 0 || (other != 0 && other < lane) ? other : lane;
}

guint domains_lane(const Domains *domains, const char *mailbox)
{
  const char *at = strrchr(mailbox, '@');
  if (at == NULL)
    return 0;
  guint lane = first_of(0, domains->exact, at + 1);
  for (const char *dot = strchr(at, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
    lane = first_of(lane, domains->below, dot + 1);
  return lane;
}

typedef struct {
  const Domains *domains;
  guint8 *lanes;
} Sorting;

static void sort_contact(guint32 contact, const char *mailbox, gpointer data)
{
  const Sorting *sorting = data;
  sorting->lanes[contact - 1] = (guint8)domains_lane(sorting->domains, mailbox);
}

guint8 *domains_sort(const Domains *domains, Roster *roster, GError **error)
{
  if (domains->n_groups == 0)
    return NULL;
  g_autofree guint8 *lanes = g_malloc0(roster_length(roster));
  Sorting sorting = { domains, lanes };
  if (!roster_each_mailbox(roster, sort_contact, &sorting, error))
    return NULL;
  return g_steal_pointer(&lanes);
}

/* --- Limits --- */

guint domains_room(Domains *domains, guint lane, gint64 now_ms)
{
  if (lane == 0)
    return G_MAXUINT;
  Group *one = group(domains, lane);
  if (domains_is_full(domains, lane))
    return 0;
  return MIN(one->settings->connections - one->under_way, pace_room(&one->pace, now_ms));
}

gboolean domains_is_full(const Domains *domains, guint lane)
{
  if (lane == 0)
    return FALSE;
  return group(domains, lane)->under_way >= group(domains, lane)->settings->connections;
}

void domains_begin(Domains *domains, guint lane, gint64 now_ms)
{
  if (lane == 0)
    return;
  group(domains, lane)->under_way++;
  pace_take(&group(domains, lane)->pace, now_ms);
}

void domains_end(Domains *domains, guint lane)
{
  if (lane != 0)
    group(domains, lane)->under_way--;
}

void domains_recall(Domains *domains, guint lane, gint64 then_ms, gint64 now_ms)
{
  if (lane != 0)
    pace_recall(&group(domains, lane)->pace, then_ms, now_ms);
}

gint64 domains_next_ms(Domains *domains, gint64 now_ms)
{
  gint64 next = G_MAXINT64;
  for (guint i = 0; i < domains->n_groups; i++) {
    gint64 wait = pace_wait_ms(&domains->groups[i]->pace, now_ms);
    if (wait > 0)
      next = MIN(next, now_ms + wait);
  }
  return next;
}
