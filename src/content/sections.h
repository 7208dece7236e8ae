/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <cmark-gfm.h>
#include "content/words.h"

/* Sections in Markdown. Markdown puts the words that begin and end a section wherever a
 * word can be: in a paragraph of their own, at the end of the last item of a list, in a
 * row of a table. So that a section that is left out leaves nothing behind,
 *
 *   a section that is the whole of one or more paragraphs also takes what is around them
 *   (<p>, and a list, quote or table that it covers);
 *   a section tag alone on its line within a paragraph takes the line break with it.
 *
 *   a row of a table that holds nothing but section tags is no row.
 *
 * And because the two ends of a section come and go together, they must stand at the same
 * place in the structure: what is between them can then be left out of the HTML. */

/* Moves section words in the tree to where they belong; those that move become custom
 * blocks with the word as on_enter. */
void sections_settle(cmark_node *root, const Words *words);

/* Whether a node, made by the above, is nothing but words of sections: a mark, or a row of a
 * table. */
gboolean sections_is_mark(cmark_node *node);
gboolean sections_is_mark_row(cmark_node *row, const Words *words);

/* html, rendered of the tree, with such rows replaced by their words. Caller frees. */
char *sections_free_rows(const char *html, const Words *words);

/* html, after sections_check(): where a section is about one list as a whole, or stands in
 * the text of one paragraph, that is there once, or not at all, and the section is about what
 * is in it. Caller frees. */
char *sections_enter(const char *html, const Words *words);

/* Reports every section of words from number first on that is not well placed in html. */
void sections_check(const char *html, const Words *words, guint first, Report *report);
