/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/release.h"

#include <gio/gio.h>

#include "base/clock.h"
#include "base/hours.h"
#include "base/limits.h"
#include "base/meter.h"
#include "base/names.h"
#include "delivery/agenda.h"
#include "delivery/reader.h"

/* A contact that comes back through no fault of its own waits this long. */
enum { RETURN_WAIT_MS = 1000 };
/* Trouble that concerns the message as such is tried again so much later. */
enum { PAUSE_MS = 5 * 60 * 1000 };
/* So many recipients in a row for whom the relay refuses the message itself, and nobody for
 * whom it takes it, are no chance: four filters of four receivers may agree by chance, and
 * more bounces would cost contacts that the relay would serve with a better text. */
enum { REFUSALS_IN_A_ROW = 5 };
/* So often may a contact come back without fault, while others get through, until it is
 * deferred after all: one that makes a relay stumble must not stall the release. */
enum { RETURNS_AT_MOST = 3 };
/* The same where the relay asks for less at a time, which befalls one contact like another. */
enum { LOAD_RETURNS_AT_MOST = 20 };
/* Copies that the policy sends anew while the daemon runs. */
enum { RESENDS_AT_MOST = 3 };

/* A contact that came back: how often, while so many others had been sent. */
typedef struct {
  guint returns;
  guint32 sent;
  guint doubts;   /* of its copies, since the daemon runs */
} Suspect;

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
  guint n_columns;
  Message *message;
  uuid_t uuid;
  guint out;                   /* deliveries that are out */
  guint64 finish_line;         /* EVENT_FINISHED's number; 0: not yet */
  gboolean started;
  GHashTable *suspects;        /* contact -> Suspect */
  GPtrArray *spare;            /* Delivery *, to be used again */
  Meter meter;                 /* of messages sent */
  void (*notify)(Release *release, gpointer data);
  gpointer notify_data;
};

static const char *const state_names[] = {
  [RELEASE_SCHEDULED] = "scheduled", [RELEASE_SENDING] = "sending",
  [RELEASE_PAUSED] = "paused",       [RELEASE_IN_DOUBT] = "in-doubt",
  [RELEASE_HELD] = "held",           [RELEASE_FINISHED] = "finished",
};

const char *release_state_name(ReleaseState state)
{
  return state_names[state];
}

/* --- States --- */

static void set_state(Release *release, ReleaseState state, const char *reason)
{
  g_autofree char *kept = g_strdup(reason);
  if (state != release->state || g_strcmp0(reason, release->reason) != 0)
    g_message("release %s: %s%s%s", release->id, state_names[state], kept != NULL ? ": " : "",
              kept != NULL ? kept : "");
  g_free(release->reason);
  release->reason = g_steal_pointer(&kept);
  release->state = state;
}

/* An alarm: what is on disk cannot be trusted or read, so nothing more is sent. */
static void hold(Release *release, const char *reason)
{
  g_warning("release %s is held: %s", release->id, reason);
  set_state(release, RELEASE_HELD, reason);
}

static void pause_release(Release *release, const char *reason)
{
  release->paused_until_ms = clock_monotonic_ms() + PAUSE_MS;
  if (release->state != RELEASE_SENDING)
    return;
  g_autofree char *visible = text_make_visible(reason);
  set_state(release, RELEASE_PAUSED, visible);
}

/* --- Facts: into the journal, then into the ledger --- */

static void enter(Release *release, guint32 contact, Event event, gint64 until_ms, gboolean sent)
{
  g_autoptr(GError) error = NULL;
  if (!ledger_enter(release->ledger, contact, event, until_ms, sent, &error))
    hold(release, error->message);
}

/* The journal cuts only a field called text; a relay may have said more than fits a line. */
static void withdraw(Release *release, guint32 contact, const char *reason)
{
  g_autofree char *kept = g_strndup(reason, LIMIT_REPLY_TEXT_KEPT);
  journal_append(release->journal, JOURNAL_LAZY, EVENT_WITHDRAWN, contact, "reason", kept, NULL);
  enter(release, contact, EVENT_WITHDRAWN, 0, FALSE);
}

/* A crash may have come between a doubt and its settlement by the release's policy. */
static void settle_by_policy(Release *release, guint32 contact)
{
  if (release->terms.in_doubt != IN_DOUBT_RESEND)
    return;
  journal_append(release->journal, JOURNAL_SYNC, EVENT_SETTLED, contact, "as", "due", "by",
                 "policy", NULL);
  enter(release, contact, EVENT_SETTLED, 0, FALSE);
}

/* Doubt is a state of its own, never hidden, also where the policy settles it at once. */
static void doubt(Release *release, guint32 contact, const char *stage, const char *text)
{
  journal_append(release->journal, JOURNAL_SYNC, EVENT_IN_DOUBT, contact, "stage", stage,
                 "text", text, NULL);
  enter(release, contact, EVENT_IN_DOUBT, 0, FALSE);
}

/* --- Taking a release up --- */

static gboolean is_refusal_of_message(const char *stage, const char *status)
{
  return g_strcmp0(stage, stage_name(STAGE_DOT)) == 0 && status != NULL &&
         g_str_has_prefix(status, "5.7.");
}

/* What limits remember: the paces, and whether the relay refuses the message itself. */
static void recall(Release *release, const Record *record, Usage *usage)
{
  gint64 now = clock_monotonic_ms();
  if (record->event == EVENT_ACCEPTED)
    pace_init(&release->pace, release->terms.rate, now);
  else if (record->event == EVENT_INTENDED)
    pace_recall(&release->pace, now - (clock_wall_ms() - record->wall_ms), now);
  else if (record->event == EVENT_SENT)
    release->refusals = 0;
  else if (record->event == EVENT_BOUNCED &&
           is_refusal_of_message(record_get(record, "stage"), record_get(record, "status")))
    release->refusals++;
  if (usage != NULL)
    usage_take(usage, record);
}

static gboolean replay(Release *release, JournalReader *reader, Usage *usage, GError **error)
{
  Record record;
  ReadResult result;
  while ((result = journal_reader_next(reader, &record, error)) == READ_RECORD) {
    if (record.event == EVENT_ACCEPTED && release->ledger != NULL) {
      g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                  "line %" G_GUINT64_FORMAT " accepts the release a second time", record.sequence);
      return FALSE;
    }
    terms_read(&release->terms, &record);
    if (record.event == EVENT_ACCEPTED)
      release->ledger = ledger_new(release->terms.recipients);
    else if (release->ledger != NULL && !ledger_replay(release->ledger, &record, error))
      return FALSE;
    recall(release, &record, usage);
    if (record.event == EVENT_STARTED)
      release->started = TRUE;
    if (record.event == EVENT_FINISHED)
      release->finish_line = record.sequence;
  }
  if (result == READ_FAILED)
    return FALSE;
  if (release->ledger == NULL) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                "the journal has no line \"accepted\"");
    return FALSE;
  }
  return TRUE;
}

static void on_journal(Journal *journal, gpointer data)
{
  Release *release = data;
  (void)journal;
  release->notify(release, release->notify_data);
}

static gboolean open_journal(Release *release, Committer *committer, Usage *usage, GError **error)
{
  g_autoptr(JournalReader) reader = journal_reader_open(release->directory, error);
  if (reader == NULL || !replay(release, reader, usage, error))
    return FALSE;
  if (release->terms.hours != NULL)
    release->hours = hours_parse(release->terms.hours, error);
  if (release->terms.hours != NULL && release->hours == NULL)
    return FALSE;
  release->journal = journal_continue(committer, release->directory, journal_reader_segment(reader),
                                      journal_reader_whole(reader), journal_reader_sequence(reader),
                                      on_journal, release, error);
  return release->journal != NULL;
}

static gboolean sort_into_lanes(Release *release, GError **error)
{
  GError *failure = NULL;
  g_free(release->lanes);
  release->lanes = domains_sort(release->domains, release->roster, &failure);
  if (failure != NULL)
    g_propagate_error(error, failure);
  return failure == NULL;
}

static void make_agenda(Release *release)
{
  guint count = release->lanes != NULL ? domains_lanes(release->domains) : 1;
  Lanes lanes = { release->lanes, count };
  g_clear_pointer(&release->agenda, agenda_free);
  release->agenda = agenda_new(release->ledger, lanes, clock_wall_ms(), clock_monotonic_ms());
}

static gboolean open_roster(Release *release, GError **error)
{
  g_autofree char *path = g_build_filename(release->directory, "roster.db", NULL);
  release->roster = roster_open(path, error);
  if (release->roster == NULL)
    return FALSE;
  if (roster_length(release->roster) != release->terms.recipients) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER,
                "roster.db has %u recipients, the journal %u", roster_length(release->roster),
                release->terms.recipients);
    return FALSE;
  }
  release->n_columns = g_strv_length((char **)roster_columns(release->roster));
  return sort_into_lanes(release, error);
}

static gboolean read_sender(Release *release, GError **error)
{
  return mailbox_parse(release->terms.from, NULL, &release->sender, error);
}

static gboolean compile(Release *release, GError **error)
{
  const Terms *terms = &release->terms;
  MessageOptions options = { .uuid = terms->uuid, .from = terms->from, .reply_to = terms->reply_to,
                             .list_name = terms->list_name, .list_id = terms->list_id,
                             .language = terms->language, .workspace = release->directory };
  g_autofree char *source = g_build_filename(release->directory, "source", terms->name, NULL);
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = draft_read(source, G_MAXUINT64, report);
  if (draft != NULL && !report_failed(report))
    release->message = message_compile(draft, &options, report);
  if (release->message == NULL) {
    g_autofree char *findings = g_strchomp(report_to_text(report));
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER,
                "the source cannot be read any more: %s", findings);
    return FALSE;
  }
  message_bind(release->message, roster_columns(release->roster));
  uuid_parse(terms->uuid, release->uuid);
  return TRUE;
}

static void doubt_after_crash(Ledger *ledger, guint32 contact, gpointer data)
{
  (void)ledger;
  doubt(data, contact, "crash", "the daemon ended before the relay's answer was recorded");
}

static void settle_after_crash(Ledger *ledger, guint32 contact, gpointer data)
{
  (void)ledger;
  settle_by_policy(data, contact);
}

Release *release_open(const char *directory, Committer *committer, Domains *domains, Usage *usage,
                      void (*notify)(Release *release, gpointer data), gpointer data)
{
  g_autoptr(GError) error = NULL;
  Release *release = g_new0(Release, 1);
  release->directory = g_strdup(directory);
  release->id = g_path_get_basename(directory);
  release->domains = domains_ref(domains);
  release->notify = notify;
  release->notify_data = data;
  release->suspects = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  release->spare = g_ptr_array_new_with_free_func((GDestroyNotify)delivery_free);
  gboolean good = open_journal(release, committer, usage, &error) &&
                  open_roster(release, &error) && read_sender(release, &error) &&
                  compile(release, &error);
  if (usage != NULL)
    usage_sort(usage, release->lanes, release->terms.recipients);
  if (!good) {
    hold(release, error->message);
    return release;
  }
  journal_append(release->journal, JOURNAL_LAZY, EVENT_OPENED, 0, "version", DATELINE_VERSION,
                 NULL);
  ledger_each(release->ledger, CONTACT_INTENDED, doubt_after_crash, release);
  ledger_each(release->ledger, CONTACT_IN_DOUBT, settle_after_crash, release);
  make_agenda(release);
  release->state = RELEASE_SCHEDULED;
  release_tick(release);
  return release;
}

void release_close(Release *release)
{
  g_autoptr(GError) error = NULL;
  g_assert(release->out == 0);
  if (release->journal != NULL && !journal_close(release->journal, &error))
    g_warning("release %s: %s", release->id, error->message);
  g_clear_pointer(&release->agenda, agenda_free);
  g_free(release->lanes);
  g_clear_pointer(&release->hours, hours_free);
  domains_unref(release->domains);
  g_clear_pointer(&release->ledger, ledger_free);
  g_clear_pointer(&release->roster, roster_close);
  g_clear_pointer(&release->message, message_free);
  g_ptr_array_unref(release->spare);
  g_hash_table_unref(release->suspects);
  terms_clear(&release->terms);
  address_clear(&release->sender);
  g_free(release->block);
  g_free(release->reason);
  g_free(release->directory);
  g_free(release->id);
  g_free(release);
}

void release_set_domains(Release *release, Domains *domains)
{
  g_autoptr(GError) error = NULL;
  domains_ref(domains);
  domains_unref(release->domains);
  release->domains = domains;
  if (release->agenda == NULL)
    return;
  if (sort_into_lanes(release, &error))
    make_agenda(release);
  else
    hold(release, error->message);
}

/* --- Deliveries --- */

static Delivery *spare_delivery(Release *release)
{
  if (release->spare->len > 0)
    return g_ptr_array_steal_index_fast(release->spare, release->spare->len - 1);
  return delivery_new(release, release->n_columns);
}

/* The deadline has passed: nobody new is taken. */
static gboolean is_late(const Release *release)
{
  return release->terms.deadline_ms != 0 && clock_wall_ms() >= release->terms.deadline_ms;
}

static gboolean may_take(const Release *release)
{
  return release->state == RELEASE_SENDING && !is_late(release) &&
         journal_trouble(release->journal) == NULL;
}

static guint lane_room(gpointer data, guint lane)
{
  const Release *release = data;
  return domains_room(release->domains, lane, clock_monotonic_ms());
}

guint release_ready(Release *release, guint at_most)
{
  LaneGate gate = { lane_room, release };
  gint64 now = clock_monotonic_ms();
  if (!may_take(release))
    return 0;
  return agenda_ready(release->agenda, now, MIN(at_most, pace_room(&release->pace, now)), &gate);
}

static void start(Release *release)
{
  if (release->started)
    return;
  release->started = TRUE;
  journal_append(release->journal, JOURNAL_LAZY, EVENT_STARTED, 0, NULL);
}

Delivery *release_take(Release *release, const char *relay)
{
  g_autoptr(GError) error = NULL;
  RosterRecipient recipient;
  LaneGate gate = { lane_room, release };
  gint64 now = clock_monotonic_ms();
  if (!may_take(release) || pace_room(&release->pace, now) == 0)
    return NULL;
  guint32 contact = agenda_take(release->agenda, now, &gate);
  if (contact == 0)
    return NULL;
  if (!roster_read(release->roster, contact, &recipient, &error)) {
    hold(release, error->message);
    return NULL;
  }
  start(release);
  Delivery *delivery = spare_delivery(release);
  delivery_set_recipient(delivery, &recipient, release->n_columns);
  delivery->job.return_path = release->terms.return_path;
  delivery->job.size = message_size(release->message);
  delivery->intent = journal_append(release->journal, JOURNAL_SYNC, EVENT_INTENDED, contact,
                                    "relay", relay, NULL);
  enter(release, contact, EVENT_INTENDED, 0, FALSE);
  delivery->domains = domains_ref(release->domains);
  delivery->lane = agenda_lane(release->agenda, contact);
  domains_begin(delivery->domains, delivery->lane, now);
  pace_take(&release->pace, now);
  release->out++;
  return delivery;
}

BodyLeave release_body_leave(Release *release, const Delivery *delivery)
{
  if (release->state != RELEASE_SENDING)
    return BODY_WITHDRAW;
  return journal_durable(release->journal) >= delivery->intent ? BODY_SEND : BODY_WAIT;
}

void release_merge(Release *release, const Delivery *delivery, Merge *merge)
{
  delivery_merge(delivery, release->message, release->uuid, clock_wall_ms(), merge);
}

/* --- Outcomes --- */

static void settle_sent(Release *release, guint32 contact, const Outcome *outcome, const char *code)
{
  journal_append(release->journal, JOURNAL_LAZY, EVENT_SENT, contact, "code", code, "status",
                 outcome->status[0] ? outcome->status : NULL, "text", outcome->text, NULL);
  enter(release, contact, EVENT_SENT, 0, FALSE);
  meter_count(&release->meter, clock_monotonic_ms());
  release->refusals = 0;
}

static void settle_bounced(Release *release, guint32 contact, const Outcome *outcome,
                           const char *code)
{
  journal_append(release->journal, JOURNAL_LAZY, EVENT_BOUNCED, contact, "stage",
                 stage_name(outcome->stage), "code", code, "status",
                 outcome->status[0] ? outcome->status : NULL, "text", outcome->text, NULL);
  enter(release, contact, EVENT_BOUNCED, 0, FALSE);
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
  journal_append(release->journal, JOURNAL_LAZY, EVENT_DEFERRED, contact, "stage",
                 stage_name(outcome->stage), "code", code, "status",
                 outcome->status[0] ? outcome->status : NULL, "text", outcome->text, "until", until,
                 NULL);
  enter(release, contact, EVENT_DEFERRED, until_ms, FALSE);
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
    pause_release(release, outcome->text);
  } else if (concerns_contact(outcome) &&
             is_suspect(release, contact, outcome->judgement.scope)) {
    settle_deferred(release, contact, outcome, code, retry);
    return;
  }
  withdraw(release, contact, outcome->text);
  agenda_put(release->agenda, contact, clock_monotonic_ms() + RETURN_WAIT_MS);
}

/* TRUE when the relay refuses the message itself, whoever it is for. */
static gboolean refuses_message(Release *release, const Outcome *outcome)
{
  if (!is_refusal_of_message(stage_name(outcome->stage), outcome->status))
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
  pause_release(release, reason);
  withdraw(release, contact, outcome->text);
  agenda_put(release->agenda, contact, clock_monotonic_ms() + RETURN_WAIT_MS);
}

/* A relay that takes a message and never says so could be sent copies without end: after a
 * few the contact waits for a person whatever the policy is. */
static void settle_in_doubt(Release *release, guint32 contact, const Outcome *outcome,
                            const RetryPolicy *retry)
{
  guint doubts = suspect_of(release, contact)->doubts++;
  doubt(release, contact, stage_name(outcome->stage), outcome->text);
  if (doubts >= RESENDS_AT_MOST)
    return;
  settle_by_policy(release, contact);
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

static void decide(Release *release, guint32 contact, const Decision *decision)
{
  g_autofree char *uid = g_strdup_printf("%" G_GINT64_FORMAT, decision->uid);
  journal_append(release->journal, JOURNAL_SYNC, EVENT_SETTLED, contact, "as",
                 decision->sent ? "sent" : "due", "by", decision->by, "uid",
                 decision->uid >= 0 ? uid : NULL, "reason", decision->reason, NULL);
  enter(release, contact, EVENT_SETTLED, 0, decision->sent);
  if (!decision->sent)
    agenda_put(release->agenda, contact, clock_monotonic_ms());
}

guint release_settle_doubt(Release *release, const guint32 *contacts, guint n_contacts,
                           const Decision *decision, GError **error)
{
  guint settled = 0;
  if (!check_may_settle(release, error))
    return 0;
  for (guint i = 0; i < n_contacts; i++)
    if (!check_in_doubt(release, contacts[i], error))
      return 0;
  for (guint i = 0; i < n_contacts; i++) {
    if (ledger_state(release->ledger, contacts[i]) != CONTACT_IN_DOUBT)
      continue;   /* named twice */
    decide(release, contacts[i], decision);
    settled++;
  }
  g_autofree char *by = text_make_visible(decision->by);
  g_message("release %s: %u in doubt settled as %s by %s", release->id, settled,
            decision->sent ? "sent" : "due", by);
  return settled;
}

/* --- Time --- */

static void expire(Release *release)
{
  journal_append(release->journal, JOURNAL_SYNC, EVENT_EXPIRED, 0, "reason",
                 "the deadline has passed", NULL);
  ledger_expire(release->ledger);
  agenda_clear(release->agenda);
}

/* Nothing is due and nothing is out: the release is over, unless a person has to decide. */
static void conclude(Release *release)
{
  char sent[16], bounced[16], expired[16];
  if (ledger_count(release->ledger, CONTACT_IN_DOUBT) > 0) {
    set_state(release, RELEASE_IN_DOUBT, RELEASE_WAITS_FOR_DECISION);
    return;
  }
  if (release->finish_line == 0) {
    g_snprintf(sent, sizeof sent, "%u", ledger_count(release->ledger, CONTACT_SENT));
    g_snprintf(bounced, sizeof bounced, "%u", ledger_count(release->ledger, CONTACT_BOUNCED));
    g_snprintf(expired, sizeof expired, "%u", ledger_count(release->ledger, CONTACT_EXPIRED));
    release->finish_line = journal_append(release->journal, JOURNAL_SYNC, EVENT_FINISHED, 0, "sent",
                                          sent, "bounced", bounced, "expired", expired, NULL);
  }
  if (journal_durable(release->journal) >= release->finish_line)
    set_state(release, RELEASE_FINISHED, NULL);
}

/* Looked up again when it turns, and when the clock was set back. */
static gboolean is_outside_hours(Release *release, gint64 wall)
{
  if (release->hours == NULL)
    return FALSE;
  if (wall < release->looked_ms || wall >= release->turns_ms) {
    release->is_open = hours_are_open(release->hours, wall, &release->turns_ms);
    release->looked_ms = wall;
  }
  return !release->is_open;
}

static void wait_for_hours(Release *release)
{
  g_autofree char *opening = hours_moment_to_text(release->hours, release->turns_ms);
  g_autofree char *reason = g_strdup_printf("outside delivery hours until %s", opening);
  set_state(release, RELEASE_SCHEDULED, reason);
}

void release_tick(Release *release)
{
  gint64 wall = clock_wall_ms();
  if (release->state == RELEASE_HELD || release->state == RELEASE_FINISHED)
    return;
  if (is_late(release) && release->out == 0 && !ledger_settled(release->ledger))
    expire(release);
  if (release->out == 0 && ledger_settled(release->ledger))
    conclude(release);
  else if (wall < release->terms.send_at_ms)
    set_state(release, RELEASE_SCHEDULED, NULL);
  else if (is_outside_hours(release, wall))
    wait_for_hours(release);
  else if (release->block != NULL)
    set_state(release, RELEASE_PAUSED, release->block);
  else if (clock_monotonic_ms() >= release->paused_until_ms)
    set_state(release, RELEASE_SENDING, NULL);
}

void release_block(Release *release, const char *reason)
{
  g_free(release->block);
  release->block = g_strdup(reason);
}

/* A moment of the wall clock, as it lies on the monotonic one now. */
static gint64 from_wall(gint64 wall_ms, gint64 now_ms)
{
  return now_ms + MAX(0, wall_ms - clock_wall_ms());
}

/* When somebody may be taken who may not be now. */
static gint64 next_contact_ms(Release *release, gint64 now)
{
  LaneGate gate = { lane_room, release };
  gint64 next = agenda_next_ms(release->agenda, now, &gate);
  gint64 wait = pace_wait_ms(&release->pace, now);
  if (next > 0)
    return next;
  return wait > 0 ? now + wait : G_MAXINT64;   /* others wait for a relay or for the disk */
}

gint64 release_wake_ms(Release *release)
{
  gint64 now = clock_monotonic_ms();
  gint64 wake = G_MAXINT64;
  switch (release->state) {
  case RELEASE_SCHEDULED:
    wake = MAX(from_wall(release->terms.send_at_ms, now), release->paused_until_ms);
    if (release->hours != NULL && !release->is_open)
      wake = MAX(wake, from_wall(release->turns_ms, now));
    break;
  case RELEASE_PAUSED:
    wake = release->block == NULL ? release->paused_until_ms : G_MAXINT64;
    break;
  case RELEASE_SENDING:
    wake = next_contact_ms(release, now);
    if (release->hours != NULL)
      wake = MIN(wake, from_wall(release->turns_ms, now));
    break;
  default:
    return G_MAXINT64;
  }
  /* Once it has passed, whoever is out comes first; the last of them wakes us. */
  if (release->terms.deadline_ms != 0 && !ledger_settled(release->ledger) &&
      (release->out == 0 || !is_late(release)))
    wake = MIN(wake, from_wall(release->terms.deadline_ms, now));
  return wake;
}

const char *release_id(const Release *release)
{
  return release->id;
}

const char *release_directory(const Release *release)
{
  return release->directory;
}

const Terms *release_terms(const Release *release)
{
  return &release->terms;
}

const Address *release_sender(const Release *release)
{
  return &release->sender;
}

ReleaseState release_state(const Release *release)
{
  return release->state;
}

const char *release_reason(const Release *release)
{
  if (release->state == RELEASE_SENDING && journal_trouble(release->journal) != NULL)
    return journal_trouble(release->journal);
  return release->reason;
}

const Ledger *release_ledger(const Release *release)
{
  return release->ledger;
}

double release_rate(Release *release)
{
  return meter_rate(&release->meter, clock_monotonic_ms());
}
