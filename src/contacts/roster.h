/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/address.h"
#include "contacts/list.h"
#include "contacts/suppression.h"

/* The roster is who gets a release, frozen when it was accepted: one SQLite file,
 * roster.db, in the release's folder. Recipients are numbered from 1 without gaps;
 * that number is the *contact* of the journal. Every row of every list is in it with
 * exactly one fate. Only the fields that the text uses are kept. */

typedef enum {
  FATE_SELECTED,   /* a recipient */
  FATE_DUPLICATE,  /* the same address as an earlier recipient; reason names that row */
  FATE_INVALID,    /* row or address is wrong; reason says how */
  FATE_EMPTY,      /* no value for a field used without fallback (missing = skip) */
  FATE_FILTERED,   /* the release does not want it: by its "where" or its "exclude" */
  FATE_SUPPRESSED, /* must not be mailed; reason says why, and since when */
  FATES
} RosterFate;
const char *fate_name(RosterFate fate);   /* "selected", "duplicate", … */

/* --- Building: a crash before the end leaves no roster (perhaps <path>.new). --- */

typedef struct {
  guint64 rows;          /* all rows of all lists */
  guint64 fates[FATES];  /* by RosterFate; they add up to rows */
} RosterCounts;

typedef enum {
  ROSTER_FIELD_REQUIRED = 1 << 0,   /* rows without a value (nothing but blanks) are treated
                                       by missing */
  ROSTER_FIELD_OPTIONAL = 1 << 1,   /* no list need have it; it is not in the roster then */
  ROSTER_FIELD_DOUBTFUL = 1 << 2,   /* the same, with a warning */
} RosterFieldFlags;

/* A field the text uses: some list must have it, unless its flags say otherwise. Where none
 * has a column "a.b", that of "a" is taken, and is named so in the roster. */
typedef struct {
  const char *name;
  guint flags;
} RosterField;

/* Who is to get a release, and what of them it uses. All of it is borrowed. */
typedef struct {
  const GPtrArray *lists;       /* ListSettings *; whoever is in several counts for the first */
  const RosterField *fields;
  guint n_fields;
  MissingPolicy missing;
  guint max_recipients;         /* 0: no limit */
  const char *where;            /* see contacts/where.h; NULL: all rows */
  const GPtrArray *excluded_lists;       /* ListSettings *; NULL: none */
  const GPtrArray *excluded_addresses;   /* char *, addresses; NULL: none */
  Suppression *suppression;     /* NULL: nobody is suppressed */
  const char *channel;          /* whose suppressions count; with suppression */
  const char *file;             /* in which "where" stands, for findings */
  guint where_line;
} RosterPlan;

/* Reads the plan's lists, in their order, into a new roster at path, which must not
 * exist; it is on disk when TRUE is returned. Findings: a field that no list has is
 * an error, a field that only some lists have a warning, with MISSING_REFUSE a row
 * without value an error that names list file and line (the first ten, then a count),
 * invalid rows warnings (first ten, then a count), recipients worth a look (suspicion.h)
 * warnings, too, no recipient at all an error, more than max_recipients an error.
 * FALSE with error when list or disk fail; FALSE without error when report has errors:
 * the file is then gone again. report and counts are filled either way.
 * path NULL: nothing is written, for `dateline check`. */
gboolean roster_build(const char *path, const RosterPlan *plan, RosterCounts *counts,
                      Report *report, GError **error);

/* --- Reading. The file never changes: no locks are taken or held. --- */

typedef struct Roster Roster;

/* Errors of reading are CONTACTS_ERROR_UNREADABLE where the system failed to read the file, and
 * CONTACTS_ERROR_ROSTER where it was read and what is in it is wrong. */

/* An error where path is not a roster, is damaged as far as can be told at a glance, or
 * was written by a newer version. A Roster belongs to one thread. */
Roster *roster_open(const char *path, GError **error);

/* After an error: opens the file anew, so that nothing of a failed read is left in memory. What
 * the roster knows of itself stays. Where this fails too, the roster may only be opened anew again
 * or closed. */
gboolean roster_reopen(Roster *roster, GError **error);
void roster_close(Roster *roster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Roster, roster_close)

guint32 roster_length(const Roster *roster);                 /* recipients */
const char *const *roster_columns(const Roster *roster);     /* the fields, in order */
RosterCounts roster_counts(const Roster *roster);

typedef struct {
  guint32 contact;
  const char *mailbox;          /* envelope address */
  gboolean needs_smtputf8;
  const char *name;             /* display name, or NULL; from columns name, or
                                   first_name and last_name, of the list (or what these
                                   are called in other languages); one line */
  const char *list;             /* list's name */
  const char *file;             /* its file's, without folders */
  guint line;
  const char *const *values;    /* by roster_columns() */
} RosterRecipient;

/* contact: from 1 to roster_length(). The strings are good until the next roster_read() on
 * this Roster. Values are as they were in the list, byte by byte. */
gboolean roster_read(Roster *roster, guint32 contact, RosterRecipient *recipient, GError **error);

/* All recipients in ascending order, much faster than one by one; the string is good during
 * the call. */
typedef void (*RosterMailboxFunc)(guint32 contact, const char *mailbox, gpointer data);
gboolean roster_each_mailbox(Roster *roster, RosterMailboxFunc func, gpointer data,
                             GError **error);

/* The first recipient whose address contains text (case-insensitive) with a number
 * greater than after; 0 where there is none, or with error. A whole address is understood
 * as in a list (domains as people write them). */
guint32 roster_find(Roster *roster, const char *text, guint32 after, GError **error);

typedef struct {
  const char *list;
  const char *file;
  guint line;
  RosterFate fate;
  const char *address;   /* as written */
  const char *reason;
} RosterSkipped;
typedef void (*RosterSkippedFunc)(const RosterSkipped *skipped, gpointer data);
/* In the order of the lists. */
gboolean roster_each_skipped(Roster *roster, RosterSkippedFunc func, gpointer data, GError **error);
