/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/folders.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "base/durable.h"
#include "base/names.h"
#include "spool/drop.h"

/* In each channel's folder, so that it is known for one also when the configuration
 * has forgotten its channel. */
static const char CHANNEL_MARK[] = ".channel";
static const char CHANNEL_MARK_TEXT[] =
    "This folder belongs to a channel of dateline. To remove the channel, take it out of\n"
    "the configuration, then remove this folder.\n";

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };

static const char *const folder_names[] = {
  [SPOOL_INCOMING] = "incoming",
  [SPOOL_QUEUE] = "queue",
  [SPOOL_DONE] = "done",
  [SPOOL_REJECTED] = "rejected",
};

char *spool_path(const Config *config, SpoolFolder folder, const char *name)
{
  return g_build_filename(config->spool, folder_names[folder], name, NULL);
}

int spool_open_incoming(const Config *config, const char *channel)
{
  g_autofree char *path = spool_path(config, SPOOL_INCOMING, NULL);
  autofd incoming = open(path, FOLDER_FLAGS);

  if (incoming < 0 || channel == NULL) {
    return g_steal_fd(&incoming);
  }
  return openat(incoming, channel, FOLDER_FLAGS);
}

gboolean spool_is_channel_folder(const Config *config, int incoming, const char *name)
{
  if (config_channel(config, name) != NULL) {
    return TRUE;
  }
  struct stat status;
  autofd folder = openat(incoming, name, FOLDER_FLAGS);
  return folder >= 0 && fstatat(folder, CHANNEL_MARK, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

void spool_permit_like(int folder, int model)
{
  struct stat own, status;

  if (fstat(folder, &own) != 0 || fstat(model, &status) != 0) {
    return;
  }
  /* A group that is not ours to give is the usual case, not a fault. */
  if (own.st_gid != status.st_gid && fchown(folder, (uid_t)-1, status.st_gid) != 0) {
    g_debug("the group of a folder stays as it is: %s", g_strerror(errno));
  }
  if (own.st_mode != status.st_mode && fchmod(folder, status.st_mode & 07777) != 0) {
    g_debug("the permissions of a folder stay as they are: %s", g_strerror(errno));
  }
}

gboolean spool_fail(GError **error, const char *advice, const char *format, ...)
{
  int number = errno;
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *visible = text_make_visible(what);
  g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(number), "cannot %s: %s%s%s",
              visible, g_strerror(number), advice != NULL ? "; " : "",
              advice != NULL ? advice : "");
  return FALSE;
}

DIR *folder_open(int parent, const char *name)
{
  autofd fd = openat(parent, name, FOLDER_FLAGS);
  DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

  if (folder != NULL) {
    fd = -1; /* it is the folder's now */
  }
  return folder;
}

const char *folder_next(DIR *folder)
{
  struct dirent *entry;

  do {
    errno = 0;
    entry = readdir(folder);
  } while (entry != NULL &&
           (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, "..")));
  return entry != NULL ? entry->d_name : NULL;
}

/* Makes the folder at path where it is missing, and sees that we can work in it. flags are
 * fstatat(2)'s. */
static gboolean prepare_folder(const char *path, int flags, struct stat *status, GError **error)
{
  g_autofree char *owner = g_strdup_printf(
      "give it to the daemon's user: chown %s '%s' && chmod u+rwx '%s'", g_get_user_name(), path,
      path);

  if (fstatat(AT_FDCWD, path, status, flags) != 0) {
    if (errno != ENOENT) {
      return spool_fail(error, owner, "look at folder %s", path);
    }
    if (!durable_make_directory(path, error)) {
      g_prefix_error(error, "the spool is not ready (make the folder by hand, or let %s write "
                     "where it belongs): ", g_get_user_name());
      return FALSE;
    }
    return fstatat(AT_FDCWD, path, status, flags) == 0 ||
           spool_fail(error, owner, "look at folder %s", path);
  }
  if (!S_ISDIR(status->st_mode)) {
    errno = ENOTDIR;
    return spool_fail(error, "a folder must be here: move what lies in its place elsewhere",
                      "use %s", path);
  }
  if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
    return spool_fail(error, owner, "work in folder %s", path);
  }
  return TRUE;
}

/* A claim is one rename(2) from incoming/ to queue/, and so are acceptance, refusal and
 * archiving: all of it must be one file system. */
static gboolean is_on_device(const struct stat *status, dev_t device, const char *path,
                             GError **error)
{
  if (status->st_dev == device) {
    return TRUE;
  }
  errno = EXDEV;
  return spool_fail(error, "keep the whole spool on one file system", "use folder %s", path);
}

static gboolean prepare_own_folders(const Config *config, GError **error)
{
  struct stat spool, status;

  /* The spool itself may be a link that the administrator made to a larger disk. */
  if (!prepare_folder(config->spool, 0, &spool, error)) {
    return FALSE;
  }
  for (guint i = 0; i < G_N_ELEMENTS(folder_names); i++) {
    g_autofree char *path = spool_path(config, i, NULL);
    if (!prepare_folder(path, AT_SYMLINK_NOFOLLOW, &status, error) ||
        !is_on_device(&status, spool.st_dev, path, error)) {
      return FALSE;
    }
    if (i != SPOOL_INCOMING && (status.st_mode & S_IWOTH) != 0) {
      g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                  "everybody may write into %s, and so change what is sent: chmod o-w '%s'", path,
                  path);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean mark_channel_folder(int folder, GError **error)
{
  autofd mark = openat(folder, CHANNEL_MARK, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       0644);

  if (mark < 0) {
    return errno == EEXIST || spool_fail(error, NULL, "mark it with %s", CHANNEL_MARK);
  }
  return durable_write_all(mark, CHANNEL_MARK_TEXT, strlen(CHANNEL_MARK_TEXT), error);
}

/* A new folder below incoming/ is as open to people as incoming/ itself is. The kernel hands the
 * set-group-ID bit down, and with a default ACL all else: systemd may forbid us to set that
 * bit (RestrictSUIDSGID=), and chmod(2) without it would clear it. */
static void open_to_people(int folder, int incoming, const char *path)
{
  struct stat status, model;

  spool_permit_like(folder, incoming);
  if (fstat(folder, &status) == 0 && fstat(incoming, &model) == 0 &&
      status.st_mode != model.st_mode) {
    g_warning("not everybody who may drop into incoming may drop into %s: chmod %04o '%s'", path,
              model.st_mode & 07777, path);
  }
}

static gboolean prepare_inbox(const Config *config, const char *channel, GError **error)
{
  g_autofree char *path = spool_path(config, SPOOL_INCOMING, channel);
  const char *why;
  struct stat status, parent;

  if (!name_is_safe(channel, &why)) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "channel \"%s\" cannot have a folder by its name: %s", channel, why);
    return FALSE;
  }
  autofd incoming = spool_open_incoming(config, NULL);
  if (incoming < 0 || fstat(incoming, &parent) != 0) {
    return spool_fail(error, NULL, "open the folder above %s", path);
  }
  /* Where it cannot be made, prepare_folder() says why. */
  gboolean is_new = mkdirat(incoming, channel, parent.st_mode & 0777) == 0;
  if (!prepare_folder(path, AT_SYMLINK_NOFOLLOW, &status, error)) {
    return FALSE;
  }
  autofd folder = spool_open_incoming(config, channel);
  if (folder < 0) {
    return spool_fail(error, NULL, "open folder %s", path);
  }
  if (!is_on_device(&status, parent.st_dev, path, error)) {
    return FALSE;
  }
  if (is_new) {
    open_to_people(folder, incoming, path);
  }
  return TRUE;
}

static gboolean prepare_channel(const Config *config, const char *channel, GError **error)
{
  if (!prepare_inbox(config, channel, error)) {
    return FALSE;
  }
  autofd folder = spool_open_incoming(config, channel);
  if (folder < 0 || !mark_channel_folder(folder, error)) {
    g_prefix_error(error, "the folder of channel %s: ", channel);
    return FALSE;
  }
  return TRUE;
}

/* Nobody will see what is dropped there, so somebody should know. */
static void warn_of_left_channels(const Config *config)
{
  autofd incoming = spool_open_incoming(config, NULL);
  g_autoptr(DIR) folder = incoming >= 0 ? folder_open(incoming, ".") : NULL;
  const char *name;

  while (folder != NULL && (name = folder_next(folder)) != NULL) {
    if (config_channel(config, name) == NULL && spool_is_channel_folder(config, incoming, name)) {
      g_autofree char *path = spool_path(config, SPOOL_INCOMING, name);
      g_autofree char *visible = text_make_visible(path);
      g_warning("%s is the folder of a channel that is not in the configuration: nothing that "
                "is dropped there is sent; move what it holds elsewhere and remove it", visible);
    }
  }
}

gboolean spool_prepare(const Config *config, GError **error)
{
  if (!prepare_own_folders(config, error) || !prepare_inbox(config, SPOOL_SUPPRESSIONS, error)) {
    return FALSE;
  }
  for (guint i = 0; i < config->channels->len; i++) {
    const ChannelSettings *channel = g_ptr_array_index(config->channels, i);
    if (!prepare_channel(config, channel->name, error)) {
      return FALSE;
    }
  }
  warn_of_left_channels(config);
  return TRUE;
}

gboolean spool_archive(const Config *config, const char *id, GError **error)
{
  g_autofree char *from = spool_path(config, SPOOL_QUEUE, id);
  g_autofree char *to = spool_path(config, SPOOL_DONE, id);

  if (!release_id_is_valid(id)) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "\"%s\" is no release's id", id);
    return FALSE;
  }
  return durable_rename(from, to, error);
}
