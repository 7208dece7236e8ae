/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/draft.h"
#include "content/program.h"

/* The structure of a message:
 *
 *   multipart/mixed              where there are attachments
 *     multipart/related          where pictures are shown
 *       multipart/alternative
 *         text/plain, text/html
 *       pictures
 *     attachments
 *
 * A boundary is "=_" and the release's UUID: "=_" occurs neither in quoted-printable,
 * where a hexadecimal digit or a line end follows each "=", nor in base64. So no content
 * can hold one, whatever is merged. */
typedef struct {
  const char *uuid;
  const char *domain;     /* makes Content-IDs unique */
  gboolean has_pictures;
  gboolean has_attachments;
} Mime;

/* From MIME-Version up to the first byte of the text; from its last to the first of the
 * HTML; from its last to the end. pictures and attachments: see attachments.h. */
void mime_begin(Program *program, const Mime *mime);
void mime_add_html(Program *program, const Mime *mime);
void mime_end(Program *program, const Mime *mime, GBytes *pictures, GBytes *attachments);

/* What stands before the encoded bytes of a file. Caller frees. */
char *mime_picture_head(const Mime *mime, const DraftFile *file, guint index);
char *mime_attachment_head(const Mime *mime, const DraftFile *file);

/* Without angle brackets. Caller frees. */
char *mime_content_id(const Mime *mime, guint index);
