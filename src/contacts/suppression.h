/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/address.h"

/* Who must not be mailed: one SQLite database of addresses and domains, in a folder of its own
 * in the spool, that the daemon reads before each message and the command writes to. Entries
 * are numbered in the order in which they came, and no number is ever used twice: whoever
 * remembers the last number knows whether anybody was added since.
 *
 * The database is in WAL mode, so that sending never waits for whoever writes. An entry that is
 * there is never replaced by another one about the same address or domain and scope: since
 * when somebody must not be mailed stays true however often a list is imported again. */

typedef struct Suppression Suppression;

typedef enum {
  SUPPRESSION_ASKED,       /* they said so, or unsubscribed */
  SUPPRESSION_BOUNCED,
  SUPPRESSION_COMPLAINED,
  SUPPRESSION_ERASED,      /* their data were to be forgotten */
  SUPPRESSION_MANUAL,      /* a person of ours decided */
  SUPPRESSION_REASONS
} SuppressionReason;

/* "asked", "bounced", …; all of them, NULL-terminated. */
extern const char *const SUPPRESSION_REASON_NAMES[];
gboolean suppression_reason_read(const char *name, SuppressionReason *reason);

typedef struct {
  guint64 number;          /* of the entry; not for suppression_add() */
  const char *address;     /* "jane@example.org", "example.org", or "*.example.org" for all below
                              it; domains as A-labels */
  const char *scope;       /* "all", "list:NAME" or "channel:NAME" */
  SuppressionReason reason;
  gint64 since_ms;         /* wall clock */
  const char *evidence;    /* from where it is known; or NULL */
} SuppressionEntry;

typedef enum {
  SUPPRESSION_READ,        /* it must be there, but for the spool that has none yet */
  SUPPRESSION_WRITE,       /* it is made where it is missing */
} SuppressionAccess;

/* The folder, <spool>/suppress. Caller frees. */
char *suppression_folder(const char *spool);

/* NULL with error. With SUPPRESSION_READ a database that is not there is an empty list. A
 * Suppression belongs to one thread. */
Suppression *suppression_open(const char *spool, SuppressionAccess access, GError **error);
void suppression_close(Suppression *suppression);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Suppression, suppression_close)

/* "all", "list:press", "channel:alerts". FALSE with error where it is none of these. */
gboolean suppression_scope_check(const char *scope, GError **error);

/* --- Looking. --- */

/* The number of the last entry that was ever added; 0: none was. Looked up no more often than
 * once a millisecond by now_ms (monotonic). FALSE with error where it cannot be read. */
gboolean suppression_last(Suppression *suppression, gint64 now_ms, guint64 *number,
                          GError **error);

/* The oldest entry that forbids mail to the address, on this list and channel. entry->number is 0 where there is none; its strings are good until the next call. FALSE
 * with error: nothing is known, and nobody may be mailed. */
gboolean suppression_find(Suppression *suppression, const Address *address, const char *list,
                          const char *channel, SuppressionEntry *entry, GError **error);

/* Calls func for the entries in their order, those alone whose address contains part (NULL:
 * all). What func is given is good during the call. */
typedef void (*SuppressionFunc)(const SuppressionEntry *entry, gpointer data);
gboolean suppression_each(Suppression *suppression, const char *part, SuppressionFunc func,
                          gpointer data, GError **error);

/* "asked since 2026-11-22 (unsubscribes.txt line 3)"; for people. Caller frees. */
char *suppression_describe(const SuppressionEntry *entry);

/* --- A look at all of them. From begin to end the list does not change for this Suppression,
 * and suppression_find() is fast also for a million addresses: 8 to 16 bytes an entry. --- */

gboolean suppression_begin_look(Suppression *suppression, GError **error);
void suppression_end_look(Suppression *suppression);

/* --- Writing: each call for itself, or several between begin and commit, which are on disk
 * together when commit returns TRUE, and undone otherwise. --- */

gboolean suppression_begin(Suppression *suppression, GError **error);
gboolean suppression_commit(Suppression *suppression, GError **error);
void suppression_roll_back(Suppression *suppression);

/* *added: FALSE where that address or domain and scope is on the list already, which stays as
 * it is. An address that is none is an error of ADDRESS_ERROR. */
gboolean suppression_add(Suppression *suppression, const SuppressionEntry *entry, gboolean *added,
                         GError **error);

/* Takes off the entry of exactly this address or domain and scope (NULL: all its entries).
 * *removed: how many that were. */
gboolean suppression_remove(Suppression *suppression, const char *address, const char *scope,
                            guint *removed, GError **error);

#define SUPPRESSION_ERROR (suppression_error_quark())
GQuark suppression_error_quark(void);
typedef enum {
  SUPPRESSION_ERROR_DATABASE,
  SUPPRESSION_ERROR_SCOPE,
} SuppressionError;
