/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/awaited.h"

/* RSET, MAIL, RCPT, DATA and the dot. */
enum { REPLIES_OF_TRANSACTION = 5 };

void awaited_init(AwaitedReplies *awaited, guint transactions)
{
  guint size = transactions * REPLIES_OF_TRANSACTION + 1;
  *awaited = (AwaitedReplies){ .slots = g_new(Awaited, size), .size = size };
}

void awaited_clear(AwaitedReplies *awaited)
{
  g_free(awaited->slots);
  *awaited = (AwaitedReplies){ 0 };
}

void awaited_add(AwaitedReplies *awaited, Awaited reply)
{
  guint place = awaited->first + awaited->count;
  g_assert(awaited->count < awaited->size);
  awaited->slots[place < awaited->size ? place : place - awaited->size] = reply;
  awaited->count++;
  if (reply.transaction != NULL)
    reply.transaction->due++;
}

const Awaited *awaited_first(const AwaitedReplies *awaited)
{
  return awaited->count > 0 ? &awaited->slots[awaited->first] : NULL;
}

Awaited awaited_take(AwaitedReplies *awaited)
{
  Awaited taken = awaited->slots[awaited->first];
  awaited->first = awaited->first + 1 < awaited->size ? awaited->first + 1 : 0;
  awaited->count--;
  if (taken.transaction != NULL) {
    taken.transaction->due--;
    taken.transaction->awaits = taken.stage + 1;
  }
  return taken;
}
