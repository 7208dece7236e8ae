/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/words.h"

/* Lines of plain text, measured in columns of a terminal: wide characters (CJK, emoji) take
 * two, combining ones none. The words of sections take none, a tag's value is taken for 10. */
enum {
  WRAP_WIDTH = 76,       /* leaves room for a reply's "> " (RFC 3676 section 4.1) */
  WRAP_NARROWEST = 20,   /* however deep the indent */
};

guint wrap_width(const char *text, const Words *words);

/* text in lines of at most width columns where it can be broken: at blanks, and between
 * wide characters. '\n' in text stays; the result ends with one. Caller frees. */
char *wrap_text(const char *text, const Words *words, guint width);
