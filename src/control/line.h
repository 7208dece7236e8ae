/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

/* What goes over the control socket, in both directions: one JSON object a line (RFC 8259
 * in UTF-8, without line breaks, ended by LF). A request has a "command"; a reply that
 * has "error" ({"message", "hint"}, hint may be null) tells why there is no other. */

/* The line, LF included. Text that is not UTF-8 gets U+FFFD where it is wrong. Caller frees. */
char *control_line_write(JsonNode *node);

/* The object in a line (without its LF). NULL with CONTROL_ERROR_FORMAT where it holds none,
 * or one that is nested too deeply to be read safely. */
JsonNode *control_line_read(const char *line, gsize length, GError **error);

/* The reply that tells of an error. hint may be NULL. */
JsonNode *control_error_reply(const char *message, const char *hint);

#define CONTROL_ERROR (control_error_quark())
GQuark control_error_quark(void);
typedef enum {
  CONTROL_ERROR_RUNNING,      /* another daemon listens */
  CONTROL_ERROR_NOT_RUNNING,  /* nobody listens */
  CONTROL_ERROR_PERMISSION,
  CONTROL_ERROR_SILENT,       /* somebody listens, but does not answer */
  CONTROL_ERROR_FORMAT,       /* what came is no line of this protocol */
  CONTROL_ERROR_REFUSED,      /* the reply was an error */
  CONTROL_ERROR_SOCKET,       /* the socket cannot be used at all */
} ControlError;
