/* SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"

struct Worker {
  GAsyncQueue *tasks;
  GThread *thread;
  void (*work)(gpointer task, gpointer data);
  gpointer data;
};

/* The last task. */
static char end;

static gpointer run(gpointer data)
{
  const Worker *worker = data;
  gpointer task;
  while ((task = g_async_queue_pop(worker->tasks)) != &end)
    worker->work(task, worker->data);
  return NULL;
}

Worker *worker_new(const char *name, void (*work)(gpointer task, gpointer data), gpointer data)
{
  Worker *worker = g_new0(Worker, 1);
  worker->tasks = g_async_queue_new();
  worker->work = work;
  worker->data = data;
  worker->thread = g_thread_new(name, run, worker);
  return worker;
}

void worker_push(Worker *worker, gpointer task)
{
  g_async_queue_push(worker->tasks, task);
}

void worker_free(Worker *worker)
{
  worker_push(worker, &end);
  g_thread_join(worker->thread);
  g_async_queue_unref(worker->tasks);
  g_free(worker);
}
