/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The names in one folder that may become drops, until they are complete.
 *
 * News of a name only brings it in; whether it is complete is found by looking at it. So
 * a lost, late or doubled notice costs time, never a torn file. The rules are told in
 * watch.h. */
typedef struct Waiting Waiting;

/* Called from the main loop when name is complete. From then on it is known as reported,
 * and news of it is not heard unless it changed: also when it was moved away and back, by
 * a claim that failed. */
typedef void (*WaitingDone)(const char *name, gpointer data);

Waiting *waiting_new(gint64 settle_ms, gint64 rescan_ms, WaitingDone done, gpointer data);
void waiting_free(Waiting *waiting);

/* The open folder in which the names are, or -1; borrowed until the next call. */
void waiting_set_folder(Waiting *waiting, int folder);

typedef enum {
  NEWS_FOUND,    /* it lies there, nobody knows since when */
  NEWS_MADE,     /* it was made just now, and if it is a file, is open */
  NEWS_CLOSED,   /* it was written to and closed */
  NEWS_RENAMED,  /* it was renamed into place, and so is complete */
  NEWS_GONE,     /* it was removed or renamed away; another one may be there by now */
} News;

void waiting_hear(Waiting *waiting, const char *name, News news);

/* What was reported up to now may be reported again when it is heard of. */
void waiting_forget_reported(Waiting *waiting);

gboolean waiting_knows(const Waiting *waiting, const char *name);
