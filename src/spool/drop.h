/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include "config/config.h"

/* The folders of the spool:
 *
 *   incoming/            drops for the default channel
 *   incoming/<channel>/  drops for that channel
 *   incoming/.suppress/  lists of whom not to mail any more, see contacts/suppression-file.h
 *   queue/<id>.new/      claimed, being looked at: claim (what, where, when), drop/ (the
 *                        drop itself, moved here), source/ (our copy of it)
 *   queue/<id>/          accepted: source/, roster.db, journal
 *   done/<id>/           finished: the same folder, moved
 *   rejected/<id>/       refused: the drop as it was, and REASON.txt
 *
 * spool_prepare() makes what is missing; a new channel's folder gets the group and the
 * permissions of incoming/. Errors say what to do (permissions, owner, another file
 * system). A folder whose channel is no longer in the configuration is left alone and
 * warned about. All errors of the spool are in G_FILE_ERROR. */
gboolean spool_prepare(const Config *config, GError **error);

/* The folder below incoming/ for lists of whom not to mail; it stands for the channel in claims
 * of such lists, and no channel can be called so. */
#define SPOOL_SUPPRESSIONS ".suppress"

/* A drop that was claimed: moved out of incoming/ by one rename(2) and then copied, so
 * that whoever still holds a file open can no longer change what is sent. */
typedef struct {
  char *id;          /* the future release's */
  char *directory;   /* queue/<id>.new */
  char *source;      /* <directory>/source/<name>: our copy, its files read-only; it is
                        missing or incomplete where the report has errors */
  char *name;        /* as dropped */
  char *channel;     /* its name */
  guint owner;       /* uid of who dropped it */
  gint64 claimed_ms; /* wall clock */
} Claim;
void claim_free(Claim *claim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Claim, claim_free)

/* Claims incoming path for channel. NULL with error when it cannot be moved, or when we
 * cannot copy it (a full disk): then it lies in incoming/ as before, to be claimed later.
 * G_FILE_ERROR_NOENT: somebody took it away, which is no reason to complain. A drop that
 * cannot be copied as it is (symbolic link, device, too big, unreadable) is claimed all
 * the same, with the reasons in report: reject it. */
Claim *claim_take(const Config *config, const char *path, const char *channel,
                  Report *report, GError **error);

/* Claims that were left behind (queue/<id>.new), by an earlier run or because they could not
 * be decided, oldest first; nobody may be at work on one. partial work in
 * them is thrown away and the copy made again. Claim * in the array; reports[i], as above,
 * belongs to claims[i]. The arrays own them. A claim of which nobody can tell any more what
 * it was is moved to rejected/ at once; one that cannot be recovered now is told to stays()
 * and can be recovered later. The channel may have left the configuration meanwhile. */
typedef void (*ClaimStays)(const char *id, const GError *reason, gpointer data);
GPtrArray *claim_recover(const Config *config, ClaimStays stays, gpointer data,
                         GPtrArray **reports, GError **error);

/* The acceptance point: queue/<id>.new becomes queue/<id> by one durable rename. Sets
 * directory and source to where they are now. */
gboolean claim_accept(const Config *config, Claim *claim, GError **error);

/* After it, and needed by nobody: removes drop/ and the file claim, if possible. */
void claim_tidy(const Claim *claim);

/* Moves the drop to rejected/<id>/ with REASON.txt, which says in plain words what was
 * wrong (report_to_text), what happened to the file, and what to do next. Where the drop
 * itself is called REASON.txt, the reason is in REASON-2.txt. */
gboolean claim_reject(const Config *config, Claim *claim, const Report *report, GError **error);

/* queue/<id> -> done/<id>. */
gboolean spool_archive(const Config *config, const char *id, GError **error);
