/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/summary.h"

#include <string.h>

#include "base/durable.h"
#include "base/names.h"
#include "delivery/reader.h"

G_DEFINE_QUARK(dateline-releases-error-quark, releases_error)

/* In the order in which a release passes through them: one that moves while we look is
 * found in both rather than in neither. */
static const char *const FOLDERS[] = {"queue", "done"};

enum { CANDIDATES_NAMED = 5 };   /* of those that an ambiguous part fits */

/* --- One release --- */

static void take_times(Summary *summary, const Record *record)
{
  summary->latest_ms = record->wall_ms;
  if (record->event == EVENT_STARTED && summary->started_ms == 0) {
    summary->started_ms = record->wall_ms;
  } else if (record->event == EVENT_FINISHED) {
    summary->finished_ms = record->wall_ms;
  }
}

static void take_hold(Summary *summary, const Record *record)
{
  if (record->event == EVENT_HELD) {
    g_free(summary->reason);
    summary->reason = g_strdup(record_get(record, "reason"));
    summary->state = RELEASE_HELD;
  } else if (record->event == EVENT_RESUMED) {
    g_clear_pointer(&summary->reason, g_free);
    summary->state = RELEASE_SENDING;
  }
}

static gboolean take_record(Summary *summary, const Record *record, GError **error)
{
  take_times(summary, record);
  take_hold(summary, record);
  terms_read(&summary->terms, record);
  if (record->event == EVENT_ACCEPTED && summary->ledger == NULL) {
    summary->ledger = ledger_new(summary->terms.recipients);
    return TRUE;
  }
  return summary->ledger == NULL || ledger_replay(summary->ledger, record, error);
}

static gboolean read_journal(Summary *summary, JournalReader *reader, GError **error)
{
  Record record;
  ReadResult result;

  while ((result = journal_reader_next(reader, &record, error)) == READ_RECORD) {
    if (!take_record(summary, &record, error)) {
      return FALSE;
    }
  }
  summary->torn = journal_reader_torn(reader);
  if (result == READ_END && summary->ledger == NULL) {
    g_set_error_literal(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                        "the journal has no line \"accepted\"");
    return FALSE;
  }
  return result == READ_END;
}

/* What was not held, from what became of the contacts and from the clock. */
static void derive_state(Summary *summary, gint64 now_ms)
{
  if (summary->finished_ms != 0) {
    summary->state = RELEASE_FINISHED;
  } else if (ledger_settled(summary->ledger) &&
             ledger_count(summary->ledger, CONTACT_IN_DOUBT) > 0) {
    summary->state = RELEASE_IN_DOUBT;
    summary->reason = g_strdup(RELEASE_WAITS_FOR_DECISION);
  } else if (now_ms < summary->terms.send_at_ms) {
    summary->state = RELEASE_SCHEDULED;
  }
}

Summary *summary_read(const char *directory, gint64 now_ms, GError **error)
{
  GError *damage = NULL;
  g_autofree char *parent = g_path_get_dirname(directory);
  g_autofree char *folder = g_path_get_basename(parent);
  g_autoptr(Summary) summary = g_new0(Summary, 1);

  summary->id = g_path_get_basename(directory);
  summary->directory = g_strdup(directory);
  summary->archived = g_str_equal(folder, "done");
  summary->state = RELEASE_SENDING;
  g_autoptr(JournalReader) reader = journal_reader_open(directory, error);
  if (reader == NULL) {
    return NULL;
  }
  gboolean good = read_journal(summary, reader, &damage);
  /* Segments are opened by their paths: later ones may have been missed. */
  if (!g_file_test(directory, G_FILE_TEST_IS_DIR)) {
    g_clear_error(&damage);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s is not there any more", directory);
    return NULL;
  }
  if (!good) {
    g_free(summary->reason);
    summary->reason = g_strdup(damage->message);
    summary->state = RELEASE_HELD;
    g_error_free(damage);
  } else if (summary->state != RELEASE_HELD) {
    derive_state(summary, now_ms);
  }
  return g_steal_pointer(&summary);
}

void summary_free(Summary *summary)
{
  g_clear_pointer(&summary->ledger, ledger_free);
  terms_clear(&summary->terms);
  g_free(summary->id);
  g_free(summary->directory);
  g_free(summary->reason);
  g_free(summary);
}

/* --- All releases --- */

static void set_unreadable(const char *path, const GError *reason, GError **error)
{
  const char *why = NULL;

  if (g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    why = "there is no such folder; has datelined ever run with this configuration?";
  } else if (g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_ACCES)) {
    why = "its permissions forbid it";
  }
  if (why != NULL) {
    g_set_error(error, reason->domain, reason->code, "cannot read %s: %s", path, why);
  } else {
    g_propagate_error(error, g_error_copy(reason));
  }
}

GPtrArray *releases_list(const char *spool, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename(spool, folder, NULL);
  g_autoptr(GError) reason = NULL;
  g_autoptr(GPtrArray) names = durable_list_directory(path, &reason);

  if (names == NULL) {
    set_unreadable(path, reason, error);
    return NULL;
  }
  GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < names->len; i++) {
    if (release_id_is_valid(names->pdata[i])) {
      g_ptr_array_add(ids, g_strdup(names->pdata[i]));
    }
  }
  return ids;
}

char *releases_locate(const char *spool, const char *id)
{
  for (guint i = 0; i < G_N_ELEMENTS(FOLDERS) && release_id_is_valid(id); i++) {
    g_autofree char *path = g_build_filename(spool, FOLDERS[i], id, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
      return g_steal_pointer(&path);
    }
  }
  return NULL;
}

Summary *releases_read(const char *spool, const char *id, gint64 now_ms, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS(FOLDERS); i++) {
    g_autofree char *directory = g_build_filename(spool, FOLDERS[i], id, NULL);
    g_autoptr(GError) reason = NULL;
    Summary *summary = summary_read(directory, now_ms, &reason);
    if (summary != NULL) {
      return summary;
    }
    /* A release is never moved back: once it has left queue/ it is in done/. */
    if (i + 1 == G_N_ELEMENTS(FOLDERS) || g_file_test(directory, G_FILE_TEST_IS_DIR)) {
      g_propagate_error(error, g_steal_pointer(&reason));
      break;
    }
  }
  return NULL;
}

/* Adds the ids of which part is a part, each once. */
static gboolean add_matches(const char *spool, const char *folder, const char *part,
                            GPtrArray *matches, GError **error)
{
  g_autoptr(GPtrArray) ids = releases_list(spool, folder, error);

  for (guint i = 0; ids != NULL && i < ids->len; i++) {
    const char *id = g_ptr_array_index(ids, i);
    if (strstr(id, part) != NULL &&
        !g_ptr_array_find_with_equal_func(matches, id, g_str_equal, NULL)) {
      g_ptr_array_add(matches, g_strdup(id));
    }
  }
  return ids != NULL;
}

static void set_ambiguous(const GPtrArray *matches, const char *shown, GError **error)
{
  g_autoptr(GString) names = g_string_new(NULL);

  for (guint i = 0; i < matches->len && i < CANDIDATES_NAMED; i++) {
    g_string_append_printf(names, "%s%s", i > 0 ? ", " : "",
                           (const char *)g_ptr_array_index(matches, i));
  }
  g_set_error(error, RELEASES_ERROR, RELEASES_ERROR_AMBIGUOUS,
              "\"%s\" fits %u releases (%s%s); name more of the id", shown, matches->len,
              names->str, matches->len > CANDIDATES_NAMED ? ", …" : "");
}

char *releases_find(const char *spool, const char *part, GError **error)
{
  g_autofree char *exact = releases_locate(spool, part);
  g_autofree char *shown = text_make_visible(part);
  g_autoptr(GPtrArray) matches = g_ptr_array_new_with_free_func(g_free);

  if (exact != NULL) {
    return g_steal_pointer(&exact);
  }
  for (guint i = 0; i < G_N_ELEMENTS(FOLDERS); i++) {
    if (!add_matches(spool, FOLDERS[i], part, matches, error)) {
      return NULL;
    }
  }
  g_autofree char *found = matches->len == 1
                               ? releases_locate(spool, g_ptr_array_index(matches, 0)) : NULL;
  if (matches->len > 1) {
    set_ambiguous(matches, shown, error);
  } else if (found == NULL) {
    g_set_error(error, RELEASES_ERROR, RELEASES_ERROR_UNKNOWN,
                "there is no release \"%s\"; \"dateline status\" lists them", shown);
  }
  return g_steal_pointer(&found);
}
