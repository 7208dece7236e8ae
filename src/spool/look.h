/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/stat.h>
#include <glib.h>

/* What a drop, a file or a whole folder, looks like from outside. Two equal looks mean
 * that nothing was written, added, removed or renamed between them. */
typedef struct {
  ino_t inode;
  mode_t kind;          /* S_IFMT of it */
  nlink_t links;
  guint names;          /* in it, itself included */
  guint files;          /* of those, what will be sent, or refused */
  guint64 bytes;
  gint64 modified_ns;   /* the newest of all in it, by the file system's clock */
  gint64 changed_ns;    /* the same with names and permissions, which nobody can set back */
  gboolean unfinished;  /* a transfer into it goes on, by its names */
} Look;

/* FALSE where there is no such name any more. Never opens anything but folders. */
gboolean look_take(int folder, const char *name, Look *look);
gboolean look_equal(const Look *a, const Look *b);

/* As above, but it may have been renamed, there and back. */
gboolean look_is_same_drop(const Look *a, const Look *b);

typedef enum {
  WRITERS_NONE,
  WRITERS_UNKNOWN,  /* the kernel answers only the file's owner, and not everywhere */
  WRITERS_SOME,     /* somebody has it, or a file in it, open for writing */
} Writers;

Writers look_for_writers(int folder, const char *name);
