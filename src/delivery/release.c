/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/release.h"

#include "base/clock.h"
#include "base/meter.h"
#include "delivery/agenda.h"
#include "delivery/reader.h"

/* A contact that comes back through no fault of its own waits this long. */
enum { RETURN_WAIT_MS = 1000 };
/* Trouble that concerns the message as such is tried again so much later. */
enum { PAUSE_MS = 5 * 60 * 1000 };
/* So often may a contact come back without fault, while others get through, until it is
 * deferred after all: one that makes a relay stumble must not stall the release. */
enum { RETURNS_AT_MOST = 3 };

/* A contact that came back: how often, while so many others had been sent. */
typedef struct {
  guint returns;
  guint32 sent;
} Suspect;

struct Release {
  char *id;
  char *directory;
  Terms terms;
  ReleaseState state;
  char *reason;
  gint64 paused_until_ms;      /* monotonic */
  Journal *journal;
  Ledger *ledger;
  Agenda *agenda;
  Roster *roster;
  guint n_columns;
  Message *message;
  uuid_t uuid;
  guint out;                   /* deliveries that are out */
  guint64 finish_line;         /* EVENT_FINISHED's number; 0: not yet */
  gboolean started;
  gboolean late;               /* the deadline has passed: nobody new is taken */
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
  if (release->state == RELEASE_SENDING)
    set_state(release, RELEASE_PAUSED, reason);
}

/* --- Facts: into the journal, then into the ledger --- */

static void enter(Release *release, guint32 contact, Event event, gint64 until_ms, gboolean sent)
{
  g_autoptr(GError) error = NULL;
  if (!ledger_enter(release->ledger, contact, event, until_ms, sent, &error))
    hold(release, error->message);
}

static void withdraw(Release *release, guint32 contact, const char *reason)
{
  journal_append(release->journal, JOURNAL_LAZY, EVENT_WITHDRAWN, contact, "reason", reason, NULL);
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

static gboolean replay(Release *release, JournalReader *reader, GError **error)
{
  Record record;
  ReadResult result;
  while ((result = journal_reader_next(reader, &record, error)) == READ_RECORD) {
    terms_read(&release->terms, &record);
    if (record.event == EVENT_ACCEPTED)
      release->ledger = ledger_new(release->terms.recipients);
    else if (release->ledger != NULL && !ledger_replay(release->ledger, &record, error))
      return FALSE;
    if (record.event == EVENT_STARTED)
      release->started = TRUE;
    if (record.event == EVENT_FINISHED)
      release->finish_line = record.sequence;
  }
  if (result == READ_FAILED)
    return FALSE;
  if (release->ledger == NULL) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED, "the journal has no line \"accepted\"");
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

static gboolean open_journal(Release *release, Committer *committer, GError **error)
{
  g_autoptr(JournalReader) reader = journal_reader_open(release->directory, error);
  if (reader == NULL || !replay(release, reader, error))
    return FALSE;
  release->journal = journal_continue(committer, release->directory, journal_reader_segment(reader),
                                      journal_reader_whole(reader), journal_reader_sequence(reader),
                                      on_journal, release, error);
  return release->journal != NULL;
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
  return TRUE;
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
    g_autofree char *findings = report_to_text(report);
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER, "the source cannot be read any more: %s",
                findings);
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

Release *release_open(const char *directory, Committer *committer,
                      void (*notify)(Release *release, gpointer data), gpointer data)
{
  g_autoptr(GError) error = NULL;
  Release *release = g_new0(Release, 1);
  release->directory = g_strdup(directory);
  release->id = g_path_get_basename(directory);
  release->notify = notify;
  release->notify_data = data;
  release->suspects = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  release->spare = g_ptr_array_new_with_free_func((GDestroyNotify)delivery_free);
  if (!open_journal(release, committer, &error) || !open_roster(release, &error) ||
      !compile(release, &error)) {
    hold(release, error->message);
    return release;
  }
  journal_append(release->journal, JOURNAL_LAZY, EVENT_OPENED, 0, "version", DATELINE_VERSION, NULL);
  ledger_each(release->ledger, CONTACT_INTENDED, doubt_after_crash, release);
  ledger_each(release->ledger, CONTACT_IN_DOUBT, settle_after_crash, release);
  release->agenda = agenda_new(release->ledger, clock_wall_ms(), clock_monotonic_ms());
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
  g_clear_pointer(&release->ledger, ledger_free);
  g_clear_pointer(&release->roster, roster_close);
  g_clear_pointer(&release->message, message_free);
  g_ptr_array_unref(release->spare);
  g_hash_table_unref(release->suspects);
  terms_clear(&release->terms);
  g_free(release->reason);
  g_free(release->directory);
  g_free(release->id);
  g_free(release);
}

/* --- Deliveries --- */

static Delivery *spare_delivery(Release *release)
{
  if (release->spare->len > 0)
    return g_ptr_array_steal_index_fast(release->spare, release->spare->len - 1);
  return delivery_new(release, release->n_columns);
}

static gboolean may_take(const Release *release)
{
  return release->state == RELEASE_SENDING && !release->late &&
         journal_trouble(release->journal) == NULL;
}

guint release_ready(const Release *release, guint at_most)
{
  return may_take(release) ? agenda_ready(release->agenda, clock_monotonic_ms(), at_most) : 0;
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
  if (!may_take(release))
    return NULL;
  guint32 contact = agenda_take(release->agenda, clock_monotonic_ms());
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

/* TRUE when contact came back too often while others got through. */
static gboolean is_suspect(Release *release, guint32 contact)
{
  guint32 sent = ledger_count(release->ledger, CONTACT_SENT);
  Suspect *suspect = g_hash_table_lookup(release->suspects, GUINT_TO_POINTER(contact));
  if (suspect == NULL) {
    suspect = g_new0(Suspect, 1);
    g_hash_table_insert(release->suspects, GUINT_TO_POINTER(contact), suspect);
  } else if (suspect->sent == sent) {
    return FALSE;
  }
  suspect->sent = sent;
  return ++suspect->returns > RETURNS_AT_MOST;
}

static void settle_returned(Release *release, guint32 contact, const Outcome *outcome,
                            const char *code, const RetryPolicy *retry)
{
  if (outcome->judgement.scope == SCOPE_RELEASE) {
    pause_release(release, outcome->text);
  } else if (outcome->code != 0 && is_suspect(release, contact)) {
    settle_deferred(release, contact, outcome, code, retry);
    return;
  }
  withdraw(release, contact, outcome->text);
  agenda_put(release->agenda, contact, clock_monotonic_ms() + RETURN_WAIT_MS);
}

static void settle_in_doubt(Release *release, guint32 contact, const Outcome *outcome)
{
  doubt(release, contact, stage_name(outcome->stage), outcome->text);
  settle_by_policy(release, contact);
  if (ledger_state(release->ledger, contact) == CONTACT_DUE)
    agenda_put(release->agenda, contact, clock_monotonic_ms() + RETURN_WAIT_MS);
}

void release_settle(Release *release, Delivery *delivery, const Outcome *outcome,
                    const RetryPolicy *retry)
{
  char code[8];
  guint32 contact = delivery->contact;
  g_snprintf(code, sizeof code, "%u", outcome->code);
  const char *shown = outcome->code != 0 ? code : NULL;
  g_ptr_array_add(release->spare, delivery);
  release->out--;
  switch (outcome->judgement.verdict) {
  case VERDICT_PROCEED:
    settle_sent(release, contact, outcome, shown);
    break;
  case VERDICT_BOUNCE:
    settle_bounced(release, contact, outcome, shown);
    break;
  case VERDICT_DEFER:
    settle_deferred(release, contact, outcome, shown, retry);
    break;
  case VERDICT_RETURN:
    settle_returned(release, contact, outcome, shown, retry);
    break;
  case VERDICT_IN_DOUBT:
    settle_in_doubt(release, contact, outcome);
    break;
  }
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
    set_state(release, RELEASE_IN_DOUBT, "contacts in doubt wait for a decision");
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

void release_tick(Release *release)
{
  if (release->state == RELEASE_HELD || release->state == RELEASE_FINISHED)
    return;
  gint64 wall = clock_wall_ms();
  release->late = release->terms.deadline_ms != 0 && wall >= release->terms.deadline_ms;
  if (release->late && release->out == 0 && !ledger_settled(release->ledger))
    expire(release);
  if (release->out == 0 && ledger_settled(release->ledger))
    conclude(release);
  else if (wall < release->terms.send_at_ms)
    set_state(release, RELEASE_SCHEDULED, NULL);
  else if (clock_monotonic_ms() >= release->paused_until_ms)
    set_state(release, RELEASE_SENDING, NULL);
}

/* A moment of the wall clock, as it lies on the monotonic one now. */
static gint64 from_wall(gint64 wall_ms, gint64 now_ms)
{
  gint64 left = wall_ms - clock_wall_ms();
  return left <= 0 ? 0 : now_ms + left;
}

gint64 release_wake_ms(const Release *release)
{
  gint64 now = clock_monotonic_ms();
  gint64 wake = G_MAXINT64;
  switch (release->state) {
  case RELEASE_SCHEDULED:
    wake = from_wall(release->terms.send_at_ms, now);
    break;
  case RELEASE_PAUSED:
    wake = release->paused_until_ms;
    break;
  case RELEASE_SENDING:
    wake = agenda_next_ms(release->agenda, now);
    break;
  default:
    return G_MAXINT64;
  }
  if (release->terms.deadline_ms != 0 && !release->late)
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
