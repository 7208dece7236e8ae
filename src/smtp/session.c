/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/session.h"

#include <string.h>

#include "base/clock.h"
#include "smtp/outbox.h"

/* How long the reply to QUIT is worth waiting for. */
enum { QUIT_TIMEOUT_MS = 2000 };
enum { READ_SIZE = 16 << 10 };

/* A reply that is awaited. */
typedef struct {
  SmtpStage stage;
  struct Transaction *transaction;   /* NULL for RSET and QUIT */
  gboolean lone_dot;                 /* ends a refused transaction: a success counts for nothing */
  guint64 sent_at;                   /* output offset behind the command that it answers */
} Expected;

/* A transaction goes through its commands in order; its first bad reply is its outcome. */
typedef struct Transaction {
  Job *job;                  /* NULL: the slot is free */
  SmtpStage next_command;    /* STAGE_MAIL, RCPT, DATA; STAGE_BODY: all are out */
  gboolean may_send;         /* 354 came and nothing was refused */
  gboolean body_queued;
  gboolean failed;
  Outcome failure;
  char *failure_text;
  char failure_status[12];
} Transaction;

struct Session {
  Connection *connection;
  const RelaySettings *relay;
  const SessionHost *host;
  gpointer host_data;
  SessionState state;
  gboolean stopping;
  gboolean pipelining, smtputf8, auth;   /* offered */
  guint envelope_extensions; /* offered, a set of EnvelopeExtension */
  guint64 size_limit;        /* 0: none said */
  guint started, sent;       /* messages */
  Transaction transactions[2];
  guint current;             /* the transaction whose body is next or under way */
  GArray *expected;          /* Expected, the head at expected_head */
  guint expected_head;
  ReplyReader *replies;
  Merge *merge;
  Outbox *outbox;
  GString *line;             /* the command that is being written */
  guint64 replied;           /* replies read */
  gint64 deadline_ms;        /* monotonic; 0: none */
  SmtpStage deadline_stage;
  guint64 progress;          /* written + replied when the deadline was set */
};

static void advance(Session *session);

/* --- The end of a session --- */

static void session_free(Session *session)
{
  connection_close(session->connection);
  for (guint i = 0; i < G_N_ELEMENTS(session->transactions); i++)
    g_free(session->transactions[i].failure_text);
  g_array_unref(session->expected);
  outbox_free(session->outbox);
  g_string_free(session->line, TRUE);
  reply_reader_free(session->replies);
  merge_free(session->merge);
  g_free(session);
}

static Transaction *current(Session *session)
{
  return &session->transactions[session->current];
}

static void settle(Session *session, Transaction *transaction, const Outcome *outcome)
{
  Job *job = g_steal_pointer(&transaction->job);
  session->host->settled(session->host_data, job, outcome);
  g_clear_pointer(&transaction->failure_text, g_free);
  *transaction = (Transaction){ 0 };
}

/* How far a transaction has come, for the verdict when no reply can come any more. Before
 * the last byte of the final dot was given away the relay cannot have the message. */
static SmtpStage reached(const Session *session, const Transaction *transaction)
{
  for (guint i = session->expected_head; i < session->expected->len; i++) {
    const Expected *expected = &g_array_index(session->expected, Expected, i);
    if (expected->transaction != transaction)
      continue;
    if (expected->stage == STAGE_DOT && !expected->lone_dot) {
      guint64 dot_at = expected->sent_at - strlen(".\r\n");
      return outbox_written(session->outbox) > dot_at ? STAGE_DOT : STAGE_BODY;
    }
    return expected->stage == STAGE_DOT ? STAGE_DATA : expected->stage;
  }
  return transaction->may_send ? STAGE_BODY : transaction->next_command;
}

/* Settles what is in flight and ends. judgement: of what happened, for the transaction
 * that it happened to; the others were innocent. */
static void end(Session *session, Scope scope, const char *trouble)
{
  for (guint i = 0; i < G_N_ELEMENTS(session->transactions); i++) {
    Transaction *transaction = &session->transactions[(session->current + i) % 2];
    if (transaction->job == NULL)
      continue;
    if (transaction->failed) {
      settle(session, transaction, &transaction->failure);
      continue;
    }
    SmtpStage stage = reached(session, transaction);
    Outcome outcome = { .stage = stage, .judgement = verdict_of_silence(stage), .status = "",
                        .text = trouble != NULL ? trouble : "the connection was closed" };
    if (outcome.judgement.verdict == VERDICT_RETURN)
      outcome.judgement.scope = scope;
    settle(session, transaction, &outcome);
  }
  const SessionHost *host = session->host;
  gpointer host_data = session->host_data;
  guint sent = session->sent;
  g_autofree char *sentence = g_strdup(trouble);
  session_free(session);
  host->closed(host_data, scope, sentence, sent);
}

/* --- Output --- */

static void expect(Session *session, SmtpStage stage, Transaction *transaction, gboolean lone_dot)
{
  Expected expected = { stage, transaction, lone_dot, outbox_queued(session->outbox) };
  g_array_append_val(session->expected, expected);
}

static Expected *awaited(Session *session)
{
  return session->expected_head < session->expected->len
    ? &g_array_index(session->expected, Expected, session->expected_head) : NULL;
}

static gint64 stage_timeout(const Session *session, SmtpStage stage)
{
  switch (stage) {
  case STAGE_DOT:
    return session->relay->dot_timeout_ms;
  case STAGE_QUIT:
    return QUIT_TIMEOUT_MS;
  default:
    return session->relay->reply_timeout_ms;
  }
}

/* The clock runs while the relay owes us something: to read what we write, or to reply. A
 * reply that trickles in byte by byte does not set it back. */
static void renew_deadline(Session *session)
{
  const Expected *next = awaited(session);
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

/* FALSE when the connection is gone. */
static gboolean flush(Session *session)
{
  if (outbox_flush(session->outbox, session->connection) == IO_CLOSED)
    return FALSE;
  renew_deadline(session);
  return TRUE;
}

/* --- Transactions --- */

static void queue_envelope_command(Session *session, Transaction *transaction)
{
  const Job *job = transaction->job;
  GString *line = session->line;
  SmtpStage stage = transaction->next_command;

  switch (stage) {
  case STAGE_MAIL:
    envelope_write_mail(line, job, session->envelope_extensions);
    transaction->next_command = STAGE_RCPT;
    break;
  case STAGE_RCPT:
    envelope_write_rcpt(line, job, session->envelope_extensions);
    transaction->next_command = STAGE_DATA;
    break;
  default:
    g_string_assign(line, "DATA\r\n");
    transaction->next_command = STAGE_BODY;
    break;
  }
  outbox_add_command(session->outbox, line->str, line->len);
  expect(session, stage, transaction, FALSE);
}

static void queue_body(Session *session, Transaction *transaction)
{
  gsize count;
  session->host->merge(session->host_data, transaction->job, session->merge);
  const struct iovec *slices = merge_slices(session->merge, &count);
  for (gsize i = 0; i < count; i++)
    outbox_add_bytes(session->outbox, slices[i].iov_base, slices[i].iov_len);
  outbox_add_command(session->outbox, ".\r\n", 3);
  expect(session, STAGE_DOT, transaction, FALSE);
  transaction->body_queued = TRUE;
}

static void queue_rset(Session *session)
{
  outbox_add_command(session->outbox, "RSET\r\n", 6);
  expect(session, STAGE_RSET, NULL, FALSE);
}

static void remember_failure(Transaction *transaction, const Outcome *outcome)
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

/* What can be told before anything is sent, so that no relay has to. */
static gboolean refused_by_us(Session *session, const Job *job, Outcome *outcome)
{
  if (job->needs_smtputf8 && !session->smtputf8) {
    *outcome = (Outcome){
      .stage = STAGE_MAIL, .status = "5.6.7", .text = "the relay does not offer SMTPUTF8",
      .judgement = { VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE,
                     "the address needs SMTPUTF8, which the relay does not offer" } };
    return TRUE;
  }
  if (session->size_limit > 0 && job->size > session->size_limit) {
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
  return !session->stopping && (limit == 0 || session->started < limit);
}

/* Takes a job into the slot and begins its envelope. */
static gboolean start_transaction(Session *session, Transaction *transaction)
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
    *transaction = (Transaction){ .job = job, .next_command = STAGE_MAIL };
    session->started++;
    return TRUE;
  }
  return FALSE;
}

/* Whether one more command may be queued: with PIPELINING always, otherwise only when all
 * that was sent has been answered. */
static gboolean may_command(Session *session)
{
  return session->pipelining || awaited(session) == NULL;
}

static void continue_envelope(Session *session, Transaction *transaction)
{
  while (transaction->job != NULL && !transaction->failed &&
         transaction->next_command <= STAGE_DATA && may_command(session))
    queue_envelope_command(session, transaction);
}

static gboolean has_replies_due(const Session *session, const Transaction *transaction)
{
  for (guint i = session->expected_head; i < session->expected->len; i++)
    if (g_array_index(session->expected, Expected, i).transaction == transaction)
      return TRUE;
  return FALSE;
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
    end(session, SCOPE_CONNECTION, NULL);
    return FALSE;
  }
}

static void leave(Session *session)
{
  session->state = SESSION_LEAVING;
  outbox_add_command(session->outbox, "QUIT\r\n", 6);
  expect(session, STAGE_QUIT, NULL, FALSE);
}

/* A transaction that was refused and has no reply outstanding is over. */
static void finish_refused(Session *session)
{
  Transaction *transaction = current(session);
  if (transaction->job == NULL || !transaction->failed || has_replies_due(session, transaction))
    return;
  settle(session, transaction, &transaction->failure);
  session->current = 1 - session->current;
  queue_rset(session);
}

/* Does whatever can be done now: the one place that decides what is sent next. */
static void advance(Session *session)
{
  if (session->state == SESSION_OPENING || session->state == SESSION_LEAVING)
    return;
  finish_refused(session);
  if (current(session)->job == NULL && may_command(session))
    start_transaction(session, current(session));
  continue_envelope(session, current(session));
  if (current(session)->may_send && !current(session)->body_queued &&
      !continue_body(session, current(session)))
    return;
  Transaction *next = &session->transactions[1 - session->current];
  if (session->pipelining && current(session)->body_queued) {
    if (next->job == NULL)
      start_transaction(session, next);
    continue_envelope(session, next);
  }
  if (current(session)->job != NULL)
    session->state = SESSION_BUSY;
  else if (awaited(session) != NULL)
    session->state = SESSION_BUSY;
  else if (may_start(session))
    session->state = SESSION_IDLE;
  else
    leave(session);
  if (!flush(session))
    end(session, SCOPE_CONNECTION, "the relay closed the connection");
}

/* --- Replies --- */

static void on_refusal(Session *session, const Expected *expected, const Outcome *outcome)
{
  Transaction *transaction = expected->transaction;
  if (transaction != NULL && expected->stage != STAGE_DOT)
    remember_failure(transaction, outcome);
  else if (transaction != NULL && !expected->lone_dot) {
    settle(session, transaction, outcome);
    session->current = 1 - session->current;
  }
}

static void on_pass(Session *session, const Expected *expected, const Outcome *outcome)
{
  Transaction *transaction = expected->transaction;
  if (expected->stage == STAGE_DATA && transaction->failed) {
    outbox_add_command(session->outbox, ".\r\n", 3);
    expect(session, STAGE_DOT, transaction, TRUE);
  } else if (expected->stage == STAGE_DATA) {
    transaction->may_send = TRUE;
  } else if (expected->stage == STAGE_DOT && !expected->lone_dot) {
    session->sent++;
    settle(session, transaction, outcome);
    session->current = 1 - session->current;
  }
}

/* With PIPELINING the commands behind one that was refused are out already, and are refused
 * because of it, each relay in its way (RFC 2920 section 3.1): that says nothing new. */
static gboolean follows_refusal(const Expected *expected, const Reply *reply)
{
  return expected->transaction != NULL && expected->transaction->failed && reply->code >= 400 &&
         reply->code != 421;
}

static Outcome outcome_of(SmtpStage stage, const Reply *reply)
{
  return (Outcome){ .stage = stage, .judgement = verdict_of_reply(stage, reply),
                    .code = reply->code, .status = reply->status, .text = reply->text };
}

static void end_after_reply(Session *session, const Judgement *judgement, const Reply *reply)
{
  g_autofree char *what = g_strdup_printf("%s: %u %s%s%s", judgement->meaning, reply->code,
                                          reply->status, reply->status[0] ? " " : "", reply->text);
  end(session, judgement->scope, what);
}

/* The relay speaks before it was asked: it gives up (421), it refuses a body that is still
 * on its way, or we are out of step. In each case the connection is over. */
static void on_early_reply(Session *session, const Expected *head, const Reply *reply)
{
  Judgement judgement = verdict_of_silence(STAGE_BODY);
  if (reply->code == 421 && session->state == SESSION_IDLE) {
    end(session, SCOPE_CONNECTION, NULL);
    return;
  }
  if (head != NULL && head->stage == STAGE_DOT && reply->code >= 400) {
    Outcome outcome = outcome_of(STAGE_BODY, reply);
    remember_failure(head->transaction, &outcome);
    judgement = outcome.judgement;
  }
  end_after_reply(session, &judgement, reply);
}

static Expected take_awaited(Session *session)
{
  Expected expected = *awaited(session);
  session->expected_head++;
  session->replied++;
  if (session->expected_head == session->expected->len) {
    g_array_set_size(session->expected, 0);
    session->expected_head = 0;
  }
  return expected;
}

/* FALSE when the session ended. */
static gboolean on_reply(Session *session, const Reply *reply)
{
  const Expected *head = awaited(session);
  if (head == NULL || head->sent_at > outbox_written(session->outbox)) {
    on_early_reply(session, head, reply);
    return FALSE;
  }
  Expected expected = take_awaited(session);
  if (expected.stage == STAGE_QUIT) {
    end(session, SCOPE_CONNECTION, NULL);
    return FALSE;
  }
  if (follows_refusal(&expected, reply))
    return TRUE;
  Outcome outcome = outcome_of(expected.stage, reply);
  if (outcome.judgement.verdict == VERDICT_PROCEED)
    on_pass(session, &expected, &outcome);
  else
    on_refusal(session, &expected, &outcome);
  if (outcome.judgement.close)
    end_after_reply(session, &outcome.judgement, reply);
  return !outcome.judgement.close;
}

static gboolean read_replies(Session *session)
{
  Reply reply;
  ReplyResult result;
  while ((result = reply_reader_next(session->replies, &reply)) == REPLY_COMPLETE)
    if (!on_reply(session, &reply))
      return FALSE;
  if (result == REPLY_BROKEN) {
    g_autofree char *what = g_strdup_printf("the relay does not speak SMTP: %s", reply.text);
    end(session, SCOPE_CONNECTION, what);
    return FALSE;
  }
  return TRUE;
}

static void on_readable(Connection *connection, gpointer owner)
{
  Session *session = owner;
  char buffer[READ_SIZE];
  gsize received;
  IoResult result;
  while ((result = connection_read(connection, buffer, sizeof buffer, &received)) == IO_DONE) {
    reply_reader_feed(session->replies, buffer, received);
    if (!read_replies(session))
      return;
    if (!connection_may_hold_more(connection, received, sizeof buffer))
      break;
  }
  if (result == IO_CLOSED) {
    gboolean expected = session->state == SESSION_LEAVING || session->state == SESSION_IDLE;
    end(session, SCOPE_CONNECTION, expected ? NULL : "the relay closed the connection");
    return;
  }
  advance(session);
}

static void on_writable(Connection *connection, gpointer owner)
{
  (void)connection;
  Session *session = owner;
  if (!flush(session))
    end(session, SCOPE_CONNECTION, "the relay closed the connection");
}

/* --- Opening --- */

static void learn_extensions(Session *session)
{
  g_auto(GStrv) lines = g_strsplit(connection_ehlo(session->connection), "\n", -1);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++) {
    g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
    const char *keyword = words[0] != NULL ? words[0] : "";
    session->envelope_extensions |= envelope_extension(keyword, session->relay);
    if (g_ascii_strcasecmp(keyword, "PIPELINING") == 0)
      session->pipelining = TRUE;
    else if (g_ascii_strcasecmp(keyword, "SMTPUTF8") == 0)
      session->smtputf8 = TRUE;
    else if (g_ascii_strcasecmp(keyword, "AUTH") == 0)
      session->auth = TRUE;
    else if (g_ascii_strcasecmp(keyword, "SIZE") == 0)
      session->size_limit = words[1] != NULL ? g_ascii_strtoull(words[1], NULL, 10) : 0;
  }
}

static void on_opened(Connection *connection, gpointer owner)
{
  Session *session = owner;
  (void)connection;
  learn_extensions(session);
  /* libcurl goes on without authentication where none is offered. */
  if (session->relay->username != NULL && !session->auth) {
    end(session, SCOPE_RELAY, "the relay offers no AUTH, but its settings have a username");
    return;
  }
  session->state = SESSION_IDLE;
  advance(session);
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
    end(session, SCOPE_CONNECTION, NULL);
  else
    end(session, opening_scope(session, connection_last_reply(connection)), reason);
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
  session->expected = g_array_new(FALSE, FALSE, sizeof(Expected));
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
  advance(session);
}

void session_stop(Session *session)
{
  session->stopping = TRUE;
  if (session->state == SESSION_OPENING)
    end(session, SCOPE_CONNECTION, NULL);
  else
    advance(session);
}

void session_abort(Session *session, const char *reason)
{
  end(session, SCOPE_CONNECTION, reason);
}

void session_check_deadline(Session *session, gint64 monotonic_ms)
{
  if (session->deadline_ms == 0 || monotonic_ms < session->deadline_ms)
    return;
  if (session->state == SESSION_IDLE) {
    leave(session);
    if (!flush(session))
      end(session, SCOPE_CONNECTION, NULL);
    return;
  }
  if (session->state == SESSION_LEAVING) {
    end(session, SCOPE_CONNECTION, NULL);
    return;
  }
  g_autofree char *what = g_strdup_printf("the relay did not answer in time (stage %s)",
                                          stage_name(session->deadline_stage));
  end(session, session->state == SESSION_OPENING ? SCOPE_RELAY : SCOPE_CONNECTION, what);
}

SessionState session_state(const Session *session)
{
  return session->state;
}
