/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Header fields, complete with CRLF. Lines are folded at 78 characters and stay ASCII (but
 * for the address of header_add_mailbox); what does not fit that becomes encoded words
 * (RFC 2047) in UTF-8. Values must be one line of valid UTF-8 without control characters:
 * encode_value() with CONTEXT_ONE_LINE | CONTEXT_HEADER makes them so. */

/* An unstructured field: Subject. Blanks at the ends of value are dropped. */
void header_add_text(GString *out, const char *name, const char *value);

/* Phrase and address: From, To, List-Id. phrase may be NULL or "". The address goes out as
 * it is, in UTF-8 where its local part asks for SMTPUTF8 (RFC 6532). */
void header_add_mailbox(GString *out, const char *name, const char *phrase, const char *address);

/* "; name=value" on a line of its own behind a field without its CRLF; by RFC 2231 where
 * value is long, not ASCII, or holds what mail programs are known to unquote wrongly. */
void header_add_parameter(GString *out, const char *name, const char *value);

enum { HEADER_DATE_SIZE = 40 };

/* "Sun, 22 Nov 2026 10:15:00 +0000", in English whatever the locale. */
void header_format_date(gint64 wall_ms, char date[HEADER_DATE_SIZE]);
