/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/session.h"

/* A Transaction is one message on its way through a session. It goes through its commands in
 * their order, and its first bad reply is its outcome. */
typedef struct {
  Job *job;
  SmtpStage next_command;    /* MAIL, RCPT, DATA; STAGE_BODY: all are out */
  SmtpStage awaits;          /* the first stage that has no reply */
  guint due;                 /* replies that are outstanding */
  gboolean may_send;         /* 354 came and nothing was refused */
  guint64 whole_from;        /* once the outbox has written more bytes than these, the relay may
                                have the whole message; 0: the body is not in the outbox */
  gboolean failed;
  Outcome failure;
  char *failure_text;
  char failure_status[12];
} Transaction;

/* Keeps what outcome borrows. The first failure counts. */
void transaction_fail(Transaction *transaction, const Outcome *outcome);

/* How far it has come when no reply can come any more and so many bytes were written. A relay
 * that has the whole message may have taken it, whatever it has yet to say to the envelope. */
SmtpStage transaction_reached(const Transaction *transaction, guint64 written);

/* --- The transactions of a session, in the order in which they are sent and answered: a ring
 * of as many as may be under way at once. --- */

typedef struct {
  Transaction *slots;
  guint size;       /* 0: not known yet */
  guint first, count;
} Flight;

void flight_init(Flight *flight, guint size);
void flight_clear(Flight *flight);   /* all must have been removed */

Transaction *flight_at(const Flight *flight, guint index);
gboolean flight_is_full(const Flight *flight);

/* Behind the others. What is handed out stays where it is until it, or one that was added
 * before it and is not the first, is removed. */
Transaction *flight_add(Flight *flight, Job *job);
void flight_remove(Flight *flight, guint index);
