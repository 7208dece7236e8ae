/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <unistd.h>
#include "config/config.h"

/* Where things are in the spool, and how its folders are opened.
 *
 * People may write into incoming/ and below, and go on doing so while we look. So
 * below incoming/, and in whatever was dropped, nothing is ever opened by a path of
 * several parts: each part is opened relative to its folder's descriptor and never
 * through a symbolic link. Paths are for the daemon's own folders. */

typedef enum { SPOOL_INCOMING, SPOOL_QUEUE, SPOOL_DONE, SPOOL_REJECTED } SpoolFolder;

/* <spool>/<folder>/<name>, or the folder itself where name is NULL. Caller frees. */
char *spool_path(const Config *config, SpoolFolder folder, const char *name);

/* incoming/, or incoming/<channel>/ where channel is not NULL. -1 with errno. */
int spool_open_incoming(const Config *config, const char *channel);

/* Whether name in incoming/ (an open descriptor) is, or once was, a channel's folder.
 * What was one must not become a drop when its channel leaves the configuration: it
 * would go, with all that lies in it, to the default channel's lists. */
gboolean spool_is_channel_folder(const Config *config, int incoming, const char *name);

/* Gives the open folder the group and the permissions of another one. Best effort:
 * where the group cannot be given, the permissions are still the administrator's. */
void spool_permit_like(int folder, int model);

/* Sets error from errno: "cannot <format>: <reason>; <advice>". advice may be NULL.
 * Always FALSE. Errors of this room are in G_FILE_ERROR. */
gboolean spool_fail(GError **error, const char *advice, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The folder name in parent, not through a symbolic link. NULL with errno. */
DIR *folder_open(int parent, const char *name);

/* The next name, without "." and ".."; borrowed until the next call. NULL at the end
 * (errno 0) and on error. */
const char *folder_next(DIR *folder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, closedir)

/* Leaves errno alone, so that a failure can be told after the clean-up. */
static inline void fd_clear(int *fd)
{
  int number = errno;

  if (*fd >= 0) {
    close(*fd);
  }
  *fd = -1;
  errno = number;
}

/* A descriptor that closes itself at the end of its block. */
#define autofd __attribute__((cleanup(fd_clear))) int
