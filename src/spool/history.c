/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/history.h"

#include <string.h>

#include "base/durable.h"
#include "base/names.h"
#include "delivery/reader.h"
#include "delivery/terms.h"

struct History {
  GHashTable *entries;   /* hash -> HistoryEntry */
};

typedef struct {
  char *id;
  gint64 accepted_ms;
} HistoryEntry;

static void entry_free(gpointer data)
{
  HistoryEntry *entry = data;
  g_free(entry->id);
  g_free(entry);
}

static const HistoryEntry *find(const History *history, const char *hash)
{
  return g_hash_table_lookup(history->entries, hash);
}

void history_check(const History *history, const Draft *draft, Report *report)
{
  const HistoryEntry *first = find(history, draft_hash(draft));
  if (first == NULL || draft_front_matter(draft)->resend)
    return;
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(first->accepted_ms / 1000);
  g_autoptr(GDateTime) local = g_date_time_to_local(utc);
  g_autofree char *when = g_date_time_format(local, "%Y-%m-%d %H:%M:%S");
  report_error(report, NULL, 0, 0,
               "the same content was accepted before, at %s as %s; to send it once more, write "
               "\"resend: true\" at the top", when, first->id);
}

void history_add(History *history, const char *hash, const char *id, gint64 accepted_ms)
{
  const HistoryEntry *known = find(history, hash);
  if (known != NULL && known->accepted_ms <= accepted_ms)
    return;
  HistoryEntry *entry = g_new0(HistoryEntry, 1);
  entry->id = g_strdup(id);
  entry->accepted_ms = accepted_ms;
  g_hash_table_replace(history->entries, g_strdup(hash), entry);
}

/* A journal that cannot be read says nothing here: its release is held elsewhere. */
static void read_release(History *history, const char *directory, const char *id)
{
  Terms terms = { 0 };
  Record record;
  g_autoptr(JournalReader) reader = journal_reader_open(directory, NULL);
  while (reader != NULL && terms.accepted_ms == 0 &&
         journal_reader_next(reader, &record, NULL) == READ_RECORD)
    terms_read(&terms, &record);
  if (terms.hash != NULL && terms.accepted_ms != 0)
    history_add(history, terms.hash, id, terms.accepted_ms);
  terms_clear(&terms);
}

static gboolean read_folder(History *history, const char *spool, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename(spool, folder, NULL);
  g_autoptr(GPtrArray) names = durable_list_directory(path, error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    const char *id = names->pdata[i];
    if (!release_id_is_valid(id))
      continue;
    g_autofree char *directory = g_build_filename(path, id, NULL);
    read_release(history, directory, id);
  }
  return TRUE;
}

History *history_load(const Config *config, GError **error)
{
  History *history = g_new0(History, 1);
  history->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
  if (read_folder(history, config->spool, "queue", error) &&
      read_folder(history, config->spool, "done", error))
    return history;
  history_free(history);
  return NULL;
}

void history_free(History *history)
{
  g_hash_table_unref(history->entries);
  g_free(history);
}
