/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/login.h"
#include "smtp/pace.h"
#include "smtp/pool.h"
#include "smtp/throttle.h"

/* What the files of a pool share, and nobody else sees: pool.c lives and wakes it, pool-members.c
 * opens its sessions and ends those that are too many, pool-session.c answers what one of them
 * asks and takes what it tells, pool-trouble.c makes of that what the relay bears. */

typedef struct {
  Pool *pool;
  Session *session;     /* NULL while it is being made */
  SessionState state;   /* of session, as it was told last; counted in counts */
  guint token_serial;   /* see login.h */
  gboolean waits;       /* for an intent to become durable: it is in waiting */
  GList link;           /* there */
} Member;

struct Pool {
  Connector *connector;
  Config *config;
  const RelaySettings *relay;
  const PoolHost *host;
  gpointer host_data;
  Login *login;
  gint64 hold_until_ms;    /* monotonic; until then none is opened beside those that are open */
  GPtrArray *members;      /* Member * */
  guint counts[SESSION_STATES];   /* of members */
  GQueue waiting;          /* Member *, in the order of their intents */
  Pace pace;               /* what the settings allow */
  Throttle throttle;       /* what the relay bears */
  Breaker breaker;         /* whether it is worth trying */
  char *trouble;           /* NULL while the breaker says healthy */
  gboolean lacks_smtputf8;
  gboolean stopping;
  gboolean asking;         /* for a job, which may make the host offer one to another session */
  guint out;               /* jobs that are in the sessions */
  guint64 sent;
  GSource *ticker;         /* deadlines, while there are sessions */
  GSource *waker;          /* pace or the end of trouble */
};

/* --- pool.c --- */

/* pool_wake() in so many milliseconds, unless it comes sooner. */
void pool_wake_later(Pool *pool, gint64 wait_ms);
/* Until both the settings and the relay allow another message. */
gint64 pool_wait_for_rates(Pool *pool, gint64 now_ms);

/* --- pool-members.c --- */

/* As many as there is work for. */
void pool_open_sessions(Pool *pool);
void pool_stop_surplus(Pool *pool);
void pool_stop_sessions(Pool *pool);
void pool_wake_idle(Pool *pool);
/* The member is gone; its session has ended. */
void pool_drop_member(Member *member);

/* --- pool-session.c --- */

extern const SessionHost pool_session_host;   /* its data: a Member */

/* --- pool-trouble.c --- */

extern const TokenEvents pool_login_events;   /* their data: a Pool */

void pool_clear_trouble(Pool *pool);
void pool_heed_outcome(Pool *pool, const Job *job, const Outcome *outcome);
void pool_heed_end(Pool *pool, Scope scope, const char *trouble, guint sent);
/* One more connection was not let in. Sessions that are in go on meanwhile: FALSE if there are
 * none, and the relay is in trouble. */
gboolean pool_hold_opening(Pool *pool, const char *reason);
