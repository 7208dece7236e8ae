/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/usage.h"

#include <glib/gstdio.h>

#include "base/durable.h"
#include "base/names.h"
#include "delivery/reader.h"

typedef struct {
  gint64 wall_ms;
  const char *relay;
  guint32 contact;   /* until it is sorted; then its lane */
} Sent;

struct Usage {
  gint64 since_ms;
  GArray *sent;
  guint sorted;          /* so many of sent have their lane */
  GStringChunk *names;   /* of relays */
};

static gint64 longest(const Rate *rate)
{
  return rate->length > 0 ? rate->budgets[rate->length - 1].period_ms : 0;
}

Usage *usage_new(const Config *config, gint64 now_ms)
{
  gint64 period = 0;
  for (guint i = 0; i < config->relays->len; i++)
    period = MAX(period, longest(&((const RelaySettings *)config->relays->pdata[i])->rate));
  for (guint i = 0; i < config->domains->len; i++)
    period = MAX(period, longest(&((const DomainSettings *)config->domains->pdata[i])->rate));
  if (period == 0)
    return NULL;
  Usage *usage = g_new0(Usage, 1);
  usage->since_ms = now_ms - period;
  usage->sent = g_array_new(FALSE, FALSE, sizeof(Sent));
  usage->names = g_string_chunk_new(64);
  return usage;
}

void usage_free(Usage *usage)
{
  g_array_unref(usage->sent);
  g_string_chunk_free(usage->names);
  g_free(usage);
}

void usage_take(Usage *usage, const Record *record)
{
  const char *relay = record_get(record, "relay");
  if (record->event != EVENT_INTENDED || record->wall_ms < usage->since_ms)
    return;
  Sent sent = { record->wall_ms, NULL, record->contact };
  sent.relay = g_string_chunk_insert_const(usage->names, relay != NULL ? relay : "");
  g_array_append_val(usage->sent, sent);
}

void usage_sort(Usage *usage, const guint8 *lanes, guint32 contacts)
{
  for (; usage->sorted < usage->sent->len; usage->sorted++) {
    Sent *sent = &g_array_index(usage->sent, Sent, usage->sorted);
    gboolean known = lanes != NULL && sent->contact <= contacts;
    sent->contact = known ? lanes[sent->contact - 1] : 0;
  }
}

/* --- done/ --- */

static void warn(const char *of, const GError *error)
{
  g_warning("%s: what was sent lately is not known for sure: %s", of, error->message);
}

/* A journal's last segment was written to last; not all file systems note it in the folder. One
 * of which nobody can tell is read. */
static gboolean is_young(const Usage *usage, const char *directory)
{
  GStatBuf status;
  g_autoptr(GPtrArray) names = durable_list_directory(directory, NULL);
  if (names == NULL)
    return TRUE;
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(directory, names->pdata[i], NULL);
    if (!g_str_has_prefix(names->pdata[i], "journal"))
      continue;
    if (g_stat(path, &status) != 0 || (gint64)status.st_mtime * 1000 + 1000 >= usage->since_ms)
      return TRUE;
  }
  return FALSE;
}

/* Where the roster cannot be read, the messages count for their relays only. */
static void sort_by_roster(Usage *usage, const char *directory, const Domains *domains)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(directory, "roster.db", NULL);
  g_autofree guint8 *lanes = NULL;
  g_autoptr(Roster) roster = NULL;
  if (usage->sorted == usage->sent->len)
    return;
  if (domains_lanes(domains) > 1)
    roster = roster_open(path, &error);
  if (roster != NULL)
    lanes = domains_sort(domains, roster, &error);
  if (error != NULL)
    warn("budgets of domains", error);
  usage_sort(usage, lanes, roster != NULL ? roster_length(roster) : 0);
}

static void take_release(Usage *usage, const char *directory, const Domains *domains)
{
  Record record;
  ReadResult result = READ_FAILED;
  g_autoptr(GError) error = NULL;
  g_autoptr(JournalReader) reader = journal_reader_open(directory, &error);
  while (reader != NULL &&
         (result = journal_reader_next(reader, &record, &error)) == READ_RECORD)
    usage_take(usage, &record);
  if (result == READ_FAILED)
    warn("budgets", error);
  sort_by_roster(usage, directory, domains);
}

void usage_take_done(Usage *usage, const Config *config, const Domains *domains)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *done = g_build_filename(config->spool, "done", NULL);
  g_autoptr(GPtrArray) names = durable_list_directory(done, &error);
  if (names == NULL)
    warn("budgets", error);
  for (guint i = 0; names != NULL && i < names->len; i++) {
    g_autofree char *directory = g_build_filename(done, names->pdata[i], NULL);
    if (release_id_is_valid(names->pdata[i]) && is_young(usage, directory))
      take_release(usage, directory, domains);
  }
}

/* --- Telling --- */

static int compare(gconstpointer a, gconstpointer b)
{
  const Sent *one = a, *other = b;
  return (one->wall_ms > other->wall_ms) - (one->wall_ms < other->wall_ms);
}

void usage_each(Usage *usage, UsageFunc func, gpointer data)
{
  g_array_sort(usage->sent, compare);
  for (guint i = 0; i < usage->sent->len; i++) {
    const Sent *sent = &g_array_index(usage->sent, Sent, i);
    func(sent->wall_ms, sent->relay, sent->contact, data);
  }
}
