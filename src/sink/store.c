/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/store.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <unistd.h>

struct Store {
  char *tmp, *new;  /* folders of the Maildir, or NULL */
  int record;       /* -1 for none */
  guint64 start;    /* microseconds since 1970; makes names unique over restarts */
};

static void set_errno_error(GError **error, const char *doing, const char *what)
{
  int code = errno;
  g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(code), "%s %s: %s", doing, what,
              g_strerror(code));
}

static gboolean make_maildir(Store *store, const char *maildir, GError **error)
{
  static const char *const folders[] = {"tmp", "new", "cur"};
  for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *folder = g_build_filename(maildir, folders[i], NULL);
    if (g_mkdir_with_parents(folder, 0700) != 0) {
      set_errno_error(error, "making", folder);
      return FALSE;
    }
  }
  store->tmp = g_build_filename(maildir, "tmp", NULL);
  store->new = g_build_filename(maildir, "new", NULL);
  return TRUE;
}

Store *store_open(const char *maildir, const char *record, GError **error)
{
  g_autoptr(Store) store = g_new0(Store, 1);
  store->record = -1;
  store->start = (guint64)g_get_real_time();
  if (maildir != NULL && !make_maildir(store, maildir, error)) {
    return NULL;
  }
  if (record != NULL) {
    store->record = open(record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (store->record < 0) {
      set_errno_error(error, "opening", record);
      return NULL;
    }
  }
  return g_steal_pointer(&store);
}

void store_close(Store *store)
{
  if (store == NULL) {
    return;
  }
  if (store->record >= 0) {
    close(store->record);
  }
  g_free(store->tmp);
  g_free(store->new);
  g_free(store);
}

gboolean store_has_maildir(const Store *store)
{
  return store->new != NULL;
}

gboolean store_has_record(const Store *store)
{
  return store->record >= 0;
}

int store_create(Store *store, const char *unique, char **name, GError **error)
{
  g_autofree char *made = g_strdup_printf(
      "%" G_GUINT64_FORMAT ".M%06uP%d_%s.localhost", store->start / G_USEC_PER_SEC,
      (guint)(store->start % G_USEC_PER_SEC), (int)getpid(), unique);
  g_autofree char *path = g_build_filename(store->tmp, made, NULL);
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    set_errno_error(error, "creating", path);
    return -1;
  }
  *name = g_steal_pointer(&made);
  return file;
}

gboolean store_deliver(Store *store, const char *name, GError **error)
{
  g_autofree char *from = g_build_filename(store->tmp, name, NULL);
  g_autofree char *to = g_build_filename(store->new, name, NULL);
  if (g_rename(from, to) != 0) {
    set_errno_error(error, "renaming", from);
    return FALSE;
  }
  return TRUE;
}

void store_remove(Store *store, const char *name)
{
  g_autofree char *unfinished = g_build_filename(store->tmp, name, NULL);
  g_autofree char *finished = g_build_filename(store->new, name, NULL);
  if (g_unlink(unfinished) != 0) {
    g_unlink(finished);
  }
}

gboolean store_record(Store *store, const GString *line, GError **error)
{
  ssize_t written = write(store->record, line->str, line->len);
  if (written == (ssize_t)line->len) {
    return TRUE;
  }
  if (written < 0) {
    set_errno_error(error, "writing", "the record");
  } else {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                "the record took %zd of a line's %zu octets; its last line is torn", written,
                line->len);
  }
  return FALSE;
}
