/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/message.h"

/* What the tests of content share: drops made in temporary folders, and messages of them. */

/* A new folder; content_remove() takes it away with all in it and frees the name. */
char *content_folder(void);
void content_remove(char *folder);

/* Writes a file, and the folders above it; length -1: up to the zero byte. */
void content_write(const char *folder, const char *name, const char *bytes, gssize length);

/* The draft of a file "release.md" with this text. */
Draft *content_draft(const char *markdown, Report *report);

/* Its message with usual options. NULL where report has errors. */
Message *content_message(const Draft *draft, Report *report);

/* Whether the messages made from here on pass on the HTML of their text. */
void content_pass_html(gboolean pass);

/* Fails unless report holds a finding of this level, line (0: any) and text. */
void content_assert_finding(const Report *report, FindingLevel level, guint line,
                            const char *text);

/* The text part of markdown for one recipient; columns and values end with NULL. Fails
 * where there are errors. Caller frees. */
char *content_text(const char *markdown, const char *const *columns, const char *const *values);
/* Its HTML part, from the first tag behind the layout's head to the last before its foot. */
char *content_html(const char *markdown, const char *const *columns, const char *const *values);
