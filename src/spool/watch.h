/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include "config/config.h"

/* Watches incoming/, its channels' folders and the one for suppressions (which stands for a
 * channel, see drop.h), and tells when a drop is complete:
 *
 *   - renamed into place: at once;
 *   - written in place: when it was closed and two looks at it, settle_ms apart, found no
 *     change (a folder: none inside). Where the kernel lets us ask (F_SETLEASE: about our own
 *     files, or with CAP_LEASE), a file that somebody still has open for writing is not
 *     complete; elsewhere one that we saw being made but not being closed is taken for
 *     complete after ten quiet minutes, and a folder, or a file of whose closing we did
 *     not hear, after five times settle_ms;
 *   - found by the rescan (at start and every rescan_ms, for what inotify missed, on
 *     overflow of its queue, and on file systems without it): after two such looks.
 *
 * No clock of a client or a file server counts, only our own.
 *
 * Not ready are names beginning with '.' or ending in ~ .part .tmp .swp .filepart
 * .crdownload .md#, and what file managers leave (Thumbs.db, desktop.ini); *.status.txt is the
 * daemon's own answer. In a folder such names are passed over, but one that means an
 * unfinished transfer lets the folder wait, for ten quiet minutes at most. An empty folder
 * is not ready: somebody has just made it.
 *
 * Channel folders themselves are no drops; a folder that is made later for a channel is
 * picked up by the rescan. A drop that was reported and is still there afterwards (it
 * could not be claimed) is reported again by the next rescan, or when it has changed, not
 * sooner. Idle, the only wake-up is the rescan. */

typedef struct Watch Watch;

/* path is the drop's; borrowed during the call. Never called from within watch_new(); must
 * not call watch_free(). */
typedef void (*WatchDrop)(const char *path, const char *channel, gpointer data);

/* Runs in the default main context. NULL with error where incoming/ cannot be opened;
 * without inotify the rescan does it alone. */
Watch *watch_new(Config *config, WatchDrop drop, gpointer data, GError **error);
void watch_free(Watch *watch);
void watch_rescan(Watch *watch);   /* soon, from the main loop */
gboolean watch_name_is_ready(const char *name);
