/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/draft.h"

/* Files of a message, encoded once: pictures and attachments as complete body parts, each
 * from its delimiter line to the last CRLF of its base64, one behind the other. */
typedef struct {
  const DraftFile *file;   /* borrowed */
  char *head;              /* delimiter line, header fields, empty line */
} EncodedPart;

EncodedPart *encoded_part_new(const DraftFile *file, char *head);   /* takes head */
void encoded_part_free(EncodedPart *part);
gsize encoded_part_size(const EncodedPart *part);   /* of head and base64 */

/* The bytes of parts (EncodedPart *). With a workspace they are mapped from its file
 * "attachments.mime", which is written first where it is absent or of another size; it
 * gets its name when it is complete on disk. */
GBytes *attachments_encode(const GPtrArray *parts, const char *workspace, GError **error);

#define CONTENT_ERROR (content_error_quark())
GQuark content_error_quark(void);
typedef enum { CONTENT_ERROR_CHANGED } ContentError;
