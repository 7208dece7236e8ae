/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"
#include "config/config.h"

/* A Draft is what a press officer dropped, read and checked but not yet compiled:
 * front matter, text, attachments, pictures. It is read from a folder that nobody
 * else writes to (the copy in the queue), or from a path for `dateline check`.
 *
 * A drop is one Markdown file, or a folder (bundle) with release.md or
 * release.<lang>.md and the folders attachments/ and partials/. Symbolic links, devices,
 * sockets and names that are not safe are errors: nothing outside the drop is ever read. */

typedef struct {
  char *name;       /* file name as dropped, safe (base/names.h) */
  char *path;       /* absolute */
  char *type;       /* media type, from the name (g_content_type_guess) */
  guint64 size;
} DraftFile;

/* Front matter. A key that was not given is NULL, 0 or as noted. */
typedef struct {
  char *subject;
  guint subject_line;   /* of the file, for findings about its tags */
  char *from;           /* mailbox, checked */
  char *reply_to;       /* mailbox, checked */
  char **lists;         /* NULL: the channel's */
  char *where;          /* SQL expression that selects rows; NULL: all */
  guint where_line;     /* of the file, for findings */
  char **exclude;       /* lists and addresses whose people do not get it; NULL: none */
  guint exclude_line;
  gint64 send_at_ms;    /* wall clock; 0: at once */
  gint64 not_after_ms;  /* wall clock; 0: the configuration's max_age alone */
  gint64 embargo_ms;    /* wall clock; 0: none */
  guint embargo_line;   /* of the file */
  char *embargo_text;   /* as a reader shall see it: "23 November 2026, 12:00 (Asia/Jakarta)" */
  char *language;       /* BCP 47; NULL: the channel's */
  gboolean has_missing;
  MissingPolicy missing;
  gboolean urgent;      /* overtakes other releases */
  gboolean resend;      /* the same content may be sent again */
} FrontMatter;

typedef struct Draft Draft;

/* path: the dropped file or folder. NULL only where nothing could be read at all;
 * otherwise a Draft, which must not be used further when report_failed(). Findings
 * name files relative to path's parent. */
Draft *draft_read(const char *path, guint64 max_size, Report *report);
void draft_free(Draft *draft);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Draft, draft_free)

const FrontMatter *draft_front_matter(const Draft *draft);
const char *draft_text(const Draft *draft);          /* Markdown after the front matter; "" where
                                                        there is none that can be used */
guint draft_text_line(const Draft *draft);           /* line of the file at which it begins */
const char *draft_text_name(const Draft *draft);     /* its file, for findings */
const GPtrArray *draft_attachments(const Draft *draft);  /* DraftFile *, sorted by name */

/* The bundle's other files, DraftFile * with the path within the bundle as name: pictures
 * that the text may show. */
const GPtrArray *draft_files(const Draft *draft);
/* One of them, or of the attachments as "attachments/name"; NULL when there is none. */
const DraftFile *draft_find(const Draft *draft, const char *path);

/* The text of the bundle's file partials/<name>.md, or NULL; *file gets its name for
 * findings. */
const char *draft_partial(const Draft *draft, const char *name, const char **file);

/* SHA-256 of all names and bytes, as 64 hexadecimal digits: the same content is the
 * same hash wherever and under whatever file name (of the drop itself) it was
 * dropped. */
const char *draft_hash(const Draft *draft);
