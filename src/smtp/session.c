/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/session-inside.h"

#include <string.h>

#include "base/clock.h"

/* How long the reply to QUIT is worth waiting for. */
enum { QUIT_TIMEOUT_MS = 2000 };

/* --- The end of a session --- */

static void session_free(Session *session)
{
  connection_close(session->connection);
  flight_clear(&session->flight);
  awaited_clear(&session->awaited);
  outbox_free(session->outbox);
  g_string_free(session->line, TRUE);
  reply_reader_free(session->replies);
  merge_free(session->merge);
  g_free(session->closing);
  g_free(session);
}

void session_move(Session *session, SessionState state)
{
  if (state == session->state)
    return;
  session->state = state;
  session->host->moved(session->host_data, state);
}

void session_settle(Session *session, guint index, const Outcome *outcome)
{
  session->host->settled(session->host_data, flight_at(&session->flight, index)->job, outcome);
  flight_remove(&session->flight, index);
  if (index < session->under_way)
    session->under_way--;
}

/* A relay that takes its leave by 421 and closes (RFC 5321 section 3.8) has not looked at what
 * was sent behind the command that it refused so. */
static SmtpStage reached(const Session *session, const Transaction *transaction)
{
  SmtpStage stage = transaction_reached(transaction, outbox_written(session->outbox));
  return stage == STAGE_DOT && session->goodbye ? STAGE_MAIL : stage;
}

/* Each transaction is judged by how far it has come itself. */
static void settle_first(Session *session, Scope scope, const char *trouble)
{
  const Transaction *transaction = flight_at(&session->flight, 0);
  if (transaction->failed) {
    session_settle(session, 0, &transaction->failure);
    return;
  }
  SmtpStage stage = reached(session, transaction);
  Outcome outcome = { .stage = stage, .judgement = verdict_of_silence(stage), .status = "",
                      .text = trouble != NULL ? trouble : "the connection was closed" };
  if (outcome.judgement.verdict == VERDICT_RETURN)
    outcome.judgement.scope = scope;
  session_settle(session, 0, &outcome);
}

void session_end(Session *session, Scope scope, const char *trouble)
{
  gboolean closing = session->closing != NULL;
  g_autofree char *sentence = g_strdup(closing ? session->closing : trouble);
  scope = closing ? session->closing_scope : scope;
  while (session->flight.count > 0)
    settle_first(session, scope, sentence);
  const SessionHost *host = session->host;
  gpointer host_data = session->host_data;
  guint sent = session->sent;
  session_free(session);
  host->closed(host_data, scope, sentence, sent);
}

/* --- Deadlines --- */

/* A relay may keep its replies to an envelope until it has dealt with the body behind it. */
static gint64 stage_timeout(const Session *session, SmtpStage stage)
{
  const RelaySettings *relay = session->relay;
  switch (stage) {
  case STAGE_DOT:
    return relay->dot_timeout_ms;
  case STAGE_QUIT:
    return QUIT_TIMEOUT_MS;
  default:
    return session->under_way > 0 ? MAX(relay->reply_timeout_ms, relay->dot_timeout_ms)
                                  : relay->reply_timeout_ms;
  }
}

/* The clock runs while the relay owes us something: to read what we write, or to reply. A
 * reply that trickles in byte by byte does not set it back. */
static void renew_deadline(Session *session)
{
  const Awaited *next = awaited_first(&session->awaited);
  guint64 progress = outbox_written(session->outbox) + session->replied;
  if (session->deadline_ms != 0 && next != NULL && progress == session->progress)
    return;
  session->progress = progress;
  session->deadline_ms = 0;
  if (outbox_written(session->outbox) < outbox_queued(session->outbox)) {
    session->deadline_stage = STAGE_BODY;
    session->deadline_ms = clock_monotonic_ms() + session->relay->reply_timeout_ms;
  } else if (next != NULL) {
    session->deadline_stage = next->stage;
    session->deadline_ms = clock_monotonic_ms() + stage_timeout(session, next->stage);
  } else if (session->state == SESSION_IDLE) {
    session->deadline_stage = STAGE_RSET;
    session->deadline_ms = clock_monotonic_ms() + session->relay->idle_ms;
  }
}

gboolean session_flush(Session *session)
{
  if (outbox_flush(session->outbox, session->connection) == IO_CLOSED)
    return FALSE;
  renew_deadline(session);
  return TRUE;
}

void session_check_deadline(Session *session, gint64 monotonic_ms)
{
  if (session->deadline_ms == 0 || monotonic_ms < session->deadline_ms)
    return;
  if (session->state == SESSION_IDLE) {
    session_leave(session);
    if (!session_flush(session))
      session_end(session, SCOPE_CONNECTION, NULL);
    return;
  }
  if (session->state == SESSION_LEAVING) {
    session_end(session, SCOPE_CONNECTION, NULL);
    return;
  }
  g_autofree char *what = g_strdup_printf("the relay did not answer in time (stage %s)",
                                          stage_name(session->deadline_stage));
  session->goodbye = FALSE;
  session_end(session, session->state == SESSION_OPENING ? SCOPE_RELAY : SCOPE_CONNECTION, what);
}

/* --- The connection --- */

static guint transactions_at_once(const Session *session)
{
  if (session->chunking)
    return session->relay->depth + 1;
  return session->offer.pipelining ? 2 : 1;
}

static void on_opened(Connection *connection, gpointer owner)
{
  Session *session = owner;
  session->offer = offer_read(connection_ehlo(connection), session->relay);
  /* libcurl goes on without authentication where none is offered. */
  if (session->relay->username != NULL && !session->offer.auth) {
    session_end(session, SCOPE_RELAY,
                "the relay offers no AUTH, but its settings have a username");
    return;
  }
  session->chunking = session->relay->depth > 0 && session->offer.chunking &&
                      session->offer.pipelining;
  flight_init(&session->flight, transactions_at_once(session));
  awaited_init(&session->awaited, transactions_at_once(session));
  session_move(session, SESSION_IDLE);
  session_advance(session);
}

/* Whose trouble it is that the relay did not let us in. */
static Scope opening_scope(Session *session, const char *said)
{
  Reply reply;
  reply_reader_feed(session->replies, said, strcspn(said, "\n"));
  reply_reader_feed(session->replies, "\r\n", 2);
  if (reply_reader_next(session->replies, &reply) != REPLY_COMPLETE || reply.code < 400)
    return SCOPE_RELAY;
  return verdict_of_reply(STAGE_CONNECT, &reply).scope;
}

static void on_failed(Connection *connection, const char *reason, gpointer owner)
{
  Session *session = owner;
  if (connection_login_refused(connection) &&
      session->host->login_refused(session->host_data, reason))
    session_end(session, SCOPE_CONNECTION, NULL);
  else
    session_end(session, opening_scope(session, connection_last_reply(connection)), reason);
}

static void on_readable(Connection *connection, gpointer owner)
{
  (void)connection;
  session_on_readable(owner);
}

static void on_writable(Connection *connection, gpointer owner)
{
  (void)connection;
  if (!session_flush(owner))
    session_on_lost(owner);
}

Session *session_open(Connector *connector, const RelaySettings *relay, const Secrets *secrets,
                      const SessionHost *host, gpointer host_data)
{
  static const ConnectionEvents events = { on_opened, on_failed, on_readable, on_writable };
  Session *session = g_new0(Session, 1);
  session->relay = relay;
  session->host = host;
  session->host_data = host_data;
  session->state = SESSION_OPENING;
  session->outbox = outbox_new();
  session->line = g_string_sized_new(256);
  session->replies = reply_reader_new();
  session->merge = merge_new();
  session->deadline_stage = STAGE_CONNECT;
  session->deadline_ms = clock_monotonic_ms() + relay->connect_timeout_ms + relay->reply_timeout_ms;
  session->connection = connection_open(connector, relay, secrets, &events, session);
  return session;
}

/* --- From outside --- */

void session_wake(Session *session)
{
  session_advance(session);
}

void session_stop(Session *session)
{
  session->stopping = TRUE;
  if (session->state == SESSION_OPENING)
    session_end(session, SCOPE_CONNECTION, NULL);
  else
    session_advance(session);
}

void session_abort(Session *session, const char *reason)
{
  session->goodbye = FALSE;
  session_end(session, SCOPE_CONNECTION, reason);
}

gboolean session_offers_smtputf8(const Session *session)
{
  return session->offer.smtputf8;
}
