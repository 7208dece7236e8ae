/* SPDX-License-Identifier: Apache-2.0 */

/* Whether ThreadSanitizer, with what glib.c tells it, reports races and nothing else. In each
 * case a thread writes a number and another one reads it; in the racing ones what should keep
 * them apart is left out, or comes too late. Neither ever waits for the other by other means. */

#include <glib.h>
#include <stdlib.h>

static struct {
  GMutex lock;
  GCond changed;
  GAsyncQueue *queue;
  GMainLoop *loop;
  gsize once;
  gboolean racing, written;
  int number;
} shared;

static gpointer add_locked(G_GNUC_UNUSED gpointer data)
{
  for (int i = 0; i < 1000; i++) {
    if (!shared.racing) {
      g_mutex_lock(&shared.lock);
    }
    shared.number++;
    if (!shared.racing) {
      g_mutex_unlock(&shared.lock);
    }
  }
  return NULL;
}

static void case_mutex(void)
{
  GThread *thread = g_thread_new("mutex", add_locked, NULL);

  add_locked(NULL);
  g_thread_join(thread);
}

/* A writer that races writes once more after it has handed over. */
static void write_again(void)
{
  if (shared.racing) {
    shared.number = 2;
  }
}

static gpointer write_and_signal(G_GNUC_UNUSED gpointer data)
{
  shared.number = 1;
  g_mutex_lock(&shared.lock);
  shared.written = TRUE;
  g_cond_signal(&shared.changed);
  g_mutex_unlock(&shared.lock);
  write_again();
  return NULL;
}

static void case_condition(void)
{
  GThread *thread = g_thread_new("condition", write_and_signal, NULL);

  g_mutex_lock(&shared.lock);
  while (!shared.written) {
    g_cond_wait(&shared.changed, &shared.lock);
  }
  g_mutex_unlock(&shared.lock);
  g_assert_cmpint(shared.number, >, 0);
  g_thread_join(thread);
}

static gpointer write_and_push(G_GNUC_UNUSED gpointer data)
{
  int *item = g_new(int, 1);

  *item = 1;
  shared.number = 1;
  g_async_queue_push(shared.queue, item);
  write_again();
  return NULL;
}

static void case_queue(void)
{
  int *item;

  shared.queue = g_async_queue_new();
  GThread *thread = g_thread_new("queue", write_and_push, NULL);
  while ((item = g_async_queue_try_pop(shared.queue)) == NULL) {
    g_thread_yield();
  }
  g_assert_cmpint(*item + shared.number, >, 1);
  g_thread_join(thread);
  g_free(item);
  g_async_queue_unref(shared.queue);
}

static gpointer pop_and_read(G_GNUC_UNUSED gpointer data)
{
  int *item = g_async_queue_pop(shared.queue);

  g_assert_cmpint(*item + shared.number, >, 1);
  g_free(item);
  return NULL;
}

static void case_worker(void)
{
  shared.queue = g_async_queue_new();
  GThread *thread = g_thread_new("worker", pop_and_read, NULL);
  write_and_push(NULL);
  g_thread_join(thread);
  g_async_queue_unref(shared.queue);
}

static gboolean read_and_quit(gpointer data)
{
  g_assert_cmpint(*(int *)data + shared.number, >, 1);
  g_free(data);
  g_main_loop_quit(shared.loop);
  return G_SOURCE_REMOVE;
}

static gpointer write_and_add(G_GNUC_UNUSED gpointer data)
{
  int *item = g_new(int, 1);

  *item = 1;
  shared.number = 1;
  g_idle_add_full(G_PRIORITY_DEFAULT, read_and_quit, item, NULL);
  write_again();
  return NULL;
}

static void case_loop(void)
{
  shared.loop = g_main_loop_new(NULL, FALSE);
  GThread *thread = g_thread_new("loop", write_and_add, NULL);
  g_main_loop_run(shared.loop);
  g_thread_join(thread);
  g_main_loop_unref(shared.loop);
}

static gpointer write_once(G_GNUC_UNUSED gpointer data)
{
  if (g_once_init_enter(&shared.once)) {
    shared.number = 1;
    g_once_init_leave(&shared.once, 1);
    write_again();
  }
  return GINT_TO_POINTER(shared.number);
}

static void case_once(void)
{
  GThread *thread = g_thread_new("once", write_once, NULL);

  g_assert_nonnull(write_once(NULL));
  g_thread_join(thread);
}

static void clear_number(gpointer box)
{
  *(int *)box = 0;
}

static gpointer write_and_release(gpointer box)
{
  *(int *)box = 1;
  g_atomic_rc_box_release_full(box, clear_number);
  return NULL;
}

static void case_box(void)
{
  int *box = g_atomic_rc_box_new0(int);
  GThread *thread = g_thread_new("box", write_and_release, g_atomic_rc_box_acquire(box));

  if (shared.racing) {
    *box = 2;
  }
  g_atomic_rc_box_release_full(box, clear_number);
  g_thread_join(thread);
}

/* Changes that GLib makes, in memory of its own. */
static gpointer count_locked(gpointer box)
{
  if (!shared.racing) {
    g_mutex_lock(&shared.lock);
  }
  g_rc_box_release_full(g_rc_box_acquire(box), clear_number);
  if (!shared.racing) {
    g_mutex_unlock(&shared.lock);
  }
  return NULL;
}

static void case_count(void)
{
  int *box = g_rc_box_new0(int);
  GThread *thread = g_thread_new("count", count_locked, box);

  count_locked(box);
  g_thread_join(thread);
  g_rc_box_release_full(box, clear_number);
}

static gpointer empty_locked(gpointer string)
{
  if (!shared.racing) {
    g_mutex_lock(&shared.lock);
  }
  g_string_set_size(string, 0);
  if (!shared.racing) {
    g_mutex_unlock(&shared.lock);
  }
  return NULL;
}

static void case_string(void)
{
  GString *string = g_string_new(NULL);
  GThread *thread = g_thread_new("string", empty_locked, string);

  empty_locked(string);
  g_thread_join(thread);
  g_string_free(string, TRUE);
}

typedef struct {
  const char *name;
  void (*run)(void);
} Case;

static const Case cases[] = {
  {"mutex", case_mutex},   {"condition", case_condition}, {"queue", case_queue},
  {"worker", case_worker}, {"loop", case_loop},           {"once", case_once},
  {"box", case_box},       {"count", case_count},         {"string", case_string},
};

/* --- Each case runs in a process of its own, whose reports are no one else's. --- */

static void run_case(gconstpointer data, gboolean racing)
{
  const Case *self = data;

  if (g_test_subprocess()) {
    shared.racing = racing;
    self->run();
    return;
  }
  g_test_trap_subprocess(NULL, 0, 0);
  if (racing) {
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*ThreadSanitizer: data race*");
  } else {
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr_unmatched("*ThreadSanitizer*");
  }
}

static void test_a_race_is_reported(gconstpointer data)
{
  run_case(data, TRUE);
}

static void test_order_is_not_reported(gconstpointer data)
{
  run_case(data, FALSE);
}

int main(int argc, char **argv)
{
  /* GLib's slices would lend memory from thread to thread. */
  if (!g_setenv("TSAN_OPTIONS", "exitcode=66", TRUE) ||
      !g_setenv("G_SLICE", "always-malloc", TRUE)) {
    return EXIT_FAILURE;
  }
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *race = g_strdup_printf("/threads/%s/race", cases[i].name);
    g_autofree char *order = g_strdup_printf("/threads/%s/order", cases[i].name);
    g_test_add_data_func(race, &cases[i], test_a_race_is_reported);
    g_test_add_data_func(order, &cases[i], test_order_is_not_reported);
  }
  return g_test_run();
}
