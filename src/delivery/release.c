/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/release-inside.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/names.h"
#include "base/notice.h"

/* Trouble that concerns the message as such is tried again so much later; what cannot be
 * read first after UNREAD_MS, then after twice as long each time. */
enum { PAUSE_MS = 5 * 60 * 1000, UNREAD_MS = 1000 };

/* What is wrong in a roster as often, each time it was opened, is wrong on the disk. */
enum { DAMAGES_BELIEVED = 3 };

/* Contacts looked at for one message: the loop must not stand still over a whole roster. */
enum { LOOKED_AT_MOST = 100 };

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

static Notice notice_of(ReleaseState state)
{
  switch (state) {
  case RELEASE_HELD:
    return NOTICE_HELD;
  case RELEASE_IN_DOUBT:
    return NOTICE_IN_DOUBT;
  default:
    return NOTICE_STATE;
  }
}

void release_set_state(Release *release, ReleaseState state, const char *reason)
{
  g_autofree char *kept = g_strdup(reason);
  const NoticeFields fields = { .release = release->id, .state = state_names[state],
                                .reason = reason };
  if (state != release->state || g_strcmp0(reason, release->reason) != 0)
    notice(notice_of(state), fields, "release %s: %s%s%s", release->id, state_names[state],
           kept != NULL ? ": " : "", kept != NULL ? kept : "");
  g_free(release->reason);
  release->reason = g_steal_pointer(&kept);
  release->state = state;
}

void release_hold(Release *release, const char *reason)
{
  release_set_state(release, RELEASE_HELD, reason);
}

void release_pause(Release *release, const char *reason)
{
  release->paused_until_ms = clock_monotonic_ms() + PAUSE_MS;
  if (release->state != RELEASE_SENDING)
    return;
  g_autofree char *visible = text_make_visible(reason);
  release_set_state(release, RELEASE_PAUSED, visible);
}

/* Longer each time, until somebody could be taken. */
static void try_again_later(Release *release, const char *trouble)
{
  release->unread_wait_ms = CLAMP(2 * release->unread_wait_ms, UNREAD_MS, PAUSE_MS);
  release->paused_until_ms = clock_monotonic_ms() + release->unread_wait_ms;
  g_autofree char *reason = g_strdup_printf("%s; it is tried again", trouble);
  release_set_state(release, RELEASE_PAUSED, reason);
}

void release_lose_roster(Release *release, guint32 contact, const GError *error)
{
  if (release->state == RELEASE_HELD || release->state == RELEASE_FINISHED)
    return;
  release->damages += !g_error_matches(error, CONTACTS_ERROR, CONTACTS_ERROR_UNREADABLE);
  release->unread = contact;
  if (release->damages == DAMAGES_BELIEVED) {
    release_hold(release, error->message);
    return;
  }
  try_again_later(release, error->message);
}

/* Whether whoever is taken can be read, as far as is known. */
static gboolean has_roster(Release *release)
{
  g_autoptr(GError) error = NULL;
  if (release->unread == 0)
    return TRUE;
  if (!release_reopen_roster(release, &error)) {
    release_lose_roster(release, release->unread, error);
    return FALSE;
  }
  release->unread = 0;
  return TRUE;
}

/* --- Facts: into the journal, then into the ledger --- */

guint64 release_record(Release *release, JournalUrgency urgency, Event event, guint32 contact, ...)
{
  va_list fields;
  va_start(fields, contact);
  guint64 line = journal_append_list(release->journal, urgency, event, contact, fields);
  va_end(fields);
  if (line != JOURNAL_NEVER)
    return line;
  g_autofree char *reason = g_strdup_printf("a line \"%s\" would be longer than the %d bytes that "
                                            "the journal allows; shorten the names in the settings "
                                            "and restart the daemon", event_name(event),
                                            LIMIT_JOURNAL_LINE);
  release_hold(release, reason);
  return 0;
}

void release_enter(Release *release, guint32 contact, Event event, gint64 until_ms, gboolean sent)
{
  g_autoptr(GError) error = NULL;
  if (!ledger_enter(release->ledger, contact, event, until_ms, sent, &error))
    release_hold(release, error->message);
}

/* The journal cuts only a field called text; a relay may have said more than fits a line. */
void release_withdraw(Release *release, guint32 contact, const char *reason)
{
  g_autofree char *kept = g_strndup(reason, LIMIT_REPLY_TEXT_KEPT);
  if (release_record(release, JOURNAL_LAZY, EVENT_WITHDRAWN, contact, "reason", kept, NULL) != 0)
    release_enter(release, contact, EVENT_WITHDRAWN, 0, FALSE);
}

void release_settle_by_policy(Release *release, guint32 contact)
{
  if (release->terms.in_doubt != IN_DOUBT_RESEND || release->state == RELEASE_HELD)
    return;
  if (release_record(release, JOURNAL_SYNC, EVENT_SETTLED, contact, "as", "due", "by", "policy",
                     NULL) != 0)
    release_enter(release, contact, EVENT_SETTLED, 0, FALSE);
}

void release_doubt(Release *release, guint32 contact, const char *stage, const char *text)
{
  if (release_record(release, JOURNAL_SYNC, EVENT_IN_DOUBT, contact, "stage", stage, "text", text,
                     NULL) != 0)
    release_enter(release, contact, EVENT_IN_DOUBT, 0, FALSE);
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

guint release_ready(Release *release, Needs needs, guint at_most)
{
  LaneGate gate = { lane_room, release, needs };
  gint64 now = clock_monotonic_ms();
  if (!may_take(release))
    return 0;
  return agenda_ready(release->agenda, now, MIN(at_most, pace_room(&release->pace, now)), &gate);
}

/* FALSE when the release is held. */
static gboolean start(Release *release)
{
  if (!release->started)
    release->started = release_record(release, JOURNAL_LAZY, EVENT_STARTED, 0, NULL) != 0;
  return release->started;
}

guint release_aside(const Release *release)
{
  return release->agenda != NULL ? agenda_aside(release->agenda) : 0;
}

/* Nobody who might be suppressed is mailed: what cannot be looked up is tried again later. */
static void wait_for_suppression(Release *release, guint32 contact, const GError *error)
{
  g_autofree char *trouble = g_strdup_printf("who must not be mailed cannot be told: %s",
                                             error->message);
  try_again_later(release, trouble);
  agenda_put(release->agenda, contact, clock_monotonic_ms());
}

static void suppress(Release *release, guint32 contact, const SuppressionEntry *entry)
{
  char number[24];
  g_autofree char *text = suppression_describe(entry);
  g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, entry->number);
  if (release_record(release, JOURNAL_LAZY, EVENT_SUPPRESSED, contact, "entry", number, "scope",
                     entry->scope, "reason", SUPPRESSION_REASON_NAMES[entry->reason], "text", text,
                     NULL) != 0)
    release_enter(release, contact, EVENT_SUPPRESSED, 0, FALSE);
}

/* FALSE where the recipient must not be mailed, or that cannot be told: it is dealt with.
 * Acceptance has looked already: only entries since then can make a difference. */
static gboolean may_mail(Release *release, const RosterRecipient *recipient, gint64 now)
{
  g_autoptr(GError) error = NULL;
  g_auto(Address) address = { 0 };
  SuppressionEntry entry = { 0 };
  guint64 last = 0;
  gboolean known = suppression_last(release->suppression, now, &last, &error);
  if (known && last == release->terms.suppressions) {
    release->unread_wait_ms = 0;
    return TRUE;
  }
  known = known && address_parse_exact(recipient->mailbox, &address, &error) &&
          suppression_find(release->suppression, &address, recipient->list,
                           release->terms.channel, &entry, &error);
  if (!known) {
    wait_for_suppression(release, recipient->contact, error);
    return FALSE;
  }
  release->unread_wait_ms = 0;
  if (entry.number != 0)
    suppress(release, recipient->contact, &entry);
  return entry.number == 0;
}

/* Takes the next contact from the agenda that the relay may be given and that may be mailed; 0:
 * none. */
static guint32 next_contact(Release *release, Needs needs, gint64 now, RosterRecipient *recipient)
{
  g_autoptr(GError) error = NULL;
  LaneGate gate = { lane_room, release, needs };
  for (guint i = 0; i < LOOKED_AT_MOST && may_take(release); i++) {
    guint32 contact = agenda_take(release->agenda, now, &gate);
    if (contact == 0)
      return 0;
    if (!roster_read(release->roster, contact, recipient, &error)) {
      release_lose_roster(release, contact, error);
      return 0;
    }
    if (recipient->needs_smtputf8 && (needs & NEEDS_SMTPUTF8) == 0)
      agenda_set_aside(release->agenda, contact, now);
    else if (may_mail(release, recipient, now))
      return contact;
  }
  return 0;
}

Delivery *release_take(Release *release, const char *relay, Needs needs)
{
  RosterRecipient recipient;
  gint64 now = clock_monotonic_ms();
  if (!may_take(release) || pace_room(&release->pace, now) == 0)
    return NULL;
  guint32 contact = next_contact(release, needs, now, &recipient);
  if (contact == 0)
    return NULL;
  guint64 intent = start(release)
                       ? release_record(release, JOURNAL_SYNC, EVENT_INTENDED, contact, "relay",
                                        relay, NULL)
                       : 0;
  if (intent == 0)
    return NULL;
  Delivery *delivery = spare_delivery(release);
  delivery_set_recipient(delivery, &recipient, release->n_columns);
  delivery_set_envelope(delivery, &release->terms, release->token_key);
  delivery->job.size = message_size(release->message);
  delivery->intent = intent;
  release_enter(release, contact, EVENT_INTENDED, 0, FALSE);
  delivery->domains = domains_ref(release->domains);
  delivery->lane = agenda_lane(release->agenda, contact);
  now = clock_monotonic_ms();   /* the intent's: to read the recipient may have taken a while */
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

/* --- Time --- */

static void expire(Release *release)
{
  if (release_record(release, JOURNAL_SYNC, EVENT_EXPIRED, 0, "reason", "the deadline has passed",
                     NULL) == 0)
    return;
  ledger_expire(release->ledger);
  agenda_clear(release->agenda);
}

/* Nothing is due and nothing is out: the release is over, unless a person has to decide. */
static void conclude(Release *release)
{
  char sent[16], bounced[16], expired[16], suppressed[16];
  if (ledger_count(release->ledger, CONTACT_IN_DOUBT) > 0) {
    release_set_state(release, RELEASE_IN_DOUBT, RELEASE_WAITS_FOR_DECISION);
    return;
  }
  if (release->finish_line == 0) {
    g_snprintf(sent, sizeof sent, "%u", ledger_count(release->ledger, CONTACT_SENT));
    g_snprintf(bounced, sizeof bounced, "%u", ledger_count(release->ledger, CONTACT_BOUNCED));
    g_snprintf(expired, sizeof expired, "%u", ledger_count(release->ledger, CONTACT_EXPIRED));
    g_snprintf(suppressed, sizeof suppressed, "%u",
               ledger_count(release->ledger, CONTACT_SUPPRESSED));
    release->finish_line = release_record(release, JOURNAL_SYNC, EVENT_FINISHED, 0, "sent", sent,
                                          "bounced", bounced, "expired", expired, "suppressed",
                                          suppressed, NULL);
  }
  if (release->finish_line != 0 && journal_durable(release->journal) >= release->finish_line)
    release_set_state(release, RELEASE_FINISHED, NULL);
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
  release_set_state(release, RELEASE_SCHEDULED, reason);
}

void release_tick(Release *release)
{
  gint64 wall = clock_wall_ms();
  if (release->state == RELEASE_HELD || release->state == RELEASE_FINISHED)
    return;
  if (is_late(release) && release->out == 0 && !ledger_settled(release->ledger))
    expire(release);
  if (release->state == RELEASE_HELD)
    return;
  if (release->out == 0 && ledger_settled(release->ledger))
    conclude(release);
  else if (wall < release->terms.send_at_ms)
    release_set_state(release, RELEASE_SCHEDULED, NULL);
  else if (is_outside_hours(release, wall))
    wait_for_hours(release);
  else if (release->block != NULL)
    release_set_state(release, RELEASE_PAUSED, release->block);
  else if (clock_monotonic_ms() >= release->paused_until_ms && has_roster(release))
    release_set_state(release, RELEASE_SENDING, NULL);
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

/* When somebody may be taken who may not be now. Those set aside wait for a relay. */
static gint64 next_contact_ms(Release *release, gint64 now)
{
  LaneGate gate = { lane_room, release, NEEDS_NOTHING };
  gint64 next = agenda_next_ms(release->agenda, now, &gate);
  gint64 wait = pace_wait_ms(&release->pace, now);
  if (next > 0)
    return next;
  return wait > 0 ? now + wait : G_MAXINT64;   /* others wait for a relay or for the disk */
}

gboolean release_may_be_read_again(const Release *release)
{
  return release->unreadable;
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

const char *release_trouble(const Release *release)
{
  return release->state != RELEASE_HELD ? journal_trouble(release->journal) : NULL;
}

const char *release_reason(const Release *release)
{
  const char *trouble = release->state == RELEASE_SENDING ? release_trouble(release) : NULL;
  return trouble != NULL ? trouble : release->reason;
}

const Ledger *release_ledger(const Release *release)
{
  return release->ledger;
}

double release_rate(Release *release)
{
  return meter_rate(&release->meter, clock_monotonic_ms());
}
