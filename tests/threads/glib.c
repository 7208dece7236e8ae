/* SPDX-License-Identifier: Apache-2.0 */

/* What ThreadSanitizer has to be told about GLib.
 *
 * It sees what the compiler has instrumented, and what it intercepts of the C library. GLib is
 * not instrumented, and orders threads with atomics and futex(2) of its own: without help, all
 * that goes from one thread to another through GLib looks like a race. Linked into every program
 * of a build with --enable-thread-sanitizer, these wrappers stand before GLib's functions (the
 * linker's --wrap; the list is in configure.ac) and tell what each guarantees, no more: the one
 * who takes an item has seen what was done before that item was handed over, not what was done
 * before others. */

#include <glib.h>
#include <sanitizer/tsan_interface.h>

/* Defines the wrapper of a function, whose own name is __real_FUNCTION from here on. */
#define WRAP(type, function, ...)         \
  type __real_##function(__VA_ARGS__);    \
  type __wrap_##function(__VA_ARGS__);    \
  type __wrap_##function(__VA_ARGS__)

/* Between these, what GLib allocates is its own: it keeps its threads apart there. */
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

static void enter_glib(void)
{
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static void leave_glib(void)
{
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}

/* --- Mutexes. --- */

WRAP(void, g_mutex_init, GMutex *mutex)
{
  __real_g_mutex_init(mutex);
  __tsan_mutex_create(mutex, 0);
}

WRAP(void, g_mutex_clear, GMutex *mutex)
{
  __tsan_mutex_destroy(mutex, 0);
  __real_g_mutex_clear(mutex);
}

WRAP(void, g_mutex_lock, GMutex *mutex)
{
  __tsan_mutex_pre_lock(mutex, 0);
  __real_g_mutex_lock(mutex);
  __tsan_mutex_post_lock(mutex, 0, 0);
}

WRAP(void, g_mutex_unlock, GMutex *mutex)
{
  __tsan_mutex_pre_unlock(mutex, 0);
  __real_g_mutex_unlock(mutex);
  __tsan_mutex_post_unlock(mutex, 0);
}

/* --- Conditions: whoever waits has given up the mutex meanwhile. Signals order nothing. --- */

static void tell_given_up(GMutex *mutex)
{
  __tsan_mutex_pre_unlock(mutex, 0);
  __tsan_mutex_post_unlock(mutex, 0);
}

static void tell_taken_again(GMutex *mutex)
{
  __tsan_mutex_pre_lock(mutex, 0);
  __tsan_mutex_post_lock(mutex, 0, 0);
}

WRAP(void, g_cond_wait, GCond *cond, GMutex *mutex)
{
  tell_given_up(mutex);
  __real_g_cond_wait(cond, mutex);
  tell_taken_again(mutex);
}

WRAP(gboolean, g_cond_wait_until, GCond *cond, GMutex *mutex, gint64 end_us)
{
  tell_given_up(mutex);
  gboolean signalled = __real_g_cond_wait_until(cond, mutex, end_us);
  tell_taken_again(mutex);
  return signalled;
}

/* --- Things that are done once. --- */

WRAP(gboolean, g_once_init_enter, void *location)
{
  gboolean first = __real_g_once_init_enter(location);

  __tsan_acquire(location);
  return first;
}

WRAP(void, g_once_init_leave, void *location, gsize result)
{
  __tsan_release(location);
  __real_g_once_init_leave(location, result);
}

/* --- Counted references: all that was done with the box comes before its end. --- */

static _Thread_local GDestroyNotify clear_box;

static void clear_box_after_all(gpointer box)
{
  __tsan_acquire(box);
  clear_box(box);
}

WRAP(void, g_atomic_rc_box_release_full, gpointer box, GDestroyNotify clear)
{
  GDestroyNotify outer = clear_box;

  clear_box = clear;
  __tsan_release(box);
  __real_g_atomic_rc_box_release_full(box, clear_box_after_all);
  clear_box = outer;
}

/* --- What GLib changes within its own types, unseen, and leaves to its callers to keep apart:
 * the type's first bytes stand for all of it. --- */

void __tsan_read1(void *place);
void __tsan_write1(void *place);

WRAP(void, g_ptr_array_add, GPtrArray *array, gpointer item)
{
  __tsan_write1(array);
  __real_g_ptr_array_add(array, item);
}

WRAP(gboolean, g_ptr_array_remove, GPtrArray *array, gpointer item)
{
  __tsan_write1(array);
  return __real_g_ptr_array_remove(array, item);
}

WRAP(gboolean, g_hash_table_add, GHashTable *table, gpointer key)
{
  __tsan_write1(table);
  return __real_g_hash_table_add(table, key);
}

WRAP(gboolean, g_hash_table_insert, GHashTable *table, gpointer key, gpointer value)
{
  __tsan_write1(table);
  return __real_g_hash_table_insert(table, key, value);
}

WRAP(gboolean, g_hash_table_replace, GHashTable *table, gpointer key, gpointer value)
{
  __tsan_write1(table);
  return __real_g_hash_table_replace(table, key, value);
}

WRAP(gboolean, g_hash_table_remove, GHashTable *table, gconstpointer key)
{
  __tsan_write1(table);
  return __real_g_hash_table_remove(table, key);
}

WRAP(gpointer, g_hash_table_lookup, GHashTable *table, gconstpointer key)
{
  __tsan_read1(table);
  return __real_g_hash_table_lookup(table, key);
}

WRAP(GString *, g_string_append_len, GString *string, const char *text, gssize length)
{
  __tsan_write1(string);
  return __real_g_string_append_len(string, text, length);
}

WRAP(GString *, g_string_set_size, GString *string, gsize size)
{
  __tsan_write1(string);
  return __real_g_string_set_size(string, size);
}

/* The count is before the box. */
static void tell_counted(gpointer box)
{
  __tsan_write1((char *)box - 1);
}

WRAP(gpointer, g_rc_box_acquire, gpointer box)
{
  tell_counted(box);
  return __real_g_rc_box_acquire(box);
}

WRAP(void, g_rc_box_release_full, gpointer box, GDestroyNotify clear)
{
  tell_counted(box);
  __real_g_rc_box_release_full(box, clear);
}

/* --- Queues. --- */

WRAP(void, g_async_queue_push, GAsyncQueue *queue, gpointer item)
{
  __tsan_release(item);
  enter_glib();
  __real_g_async_queue_push(queue, item);
  leave_glib();
}

WRAP(gpointer, g_async_queue_pop, GAsyncQueue *queue)
{
  gpointer item = __real_g_async_queue_pop(queue);

  __tsan_acquire(item);
  return item;
}

WRAP(gpointer, g_async_queue_try_pop, GAsyncQueue *queue)
{
  gpointer item = __real_g_async_queue_try_pop(queue);

  if (item != NULL) {
    __tsan_acquire(item);
  }
  return item;
}

/* --- What another thread gives the main loop to do. --- */

typedef struct {
  GSourceFunc call;
  gpointer data;
  GDestroyNotify destroy;
} Call;

static gboolean dispatch_call(gpointer data)
{
  Call *call = data;

  __tsan_acquire(call);
  return call->call(call->data);
}

static void destroy_call(gpointer data)
{
  Call *call = data;

  __tsan_acquire(call);
  if (call->destroy != NULL) {
    call->destroy(call->data);
  }
  g_free(call);
}

WRAP(guint, g_idle_add_full, int priority, GSourceFunc function, gpointer data,
     GDestroyNotify destroy)
{
  Call *call = g_new(Call, 1);

  *call = (Call){function, data, destroy};
  __tsan_release(call);
  enter_glib();
  guint id = __real_g_idle_add_full(priority, dispatch_call, call, destroy_call);
  leave_glib();
  return id;
}
