/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/reply.h"

#include <string.h>

#include "base/limits.h"

struct ReplyReader {
  GByteArray *input;   /* received; what lies before start has been read */
  gsize start;
  GString *lines;      /* text of a multi-line reply so far */
  guint line_count;
};

ReplyReader *reply_reader_new(void)
{
  ReplyReader *reader = g_new0(ReplyReader, 1);
  reader->input = g_byte_array_sized_new(512);
  reader->lines = g_string_new(NULL);
  return reader;
}

void reply_reader_free(ReplyReader *reader)
{
  g_byte_array_unref(reader->input);
  g_string_free(reader->lines, TRUE);
  g_free(reader);
}

void reply_reader_feed(ReplyReader *reader, const void *data, gsize length)
{
  g_byte_array_remove_range(reader->input, 0, (guint)reader->start);
  reader->start = 0;
  g_byte_array_append(reader->input, data, (guint)length);
}

/* Whether the next line, received in full or not, is longer than one may be: it must not
 * depend on how the network cut it. */
static gboolean is_line_too_long(const ReplyReader *reader)
{
  const char *line = (const char *)reader->input->data + reader->start;
  gsize left = reader->input->len - reader->start;
  return left > LIMIT_REPLY_LINE && memchr(line, '\n', LIMIT_REPLY_LINE + 1) == NULL;
}

/* The next line without its end, NUL-terminated in place, or NULL. A lone LF ends a line
 * too: what the server meant is plain, and nothing is decided by the difference. */
static char *next_line(ReplyReader *reader)
{
  char *line = (char *)reader->input->data + reader->start;
  gsize left = reader->input->len - reader->start;
  char *end = left > 0 ? memchr(line, '\n', left) : NULL;
  if (end == NULL)
    return NULL;
  reader->start += (gsize)(end - line) + 1;
  if (end > line && end[-1] == '\r')
    end--;
  *end = '\0';
  return line;
}

static gboolean is_code(const char *line)
{
  return line[0] >= '2' && line[0] <= '5' && g_ascii_isdigit(line[1]) && g_ascii_isdigit(line[2]) &&
         (line[3] == '\0' || line[3] == ' ' || line[3] == '-');
}

/* Passes over one to three digits. */
static const char *after_number(const char *text)
{
  gsize digits = strspn(text, "0123456789");
  return digits >= 1 && digits <= 3 ? text + digits : NULL;
}

/* Takes an enhanced status code off the front of text where there is one that agrees with
 * the reply's first digit (RFC 2034 section 4, RFC 3463 section 2). */
static const char *take_status(const char *text, char first_digit, char status[12])
{
  status[0] = '\0';
  if (text[0] != first_digit || text[1] != '.')
    return text;
  const char *end = after_number(text + 2);
  if (end == NULL || *end != '.')
    return text;
  end = after_number(end + 1);
  if (end == NULL || (*end != ' ' && *end != '\0'))
    return text;
  memcpy(status, text, (gsize)(end - text));
  status[end - text] = '\0';
  return *end == ' ' ? end + 1 : end;
}

static ReplyResult broken(ReplyReader *reader, const char *found, Reply *reply)
{
  g_string_assign(reader->lines, found);
  g_string_truncate(reader->lines, MIN(reader->lines->len, LIMIT_REPLY_TEXT_KEPT));
  *reply = (Reply){ .text = reader->lines->str };
  return REPLY_BROKEN;
}

/* Keeps the text of one line of a longer reply; the codes of the last line count. */
static void keep_line(ReplyReader *reader, const char *text)
{
  if (reader->line_count++ > 0)
    g_string_append_c(reader->lines, '\n');
  g_string_append(reader->lines, text);
}

static void finish_reply(ReplyReader *reader, const char *text, Reply *reply)
{
  if (reader->line_count == 0) {
    reply->text = text;
    return;
  }
  keep_line(reader, text);
  reply->text = reader->lines->str;
  reader->line_count = 0;
}

ReplyResult reply_reader_next(ReplyReader *reader, Reply *reply)
{
  char *line;

  if (reader->line_count == 0)
    g_string_truncate(reader->lines, 0);
  while (!is_line_too_long(reader) && (line = next_line(reader)) != NULL) {
    if (!is_code(line))
      return broken(reader, line, reply);
    if (reader->line_count >= LIMIT_REPLY_LINES)
      return broken(reader, "(a reply without end)", reply);
    gboolean more = line[3] == '-';
    const char *text = take_status(line + (line[3] == '\0' ? 3 : 4), line[0], reply->status);
    if (more) {
      keep_line(reader, text);
      continue;
    }
    reply->code = (guint)(line[0] - '0') * 100 + (guint)(line[1] - '0') * 10 + (guint)(line[2] - '0');
    finish_reply(reader, text, reply);
    return REPLY_COMPLETE;
  }
  return is_line_too_long(reader) ? broken(reader, "(a line without end)", reply) : REPLY_NONE;
}
