/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Finds the end of a message that comes behind DATA and takes out the dots that
 * the client stuffed in. Only CRLF ends a line: <LF>.<LF>, <LF>.<CRLF>, <CR>.<CR>
 * and the like are text, which is what keeps a second message from being smuggled
 * inside a first. Input may be cut anywhere. */

typedef enum {
  BODY_LINE,    /* at the beginning of a line */
  BODY_DOT,     /* behind a dot that began a line, and is not passed on yet */
  BODY_DOT_CR,  /* behind such a dot and a CR, neither passed on yet */
  BODY_CR,      /* behind a CR in a line */
  BODY_TEXT,    /* elsewhere in a line */
  BODY_END,     /* behind the final dot's CRLF */
} BodyState;

typedef void (*BodyReceiver)(gpointer data, const char *octets, gsize length);

/* Reads on from *state, which is BODY_LINE at first, and gives the text to the
 * receiver in pieces. Returns how many octets were read: all of them, unless
 * *state has become BODY_END. */
gsize body_read(BodyState *state, const char *octets, gsize length, BodyReceiver receiver,
                gpointer data);
