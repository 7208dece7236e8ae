/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/look.h"

#include <fcntl.h>
#include <signal.h>
#include "base/limits.h"
#include "spool/folders.h"
#include "spool/ready.h"

/* Beyond these a drop is refused anyway, so no more of it is looked at. */
enum { NAMES_MAX = 4 * LIMIT_BUNDLE_FILES, DEPTH_MAX = LIMIT_BUNDLE_DEPTH + 1 };

static gint64 nanoseconds(const struct timespec *time)
{
  return (gint64)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void add_status(Look *look, const struct stat *status)
{
  look->names++;
  look->bytes += S_ISREG(status->st_mode) ? (guint64)status->st_size : 0;
  look->modified_ns = MAX(look->modified_ns, nanoseconds(&status->st_mtim));
  look->changed_ns = MAX(look->changed_ns, nanoseconds(&status->st_ctim));
}

static void add_folder(Look *look, int parent, const char *name, guint depth)
{
  g_autoptr(DIR) folder = folder_open(parent, name);
  const char *inner;

  if (folder == NULL) {
    look->files++; /* unreadable, perhaps not empty: to be refused, not to be waited for */
    return;
  }
  while (look->names < NAMES_MAX && (inner = folder_next(folder)) != NULL) {
    struct stat status;
    NameKind kind = ready_name_kind(inner);
    if (fstatat(dirfd(folder), inner, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
      continue;
    }
    add_status(look, &status);
    look->unfinished |= kind == NAME_UNFINISHED;
    if (!S_ISDIR(status.st_mode)) {
      look->files += kind != NAME_LEFT_OVER;
    } else if (depth < DEPTH_MAX) {
      add_folder(look, dirfd(folder), inner, depth + 1);
    }
  }
}

gboolean look_take(int folder, const char *name, Look *look)
{
  struct stat status;

  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return FALSE;
  }
  *look = (Look){
    .inode = status.st_ino,
    .kind = status.st_mode & S_IFMT,
    .links = S_ISDIR(status.st_mode) ? 1 : status.st_nlink,
  };
  add_status(look, &status);
  if (S_ISDIR(status.st_mode)) {
    add_folder(look, folder, name, 0);
  } else {
    look->files = 1;
  }
  return TRUE;
}

gboolean look_is_same_drop(const Look *a, const Look *b)
{
  return a->inode == b->inode && a->kind == b->kind && a->names == b->names &&
         a->files == b->files && a->bytes == b->bytes && a->modified_ns == b->modified_ns;
}

gboolean look_equal(const Look *a, const Look *b)
{
  return look_is_same_drop(a, b) && a->links == b->links && a->changed_ns == b->changed_ns &&
         a->unfinished == b->unfinished;
}

/* A read lease is granted only while nobody has the file open for writing. We hold it for
 * a moment; who opens the file in just that moment waits for us, and we are sent a
 * signal, for which we choose one that is ignored by default: SIGIO would end us. */
static Writers ask_kernel(int folder, const char *name)
{
  autofd fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0 || fcntl(fd, F_SETSIG, SIGURG) != 0) {
    return WRITERS_UNKNOWN;
  }
  if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) {
    return errno == EAGAIN ? WRITERS_SOME : WRITERS_UNKNOWN;
  }
  fcntl(fd, F_SETLEASE, F_UNLCK);
  return WRITERS_NONE;
}

static Writers look_into(int parent, const char *name, guint depth, guint *names)
{
  struct stat status;
  const char *inner;

  if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return WRITERS_UNKNOWN;
  }
  if (S_ISREG(status.st_mode)) {
    return ask_kernel(parent, name);
  }
  Writers writers = WRITERS_NONE;
  g_autoptr(DIR) folder = S_ISDIR(status.st_mode) && depth <= DEPTH_MAX
                              ? folder_open(parent, name)
                              : NULL;
  while (folder != NULL && writers != WRITERS_SOME && *names < NAMES_MAX &&
         (inner = folder_next(folder)) != NULL) {
    (*names)++;
    writers = MAX(writers, look_into(dirfd(folder), inner, depth + 1, names));
  }
  return writers;
}

Writers look_for_writers(int folder, const char *name)
{
  guint names = 0;

  return look_into(folder, name, 0, &names);
}
