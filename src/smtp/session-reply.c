/* SPDX-License-Identifier: Apache-2.0 */

/* What a session makes of the relay's replies. They come in the order of the commands, so what
 * they are about is always the first transaction of the flight. */

#include "smtp/session-inside.h"

enum { READ_SIZE = 16 << 10 };

static Outcome outcome_of(SmtpStage stage, const Reply *reply)
{
  return (Outcome){ .stage = stage, .judgement = verdict_of_reply(stage, reply),
                    .code = reply->code, .status = reply->status, .text = reply->text };
}

/* With PIPELINING the commands behind one that was refused are out already, and are refused
 * because of it, each relay in its way (RFC 2920 section 3.1): that says nothing new. */
static gboolean follows_refusal(const Awaited *answered, const Reply *reply)
{
  return answered->transaction != NULL && answered->transaction->failed && reply->code >= 400 &&
         reply->code != 421;
}

/* What is no refusal, but has no meaning either, settles nothing where the whole message was
 * sent: the session ends, and leaves it in doubt. */
static void on_refusal(Session *session, const Awaited *answered, const Outcome *outcome)
{
  Transaction *transaction = answered->transaction;
  if (transaction == NULL)
    return;
  if (answered->stage == STAGE_DOT && !transaction->failed)
    session_settle(session, 0, outcome);
  else if (outcome->code >= 400 || transaction->whole_from == 0)
    transaction_fail(transaction, outcome);
}

/* A relay that takes a message for no recipient has taken it for nobody. */
static void on_pass(Session *session, const Awaited *answered, const Outcome *outcome)
{
  Transaction *transaction = answered->transaction;
  if (answered->stage == STAGE_DATA && transaction->failed) {
    session_queue_dot(session, transaction);
  } else if (answered->stage == STAGE_DATA) {
    transaction->may_send = TRUE;
  } else if (answered->stage == STAGE_DOT && !transaction->failed) {
    session->sent++;
    session_settle(session, 0, outcome);
    session->spoilt = session->under_way > 0;
  }
}

/* A transaction that was refused is over when all its commands have been answered. */
static void finish_refused(Session *session, const Transaction *transaction)
{
  if (transaction == NULL || !transaction->failed || transaction->due > 0)
    return;
  session_settle(session, 0, &transaction->failure);
  session->spoilt = TRUE;
}

static char *sentence_of(const Judgement *judgement, const Reply *reply)
{
  return g_strdup_printf("%s: %u %s%s%s", judgement->meaning, reply->code, reply->status,
                         reply->status[0] ? " " : "", reply->text);
}

/* The connection must not be used any more. What the relay has whole is heard out: it may
 * answer to it all the same, and what is answered is not in doubt. FALSE when the session
 * ended. */
static gboolean give_up(Session *session, const Judgement *judgement, const Reply *reply)
{
  g_autofree char *what = sentence_of(judgement, reply);
  if (reply->code < 400 || session->under_way == 0) {
    session_end(session, judgement->scope, what);
    return FALSE;
  }
  if (session->closing == NULL) {
    session->closing = g_steal_pointer(&what);
    session->closing_scope = judgement->scope;
  }
  return TRUE;
}

/* The relay speaks before it was asked: it gives up (421), it refuses a body that is still
 * on its way, or we are out of step. In each case the connection is over. */
static void on_early_reply(Session *session, const Awaited *head, const Reply *reply)
{
  Judgement judgement = verdict_of_silence(STAGE_BODY);
  if (reply->code == 421 && session->state == SESSION_IDLE) {
    session_end(session, SCOPE_CONNECTION, NULL);
    return;
  }
  if (head != NULL && head->stage == STAGE_DOT && reply->code >= 400) {
    Outcome outcome = outcome_of(STAGE_BODY, reply);
    transaction_fail(head->transaction, &outcome);
    judgement = outcome.judgement;
  }
  g_autofree char *what = sentence_of(&judgement, reply);
  session_end(session, judgement.scope, what);
}

/* FALSE when the session ended. */
static gboolean on_reply(Session *session, const Reply *reply)
{
  const Awaited *head = awaited_first(&session->awaited);
  if (head == NULL || head->sent_at > outbox_written(session->outbox)) {
    on_early_reply(session, head, reply);
    return FALSE;
  }
  Awaited answered = awaited_take(&session->awaited);
  session->replied++;
  session->goodbye = reply->code == 421;
  if (answered.stage == STAGE_QUIT) {
    session_end(session, SCOPE_CONNECTION, NULL);
    return FALSE;
  }
  if (follows_refusal(&answered, reply)) {
    finish_refused(session, answered.transaction);
    return TRUE;
  }
  Outcome outcome = outcome_of(answered.stage, reply);
  if (outcome.judgement.verdict == VERDICT_PROCEED)
    on_pass(session, &answered, &outcome);
  else
    on_refusal(session, &answered, &outcome);
  finish_refused(session, answered.transaction);
  return !outcome.judgement.close || give_up(session, &outcome.judgement, reply);
}

static gboolean take_replies(Session *session)
{
  Reply reply;
  ReplyResult result;
  while ((result = reply_reader_next(session->replies, &reply)) == REPLY_COMPLETE)
    if (!on_reply(session, &reply))
      return FALSE;
  if (result == REPLY_BROKEN) {
    g_autofree char *what = g_strdup_printf("the relay does not speak SMTP: %s", reply.text);
    session->goodbye = FALSE;
    session_end(session, SCOPE_CONNECTION, what);
    return FALSE;
  }
  return TRUE;
}

/* Reads and handles all that has come. FALSE when the session ended. */
static gboolean read_replies(Session *session, IoResult *result)
{
  char buffer[READ_SIZE];
  gsize received;
  while ((*result = connection_read(session->connection, buffer, sizeof buffer, &received)) ==
         IO_DONE) {
    reply_reader_feed(session->replies, buffer, received);
    if (!take_replies(session))
      return FALSE;
    if (!connection_may_hold_more(session->connection, received, sizeof buffer))
      break;
  }
  return TRUE;
}

void session_on_readable(Session *session)
{
  IoResult result;
  if (!read_replies(session, &result))
    return;
  if (result != IO_CLOSED) {
    session_advance(session);
    return;
  }
  gboolean expected = session->state == SESSION_LEAVING || session->state == SESSION_IDLE;
  session_end(session, SCOPE_CONNECTION, expected ? NULL : "the relay closed the connection");
}

void session_on_lost(Session *session)
{
  IoResult result;
  do {
    if (!read_replies(session, &result))
      return;
  } while (result == IO_DONE);
  session_end(session, SCOPE_CONNECTION, "the relay closed the connection");
}
