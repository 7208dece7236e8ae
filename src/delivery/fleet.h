/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/address.h"
#include "smtp/pool.h"

/* The relays as one: which of them a release goes over now.
 *
 * Of those that take its sender, the healthy ones of the best priority; while none of these is
 * healthy, those of the next. A relay that is probed is tried along with them. Among relays
 * of one priority messages are shared by weight, as far as both have connections that wait;
 * where both are busy, the lighter one uses fewer connections, in proportion. No relay is
 * kept from a message that no other would take at once. */

typedef struct Fleet Fleet;

/* pools: Pool *, borrowed as they are now. */
Fleet *fleet_new(const GPtrArray *pools);
void fleet_free(Fleet *fleet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fleet, fleet_free)

/* Whether mail from sender goes over pool now. */
gboolean fleet_may_carry(const Fleet *fleet, const Pool *pool, const Address *sender);

/* Before pool takes a message: those whose turn it is by weight are asked first. */
void fleet_ask_others(Fleet *fleet, const Pool *pool);

/* pool has taken a message. */
void fleet_count(Fleet *fleet, const Pool *pool);

/* What part of its connections pool is to use: above 0, at most 1. */
double fleet_share(const Fleet *fleet, const Pool *pool);
