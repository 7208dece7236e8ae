/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"

/* Copies the drop name from the open folder from into the open folder to, which is the
 * daemon's own and holds no such name yet. All that is wrong with the drop goes into
 * report, with names relative to the drop; where anything is wrong nothing, or only a
 * part, is copied. FALSE with error is our own trouble (a full disk), never the drop's.
 *
 * Whoever dropped it may be hostile, and may go on changing it:
 * - Symbolic links are not followed, devices, pipes and sockets not opened.
 * - A file with a second name (a hard link) is refused. The other name may be that of a
 *   file which whoever dropped it cannot read, but we can; and its owner would stand in
 *   the journal for something that they never dropped. Linux forbids such links by
 *   default (protected_hardlinks), but we do not build on it. An honest user loses
 *   nothing by dropping a copy.
 * - A file that changes while it is copied is refused: half of the old and half of the
 *   new is what nobody wrote.
 * - Nothing is copied before the whole is known to be within its limits.
 *
 * The copy is on disk on return: files 0440, folders 0750, less the umask. */
gboolean copy_drop(int from, const char *name, int to, guint64 max_size, Report *report,
                   GError **error);
