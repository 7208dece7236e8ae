/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/quoting.h"

#include <string.h>

enum { UNIT_SIZE = 16 };   /* the longest character, \xHH a byte */

static const char HEX[] = "0123456789abcdef";
static const char CUT[] = "\u2026";

typedef enum {
  BYTE_CONTROL,   /* never as it is */
  BYTE_PLAIN,     /* anywhere */
  BYTE_QUOTED,    /* within quotes */
  BYTE_ESCAPED,   /* within quotes, behind a '\\' */
  BYTE_HIGH,      /* anywhere, if it belongs to a printable character */
} ByteClass;

static const guint8 BYTE_CLASS[256] = {
  [' '] = BYTE_QUOTED, ['!'] = BYTE_PLAIN, ['"'] = BYTE_ESCAPED, ['#' ... '<'] = BYTE_PLAIN,
  ['='] = BYTE_QUOTED, ['>' ... '['] = BYTE_PLAIN, ['\\'] = BYTE_ESCAPED,
  [']' ... '~'] = BYTE_PLAIN, [0x80 ... 0xff] = BYTE_HIGH,
};

static ByteClass class_of(char byte)
{
  return (ByteClass)BYTE_CLASS[(guchar)byte];
}

/* --- Writing. --- */

/* The length of the character beyond ASCII at text, or 1 for a byte that is none. */
static gsize high_length(const char *text, gboolean *printable)
{
  gunichar character = g_utf8_get_char_validated(text, -1);
  gboolean valid = character != (gunichar)-1 && character != (gunichar)-2;

  *printable = valid && character >= 0xa0 && !(character >= 0x2028 && character <= 0x202e) &&
               !(character >= 0x2066 && character <= 0x2069);
  return valid ? (gsize)(g_utf8_next_char(text) - text) : 1;
}

/* Where value ends when it is written as it is; NULL if it needs quotes or more room. */
static char *put_plain(char *at, const char *end, const char *value)
{
  for (;;) {
    while (class_of(*value) == BYTE_PLAIN && at < end) {
      *at++ = *value++;
    }
    if (class_of(*value) != BYTE_HIGH) {
      return *value == '\0' ? at : NULL;
    }
    gboolean printable;
    gsize length = high_length(value, &printable);
    if (!printable || (gsize)(end - at) < length) {
      return NULL;
    }
    at = mempcpy(at, value, length);
    value += length;
  }
}

static char *put_escape(char *at, char byte)
{
  *at++ = '\\';
  switch (byte) {
  case '"':
  case '\\':
    *at++ = byte;
    break;
  case '\n':
    *at++ = 'n';
    break;
  case '\r':
    *at++ = 'r';
    break;
  case '\t':
    *at++ = 't';
    break;
  default:
    *at++ = 'x';
    *at++ = HEX[(guchar)byte >> 4];
    *at++ = HEX[byte & 0xf];
  }
  return at;
}

/* Writes the character at *value as it stands within quotes, and moves *value on. */
static gsize quote_character(const char **value, char unit[UNIT_SIZE])
{
  const char *text = *value;
  gboolean printable = FALSE;
  gsize length = class_of(*text) == BYTE_HIGH ? high_length(text, &printable) : 1;
  char *at = unit;

  *value += length;
  if (printable) {
    memcpy(at, text, length);
    return length;
  }
  for (gsize i = 0; i < length; i++) {
    at = put_escape(at, text[i]);
  }
  return (gsize)(at - unit);
}

/* Writes of value what fits before end, and moves *value behind it. */
static char *put_characters(char *at, const char *end, const char **value)
{
  while (**value != '\0') {
    if (class_of(**value) == BYTE_PLAIN || class_of(**value) == BYTE_QUOTED) {
      if (at == end) {
        break;
      }
      *at++ = *(*value)++;
      continue;
    }
    char unit[UNIT_SIZE];
    const char *next = *value;
    gsize length = quote_character(&next, unit);
    if ((gsize)(end - at) < length) {
      break;
    }
    at = mempcpy(at, unit, length);
    *value = next;
  }
  return at;
}

char *quoting_put_value(char *at, const char *end, const char *value, gboolean may_cut)
{
  const gsize frame = strlen("\"\"") + strlen(CUT);
  char *behind = *value != '\0' ? put_plain(at, end, value) : NULL;

  if (behind != NULL) {
    return behind;
  }
  if ((gsize)(end - at) < frame) {
    return NULL;
  }
  *at++ = '"';
  at = put_characters(at, end - strlen("\"") - strlen(CUT), &value);
  if (*value != '\0') {
    if (!may_cut) {
      return NULL;
    }
    at = mempcpy(at, CUT, strlen(CUT));
  }
  *at++ = '"';
  return at;
}

/* --- Reading. --- */

static int hex_value(char digit)
{
  return g_ascii_isupper(digit) ? -1 : g_ascii_xdigit_value(digit);
}

/* The byte of two hexadecimal digits, NUL if they are none. Lower case only, as it is
 * written. */
static char parse_hex_byte(const char *text)
{
  int high = hex_value(text[0]);
  int low = high >= 0 ? hex_value(text[1]) : -1;

  return low >= 0 ? (char)(high * 16 + low) : '\0';
}

/* The byte that the escape at text (behind its '\\') stands for, NUL if it is none;
 * *length is how many bytes it takes. */
static char parse_escape(const char *text, gsize *length)
{
  *length = *text == 'x' ? 3 : 1;
  switch (*text) {
  case '"':
  case '\\':
    return *text;
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  case 'x':
    return parse_hex_byte(text + 1);
  default:
    return '\0';
  }
}

/* *at is behind the first quote. */
static const char *parse_quoted(char **at)
{
  char *in = *at, *out = *at;

  while (*in != '"') {
    gsize length = 1;
    char byte = *in;
    if (byte == '\\') {
      byte = parse_escape(++in, &length);
      if (byte == '\0') {
        return "a value has a \\ before something else than \" \\ n r t xHH";
      }
    } else if (class_of(byte) == BYTE_CONTROL) {
      return "a value in quotes does not end, or holds a control character";
    }
    *out++ = byte;
    in += length;
  }
  *at = in + 1;
  *out = '\0';
  return NULL;
}

const char *quoting_parse_value(char **at, const char **value)
{
  if (**at == '"') {
    *value = ++*at;
    return parse_quoted(at);
  }
  *value = *at;
  while (class_of(**at) == BYTE_PLAIN || class_of(**at) == BYTE_HIGH) {
    ++*at;
  }
  return *at == *value ? "a value is empty without quotes" : NULL;
}
