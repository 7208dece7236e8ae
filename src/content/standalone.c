/* SPDX-License-Identifier: Apache-2.0 */

/* Mustache's rules about lines: which tags take theirs with them, and what that leaves.
 * First every tag is judged by the text as it was written, then lines are taken. */

#include <string.h>
#include "content/template-inside.h"

typedef struct {
  gboolean begins;   /* nothing but blanks before it on its line */
  gboolean ends;     /* nothing but blanks behind it */
  gboolean takes_before, takes_behind;
} Standing;

typedef struct {
  Template *template;
  Standing *standings;   /* by token */
} Settling;

static gboolean is_blank(char c)
{
  return c == ' ' || c == '\t';
}

static const char *end_of(const Token *token)
{
  return token->text + token->length;
}

/* The length of the line break at at; 0 where there is none. */
static gsize line_break_at(const char *at)
{
  return *at == '\n' ? 1 : *at == '\r' && at[1] == '\n' ? 2 : 0;
}

static gboolean begins_its_line(const Template *template, const Token *token)
{
  const char *at = token->text;
  while (at > template->source && is_blank(at[-1])) {
    at--;
  }
  return at == template->source || at[-1] == '\n';
}

static gboolean ends_its_line(const Token *token)
{
  const char *at = end_of(token);
  while (is_blank(*at)) {
    at++;
  }
  return *at == '\0' || line_break_at(at) > 0;
}

static gboolean is_between_lines(const Token *first, const Token *last)
{
  return memchr(first->text, '\n', (gsize)(last->text - first->text)) != NULL;
}

/* A comment, a partial, or one end of a section. */
static void judge_single(Standing *standing)
{
  standing->takes_before = standing->takes_behind = standing->begins && standing->ends;
}

/* A parent, or a block that is not within one: its two ends count together where they are
 * on one line. */
static void judge_element(Settling *settling, guint index)
{
  Token *open = template_at(settling->template, index);
  Standing *first = &settling->standings[index], *last = &settling->standings[open->mate];
  const gboolean spans = is_between_lines(open, template_at(settling->template, open->mate));
  const gboolean left = first->begins && (spans || last->ends);
  const gboolean right = last->ends && (spans || first->begins);
  open->is_alone = left && (right || open->kind == TOKEN_PARENT);
  if (open->kind == TOKEN_PARENT) {
    first->takes_before = left;
    last->takes_behind = right;
    return;
  }
  first->takes_before = open->is_alone || (first->begins && first->ends);
  first->takes_behind = first->ends && (first->begins || open->is_alone);
  last->takes_before = last->begins && spans && (open->is_alone || last->ends);
  last->takes_behind = open->is_alone || (last->begins && last->ends);
}

/* A block directly within a parent, where all else is ignored: its text begins behind the
 * line of its beginning and ends before that of its end. */
static void judge_argument(Settling *settling, guint index)
{
  const Token *open = template_at(settling->template, index);
  Standing *last = &settling->standings[open->mate];
  settling->standings[index].takes_behind = settling->standings[index].ends;
  last->takes_before = last->begins;
}

static void judge(Settling *settling, guint index, gboolean in_parent)
{
  const Token *token = template_at(settling->template, index);
  switch (token->kind) {
  case TOKEN_NOTE:
  case TOKEN_PARTIAL: judge_single(&settling->standings[index]); return;
  case TOKEN_SECTION:
  case TOKEN_INVERTED:
    judge_single(&settling->standings[index]);
    judge_single(&settling->standings[token->mate]);
    return;
  case TOKEN_PARENT: judge_element(settling, index); return;
  case TOKEN_BLOCK:
    if (in_parent) {
      judge_argument(settling, index);
    } else {
      judge_element(settling, index);
    }
    return;
  default: return;
  }
}

static void judge_all(Settling *settling)
{
  g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(TokenKind));
  GArray *tokens = settling->template->tokens;
  for (guint i = 0; i < tokens->len; i++) {
    const Token *token = template_at(settling->template, i);
    if (token->kind != TOKEN_TEXT) {
      settling->standings[i].begins = begins_its_line(settling->template, token);
      settling->standings[i].ends = ends_its_line(token);
    }
  }
  for (guint i = 0; i < tokens->len; i++) {
    const TokenKind kind = template_at(settling->template, i)->kind;
    const gboolean in_parent =
        open->len > 0 && g_array_index(open, TokenKind, open->len - 1) == TOKEN_PARENT;
    judge(settling, i, in_parent);
    if (kind == TOKEN_END) {
      g_array_set_size(open, open->len - 1);
    } else if (kind == TOKEN_SECTION || kind == TOKEN_INVERTED || kind == TOKEN_PARENT ||
               kind == TOKEN_BLOCK) {
      g_array_append_val(open, kind);
    }
  }
}

/* The text before or behind a tag; NULL where there is none. */
static Token *text_at(Template *template, guint index)
{
  Token *token = index < template->tokens->len ? template_at(template, index) : NULL;
  return token != NULL && token->kind == TOKEN_TEXT ? token : NULL;
}

static void take_before(Template *template, guint index)
{
  Token *text = index > 0 ? text_at(template, index - 1) : NULL;
  while (text != NULL && text->length > 0 && is_blank(text->text[text->length - 1])) {
    text->length--;
  }
}

static void take_behind(Template *template, guint index)
{
  Token *text = text_at(template, index + 1);
  if (text == NULL) {
    return;
  }
  gsize length = 0;
  while (length < text->length && is_blank(text->text[length])) {
    length++;
  }
  const gsize line_break = length < text->length ? line_break_at(text->text + length) : 0;
  text->text += length + line_break;
  text->length -= length + line_break;
  text->line += line_break > 0 ? 1 : 0;
  text->column = line_break > 0 ? 1 : text->column + (guint)length;
}

static void note_line(Template *template, guint index, const Standing *standing)
{
  Token *token = template_at(template, index);
  if (standing->begins) {
    const char *at = token->text;
    while (at > template->source && is_blank(at[-1])) {
      at--;
    }
    token->indent = g_string_chunk_insert_len(template->strings, at, token->text - at);
  }
  if (standing->takes_behind) {
    const char *at = end_of(token);
    while (is_blank(*at)) {
      at++;
    }
    token->line_end = g_string_chunk_insert_len(template->strings, at, (gssize)line_break_at(at));
  }
}

/* A tag at column 0 begins a line that stays unless it takes that line. */
static void note_beginnings(Settling *settling)
{
  Template *template = settling->template;
  for (guint i = 0; i < template->tokens->len; i++) {
    Token *token = template_at(template, i);
    const Standing *standing = &settling->standings[i];
    const gboolean first = token->text == template->source || token->text[-1] == '\n';
    token->begins_line = first && !standing->takes_before && !standing->takes_behind;
  }
}

void template_settle_lines(Template *template)
{
  g_autofree Standing *standings = g_new0(Standing, template->tokens->len);
  Settling settling = { template, standings };
  judge_all(&settling);
  for (guint i = 0; i < template->tokens->len; i++) {
    if (template_at(template, i)->kind != TOKEN_TEXT) {
      note_line(template, i, &standings[i]);
    }
  }
  for (guint i = 0; i < template->tokens->len; i++) {
    if (standings[i].takes_before) {
      take_before(template, i);
    }
    if (standings[i].takes_behind) {
      take_behind(template, i);
    }
  }
  note_beginnings(&settling);
}
