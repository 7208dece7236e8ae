/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/address.h"
#include "delivery/agenda.h"
#include "smtp/pool.h"

/* The relays as one: which of them a release goes over now.
 *
 * Of those that take its sender, the healthy ones of the best priority; while none of these is
 * healthy, those of the next. A relay that is probed is tried along with them. Among relays
 * of one priority messages are shared by weight, as far as both have connections that wait;
 * where both are busy, the lighter one uses fewer connections, in proportion. No relay is
 * kept from a message that no other would take at once.
 *
 * For a message that needs SMTPUTF8 all of this is so as if the relays that are known not to
 * offer it were not there: it goes over a lesser one that offers it, and waits for one in
 * trouble, or with which nobody has spoken yet. Only where every relay that takes the sender is
 * known to lack it do they count again, and the one that takes the message first refuses it.
 * What a relay offers is known before it gets its first message, since it says so when it is
 * connected to; so no message is refused for what its neighbour could have done, and none has to
 * be tried to find out. */

typedef struct Fleet Fleet;

/* pools: Pool *, borrowed as they are now. */
Fleet *fleet_new(const GPtrArray *pools);
void fleet_free(Fleet *fleet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fleet, fleet_free)

/* Which mail from sender goes over pool now; 0: none. */
Needs fleet_may_carry(const Fleet *fleet, const Pool *pool, const Address *sender);

/* Before pool takes a message: those whose turn it is by weight are asked first. */
void fleet_ask_others(Fleet *fleet, const Pool *pool);

/* pool has taken a message. */
void fleet_count(Fleet *fleet, const Pool *pool);

/* How many of its connections pool is to use, at least 1. */
guint fleet_share(const Fleet *fleet, const Pool *pool);
