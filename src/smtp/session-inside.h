/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/awaited.h"
#include "smtp/offer.h"
#include "smtp/outbox.h"

/* What the files of a session share, and nobody else sees: session.c opens, watches and ends
 * it, session-send.c decides what is sent next, session-reply.c takes what the relay says. */

struct Session {
  Connection *connection;
  const RelaySettings *relay;
  const SessionHost *host;
  gpointer host_data;
  SessionState state;
  gboolean stopping;
  Offer offer;
  gboolean chunking;         /* messages go by BDAT */
  guint started, sent;       /* messages */
  Flight flight;
  guint under_way;           /* with chunking: the first so many of the flight are sent */
  gboolean spoilt;           /* the relay's state: RSET goes before the next MAIL */
  AwaitedReplies awaited;
  ReplyReader *replies;
  Merge *merge;
  Outbox *outbox;
  GString *line;             /* the command that is being written */
  guint64 replied;           /* replies read */
  gboolean goodbye;          /* the last of them was a 421: should the relay close now, it has
                                taken its leave */
  char *closing;             /* why nothing new is begun; NULL: nothing speaks against it */
  Scope closing_scope;
  gint64 deadline_ms;        /* monotonic; 0: none */
  SmtpStage deadline_stage;
  guint64 progress;          /* written + replied when the deadline was set */
};

/* --- session.c --- */

void session_move(Session *session, SessionState state);

/* Settles what is in flight and ends. scope: of what happened. */
void session_end(Session *session, Scope scope, const char *trouble);

/* Settles one of the flight, which leaves it. */
void session_settle(Session *session, guint index, const Outcome *outcome);

/* FALSE when the connection is gone. */
gboolean session_flush(Session *session);

/* --- session-send.c --- */

/* Does whatever can be done now: the one place that decides what is sent next. */
void session_advance(Session *session);
void session_leave(Session *session);
/* The end of the data: also of none, where a message was refused and is wanted all the same. */
void session_queue_dot(Session *session, Transaction *transaction);

/* --- session-reply.c --- */

void session_on_readable(Session *session);

/* The connection is gone. What the relay said before that lies in the socket still, and is
 * heard before the session ends. */
void session_on_lost(Session *session);
