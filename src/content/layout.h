/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What surrounds a release's text in HTML: a page in the look of the house, from a template
 * (template.h) that is built into the program. It fetches nothing, runs no script, is read
 * by a screen reader as the text alone, and follows the reader's choice of light or dark. */
typedef struct {
  const char *subject;   /* plain text */
  const char *content;   /* HTML already */
  const char *language;  /* BCP 47; also gives the direction of writing */
  const char *embargo;   /* plain text; NULL: none */
  const char *footer;    /* plain text; NULL: none */
} LayoutValues;

/* Caller frees. */
char *layout_render(const LayoutValues *values);
