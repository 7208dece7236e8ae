/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/journal.h"
#include "delivery/segment.h"

/* What journal.c (the main thread's side) and committer.c (the thread's) share, and
 * nobody else sees.
 *
 * Two threads and one lock. The main thread formats lines into `gathered`; when a round of
 * its loop ends it offers them, so that all that happened in that round goes into one sync.
 * The committer's thread takes what it is offered by exchanging buffers, and works on the
 * disk without the lock. It keeps every line until a sync has succeeded, because the
 * lines of a segment that failed are written again. Every field belongs to the main
 * thread, to the lock, or to the committer's thread. */

#define NO_TIME G_MAXINT64

struct Committer {
  GMutex lock;
  GCond work;              /* there is something to do for the thread */
  GCond progress;          /* it did something */
  GThread *thread;

  /* The main thread. */
  GSource *notifier;
  GPtrArray *to_notify;    /* journals that are still to be notified in this round */
  gboolean appended;       /* since the last offer */
  GSource *watch;          /* looks whether the disk hangs; runs while anything is to be written */
  gboolean watching;
  gint64 hangs_since;      /* as it was told; 0: it does not hang */
  CommitterNotify hang_notify;
  gpointer hang_data;

  /* Under the lock. */
  GPtrArray *journals;     /* whoever reads a journal to its end adds it, the main thread removes */
  guint turn;              /* index of the journal whose turn it is */
  gboolean idle, stop;
  gint64 busy_since;       /* when the disk was asked last; NO_TIME: it has answered */
};

struct Journal {
  Committer *committer;
  char *directory;

  /* The main thread. */
  JournalNotify notify;
  gpointer data;
  RecordWriter writer;
  guint64 next_sequence;
  char *shown_trouble;

  /* Under the lock. */
  GString *gathered;
  guint64 gathered_to;     /* the number of its last line, or of the last before it */
  guint64 durable;
  gboolean offered;        /* there is work, and the thread may take it */
  gboolean sync_wanted, serving, abandoned, changed;
  gint64 due;              /* when a sync or another try is due, monotonic */
  char *trouble;           /* the last failure; NULL: all is well */
  guint failures;

  /* The committer's thread. */
  Segment *segment;        /* NULL: the last one is not to be believed */
  GString *taken, *kept;   /* kept: handed to the disk since the last good sync */
};

void journal_free(Journal *journal);

/* All below: with the lock held. */

/* Gives up the lock, and wakes the thread if it sleeps; only then, since waking is a
 * system call, and a busy thread looks by itself. */
void committer_unlock_and_wake(Committer *committer);

/* Whether the disk has not answered for so long that nobody should wait for it. */
gboolean committer_hangs(const Committer *committer);

/* Waits until the thread did something, until end_us (monotonic), or for a second: the
 * caller looks again. */
void committer_await_progress(Committer *committer, gint64 end_us);
