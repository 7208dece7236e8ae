/* SPDX-License-Identifier: Apache-2.0 */
#include "content/bundle.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include "base/durable.h"
#include "base/limits.h"
#include "base/names.h"

typedef struct {
  const char *root;
  guint64 max_size;
  guint64 size;        /* of the files found */
  GPtrArray *files;    /* BundleFile; NULL when the walk has ended for good */
  Report *report;
} Walk;

static gboolean look_at(Walk *walk, const char *path, const char *name, guint depth);

static void file_free(gpointer data)
{
  BundleFile *file = data;
  g_free(file->name);
  g_free(file->shown);
  g_free(file->path);
  g_free(file);
}

/* How a path within the drop is shown to people. */
static char *show(const Walk *walk, const char *name)
{
  g_autofree char *full = *name == '\0' ? g_strdup(walk->root)
                                        : g_strconcat(walk->root, "/", name, NULL);
  return text_make_visible(full);
}

static G_GNUC_PRINTF(3, 4) void fail(Walk *walk, const char *name, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *shown = show(walk, name);
  report_error(walk->report, shown, 0, 0, "%s", text);
}

/* Something here cannot be read: that is no fault of the drop's. */
static void cannot_read(Walk *walk, const char *name, const char *why)
{
  g_autofree char *shown = show(walk, name);
  report_trouble(walk->report, shown, "it cannot be read: %s", why);
}

static G_GNUC_PRINTF(2, 3) void give_up(Walk *walk, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  fail(walk, "", "%s", text);
  g_clear_pointer(&walk->files, g_ptr_array_unref);
}

static void add_file(Walk *walk, const char *path, const char *name, guint64 size)
{
  walk->size += size;
  if (walk->size > walk->max_size) {
    g_autofree char *most = g_format_size(walk->max_size);
    give_up(walk, "it is larger than %s; make pictures and attachments smaller, or ask the "
            "administrator to raise max_bundle_size", most);
    return;
  }
  if (walk->files->len == LIMIT_BUNDLE_FILES) {
    give_up(walk, "there are more than %d files in it; drop fewer", LIMIT_BUNDLE_FILES);
    return;
  }
  BundleFile *file = g_new0(BundleFile, 1);
  file->name = g_strdup(*name == '\0' ? walk->root : name);
  file->shown = show(walk, name);
  file->path = g_strdup(path);
  file->size = size;
  g_ptr_array_add(walk->files, file);
}

static gboolean is_left_behind(const char *name)
{
  return *name == '.' || g_str_has_suffix(name, "~") || strcmp(name, "Thumbs.db") == 0 ||
         strcmp(name, "desktop.ini") == 0;
}

static void look_at_child(Walk *walk, const char *path, const char *parent, const char *child,
                          guint depth)
{
  const char *why = NULL;
  g_autofree char *child_path = g_build_filename(path, child, NULL);
  g_autofree char *name = *parent == '\0' ? g_strdup(child)
                                          : g_strconcat(parent, "/", child, NULL);
  if (!name_is_safe(child, &why)) {
    fail(walk, name, "this name cannot be used: %s; rename it", why);
  } else if (is_left_behind(child)) {
    g_autofree char *shown = show(walk, name);
    report_warning(walk->report, shown, 0, 0, "this file is left out: its name is one that "
                   "editors and desktops give to files of their own");
  } else {
    look_at(walk, child_path, name, depth);
  }
}

static void look_into(Walk *walk, const char *path, const char *name, guint depth)
{
  g_autoptr(GError) error = NULL;
  if (depth > LIMIT_BUNDLE_DEPTH) {
    fail(walk, name, "folders are nested more than %d deep; use fewer", LIMIT_BUNDLE_DEPTH);
    return;
  }
  g_autoptr(GPtrArray) children = durable_list_directory(path, &error);
  if (children == NULL) {
    cannot_read(walk, name, error->message);
    return;
  }
  for (guint i = 0; i < children->len && walk->files != NULL; i++) {
    look_at_child(walk, path, name, children->pdata[i], depth + 1);
  }
}

/* FALSE where there is neither a file nor a folder. */
static gboolean look_at(Walk *walk, const char *path, const char *name, guint depth)
{
  GStatBuf status;
  if (g_lstat(path, &status) != 0) {
    cannot_read(walk, name, g_strerror(errno));
    return FALSE;
  }
  if (S_ISDIR(status.st_mode)) {
    look_into(walk, path, name, depth);
  } else if (S_ISREG(status.st_mode)) {
    add_file(walk, path, name, (guint64)status.st_size);
  } else {
    fail(walk, name, "this is a %s, not a file; put the file itself here",
         S_ISLNK(status.st_mode) ? "symbolic link" : "device, pipe or socket");
    return FALSE;
  }
  return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
  const BundleFile *const *first = a, *const *second = b;
  return strcmp((*first)->name, (*second)->name);
}

GPtrArray *bundle_list(const char *path, const char *root, guint64 max_size, Report *report)
{
  Walk walk = { .root = root, .max_size = max_size, .report = report,
                .files = g_ptr_array_new_with_free_func(file_free) };
  if (!look_at(&walk, path, "", 0)) {
    g_clear_pointer(&walk.files, g_ptr_array_unref);
  }
  if (walk.files != NULL) {
    g_ptr_array_sort(walk.files, compare_names);
  }
  return walk.files;
}
