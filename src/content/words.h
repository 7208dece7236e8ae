/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/template.h"

/* Inert words that stand for merge tags while a text goes through Markdown and into a
 * layout. A word is "q", 16 hexadecimal digits of the seed, "n", the token's number and one
 * letter for its form: Markdown sees a word like any other, no renderer escapes or splits
 * it, and it ends where it ends whatever follows. The seed is a digest of the text, which
 * therefore cannot hold its own words. */

typedef enum {
  FORM_FLOW,      /* in running text */
  FORM_LINE,      /* where a value must stay on its line: attributes, title */
  FORM_ADDRESS,   /* within an address */
  FORM_MAILBOX,   /* within an address that begins with mailto: */
  FORM_START,     /* at the beginning of an address, which the value must be fit for */
  FORM_WHETHER,   /* of a section: whether it is there at all, without entering it */
} WordForm;

typedef struct {
  const char *start;   /* in the text that was searched */
  gsize length;
  guint number;        /* of the token, over all templates */
  const Token *token;
  WordForm form;
} Word;

typedef struct Words Words;

/* seed: at least 16 hexadecimal digits. */
Words *words_new(const char *seed);
void words_free(Words *words);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Words, words_free)

/* Where a line of the result comes from. */
typedef struct {
  const char *file;   /* borrowed from the template */
  guint line;
} SourceLine;

/* The text of template, which went through template_expand(), with words in place of its
 * tags; those of sections that took their line get it back, for Markdown to see. Borrows
 * template, for as long as words is used. lines, or NULL: gets the SourceLine of each line
 * of the result. Caller frees. */
char *words_put(Words *words, const Template *template, GArray *lines);

/* The first word in text; FALSE when there is none. */
gboolean words_find(const Words *words, const char *text, Word *word);
/* The word that begins at text itself. */
gboolean words_at(const Words *words, const char *text, Word *word);

/* The number of the other end of the section that the token begins or ends. */
guint words_mate(const Words *words, guint number);

void words_append(const Words *words, GString *out, guint number, WordForm form);
gboolean word_is_section(const Word *word);   /* begins or ends one */

/* All tokens that have a number, texts too. */
guint words_count(const Words *words);
const Token *words_token(const Words *words, guint number);

/* text with all its words in another form. Caller frees. For an address a word at its
 * beginning gets FORM_START, the others FORM_ADDRESS or FORM_MAILBOX. */
char *words_to_line(const Words *words, const char *text);
char *words_to_address(const Words *words, const char *text);

/* text with tags again, as their author wrote them: for people. Caller frees. */
char *words_to_source(const Words *words, const char *text);

/* Whether the line at text is filled by words of sections, and by blanks: Mustache's rule
 * for tags that stand alone takes its line break away. */
gboolean words_fill_line(const Words *words, const char *text);
/* text with that rule applied. Caller frees. */
char *words_trim_lines(const Words *words, const char *text);
