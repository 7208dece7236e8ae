/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

/* Tells when the wall clock was set: whoever computed a wait from it must compute anew.
 * Costs no wake-up while nobody sets it (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */

typedef struct ClockWatch ClockWatch;

ClockWatch *clock_watch_new(void (*changed)(gpointer data), gpointer data, GError **error);
void clock_watch_free(ClockWatch *watch);
