/* SPDX-License-Identifier: Apache-2.0 */
#include "faulty-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 1024 };   /* more descriptors than any test has */

ssize_t __real_write(int fd, const void *data, size_t length);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
gint64 __real_clock_monotonic_ms(void);
ssize_t __wrap_write(int fd, const void *data, size_t length);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
gint64 __wrap_clock_monotonic_ms(void);

static GMutex lock;
static GCond changed;
static struct {
  gboolean has_room_limit, drop, hangs, fast;
  gint64 room, time_passed, stopped_at;
  guint syncs_to_pass, syncs_to_fail, directory_syncs_to_fail, syncs, hanging;
  struct { ino_t file; off_t synced; } files[FILES];   /* by descriptor: what is on disk */
} disk;

void disk_reset(void)
{
  g_mutex_lock(&lock);
  disk.has_room_limit = disk.drop = disk.hangs = disk.fast = FALSE;
  disk.time_passed = disk.stopped_at = 0;
  disk.syncs_to_pass = disk.syncs_to_fail = disk.directory_syncs_to_fail = disk.syncs = 0;
  g_cond_broadcast(&changed);
  g_mutex_unlock(&lock);
}

void disk_set_room(gint64 bytes)
{
  g_mutex_lock(&lock);
  disk.has_room_limit = TRUE;
  disk.room = bytes;
  g_mutex_unlock(&lock);
}

void disk_fail_syncs(guint after, guint count, gboolean drop)
{
  g_mutex_lock(&lock);
  disk.syncs_to_pass = after;
  disk.syncs_to_fail = count;
  disk.drop = drop;
  g_mutex_unlock(&lock);
}

void disk_fail_directory_syncs(guint count)
{
  g_mutex_lock(&lock);
  disk.directory_syncs_to_fail = count;
  g_mutex_unlock(&lock);
}

guint disk_count_syncs(void)
{
  g_mutex_lock(&lock);
  guint syncs = disk.syncs;
  g_mutex_unlock(&lock);
  return syncs;
}

void disk_hang(gboolean hangs)
{
  g_mutex_lock(&lock);
  disk.hangs = hangs;
  g_cond_broadcast(&changed);
  g_mutex_unlock(&lock);
}

void disk_await_hanging(void)
{
  g_mutex_lock(&lock);
  while (disk.hanging == 0) {
    g_cond_wait(&changed, &lock);
  }
  g_mutex_unlock(&lock);
}

void disk_be_fast(gboolean fast)
{
  g_mutex_lock(&lock);
  disk.fast = fast;
  g_mutex_unlock(&lock);
}

void disk_pass_time(gint64 ms)
{
  g_mutex_lock(&lock);
  disk.time_passed += ms;
  g_mutex_unlock(&lock);
}

void disk_stop_time(void)
{
  g_mutex_lock(&lock);
  disk.stopped_at = __real_clock_monotonic_ms();
  g_mutex_unlock(&lock);
}

gint64 __wrap_clock_monotonic_ms(void)
{
  g_mutex_lock(&lock);
  gint64 now = disk.stopped_at != 0 ? disk.stopped_at : __real_clock_monotonic_ms();
  now += disk.time_passed;
  g_mutex_unlock(&lock);
  return now;
}

static gboolean is_regular(int fd)
{
  struct stat status;

  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
  size_t allowed = length;

  g_mutex_lock(&lock);
  if (disk.has_room_limit && is_regular(fd)) {
    allowed = MIN(length, (size_t)disk.room);
    disk.room -= (gint64)allowed;
  }
  g_mutex_unlock(&lock);
  if (allowed == 0 && length > 0) {
    errno = ENOSPC;
    return -1;
  }
  return __real_write(fd, data, allowed);
}

static struct stat status_of(int fd)
{
  struct stat status;

  g_assert_cmpint(fd, <, FILES);
  g_assert_cmpint(fstat(fd, &status), ==, 0);
  return status;
}

/* Under the lock: half of what was not synced becomes NULs, by a descriptor of its own,
 * since the file's is for appending. */
static void lose_unsynced(int fd)
{
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
  struct stat status = status_of(fd);
  off_t from = disk.files[fd].file == status.st_ino ? disk.files[fd].synced : 0;
  gsize lost = (gsize)(status.st_size - from) / 2;
  g_autofree char *nuls = g_malloc0(lost + 1);
  int other = open(path, O_WRONLY | O_CLOEXEC);

  g_assert_cmpint(other, >=, 0);
  g_assert_cmpint(pwrite(other, nuls, lost, from), ==, (gssize)lost);
  close(other);
}

/* Under the lock. */
static gboolean sync_fails(int fd)
{
  while (disk.hangs) {
    disk.hanging++;
    g_cond_broadcast(&changed);
    g_cond_wait(&changed, &lock);
    disk.hanging--;
  }
  if (disk.syncs_to_pass > 0) {
    disk.syncs_to_pass--;
    return FALSE;
  }
  if (disk.syncs_to_fail == 0) {
    return FALSE;
  }
  disk.syncs_to_fail--;
  if (disk.drop) {
    lose_unsynced(fd);
  }
  return TRUE;
}

int __wrap_fdatasync(int fd)
{
  g_mutex_lock(&lock);
  gboolean fails = sync_fails(fd), fast = disk.fast;
  struct stat status = status_of(fd);
  g_mutex_unlock(&lock);
  if (fails) {
    errno = EIO;
    return -1;
  }
  int result = fast ? 0 : __real_fdatasync(fd);
  g_mutex_lock(&lock);
  disk.syncs++;
  disk.files[fd].file = status.st_ino;
  disk.files[fd].synced = status.st_size;
  g_mutex_unlock(&lock);
  return result;
}

int __wrap_fsync(int fd)
{
  g_mutex_lock(&lock);
  gboolean fails = disk.directory_syncs_to_fail > 0, fast = disk.fast;
  disk.directory_syncs_to_fail -= fails ? 1 : 0;
  g_mutex_unlock(&lock);
  if (fails) {
    errno = EIO;
    return -1;
  }
  return fast ? 0 : __real_fsync(fd);
}
