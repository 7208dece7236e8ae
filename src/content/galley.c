/* SPDX-License-Identifier: Apache-2.0 */

/* Tags are masked by as many bytes as they have, so that what cmark tells of lines and columns
 * holds for the source. cmark's columns are right but for what stands behind an escape, an
 * entity or a mail address: each is verified against the source, and else looked for in its
 * line. */

#include "content/galley.h"

#include <cmark-gfm-core-extensions.h>
#include <string.h>
#include "content/markdown.h"
#include "content/template.h"

enum {
  RECOGNIZED_BY = 12,   /* bytes by which a place is recognized in its line */
  DEPTH_MAX = 100,      /* of inlines in each other; what is deeper is opaque */
};

struct Galley {
  char *file;
  guint first_line;
  char **source, **masked;   /* by line; bytes are in the same places */
  GPtrArray *passages, *links, *pictures, *partials;
};

typedef struct {
  gsize offset;   /* in the passage's text */
  guint line;     /* of the source, from 1 */
  gsize column;   /* in bytes, from 0 */
} Segment;

static void passage_free(gpointer data)
{
  Passage *passage = data;
  g_string_free(passage->text, TRUE);
  g_array_unref(passage->segments);
  g_free(passage);
}

static void link_free(gpointer data)
{
  GalleyLink *link = data;
  g_free(link->address);
  g_free(link->text);
  g_free(link);
}

void galley_free(Galley *galley)
{
  if (galley != NULL) {
    g_free(galley->file);
    g_strfreev(galley->source);
    g_strfreev(galley->masked);
    g_ptr_array_unref(galley->passages);
    g_ptr_array_unref(galley->links);
    g_ptr_array_unref(galley->pictures);
    g_ptr_array_unref(galley->partials);
    g_free(galley);
  }
}

const char *galley_file(const Galley *galley)
{
  return galley->file;
}

const GPtrArray *galley_passages(const Galley *galley)
{
  return galley->passages;
}

const GPtrArray *galley_links(const Galley *galley)
{
  return galley->links;
}

const GPtrArray *galley_pictures(const Galley *galley)
{
  return galley->pictures;
}

const GPtrArray *galley_partials(const Galley *galley)
{
  return galley->partials;
}

/* --- Tags --- */

/* A tag that took its line gives it back: Markdown shall see the lines that it will see. */
static void mask_token(GString *out, const Token *token)
{
  if (token->kind == TOKEN_TEXT) {
    g_string_append_len(out, token->text, (gssize)token->length);
    return;
  }
  const gboolean is_value = token->kind == TOKEN_VARIABLE || token->kind == TOKEN_RAW;
  g_string_append(out, token->line_end != NULL && token->indent != NULL ? token->indent : "");
  for (gsize i = 0; i < token->length; i++) {
    const char c = token->text[i];
    g_string_append_c(out, c == '\n' ? c : is_value ? GALLEY_VALUE : GALLEY_TAG);
  }
  g_string_append(out, token->line_end != NULL ? token->line_end : "");
}

/* partials, or NULL: gets the names of those that are called. */
static char *mask(const char *source, GPtrArray *partials)
{
  g_autoptr(Report) mistakes = report_new();
  g_autoptr(Template) template = template_parse(source, NULL, 1, mistakes);
  if (report_failed(mistakes)) {
    return NULL;
  }
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < template_length(template); i++) {
    const Token *token = template_token(template, i);
    mask_token(out, token);
    if (partials != NULL && (token->kind == TOKEN_PARTIAL || token->kind == TOKEN_PARENT)) {
      g_ptr_array_add(partials, g_strdup(token->fields[0]));
    }
  }
  return g_string_free(out, FALSE);
}

char *galley_mask(const char *source)
{
  return mask(source, NULL);
}

/* --- Places --- */

/* Where snippet stands in a line, which should be at column. */
static const char *find_in_line(const char *line, gsize column, const char *snippet)
{
  const char *expected = line + MIN(column, strlen(line));
  if (g_str_has_prefix(expected, snippet)) {
    return expected;
  }
  const char *behind = strstr(expected, snippet);
  return behind != NULL ? behind : strstr(line, snippet);
}

static Place find_place(const Galley *galley, guint line, gsize column, const char *snippet)
{
  if (line == 0 || line > g_strv_length(galley->masked)) {
    return (Place){ 0, 0 };
  }
  const char *masked = galley->masked[line - 1];
  const char *at = find_in_line(masked, column, snippet);
  const guint found = at != NULL ? (guint)g_utf8_strlen(galley->source[line - 1], at - masked) + 1
                                 : 0;
  return (Place){ galley->first_line + line - 1, found };
}

/* The text from offset on, as far as it is surely one piece of the source. */
static char *snippet_at(const Passage *passage, const Segment *segment, gsize offset)
{
  const gsize index = (gsize)(segment - &g_array_index(passage->segments, Segment, 0));
  const gsize end = index + 1 < passage->segments->len ? segment[1].offset : passage->text->len;
  const char *start = passage->text->str + offset;
  const gsize length = MIN(MIN(end - offset, (gsize)RECOGNIZED_BY), strcspn(start, "\n\v\x03"));
  const char *whole = g_utf8_offset_to_pointer(start, g_utf8_strlen(start, (gssize)length));
  return g_strndup(start, (gsize)(whole - start));
}

Place galley_place(const Galley *galley, const Passage *passage, gsize offset)
{
  const Segment *segment = &g_array_index(passage->segments, Segment, 0);
  for (guint i = 1; i < passage->segments->len && segment[1].offset <= offset; i++) {
    segment++;
  }
  g_autofree char *snippet = snippet_at(passage, segment, offset);
  return find_place(galley, segment->line, segment->column + offset - segment->offset, snippet);
}

/* --- Passages --- */

typedef struct {
  Galley *galley;
  Passage *passage;
  guint line;       /* that of what comes next, as far as is known */
  guint depth;
} Setter;

static void set_text(Setter *setter, cmark_node *node, const char *text)
{
  const int line = cmark_node_get_start_line(node), column = cmark_node_get_start_column(node);
  setter->line = line > 0 ? (guint)line : setter->line;
  const Segment segment = { setter->passage->text->len, setter->line,
                            column > 0 ? (gsize)column - 1 : 0 };
  g_array_append_val(setter->passage->segments, segment);
  g_string_append(setter->passage->text, text);
}

static void set_break(Setter *setter, char line_break)
{
  g_string_append_c(setter->passage->text, line_break);
  setter->line++;
}

static char *text_of(cmark_node *parent)
{
  g_autoptr(GString) text = g_string_new(NULL);
  cmark_iter *iter = cmark_iter_new(parent);
  for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
    cmark_node *node = cmark_iter_get_node(iter);
    const char *literal = cmark_node_get_literal(node);
    if (event == CMARK_EVENT_ENTER && literal != NULL) {
      g_string_append(text, literal);
    } else if (cmark_node_get_type(node) == CMARK_NODE_SOFTBREAK) {
      g_string_append_c(text, ' ');
    }
  }
  cmark_iter_free(iter);
  return g_strdup(g_strstrip(text->str));
}

/* An address that was made a link because it looks like one. */
static gboolean is_bare(cmark_node *link)
{
  const char *url = cmark_node_get_url(link);
  g_autofree char *text = text_of(link);
  return *text != '\0' && g_str_has_suffix(url, text);
}

/* cmark takes the line where a link ends for that where it begins; its text knows better. Of
 * bare addresses it knows no place, or a wrong one. */
static Place place_of_link(const Setter *setter, cmark_node *node, const char *text)
{
  cmark_node *child = cmark_node_first_child(node);
  const int line = cmark_node_get_start_line(node), column = cmark_node_get_start_column(node);
  const int line_of_text = child != NULL ? cmark_node_get_start_line(child) : 0;
  if (column == 0 || is_bare(node)) {
    return find_place(setter->galley, setter->line, 0, text);
  }
  if (line_of_text > 0 && line_of_text < line) {
    const int column_of_text = cmark_node_get_start_column(child);
    return find_place(setter->galley, (guint)line_of_text, (gsize)MAX(column_of_text - 2, 0), "");
  }
  return find_place(setter->galley, (guint)line, (gsize)column - 1, "");
}

static void keep_link(const Setter *setter, cmark_node *node, GPtrArray *links)
{
  GalleyLink *link = g_new0(GalleyLink, 1);
  link->address = g_strdup(cmark_node_get_url(node));
  link->text = text_of(node);
  link->place = place_of_link(setter, node, link->text);
  g_ptr_array_add(links, link);
}

static void set_inlines(Setter *setter, cmark_node *parent);

static void set_inline(Setter *setter, cmark_node *node)
{
  static const char opaque[] = { GALLEY_OPAQUE, '\0' };
  switch (cmark_node_get_type(node)) {
  case CMARK_NODE_TEXT: set_text(setter, node, cmark_node_get_literal(node)); break;
  case CMARK_NODE_SOFTBREAK: set_break(setter, '\n'); break;
  case CMARK_NODE_LINEBREAK: set_break(setter, GALLEY_BREAK); break;
  case CMARK_NODE_CODE: set_text(setter, node, opaque); break;
  case CMARK_NODE_HTML_INLINE: set_text(setter, node, "\x02"); break;
  case CMARK_NODE_IMAGE:
    keep_link(setter, node, setter->galley->pictures);
    set_text(setter, node, opaque);
    break;
  case CMARK_NODE_LINK:
    keep_link(setter, node, setter->galley->links);
    if (is_bare(node)) {
      set_text(setter, node, opaque);
      break;
    }
    set_inlines(setter, node);
    break;
  default: set_inlines(setter, node);
  }
}

static void set_inlines(Setter *setter, cmark_node *parent)
{
  setter->depth++;
  for (cmark_node *node = cmark_node_first_child(parent); node && setter->depth <= DEPTH_MAX;
       node = cmark_node_next(node)) {
    set_inline(setter, node);
  }
  setter->depth--;
}

static gboolean is_tag_or_blank(char c)
{
  return c == GALLEY_TAG || c == ' ' || c == '\n' || c == GALLEY_BREAK;
}

static void settle_ends(Passage *passage)
{
  const char *text = passage->text->str;
  passage->end = passage->text->len;
  while (passage->begin < passage->end && is_tag_or_blank(text[passage->begin])) {
    passage->begin++;
  }
  while (passage->end > passage->begin && is_tag_or_blank(text[passage->end - 1])) {
    passage->end--;
  }
  passage->has_tags = memchr(text + passage->begin, GALLEY_TAG,
                             passage->end - passage->begin) != NULL;
}

static PassageKind kind_of(cmark_node *node)
{
  cmark_node *parent = cmark_node_parent(node);
  if (cmark_node_get_type(node) == CMARK_NODE_HEADING) {
    return PASSAGE_HEADING;
  }
  if (cmark_node_get_type(node) != CMARK_NODE_PARAGRAPH) {
    return PASSAGE_CELL;
  }
  const gboolean first = parent != NULL && cmark_node_first_child(parent) == node;
  return first && cmark_node_get_type(parent) == CMARK_NODE_ITEM ? PASSAGE_ITEM
                                                                 : PASSAGE_PARAGRAPH;
}

static gboolean is_of_type(cmark_node *node, cmark_node_type type)
{
  return node != NULL && cmark_node_get_type(node) == type;
}

/* A passage without text of its own stays, since it stands between others. */
static void set_passage(Galley *galley, cmark_node *node)
{
  cmark_node *only = cmark_node_first_child(node);
  only = only == cmark_node_last_child(node) ? only : NULL;
  Passage *passage = g_new0(Passage, 1);
  passage->kind = kind_of(node);
  passage->follows = is_of_type(cmark_node_previous(node), cmark_node_get_type(node));
  passage->is_link = is_of_type(only, CMARK_NODE_LINK);
  passage->is_marked = is_of_type(only, CMARK_NODE_STRONG) || is_of_type(only, CMARK_NODE_EMPH);
  passage->text = g_string_new(NULL);
  passage->segments = g_array_new(FALSE, FALSE, sizeof(Segment));
  Setter setter = { .galley = galley, .passage = passage,
                    .line = (guint)cmark_node_get_start_line(node) };
  const Segment start = { 0, setter.line, 0 };
  g_array_append_val(passage->segments, start);
  set_inlines(&setter, node);
  settle_ends(passage);
  g_ptr_array_add(galley->passages, passage);
}

static void set_blocks(Galley *galley, cmark_node *root)
{
  cmark_iter *iter = cmark_iter_new(root);
  for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
    cmark_node *node = cmark_iter_get_node(iter);
    const cmark_node_type type = cmark_node_get_type(node);
    if (event == CMARK_EVENT_ENTER &&
        (type == CMARK_NODE_PARAGRAPH || type == CMARK_NODE_HEADING ||
         g_str_equal(cmark_node_get_type_string(node), "table_cell"))) {
      set_passage(galley, node);
    }
  }
  cmark_iter_free(iter);
}

Galley *galley_new(const char *source, const char *file, guint line)
{
  g_autoptr(GPtrArray) partials = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *masked = mask(source, partials);
  if (masked == NULL) {
    return NULL;
  }
  Galley *galley = g_new0(Galley, 1);
  galley->file = g_strdup(file);
  galley->first_line = line;
  galley->source = g_strsplit(source, "\n", -1);
  galley->masked = g_strsplit(masked, "\n", -1);
  galley->passages = g_ptr_array_new_with_free_func(passage_free);
  galley->links = g_ptr_array_new_with_free_func(link_free);
  galley->pictures = g_ptr_array_new_with_free_func(link_free);
  galley->partials = g_steal_pointer(&partials);
  cmark_node *root = markdown_parse(masked);
  set_blocks(galley, root);
  cmark_node_free(root);
  return galley;
}
