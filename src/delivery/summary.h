/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/release.h"

/* What the files of a release say about it, without the daemon: its folder read into
 * plain values. And the finding of releases in a spool's queue/ and done/. */

typedef struct {
  char *id;
  char *directory;
  gboolean archived;      /* it lies in done/ */
  Terms terms;
  Ledger *ledger;         /* NULL where the journal could not be read so far */
  ReleaseState state;
  char *reason;           /* why it is held or in doubt, or NULL */
  gint64 started_ms;      /* wall clock, as are the next two; 0: not yet */
  gint64 finished_ms;
  gint64 latest_ms;       /* of the journal's last line */
  guint torn;             /* ends of segments that a crash cut off */
} Summary;

/* now_ms: wall clock. The state is what the journal and the clock say: a release that only
 * the daemon knows to be paused is RELEASE_SENDING here, one whose journal is damaged is
 * RELEASE_HELD with the damage as its reason, and what could be read before it. NULL with
 * error where the journal cannot be read at all. */
Summary *summary_read(const char *directory, gint64 now_ms, GError **error);
void summary_free(Summary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Summary, summary_free)

/* The ids in spool/folder ("queue" or "done"), ascending, which is by time. char * */
GPtrArray *releases_list(const char *spool, const char *folder, GError **error);

/* The folder of the one release of which part is the id, or a part of it. Caller frees. */
char *releases_find(const char *spool, const char *part, GError **error);

/* The summary of the release with this very id, also where it moves from queue/ to done/
 * meanwhile. */
Summary *releases_read(const char *spool, const char *id, gint64 now_ms, GError **error);

/* The folder of the release with this very id, in queue/ or done/; NULL where there is
 * none. Caller frees. */
char *releases_locate(const char *spool, const char *id);

#define RELEASES_ERROR (releases_error_quark())
GQuark releases_error_quark(void);
typedef enum { RELEASES_ERROR_UNKNOWN, RELEASES_ERROR_AMBIGUOUS } ReleasesError;
