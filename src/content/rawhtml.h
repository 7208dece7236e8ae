/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/words.h"

/* HTML that stands in Markdown, where a channel allows it: what mail programs show, and
 * nothing that fetches, runs or sends. Values stay where they are put: in text, in quoted
 * attributes, and in the addresses of links, each word taking the form for its place. */

/* literal, one node's, with words in their forms. NULL where it cannot be used; *mistake says
 * why then. Caller frees both. */
char *raw_html_settle(const char *literal, const Words *words, char **mistake);

/* What is left of it without tags, for plain text. Caller frees. */
char *raw_html_to_text(const char *literal);
