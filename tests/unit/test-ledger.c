/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/limits.h"
#include "delivery/journal.h"
#include "delivery/ledger.h"

#define UNTIL_MS G_GINT64_CONSTANT(1795342500123)   /* 2026-11-22T10:15:00.123Z */

/* The whole table, said a second time and in another way: from, event, to. */
static const struct {
  ContactState from;
  Event event;
  gboolean settled_sent;
  ContactState to;
} LEGAL[] = {
  {CONTACT_DUE, EVENT_INTENDED, FALSE, CONTACT_INTENDED},
  {CONTACT_DEFERRED, EVENT_INTENDED, FALSE, CONTACT_INTENDED},
  {CONTACT_DUE, EVENT_SUPPRESSED, FALSE, CONTACT_SUPPRESSED},
  {CONTACT_DEFERRED, EVENT_SUPPRESSED, FALSE, CONTACT_SUPPRESSED},
  {CONTACT_INTENDED, EVENT_SENT, FALSE, CONTACT_SENT},
  {CONTACT_INTENDED, EVENT_DEFERRED, FALSE, CONTACT_DEFERRED},
  {CONTACT_INTENDED, EVENT_BOUNCED, FALSE, CONTACT_BOUNCED},
  {CONTACT_INTENDED, EVENT_IN_DOUBT, FALSE, CONTACT_IN_DOUBT},
  {CONTACT_INTENDED, EVENT_WITHDRAWN, FALSE, CONTACT_DUE},
  {CONTACT_IN_DOUBT, EVENT_SETTLED, TRUE, CONTACT_SENT},
  {CONTACT_IN_DOUBT, EVENT_SETTLED, FALSE, CONTACT_DUE},
};

static gboolean expected(ContactState from, Event event, gboolean settled_sent, ContactState *to)
{
  for (guint i = 0; i < G_N_ELEMENTS(LEGAL); i++) {
    if (LEGAL[i].from == from && LEGAL[i].event == event &&
        (event != EVENT_SETTLED || LEGAL[i].settled_sent == settled_sent)) {
      *to = LEGAL[i].to;
      return TRUE;
    }
  }
  return FALSE;
}

static void enter(Ledger *ledger, guint32 contact, Event event)
{
  GError *error = NULL;

  ledger_enter(ledger, contact, event, event == EVENT_DEFERRED ? UNTIL_MS : 0, TRUE, &error);
  g_assert_no_error(error);
}

static Ledger *ledger_in_state(ContactState state)
{
  static const Event OUTCOMES[CONTACT_STATES] = {
    [CONTACT_SENT] = EVENT_SENT, [CONTACT_DEFERRED] = EVENT_DEFERRED,
    [CONTACT_BOUNCED] = EVENT_BOUNCED, [CONTACT_IN_DOUBT] = EVENT_IN_DOUBT,
  };
  Ledger *ledger = ledger_new(3);
  Record expiry = {.event = EVENT_EXPIRED};

  if (state == CONTACT_EXPIRED) {
    enter(ledger, 1, EVENT_INTENDED);
    enter(ledger, 3, EVENT_INTENDED);
    g_assert_true(ledger_replay(ledger, &expiry, NULL));
    enter(ledger, 1, EVENT_WITHDRAWN);
    enter(ledger, 3, EVENT_WITHDRAWN);
  } else if (state == CONTACT_SUPPRESSED) {
    enter(ledger, 2, EVENT_SUPPRESSED);
  } else if (state != CONTACT_DUE) {
    enter(ledger, 2, EVENT_INTENDED);
    if (state != CONTACT_INTENDED) {
      enter(ledger, 2, OUTCOMES[state]);
    }
  }
  g_assert_cmpint(ledger_state(ledger, 2), ==, state);
  return ledger;
}

static void assert_counts(Ledger *ledger)
{
  guint32 counts[CONTACT_STATES] = {0};
  guint32 open;

  for (guint32 i = 1; i <= ledger_length(ledger); i++) {
    counts[ledger_state(ledger, i)]++;
  }
  for (guint state = 0; state < CONTACT_STATES; state++) {
    g_assert_cmpuint(ledger_count(ledger, (ContactState)state), ==, counts[state]);
  }
  open = counts[CONTACT_DUE] + counts[CONTACT_INTENDED] + counts[CONTACT_DEFERRED];
  g_assert_cmpint(ledger_settled(ledger), ==, open == 0);
}

static void test_transition(ContactState from, Event event, gboolean settled_sent)
{
  g_autoptr(Ledger) ledger = ledger_in_state(from);
  g_autoptr(GError) error = NULL;
  ContactState to = from;
  gboolean legal = expected(from, event, settled_sent, &to);
  gint64 due_ms = ledger_due_ms(ledger, 2);

  g_assert_cmpint(ledger_enter(ledger, 2, event, UNTIL_MS + 5000, settled_sent, &error), ==, legal);
  g_assert_cmpint(ledger_state(ledger, 2), ==, to);
  g_assert_cmpint(ledger_state(ledger, 1), ==, CONTACT_DUE);
  g_assert_cmpint(ledger_state(ledger, 3), ==, CONTACT_DUE);
  assert_counts(ledger);
  if (!legal) {
    g_assert_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED);
    g_assert_nonnull(strstr(error->message, event_name(event)));
    g_assert_nonnull(strstr(error->message, "contact 2"));
    g_assert_nonnull(strstr(error->message, contact_state_name(from)));
    g_assert_cmpint(ledger_due_ms(ledger, 2), ==, due_ms);
    g_assert_cmpuint(ledger_attempts(ledger, 2), ==, from == CONTACT_DEFERRED ? 1 : 0);
  }
}

static void test_table(void)
{
  for (guint from = 0; from < CONTACT_STATES; from++) {
    for (guint event = 0; event < EVENT_COUNT; event++) {
      test_transition((ContactState)from, (Event)event, FALSE);
      test_transition((ContactState)from, (Event)event, TRUE);
    }
  }
}

static void test_numbers(void)
{
  g_autoptr(Ledger) ledger = ledger_new(3);
  static const guint32 NUMBERS[] = {0, 4, G_MAXUINT32};

  for (guint i = 0; i < G_N_ELEMENTS(NUMBERS); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(ledger_enter(ledger, NUMBERS[i], EVENT_INTENDED, 0, FALSE, &error));
    g_assert_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED);
  }
  g_assert_cmpuint(ledger_count(ledger, CONTACT_DUE), ==, 3);
}

static void test_empty(void)
{
  g_autoptr(Ledger) ledger = ledger_new(0);

  g_assert_true(ledger_settled(ledger));
  g_assert_false(ledger_enter(ledger, 1, EVENT_INTENDED, 0, FALSE, NULL));
}

static void test_attempts(void)
{
  g_autoptr(Ledger) ledger = ledger_new(1);

  for (guint i = 1; i <= 300; i++) {
    enter(ledger, 1, EVENT_INTENDED);
    enter(ledger, 1, EVENT_WITHDRAWN);
    g_assert_cmpuint(ledger_attempts(ledger, 1), ==, MIN(i - 1, 255));
    enter(ledger, 1, EVENT_INTENDED);
    enter(ledger, 1, EVENT_DEFERRED);
    g_assert_cmpuint(ledger_attempts(ledger, 1), ==, MIN(i, 255));
  }
}

/* Whole seconds, never too early. */
static void test_due(void)
{
  static const struct { gint64 until_ms, due_ms; } CASES[] = {
    {0, 0}, {1, 1000}, {999, 1000}, {1000, 1000}, {1001, 2000}, {-5000, 0},
    {UNTIL_MS, UNTIL_MS - 123 + 1000},
    {G_MAXINT64, G_GINT64_CONSTANT(4294967295000)},
  };

  for (guint i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autoptr(Ledger) ledger = ledger_new(1);
    enter(ledger, 1, EVENT_INTENDED);
    g_assert_true(ledger_enter(ledger, 1, EVENT_DEFERRED, CASES[i].until_ms, FALSE, NULL));
    g_assert_cmpint(ledger_due_ms(ledger, 1), ==, CASES[i].due_ms);
  }
}

static void test_expiry(void)
{
  g_autoptr(Ledger) ledger = ledger_new(7);
  Record expiry = {.event = EVENT_EXPIRED};

  for (guint32 i = 2; i <= 6; i++) {
    enter(ledger, i, EVENT_INTENDED);
  }
  enter(ledger, 3, EVENT_SENT);
  enter(ledger, 4, EVENT_DEFERRED);
  enter(ledger, 5, EVENT_BOUNCED);
  enter(ledger, 6, EVENT_IN_DOUBT);
  g_assert_true(ledger_replay(ledger, &expiry, NULL));
  static const ContactState AFTER[] = {
    CONTACT_EXPIRED, CONTACT_INTENDED, CONTACT_SENT, CONTACT_EXPIRED, CONTACT_BOUNCED,
    CONTACT_IN_DOUBT, CONTACT_EXPIRED,
  };
  for (guint32 i = 1; i <= 7; i++) {
    g_assert_cmpint(ledger_state(ledger, i), ==, AFTER[i - 1]);
  }
  assert_counts(ledger);
  g_assert_false(ledger_settled(ledger));
  enter(ledger, 2, EVENT_SENT);
  g_assert_true(ledger_settled(ledger));
}

/* A line as it stands in a journal, replayed. */
static gboolean replay(Ledger *ledger, Event event, guint32 contact, const char *key,
                       const char *value, GError **error)
{
  char memory[LIMIT_JOURNAL_LINE];
  RecordWriter writer = {0};
  RecordClock clock = {0};
  Record record;
  const char *why;

  record_begin(&writer, memory, 1, UNTIL_MS, event, contact);
  if (key != NULL) {
    record_add(&writer, key, value);
  }
  gsize length = record_end(&writer);
  g_assert_true(record_parse(memory, length - 1, &clock, &record, &why));
  return ledger_replay(ledger, &record, error);
}

static void test_replay_fields(void)
{
  static const struct { Event outcome; const char *key, *value; gboolean good; } CASES[] = {
    {EVENT_DEFERRED, "until", "2026-11-22T10:15:00.123Z", TRUE},
    {EVENT_DEFERRED, "until", "soon", FALSE},
    {EVENT_DEFERRED, "until", "1795342500123", FALSE},
    {EVENT_DEFERRED, NULL, NULL, FALSE},
    {EVENT_SETTLED, "as", "sent", TRUE},
    {EVENT_SETTLED, "as", "due", TRUE},
    {EVENT_SETTLED, "as", "Sent", FALSE},
    {EVENT_SETTLED, NULL, NULL, FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autoptr(Ledger) ledger = ledger_in_state(
        CASES[i].outcome == EVENT_SETTLED ? CONTACT_IN_DOUBT : CONTACT_INTENDED);
    ContactState before = ledger_state(ledger, 2);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(replay(ledger, CASES[i].outcome, 2, CASES[i].key, CASES[i].value, &error), ==,
                    CASES[i].good);
    if (CASES[i].good) {
      g_assert_no_error(error);
    } else {
      g_assert_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED);
      g_assert_cmpint(ledger_state(ledger, 2), ==, before);
    }
  }
}

/* Two ledgers, one entered and one replayed from the lines, go the same way. */
static void test_replay_equals_entering(void)
{
  static const Event EVENTS[] = {EVENT_INTENDED, EVENT_SENT, EVENT_DEFERRED, EVENT_BOUNCED,
                                 EVENT_IN_DOUBT, EVENT_WITHDRAWN, EVENT_SETTLED, EVENT_INTENDED};
  g_autoptr(Ledger) entered = ledger_new(50), replayed = ledger_new(50);
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  guint refused = 0;

  for (int i = 0; i < 20000; i++) {
    Event event = EVENTS[g_rand_int_range(random, 0, G_N_ELEMENTS(EVENTS))];
    guint32 contact = (guint32)g_rand_int_range(random, 1, 51);
    gboolean as_sent = g_rand_int_range(random, 0, 10) == 0;
    const char *key = event == EVENT_DEFERRED ? "until" : "as";
    const char *value = event == EVENT_DEFERRED ? "2026-11-22T10:15:00.123Z"
                        : as_sent               ? "sent" : "due";
    gboolean ok = ledger_enter(entered, contact, event, UNTIL_MS, as_sent, NULL);
    g_assert_cmpint(replay(replayed, event, contact, key, value, NULL), ==, ok);
    g_assert_cmpint(ledger_state(entered, contact), ==, ledger_state(replayed, contact));
    g_assert_cmpint(ledger_due_ms(entered, contact), ==, ledger_due_ms(replayed, contact));
    g_assert_cmpuint(ledger_attempts(entered, contact), ==, ledger_attempts(replayed, contact));
    refused += !ok;
  }
  g_assert_cmpuint(refused, >, 1000);
  assert_counts(replayed);
  assert_counts(entered);
}

static void withdraw(Ledger *ledger, guint32 contact, gpointer data)
{
  guint32 *last = data;

  g_assert_cmpuint(contact, >, *last);
  *last = contact;
  enter(ledger, contact, EVENT_WITHDRAWN);
}

static void test_each(void)
{
  g_autoptr(Ledger) ledger = ledger_new(10);
  guint32 last = 0;

  enter(ledger, 2, EVENT_INTENDED);
  enter(ledger, 7, EVENT_INTENDED);
  enter(ledger, 10, EVENT_INTENDED);
  enter(ledger, 7, EVENT_SENT);
  ledger_each(ledger, CONTACT_INTENDED, withdraw, &last);
  g_assert_cmpuint(last, ==, 10);
  g_assert_cmpuint(ledger_count(ledger, CONTACT_DUE), ==, 9);
  ledger_each(ledger, CONTACT_INTENDED, withdraw, &last);
}

static gsize resident_bytes(void)
{
  g_autofree char *text = NULL;
  unsigned long total, resident;

  g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
  g_assert_cmpint(sscanf(text, "%lu %lu", &total, &resident), ==, 2);
  return resident * (gsize)sysconf(_SC_PAGESIZE);
}

static void test_million(void)
{
  enum { MILLION = 1000000 };
  gsize before = resident_bytes();
  g_autoptr(Ledger) ledger = ledger_new(MILLION);

  for (guint32 i = 1; i <= MILLION; i++) {
    enter(ledger, i, EVENT_INTENDED);
    enter(ledger, i, EVENT_SENT);
  }
  g_assert_true(ledger_settled(ledger));
  g_assert_cmpuint(ledger_count(ledger, CONTACT_SENT), ==, MILLION);
#ifndef __SANITIZE_ADDRESS__
  g_assert_cmpuint(resident_bytes() - before, <, (gsize)9 * MILLION);
#endif
  g_test_message("%zu bytes for a million contacts", resident_bytes() - before);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/table", test_table);
  g_test_add_func("/ledger/numbers", test_numbers);
  g_test_add_func("/ledger/empty", test_empty);
  g_test_add_func("/ledger/attempts", test_attempts);
  g_test_add_func("/ledger/due", test_due);
  g_test_add_func("/ledger/expiry", test_expiry);
  g_test_add_func("/ledger/replay-fields", test_replay_fields);
  g_test_add_func("/ledger/replay-equals-entering", test_replay_equals_entering);
  g_test_add_func("/ledger/each", test_each);
  g_test_add_func("/ledger/million", test_million);
  return g_test_run();
}
