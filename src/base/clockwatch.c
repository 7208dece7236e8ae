/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clockwatch.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The alarm itself shall never ring. */
static const time_t year_2200 = 7258118400;

struct ClockWatch {
  int fd;
  guint source;
  void (*changed)(gpointer data);
  gpointer data;
};

static gboolean arm(const ClockWatch *watch)
{
  struct itimerspec alarm = { .it_value.tv_sec = year_2200 };
  return timerfd_settime(watch->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &alarm, NULL) == 0;
}

static gboolean on_alarm(int fd, GIOCondition condition, gpointer data)
{
  ClockWatch *watch = data;
  guint64 count;
  (void)condition;
  if (read(fd, &count, sizeof count) >= 0 || errno != ECANCELED) {
    return G_SOURCE_CONTINUE;
  }
  arm(watch);
  watch->changed(watch->data);
  return G_SOURCE_CONTINUE;
}

ClockWatch *clock_watch_new(void (*changed)(gpointer data), gpointer data, GError **error)
{
  ClockWatch *watch = g_new0(ClockWatch, 1);
  watch->changed = changed;
  watch->data = data;
  watch->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (watch->fd < 0 || !arm(watch)) {
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                "changes of the clock cannot be noticed: %s", g_strerror(errno));
    clock_watch_free(watch);
    return NULL;
  }
  watch->source = g_unix_fd_add(watch->fd, G_IO_IN, on_alarm, watch);
  return watch;
}

void clock_watch_free(ClockWatch *watch)
{
  g_clear_handle_id(&watch->source, g_source_remove);
  if (watch->fd >= 0) {
    close(watch->fd);
  }
  g_free(watch);
}
