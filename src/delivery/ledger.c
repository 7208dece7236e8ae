/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/ledger.h"

#include "delivery/journal.h"

typedef struct {
  guint32 due_s;     /* CONTACT_DEFERRED: since 1970; unsigned, so good until 2106 */
  guint8 state;
  guint8 attempts;
} Contact;
G_STATIC_ASSERT(sizeof(Contact) == 8);

struct Ledger {
  guint32 length;
  guint32 counts[CONTACT_STATES];
  Contact contacts[];   /* contact n at n - 1 */
};

static const char *const STATE_NAMES[CONTACT_STATES] = {
  [CONTACT_DUE] = "due",           [CONTACT_INTENDED] = "intended",
  [CONTACT_SENT] = "sent",         [CONTACT_DEFERRED] = "deferred",
  [CONTACT_BOUNCED] = "bounced",   [CONTACT_IN_DOUBT] = "in-doubt",
  [CONTACT_EXPIRED] = "expired",   [CONTACT_SUPPRESSED] = "suppressed",
};

/* Where an event leads from a state: one more than the ContactState, so that 0, what is
 * not in the table, is what must not happen. EVENT_SETTLED leads to CONTACT_SENT or, if
 * it is settled as due, to CONTACT_DUE. */
#define TO(state) ((state) + 1)
static const guint8 TRANSITIONS[CONTACT_STATES][EVENT_COUNT] = {
  [CONTACT_DUE] = {
    [EVENT_INTENDED] = TO(CONTACT_INTENDED),
    [EVENT_EXPIRED] = TO(CONTACT_EXPIRED),
    [EVENT_SUPPRESSED] = TO(CONTACT_SUPPRESSED),
  },
  [CONTACT_DEFERRED] = {
    [EVENT_INTENDED] = TO(CONTACT_INTENDED),
    [EVENT_EXPIRED] = TO(CONTACT_EXPIRED),
    [EVENT_SUPPRESSED] = TO(CONTACT_SUPPRESSED),
  },
  [CONTACT_INTENDED] = {
    [EVENT_SENT] = TO(CONTACT_SENT),
    [EVENT_DEFERRED] = TO(CONTACT_DEFERRED),
    [EVENT_BOUNCED] = TO(CONTACT_BOUNCED),
    [EVENT_IN_DOUBT] = TO(CONTACT_IN_DOUBT),
    [EVENT_WITHDRAWN] = TO(CONTACT_DUE),
  },
  [CONTACT_IN_DOUBT] = {
    [EVENT_SETTLED] = TO(CONTACT_SENT),
  },
};

const char *contact_state_name(ContactState state)
{
  return STATE_NAMES[state];
}

Ledger *ledger_new(guint32 contacts)
{
  Ledger *ledger = g_malloc0(sizeof *ledger + (gsize)contacts * sizeof(Contact));

  ledger->length = contacts;
  ledger->counts[CONTACT_DUE] = contacts;
  return ledger;
}

void ledger_free(Ledger *ledger)
{
  g_free(ledger);
}

static void ledger_move(Ledger *ledger, Contact *contact, ContactState state)
{
  ledger->counts[contact->state]--;
  ledger->counts[state]++;
  contact->state = (guint8)state;
}

/* Rounded up to a second: never again before its time. */
static guint32 seconds_from_ms(gint64 ms)
{
  return (guint32)CLAMP(ms / 1000 + (ms % 1000 > 0), 0, G_MAXUINT32);
}

gboolean ledger_enter(Ledger *ledger, guint32 number, Event event, gint64 until_ms,
                      gboolean settled_sent, GError **error)
{
  if (number == 0 || number > ledger->length) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                "\"%s\" about contact %u, but the release has contacts 1 to %u",
                event_name(event), number, ledger->length);
    return FALSE;
  }
  Contact *contact = &ledger->contacts[number - 1];
  guint to = event_has_contact(event) ? TRANSITIONS[contact->state][event] : 0;
  if (to == 0) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                "\"%s\" about contact %u, which is %s: that cannot follow", event_name(event),
                number, STATE_NAMES[contact->state]);
    return FALSE;
  }
  if (event == EVENT_DEFERRED) {
    contact->due_s = seconds_from_ms(until_ms);
    contact->attempts = (guint8)MIN(contact->attempts + 1, G_MAXUINT8);
  }
  gboolean again = event == EVENT_SETTLED && !settled_sent;
  ledger_move(ledger, contact, again ? CONTACT_DUE : (ContactState)(to - 1));
  return TRUE;
}

void ledger_expire(Ledger *ledger)
{
  for (guint32 i = 0; i < ledger->length; i++) {
    guint to = TRANSITIONS[ledger->contacts[i].state][EVENT_EXPIRED];
    if (to != 0) {
      ledger_move(ledger, &ledger->contacts[i], (ContactState)(to - 1));
    }
  }
}

static gboolean fail_field(const Record *record, const char *expected, GError **error)
{
  g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
              "\"%s\" about contact %u has no field %s", event_name(record->event),
              record->contact, expected);
  return FALSE;
}

gboolean ledger_replay(Ledger *ledger, const Record *record, GError **error)
{
  const char *as = NULL;
  gint64 until_ms = 0;

  if (record->event == EVENT_EXPIRED) {
    ledger_expire(ledger);
  }
  if (!event_has_contact(record->event)) {
    return TRUE;
  }
  if (record->event == EVENT_DEFERRED && !record_get_time(record, "until", &until_ms)) {
    return fail_field(record, "until=, a time such as 2026-11-22T10:15:00.123Z", error);
  }
  if (record->event == EVENT_SETTLED) {
    as = record_get(record, "as");
    if (g_strcmp0(as, "sent") != 0 && g_strcmp0(as, "due") != 0) {
      return fail_field(record, "as=sent or as=due", error);
    }
  }
  return ledger_enter(ledger, record->contact, record->event, until_ms,
                      g_strcmp0(as, "sent") == 0, error);
}

guint32 ledger_length(const Ledger *ledger)
{
  return ledger->length;
}

ContactState ledger_state(const Ledger *ledger, guint32 contact)
{
  return (ContactState)ledger->contacts[contact - 1].state;
}

guint ledger_attempts(const Ledger *ledger, guint32 contact)
{
  return ledger->contacts[contact - 1].attempts;
}

gint64 ledger_due_ms(const Ledger *ledger, guint32 contact)
{
  return (gint64)ledger->contacts[contact - 1].due_s * 1000;
}

guint32 ledger_count(const Ledger *ledger, ContactState state)
{
  return ledger->counts[state];
}

gboolean ledger_settled(const Ledger *ledger)
{
  return ledger->counts[CONTACT_DUE] + ledger->counts[CONTACT_INTENDED] +
             ledger->counts[CONTACT_DEFERRED] == 0;
}

void ledger_each(Ledger *ledger, ContactState state,
                 void (*func)(Ledger *ledger, guint32 contact, gpointer data), gpointer data)
{
  for (guint32 i = 0; i < ledger->length; i++) {
    if (ledger->contacts[i].state == state) {
      func(ledger, i + 1, data);
    }
  }
}
