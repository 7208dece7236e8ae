/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A thread that does one thing after the other, for what must not hold up the main loop. */

typedef struct Worker Worker;

/* name: of the thread, at most 15 characters. work is called in it for each task. */
Worker *worker_new(const char *name, void (*work)(gpointer task, gpointer data), gpointer data);

/* From any thread; task must not be NULL. */
void worker_push(Worker *worker, gpointer task);

/* Waits until all tasks are done and the thread has ended. (The threads of a GThreadPool may
 * still be ending when the process does, and what OpenSSL keeps for each of them is taken
 * apart twice then.) */
void worker_free(Worker *worker);
