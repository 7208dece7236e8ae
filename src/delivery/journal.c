/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/journal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "delivery/committer.h"

G_DEFINE_QUARK(dateline-journal-error-quark, journal_error)

static Journal *journal_new(Committer *committer, const char *directory, Segment *segment,
                            guint64 last_sequence, JournalNotify notify, gpointer data)
{
  Journal *journal = g_new0(Journal, 1);

  journal->committer = committer;
  journal->directory = g_strdup(directory);
  journal->notify = notify;
  journal->data = data;
  journal->next_sequence = last_sequence + 1;
  journal->gathered = g_string_new(NULL);
  journal->gathered_to = last_sequence;
  journal->durable = last_sequence;
  journal->due = NO_TIME;
  journal->segment = segment;
  journal->taken = g_string_new(NULL);
  journal->kept = g_string_new(NULL);
  g_mutex_lock(&committer->lock);
  g_ptr_array_add(committer->journals, journal);
  g_mutex_unlock(&committer->lock);
  return journal;
}

void journal_free(Journal *journal)
{
  g_clear_pointer(&journal->segment, segment_free);
  g_string_free(journal->gathered, TRUE);
  g_string_free(journal->taken, TRUE);
  g_string_free(journal->kept, TRUE);
  g_free(journal->trouble);
  g_free(journal->shown_trouble);
  g_free(journal->directory);
  g_free(journal);
}

Journal *journal_create(Committer *committer, const char *directory,
                        JournalNotify notify, gpointer data, GError **error)
{
  guint last;

  if (!segment_find_last(directory, &last, error)) {
    return NULL;
  }
  if (last != 0) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DISK,
                "there is a journal in %s already, although its release is new", directory);
    return NULL;
  }
  Segment *segment = segment_create(directory, "", 0, error);
  return segment != NULL ? journal_new(committer, directory, segment, 0, notify, data) : NULL;
}

Journal *journal_continue(Committer *committer, const char *directory,
                          guint last_segment, gboolean whole, guint64 last_sequence,
                          JournalNotify notify, gpointer data, GError **error)
{
  Segment *segment = segment_open(directory, last_segment, error);

  if (segment == NULL) {
    return NULL;
  }
  /* The committer begins a new one with the first line, as soon as the disk has room. */
  if (!whole) {
    g_clear_pointer(&segment, segment_free);
  }
  return journal_new(committer, directory, segment, last_sequence, notify, data);
}

static gboolean fail_waiting(Journal *journal, GError **error)
{
  const char *trouble = journal_trouble(journal);

  g_set_error_literal(error, JOURNAL_ERROR, JOURNAL_ERROR_DISK,
                      trouble != NULL ? trouble : "the disk has not answered in time");
  return FALSE;
}

gboolean journal_wait(Journal *journal, guint64 sequence, gint64 timeout_ms, GError **error)
{
  Committer *committer = journal->committer;
  gint64 end_us = g_get_monotonic_time() + timeout_ms * 1000;

  if (sequence == JOURNAL_NEVER) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DISK,
                "a line would be longer than the %d bytes that the journal allows; shorten "
                "the release's settings", LIMIT_JOURNAL_LINE);
    return FALSE;
  }
  g_mutex_lock(&committer->lock);
  journal->sync_wanted = journal->offered = TRUE;
  committer_unlock_and_wake(committer);
  g_mutex_lock(&committer->lock);
  while (journal->durable < sequence && journal->trouble == NULL &&
         g_get_monotonic_time() < end_us) {
    committer_await_progress(committer, end_us);
  }
  gboolean durable = journal->durable >= sequence;
  g_mutex_unlock(&committer->lock);
  return durable || fail_waiting(journal, error);
}

/* Called and left with the lock held: one more try to make everything durable. */
static gboolean journal_finish(Journal *journal)
{
  Committer *committer = journal->committer;
  guint64 last = journal->next_sequence - 1;
  guint failures = journal->failures;

  while (journal->durable < last && journal->failures == failures &&
         !committer_hangs(committer)) {
    journal->due = 0;
    g_cond_signal(&committer->work);
    committer_await_progress(committer, NO_TIME);
  }
  return journal->durable >= last;
}

gboolean journal_close(Journal *journal, GError **error)
{
  Committer *committer = journal->committer;

  g_mutex_lock(&committer->lock);
  gboolean finished = journal_finish(journal);
  g_mutex_unlock(&committer->lock);
  if (!finished) {
    fail_waiting(journal, error);
  }
  g_ptr_array_remove(committer->to_notify, journal);
  g_mutex_lock(&committer->lock);
  g_ptr_array_remove(committer->journals, journal);
  while (journal->serving && !committer_hangs(committer)) {
    committer_await_progress(committer, NO_TIME);
  }
  /* What a hanging disk holds on to is freed by the thread, should it ever come back. */
  journal->abandoned = journal->serving;
  if (!journal->abandoned) {
    journal_free(journal);
  }
  g_mutex_unlock(&committer->lock);
  return finished;
}

/* Writes the line behind those that have gathered; its length, or 0. */
static gsize journal_format(Journal *journal, Event event, guint32 contact, va_list fields)
{
  RecordWriter *writer = &journal->writer;
  gsize end = journal->gathered->len;
  const char *key;

  g_string_set_size(journal->gathered, end + LIMIT_JOURNAL_LINE);
  record_begin(writer, journal->gathered->str + end, journal->next_sequence, clock_wall_ms(),
               event, contact);
  while ((key = va_arg(fields, const char *)) != NULL) {
    const char *value = va_arg(fields, const char *);
    if (value != NULL) {
      record_add(writer, key, value);
    }
  }
  gsize length = record_end(writer);
  g_string_truncate(journal->gathered, end + length);
  return length;
}

guint64 journal_append_list(Journal *journal, JournalUrgency urgency, Event event,
                            guint32 contact, va_list fields)
{
  Committer *committer = journal->committer;

  g_mutex_lock(&committer->lock);
  gsize length = journal_format(journal, event, contact, fields);
  if (length == 0) {
    g_mutex_unlock(&committer->lock);
    return JOURNAL_NEVER;
  }
  journal->gathered_to = journal->next_sequence;
  journal->sync_wanted |= urgency == JOURNAL_SYNC;
  g_mutex_unlock(&committer->lock);
  committer->appended = TRUE;
  return journal->next_sequence++;
}

guint64 journal_append(Journal *journal, JournalUrgency urgency, Event event,
                       guint32 contact, ...)
{
  va_list fields;

  va_start(fields, contact);
  guint64 line = journal_append_list(journal, urgency, event, contact, fields);
  va_end(fields);
  return line;
}

guint64 journal_durable(const Journal *journal)
{
  g_mutex_lock(&journal->committer->lock);
  guint64 durable = journal->durable;
  g_mutex_unlock(&journal->committer->lock);
  return durable;
}

const char *journal_trouble(Journal *journal)
{
  Committer *committer = journal->committer;

  g_clear_pointer(&journal->shown_trouble, g_free);
  g_mutex_lock(&committer->lock);
  guint64 waiting = journal->next_sequence - 1 - journal->durable;
  if (waiting > 0 && committer_hangs(committer)) {
    journal->shown_trouble = g_strdup_printf(
        "the disk has not answered for %" G_GINT64_FORMAT " s (%" G_GUINT64_FORMAT
        " lines wait)", (clock_monotonic_ms() - committer->busy_since) / 1000, waiting);
  } else if (journal->trouble != NULL) {
    journal->shown_trouble = g_strdup_printf("%s (%" G_GUINT64_FORMAT " lines wait)",
                                             journal->trouble, waiting);
  }
  g_mutex_unlock(&committer->lock);
  return journal->shown_trouble;
}
