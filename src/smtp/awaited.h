/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/transaction.h"

/* The replies that a session waits for, in the order of their commands. */

typedef struct {
  SmtpStage stage;
  Transaction *transaction;   /* NULL for RSET and QUIT */
  guint64 sent_at;            /* output offset behind the command that it answers */
} Awaited;

typedef struct {
  Awaited *slots;
  guint size;
  guint first, count;
} AwaitedReplies;

/* For the commands of so many transactions, and QUIT. */
void awaited_init(AwaitedReplies *awaited, guint transactions);
void awaited_clear(AwaitedReplies *awaited);

/* A transaction has one more reply due. */
void awaited_add(AwaitedReplies *awaited, Awaited reply);
const Awaited *awaited_first(const AwaitedReplies *awaited);   /* NULL: none */
/* There must be one. */
Awaited awaited_take(AwaitedReplies *awaited);
