/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/transaction.h"

void transaction_fail(Transaction *transaction, const Outcome *outcome)
{
  if (transaction->failed)
    return;
  transaction->failed = TRUE;
  transaction->failure = *outcome;
  transaction->failure_text = g_strdup(outcome->text);
  g_strlcpy(transaction->failure_status, outcome->status, sizeof transaction->failure_status);
  transaction->failure.text = transaction->failure_text;
  transaction->failure.status = transaction->failure_status;
}

SmtpStage transaction_reached(const Transaction *transaction, guint64 written)
{
  if (transaction->whole_from != 0 && written > transaction->whole_from)
    return STAGE_DOT;
  return transaction->awaits;
}

/* --- The ring --- */

void flight_init(Flight *flight, guint size)
{
  *flight = (Flight){ .slots = g_new0(Transaction, size), .size = size };
}

void flight_clear(Flight *flight)
{
  g_free(flight->slots);
  *flight = (Flight){ 0 };
}

Transaction *flight_at(const Flight *flight, guint index)
{
  guint place = flight->first + index;
  return &flight->slots[place < flight->size ? place : place - flight->size];
}

gboolean flight_is_full(const Flight *flight)
{
  return flight->count == flight->size;
}

Transaction *flight_add(Flight *flight, Job *job)
{
  Transaction *transaction = flight_at(flight, flight->count++);
  *transaction = (Transaction){ .job = job, .next_command = STAGE_MAIL, .awaits = STAGE_MAIL };
  return transaction;
}

/* Only what has not been sent is ever removed from the middle, so nothing points at those
 * that move up. */
void flight_remove(Flight *flight, guint index)
{
  g_free(flight_at(flight, index)->failure_text);
  if (index == 0) {
    *flight_at(flight, 0) = (Transaction){ 0 };
    flight->first = flight->first + 1 < flight->size ? flight->first + 1 : 0;
  } else {
    for (guint i = index; i + 1 < flight->count; i++)
      *flight_at(flight, i) = *flight_at(flight, i + 1);
  }
  flight->count--;
}
