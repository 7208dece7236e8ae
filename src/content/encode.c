/* SPDX-License-Identifier: Apache-2.0 */
#include "content/encode.h"

#include <string.h>

enum { LINE_MAX_QP = 76 };

/* What a byte may do without being touched. */
enum {
  PLAIN_QP = 1 << 0,      /* stands for itself in quoted-printable */
  PLAIN_HTML = 1 << 1,    /* needs no escape in HTML */
  PLAIN_PART = 1 << 2,    /* unreserved in RFC 3986 section 2.3 */
  PLAIN_URL = 1 << 3,     /* that, reserved (less the apostrophe, which ends attributes) or % */
  PLAIN_ANY = 1 << 4,     /* no control character, and part of none */
  PLAIN_SIGN = PLAIN_QP | PLAIN_ANY,
  PLAIN_TEXT = PLAIN_SIGN | PLAIN_HTML,
  PLAIN_WIDE = PLAIN_ANY | PLAIN_HTML,
  PLAIN_ALL = PLAIN_TEXT | PLAIN_PART | PLAIN_URL,
};

static const guint8 plain[256] = {
  [' '] = PLAIN_TEXT,
  ['!'] = PLAIN_TEXT | PLAIN_URL, ['"'] = PLAIN_SIGN, ['#'] = PLAIN_TEXT | PLAIN_URL,
  ['$'] = PLAIN_TEXT | PLAIN_URL, ['%'] = PLAIN_TEXT | PLAIN_URL, ['&'] = PLAIN_SIGN | PLAIN_URL,
  ['\''] = PLAIN_SIGN, ['('] = PLAIN_TEXT | PLAIN_URL, [')'] = PLAIN_TEXT | PLAIN_URL,
  ['*'] = PLAIN_TEXT | PLAIN_URL, ['+'] = PLAIN_TEXT | PLAIN_URL,
  [','] = PLAIN_TEXT | PLAIN_URL, ['-'] = PLAIN_ALL, ['.'] = PLAIN_ALL,
  ['/'] = PLAIN_TEXT | PLAIN_URL, ['0' ... '9'] = PLAIN_ALL, [':'] = PLAIN_TEXT | PLAIN_URL,
  [';'] = PLAIN_TEXT | PLAIN_URL, ['<'] = PLAIN_SIGN, ['='] = PLAIN_WIDE | PLAIN_URL,
  ['>'] = PLAIN_SIGN, ['?'] = PLAIN_TEXT | PLAIN_URL, ['@'] = PLAIN_TEXT | PLAIN_URL,
  ['A' ... 'Z'] = PLAIN_ALL, ['['] = PLAIN_TEXT | PLAIN_URL, ['\\'] = PLAIN_TEXT,
  [']'] = PLAIN_TEXT | PLAIN_URL, ['^'] = PLAIN_TEXT, ['_'] = PLAIN_ALL, ['`'] = PLAIN_TEXT,
  ['a' ... 'z'] = PLAIN_ALL, ['{'] = PLAIN_TEXT, ['|'] = PLAIN_TEXT, ['}'] = PLAIN_TEXT,
  ['~'] = PLAIN_ALL,
  /* Beyond ASCII. 0xC2 may begin a control character, 0xE2 a line break or an override. */
  [0x80 ... 0xC1] = PLAIN_WIDE, [0xC3 ... 0xE1] = PLAIN_WIDE, [0xE3 ... 0xFF] = PLAIN_WIDE,
};

static const char hexadecimal[] = "0123456789ABCDEF";

/* How many bytes from at on, up to end, have all of wanted. */
static gsize plain_span(const char *at, const char *end, guint8 wanted)
{
  const char *start = at;
  while (at < end && (plain[(guint8)*at] & wanted) == wanted) {
    at++;
  }
  return (gsize)(at - start);
}

static void append_octet(GString *out, char mark, guint8 octet)
{
  const char triplet[] = { mark, hexadecimal[octet >> 4], hexadecimal[octet & 15] };
  g_string_append_len(out, triplet, sizeof triplet);
}

/* At column 0 a dot would have to be stuffed (RFC 5321 section 4.5.2) and "From " is
 * quoted by mail stores (RFC 4155). */
static gboolean is_plain_at(const char *at, const char *end, gsize column)
{
  if (!(plain[(guint8)*at] & PLAIN_QP)) {
    return FALSE;
  }
  if (*at == ' ') {
    return at + 1 == end || at[1] != '\n';
  }
  if (column > 0) {
    return TRUE;
  }
  return *at != '.' && !(end - at >= 5 && memcmp(at, "From ", 5) == 0);
}

/* How much may be copied behind the beginning of a line with that much room. */
static gsize line_span(const char *at, const char *end, gsize room)
{
  const gsize span = plain_span(at, at + MIN((gsize)(end - at), room), PLAIN_QP);
  const gboolean ends_blank = span > 0 && at[span - 1] == ' ' && at + span < end &&
                              at[span] == '\n';
  return ends_blank ? span - 1 : span;
}

void encode_quoted_printable(GString *out, const char *text, gsize length)
{
  gsize column = 0;
  for (const char *at = text, *end = text + length; at < end; at++) {
    const gsize span = column > 0 ? line_span(at, end, LINE_MAX_QP - 1 - column) : 0;
    if (span > 0) {
      g_string_append_len(out, at, (gssize)span);
      column += span;
      at += span - 1;
      continue;
    }
    if (*at == '\n') {
      g_string_append_len(out, "\r\n", 2);
      column = 0;
      continue;
    }
    const gsize room = at + 1 < end && at[1] == '\n' ? LINE_MAX_QP : LINE_MAX_QP - 1;
    gsize width = is_plain_at(at, end, column) ? 1 : 3;
    if (column + width > room) {
      g_string_append_len(out, "=\r\n", 3);
      column = 0;
      width = is_plain_at(at, end, column) ? 1 : 3;
    }
    if (width == 1) {
      g_string_append_c(out, *at);
    } else {
      append_octet(out, '=', (guint8)*at);
    }
    column += width;
  }
  if (column > 0) {
    g_string_append_len(out, "=\r\n", 3);
  }
}

gboolean url_is_allowed(const char *url)
{
  static const char *const beginnings[] = { "https://", "http://", "mailto:", "tel:" };
  for (guint i = 0; i < G_N_ELEMENTS(beginnings); i++) {
    gsize length = strlen(beginnings[i]);
    if (g_ascii_strncasecmp(url, beginnings[i], length) == 0) {
      return url[length] > ' ' || (guint8)url[length] >= 0x80;
    }
  }
  return FALSE;
}

static gboolean is_override(gunichar c)
{
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static gboolean is_line_break(gunichar c)
{
  return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static void append_url(GString *out, const char *octets, gsize length, Context context)
{
  const guint8 wanted = context & CONTEXT_URL ? PLAIN_URL : PLAIN_PART;
  for (gsize i = 0; i < length; i++) {
    if (octets[i] == '@' && context & CONTEXT_MAILBOX) {
      g_string_append_c(out, '@');
    } else if (!(plain[(guint8)octets[i]] & wanted)) {
      append_octet(out, '%', (guint8)octets[i]);
    } else if (octets[i] == '&' && context & CONTEXT_HTML) {
      g_string_append(out, "&amp;");
    } else {
      g_string_append_c(out, octets[i]);
    }
  }
}

static void append_html(GString *out, const char *octets, gsize length)
{
  switch (*octets) {
  case '&': g_string_append(out, "&amp;"); break;
  case '<': g_string_append(out, "&lt;"); break;
  case '>': g_string_append(out, "&gt;"); break;
  case '"': g_string_append(out, "&quot;"); break;
  case '\'': g_string_append(out, "&#39;"); break;
  default: g_string_append_len(out, octets, (gssize)length);
  }
}

/* One character, after line breaks and control characters are settled. */
static void append_character(GString *out, const char *octets, gsize length, Context context)
{
  if (context & (CONTEXT_URL | CONTEXT_URL_PART)) {
    append_url(out, octets, length, context);
  } else if (context & CONTEXT_HTML) {
    append_html(out, octets, length);
  } else {
    g_string_append_len(out, octets, (gssize)length);
  }
}

static void append_line_break(GString *out, Context context)
{
  if (context & (CONTEXT_ONE_LINE | CONTEXT_URL | CONTEXT_URL_PART)) {
    append_character(out, " ", 1, context);
  } else {
    g_string_append(out, context & CONTEXT_HTML ? "<br>" : "\n");
  }
}

/* What bytes that stay as they are in context have. */
static guint8 wanted_of(Context context)
{
  const guint8 html = context & CONTEXT_HTML ? PLAIN_HTML : PLAIN_ANY;
  return context & CONTEXT_URL ? PLAIN_URL | html
         : context & CONTEXT_URL_PART ? PLAIN_PART : html;
}

static void append_valid(GString *out, const char *value, Context context)
{
  const guint8 wanted = wanted_of(context);
  const char *end = value + strlen(value);
  for (const char *at = value, *next; at < end; at = next) {
    const gsize span = plain_span(at, end, wanted);
    if (span > 0) {
      g_string_append_len(out, at, (gssize)span);
      next = at + span;
      continue;
    }
    gunichar c = g_utf8_get_char(at);
    next = g_utf8_next_char(at);
    if (is_line_break(c)) {
      if (c == '\r' && *next == '\n') {
        next++;
      }
      append_line_break(out, context);
    } else if (g_unichar_iscntrl(c)) {
      append_character(out, " ", 1, context);
    } else if (!(context & CONTEXT_HEADER && is_override(c))) {
      append_character(out, at, (gsize)(next - at), context);
    }
  }
}

static void append_verbatim(GString *out, const char *value, Context context)
{
  for (; *value != '\0'; value++) {
    if (context & CONTEXT_HTML && *value != '\'') {
      append_html(out, value, 1);
    } else {
      g_string_append_c(out, *value);
    }
  }
}

void encode_value(GString *out, const char *value, Context context)
{
  if (context & CONTEXT_VERBATIM) {
    append_verbatim(out, value, context);
    return;
  }
  if (context & CONTEXT_URL_START) {
    while (g_ascii_isspace(*value)) {
      value++;
    }
    if (!url_is_allowed(value)) {
      g_string_append_c(out, '#');
      return;
    }
  }
  if (context & CONTEXT_MARKUP) {
    context &= ~(guint)CONTEXT_HTML;
  }
  if (g_utf8_validate(value, -1, NULL)) {
    append_valid(out, value, context);
  } else {
    g_autofree char *repaired = g_utf8_make_valid(value, -1);
    append_valid(out, repaired, context);
  }
}

/* The length of value when it may be copied as it is, 0 otherwise. */
static gsize plain_length(const char *value, Context context)
{
  const guint8 wanted = wanted_of(context) | PLAIN_QP;
  gsize length = 0;
  while (length < LINE_MAX_QP && (plain[(guint8)value[length]] & wanted) == wanted) {
    length++;
  }
  gboolean whole = value[length] == '\0' && length < LINE_MAX_QP;
  return whole && is_plain_at(value, value + length, 0) ? length : 0;
}

void encode_hole(GString *out, GString *scratch, const char *value, Context context)
{
  gsize length = context & CONTEXT_URL_START ? 0 : plain_length(value, context);
  if (length > 0) {
    g_string_append_len(out, value, (gssize)length);
    g_string_append_len(out, "=\r\n", 3);
    return;
  }
  g_string_truncate(scratch, 0);
  encode_value(scratch, value, context);
  encode_quoted_printable(out, scratch->str, scratch->len);
}
