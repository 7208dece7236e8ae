/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* One file of a journal, as its writer sees it: "journal" is segment 1, "journal.2" the
 * second. It appears under its name only when it is whole and on disk: until then it is
 * "journal.new", which readers pass over and the next writer removes. */

typedef struct Segment Segment;

/* "journal", "journal.2" … in directory. The caller frees it. */
char *segment_path(const char *directory, guint number);

/* The highest number of a segment in directory; 0: there is none. FALSE where the
 * directory cannot be read. */
gboolean segment_find_last(const char *directory, guint *number, GError **error);

/* Whether line (a segment's first, without its LF) says that this version can read the
 * segment. Errors are JOURNAL_ERROR_VERSION and JOURNAL_ERROR_DAMAGED. */
gboolean segment_check_header(const char *line, gsize length, GError **error);

/* Makes the segment behind the last there is, with these lines in it. TRUE when the
 * lines and the name are on disk. */
Segment *segment_create(const char *directory, const char *lines, gsize length, GError **error);

/* Goes on with an existing segment; TRUE when all that is in it, and its name, are on
 * disk. */
Segment *segment_open(const char *directory, guint number, GError **error);

/* After a failure of either the segment is not to be believed any more: free it. */
gboolean segment_write(Segment *segment, const char *lines, gsize length, GError **error);
gboolean segment_sync(Segment *segment, GError **error);

void segment_free(Segment *segment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Segment, segment_free)
