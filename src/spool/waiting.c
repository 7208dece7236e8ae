/* SPDX-License-Identifier: Apache-2.0 */

/* A candidate stands in one of two queues, or in none once it was reported. Each waits for
 * the same time, settle_ms, from when it is put at the end of its queue: so the queue is
 * always in order of time, and one timer for its head is enough. */
#include "spool/waiting.h"

#include "base/clock.h"
#include "spool/look.h"

enum {
  BATCH = 16,                   /* candidates looked at before other sources have a turn */
  PATIENCE_MS = 10 * 60 * 1000, /* with what seems unfinished, but does not change */
  UNSURE_SETTLES = 5,           /* so often settle_ms, where nobody tells what is still open */
};

typedef enum { STATE_WAITING, STATE_COMPLETE, STATE_REPORTED, STATES } State;

typedef struct {
  char *name;
  State state;
  gboolean open;       /* we heard of its making, but not of its closing */
  gboolean closed;     /* it is a file, and we heard of its closing */
  Look look;           /* the latest */
  gint64 quiet_since;  /* no look since then found a change */
  gint64 due;          /* for the next look, while waiting */
  GList link;          /* in the queue of its state */
} Candidate;

struct Waiting {
  int folder;
  gint64 settle_ms, rescan_ms;
  WaitingDone done;
  gpointer data;
  GHashTable *candidates;  /* by name; owns them */
  GQueue queues[STATES];   /* the last one stays empty */
  guint tick;              /* a timer's source, or 0 */
  gint64 tick_at;
};

static gboolean on_tick(gpointer data);

/* One timer for whichever candidate is first. It may ring for one that is gone. */
static void schedule_tick(Waiting *waiting)
{
  const Candidate *first = g_queue_peek_head(&waiting->queues[STATE_WAITING]);
  gint64 now = clock_monotonic_ms();
  gint64 at = first != NULL ? first->due : G_MAXINT64;

  if (!g_queue_is_empty(&waiting->queues[STATE_COMPLETE])) {
    at = now;
  }
  if (at == G_MAXINT64 || (waiting->tick != 0 && waiting->tick_at <= at)) {
    return;
  }
  g_clear_handle_id(&waiting->tick, g_source_remove);
  waiting->tick_at = at;
  waiting->tick = g_timeout_add((guint)MAX(at - now, 0), on_tick, waiting);
}

static void leave_queue(Waiting *waiting, Candidate *candidate)
{
  if (candidate->state != STATE_REPORTED) {
    g_queue_unlink(&waiting->queues[candidate->state], &candidate->link);
  }
}

/* At the end of the queue of its new state. */
static void enter_state(Waiting *waiting, Candidate *candidate, State state)
{
  leave_queue(waiting, candidate);
  candidate->state = state;
  if (state != STATE_REPORTED) {
    candidate->due = clock_monotonic_ms() + waiting->settle_ms;
    g_queue_push_tail_link(&waiting->queues[state], &candidate->link);
    schedule_tick(waiting);
  }
}

static void candidate_free(gpointer pointer)
{
  Candidate *candidate = pointer;

  g_free(candidate->name);
  g_free(candidate);
}

static Candidate *add(Waiting *waiting, const char *name)
{
  Candidate *candidate = g_new0(Candidate, 1);

  candidate->name = g_strdup(name);
  candidate->state = STATE_REPORTED; /* in no queue yet */
  candidate->link.data = candidate;
  g_hash_table_insert(waiting->candidates, candidate->name, candidate);
  return candidate;
}

static void forget(Waiting *waiting, Candidate *candidate)
{
  leave_queue(waiting, candidate);
  g_hash_table_remove(waiting->candidates, candidate->name);
}

gboolean waiting_knows(const Waiting *waiting, const char *name)
{
  return g_hash_table_contains(waiting->candidates, name);
}

static gboolean is_reported(gpointer name G_GNUC_UNUSED, gpointer candidate,
                            gpointer data G_GNUC_UNUSED)
{
  return ((const Candidate *)candidate)->state == STATE_REPORTED;
}

void waiting_forget_reported(Waiting *waiting)
{
  g_hash_table_foreach_remove(waiting->candidates, is_reported, NULL);
}

void waiting_hear(Waiting *waiting, const char *name, News news)
{
  Candidate *candidate = g_hash_table_lookup(waiting->candidates, name);
  Look look;

  if (!look_take(waiting->folder, name, &look)) {
    if (candidate != NULL && candidate->state != STATE_REPORTED) {
      forget(waiting, candidate);
    }
    return;
  }
  if (news == NEWS_GONE) {
    return; /* of what has come in its place there is other news */
  }
  if (candidate == NULL) {
    /* An empty folder may lie here for long: it is looked at from time to time only. */
    if (news == NEWS_FOUND && look.files == 0) {
      return;
    }
    candidate = add(waiting, name);
  } else if (candidate->state == STATE_REPORTED && look_is_same_drop(&look, &candidate->look)) {
    return;
  }
  candidate->look = look;
  candidate->quiet_since = clock_monotonic_ms();
  /* A file that got its name by link(2) was made, too, but will never be closed. */
  candidate->open = news == NEWS_MADE && S_ISREG(look.kind) && look.links == 1;
  candidate->closed = news == NEWS_CLOSED && S_ISREG(look.kind);
  enter_state(waiting, candidate,
              news == NEWS_RENAMED && look.files > 0 ? STATE_COMPLETE : STATE_WAITING);
}

static void report_drop(Waiting *waiting, Candidate *candidate)
{
  g_autofree char *name = g_strdup(candidate->name);

  enter_state(waiting, candidate, STATE_REPORTED);
  waiting->done(name, waiting->data);
}

/* A drop that looked the same for settle_ms, and yet may not be complete. */
static gboolean is_worth_waiting(const Waiting *waiting, Candidate *candidate, gint64 now)
{
  Writers writers = look_for_writers(waiting->folder, candidate->name);

  if (writers == WRITERS_SOME) {
    candidate->quiet_since = now;
    return TRUE;
  }
  gboolean unknown = writers == WRITERS_UNKNOWN && !candidate->closed;
  gint64 patience = unknown ? UNSURE_SETTLES * waiting->settle_ms : 0;
  if ((unknown && candidate->open) || candidate->look.unfinished) {
    patience = PATIENCE_MS;
  }
  return now - candidate->quiet_since < patience;
}

static void examine(Waiting *waiting, Candidate *candidate)
{
  gint64 now = clock_monotonic_ms();
  Look look;

  if (!look_take(waiting->folder, candidate->name, &look)) {
    forget(waiting, candidate);
    return;
  }
  if (!look_equal(&look, &candidate->look)) {
    candidate->look = look;
    candidate->quiet_since = now;
  }
  gint64 quiet = now - candidate->quiet_since;
  if (candidate->state == STATE_COMPLETE) {
    report_drop(waiting, candidate);
  } else if (look.files == 0 && quiet >= waiting->rescan_ms) {
    forget(waiting, candidate);
  } else if (look.files == 0 || quiet < waiting->settle_ms ||
             is_worth_waiting(waiting, candidate, now)) {
    enter_state(waiting, candidate, STATE_WAITING);
  } else {
    report_drop(waiting, candidate);
  }
}

static Candidate *next_due(Waiting *waiting)
{
  Candidate *complete = g_queue_peek_head(&waiting->queues[STATE_COMPLETE]);
  Candidate *first = g_queue_peek_head(&waiting->queues[STATE_WAITING]);

  if (complete == NULL && first != NULL && first->due <= clock_monotonic_ms()) {
    return first;
  }
  return complete;
}

static gboolean on_tick(gpointer data)
{
  Waiting *waiting = data;
  Candidate *candidate;

  waiting->tick = 0;
  for (guint i = 0; i < BATCH && (candidate = next_due(waiting)) != NULL; i++) {
    examine(waiting, candidate);
  }
  schedule_tick(waiting);
  return G_SOURCE_REMOVE;
}

Waiting *waiting_new(gint64 settle_ms, gint64 rescan_ms, WaitingDone done, gpointer data)
{
  Waiting *waiting = g_new0(Waiting, 1);

  waiting->folder = -1;
  waiting->settle_ms = settle_ms;
  waiting->rescan_ms = rescan_ms;
  waiting->done = done;
  waiting->data = data;
  waiting->candidates = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, candidate_free);
  return waiting;
}

void waiting_free(Waiting *waiting)
{
  g_clear_handle_id(&waiting->tick, g_source_remove);
  g_hash_table_unref(waiting->candidates);
  g_free(waiting);
}

void waiting_set_folder(Waiting *waiting, int folder)
{
  waiting->folder = folder;
}
