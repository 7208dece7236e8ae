/* SPDX-License-Identifier: Apache-2.0 */
#include "content/wrap.h"

#include <string.h>

enum { VALUE_WIDTH = 10, ZERO_WIDTH_JOINER = 0x200D };

/* A character, or a word of words.h, which is never taken apart. */
typedef struct {
  const char *start;
  gsize length;
  guint width;
  gunichar c;     /* 0 for a word */
} Unit;

static Unit unit_at(const char *text, const Words *words)
{
  Word word;
  if (words_at(words, text, &word)) {
    guint width = word_is_section(&word) ? 0 : VALUE_WIDTH;
    return (Unit){ .start = text, .length = word.length, .width = width };
  }
  gunichar c = g_utf8_get_char(text);
  guint width = g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
  return (Unit){ text, (gsize)(g_utf8_next_char(text) - text), width, c };
}

guint wrap_width(const char *text, const Words *words)
{
  guint width = 0;
  while (*text != '\0') {
    Unit unit = unit_at(text, words);
    width += unit.width;
    text += unit.length;
  }
  return width;
}

static gboolean may_end_line(gunichar c)
{
  GUnicodeType type = g_unichar_type(c);
  return type != G_UNICODE_OPEN_PUNCTUATION && type != G_UNICODE_INITIAL_PUNCTUATION &&
         c != ZERO_WIDTH_JOINER;
}

static gboolean may_begin_line(gunichar c)
{
  switch (g_unichar_type(c)) {
  case G_UNICODE_CLOSE_PUNCTUATION:
  case G_UNICODE_FINAL_PUNCTUATION:
  case G_UNICODE_OTHER_PUNCTUATION:
  case G_UNICODE_MODIFIER_LETTER:
  case G_UNICODE_MODIFIER_SYMBOL: return FALSE;
  default: return !g_unichar_iszerowidth(c);
  }
}

/* Scripts that write without blanks break between any two of their characters, but for
 * punctuation (a good part of UAX 14, without its tables). */
static gboolean breaks_between(gunichar before, gunichar behind)
{
  return before != 0 && behind != 0 && (g_unichar_iswide(before) || g_unichar_iswide(behind)) &&
         may_end_line(before) && may_begin_line(behind);
}

/* A stretch that is not broken: from text up to the next blank or place for a break. */
static Unit piece_at(const char *text, const Words *words)
{
  Unit piece = { .start = text };
  for (gunichar before = 0; *text != '\0' && *text != ' ' && *text != '\n';) {
    Unit unit = unit_at(text, words);
    if (breaks_between(before, unit.c)) {
      break;
    }
    piece.length += unit.length;
    piece.width += unit.width;
    before = unit.c;
    text += unit.length;
  }
  return piece;
}

static void wrap_line(GString *out, const char *text, const char *end, const Words *words,
                      guint width)
{
  guint column = 0;
  while (text < end) {
    gsize blanks = strspn(text, " ");
    Unit piece = piece_at(text + blanks, words);
    if (column > 0 && column + blanks + piece.width > width && piece.length > 0) {
      g_string_append_c(out, '\n');
      column = 0;
    } else {
      g_string_append_len(out, text, (gssize)blanks);
      column += (guint)blanks;
    }
    g_string_append_len(out, piece.start, (gssize)piece.length);
    column += piece.width;
    text = piece.start + piece.length;
  }
  g_string_append_c(out, '\n');
}

char *wrap_text(const char *text, const Words *words, guint width)
{
  GString *out = g_string_new(NULL);
  for (const char *end; ; text = end + 1) {
    end = text + strcspn(text, "\n");
    wrap_line(out, text, end, words, width);
    if (*end == '\0') {
      break;
    }
  }
  return g_string_free(out, FALSE);
}
