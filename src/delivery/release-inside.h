/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/hours.h"
#include "base/meter.h"
#include "delivery/agenda.h"
#include "delivery/release.h"

/* What the files of a release share, and nobody else sees: release-open.c takes it up,
 * release.c lives it, outcome.c enters what became of its deliveries. */

struct Release {
  char *id;
  char *directory;
  Terms terms;
  Address sender;
  ReleaseState state;
  char *reason;
  char *block;                 /* why it may not be sent at all; NULL: it may */
  gint64 paused_until_ms;      /* monotonic */
  Journal *journal;
  Ledger *ledger;
  Agenda *agenda;
  Domains *domains;
  guint8 *lanes;               /* of the contacts; NULL: all in lane 0 */
  Pace pace;                   /* of the terms' rate */
  Hours *hours;                /* of the terms; NULL: always */
  gboolean is_open;            /* within its hours, from looked_ms to turns_ms (wall clock) */
  gint64 looked_ms, turns_ms;
  guint refusals;              /* of the message itself, since it was last taken */
  Roster *roster;
  Suppression *suppression;    /* borrowed; see release_begin() */
  guint n_columns;
  guint32 unread;              /* the contact that could not be read; 0: the roster can be */
  gint64 unread_wait_ms;       /* until it was tried again, the last time */
  guint damages;               /* as often as what is in the roster was wrong */
  gboolean unreadable;         /* held, since its files could not be read */
  Message *message;
  uuid_t uuid;
  VerpKey *token_key;          /* of the terms; NULL where they have none */
  guint out;                   /* deliveries that are out */
  gboolean told_trouble;       /* of the journal, in the log */
  guint64 finish_line;         /* EVENT_FINISHED's number; 0: not yet */
  gboolean started;
  GHashTable *suspects;        /* contact -> Suspect */
  GPtrArray *spare;            /* Delivery *, to be used again */
  Meter meter;                 /* of messages sent */
  void (*notify)(Release *release, gpointer data);
  gpointer notify_data;
};

/* --- States. Reasons are made visible by the caller where they come from outside. --- */

void release_set_state(Release *release, ReleaseState state, const char *reason);
/* An alarm: what is on disk cannot be trusted or read, so nothing more is sent. */
void release_hold(Release *release, const char *reason);
/* Trouble that concerns the message as such: tried again later. */
void release_pause(Release *release, const char *reason);

/* The roster could not be read when contact was to be (any, where it was about all of them): it
 * is opened anew and read again, later and later, until that succeeds; damage is believed at the
 * third sight of it. Whoever is taken comes from the ledger then. */
void release_lose_roster(Release *release, guint32 contact, const GError *error);
/* Opens the roster anew, reads the contact that could not be read, sorts all into their lanes. */
gboolean release_reopen_roster(Release *release, GError **error);

/* --- Facts: into the journal, then into the ledger. --- */

/* Appends as journal_append() does. What can be no line never becomes durable: it holds the
 * release, and 0 is returned, upon which nothing else may be done about it. */
guint64 release_record(Release *release, JournalUrgency urgency, Event event, guint32 contact,
                       ...) G_GNUC_NULL_TERMINATED;

/* Into the ledger alone, after the journal; what it does not allow holds the release. */
void release_enter(Release *release, guint32 contact, Event event, gint64 until_ms, gboolean sent);
void release_withdraw(Release *release, guint32 contact, const char *reason);
/* Doubt is a state of its own, never hidden, also where the policy settles it at once. */
void release_doubt(Release *release, guint32 contact, const char *stage, const char *text);
/* A crash may have come between a doubt and its settlement by the release's policy. */
void release_settle_by_policy(Release *release, guint32 contact);

/* Whether an outcome at stage with this enhanced status refuses the message itself. */
gboolean release_is_refusal_of_message(const char *stage, const char *status);
