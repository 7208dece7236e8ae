/* SPDX-License-Identifier: Apache-2.0 */

/* Weights are kept by start-time fair queueing (Goyal, Vin, Cheng 1996): each message moves
 * its relay's clock on by the inverse of the weight, and the relay whose clock is behind is
 * next. A relay that had nothing to do, or no connection left, does not save up turns. */

#include "delivery/fleet.h"

#include "config/senders.h"

typedef struct {
  Pool *pool;
  double clock;   /* when its last message ended, in virtual time */
} Ship;

struct Fleet {
  double now;     /* virtual time */
  guint n_ships;
  Ship ships[];
};

Fleet *fleet_new(const GPtrArray *pools)
{
  Fleet *fleet = g_malloc0(sizeof *fleet + pools->len * sizeof(Ship));
  fleet->n_ships = pools->len;
  for (guint i = 0; i < pools->len; i++)
    fleet->ships[i].pool = pools->pdata[i];
  return fleet;
}

void fleet_free(Fleet *fleet)
{
  g_free(fleet);
}

static guint priority(const Pool *pool)
{
  return pool_relay(pool)->priority;
}

static gboolean is_healthy(const Pool *pool)
{
  return pool_state(pool) == BREAKER_HEALTHY;
}

/* Whether a better one is there; by_smtputf8: one that is not known to lack it. */
static gboolean is_outdone(const Fleet *fleet, const Pool *pool, const Address *sender,
                           gboolean by_smtputf8)
{
  for (guint i = 0; i < fleet->n_ships; i++) {
    const Pool *other = fleet->ships[i].pool;
    if (priority(other) < priority(pool) && is_healthy(other) &&
        relay_takes(pool_relay(other), sender) && !(by_smtputf8 && pool_lacks_smtputf8(other)))
      return TRUE;
  }
  return FALSE;
}

static gboolean all_lack_smtputf8(const Fleet *fleet, const Address *sender)
{
  for (guint i = 0; i < fleet->n_ships; i++)
    if (relay_takes(pool_relay(fleet->ships[i].pool), sender) &&
        !pool_lacks_smtputf8(fleet->ships[i].pool))
      return FALSE;
  return TRUE;
}

Needs fleet_may_carry(const Fleet *fleet, const Pool *pool, const Address *sender)
{
  if (!relay_takes(pool_relay(pool), sender))
    return 0;
  Needs plain = is_outdone(fleet, pool, sender, FALSE) ? 0 : NEEDS_NOTHING;
  if (pool_lacks_smtputf8(pool))
    return plain != 0 && all_lack_smtputf8(fleet, sender) ? NEEDS_ANY : plain;
  return is_outdone(fleet, pool, sender, TRUE) ? plain : plain | NEEDS_SMTPUTF8;
}

/* --- Weights --- */

static Ship *find(Fleet *fleet, const Pool *pool)
{
  for (guint i = 0; i < fleet->n_ships; i++)
    if (fleet->ships[i].pool == pool)
      return &fleet->ships[i];
  return NULL;
}

/* When its next message begins. */
static double start(const Fleet *fleet, const Ship *ship)
{
  return MAX(fleet->now, ship->clock);
}

void fleet_ask_others(Fleet *fleet, const Pool *pool)
{
  const Ship *asking = find(fleet, pool);
  if (asking == NULL)
    return;
  for (guint i = 0; i < fleet->n_ships; i++) {
    const Ship *other = &fleet->ships[i];
    if (priority(other->pool) != priority(pool) || !is_healthy(other->pool))
      continue;
    while (start(fleet, other) < start(fleet, asking) && pool_offer(other->pool))
      continue;
  }
}

void fleet_count(Fleet *fleet, const Pool *pool)
{
  Ship *ship = find(fleet, pool);
  if (ship == NULL)
    return;
  fleet->now = start(fleet, ship);
  ship->clock = fleet->now + 1.0 / pool_relay(pool)->weight;
}

guint fleet_share(const Fleet *fleet, const Pool *pool)
{
  guint weight = pool_relay(pool)->weight;
  guint heaviest = weight;
  for (guint i = 0; i < fleet->n_ships; i++) {
    const Pool *other = fleet->ships[i].pool;
    if (priority(other) == priority(pool) && is_healthy(other))
      heaviest = MAX(heaviest, pool_relay(other)->weight);
  }
  return (pool_relay(pool)->connections * weight + heaviest - 1) / heaviest;
}
