/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>

#include "delivery/record.h"

/* The journal is the only truth about a release: what is not in it did not happen.
 * It is written here and nowhere else.
 *
 * Files, in the release's folder: "journal", then "journal.2", "journal.3" … (segments,
 * segment.h), read in this order as one. Each begins with "dateline-journal 1 crc=…".
 * A writer goes on in the last segment if that ends in a whole line, and begins a new
 * one otherwise: a torn end stays where it is, as evidence.
 *
 * Durability. journal_append() only fills a buffer; when the loop's round ends, one thread
 * for all journals (the Committer) writes what has gathered and calls fdatasync(2) when
 * somebody waits for it, so that one sync serves many (group commit). Lines reach the disk in the order
 * in which they were appended: if a line is durable, so are all before it. That order
 * is what the bound on contacts in doubt rests on.
 *
 *   JOURNAL_SYNC   is durable as soon as possible; journal_durable() tells when
 *   JOURNAL_LAZY   is written within milliseconds (survives the death of the process)
 *                  and synced with the next sync, or after one second at the latest
 *
 * Trouble. An fdatasync(2) that failed cannot be believed when it succeeds later: the
 * pages may have been dropped. After any failed write or sync the segment is suspect;
 * every line since the last good sync is written again, with its old sequence number,
 * into a new segment (readers pass over lines they have seen). While that fails too
 * the journal is in trouble: journal_trouble() says why, nothing becomes durable, no
 * line is lost, and it is tried again every second. The buffer is bounded by what is in
 * flight, because whoever sends must stop while there is trouble.
 *
 * All functions are for one thread, that of the committer's context, but journal_continue(),
 * which may be called in any. */

typedef struct Committer Committer;
typedef struct Journal Journal;

/* Starts the thread. Notifications arrive in context (NULL: the default). */
Committer *committer_new(GMainContext *context);
void committer_free(Committer *committer);  /* all journals must be closed before */

/* A disk that hangs says nothing, so it is watched while anything is to be written: notify
 * is called in the committer's context when it has not answered for ten seconds, and when
 * it answers again; both are logged. */
typedef void (*CommitterNotify)(gpointer data);
void committer_watch(Committer *committer, CommitterNotify notify, gpointer data);

/* Since when (monotonic) the disk owes an answer, once that is ten seconds; 0: it does not
 * hang. */
gint64 committer_hangs_since(const Committer *committer);

typedef enum { JOURNAL_LAZY, JOURNAL_SYNC } JournalUrgency;

/* Called in the committer's context, never from within a journal_ function, after the
 * durable mark moved or trouble began or ended. It may append to, create and close any
 * journal. (A disk that hangs cannot tell: who waits for long asks journal_trouble().) */
typedef void (*JournalNotify)(Journal *journal, gpointer data);

/* Makes the first segment of a new journal, durable with its name. An error where there
 * is a segment already. */
Journal *journal_create(Committer *committer, const char *directory,
                        JournalNotify notify, gpointer data, GError **error);

/* Goes on with a journal that was read to its end (reader.h): last_segment is the last
 * segment's number, whole whether it ends in a whole line. What is there is synced
 * before anything is built upon it. Known weakness: what a daemon wrote that died while
 * its disk failed may still be in the kernel's memory, believed to be written; its loss
 * shows as damage when the memory is gone. */
Journal *journal_continue(Committer *committer, const char *directory,
                          guint last_segment, gboolean whole, guint64 last_sequence,
                          JournalNotify notify, gpointer data, GError **error);

/* Waits until all is durable; FALSE where it cannot be: the next try fails, or the disk
 * does not answer. Frees in either case. */
gboolean journal_close(Journal *journal, GError **error);

/* fields: key, value, key, value …, NULL; values NULL are left out. contact 0: none, for
 * events of the release. Returns the line's sequence number, or, where it can be no line
 * (record_end() says when), JOURNAL_NEVER: nothing is appended, and nothing ever is
 * durable up to that number. Only settings that people wrote can be so long; the value
 * of text= is cut instead. */
guint64 journal_append(Journal *journal, JournalUrgency urgency, Event event,
                       guint32 contact, ...) G_GNUC_NULL_TERMINATED;
guint64 journal_append_list(Journal *journal, JournalUrgency urgency, Event event,
                            guint32 contact, va_list fields);
#define JOURNAL_NEVER G_MAXUINT64

/* All lines up to this number are on disk. */
guint64 journal_durable(const Journal *journal);

/* NULL, or why nothing becomes durable at the moment: the last failure, or that the disk
 * has not answered for ten seconds and more. Good until the next call. */
const char *journal_trouble(Journal *journal);

/* Syncs, and waits until sequence is durable: FALSE when there is trouble, or after
 * timeout_ms. For the few places that are not in the loop's way: acceptance, shutdown. */
gboolean journal_wait(Journal *journal, guint64 sequence, gint64 timeout_ms, GError **error);

#define JOURNAL_ERROR (journal_error_quark())
GQuark journal_error_quark(void);
typedef enum {
  JOURNAL_ERROR_DAMAGED,   /* a line that is not the torn last one cannot be read */
  JOURNAL_ERROR_VERSION,   /* written by a newer dateline */
  JOURNAL_ERROR_DISK,
} JournalError;
