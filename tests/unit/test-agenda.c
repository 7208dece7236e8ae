/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/agenda.h"

static const Lanes ONE_LANE = { NULL, 1 };

static void enter(Ledger *ledger, guint32 contact, Event event, gint64 until_ms)
{
  g_autoptr(GError) error = NULL;
  ledger_enter(ledger, contact, event, until_ms, FALSE, &error);
  g_assert_no_error(error);
}

static void test_order(void)
{
  g_autoptr(Ledger) ledger = ledger_new(3);
  Agenda *agenda = agenda_new(ledger, ONE_LANE, 0, 0);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, NULL), ==, 3);
  g_assert_cmpuint(agenda_ready(agenda, 0, 2, NULL), ==, 2);
  for (guint32 contact = 1; contact <= 3; contact++) {
    g_assert_cmpuint(agenda_take(agenda, 0, NULL), ==, contact);
    enter(ledger, contact, EVENT_INTENDED, 0);
  }
  g_assert_cmpuint(agenda_take(agenda, 0, NULL), ==, 0);
  g_assert_cmpint(agenda_next_ms(agenda, 0, NULL), ==, G_MAXINT64);
  agenda_free(agenda);
}

static void test_again_by_time(void)
{
  g_autoptr(Ledger) ledger = ledger_new(100);
  Agenda *agenda = agenda_new(ledger, ONE_LANE, 0, 0);
  for (guint32 i = 1; i <= 100; i++) {
    guint32 contact = agenda_take(agenda, 0, NULL);
    enter(ledger, contact, EVENT_INTENDED, 0);
    gint64 due = (contact * 37) % 101;
    enter(ledger, contact, EVENT_DEFERRED, due * 1000);
    agenda_put(agenda, contact, due);
  }
  g_assert_cmpint(agenda_next_ms(agenda, 0, NULL), ==, 1);
  g_assert_cmpuint(agenda_ready(agenda, 50, 1000, NULL), ==, 50);
  g_assert_cmpuint(agenda_ready(agenda, 50, 20, NULL), ==, 20);
  gint64 before = 0;
  for (gint64 now = 1; now <= 100; now++) {
    guint32 contact = agenda_take(agenda, now, NULL);
    gint64 due = (contact * 37) % 101;
    g_assert_cmpint(due, >, before);
    before = due;
  }
  g_assert_cmpuint(agenda_take(agenda, 1000, NULL), ==, 0);
  agenda_free(agenda);
}

/* A contact that was in doubt when the agenda was made and is due again before the cursor
 * came by is handed out once. */
static void test_nobody_twice(void)
{
  g_autoptr(Ledger) ledger = ledger_new(3);
  enter(ledger, 2, EVENT_INTENDED, 0);
  enter(ledger, 2, EVENT_IN_DOUBT, 0);
  Agenda *agenda = agenda_new(ledger, ONE_LANE, 0, 0);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, NULL), ==, 2);
  enter(ledger, 2, EVENT_SETTLED, 0);
  agenda_put(agenda, 2, 0);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, NULL), ==, 3);
  guint seen[4] = { 0 };
  for (guint32 contact; (contact = agenda_take(agenda, 0, NULL)) != 0;) {
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
  Agenda *agenda = agenda_new(ledger, ONE_LANE, 50000, 7000);   /* ten seconds before it is due */
  g_assert_cmpuint(agenda_take(agenda, 7000, NULL), ==, 2);
  g_assert_cmpuint(agenda_take(agenda, 7000, NULL), ==, 4);
  g_assert_cmpuint(agenda_take(agenda, 16999, NULL), ==, 0);
  g_assert_cmpint(agenda_next_ms(agenda, 7000, NULL), ==, 17000);
  g_assert_cmpuint(agenda_take(agenda, 17000, NULL), ==, 3);
  agenda_free(agenda);
}

static guint room_of(gpointer data, guint lane)
{
  return ((const guint *)data)[lane];
}

/* Whom one relay cannot serve waits for another, in the lane of the same domains. */
static void test_aside(void)
{
  static const guint8 of_contact[] = { 0, 1, 1, 0 };
  guint room[] = { G_MAXUINT, 2 };
  const LaneGate plain = { room_of, room, NEEDS_NOTHING };
  const LaneGate special = { room_of, room, NEEDS_SMTPUTF8 };
  g_autoptr(Ledger) ledger = ledger_new(4);
  Agenda *agenda = agenda_new(ledger, (Lanes){ of_contact, 2 }, 0, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, &special), ==, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, &plain), ==, 1);
  agenda_set_aside(agenda, 1, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, &plain), ==, 2);
  agenda_set_aside(agenda, 2, 0);
  g_assert_cmpuint(agenda_aside(agenda), ==, 2);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, &plain), ==, 2);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, &special), ==, 2);
  room[1] = 0;
  g_assert_cmpuint(agenda_take(agenda, 0, &special), ==, 1);
  g_assert_cmpuint(agenda_take(agenda, 0, &special), ==, 0);
  room[1] = 2;
  g_assert_cmpuint(agenda_take(agenda, 0, NULL), !=, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, NULL), !=, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, NULL), !=, 0);
  g_assert_cmpuint(agenda_aside(agenda), ==, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, NULL), ==, 0);
  agenda_set_aside(agenda, 3, 0);
  agenda_clear(agenda);
  g_assert_cmpuint(agenda_aside(agenda), ==, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, NULL), ==, 0);
  agenda_free(agenda);
}

/* Lanes take turns, each in its own order; one that is shut holds up nobody. */
static void test_lanes(void)
{
  static const guint8 of_contact[] = { 0, 1, 0, 1, 1, 2, 0 };
  guint room[] = { G_MAXUINT, G_MAXUINT, G_MAXUINT };
  const LaneGate gate = { room_of, room, NEEDS_ANY };
  g_autoptr(Ledger) ledger = ledger_new(7);
  Agenda *agenda = agenda_new(ledger, (Lanes){ of_contact, 3 }, 0, 0);
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, &gate), ==, 7);
  static const guint32 first[] = { 1, 2, 6, 3 };
  for (guint i = 0; i < G_N_ELEMENTS(first); i++)
    g_assert_cmpuint(agenda_take(agenda, 0, &gate), ==, first[i]);
  room[1] = 0;
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, &gate), ==, 1);
  g_assert_cmpuint(agenda_take(agenda, 0, &gate), ==, 7);
  g_assert_cmpuint(agenda_take(agenda, 0, &gate), ==, 0);
  g_assert_cmpint(agenda_next_ms(agenda, 0, &gate), ==, G_MAXINT64);
  room[1] = 1;
  g_assert_cmpuint(agenda_ready(agenda, 0, 10, &gate), ==, 1);
  g_assert_cmpint(agenda_next_ms(agenda, 0, &gate), ==, 0);
  g_assert_cmpuint(agenda_take(agenda, 0, &gate), ==, 4);
  g_assert_cmpuint(agenda_take(agenda, 0, &gate), ==, 5);
  g_assert_cmpuint(agenda_take(agenda, 0, &gate), ==, 0);
  agenda_free(agenda);
}

/* Whatever opens and shuts, comes back, is deferred or was settled: everybody is handed out
 * as often as they came, and never while they are out. */
static void test_lanes_nobody_twice(void)
{
  enum { CONTACTS = 300, LANES = 5 };
  for (guint32 seed = 0; seed < 20; seed++) {
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    guint8 of_contact[CONTACTS];
    guint room[LANES] = { 0 };
    const LaneGate gate = { room_of, room, NEEDS_ANY };
    guint returns[CONTACTS + 1] = { 0 };
    g_autoptr(Ledger) ledger = ledger_new(CONTACTS);
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(guint32));
    for (guint i = 0; i < CONTACTS; i++)
      of_contact[i] = (guint8)g_rand_int_range(random, 0, LANES);
    Agenda *agenda = agenda_new(ledger, (Lanes){ of_contact, LANES }, 0, 0);
    gint64 now = 0;
    while (!ledger_settled(ledger)) {
      now++;
      for (guint lane = 0; lane < LANES; lane++)
        room[lane] = (guint)g_rand_int_range(random, 0, 2);
      guint32 contact = agenda_take(agenda, now, &gate);
      if (contact != 0) {
        g_assert_cmpuint(room[of_contact[contact - 1]], >, 0);
        enter(ledger, contact, EVENT_INTENDED, 0);   /* fails for one that is out */
        g_array_append_val(out, contact);
      }
      if (out->len == 0 || g_rand_boolean(random))
        continue;
      guint index = (guint)g_rand_int_range(random, 0, (gint32)out->len);
      contact = g_array_index(out, guint32, index);
      g_array_remove_index_fast(out, index);
      if (returns[contact]++ == 2) {
        enter(ledger, contact, EVENT_SENT, 0);
        continue;
      }
      gboolean deferred = g_rand_boolean(random);
      enter(ledger, contact, deferred ? EVENT_DEFERRED : EVENT_WITHDRAWN, deferred ? now : 0);
      agenda_put(agenda, contact, now + g_rand_int_range(random, 0, 50));
    }
    g_assert_cmpuint(ledger_count(ledger, CONTACT_SENT), ==, CONTACTS);
    agenda_free(agenda);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/agenda/order", test_order);
  g_test_add_func("/agenda/again", test_again_by_time);
  g_test_add_func("/agenda/nobody-twice", test_nobody_twice);
  g_test_add_func("/agenda/taken-up-again", test_taken_up_again);
  g_test_add_func("/agenda/aside", test_aside);
  g_test_add_func("/agenda/lanes", test_lanes);
  g_test_add_func("/agenda/lanes/nobody-twice", test_lanes_nobody_twice);
  return g_test_run();
}
