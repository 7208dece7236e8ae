/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before a program (LD_PRELOAD), lets its wall clock jump: to the true time are added as
 * many seconds as the file that SHIFTCLOCK names holds, in its first eight bytes, at any moment.
 * The monotonic clock, and what the kernel itself measures, are left alone, as they are by a
 * person who sets the clock. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *shift;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
  const char *path = getenv("SHIFTCLOCK");
  int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *memory = fd >= 0 ? mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

  if (memory == MAP_FAILED) {
    abort();
  }
  close(fd);
  shift = memory;
  real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
  if (real_clock_gettime == NULL) {
    begin();
  }
  int result = real_clock_gettime(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += *shift;
  }
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
  struct timespec precise;

  (void)zone;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *into)
{
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  if (into != NULL) {
    *into = now.tv_sec;
  }
  return now.tv_sec;
}
