/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* From a value to what may stand at its place in a message. Two steps, both of which
 * append: escaping for the place (a Context), then quoted-printable for the wire.
 * Neither allocates but what out must grow. */

/* What the place of a value asks for; bits that are combined. 0 is running plain text. */
typedef enum {
  CONTEXT_ONE_LINE = 1 << 0,     /* line breaks become blanks */
  CONTEXT_HEADER = 1 << 1,       /* no directional overrides (U+202A-E, U+2066-9) */
  CONTEXT_HTML = 1 << 2,         /* & < > " ' escaped, line breaks become <br> */
  CONTEXT_MARKUP = 1 << 3,       /* the author vouches for the value: nothing is escaped */
  CONTEXT_URL_PART = 1 << 4,     /* all but RFC 3986's unreserved characters in percent */
  CONTEXT_MAILBOX = 1 << 5,      /* with CONTEXT_URL_PART: "@" stays (RFC 6068 section 2) */
  CONTEXT_URL = 1 << 6,          /* as CONTEXT_URL_PART, but reserved characters and % stay */
  CONTEXT_URL_START = 1 << 7,    /* with CONTEXT_URL: the value begins an address, and is
                                    "#" unless url_is_allowed() */
  CONTEXT_VERBATIM = 1 << 8,     /* Mustache's own rule: nothing is changed but, with
                                    CONTEXT_HTML, & < > and " escaped */
} Context;

/* Appends value, escaped for context. Line breaks of every kind count as one, other control
 * characters become blanks, invalid UTF-8 becomes U+FFFD: nothing makes it fail. */
void encode_value(GString *out, const char *value, Context context);

/* Appends quoted-printable (RFC 2045 section 6.7) that begins and ends at column 0, if need
 * be with a soft line break, so that such runs may be put behind each other in any order.
 * '\n' is a line break. No line begins with a dot or "From ", none is longer than 76. */
void encode_quoted_printable(GString *out, const char *text, gsize length);

/* Both of the above; a value that needs neither is copied. scratch is overwritten. */
void encode_hole(GString *out, GString *scratch, const char *value, Context context);

/* Whether a mail may lead there: a complete http, https, mailto or tel address. */
gboolean url_is_allowed(const char *url);
