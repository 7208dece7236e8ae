/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/engine.h"

/* What the service manager hears of a running daemon by sd_notify(3):
 *
 *   STATUS=     one line, when it has changed, at most every two seconds; without a change
 *               nobody wakes to look
 *   WATCHDOG=1  where it has a watchdog (WatchdogSec=): at half its interval, by the main
 *               loop, and not while the disk has hung for longer than the interval
 *
 * A restart does not mend a disk. But from then on the service has failed for everybody who
 * asks the service manager, and where it was not the disk but the mount or our own mistake,
 * a new process helps. Shorter hangs, such as a storage path that fails over, cost nothing:
 * sending waits. Without a watchdog that is what it does for ever. While the old process
 * cannot die, since it sleeps in the kernel, its lock keeps the next one off the spool. */

typedef struct Manager Manager;

/* engine is borrowed. */
Manager *manager_new(const Engine *engine);
void manager_free(Manager *manager);

/* Something may have changed: STATUS= soon. */
void manager_changed(Manager *manager);

/* STATUS= now, if it has changed, and WATCHDOG=1 if that may be said. */
void manager_tell(Manager *manager);

/* STOPPING=1, now. */
void manager_stop(Manager *manager);
