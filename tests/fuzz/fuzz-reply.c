/* SPDX-License-Identifier: Apache-2.0 */

/* Replies of a relay. Whatever the network makes of them, the same bytes are the same replies,
 * and no cap can be got around. The first byte of an input says how it is cut. */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "smtp/reply.h"

static void check_text(const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

  g_assert_cmpuint(g_strv_length(lines), <=, LIMIT_REPLY_LINES + 1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_assert_cmpuint(strlen(lines[i]), <=, LIMIT_REPLY_LINE);
  }
}

static void check_reply(const Reply *reply)
{
  g_assert_cmpuint(reply->code, >=, 200);
  g_assert_cmpuint(reply->code, <=, 599);
  if (reply->status[0] != '\0') {
    g_assert_cmpuint((guint)(reply->status[0] - '0'), ==, reply->code / 100);
    g_assert_cmpuint(strspn(reply->status, "0123456789."), ==, strlen(reply->status));
  }
  check_text(reply->text);
}

/* Describes the replies that are there; FALSE after a broken one. */
static gboolean take_replies(ReplyReader *reader, GString *replies)
{
  Reply reply;
  ReplyResult result;

  while ((result = reply_reader_next(reader, &reply)) == REPLY_COMPLETE) {
    check_reply(&reply);
    g_string_append_printf(replies, "%u [%s] %s\n", reply.code, reply.status, reply.text);
  }
  if (result == REPLY_BROKEN) {
    g_assert_cmpuint(strlen(reply.text), <=, LIMIT_REPLY_TEXT_KEPT);
    g_string_append_printf(replies, "broken %s\n", reply.text);
  }
  return result != REPLY_BROKEN;
}

static void feed(ReplyReader *reader, const char *bytes, gsize length)
{
  g_autofree char *received = fuzz_copy(bytes, length);

  reply_reader_feed(reader, received, length);
}

/* The replies when they come in pieces of up to 16 times 1, 2, 4, … 16384 bytes. */
static GString *read_pieces(const GString *input, guint8 cut)
{
  g_autoptr(ReplyReader) reader = reply_reader_new();
  GString *replies = g_string_new(NULL);
  const gsize unit = (gsize)1 << (cut % 15);
  gboolean good = TRUE;

  for (gsize at = 0, piece; good && at < input->len; at += piece) {
    cut = (guint8)(cut * 109 + 89);
    piece = MIN(unit * (1 + cut % 16), input->len - at);
    feed(reader, input->str + at, piece);
    good = take_replies(reader, replies);
  }
  return replies;
}

static GString *read_at_once(const GString *input)
{
  g_autoptr(ReplyReader) reader = reply_reader_new();
  GString *replies = g_string_new(NULL);

  feed(reader, input->str, input->len);
  take_replies(reader, replies);
  return replies;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  if (size < 2) {
    return 0;
  }
  g_autoptr(GString) input = fuzz_expand(data + 1, size - 1);
  g_autoptr(GString) whole = read_at_once(input), pieces = read_pieces(input, data[0]);
  g_assert_cmpstr(whole->str, ==, pieces->str);
  return 0;
}
