/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/throttle.h"

/* --- A relay of which everything is known: it accepts so many in a second, and connections
 * up to a number; a message takes a round trip. Time is simulated. --- */

enum { START = 1000000, MOST = 32, SECOND = 1000 };

typedef enum { WINDOW_FIXED, WINDOW_BUCKET } Counting;

typedef struct {
  double per_second;
  guint crowd;           /* connections it bears */
  gint64 round_trip_ms;
  Counting counting;
  gint64 second;         /* WINDOW_FIXED: which one is counted */
  double used;           /* in it; WINDOW_BUCKET: tokens that are gone */
} Model;

typedef struct {
  guint accepted, refused;
} Tally;

static gboolean model_accepts(Model *model, gint64 now_ms)
{
  if (model->counting == WINDOW_FIXED && now_ms / SECOND != model->second) {
    model->second = now_ms / SECOND;
    model->used = 0;
  }
  if (model->used + 1 > MAX(1, model->per_second))
    return FALSE;
  model->used += 1;
  return TRUE;
}

static void model_tick(Model *model)
{
  if (model->counting == WINDOW_BUCKET)
    model->used = MAX(0, model->used - model->per_second / SECOND);
}

typedef struct {
  gint64 answer_ms;      /* 0: it is free */
  gboolean accepted;
} Line;

static void answer(Throttle *throttle, Line *line, Tally *tally, gint64 now_ms)
{
  line->answer_ms = 0;
  if (line->accepted) {
    throttle_accepted(throttle, now_ms);
    tally->accepted++;
  } else {
    throttle_refused(throttle, now_ms);
    tally->refused++;
  }
}

/* What a pool does: every connection that is free takes a message as soon as it may. */
static Tally run(Throttle *throttle, Model *model, gint64 *now_ms, gint64 for_ms)
{
  Line lines[MOST] = { 0 };
  Tally tally = { 0, 0 };
  for (gint64 end = *now_ms + for_ms; *now_ms < end; (*now_ms)++) {
    model_tick(model);
    for (guint i = 0; i < MOST; i++) {
      if (lines[i].answer_ms != 0 && lines[i].answer_ms <= *now_ms)
        answer(throttle, &lines[i], &tally, *now_ms);
      if (lines[i].answer_ms != 0 || i >= throttle_connections(throttle) ||
          !throttle_take(throttle, *now_ms))
        continue;
      lines[i] = (Line){ *now_ms + model->round_trip_ms,
                         i < model->crowd && model_accepts(model, *now_ms) };
    }
  }
  return tally;
}

static void assert_well_used(const char *what, Tally tally, double per_second, double seconds)
{
  g_test_message("%s: %g/s allowed, %.2f/s accepted, %.2f %% refused", what, per_second,
                 tally.accepted / seconds,
                 100.0 * tally.refused / (double)MAX(1, tally.accepted + tally.refused));
  g_assert_cmpfloat(tally.accepted, >=, 0.8 * per_second * seconds);
  g_assert_cmpuint(20 * tally.refused, <=, tally.accepted + tally.refused);
}

static const double limits[] = { 1, 2, 5, 10, 50, 200, 1000 };

/* After a minute the rate is used to four fifths, and at most one in twenty is refused. */
static void test_finds_the_rate(void)
{
  for (int counting = WINDOW_FIXED; counting <= WINDOW_BUCKET; counting++) {
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
      Throttle throttle;
      Model model = { .per_second = limits[i], .crowd = MOST, .round_trip_ms = 20,
                      .counting = (Counting)counting };
      gint64 now = START;
      throttle_init(&throttle, MOST, now);
      Tally first = run(&throttle, &model, &now, 60 * SECOND);
      g_test_message("the first minute: %u accepted, %u refused", first.accepted, first.refused);
      g_assert_cmpfloat(first.accepted, >=, 0.7 * 60 * limits[i]);
      Tally later = run(&throttle, &model, &now, 120 * SECOND);
      assert_well_used("later", later, limits[i], 120);
    }
  }
}

/* A relay that allows less at noon than in the morning, and more again in the evening. */
static void test_follows_changes(void)
{
  Throttle throttle;
  Model model = { .per_second = 100, .crowd = MOST, .round_trip_ms = 20 };
  gint64 now = START;
  throttle_init(&throttle, MOST, now);
  run(&throttle, &model, &now, 60 * SECOND);
  model.per_second = 5;
  run(&throttle, &model, &now, 60 * SECOND);
  assert_well_used("less", run(&throttle, &model, &now, 60 * SECOND), 5, 60);
  model.per_second = 100;
  run(&throttle, &model, &now, 120 * SECOND);
  assert_well_used("more", run(&throttle, &model, &now, 60 * SECOND), 100, 60);
}

/* What it is about is the number of connections: the rate must not suffer for it. */
static void test_crowd(void)
{
  static const guint crowds[] = { 1, 4, 10 };
  for (gsize i = 0; i < G_N_ELEMENTS(crowds); i++) {
    Throttle throttle;
    Model model = { .per_second = 1e9, .crowd = crowds[i], .round_trip_ms = 20 };
    gint64 now = START;
    throttle_init(&throttle, MOST, now);
    run(&throttle, &model, &now, 60 * SECOND);
    Tally later = run(&throttle, &model, &now, 120 * SECOND);
    g_test_message("crowd of %u: %.1f/s, %u refused", crowds[i], later.accepted / 120.0,
                   later.refused);
    g_assert_cmpfloat(later.accepted, >=, 0.6 * crowds[i] * 50 * 120);
    g_assert_cmpuint(20 * later.refused, <=, later.accepted);
  }
}

/* A relay that refuses nothing is at its full number of connections at once. */
static void test_slow_start(void)
{
  Throttle throttle;
  Model model = { .per_second = 1e9, .crowd = MOST, .round_trip_ms = 10 };
  gint64 now = START;
  throttle_init(&throttle, MOST, now);
  g_assert_cmpuint(throttle_connections(&throttle), ==, 2);
  run(&throttle, &model, &now, 60);
  g_assert_cmpuint(throttle_connections(&throttle), ==, MOST);
  g_assert_cmpfloat(throttle_rate(&throttle), ==, 0);
  throttle_restart(&throttle);
  g_assert_cmpuint(throttle_connections(&throttle), ==, 2);
  throttle_init(&throttle, 1, now);
  g_assert_cmpuint(throttle_connections(&throttle), ==, 1);
  g_assert_false(throttle_accepted(&throttle, now));
  g_assert_cmpuint(throttle_connections(&throttle), ==, 1);
}

/* A relay that bears a single connection is not met with two whenever it was in trouble. */
static void test_restart_never_widens(void)
{
  Throttle throttle;
  throttle_init(&throttle, MOST, START);
  g_assert_true(throttle_crowded(&throttle, START + 1000));
  g_assert_cmpuint(throttle_connections(&throttle), ==, 1);
  throttle_restart(&throttle);
  g_assert_cmpuint(throttle_connections(&throttle), ==, 1);
}

/* All that was under way when the relay lost its patience is one event. */
static void test_one_event(void)
{
  Throttle throttle;
  throttle_init(&throttle, MOST, START);
  for (guint i = 0; i < MOST; i++)
    throttle_accepted(&throttle, START + i);
  g_assert_true(throttle_refused(&throttle, START + 1000));
  double rate = throttle_rate(&throttle);
  g_assert_cmpfloat(rate, >, 0);
  g_assert_cmpuint(throttle_connections(&throttle), ==, MOST / 2);
  for (guint i = 0; i < 50; i++)
    g_assert_false(throttle_refused(&throttle, START + 1000 + 10 * i));
  g_assert_cmpfloat(throttle_rate(&throttle), <=, rate * 1.1);
  g_assert_cmpuint(throttle_connections(&throttle), ==, MOST / 2);
  g_assert_false(throttle_take(&throttle, START + 1100));
  g_assert_true(throttle_take(&throttle, START + 1100 + throttle_wait_ms(&throttle, START + 1100)));
}

/* One domain that puts us off is greylisting; several at the same time are the relay. */
static void test_suspicion(void)
{
  Throttle throttle;
  throttle_init(&throttle, MOST, START);
  for (guint i = 0; i < 100; i++)
    g_assert_false(throttle_suspected(&throttle, 7, START + i));
  g_assert_false(throttle_suspected(&throttle, 8, START + 100));
  g_assert_cmpfloat(throttle_rate(&throttle), ==, 0);
  g_assert_true(throttle_suspected(&throttle, 9, START + 200));
  g_assert_cmpfloat(throttle_rate(&throttle), >, 0);

  throttle_init(&throttle, MOST, START);
  for (guint i = 0; i < 20; i++)
    g_assert_false(throttle_suspected(&throttle, i, START + i * 6000));
}

/* Long after the last event nothing is left of it, and a pause gains nothing. */
static void test_forgets(void)
{
  Throttle throttle;
  throttle_init(&throttle, MOST, START);
  throttle_accepted(&throttle, START);
  g_assert_true(throttle_refused(&throttle, START + 5000));
  double rate = throttle_rate(&throttle);
  throttle_take(&throttle, START + 9 * 60000);
  g_assert_cmpfloat(throttle_rate(&throttle), <=, rate);
  throttle_take(&throttle, START + 11 * 60000);
  g_assert_cmpfloat(throttle_rate(&throttle), ==, 0);
  for (guint i = 0; i < 1000; i++)
    g_assert_true(throttle_take(&throttle, START + 11 * 60000));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/throttle/finds-the-rate", test_finds_the_rate);
  g_test_add_func("/throttle/follows-changes", test_follows_changes);
  g_test_add_func("/throttle/crowd", test_crowd);
  g_test_add_func("/throttle/slow-start", test_slow_start);
  g_test_add_func("/throttle/restart-never-widens", test_restart_never_widens);
  g_test_add_func("/throttle/one-event", test_one_event);
  g_test_add_func("/throttle/suspicion", test_suspicion);
  g_test_add_func("/throttle/forgets", test_forgets);
  return g_test_run();
}
