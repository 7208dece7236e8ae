/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

/* File operations that are on disk when they return TRUE: the data by
 * fdatasync(2), the name by fsync(2) of its directory. Errors are in
 * G_FILE_ERROR and name the path. */

/* Writes all of data, through short writes and EINTR. Does not sync. */
gboolean durable_write_all(int fd, const void *data, gsize length, GError **error);

/* Replaces path atomically: a temporary file beside it (".<name>.<8 hex digits>",
 * which only a crash leaves behind), synced, then renamed. Mode 0640, less the umask. */
gboolean durable_write_file(const char *path, const void *data, gsize length, GError **error);

/* The same with mode 0600. */
gboolean durable_write_secret(const char *path, const void *data, gsize length, GError **error);

/* mkdir -p of one level with mode 0750 (less the umask); TRUE if it exists already. */
gboolean durable_make_directory(const char *path, GError **error);

/* The names in a folder (char *, sorted), without "." and ".."; NULL where not all of them can be
 * read. (GDir takes an error for the end.) */
GPtrArray *durable_list_directory(const char *path, GError **error);

gboolean durable_sync_directory(const char *path, GError **error);

/* rename(2), then both parents synced. Never replaces: EEXIST where to exists
 * (renameat2(2) with RENAME_NOREPLACE). */
gboolean durable_rename(const char *from, const char *to, GError **error);

/* Removes path and all below it, without following symbolic links, also out of
 * read-only folders; TRUE if it is gone already. */
gboolean durable_remove_tree(const char *path, GError **error);
