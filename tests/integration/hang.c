/* SPDX-License-Identifier: Apache-2.0 */

/* For LD_PRELOAD: a disk whose syncs do not return as long as the file $DATELINE_HANG is
 * there. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_US = 10 * 1000 };

static void hang(void)
{
  const char *file = getenv("DATELINE_HANG");

  while (file != NULL && access(file, F_OK) == 0) {
    usleep(LOOK_US);
  }
}

static int sync_by(const char *name, int fd)
{
  int (*real)(int) = (int (*)(int))(size_t)dlsym(RTLD_NEXT, name);

  hang();
  return real(fd);
}

int fdatasync(int fd)
{
  return sync_by("fdatasync", fd);
}

int fsync(int fd)
{
  return sync_by("fsync", fd);
}
