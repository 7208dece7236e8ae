/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/draft.h"
#include "content/words.h"

/* Markdown (CommonMark with GFM's tables, autolinks and strikethrough) into the bodies of
 * a message, both with words for tags (words.h). HTML in the text is left out, or passed on as
 * rawhtml.h says. */

typedef struct {
  char *html;
  char *text;
  char *heading;        /* text of the first heading, words in FORM_LINE; NULL: none */
  GPtrArray *pictures;  /* const DraftFile *, borrowed from the draft, each once */
} Markdown;

/* The tree of a text; the caller frees it. */
struct cmark_node *markdown_parse(const char *text);

/* template is the draft's text; its tokens join words. content_id makes the address of
 * picture number index as it stands in src="cid:…". Mistakes, with their lines, go into
 * report; the result is complete even then. */
typedef char *(*ContentId)(guint index, gconstpointer data);
void markdown_read(const Draft *draft, const Template *template, gboolean with_html, Words *words,
                   ContentId content_id, gconstpointer data, Markdown *markdown,
                   Report *report);
void markdown_clear(Markdown *markdown);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Markdown, markdown_clear)
