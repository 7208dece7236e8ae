/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/copy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "base/durable.h"
#include "base/limits.h"
#include "base/names.h"
#include "spool/folders.h"
#include "spool/ready.h"

enum {
  BLOCK_SIZE = 128 << 10,
  FILE_MODE = 0440,
  FOLDER_MODE = 0750,
  /* All names that are looked at, with those that are passed over. */
  NAMES_MAX = 4 * LIMIT_BUNDLE_FILES,
};

/* One walk through a drop. The drop is walked twice by the same rules, because it may
 * change in between: first only to look, then to copy. */
typedef struct {
  Report *report;
  const char *name;  /* the drop's */
  guint64 max_size;
  dev_t device;      /* the file system that all of it must be on */
  guint64 size;      /* of the files so far */
  guint files;       /* and folders, so far */
  guint names;
} Walk;

static gboolean copy_entry(Walk *walk, int from, const char *name, int to, const char *path,
                           guint depth, GError **error);

#define SYMBOLIC_LINK_FAULT \
  "is a symbolic link, and could lead anywhere; put the file itself in its place"

static const char *find_fault(const Walk *walk, const struct stat *status)
{
  if (S_ISLNK(status->st_mode)) {
    return SYMBOLIC_LINK_FAULT;
  }
  if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode)) {
    return "is a device, a pipe or a socket; only files and folders can be sent, so remove it";
  }
  if (S_ISREG(status->st_mode) && status->st_nlink > 1) {
    return "is a hard link, the second name of a file elsewhere; put a copy of the file in its "
           "place";
  }
  if (status->st_dev != walk->device) {
    return "is on another file system than the rest; put a copy in its place";
  }
  return NULL;
}

/* What whoever dropped it can bring about; other errors are our own trouble. */
static const struct {
  int number;
  const char *fault;
} fault_of_errno[] = {
  {EACCES, "cannot be read by the daemon; make it readable (chmod -R a+rX), then drop it again"},
  {EPERM, "cannot be read by the daemon; make it readable (chmod -R a+rX), then drop it again"},
  {ELOOP, SYMBOLIC_LINK_FAULT},
  {ENOENT, "vanished while it was being read; drop it again when it is complete"},
  {ENOTDIR, "was replaced while it was being read; drop it again when it is complete"},
  {ENXIO, "was replaced while it was being read; drop it again when it is complete"},
  {EAGAIN, "is held by another program (a lease); close that, then drop it again"},
};

/* Takes errno: TRUE, and a finding, where the drop is to blame. */
static gboolean blame_drop(Walk *walk, const char *path, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS(fault_of_errno); i++) {
    if (errno == fault_of_errno[i].number) {
      report_error(walk->report, path, 0, 0, "%s", fault_of_errno[i].fault);
      return TRUE;
    }
  }
  return spool_fail(error, NULL, "read %s", path);
}

static gboolean is_within_limits(const Walk *walk)
{
  return walk->files <= LIMIT_BUNDLE_FILES && walk->names <= NAMES_MAX &&
         walk->size <= walk->max_size;
}

static void report_limits(const Walk *walk)
{
  if (walk->files > LIMIT_BUNDLE_FILES || walk->names > NAMES_MAX) {
    report_error(walk->report, walk->name, 0, 0,
                 "holds too many files; at most %d files and folders can be sent as one",
                 LIMIT_BUNDLE_FILES);
  } else if (walk->size > walk->max_size) {
    g_autofree char *size = g_format_size_full(walk->size, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *most = g_format_size_full(walk->max_size, G_FORMAT_SIZE_IEC_UNITS);
    report_error(walk->report, walk->name, 0, 0,
                 "is too big: %s, where at most %s are taken (max_bundle_size)", size, most);
  }
}

/* Copies at most the size that was seen at the beginning: a file that is still being
 * written to could grow faster than we read. */
static gboolean copy_bytes(Walk *walk, int in, int out, const struct stat *before,
                           const char *path, GError **error)
{
  g_autofree char *block = g_malloc(BLOCK_SIZE);
  struct stat after;
  goffset done = 0;
  gssize got;

  do {
    got = read(in, block, BLOCK_SIZE);
    if (got < 0 && errno != EINTR) {
      return blame_drop(walk, path, error);
    }
    if (got > 0 && !durable_write_all(out, block, (gsize)got, error)) {
      return FALSE;
    }
    done += MAX(got, 0);
  } while (got != 0 && done <= before->st_size);
  if (fstat(in, &after) != 0) {
    return spool_fail(error, NULL, "look at %s", path);
  }
  if (done != before->st_size || after.st_size != before->st_size ||
      memcmp(&after.st_mtim, &before->st_mtim, sizeof after.st_mtim) != 0) {
    report_error(walk->report, path, 0, 0,
                 "was changed while it was being read; drop it again when it is complete");
  }
  return fsync(out) == 0 || spool_fail(error, NULL, "write the copy of %s", path);
}

static gboolean copy_file(Walk *walk, int from, const char *name, int to, const char *path,
                          GError **error)
{
  struct stat status;
  autofd in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (in < 0 || fstat(in, &status) != 0) {
    return blame_drop(walk, path, error);
  }
  /* Once more, because what we opened need not be what we looked at. */
  const char *fault = S_ISDIR(status.st_mode) ? "was replaced while it was being read"
                                              : find_fault(walk, &status);
  if (fault != NULL) {
    report_error(walk->report, path, 0, 0, "%s", fault);
    return TRUE;
  }
  walk->size += (guint64)status.st_size;
  if (to < 0 || !is_within_limits(walk)) {
    return TRUE;
  }
  autofd out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
  if (out < 0) {
    return spool_fail(error, NULL, "make the copy of %s", path);
  }
  return copy_bytes(walk, in, out, &status, path, error);
}

/* path is the folder's own in findings; NULL for the drop itself. */
static gboolean copy_names(Walk *walk, DIR *folder, int into, const char *path, guint depth,
                           GError **error)
{
  const char *name;

  while (walk->names <= NAMES_MAX && (name = folder_next(folder)) != NULL) {
    g_autofree char *inner = path != NULL ? g_build_filename(path, name, NULL) : g_strdup(name);
    NameKind kind = ready_name_kind(name);
    walk->names++;
    if (kind == NAME_UNFINISHED) {
      report_error(walk->report, inner, 0, 0,
                   "is an unfinished transfer; finish it or remove it, then drop all of it again");
    } else if (kind == NAME_CONTENT &&
               !copy_entry(walk, dirfd(folder), name, into, inner, depth, error)) {
      return FALSE;
    }
  }
  return walk->names > NAMES_MAX || errno == 0 || blame_drop(walk, walk->name, error);
}

static gboolean copy_folder(Walk *walk, int from, const char *name, int to, const char *path,
                            guint depth, GError **error)
{
  g_autoptr(DIR) folder = folder_open(from, name);
  autofd into = -1;

  if (folder == NULL) {
    return blame_drop(walk, path, error);
  }
  if (to >= 0) {
    if (mkdirat(to, name, FOLDER_MODE) != 0 ||
        (into = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
      return spool_fail(error, NULL, "make the copy of folder %s", path);
    }
  }
  return copy_names(walk, folder, into, depth > 0 ? path : NULL, depth + 1, error) &&
         (into < 0 || fsync(into) == 0 || spool_fail(error, NULL, "write the copy of %s", path));
}

/* to is -1 where the drop is only looked at. */
static gboolean copy_entry(Walk *walk, int from, const char *name, int to, const char *path,
                           guint depth, GError **error)
{
  const char *why;
  struct stat status;

  if (!name_is_safe(name, &why)) {
    report_error(walk->report, path, 0, 0, "has a name that cannot be used: %s; rename it", why);
    return TRUE;
  }
  if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return blame_drop(walk, path, error);
  }
  const char *fault = find_fault(walk, &status);
  if (fault != NULL) {
    report_error(walk->report, path, 0, 0, "%s", fault);
    return TRUE;
  }
  walk->files += depth > 0;
  if (!S_ISDIR(status.st_mode)) {
    return copy_file(walk, from, name, to, path, error);
  }
  if (depth > LIMIT_BUNDLE_DEPTH) {
    report_error(walk->report, path, 0, 0,
                 "lies too deep; at most %d folders within folders can be sent",
                 LIMIT_BUNDLE_DEPTH);
    return TRUE;
  }
  return copy_folder(walk, from, name, to, path, depth, error);
}

static gboolean walk_drop(int from, const char *name, int to, guint64 max_size, Report *report,
                          GError **error)
{
  struct stat status;
  Walk walk = {.report = report, .name = name, .max_size = max_size};

  if (fstat(from, &status) != 0) {
    return spool_fail(error, NULL, "look at the folder of %s", name);
  }
  walk.device = status.st_dev;
  if (!copy_entry(&walk, from, name, to, name, 0, error)) {
    return FALSE;
  }
  report_limits(&walk);
  return TRUE;
}

gboolean copy_drop(int from, const char *name, int to, guint64 max_size, Report *report,
                   GError **error)
{
  if (!walk_drop(from, name, -1, max_size, report, error)) {
    return FALSE;
  }
  if (report_failed(report)) {
    return TRUE;
  }
  return walk_drop(from, name, to, max_size, report, error) &&
         (fsync(to) == 0 || spool_fail(error, NULL, "write the copy of %s", name));
}
