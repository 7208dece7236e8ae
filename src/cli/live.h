/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "config/config.h"

/* What only the running daemon knows: asked once, over its socket. */

typedef struct Live Live;

/* Never NULL. */
Live *live_ask(const Config *config);
void live_free(Live *live);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Live, live_free)

/* NULL: the daemon answered. CONTROL_ERROR otherwise. */
const GError *live_trouble(const Live *live);
gboolean live_is_absent(const Live *live);   /* there is no daemon, for certain */

/* All strings are borrowed. The next three only where the daemon answered. */
const char *live_version(const Live *live);
gint64 live_pid(const Live *live);
gint64 live_since_ms(const Live *live);   /* wall clock; 0: not known */

/* Wall clock; 0: the disk of the journals does not hang. Where the daemon answered. */
gint64 live_disk_hangs_since_ms(const Live *live);

typedef struct {
  const char *state;
  const char *reason;   /* or NULL */
  double rate;          /* messages a second */
} LiveRelease;
gboolean live_release(const Live *live, const char *id, LiveRelease *release);

typedef struct {
  const char *name, *url;
  const char *state;     /* "healthy", "probing", "trouble", or NULL where not known */
  guint64 priority, connections, connections_allowed, sent;
  double rate_limit;     /* messages a second; 0: none was needed */
  const char *trouble;   /* or NULL */
  gint64 next_try_ms;    /* wall clock; 0: none */
} LiveRelay;
guint live_relays(const Live *live);
LiveRelay live_relay(const Live *live, guint index);
