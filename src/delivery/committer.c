/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/committer.h"

#include "base/clock.h"
#include "base/notice.h"

enum {
  LAZY_SYNC_MS = 1000,     /* how long a lazy line waits for its sync */
  RETRY_MS = 1000,
  LOOK_MS = 1000,          /* how often a disk that hangs is looked at */
  HANG_MS = 10 * 1000,     /* without an answer for so long, the disk hangs */
  BUFFER_KEPT = 4 << 20,   /* the memory of a larger buffer is given back */
};

/* --- The thread. --- */

/* The next step goes to the disk: from now on it is measured how long that takes. */
static void committer_ask_disk(Committer *committer)
{
  g_mutex_lock(&committer->lock);
  committer->busy_since = clock_monotonic_ms();
  g_mutex_unlock(&committer->lock);
}

static void lines_clear(GString **lines)
{
  if ((*lines)->allocated_len > BUFFER_KEPT) {
    g_string_free(*lines, TRUE);
    *lines = g_string_new(NULL);
  } else {
    g_string_truncate(*lines, 0);
  }
}

static void lines_exchange(GString **one, GString **other)
{
  GString *saved = *one;

  *one = *other;
  *other = saved;
}

static void journal_keep_taken(Journal *journal)
{
  if (journal->kept->len == 0) {
    lines_exchange(&journal->kept, &journal->taken);
  } else {
    g_string_append_len(journal->kept, journal->taken->str, (gssize)journal->taken->len);
  }
  lines_clear(&journal->taken);
}

/* Writes what was taken, and syncs if must_sync. In any case the lines are kept. */
static gboolean journal_commit(Journal *journal, gboolean must_sync, GError **error)
{
  gboolean done = journal->segment != NULL;

  if (done && journal->taken->len > 0) {
    committer_ask_disk(journal->committer);
    done = segment_write(journal->segment, journal->taken->str, journal->taken->len, error);
  }
  journal_keep_taken(journal);
  if (done && must_sync) {
    committer_ask_disk(journal->committer);
    done = segment_sync(journal->segment, error);
  }
  return done;
}

/* All lines since the last good sync go into a new segment, and are synced there. */
static gboolean journal_begin_segment(Journal *journal, const GError *reason, GError **error)
{
  if (journal->segment != NULL) {
    g_warning("%s; going on in a new segment", reason->message);
    g_clear_pointer(&journal->segment, segment_free);
  }
  committer_ask_disk(journal->committer);
  journal->segment = segment_create(journal->directory, journal->kept->str,
                                    journal->kept->len, error);
  return journal->segment != NULL;
}

/* Enters under the lock what came of the lines up to `to`. */
static void journal_settle(Journal *journal, guint64 to, gboolean synced, const GError *failure)
{
  gint64 now = clock_monotonic_ms();

  if (failure != NULL) {
    journal->failures++;
    journal->due = now + RETRY_MS;
  } else {
    journal->due = synced ? NO_TIME : MIN(journal->due, now + LAZY_SYNC_MS);
  }
  if ((failure != NULL) != (journal->trouble != NULL) || (synced && journal->durable != to)) {
    journal->changed = TRUE;
    g_source_set_ready_time(journal->committer->notifier, 0);
  }
  journal->durable = synced ? to : journal->durable;
  g_free(journal->trouble);
  journal->trouble = failure != NULL ? g_strdup(failure->message) : NULL;
}

/* One turn of a journal. Called and left with the lock held, which is given up while
 * the disk works. */
static void journal_serve(Journal *journal)
{
  Committer *committer = journal->committer;
  guint64 to = journal->gathered_to;
  gboolean must_sync = journal->sync_wanted || journal->due <= clock_monotonic_ms();
  g_autoptr(GError) reason = NULL, failure = NULL;

  lines_exchange(&journal->gathered, &journal->taken);
  journal->offered = FALSE;
  journal->sync_wanted = FALSE;
  journal->serving = TRUE;
  g_mutex_unlock(&committer->lock);

  gboolean synced = must_sync;
  if (!journal_commit(journal, must_sync, &reason)) {
    synced = journal_begin_segment(journal, reason, &failure);
  }
  if (synced) {
    lines_clear(&journal->kept);
  }

  g_mutex_lock(&committer->lock);
  committer->busy_since = NO_TIME;
  journal->serving = FALSE;
  journal_settle(journal, to, synced, failure);
  g_cond_broadcast(&committer->progress);
  if (journal->abandoned) {
    journal_free(journal);
  }
}

/* In trouble a journal waits for its next try, whatever has gathered. */
static gboolean journal_is_due(const Journal *journal, gint64 now)
{
  return journal->due <= now || (journal->offered && journal->trouble == NULL);
}

/* The next journal that has something to do, each in turn; NULL: not before *due. */
static Journal *committer_pick(Committer *committer, gint64 *due)
{
  gint64 now = clock_monotonic_ms();
  guint n = committer->journals->len;

  *due = NO_TIME;
  for (guint i = 0; i < n; i++) {
    guint index = (committer->turn + i) % n;
    Journal *journal = g_ptr_array_index(committer->journals, index);
    if (journal_is_due(journal, now)) {
      committer->turn = index + 1;
      return journal;
    }
    *due = MIN(*due, journal->due);
  }
  return NULL;
}

static gpointer committer_run(gpointer data)
{
  Committer *committer = data;
  gint64 due;

  g_mutex_lock(&committer->lock);
  while (!committer->stop) {
    Journal *journal = committer_pick(committer, &due);
    if (journal != NULL) {
      journal_serve(journal);
      continue;
    }
    committer->idle = TRUE;
    if (due == NO_TIME) {
      g_cond_wait(&committer->work, &committer->lock);
    } else {
      g_cond_wait_until(&committer->work, &committer->lock, due * 1000);
    }
    committer->idle = FALSE;
  }
  g_mutex_unlock(&committer->lock);
  return NULL;
}

/* --- The main thread. --- */

/* A source of the committer's in the main loop. */
typedef struct {
  GSource source;
  Committer *committer;
} CommitterSource;

static void committer_look_at(Committer *committer, gint64 monotonic_ms)
{
  committer->watching = monotonic_ms != NO_TIME;
  g_source_set_ready_time(committer->watch, committer->watching ? monotonic_ms * 1000 : -1);
}

void committer_unlock_and_wake(Committer *committer)
{
  gboolean wake = committer->idle;

  committer->idle = FALSE;
  g_mutex_unlock(&committer->lock);
  if (!committer->watching) {
    committer_look_at(committer, clock_monotonic_ms() + HANG_MS);
  }
  if (wake) {
    g_cond_signal(&committer->work);
  }
}

gboolean committer_hangs(const Committer *committer)
{
  return committer->busy_since != NO_TIME &&
         clock_monotonic_ms() - committer->busy_since >= HANG_MS;
}

gint64 committer_hangs_since(const Committer *committer)
{
  return committer->hangs_since;
}

void committer_watch(Committer *committer, CommitterNotify notify, gpointer data)
{
  committer->hang_notify = notify;
  committer->hang_data = data;
}

/* With the lock held: whether some line is not durable yet. */
static gboolean committer_has_work(const Committer *committer)
{
  for (guint i = 0; i < committer->journals->len; i++) {
    const Journal *journal = g_ptr_array_index(committer->journals, i);
    if (journal->durable < journal->gathered_to) {
      return TRUE;
    }
  }
  return FALSE;
}

static void committer_tell_hang(Committer *committer, gint64 since)
{
  gint64 before = committer->hangs_since, now = clock_monotonic_ms();

  if ((before == 0) == (since == 0)) {
    return;
  }
  committer->hangs_since = since;
  if (since != 0) {
    notice(NOTICE_DISK_HANGS, (NoticeFields){ 0 }, "the disk has not answered for %" G_GINT64_FORMAT
           " s; nothing is sent until it does", (now - since) / 1000);
  } else {
    notice(NOTICE_DISK_ANSWERS, (NoticeFields){ 0 }, "the disk answers again after %"
           G_GINT64_FORMAT " s", (now - before) / 1000);
  }
  if (committer->hang_notify != NULL) {
    committer->hang_notify(committer->hang_data);
  }
}

/* Idle, nobody looks: what is not asked cannot fail to answer. */
static gboolean committer_look(gpointer data)
{
  Committer *committer = data;
  gint64 now = clock_monotonic_ms(), next = NO_TIME;

  g_mutex_lock(&committer->lock);
  gint64 busy_since = committer->busy_since;
  gint64 since = committer_hangs(committer) ? busy_since : 0;
  if (since != 0) {
    next = now + LOOK_MS;
  } else if (busy_since != NO_TIME) {
    next = busy_since + HANG_MS;
  } else if (committer_has_work(committer)) {
    next = now + HANG_MS;
  }
  g_mutex_unlock(&committer->lock);
  committer_look_at(committer, next);
  committer_tell_hang(committer, since);
  return G_SOURCE_CONTINUE;
}

void committer_await_progress(Committer *committer, gint64 end_us)
{
  gint64 second_us = g_get_monotonic_time() + G_TIME_SPAN_SECOND;

  g_cond_wait_until(&committer->progress, &committer->lock, MIN(end_us, second_us));
}

/* A round takes the journals that have changed until now, so that it ends, however fast
 * the disk is. journal_close() takes a journal out of it. */
static gboolean committer_notify(gpointer data)
{
  Committer *committer = data;

  g_source_set_ready_time(committer->notifier, -1);
  if (committer->hangs_since != 0) {
    committer_look(committer);
  }
  g_mutex_lock(&committer->lock);
  for (guint i = 0; i < committer->journals->len; i++) {
    Journal *journal = g_ptr_array_index(committer->journals, i);
    if (journal->changed) {
      journal->changed = FALSE;
      g_ptr_array_add(committer->to_notify, journal);
    }
  }
  g_mutex_unlock(&committer->lock);
  while (committer->to_notify->len > 0) {
    Journal *journal = g_ptr_array_steal_index(committer->to_notify, 0);
    journal->notify(journal, journal->data);
  }
  return G_SOURCE_CONTINUE;
}

/* Offers the thread what has gathered. */
static void committer_offer(Committer *committer)
{
  g_mutex_lock(&committer->lock);
  for (guint i = 0; i < committer->journals->len; i++) {
    Journal *journal = g_ptr_array_index(committer->journals, i);
    journal->offered |= journal->gathered->len > 0 || journal->sync_wanted;
  }
  committer_unlock_and_wake(committer);
}

/* Comes before the main loop sleeps. */
static gboolean notifier_prepare(GSource *source, int *timeout_ms)
{
  Committer *committer = ((CommitterSource *)source)->committer;

  *timeout_ms = -1;
  if (committer->appended) {
    committer->appended = FALSE;
    committer_offer(committer);
  }
  return FALSE;
}

static gboolean dispatch_source(G_GNUC_UNUSED GSource *source, GSourceFunc callback,
                                gpointer data)
{
  return callback(data);
}

/* A source that waits for its ready time to be set. */
static GSource *add_source(Committer *committer, GSourceFuncs *functions, const char *name,
                           GSourceFunc func, GMainContext *context)
{
  GSource *source = g_source_new(functions, sizeof(CommitterSource));

  ((CommitterSource *)source)->committer = committer;
  g_source_set_static_name(source, name);
  g_source_set_callback(source, func, committer, NULL);
  g_source_attach(source, context);
  return source;
}

Committer *committer_new(GMainContext *context)
{
  static GSourceFuncs notifier = {.prepare = notifier_prepare, .dispatch = dispatch_source};
  static GSourceFuncs watch = {.dispatch = dispatch_source};
  Committer *committer = g_new0(Committer, 1);

  g_mutex_init(&committer->lock);
  g_cond_init(&committer->work);
  g_cond_init(&committer->progress);
  committer->journals = g_ptr_array_new();
  committer->to_notify = g_ptr_array_new();
  committer->busy_since = NO_TIME;
  committer->notifier = add_source(committer, &notifier, "journal", committer_notify, context);
  committer->watch = add_source(committer, &watch, "disk", committer_look, context);
  committer->thread = g_thread_new("journal", committer_run, committer);
  return committer;
}

void committer_free(Committer *committer)
{
  g_assert(committer->journals->len == 0);
  g_mutex_lock(&committer->lock);
  committer->stop = TRUE;
  committer_unlock_and_wake(committer);
  g_thread_join(committer->thread);
  g_source_destroy(committer->notifier);
  g_source_unref(committer->notifier);
  g_source_destroy(committer->watch);
  g_source_unref(committer->watch);
  g_ptr_array_unref(committer->to_notify);
  g_ptr_array_unref(committer->journals);
  g_cond_clear(&committer->progress);
  g_cond_clear(&committer->work);
  g_mutex_clear(&committer->lock);
  g_free(committer);
}
