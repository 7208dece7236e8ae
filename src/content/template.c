/* SPDX-License-Identifier: Apache-2.0 */
#include "content/template.h"

#include <string.h>
#include "base/limits.h"
#include "content/template-inside.h"

typedef struct {
  const char *file;
  Report *report;
  Template *template;
  const char *at;          /* how far it was read */
  const char *line_start;  /* of the line of at */
  guint line;
  char *open, *close;      /* delimiters in force */
  GArray *sections;        /* guint: indexes of sections that are open */
  guint tags;
} Parser;

/* A tag that was delimited but not yet understood. */
typedef struct {
  const char *start, *end;  /* with delimiters */
  char sigil;               /* one of "#^/&{!=><$", or 0 */
  char *content;            /* without sigil and blanks around */
  guint line, column;
} Tag;

static void token_clear(gpointer data)
{
  Token *token = data;
  g_strfreev(token->fields);
  g_free(token->fallback);
}

Template *template_new(const char *source, const char *file)
{
  Template *template = g_new0(Template, 1);
  template->file = g_strdup(file);
  template->source = g_strdup(source);
  template->tokens = g_array_new(FALSE, TRUE, sizeof(Token));
  template->strings = g_string_chunk_new(256);
  template->sources = g_ptr_array_new_with_free_func((GDestroyNotify)template_free);
  return template;
}

void template_free(Template *template)
{
  if (template != NULL) {
    g_array_unref(template->tokens);
    g_string_chunk_free(template->strings);
    g_ptr_array_unref(template->sources);
    g_free(template->source);
    g_free(template->file);
    g_free(template);
  }
}

guint template_length(const Template *template)
{
  return template->tokens->len;
}

const Token *template_token(const Template *template, guint index)
{
  return &g_array_index(template->tokens, Token, index);
}

char *field_key(const char *name)
{
  g_autofree char *normal = g_utf8_normalize(name, -1, G_NORMALIZE_NFKC);
  g_autofree char *folded = g_utf8_casefold(normal != NULL ? normal : name, -1);
  return g_strdelimit(g_strdup(g_strstrip(folded)), "- ", '_');
}

static void parser_advance(Parser *parser, const char *to)
{
  for (; parser->at < to; parser->at++) {
    if (*parser->at == '\n') {
      parser->line++;
      parser->line_start = parser->at + 1;
    }
  }
}

static guint parser_column(const Parser *parser)
{
  return (guint)g_utf8_strlen(parser->line_start, parser->at - parser->line_start) + 1;
}

static Token *parser_add(Parser *parser, TokenKind kind, const char *start, const char *end)
{
  const Token token = { .kind = kind, .text = start, .length = (gsize)(end - start),
                        .file = parser->template->file };
  g_array_append_val(parser->template->tokens, token);
  return &g_array_index(parser->template->tokens, Token, parser->template->tokens->len - 1);
}

static void parser_add_text(Parser *parser, const char *end)
{
  if (end > parser->at) {
    guint line = parser->line, column = parser_column(parser);
    Token *token = parser_add(parser, TOKEN_TEXT, parser->at, end);
    token->line = line;
    token->column = column;
    parser_advance(parser, end);
  }
}

static G_GNUC_PRINTF(3, 4) void tag_error(Parser *parser, const Tag *tag, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_error(parser->report, parser->file, tag->line, tag->column, "%s", text);
}

/* Parts between '|', blanks around each removed. */
static char **split_parts(const char *content)
{
  char **parts = g_strsplit(content, "|", -1);
  for (char **part = parts; *part != NULL; part++) {
    g_strstrip(*part);
  }
  return parts;
}

static gboolean check_field(Parser *parser, const Tag *tag, const char *name)
{
  const int shown = (int)(tag->end - tag->start);
  if (*name == '\0') {
    tag_error(parser, tag, "%.*s names no field; write a column of the list, such as "
              "{{first_name}}", shown, tag->start);
  } else if (strpbrk(name, "{}#^&") != NULL) {
    tag_error(parser, tag, "%.*s: \"%s\" cannot be the name of a field; is a brace missing or "
              "one too many?", shown, tag->start, name);
  } else {
    return TRUE;
  }
  return FALSE;
}

static Token *add_tag(Parser *parser, const Tag *tag, TokenKind kind)
{
  Token *token = parser_add(parser, kind, tag->start, tag->end);
  token->line = tag->line;
  token->column = tag->column;
  return token;
}

static void add_variable(Parser *parser, const Tag *tag)
{
  g_auto(GStrv) parts = split_parts(tag->content);
  const guint count = g_strv_length(parts);
  g_autofree char *fallback = NULL;
  if (count > 1) {
    fallback = g_steal_pointer(&parts[count - 1]);
  }
  for (char **part = parts; *part != NULL; part++) {
    if (!check_field(parser, tag, *part)) {
      return;
    }
  }
  if (count == 0) {
    check_field(parser, tag, "");
    return;
  }
  gboolean raw = tag->sigil == '{' || tag->sigil == '&';
  Token *token = add_tag(parser, tag, raw ? TOKEN_RAW : TOKEN_VARIABLE);
  token->fields = g_steal_pointer(&parts);
  token->fallback = g_steal_pointer(&fallback);
}

/* Of a tag about one name. */
static Token *add_named_tag(Parser *parser, const Tag *tag, TokenKind kind)
{
  if (strchr(tag->content, '|') != NULL) {
    tag_error(parser, tag, "%.*s: this tag is about one name and has no fallback",
              (int)(tag->end - tag->start), tag->start);
    return NULL;
  }
  if (!check_field(parser, tag, tag->content)) {
    return NULL;
  }
  Token *token = add_tag(parser, tag, kind);
  token->fields = g_new0(char *, 2);
  token->fields[0] = g_strdup(tag->content);
  return token;
}

static void open_section(Parser *parser, const Tag *tag, TokenKind kind)
{
  if (parser->sections->len == LIMIT_TAG_DEPTH) {
    tag_error(parser, tag, "sections are nested more than %d deep; use fewer", LIMIT_TAG_DEPTH);
  }
  if (add_named_tag(parser, tag, kind) != NULL) {
    guint index = parser->template->tokens->len - 1;
    g_array_append_val(parser->sections, index);
  }
}

static void report_unclosed(Parser *parser, guint index)
{
  const Token *token = template_token(parser->template, index);
  report_error(parser->report, parser->file, token->line, token->column,
               "the section %.*s is never closed; write {{/%s}} where it ends",
               (int)token->length, token->text, token->fields[0]);
}

/* An end closes the innermost section of its name; those within it that were left open
 * are mistakes of their own. */
static void close_section(Parser *parser, const Tag *tag)
{
  Token *token = add_named_tag(parser, tag, TOKEN_END);
  if (token == NULL) {
    return;
  }
  g_autofree char *key = field_key(token->fields[0]);
  const guint end = parser->template->tokens->len - 1;
  guint depth = parser->sections->len;
  for (; depth > 0; depth--) {
    const guint begin = g_array_index(parser->sections, guint, depth - 1);
    g_autofree char *other = field_key(template_token(parser->template, begin)->fields[0]);
    if (strcmp(key, other) == 0) {
      break;
    }
  }
  if (depth == 0) {
    tag_error(parser, tag, "%.*s closes a section that is not open",
              (int)(tag->end - tag->start), tag->start);
    return;
  }
  for (guint i = depth; i < parser->sections->len; i++) {
    report_unclosed(parser, g_array_index(parser->sections, guint, i));
  }
  const guint begin = g_array_index(parser->sections, guint, depth - 1);
  g_array_index(parser->template->tokens, Token, begin).mate = end;
  g_array_index(parser->template->tokens, Token, end).mate = begin;
  g_array_set_size(parser->sections, depth - 1);
}

static void set_delimiters(Parser *parser, const Tag *tag)
{
  g_auto(GStrv) parts = g_strsplit_set(tag->content, " \t\r\n", -1);
  const char *found[2] = { NULL, NULL };
  guint count = 0;
  for (char **part = parts; *part != NULL; part++) {
    if (**part != '\0' && count++ < 2) {
      found[count - 1] = *part;
    }
  }
  if (count != 2 || strchr(tag->content, '=') != NULL) {
    tag_error(parser, tag, "%.*s: new delimiters are two words without \"=\", such as "
              "{{=<%% %%>=}}", (int)(tag->end - tag->start), tag->start);
    return;
  }
  g_free(parser->open);
  g_free(parser->close);
  parser->open = g_strdup(found[0]);
  parser->close = g_strdup(found[1]);
}

static void understand(Parser *parser, const Tag *tag)
{
  switch (tag->sigil) {
  case '#': open_section(parser, tag, TOKEN_SECTION); break;
  case '^': open_section(parser, tag, TOKEN_INVERTED); break;
  case '<': open_section(parser, tag, TOKEN_PARENT); break;
  case '$': open_section(parser, tag, TOKEN_BLOCK); break;
  case '/': close_section(parser, tag); break;
  case '>': add_named_tag(parser, tag, TOKEN_PARTIAL); break;
  case '=': set_delimiters(parser, tag);  /* fall through */
  case '!': add_tag(parser, tag, TOKEN_NOTE); break;
  default: add_variable(parser, tag);
  }
}

/* Finds where the tag ends that begins at parser->at; FALSE where it does not. */
static gboolean delimit(Parser *parser, Tag *tag)
{
  const char *inside = parser->at + strlen(parser->open);
  inside += strspn(inside, " \t");
  *tag = (Tag){ .start = parser->at, .line = parser->line, .column = parser_column(parser) };
  if (*inside != '\0' && strchr("#^/&!=><${", *inside) != NULL) {
    tag->sigil = *inside++;
  }
  const char *before = tag->sigil == '{' ? "}" : tag->sigil == '=' ? "=" : "";
  g_autofree char *closing = g_strconcat(before, parser->close, NULL);
  const char *close = strstr(inside, closing);
  const char *line_end = inside + strcspn(inside, "\n");
  const gboolean may_span = tag->sigil == '!' || tag->sigil == '=';
  if (close == NULL || (close > line_end && !may_span)) {
    tag_error(parser, tag, "this tag is not closed: \"%s\" is missing on its line", closing);
    return FALSE;
  }
  tag->content = g_strstrip(g_strndup(inside, (gsize)(close - inside)));
  tag->end = close + strlen(closing);
  return TRUE;
}

static void parse_tag(Parser *parser)
{
  Tag tag;
  if (!delimit(parser, &tag)) {
    parser_add_text(parser, parser->at + strlen(parser->open));
    return;
  }
  understand(parser, &tag);
  parser_advance(parser, tag.end);
  g_free(tag.content);
}

static void parse_all(Parser *parser)
{
  const char *start;
  while ((start = strstr(parser->at, parser->open)) != NULL) {
    parser_add_text(parser, start);
    if (parser->tags++ == LIMIT_TAGS) {
      report_error(parser->report, parser->file, parser->line, 0,
                   "more than %d merge tags; the rest of the text was not looked at", LIMIT_TAGS);
      return;
    }
    parse_tag(parser);
  }
  parser_add_text(parser, parser->at + strlen(parser->at));
  for (guint i = 0; i < parser->sections->len; i++) {
    report_unclosed(parser, g_array_index(parser->sections, guint, i));
  }
}

Template *template_parse(const char *source, const char *file, guint line, Report *report)
{
  Template *template = template_new(source, file);
  const guint errors = report_count(report, FINDING_ERROR);
  g_array_set_clear_func(template->tokens, token_clear);
  Parser parser = {
    .file = file, .report = report, .template = template, .at = template->source,
    .line_start = template->source, .line = line, .open = g_strdup("{{"),
    .close = g_strdup("}}"), .sections = g_array_new(FALSE, FALSE, sizeof(guint)),
  };
  parse_all(&parser);
  g_array_unref(parser.sections);
  g_free(parser.open);
  g_free(parser.close);
  if (report_count(report, FINDING_ERROR) == errors) {
    template_settle_lines(template);
  }
  return template;
}
