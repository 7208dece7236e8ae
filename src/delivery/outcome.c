/* SPDX-License-Identifier: Apache-2.0 */

/* What became of a delivery: outcomes and people's decisions, entered into the journal first
 * and into the ledger at once. */

#include <gio/gio.h>

#include "base/clock.h"
#include "base/names.h"
#include "delivery/release-inside.h"

/* A contact that comes back through no fault of its own waits this long. */
enum { RETURN_WAIT_MS = 1000 };
/* So many recipients in a row for whom the relay refuses the message itself, and nobody for
 * whom it takes it, are no chance: four filters of four receivers may agree by chance, and
 * more bounces would cost contacts that the relay would serve with a better text. */
enum { REFUSALS_IN_A_ROW = 5 };
/* So often may a contact come back without fault, while others get through, until it is
 * deferred after all: one that makes a relay stumble must not stall the release. */
enum { RETURNS_AT_MOST = 3 };
/* The same where the relay asks for less at a time, which befalls one contact like another. */
enum { LOAD_RETURNS_AT_MOST = 20 };
/* Whoever decides is told when it is on disk; for so long the loop may stand still. */
enum { DECISION_WAIT_MS = 2000 };
/* Copies that the policy sends anew while the daemon runs. */
enum { RESENDS_AT_MOST = 3 };

/* A contact that came back: how often, while so many others had been sent. */
typedef struct {
  guint returns;
  guint32 sent;
  guint doubts;   /* of its copies, since the daemon runs */
} Suspect;

gboolean release_is_refusal_of_message(const char *stage, const char *status)
{
  return g_strcmp0(stage, stage_name(STAGE_DOT)) == 0 && status != NULL &&
         g_str_has_prefix(status, "5.7.");
}

static void settle_sent(Release *release, guint32 contact, const Outcome *outcome, const char *code)
{
  if (release_record(release, JOURNAL_LAZY, EVENT_SENT, contact, "code", code, "status",
                     outcome->status[0] ? outcome->status : NULL, "text", outcome->text,
                     NULL) == 0)
    return;
  release_enter(release, contact, EVENT_SENT, 0, FALSE);
  meter_count(&release->meter, clock_monotonic_ms());
  release->refusals = 0;
}

static void settle_bounced(Release *release, guint32 contact, const Outcome *outcome,
                           const char *code)
{
  if (release_record(release, JOURNAL_LAZY, EVENT_BOUNCED, contact, "stage",
                     stage_name(outcome->stage), "code", code, "status",
                     outcome->status[0] ? outcome->status : NULL, "text", outcome->text,
                     NULL) != 0)
    release_enter(release, contact, EVENT_BOUNCED, 0, FALSE);
}

static gint64 retry_wait(const RetryPolicy *retry, guint attempts)
{
  double wait = (double)retry->first_ms;
  for (guint i = 0; i < attempts && wait < (double)retry->max_ms; i++)
    wait *= 2;
  return (gint64)(MIN(wait, (double)retry->max_ms) * g_random_double_range(0.8, 1.2));
}

static void settle_deferred(Release *release, guint32 contact, const Outcome *outcome,
                            const char *code, const RetryPolicy *retry)
{
  char until[CLOCK_UTC_LENGTH + 1];
  gint64 wait = retry_wait(retry, ledger_attempts(release->ledger, contact));
  gint64 until_ms = clock_wall_ms() + wait;
  clock_format_utc(until_ms, until);
  if (release_record(release, JOURNAL_LAZY, EVENT_DEFERRED, contact, "stage",
                     stage_name(outcome->stage), "code", code, "status",
                     outcome->status[0] ? outcome->status : NULL, "text", outcome->text, "until",
                     until, NULL) == 0)
    return;
  release_enter(release, contact, EVENT_DEFERRED, until_ms, FALSE);
  agenda_put(release->agenda, contact, clock_monotonic_ms() + wait);
}

static Suspect *suspect_of(Release *release, guint32 contact)
{
  Suspect *suspect = g_hash_table_lookup(release->suspects, GUINT_TO_POINTER(contact));
  if (suspect != NULL)
    return suspect;
  suspect = g_new0(Suspect, 1);
  suspect->sent = G_MAXUINT32;
  g_hash_table_insert(release->suspects, GUINT_TO_POINTER(contact), suspect);
  return suspect;
}

/* TRUE when contact came back too often while others got through. */
static gboolean is_suspect(Release *release, guint32 contact, Scope scope)
{
  guint32 sent = ledger_count(release->ledger, CONTACT_SENT);
  Suspect *suspect = suspect_of(release, contact);
  if (suspect->sent == sent)
    return FALSE;
  suspect->sent = sent;
  return ++suspect->returns > (scope == SCOPE_LOAD ? LOAD_RETURNS_AT_MOST : RETURNS_AT_MOST);
}

/* What the relay said to, or did at, this contact; not what befell it on the way there. */
static gboolean concerns_contact(const Outcome *outcome)
{
  return outcome->code != 0 || outcome->stage >= STAGE_RCPT;
}

static void settle_returned(Release *release, guint32 contact, const Outcome *outcome,
                            const char *code, const RetryPolicy *retry)
{
  if (outcome->judgement.scope == SCOPE_RELEASE) {
    release_pause(release, outcome->text);
  } else if (concerns_contact(outcome) &&
             is_suspect(release, contact, outcome->judgement.scope)) {
    settle_deferred(release, contact, outcome, code, retry);
    return;
  }
  release_withdraw(release, contact, outcome->text);
  agenda_put(release->agenda, contact, clock_monotonic_ms() + RETURN_WAIT_MS);
}

/* TRUE when the relay refuses the message itself, whoever it is for. */
static gboolean refuses_message(Release *release, const Outcome *outcome)
{
  if (!release_is_refusal_of_message(stage_name(outcome->stage), outcome->status))
    return FALSE;
  release->refusals++;
  return release->refusals >= REFUSALS_IN_A_ROW;
}

static void settle_refused(Release *release, guint32 contact, const Outcome *outcome)
{
  g_autofree char *text = g_strdelimit(g_strdup(outcome->text), "\r\n", ' ');
  g_autofree char *reason = g_strdup_printf("%d recipients in a row were refused for the message "
                                            "itself: %u %s %s", REFUSALS_IN_A_ROW, outcome->code,
                                            outcome->status, text);
  release_pause(release, reason);
  release_withdraw(release, contact, outcome->text);
  agenda_put(release->agenda, contact, clock_monotonic_ms() + RETURN_WAIT_MS);
}

/* A relay that takes a message and never says so could be sent copies without end: after a
 * few the contact waits for a person whatever the policy is. */
static void settle_in_doubt(Release *release, guint32 contact, const Outcome *outcome,
                            const RetryPolicy *retry)
{
  guint doubts = suspect_of(release, contact)->doubts++;
  release_doubt(release, contact, stage_name(outcome->stage), outcome->text);
  if (doubts >= RESENDS_AT_MOST)
    return;
  release_settle_by_policy(release, contact);
  if (ledger_state(release->ledger, contact) == CONTACT_DUE)
    agenda_put(release->agenda, contact, clock_monotonic_ms() + retry_wait(retry, doubts));
}

void release_settle(Release *release, Delivery *delivery, const Outcome *outcome,
                    const RetryPolicy *retry)
{
  char code[8];
  guint32 contact = delivery->contact;
  g_snprintf(code, sizeof code, "%u", outcome->code);
  const char *shown = outcome->code != 0 ? code : NULL;
  domains_end(delivery->domains, delivery->lane);
  g_clear_pointer(&delivery->domains, domains_unref);
  g_ptr_array_add(release->spare, delivery);
  release->out--;
  switch (outcome->judgement.verdict) {
  case VERDICT_PROCEED:
    settle_sent(release, contact, outcome, shown);
    break;
  case VERDICT_BOUNCE:
    if (refuses_message(release, outcome))
      settle_refused(release, contact, outcome);
    else
      settle_bounced(release, contact, outcome, shown);
    break;
  case VERDICT_DEFER:
    settle_deferred(release, contact, outcome, shown, retry);
    break;
  case VERDICT_RETURN:
    settle_returned(release, contact, outcome, shown, retry);
    break;
  case VERDICT_IN_DOUBT:
    settle_in_doubt(release, contact, outcome, retry);
    break;
  }
}

/* --- Decisions about doubts --- */

static gboolean check_may_settle(Release *release, GError **error)
{
  if (release->state == RELEASE_HELD) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                "release %s is held (%s); nothing in it can be settled before that is mended",
                release->id, release->reason);
    return FALSE;
  }
  const char *trouble = journal_trouble(release->journal);
  if (trouble != NULL)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the journal cannot be written: %s", trouble);
  return trouble == NULL;
}

static gboolean check_in_doubt(const Release *release, guint32 contact, GError **error)
{
  guint32 length = ledger_length(release->ledger);
  if (contact == 0 || contact > length) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "release %s has no contact %u; it has 1 to %u", release->id, contact, length);
    return FALSE;
  }
  ContactState state = ledger_state(release->ledger, contact);
  if (state != CONTACT_IN_DOUBT)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "contact %u of release %s is not in doubt but %s; nothing was changed", contact,
                release->id, contact_state_name(state));
  return state == CONTACT_IN_DOUBT;
}

/* Returns the line's number in the journal; 0 with error when the release is held. */
static guint64 decide(Release *release, guint32 contact, const Decision *decision, GError **error)
{
  g_autofree char *uid = g_strdup_printf("%" G_GINT64_FORMAT, decision->uid);
  guint64 line = release_record(release, JOURNAL_SYNC, EVENT_SETTLED, contact, "as",
                                decision->sent ? "sent" : "due", "by", decision->by, "uid",
                                decision->uid >= 0 ? uid : NULL, "reason", decision->reason, NULL);
  if (line == 0) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, release->reason);
    return 0;
  }
  release_enter(release, contact, EVENT_SETTLED, 0, decision->sent);
  if (!decision->sent)
    agenda_put(release->agenda, contact, clock_monotonic_ms());
  return line;
}

guint release_settle_doubt(Release *release, const guint32 *contacts, guint n_contacts,
                           const Decision *decision, GError **error)
{
  guint settled = 0;
  guint64 line = 0;
  if (!check_may_settle(release, error))
    return 0;
  for (guint i = 0; i < n_contacts; i++)
    if (!check_in_doubt(release, contacts[i], error))
      return 0;
  for (guint i = 0; i < n_contacts; i++) {
    if (ledger_state(release->ledger, contacts[i]) != CONTACT_IN_DOUBT)
      continue;   /* named twice */
    line = decide(release, contacts[i], decision, error);
    if (line == 0)
      return 0;
    settled++;
  }
  g_autofree char *by = text_make_visible(decision->by);
  g_message("release %s: %u in doubt settled as %s by %s", release->id, settled,
            decision->sent ? "sent" : "due", by);
  if (!journal_wait(release->journal, line, DECISION_WAIT_MS, error)) {
    g_prefix_error(error, "decided, but not yet on disk, and lost if the daemon dies: ");
    return 0;
  }
  return settled;
}
