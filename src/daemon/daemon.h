/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* The daemon: watch, intake, engine and control socket wired together. While there are
 * releases it tells the service manager how far they are (STATUS= of sd_notify(3)). */

typedef struct Daemon Daemon;

/* Everything that can fail at a start fails here, before anything is sent: the spool's
 * folders, the lock that keeps a second daemon away, the socket. stopped is called once
 * after daemon_stop(), when nothing is in flight any more. */
Daemon *daemon_new(Config *config, void (*stopped)(gpointer data), gpointer data, GError **error);
void daemon_free(Daemon *daemon);

/* Takes new settings; those that need a restart (spool, runtime) must be the same:
 * otherwise FALSE with error, and the old ones stay in force. */
gboolean daemon_reload(Daemon *daemon, Config *config, GError **error);

void daemon_stop(Daemon *daemon);
