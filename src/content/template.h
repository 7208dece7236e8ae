/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"

/* Merge tags in a text: Mustache (its required modules and inheritance), and fallbacks.
 *
 *   {{field}}            the value; escaped for where it stands
 *   {{{field}}} {{&field}}  the value; in HTML it is taken for markup, in an address
 *                        reserved characters stay. The author vouches for the list
 *   {{field|text}}       text where the field is empty; blanks around it do not count
 *   {{a|b|text}}         all but the last are fields, tried in order; the last is a field
 *                        too where the data know its name, and text otherwise
 *   {{a.b}} {{.}}        b of what a holds; what the section around it is about
 *   {{#field}}…{{/field}}  once for each item of a list, once for any other value that is
 *                        true; what it holds is the context inside
 *   {{^field}}…{{/field}}  where there is nothing of that
 *   {{> name}}           a partial: another text at this place
 *   {{<name}}…{{/name}}  the same, with its blocks replaced by those inside
 *   {{$name}}…{{/name}}  a block: what may be replaced
 *   {{! comment }}       nothing; the only tag that may run over several lines
 *   {{=<% %>=}}          other delimiters from here on, in this text
 *
 * A tag that stands alone on its line takes the line with it, but for variables. A parent,
 * and a block, is alone when nothing else is on the lines where it begins and ends. */

typedef enum {
  TOKEN_TEXT,
  TOKEN_VARIABLE,
  TOKEN_RAW,
  TOKEN_SECTION,
  TOKEN_INVERTED,
  TOKEN_END,
  /* Up to the expansion (expansion.h). */
  TOKEN_NOTE,       /* a comment, or other delimiters */
  TOKEN_PARTIAL,
  TOKEN_PARENT,
  TOKEN_BLOCK,
  /* After it, and only where a partial contains itself. */
  TOKEN_ROUTINE,    /* up to its mate, an end: may be called */
  TOKEN_CALL,       /* runs the routine that is its mate */
  TOKEN_INDENT,     /* what the calls that are under way are indented by */
} TokenKind;

/* All pointers are borrowed from the Template. */
typedef struct {
  TokenKind kind;
  const char *text;     /* as written, not terminated */
  gsize length;
  char **fields;        /* NULL-terminated; one name for all but variables; NULL for text */
  char *fallback;       /* NULL: none */
  guint mate;           /* the other end of a section, as index; valid when nothing failed */
  guint line, column;   /* from 1 */
  const char *file;
  const char *indent;   /* blanks before a tag that is first on its line; NULL otherwise */
  const char *line_end; /* of a tag that takes its line: "\n", "\r\n", "" at the end of the
                           text; NULL otherwise */
  gboolean begins_line; /* its first byte is the first of a line that stays */
  gboolean is_alone;    /* block: nothing else is on the lines where it begins and ends;
                           parent: on the line where it begins */
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

/* The form in which names of fields are compared: without case, with '_', '-' and ' '
 * alike. Caller frees. */
char *field_key(const char *name);
