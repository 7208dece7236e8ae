/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"

/* Merge tags in a text: Mustache, as far as a row of a list can fill it, and fallbacks.
 *
 *   {{field}}            the value; escaped for where it stands
 *   {{{field}}} {{&field}}  the value; in HTML it is taken for markup, in an address
 *                        reserved characters stay. The author vouches for the list
 *   {{field|text}}       text where the field is empty; blanks around it do not count
 *   {{a|b|text}}         all but the last are fields, tried in order; the last is text
 *   {{#field}}…{{/field}}  only where the field is not empty and not "0" or "false"
 *   {{^field}}…{{/field}}  only where it is
 *   {{! comment }}       nothing; the only tag that may run over several lines
 *   {{=<% %>=}}          other delimiters from here on
 *
 * Partials and lists in sections do not exist: a field holds one text. A comment or
 * change of delimiters alone on its line takes the line with it; for sections see
 * sections.h. Field names are compared as field_key() says. */

typedef enum {
  TOKEN_TEXT,
  TOKEN_VARIABLE,
  TOKEN_RAW,
  TOKEN_SECTION,
  TOKEN_INVERTED,
  TOKEN_END,
} TokenKind;

/* All pointers are borrowed from the Template. */
typedef struct {
  TokenKind kind;
  const char *text;     /* as written, not terminated */
  gsize length;
  char **fields;        /* NULL-terminated; one for sections and ends; NULL for text */
  char *fallback;       /* NULL: none */
  guint mate;           /* the other end of a section, as index; valid when nothing failed */
  guint line, column;   /* from 1 */
} Token;

typedef struct Template Template;

/* line is that of the file at which source begins. Every mistake goes into report; what
 * is returned is of use only where there was none. source must be valid UTF-8. */
Template *template_parse(const char *source, const char *file, guint line, Report *report);
void template_free(Template *template);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Template, template_free)

guint template_length(const Template *template);
const Token *template_token(const Template *template, guint index);
static inline gboolean token_is_section(const Token *token)
{
  return token->kind == TOKEN_SECTION || token->kind == TOKEN_INVERTED;
}

/* What a section asks of a value, which may be NULL. */
gboolean value_is_true(const char *value);

/* The form in which names of fields are compared: without case, with '_', '-' and ' '
 * alike. Caller frees. */
char *field_key(const char *name);

/* Renders with what lookup returns (borrowed, NULL is empty), escaped for HTML but for raw
 * tags: for the layouts of the house. Caller frees. */
typedef const char *(*TemplateLookup)(const char *field, gpointer data);
char *template_render(const Template *template, TemplateLookup lookup, gpointer data);
