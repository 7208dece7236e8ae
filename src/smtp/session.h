/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/message.h"
#include "smtp/connection.h"
#include "smtp/envelope.h"
#include "smtp/verdict.h"

/* A Session is one conversation with a relay: message after message over one
 * connection, until there are no more, the relay's limit of messages a connection is
 * reached, or something goes wrong.
 *
 * How many messages are in a session at any time, from next_job() to settled(), depends on
 * what the relay offers:
 *
 * - Without PIPELINING one: each command waits for its reply.
 * - With PIPELINING (RFC 2920) two: one whose body leaves or waits for its verdict, and one
 *   whose envelope leaves right behind the final dot. So a message costs one round trip:
 *
 *     C: <body of k> . | MAIL k+1 | RCPT k+1 | DATA
 *     S: 250 (k)         250        250        354
 *
 * - With CHUNKING too (RFC 3030), and a depth in the relay's settings, as many as depth + 1:
 *   a message leaves in one go, and the next behind it without waiting for anything, so that
 *   depth + 1 messages cost one round trip:
 *
 *     C: MAIL k | RCPT k | BDAT LAST <body of k> | RSET | MAIL k+1 | RCPT k+1 | BDAT …
 *     S: 250      250      250 (k)                 250    250        250        …
 *
 * No byte of a body leaves before the host says that the intent to send it is durable. After
 * DATA, a body that has begun is finished or the connection is closed; a transaction for which
 * the relay said 354 cannot be taken back in any other way (a lone dot would send an empty
 * message), unless the relay had refused its recipient. With BDAT nothing of a message leaves
 * before its body may, and until then it can be taken back as if it had never been there.
 *
 * When the connection ends each message is judged by itself: one whose last byte was given
 * away is in doubt unless the relay has answered to it, or has taken its leave by 421. */

typedef struct {
  SmtpStage stage;       /* where it was decided */
  Judgement judgement;
  guint code;            /* of the reply; 0: there was none */
  const char *status;    /* enhanced status code or "" */
  const char *text;      /* of the reply, or what happened instead */
} Outcome;

typedef enum { BODY_WAIT, BODY_SEND, BODY_WITHDRAW } BodyLeave;

/* A session with nothing to do may be given a message; one that asks for a job is busy. */
typedef enum { SESSION_OPENING, SESSION_IDLE, SESSION_BUSY, SESSION_LEAVING } SessionState;
enum { SESSION_STATES = SESSION_LEAVING + 1 };

/* What the session asks of whoever runs it, and tells. The callbacks come only from the
 * main loop or session_wake(), and must not destroy the session, but for closed(), after
 * which it is gone. */
typedef struct {
  Job *(*next_job)(gpointer host);                    /* NULL: nothing at present */
  /* May its body leave now? After BODY_WAIT, session_wake() when that may have changed. */
  BodyLeave (*body_leave)(gpointer host, Job *job);
  void (*merge)(gpointer host, Job *job, Merge *merge);
  void (*moved)(gpointer host, SessionState state);   /* its state has changed */
  void (*settled)(gpointer host, Job *job, const Outcome *outcome);
  /* The relay refused the login, before closed(). TRUE: that is no trouble, another one will
   * do, or those that are in go on; reason is then of no further use. */
  gboolean (*login_refused)(gpointer host, const char *reason);
  /* trouble NULL: it ended as it should. Otherwise whose trouble it is, and a sentence.
   * sent: messages that this connection delivered. All jobs were settled before. */
  void (*closed)(gpointer host, Scope scope, const char *trouble, guint sent);
} SessionHost;

typedef struct Session Session;

Session *session_open(Connector *connector, const RelaySettings *relay, const Secrets *secrets,
                      const SessionHost *host, gpointer host_data);

/* There may be a job, or an intent may have become durable. */
void session_wake(Session *session);

/* Ends after the messages whose bodies are under way; others are taken back. */
void session_stop(Session *session);

/* Closes at once; what is in flight is settled by verdict_of_silence(). */
void session_abort(Session *session, const char *reason);

/* Looks at the deadlines (RFC 5321 section 4.5.3.2); call about once a second while
 * sessions exist. */
void session_check_deadline(Session *session, gint64 monotonic_ms);

/* Not while it is opening. */
gboolean session_offers_smtputf8(const Session *session);
