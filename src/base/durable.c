/* SPDX-License-Identifier: Apache-2.0 */
#include "base/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  FILE_MODE = 0640,
  SECRET_MODE = 0600,
  DIRECTORY_MODE = 0750,
  TEMPORARY_TRIES = 100,
  TREE_DEPTH = 100,  /* each level of a tree holds one descriptor and one stack frame */
};

/* Sets error from errno: "cannot <verb> <path>: <reason>". Always FALSE. */
static gboolean fail(GError **error, const char *verb, const char *path)
{
  int number = errno;
  g_autofree char *name = g_filename_display_name(path);

  g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(number), "cannot %s %s: %s",
              verb, name, g_strerror(number));
  return FALSE;
}

/* The number of bytes written before errno was set, length if all went well. */
static gsize write_all(int fd, const char *data, gsize length)
{
  gsize done = 0;

  while (done < length) {
    gssize written = write(fd, data + done, length - done);
    if (written < 0 && errno != EINTR) {
      break;
    }
    done += (gsize)MAX(written, 0);
  }
  return done;
}

gboolean durable_write_all(int fd, const void *data, gsize length, GError **error)
{
  if (write_all(fd, data, length) == length) {
    return TRUE;
  }
  int number = errno;
  g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
  g_autofree char *path = g_file_read_link(link, NULL);
  errno = number;
  return fail(error, "write to", path != NULL ? path : link);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *durable_list_directory(const char *path, GError **error)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  DIR *folder = opendir(path);
  struct dirent *entry;

  if (folder == NULL) {
    fail(error, "open folder", path);
    return NULL;
  }
  while ((errno = 0, entry = readdir(folder)) != NULL) {
    if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, "..")) {
      g_ptr_array_add(names, g_strdup(entry->d_name));
    }
  }
  gboolean whole = errno == 0 || fail(error, "read folder", path);
  closedir(folder);
  g_ptr_array_sort(names, compare_names);
  return whole ? g_steal_pointer(&names) : NULL;
}

gboolean durable_sync_directory(const char *path, GError **error)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0) {
    return fail(error, "open folder", path);
  }
  gboolean synced = fsync(fd) == 0 || fail(error, "sync folder", path);
  close(fd);
  return synced;
}

static gboolean sync_parent(const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname(path);

  return durable_sync_directory(parent, error);
}

/* A new file beside path, with a name that the spool and people pass over. */
static int open_temporary(const char *path, mode_t mode, char **temporary, GError **error)
{
  g_autofree char *parent = g_path_get_dirname(path);
  g_autofree char *base = g_path_get_basename(path);

  for (int i = 0; i < TEMPORARY_TRIES; i++) {
    g_autofree char *name = g_strdup_printf("%s/.%s.%08x", parent, base, g_random_int());
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd >= 0) {
      *temporary = g_steal_pointer(&name);
      return fd;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  fail(error, "make a temporary file for", path);
  return -1;
}

/* Closes fd whatever happens. */
static gboolean fill_and_close(int fd, const char *path, const void *data, gsize length,
                               GError **error)
{
  if (write_all(fd, data, length) < length || fdatasync(fd) != 0) {
    fail(error, "write", path);
    close(fd);
    return FALSE;
  }
  return close(fd) == 0 || fail(error, "close", path);
}

static gboolean write_file(const char *path, mode_t mode, const void *data, gsize length,
                           GError **error)
{
  g_autofree char *temporary = NULL;
  int fd = open_temporary(path, mode, &temporary, error);

  if (fd < 0) {
    return FALSE;
  }
  if (!fill_and_close(fd, path, data, length, error)) {
    unlink(temporary);
    return FALSE;
  }
  if (rename(temporary, path) != 0) {
    fail(error, "replace", path);
    unlink(temporary);
    return FALSE;
  }
  return sync_parent(path, error);
}

gboolean durable_write_file(const char *path, const void *data, gsize length, GError **error)
{
  return write_file(path, FILE_MODE, data, length, error);
}

gboolean durable_write_secret(const char *path, const void *data, gsize length, GError **error)
{
  return write_file(path, SECRET_MODE, data, length, error);
}

gboolean durable_make_directory(const char *path, GError **error)
{
  if (mkdir(path, DIRECTORY_MODE) != 0) {
    struct stat status;
    if (errno != EEXIST) {
      return fail(error, "make folder", path);
    }
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
      errno = ENOTDIR;
      return fail(error, "make folder", path);
    }
  }
  /* Also for a folder that was there: whoever made it may have died before this. */
  return sync_parent(path, error);
}

gboolean durable_rename(const char *from, const char *to, GError **error)
{
  g_autofree char *from_parent = g_path_get_dirname(from);
  g_autofree char *to_parent = g_path_get_dirname(to);
  g_autofree char *verb = g_strdup_printf("rename %s to", from);

  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
    return fail(error, verb, to);
  }
  /* The new name first: a crash in between may leave two names, never none. */
  return durable_sync_directory(to_parent, error) &&
         (g_str_equal(from_parent, to_parent) || durable_sync_directory(from_parent, error));
}

/* Opens the folder name in parent, whoever else may put a symbolic link there
 * meanwhile, and makes it writable: what a release keeps may be read-only. */
static DIR *open_folder(int parent, const char *name)
{
  struct stat status;
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return NULL;
  }
  if (fstat(fd, &status) == 0 && (status.st_mode & S_IRWXU) != S_IRWXU) {
    fchmod(fd, (status.st_mode & 07777) | S_IRWXU); /* if refused, unlinkat() says so */
  }
  DIR *folder = fdopendir(fd);
  if (folder == NULL) {
    close(fd);
  }
  return folder;
}

/* Removes name in parent; errno where it cannot. What is gone already is removed. */
static gboolean remove_at(int parent, const char *name, guint depth)
{
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
    return TRUE;
  }
  if (errno != EISDIR) {
    return FALSE;
  }
  if (depth == TREE_DEPTH) {
    errno = ENAMETOOLONG; /* the nearest: the whole path is */
    return FALSE;
  }
  DIR *folder = open_folder(parent, name);
  if (folder == NULL) {
    return errno == ENOENT;
  }
  gboolean removed = TRUE;
  struct dirent *entry;
  while (removed && (errno = 0, entry = readdir(folder)) != NULL) {
    removed = g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, "..") ||
              remove_at(dirfd(folder), entry->d_name, depth + 1);
  }
  int number = errno; /* of the first failure, or of readdir(); 0 at the end */
  closedir(folder);
  errno = number;
  return number == 0 && (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT);
}

gboolean durable_remove_tree(const char *path, GError **error)
{
  return remove_at(AT_FDCWD, path, 0) ? sync_parent(path, error) : fail(error, "remove", path);
}
