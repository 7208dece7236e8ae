/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/agenda.h"
#include "delivery/delivery.h"
#include "delivery/journal.h"
#include "delivery/ledger.h"
#include "delivery/terms.h"
#include "delivery/usage.h"

/* A release that was accepted: one folder with source/, roster.db and journal, from which
 * everything here is made, at acceptance and after any crash alike.
 *
 *   scheduled ─► sending ⇄ paused     finished ─► archived by the daemon
 *                   └────► in doubt (only doubtful contacts are left; a person decides)
 *   held: its journal, roster or source cannot be trusted or read; nothing is sent
 *
 * Each change of a contact's state is entered into the journal first and into the ledger
 * at once; see ledger.h for the states. */

typedef struct Release Release;

typedef enum {
  RELEASE_SCHEDULED,
  RELEASE_SENDING,
  RELEASE_PAUSED,
  RELEASE_IN_DOUBT,
  RELEASE_HELD,
  RELEASE_FINISHED,
} ReleaseState;
const char *release_state_name(ReleaseState state);

/* The reason of RELEASE_IN_DOUBT. */
#define RELEASE_WAITS_FOR_DECISION \
  "contacts in doubt wait for a decision; \"dateline settle\" lists them"

/* How long a contact waits after its n-th deferral: first_ms, doubling, at most max_ms, a
 * fifth more or less by chance. */
typedef struct {
  gint64 first_ms, max_ms;
} RetryPolicy;

/* A release is taken up in two steps, of which the first may take long, and be taken in any
 * thread. Until the second nothing else may be done with the release but release_close().
 *
 * Reads the release in directory (queue/<id>): its journal, whom it is for, its text with all
 * attachments. Always returns a release: one that cannot be trusted or read is RELEASE_HELD, with
 * the reason. usage, if not NULL, gets what was sent lately. domains and usage are borrowed, and
 * nobody else may use usage meanwhile. */
Release *release_load(const char *directory, Committer *committer, const Domains *domains,
                      Usage *usage);

/* Contacts whose intent has no outcome are in doubt from now on, by the release's policy held
 * or due again. domains: those of release_load(), of which it keeps a reference. suppression,
 * borrowed: who must not be mailed, asked before each contact is taken. notify: see journal.h. */
void release_begin(Release *release, Domains *domains, Suppression *suppression,
                   void (*notify)(Release *release, gpointer data), gpointer data);

/* Held since its files could not be read, which may pass: nothing was done with it, and it may be
 * closed and loaded once more. */
gboolean release_may_be_read_again(const Release *release);

/* Waits until the journal is durable. No deliveries may be out. */
void release_close(Release *release);

/* New settings. What is out counts for the former domains until its outcome. */
void release_set_domains(Release *release, Domains *domains);

const char *release_id(const Release *release);
const char *release_directory(const Release *release);
const Terms *release_terms(const Release *release);
ReleaseState release_state(const Release *release);
const char *release_reason(const Release *release);   /* why held, paused or scheduled; or NULL */
/* Why the journal cannot be written at present; NULL: it can, or none is needed any more. Good
 * until the next call. */
const char *release_trouble(const Release *release);
const Ledger *release_ledger(const Release *release); /* NULL when held before it was read */
double release_rate(Release *release);                /* messages a second, lately */

/* The sender, as relays are chosen by it; unset in a release that was held at once. */
const Address *release_sender(const Release *release);

/* Nothing can be sent for this reason, and the release is paused, until it is NULL. */
void release_block(Release *release, const char *reason);

/* How many contacts could be taken now by a relay that may be given these, counted no further
 * than at_most. What a contact needs is only known when it has been looked at; until then it
 * counts as one that needs nothing. */
guint release_ready(Release *release, Needs needs, guint at_most);

/* The next contact, with its intent appended to the journal; NULL: none at present, or none
 * yet: enough were set aside for one call, see release_aside(), or must not be mailed any more:
 * release_tick() then. relay: its name, for the journal. */
Delivery *release_take(Release *release, const char *relay, Needs needs);

/* How many were set aside by release_take(), for a relay with NEEDS_SMTPUTF8. */
guint release_aside(const Release *release);

/* Whether the intent is durable and nothing has happened that forbids the body. */
BodyLeave release_body_leave(Release *release, const Delivery *delivery);

void release_merge(Release *release, const Delivery *delivery, Merge *merge);

/* Enters the outcome; the delivery is the release's again. */
void release_settle(Release *release, Delivery *delivery, const Outcome *outcome,
                    const RetryPolicy *retry);

/* What a person has decided about contacts in doubt. */
typedef struct {
  gboolean sent;        /* they have it; otherwise they are due again */
  const char *by;       /* who says so */
  gint64 uid;           /* whose process said it, for certain; -1: not known */
  const char *reason;   /* or NULL */
} Decision;

/* Enters the decision about contacts, and waits until it is durable. Nothing is changed, and
 * error tells why, unless all of them are in doubt. Returns how many contacts these are, each
 * counted once; 0 with error, also where the disk did not answer in time: then it says so. */
guint release_settle_doubt(Release *release, const guint32 *contacts, guint n_contacts,
                           const Decision *decision, GError **error);

/* Looks at the clocks: a schedule that has come, a pause that is over, a deadline that has
 * passed, an end that is reached. Call after anything happened and at release_wake_ms(). */
void release_tick(Release *release);

/* Monotonic; G_MAXINT64: nothing to wait for but relays, disk and outcomes. */
gint64 release_wake_ms(Release *release);
