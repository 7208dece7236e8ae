/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/uio.h>
#include "content/draft.h"

/* A Message is a release compiled into a program: constant bytes that are already
 * encoded for the wire, and holes. Compiled once; merged once per recipient.
 *
 * On the wire: CRLF line ends, 7 bits, lines of at most 76 characters (headers: 78;
 * RFC 5322 section 2.1.1), and no line that begins with a dot, neither in constants
 * nor in what holes produce: nothing has to be dot-stuffed (RFC 5321 section 4.5.2).
 * A hole knows its fields, fallback and context, and no value can leave its context:
 *
 *   header       RFC 2047 encoded words, folded; CR, LF and control characters
 *                become a blank, what is beyond LIMIT_HEADER_VALUE an ellipsis
 *   text         quoted-printable (RFC 2045 section 6.7)
 *   HTML         escaped, then quoted-printable; {{{field}}} is not escaped
 *   attribute    as HTML, on one line
 *   URL          percent-encoded (RFC 3986 section 2.1) where it fills a part of an
 *                address, reserved characters too but for {{{field}}}, and for "@" in
 *                mailto:; where an address begins with it only http, https, mailto and
 *                tel pass, anything else becomes "#"
 *
 * In quoted-printable a soft line break stands before and after each hole, so a
 * hole starts at column 0 and the constants around it never change.
 *
 * A Message is immutable after message_bind(); merging is thread-safe as long as each
 * thread has its own Merge. */

typedef struct Message Message;

typedef struct {
  const char *uuid;        /* the release's, 36 characters: makes the boundaries */
  const char *from;        /* mailbox: front matter's or the channel's */
  const char *reply_to;    /* mailbox or NULL */
  const char *list_name;   /* for the footer and List-Id's phrase */
  const char *list_id;     /* "press.example.org" */
  const char *language;    /* BCP 47 */
  gboolean html;           /* HTML in the text is passed on */
  const char *workspace;   /* folder where encoded attachments are kept (a file
                              "attachments.mime", made anew when absent or of the
                              wrong size); NULL: in memory, for previews */
} MessageOptions;

/* NULL when report holds errors. */
Message *message_compile(const Draft *draft, const MessageOptions *options, Report *report);
void message_free(Message *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Message, message_free)

/* The strictest of its uses, from the least. */
typedef enum {
  FIELD_USE_FALLBACK,   /* the text of a fallback that might be a field's name */
  FIELD_USE_INSIDE,     /* in a section, where the cell of that may hold it */
  FIELD_USE_COLUMN,     /* a column */
} MessageFieldUse;

/* Fields that the text uses, each once. Of "a.b" the column is that of its whole name or,
 * where there is none, a's. */
typedef struct {
  char *name;        /* as written, compared without case and with '_', '-', ' ' alike */
  gboolean required; /* used at least once as a variable without fallback, outside
                        any section over the same field */
  MessageFieldUse use; /* what it is where no list has it */
  guint line;        /* where first used, for findings */
  char *file;
} MessageField;
const GPtrArray *message_fields(const Message *message);   /* MessageField * */

/* Tells at which index of MergeInput.values each field stands: columns[i] is the
 * name of values[i]. Unknown ones stay empty (the caller has refused them before). */
void message_bind(Message *message, const char *const *columns);

const char *message_subject(const Message *message);  /* with tags, for people */
guint64 message_size(const Message *message);         /* bytes on the wire, without values */
const char *message_from_address(const Message *message); /* addr-spec of From */

typedef struct {
  const char *const *values;  /* UTF-8; by column; NULL or "" is empty */
  const char *address;        /* of To, valid addr-spec */
  const char *name;           /* display name of To, or NULL */
  const char *message_id;     /* without angle brackets */
  gint64 date_ms;             /* wall clock, for Date */
} MergeInput;

/* The result of a merge: slices that are to be sent one after the other, ending in
 * CRLF, without the final dot. They point into the Message, into mapped attachments
 * and into the Merge's own memory, and are good until the next merge. A Merge is
 * reused: it allocates only when it must grow. */
typedef struct Merge Merge;
Merge *merge_new(void);
void merge_free(Merge *merge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Merge, merge_free)

void message_merge(const Message *message, const MergeInput *input, Merge *merge);
const struct iovec *merge_slices(const Merge *merge, gsize *count);
gsize merge_size(const Merge *merge);
/* Whether a slice lies in the Merge's own memory; otherwise it is the Message's, and stays. */
gboolean merge_owns(const Merge *merge, const struct iovec *slice);
GString *merge_to_string(const Merge *merge);   /* for previews and tests */

/* For `dateline preview`: one contact's parts before MIME encoding. Caller frees. */
char *message_render_text(const Message *message, const MergeInput *input);
char *message_render_html(const Message *message, const MergeInput *input);
char *message_render_subject(const Message *message, const MergeInput *input);
