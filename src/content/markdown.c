/* SPDX-License-Identifier: Apache-2.0 */
#include "content/markdown.h"

#include <cmark-gfm-core-extensions.h>
#include <string.h>
#include "content/encode.h"
#include "content/plaintext.h"
#include "content/rawhtml.h"
#include "content/sections.h"

enum { DEPTH_MAX = 100 };   /* of blocks and inlines in each other */

typedef struct {
  const Draft *draft;
  const Words *words;
  guint first;          /* number of the text's first token */
  GArray *lines;        /* SourceLine of each line that cmark saw */
  ContentId content_id;
  gconstpointer data;
  Markdown *markdown;
  Report *report;
  guint sections;       /* open where look_at_nodes() is */
  gboolean with_html;
} Reader;

void markdown_clear(Markdown *markdown)
{
  g_clear_pointer(&markdown->html, g_free);
  g_clear_pointer(&markdown->text, g_free);
  g_clear_pointer(&markdown->heading, g_free);
  g_clear_pointer(&markdown->pictures, g_ptr_array_unref);
}

/* --- Mistakes --- */

/* cmark knows the line of blocks and of most inlines; what extensions made has none. */
static SourceLine line_of(const Reader *reader, cmark_node *node)
{
  const SourceLine nowhere = { draft_text_name(reader->draft), 0 };
  int line = 0;
  while (node != NULL && (line = cmark_node_get_start_line(node)) == 0) {
    node = cmark_node_parent(node);
  }
  const guint index = line > 0 ? (guint)line - 1 : 0;
  return index < reader->lines->len ? g_array_index(reader->lines, SourceLine, index) : nowhere;
}

#define reader_report(report_level, reader, node, ...) \
  do { \
    const SourceLine source_line = line_of(reader, node); \
    report_level((reader)->report, source_line.file, source_line.line, 0, __VA_ARGS__); \
  } while (0)

static void check_link(const Reader *reader, cmark_node *link)
{
  Word word;
  const char *url = cmark_node_get_url(link);
  g_autofree char *shown = words_to_source(reader->words, url);
  if (*url == '\0' || *url == '#') {
    return;   /* leads nowhere: proofreading tells */
  }
  if (words_at(reader->words, url, &word)) {
    if (word_is_section(&word)) {
      reader_report(report_error, reader, link, "the address \"%s\" begins with a section; put "
                    "the section around the whole link", shown);
    }
  } else if (!url_is_allowed(url)) {
    reader_report(report_error, reader, link, "the link to \"%s\" would not work in a mail: an "
                  "address begins with https://, http://, mailto: or tel:", shown);
  }
}

static gboolean is_shown_by_mail_programs(const char *type)
{
  static const char *const types[] = { "image/jpeg", "image/png", "image/gif", "image/webp",
                                       NULL };
  return g_strv_contains(types, type);
}

static const DraftFile *find_picture(const Reader *reader, const char *url)
{
  const char *name = g_str_has_prefix(url, "./") ? url + 2 : url;
  g_autofree char *unescaped = g_uri_unescape_string(name, NULL);
  const DraftFile *file = draft_find(reader->draft, name);
  return file == NULL && unescaped != NULL ? draft_find(reader->draft, unescaped) : file;
}

static gboolean is_remote(const char *url)
{
  g_autofree char *scheme = g_uri_parse_scheme(url);
  return scheme != NULL || g_str_has_prefix(url, "//");
}

/* The file to show, or NULL after a finding. */
static const DraftFile *check_picture(const Reader *reader, cmark_node *image)
{
  Word word;
  const char *url = cmark_node_get_url(image);
  g_autofree char *shown = words_to_source(reader->words, url);
  const DraftFile *file = NULL;
  if (words_find(reader->words, url, &word)) {
    reader_report(report_error, reader, image, "the picture \"%s\" cannot differ from one "
                  "recipient to another; name a file of the bundle", shown);
  } else if (is_remote(url)) {
    reader_report(report_error, reader, image, "the picture \"%s\" is not in the bundle; mail "
                  "programs do not load pictures from elsewhere: put the file beside the text "
                  "and write its name", shown);
  } else if ((file = find_picture(reader, url)) == NULL) {
    reader_report(report_error, reader, image, "there is no picture \"%s\"; drop a folder that "
                  "holds it beside release.md", shown);
  } else if (!is_shown_by_mail_programs(file->type)) {
    reader_report(report_error, reader, image, "\"%s\" (%s) is no picture that mail programs "
                  "show; use JPEG, PNG, GIF or WebP, or attach it", shown, file->type);
    file = NULL;
  }
  return file;
}

/* --- Changes to the tree --- */

static void place_picture(Reader *reader, cmark_node *image)
{
  guint index;
  const DraftFile *file = check_picture(reader, image);
  if (file == NULL) {
    return;
  }
  if (reader->sections > 0) {
    reader_report(report_warning, reader, image, "the picture \"%s\" is in a section, but goes "
                  "to every recipient", file->name);
  }
  GPtrArray *pictures = reader->markdown->pictures;
  if (!g_ptr_array_find(pictures, file, &index)) {
    index = pictures->len;
    g_ptr_array_add(pictures, (gpointer)file);
  }
  g_autofree char *id = reader->content_id(index, reader->data);
  g_autofree char *url = g_strconcat("cid:", id, NULL);
  cmark_node_set_url(image, url);
}

static void drop_html(const Reader *reader, cmark_node *node)
{
  const char *literal = cmark_node_get_literal(node);
  if (!g_str_has_prefix(literal, "<!--") && !g_str_has_prefix(literal, "</")) {
    g_autofree char *line = g_strndup(literal, strcspn(literal, "\n"));
    g_autofree char *shown = words_to_source(reader->words, line);
    reader_report(report_warning, reader, node, "HTML is left out: %s (write Markdown, or \\< "
                  "where the sign itself is meant)", g_strchomp(shown));
  }
  cmark_node *parent = cmark_node_parent(node);
  cmark_node_free(node);
  if (cmark_node_get_type(parent) == CMARK_NODE_PARAGRAPH && !cmark_node_first_child(parent)) {
    cmark_node_free(parent);
  }
}

static void settle_html(const Reader *reader, cmark_node *node)
{
  g_autofree char *mistake = NULL;
  const char *literal = cmark_node_get_literal(node);
  g_autofree char *html = raw_html_settle(literal, reader->words, &mistake);
  if (html != NULL) {
    cmark_node_set_literal(node, html);
    return;
  }
  g_autofree char *line = g_strndup(literal, strcspn(literal, "\n"));
  g_autofree char *shown = words_to_source(reader->words, line);
  reader_report(report_error, reader, node, "this HTML cannot be used: %s: %s", shown, mistake);
}

static void set_line_form(const Words *words, cmark_node *node,
                          const char *(*get)(cmark_node *), int (*set)(cmark_node *, const char *))
{
  const char *text = get(node);
  if (text != NULL && *text != '\0') {
    g_autofree char *line = words_to_line(words, text);
    set(node, line);
  }
}

/* Words that HTML will have in attributes take the form for it. */
static void set_forms(const Words *words, cmark_node *node)
{
  cmark_node_type type = cmark_node_get_type(node);
  if (type == CMARK_NODE_LINK) {
    g_autofree char *address = words_to_address(words, cmark_node_get_url(node));
    cmark_node_set_url(node, address);
  }
  if (type == CMARK_NODE_LINK || type == CMARK_NODE_IMAGE) {
    set_line_form(words, node, cmark_node_get_title, cmark_node_set_title);
  } else if (type == CMARK_NODE_CODE_BLOCK) {
    g_autofree char *code = words_trim_lines(words, cmark_node_get_literal(node));
    cmark_node_set_literal(node, code);
    set_line_form(words, node, cmark_node_get_fence_info, cmark_node_set_fence_info);
  }
}

/* The text of an image becomes its alt attribute. */
static void set_alt_forms(const Words *words, cmark_node *image)
{
  cmark_iter *iter = cmark_iter_new(image);
  while (cmark_iter_next(iter) != CMARK_EVENT_DONE) {
    cmark_node *node = cmark_iter_get_node(iter);
    if (cmark_node_get_type(node) == CMARK_NODE_TEXT ||
        cmark_node_get_type(node) == CMARK_NODE_CODE) {
      set_line_form(words, node, cmark_node_get_literal, cmark_node_set_literal);
    }
  }
  cmark_iter_free(iter);
}

/* --- Reading --- */

static gboolean is_html(cmark_node *node)
{
  return cmark_node_get_type(node) == CMARK_NODE_HTML_BLOCK ||
         cmark_node_get_type(node) == CMARK_NODE_HTML_INLINE;
}

/* The nodes that cmark_iter enters but does not leave. */
static gboolean is_leaf(cmark_node *node)
{
  switch (cmark_node_get_type(node)) {
  case CMARK_NODE_CODE_BLOCK:
  case CMARK_NODE_THEMATIC_BREAK:
  case CMARK_NODE_TEXT:
  case CMARK_NODE_SOFTBREAK:
  case CMARK_NODE_LINEBREAK:
  case CMARK_NODE_CODE: return TRUE;
  default: return is_html(node);
  }
}

/* All nodes in order; NULL where they are nested deeper than DEPTH_MAX. */
static GPtrArray *collect_nodes(cmark_node *root)
{
  guint depth = 0, deepest = 0;
  g_autoptr(GPtrArray) nodes = g_ptr_array_new();
  cmark_iter *iter = cmark_iter_new(root);
  for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
    cmark_node *node = cmark_iter_get_node(iter);
    if (event == CMARK_EVENT_EXIT) {
      depth--;
      continue;
    }
    g_ptr_array_add(nodes, node);
    depth += is_leaf(node) ? 0 : 1;
    deepest = MAX(deepest, depth);
  }
  cmark_iter_free(iter);
  return deepest <= DEPTH_MAX ? g_steal_pointer(&nodes) : NULL;
}

static void count_sections(Reader *reader, const char *text)
{
  for (Word word; words_find(reader->words, text, &word); text = word.start + word.length) {
    if (token_is_section(word.token)) {
      reader->sections++;
    } else if (word.token->kind == TOKEN_END && reader->sections > 0) {
      reader->sections--;
    }
  }
}

static void look_at_nodes(Reader *reader, const GPtrArray *nodes)
{
  for (guint i = 0; i < nodes->len; i++) {
    cmark_node *node = nodes->pdata[i];
    if (cmark_node_get_type(node) == CMARK_NODE_LINK) {
      check_link(reader, node);
    } else if (cmark_node_get_type(node) == CMARK_NODE_IMAGE) {
      place_picture(reader, node);
    } else if (is_html(node) && reader->with_html) {
      settle_html(reader, node);
    } else if (is_html(node)) {
      drop_html(reader, node);
    } else if (cmark_node_get_type(node) == CMARK_NODE_TEXT) {
      count_sections(reader, cmark_node_get_literal(node));
    }
  }
}

static void append_heading(GString *out, cmark_node *parent)
{
  for (cmark_node *node = cmark_node_first_child(parent); node; node = cmark_node_next(node)) {
    const cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE) {
      g_string_append(out, cmark_node_get_literal(node));
    } else if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK) {
      g_string_append_c(out, ' ');
    } else if (type != CMARK_NODE_IMAGE) {
      append_heading(out, node);
    }
  }
}

/* The text of the first heading that has any. */
static char *find_heading(const Reader *reader, const GPtrArray *nodes)
{
  for (guint i = 0; i < nodes->len; i++) {
    if (cmark_node_get_type(nodes->pdata[i]) == CMARK_NODE_HEADING) {
      g_autoptr(GString) text = g_string_new(NULL);
      append_heading(text, nodes->pdata[i]);
      if (*g_strstrip(text->str) != '\0') {
        return words_to_line(reader->words, text->str);
      }
    }
  }
  return NULL;
}

static char *render_html(const Words *words, cmark_node *root)
{
  g_autoptr(GPtrArray) nodes = collect_nodes(root);
  for (guint i = 0; i < nodes->len; i++) {
    set_forms(words, nodes->pdata[i]);
    if (cmark_node_get_type(nodes->pdata[i]) == CMARK_NODE_IMAGE) {
      set_alt_forms(words, nodes->pdata[i]);
    }
  }
  /* "Unsafe" is what look_at_nodes() has dealt with: addresses and HTML. */
  char *rendered = cmark_render_html(root, CMARK_OPT_TABLE_PREFER_STYLE_ATTRIBUTES |
                                     CMARK_OPT_UNSAFE, NULL);
  char *html = sections_free_rows(rendered, words);
  cmark_get_default_mem_allocator()->free(rendered);
  return html;
}

static void read_tree(Reader *reader, cmark_node *root)
{
  Markdown *markdown = reader->markdown;
  g_autoptr(GPtrArray) nodes = collect_nodes(root);
  if (nodes == NULL) {
    report_error(reader->report, draft_text_name(reader->draft), 0, 0, "quotes, lists or "
                 "emphasis are nested more than %d deep; use fewer levels", DEPTH_MAX);
    markdown->text = g_strdup("");
    markdown->html = g_strdup("");
    return;
  }
  markdown->heading = find_heading(reader, nodes);
  look_at_nodes(reader, nodes);
  sections_settle(root, reader->words);
  markdown->text = plaintext_render(root, reader->words);
  markdown->html = render_html(reader->words, root);
  sections_check(markdown->html, reader->words, reader->first, reader->report);
  char *html = sections_enter(markdown->html, reader->words);
  g_free(markdown->html);
  markdown->html = html;
}

cmark_node *markdown_parse(const char *text)
{
  static const char *const extensions[] = { "table", "autolink", "strikethrough" };
  cmark_gfm_core_extensions_ensure_registered();
  cmark_parser *parser = cmark_parser_new(CMARK_OPT_DEFAULT);
  for (guint i = 0; i < G_N_ELEMENTS(extensions); i++) {
    cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension(extensions[i]));
  }
  cmark_parser_feed(parser, text, strlen(text));
  cmark_node *root = cmark_parser_finish(parser);
  cmark_parser_free(parser);
  return root;
}

void markdown_read(const Draft *draft, const Template *template, gboolean with_html, Words *words,
                   ContentId content_id, gconstpointer data, Markdown *markdown,
                   Report *report)
{
  const guint first = words_count(words);
  g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(SourceLine));
  g_autofree char *text = words_put(words, template, lines);
  *markdown = (Markdown){ .pictures = g_ptr_array_new() };
  Reader reader = { .draft = draft, .words = words, .first = first, .lines = lines,
                    .content_id = content_id, .data = data, .markdown = markdown,
                    .report = report, .with_html = with_html };
  cmark_node *root = markdown_parse(text);
  read_tree(&reader, root);
  cmark_node_free(root);
}
