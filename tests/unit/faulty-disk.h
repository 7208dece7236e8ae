/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A disk that can be told to fail, for tests of what must survive that. The program is
 * linked with -Wl,--wrap for write, fdatasync, fsync and clock_monotonic_ms. All may be
 * changed while other threads write. */

void disk_reset(void);

/* From now on so many bytes fit; then write(2) is short, and next fails with ENOSPC. */
void disk_set_room(gint64 bytes);

/* The next so many calls of fdatasync(2) fail with EIO, after passing over the first
 * `after`. With `drop` the kernel has lost half of what was not synced of the file: NULs
 * are there instead. */
void disk_fail_syncs(guint after, guint count, gboolean drop);
void disk_fail_directory_syncs(guint count);
guint disk_count_syncs(void);   /* that succeeded */

/* Syncs wait as long as the disk hangs. */
void disk_hang(gboolean hangs);
void disk_await_hanging(void);   /* until somebody waits */

/* Syncs do nothing, for tests that are about something else. */
void disk_be_fast(gboolean fast);

/* The monotonic clock. */
void disk_pass_time(gint64 ms);
void disk_stop_time(void);   /* until disk_reset() */
