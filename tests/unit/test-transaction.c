/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/awaited.h"

/* A session's ring of transactions and its ring of replies, over several turns of both. */
static void test_rings(void)
{
  enum { SIZE = 3, MESSAGES = 100 };
  Flight flight;
  AwaitedReplies awaited;
  Job jobs[MESSAGES];
  guint begun = 0;
  flight_init(&flight, SIZE);
  awaited_init(&awaited, SIZE);
  for (guint ended = 0; ended < MESSAGES; ended++) {
    while (begun < MESSAGES && !flight_is_full(&flight)) {
      Transaction *transaction = flight_add(&flight, &jobs[begun++]);
      awaited_add(&awaited, (Awaited){ STAGE_RSET, NULL, begun });
      for (SmtpStage stage = STAGE_MAIL; stage <= STAGE_DATA; stage++)
        awaited_add(&awaited, (Awaited){ stage, transaction, begun });
    }
    g_assert_cmpuint(flight.count, ==, MIN(SIZE, MESSAGES - ended));
    Transaction *first = flight_at(&flight, 0);
    g_assert_true(first->job == &jobs[ended]);
    g_assert_cmpuint(first->due, ==, 3);
    g_assert_null(awaited_take(&awaited).transaction);
    for (SmtpStage stage = STAGE_MAIL; stage <= STAGE_DATA; stage++) {
      g_assert_cmpint(first->awaits, ==, stage);
      Awaited taken = awaited_take(&awaited);
      g_assert_cmpint(taken.stage, ==, stage);
      g_assert_true(taken.transaction == first);
      g_assert_cmpuint(taken.sent_at, ==, ended + 1);
    }
    g_assert_cmpuint(first->due, ==, 0);
    flight_remove(&flight, 0);
  }
  g_assert_null(awaited_first(&awaited));
  flight_clear(&flight);
  awaited_clear(&awaited);
}

static void test_removal_from_the_middle(void)
{
  Flight flight;
  Job jobs[5];
  flight_init(&flight, 4);
  for (guint i = 0; i < 4; i++)
    flight_add(&flight, &jobs[i]);
  flight_remove(&flight, 0);
  flight_add(&flight, &jobs[4]);
  g_assert_true(flight_is_full(&flight));
  flight_remove(&flight, 1);   /* of 1 2 3 4 */
  g_assert_true(flight_at(&flight, 0)->job == &jobs[1]);
  g_assert_true(flight_at(&flight, 1)->job == &jobs[3]);
  g_assert_true(flight_at(&flight, 2)->job == &jobs[4]);
  flight_remove(&flight, 2);
  g_assert_cmpuint(flight.count, ==, 2);
  flight_remove(&flight, 0);
  flight_remove(&flight, 0);
  flight_clear(&flight);
}

static void test_the_first_failure_counts(void)
{
  Flight flight;
  Job job;
  flight_init(&flight, 1);
  Transaction *transaction = flight_add(&flight, &job);
  char text[] = "first", status[] = "5.1.1";
  transaction_fail(transaction, &(Outcome){ .code = 550, .text = text, .status = status });
  text[0] = status[0] = '\0';
  transaction_fail(transaction, &(Outcome){ .code = 554, .text = "second", .status = "" });
  g_assert_cmpuint(transaction->failure.code, ==, 550);
  g_assert_cmpstr(transaction->failure.text, ==, "first");
  g_assert_cmpstr(transaction->failure.status, ==, "5.1.1");
  flight_remove(&flight, 0);
  g_assert_false(flight_add(&flight, &job)->failed);
  flight_remove(&flight, 0);
  flight_clear(&flight);
}

/* Only when its last byte is written may the relay have it, whatever it has answered so far. */
static void test_how_far_it_has_come(void)
{
  Transaction transaction = { .awaits = STAGE_RCPT };
  g_assert_cmpint(transaction_reached(&transaction, 1000), ==, STAGE_RCPT);
  transaction.whole_from = 999;
  g_assert_cmpint(transaction_reached(&transaction, 0), ==, STAGE_RCPT);
  g_assert_cmpint(transaction_reached(&transaction, 999), ==, STAGE_RCPT);
  g_assert_cmpint(transaction_reached(&transaction, 1000), ==, STAGE_DOT);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/transaction/rings", test_rings);
  g_test_add_func("/transaction/removal", test_removal_from_the_middle);
  g_test_add_func("/transaction/failure", test_the_first_failure_counts);
  g_test_add_func("/transaction/reached", test_how_far_it_has_come);
  return g_test_run();
}
