/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/template.h"

/* What parsing and expanding a template share. */
struct Template {
  char *file;
  char *source;
  GArray *tokens;        /* Token */
  GStringChunk *strings; /* what tokens point to beside source */
  GPtrArray *sources;    /* Template *: of an expanded one, those that its tokens borrow from */
};

Template *template_new(const char *source, const char *file);
static inline Token *template_at(Template *template, guint index)
{
  return &g_array_index(template->tokens, Token, index);
}

/* Takes the lines of tags that stand alone, and tells which tokens begin lines. */
void template_settle_lines(Template *template);
