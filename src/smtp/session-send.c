/* SPDX-License-Identifier: Apache-2.0 */

/* What a session sends next.
 *
 * With chunking a message leaves as a whole, MAIL, RCPT, BDAT and body in one go, when its
 * intent is durable; its envelope is not sent ahead, so that until then it can be taken back as
 * if nothing had been, and costs one packet rather than two. The next one follows at once,
 * whatever becomes of this one: so a RSET goes before each MAIL that follows a transaction
 * whose end is not known to be good. Where a recipient is refused, MAIL has been accepted and
 * the BDAT behind it fails, and whether that ended the transaction is nowhere said (RFC 3030
 * section 2 calls such states indeterminate): a strict server would refuse the next MAIL as
 * nested, and with it a message that nothing speaks against. RSET may stand anywhere in a group
 * of pipelined commands (RFC 2920 section 3.1), and changes nothing where all is well. */

#include "smtp/session-inside.h"

static void expect(Session *session, SmtpStage stage, Transaction *transaction)
{
  awaited_add(&session->awaited,
              (Awaited){ stage, transaction, outbox_queued(session->outbox) });
}

/* --- Commands --- */

static void queue_envelope_command(Session *session, Transaction *transaction)
{
  Job *job = transaction->job;
  GString *line = session->line;
  SmtpStage stage = transaction->next_command;

  switch (stage) {
  case STAGE_MAIL:
    envelope_write_mail(line, job, session->offer.envelope_extensions);
    transaction->next_command = STAGE_RCPT;
    break;
  case STAGE_RCPT:
    envelope_write_rcpt(line, job, session->offer.envelope_extensions);
    transaction->next_command = STAGE_DATA;
    break;
  default:
    g_string_assign(line, "DATA\r\n");
    transaction->next_command = STAGE_BODY;
    break;
  }
  outbox_add_copy(session->outbox, line->str, line->len);
  expect(session, stage, transaction);
}

static void queue_rset(Session *session)
{
  outbox_add_copy(session->outbox, "RSET\r\n", 6);
  expect(session, STAGE_RSET, NULL);
  session->spoilt = FALSE;
}

void session_queue_dot(Session *session, Transaction *transaction)
{
  outbox_add_copy(session->outbox, ".\r\n", 3);
  expect(session, STAGE_DOT, transaction);
}

void session_leave(Session *session)
{
  session_move(session, SESSION_LEAVING);
  outbox_add_copy(session->outbox, "QUIT\r\n", 6);
  expect(session, STAGE_QUIT, NULL);
}

/* What was merged into the Merge's own memory is copied, since several messages may wait to be
 * written; the rest is the Message's. */
static void queue_merged(Session *session)
{
  gsize count;
  const struct iovec *slices = merge_slices(session->merge, &count);
  for (gsize i = 0; i < count; i++) {
    if (merge_owns(session->merge, &slices[i]))
      outbox_add_copy(session->outbox, slices[i].iov_base, slices[i].iov_len);
    else
      outbox_add_bytes(session->outbox, slices[i].iov_base, slices[i].iov_len);
  }
}

static void queue_body(Session *session, Transaction *transaction)
{
  session->host->merge(session->host_data, transaction->job, session->merge);
  queue_merged(session);
  transaction->whole_from = outbox_queued(session->outbox);
  session_queue_dot(session, transaction);
}

static void queue_chunk(Session *session, Transaction *transaction)
{
  char line[40];
  session->host->merge(session->host_data, transaction->job, session->merge);
  int length = g_snprintf(line, sizeof line, "BDAT %" G_GSIZE_FORMAT " LAST\r\n",
                          merge_size(session->merge));
  outbox_add_copy(session->outbox, line, (gsize)length);
  queue_merged(session);
  transaction->next_command = STAGE_BODY;
  transaction->whole_from = outbox_queued(session->outbox) - 1;
  expect(session, STAGE_DOT, transaction);
}

/* --- New transactions --- */

/* What can be told before anything is sent, so that no relay has to. */
static gboolean refused_by_us(Session *session, const Job *job, Outcome *outcome)
{
  if (job->needs_smtputf8 && !session->offer.smtputf8) {
    *outcome = (Outcome){
      .stage = STAGE_MAIL, .status = "5.6.7", .text = "the relay does not offer SMTPUTF8",
      .judgement = { VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE,
                     "the address needs SMTPUTF8, which the relay does not offer" } };
    return TRUE;
  }
  if (session->offer.size_limit > 0 && job->size > session->offer.size_limit) {
    *outcome = (Outcome){
      .stage = STAGE_MAIL, .status = "5.3.4", .text = "larger than the SIZE that the relay offers",
      .judgement = { VERDICT_RETURN, SCOPE_RELEASE, FALSE,
                     "the message is too large for the relay" } };
    return TRUE;
  }
  return FALSE;
}

static gboolean may_start(const Session *session)
{
  guint limit = session->relay->per_connection;
  return !session->stopping && session->closing == NULL &&
         (limit == 0 || session->started < limit);
}

/* Takes a job into the flight. */
static gboolean start_transaction(Session *session)
{
  Outcome refusal;
  while (may_start(session)) {
    Job *job = session->host->next_job(session->host_data);
    if (job == NULL)
      return FALSE;
    if (refused_by_us(session, job, &refusal)) {
      session->host->settled(session->host_data, job, &refusal);
      continue;
    }
    flight_add(&session->flight, job);
    session->started++;
    return TRUE;
  }
  return FALSE;
}

/* --- With BDAT: a flight of messages --- */

/* Nothing of it has left, so the connection goes on. */
static void take_back(Session *session, guint index)
{
  static const Outcome outcome = {
    .stage = STAGE_MAIL, .status = "", .text = "taken back before it was sent",
    .judgement = { VERDICT_RETURN, SCOPE_CONNECTION, FALSE, "taken back before it was sent" } };
  session->started--;
  session_settle(session, index, &outcome);
}

static void send_message(Session *session, Transaction *transaction)
{
  if (session->spoilt)
    queue_rset(session);
  queue_envelope_command(session, transaction);
  queue_envelope_command(session, transaction);
  queue_chunk(session, transaction);
  session->under_way++;
  session->spoilt = TRUE;
}

static BodyLeave may_leave(Session *session, Job *job)
{
  if (session->stopping || session->closing != NULL)
    return BODY_WITHDRAW;
  return session->host->body_leave(session->host_data, job);
}

/* A session that had nothing to do takes one message for now: others may be in want of one too.
 * It takes more when the intent is durable. */
static void fill_flight(Session *session, gboolean was_idle)
{
  while (!flight_is_full(&session->flight) && start_transaction(session) && !was_idle)
    continue;
}

/* Messages leave in the order in which their intents were written. FALSE when the session
 * ended. */
static gboolean advance_flight(Session *session, gboolean was_idle)
{
  Flight *flight = &session->flight;
  BodyLeave leave = BODY_SEND;
  fill_flight(session, was_idle);
  while (session->under_way < flight->count && leave != BODY_WAIT) {
    Transaction *next = flight_at(flight, session->under_way);
    leave = may_leave(session, next->job);
    if (leave == BODY_SEND)
      send_message(session, next);
    else if (leave == BODY_WITHDRAW)
      take_back(session, session->under_way);
  }
  if (session->closing != NULL && flight->count == 0) {
    session_end(session, session->closing_scope, session->closing);
    return FALSE;
  }
  return TRUE;
}

/* --- With DATA: one message, and the envelope of the next behind its dot --- */

/* Whether one more command may be queued: with PIPELINING always, otherwise only when all
 * that was sent has been answered. */
static gboolean may_command(const Session *session)
{
  return session->offer.pipelining || awaited_first(&session->awaited) == NULL;
}

static void continue_envelope(Session *session, Transaction *transaction)
{
  while (!transaction->failed && transaction->next_command <= STAGE_DATA && may_command(session)) {
    if (session->spoilt)
      queue_rset(session);
    else
      queue_envelope_command(session, transaction);
  }
}

/* The relay waits for a body: FALSE when the session ended. */
static gboolean continue_body(Session *session, Transaction *transaction)
{
  switch (session->host->body_leave(session->host_data, transaction->job)) {
  case BODY_SEND:
    queue_body(session, transaction);
    return TRUE;
  case BODY_WAIT:
    return TRUE;
  default:
    session_end(session, SCOPE_CONNECTION, NULL);
    return FALSE;
  }
}

/* What is not begun can be taken back while the connection goes on. */
static void take_back_unbegun(Session *session)
{
  guint last = session->flight.count;
  while (last > 0 && flight_at(&session->flight, last - 1)->next_command == STAGE_MAIL &&
         may_leave(session, flight_at(&session->flight, last - 1)->job) == BODY_WITHDRAW)
    take_back(session, --last);
}

/* The next message is taken while this one still waits, so that the disk works on its intent
 * meanwhile; its envelope follows the body. FALSE when the session ended. */
static gboolean advance_pair(Session *session, gboolean was_idle)
{
  Flight *flight = &session->flight;
  take_back_unbegun(session);
  if (flight->count == 0 && (!may_command(session) || !start_transaction(session)))
    return TRUE;
  Transaction *current = flight_at(flight, 0);
  continue_envelope(session, current);
  if (!was_idle)
    fill_flight(session, FALSE);
  if (current->may_send && current->whole_from == 0 && !continue_body(session, current))
    return FALSE;
  if (current->whole_from != 0 && flight->count > 1)
    continue_envelope(session, flight_at(flight, 1));
  return TRUE;
}

void session_advance(Session *session)
{
  if (session->state == SESSION_OPENING || session->state == SESSION_LEAVING)
    return;
  gboolean was_idle = session->state == SESSION_IDLE;
  /* A host that is asked for a job may offer one to other sessions: not to this one. */
  session_move(session, SESSION_BUSY);
  if (!(session->chunking ? advance_flight(session, was_idle) : advance_pair(session, was_idle)))
    return;
  if (session->flight.count > 0 || awaited_first(&session->awaited) != NULL)
    session_move(session, SESSION_BUSY);
  else if (may_start(session))
    session_move(session, SESSION_IDLE);
  else
    session_leave(session);
  if (!session_flush(session))
    session_on_lost(session);
}
