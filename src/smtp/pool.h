/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/breaker.h"
#include "smtp/session.h"

/* A Pool keeps the sessions with one relay: as many as there is work for and the relay's
 * settings allow. They begin with few and grow with what is delivered; a relay that asks for
 * less gets less (throttle.h). Trouble that concerns the relay closes the door for a while;
 * then one connection tries with one message, and the others follow when it has delivered
 * (breaker.h). Neither costs a contact an attempt. */

typedef struct Pool Pool;

typedef struct {
  Job *(*next_job)(gpointer host, Pool *pool);
  guint (*work)(gpointer host, Pool *pool, guint at_most);   /* jobs that wait now */
  guint (*share)(gpointer host, const Pool *pool);   /* of its connections, at least 1 */
  BodyLeave (*body_leave)(gpointer host, Job *job);
  void (*merge)(gpointer host, Job *job, Merge *merge);
  void (*settled)(gpointer host, Pool *pool, Job *job, const Outcome *outcome);
  /* Trouble began or ended, the pool has come to rest, or the relay offers something else. */
  void (*changed)(gpointer host, Pool *pool);
} PoolHost;

/* Keeps a reference to config. relay is one of config's. */
Pool *pool_new(Connector *connector, Config *config, const RelaySettings *relay,
               const PoolHost *host, gpointer host_data);
/* Sessions that are still there are aborted. */
void pool_free(Pool *pool);

/* There may be work. Sessions that wait are asked, new ones are opened. */
void pool_wake(Pool *pool);

/* Hands a job to a session that has nothing to do; FALSE when that came to nothing. */
gboolean pool_offer(Pool *pool);

/* Intents may have become durable: only sessions that were told to wait are asked. */
void pool_wake_waiting(Pool *pool);

/* No new work; changed() tells when all is at rest. */
void pool_stop(Pool *pool);
/* At once. */
void pool_abort(Pool *pool, const char *reason);
/* There is no session, and nothing is awaited from a token server. */
gboolean pool_is_at_rest(const Pool *pool);

/* Another process had sent a message through the relay; see pace_recall(). */
void pool_recall(Pool *pool, gint64 then_ms);
/* The settings were read anew and are the same for this relay: trouble that an administrator has
 * mended is over at the next pool_wake(). */
void pool_hurry(Pool *pool);
/* Goes on with what the relay of former settings has counted. */
void pool_inherit(Pool *pool, const Pool *former);

const RelaySettings *pool_relay(const Pool *pool);
/* The last connection that asked for a job was told nothing of SMTPUTF8 (RFC 6531). FALSE where
 * none has asked yet. */
gboolean pool_lacks_smtputf8(const Pool *pool);
guint pool_connections(const Pool *pool);
guint pool_connections_allowed(const Pool *pool);   /* to carry messages at present */
double pool_rate(const Pool *pool);           /* found, messages a second; 0: none was needed */
BreakerState pool_state(const Pool *pool);
guint64 pool_sent(const Pool *pool);          /* messages, since the start */
const char *pool_trouble(const Pool *pool);   /* NULL: none; borrowed */
gint64 pool_next_try_ms(const Pool *pool);    /* wall clock; 0 without trouble */
