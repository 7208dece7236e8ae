/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <cmark-gfm.h>
#include "content/words.h"

/* The text part of a message from a Markdown tree (after sections_settle()): what a person
 * would write into a mail. Addresses of links as numbered notes at the end, headings
 * underlined, lists, quotes and tables as people type them, code as it is, emphasis left
 * out. Tags stay words. Ends with an empty line unless it is empty. Caller frees. */
char *plaintext_render(cmark_node *root, const Words *words);
