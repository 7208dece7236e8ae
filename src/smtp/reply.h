/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Replies of an SMTP server (RFC 5321 section 4.2), however the network cuts them. */

typedef struct {
  guint code;          /* 200 to 599 */
  char status[12];     /* enhanced status code "4.2.2" (RFC 3463), or "" */
  const char *text;    /* without codes, lines joined by '\n'; as the server sent it, so
                          perhaps neither UTF-8 nor free of control characters */
} Reply;

typedef struct ReplyReader ReplyReader;

ReplyReader *reply_reader_new(void);
void reply_reader_free(ReplyReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplyReader, reply_reader_free)

/* Adds what was received. */
void reply_reader_feed(ReplyReader *reader, const void *data, gsize length);

typedef enum {
  REPLY_NONE,      /* more has to be received */
  REPLY_COMPLETE,
  REPLY_BROKEN,    /* not SMTP, or over a limit: nothing after it can be trusted */
} ReplyResult;

/* reply->text is good until the next call on the reader. After REPLY_BROKEN it holds
 * what was found instead. */
ReplyResult reply_reader_next(ReplyReader *reader, Reply *reply);
