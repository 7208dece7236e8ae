/* SPDX-License-Identifier: Apache-2.0 */
#include "content/header.h"

#include <string.h>
#include <time.h>

enum {
  FOLD_AT = 78,           /* RFC 5322 section 2.1.1 */
  ENCODED_LINE = 76,      /* of a line with encoded words: RFC 2047 section 2 */
  ENCODED_WORD = 75,
  ENCODED_FRAME = 12,     /* "=?UTF-8?Q?" and "?=" */
  UNBROKEN = 60,          /* a longer word, with its blanks, is not folded but encoded */
  PARAMETER_LINE = 54,    /* of an extended value in a parameter's line */
};

static const char hexadecimal[] = "0123456789ABCDEF";

/* Nothing that must be, or could be mistaken for, an encoded word. */
static gboolean is_plain(const char *value)
{
  gsize unbroken = 0;
  for (const char *at = value; *at != '\0'; at++) {
    if (*at < ' ' || *at > '~' || (at[0] == '=' && at[1] == '?')) {
      return FALSE;
    }
    gboolean begins = *at == ' ' && at > value && at[-1] != ' ';
    unbroken = begins ? 1 : unbroken + 1;
    if (unbroken > UNBROKEN) {
      return FALSE;
    }
  }
  return TRUE;
}

/* The set of RFC 2047 section 5 (3), which is right in phrases and elsewhere. */
static gboolean is_plain_in_q(char c)
{
  return g_ascii_isalnum(c) || (c != '\0' && strchr("!*+-/", c) != NULL);
}

static gsize q_width(char c)
{
  return c == ' ' || is_plain_in_q(c) ? 1 : 3;
}

static void append_q(GString *out, const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    guint8 octet = (guint8)text[i];
    if (text[i] == ' ') {
      g_string_append_c(out, '_');
    } else if (is_plain_in_q(text[i])) {
      g_string_append_c(out, text[i]);
    } else {
      const char triplet[] = { '=', hexadecimal[octet >> 4], hexadecimal[octet & 15] };
      g_string_append_len(out, triplet, sizeof triplet);
    }
  }
}

static void append_b(GString *out, const char *text, gsize length)
{
  gint state = 0, save = 0;
  gsize at = out->len;
  g_string_set_size(out, at + (length / 3 + 1) * 4 + 4);
  at += g_base64_encode_step((const guchar *)text, length, FALSE, out->str + at, &state, &save);
  at += g_base64_encode_close(FALSE, out->str + at, &state, &save);
  g_string_truncate(out, at);
}

/* How many bytes of text, in whole characters, fit into room characters of payload. In
 * base64 a word that is not the last ends without padding, because some readers join words
 * before they decode them; 0 where that cannot be had. */
static gsize fitting(const char *text, gsize room, gboolean base64)
{
  gsize taken = 0, used = 0, unpadded = 0;
  while (text[taken] != '\0') {
    const char *end = g_utf8_next_char(text + taken);
    for (const char *at = text + taken; at < end; at++) {
      used += q_width(*at);
    }
    const gsize length = (gsize)(end - text);
    if (base64 ? (length + 2) / 3 * 4 > room : used > room) {
      return base64 ? unpadded : taken;
    }
    taken = length;
    unpadded = taken % 3 == 0 ? taken : unpadded;
  }
  return taken;
}

static gboolean is_shorter_in_base64(const char *text)
{
  gsize q = 0, length = 0;
  for (; text[length] != '\0'; length++) {
    q += q_width(text[length]);
  }
  return (length + 2) / 3 * 4 < q;
}

/* Appends encoded words behind column characters of a line; returns the new column. */
static gsize append_encoded(GString *out, const char *text, gsize column)
{
  const gboolean shorter = is_shorter_in_base64(text);
  while (*text != '\0') {
    const gsize room = MIN(ENCODED_WORD, ENCODED_LINE - column) - ENCODED_FRAME;
    const gboolean base64 = shorter && fitting(text, room, TRUE) > 0;
    const gsize taken = fitting(text, room, base64);
    g_string_append(out, base64 ? "=?UTF-8?B?" : "=?UTF-8?Q?");
    gsize start = out->len;
    (base64 ? append_b : append_q)(out, text, taken);
    column += out->len - start + ENCODED_FRAME;
    g_string_append(out, "?=");
    text += taken;
    if (*text != '\0') {
      g_string_append(out, "\r\n ");
      column = 1;
    }
  }
  return column;
}

/* Folds before blanks, which all stay: unfolding gives back value as it was. */
static void append_folded(GString *out, const char *value, gsize column)
{
  while (*value != '\0') {
    gsize blanks = strspn(value, " ");
    gsize length = blanks + strcspn(value + blanks, " ");
    if (blanks > 0 && column + length > FOLD_AT) {
      g_string_append(out, "\r\n");
      column = 0;
    }
    g_string_append_len(out, value, (gssize)length);
    column += length;
    value += length;
  }
}

void header_add_text(GString *out, const char *name, const char *value)
{
  const char *begin = value + strspn(value, " ");
  gsize length = strlen(begin);
  while (length > 0 && begin[length - 1] == ' ') {
    length--;
  }
  const gsize column = strlen(name) + 2;
  g_string_append(out, name);
  g_string_append(out, ": ");
  if (is_plain(begin) && column + length <= FOLD_AT) {
    g_string_append_len(out, begin, (gssize)length);
  } else {
    g_autofree char *stripped = g_strndup(begin, length);
    if (is_plain(stripped)) {
      append_folded(out, stripped, column);
    } else {
      append_encoded(out, stripped, column);
    }
  }
  g_string_append(out, "\r\n");
}

/* RFC 5322 section 3.2.3, with blanks between atoms. */
static gboolean is_atoms(const char *phrase)
{
  for (const char *at = phrase; *at != '\0'; at++) {
    gboolean blank = *at == ' ' && at > phrase && at[1] != '\0' && at[1] != ' ';
    if (!blank && !g_ascii_isalnum(*at) && strchr("!#$%&'*+-/=?^_`{|}~", *at) == NULL) {
      return FALSE;
    }
  }
  return TRUE;
}

static void append_quoted(GString *out, const char *text)
{
  g_string_append_c(out, '"');
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') {
      g_string_append_c(out, '\\');
    }
    g_string_append_c(out, *text);
  }
  g_string_append_c(out, '"');
}

static gsize append_phrase(GString *out, const char *phrase, gsize column)
{
  if (!is_plain(phrase) || strlen(phrase) > UNBROKEN) {
    return append_encoded(out, phrase, column);
  }
  gsize start = out->len;
  if (is_atoms(phrase)) {
    g_string_append(out, phrase);
  } else {
    append_quoted(out, phrase);
  }
  return column + out->len - start;
}

void header_add_mailbox(GString *out, const char *name, const char *phrase, const char *address)
{
  g_string_append(out, name);
  g_string_append(out, ": ");
  if (phrase != NULL && *phrase != '\0') {
    gsize column = append_phrase(out, phrase, strlen(name) + 2);
    gboolean fits = column + strlen(" <>") + strlen(address) <= ENCODED_LINE;
    g_string_append(out, fits ? " " : "\r\n ");
  }
  g_string_append_c(out, '<');
  g_string_append(out, address);
  g_string_append(out, ">\r\n");
}

/* RFC 2231 sections 3 and 4: continuations of at most PARAMETER_LINE characters. */
static void append_extended(GString *out, const char *name, const char *value)
{
  g_autofree char *escaped = g_uri_escape_bytes((const guint8 *)value, strlen(value), "!+");
  if (strlen(escaped) <= PARAMETER_LINE) {
    g_string_append_printf(out, ";\r\n %s*=UTF-8''%s", name, escaped);
    return;
  }
  guint part = 0;
  for (const char *at = escaped; *at != '\0'; part++) {
    gsize length = MIN(PARAMETER_LINE, strlen(at));
    for (gsize back = 1; back <= 2; back++) {  /* never within a triplet */
      if (length == PARAMETER_LINE && at[length - back] == '%') {
        length -= back;
      }
    }
    g_string_append_printf(out, ";\r\n %s*%u*=%s%.*s", name, part, part == 0 ? "UTF-8''" : "",
                           (int)length, at);
    at += length;
  }
}

void header_add_parameter(GString *out, const char *name, const char *value)
{
  const gboolean simple = is_plain(value) && strpbrk(value, "\"\\") == NULL;
  if (simple && strlen(value) <= UNBROKEN) {
    g_string_append_printf(out, ";\r\n %s=\"%s\"", name, value);
  } else {
    append_extended(out, name, value);
  }
}

void header_format_date(gint64 wall_ms, char date[HEADER_DATE_SIZE])
{
  static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  const time_t seconds = wall_ms / 1000;
  struct tm tm;
  gmtime_r(&seconds, &tm);
  g_snprintf(date, HEADER_DATE_SIZE, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
