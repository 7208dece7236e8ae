/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/release.h"
#include "smtp/pool.h"

/* The engine brings releases and relays together: it keeps a pool for each relay, hands
 * each session the next contact of the release whose turn it is, and passes outcomes back.
 * Releases take turns contact by contact, so none waits for another to end. */

typedef struct Engine Engine;

typedef struct {
  /* The release is over and its journal says so durably; it has been closed. */
  void (*finished)(const char *id, gpointer data);
  /* After engine_stop(): nothing is in flight any more. */
  void (*stopped)(gpointer data);
  /* Something of what status tells may have changed; called often. */
  void (*changed)(gpointer data);
  /* The disk has begun to hang, or answers again: see engine_disk_hangs_since(). */
  void (*disk)(gpointer data);
} EngineEvents;

Engine *engine_new(Config *config, const EngineEvents *events, gpointer data, GError **error);
/* What is in flight is cut off; call engine_stop() before and wait for stopped(). */
void engine_free(Engine *engine);

/* New settings. A relay whose settings are the same goes on as if nothing had been, with its
 * connections and with what was found out about it; but one in trouble is tried at once, since
 * somebody may have mended what the settings only point to. One that is gone or changed finishes
 * what is under way. */
void engine_reload(Engine *engine, Config *config);

/* Takes up the release in directory, which is read in another thread: it is among the
 * engine's releases soon. Nothing is sent at all before what was added first, until the main
 * loop had its turn, is read, where a limit of the settings depends on it. */
void engine_add(Engine *engine, const char *directory);

/* A person's decision about contacts in doubt of the release id; see release_settle_doubt(). */
guint engine_settle(Engine *engine, const char *id, const guint32 *contacts, guint n_contacts,
                    const Decision *decision, GError **error);

/* Ends what is in flight and starts nothing new; stopped() tells. After patience_ms what
 * is left is cut off (and its contacts, where the final dot may have left, in doubt). */
void engine_stop(Engine *engine, gint64 patience_ms);

/* Since when the journals' disk has owed an answer (monotonic), once that is ten seconds; 0:
 * it does not hang. Meanwhile nothing is sent. */
gint64 engine_disk_hangs_since(const Engine *engine);

guint engine_loading(const Engine *engine);   /* how much is still being read */

/* For status; the array's elements are borrowed. */
const GPtrArray *engine_releases(const Engine *engine);   /* Release * */
const GPtrArray *engine_pools(const Engine *engine);      /* Pool *, in the order of the settings */
