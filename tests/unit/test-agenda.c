/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/agenda.h"

static void enter(Ledger *ledger, guint32 contact, Event event, gint64 until_ms)
{
  g_autoptr(GError) error = NULL;
  ledger_enter(ledger, contact, event, until_ms, FALSE, &error);
  g_assert_no_error(error);
}

static void test_order(void)
{
  g_autoptr(Ledger) ledger = ledger_new(3);
  Agenda *agenda = agenda_new(ledger, 0, 0);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10), ==, 3);
  g_assert_cmpuint(agenda_ready(agenda, 0, 2), ==, 2);
  for (guint32 contact = 1; contact <= 3; contact++) {
    g_assert_cmpuint(agenda_take(agenda, 0), ==, contact);
    enter(ledger, contact, EVENT_INTENDED, 0);
  }
  g_assert_cmpuint(agenda_take(agenda, 0), ==, 0);
  g_assert_cmpint(agenda_next_ms(agenda, 0), ==, G_MAXINT64);
  agenda_free(agenda);
}

static void test_again_by_time(void)
{
  g_autoptr(Ledger) ledger = ledger_new(100);
  Agenda *agenda = agenda_new(ledger, 0, 0);
  for (guint32 i = 1; i <= 100; i++) {
    guint32 contact = agenda_take(agenda, 0);
    enter(ledger, contact, EVENT_INTENDED, 0);
    gint64 due = (contact * 37) % 101;
    enter(ledger, contact, EVENT_DEFERRED, due * 1000);
    agenda_put(agenda, contact, due);
  }
  g_assert_cmpint(agenda_next_ms(agenda, 0), ==, 1);
  g_assert_cmpuint(agenda_ready(agenda, 50, 1000), ==, 50);
  g_assert_cmpuint(agenda_ready(agenda, 50, 20), ==, 20);
  gint64 before = 0;
  for (gint64 now = 1; now <= 100; now++) {
    guint32 contact = agenda_take(agenda, now);
    gint64 due = (contact * 37) % 101;
    g_assert_cmpint(due, >, before);
    before = due;
  }
  g_assert_cmpuint(agenda_take(agenda, 1000), ==, 0);
  agenda_free(agenda);
}

/* A contact that was in doubt when the agenda was made and is due again before the cursor
 * came by is handed out once. */
static void test_nobody_twice(void)
{
  g_autoptr(Ledger) ledger = ledger_new(3);
  enter(ledger, 2, EVENT_INTENDED, 0);
  enter(ledger, 2, EVENT_IN_DOUBT, 0);
  Agenda *agenda = agenda_new(ledger, 0, 0);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10), ==, 2);
  enter(ledger, 2, EVENT_SETTLED, 0);
  agenda_put(agenda, 2, 0);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10), ==, 3);
  guint seen[4] = { 0 };
  for (guint32 contact; (contact = agenda_take(agenda, 0)) != 0;) {
    enter(ledger, contact, EVENT_INTENDED, 0);
    seen[contact]++;
  }
  for (guint32 contact = 1; contact <= 3; contact++)
    g_assert_cmpuint(seen[contact], ==, 1);
  agenda_free(agenda);
}

static void test_taken_up_again(void)
{
  g_autoptr(Ledger) ledger = ledger_new(4);
  enter(ledger, 1, EVENT_INTENDED, 0);
  enter(ledger, 1, EVENT_SENT, 0);
  enter(ledger, 3, EVENT_INTENDED, 0);
  enter(ledger, 3, EVENT_DEFERRED, 60000);
  Agenda *agenda = agenda_new(ledger, 50000, 7000);   /* ten seconds before it is due */
  g_assert_cmpuint(agenda_take(agenda, 7000), ==, 2);
  g_assert_cmpuint(agenda_take(agenda, 7000), ==, 4);
  g_assert_cmpuint(agenda_take(agenda, 16999), ==, 0);
  g_assert_cmpint(agenda_next_ms(agenda, 7000), ==, 17000);
  g_assert_cmpuint(agenda_take(agenda, 17000), ==, 3);
  agenda_free(agenda);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/agenda/order", test_order);
  g_test_add_func("/agenda/again", test_again_by_time);
  g_test_add_func("/agenda/nobody-twice", test_nobody_twice);
  g_test_add_func("/agenda/taken-up-again", test_taken_up_again);
  return g_test_run();
}
