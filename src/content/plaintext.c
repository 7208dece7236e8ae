/* SPDX-License-Identifier: Apache-2.0 */
#include "content/plaintext.h"

#include <cmark-gfm-core-extensions.h>
#include <string.h>
#include "content/encode.h"
#include "content/rawhtml.h"
#include "content/sections.h"
#include "content/table.h"
#include "content/wrap.h"

enum { RULE_WIDTH = 40 };

/* The address of a link. It is listed within the sections that the link is in: who does
 * not see the link does not see its address. */
typedef struct {
  char *url;
  GArray *sections;   /* guint: numbers of their words, outermost first */
} Note;

typedef struct {
  const Words *words;
  GString *out;
  GString *prefix;    /* of lines: quotes and indents that are open */
  GString *first;     /* of the next line instead, where not empty: holds a list's marker */
  GPtrArray *notes;   /* Note */
  GHashTable *numbers;  /* words of sections and url -> number of the note */
  GArray *sections;   /* guint: numbers of the words of sections that are open */
} Writer;

static void write_block(Writer *writer, cmark_node *node);

static void note_free(gpointer data)
{
  Note *note = data;
  g_free(note->url);
  g_array_unref(note->sections);
  g_free(note);
}

/* --- Lines --- */

static void write_line(Writer *writer, const char *text)
{
  const GString *prefix = writer->first->len > 0 ? writer->first : writer->prefix;
  gsize length = prefix->len;
  while (*text == '\0' && length > 0 && prefix->str[length - 1] == ' ') {
    length--;
  }
  g_string_append_len(writer->out, prefix->str, (gssize)length);
  g_string_append(writer->out, text);
  g_string_append_c(writer->out, '\n');
  g_string_truncate(writer->first, 0);
}

/* lines end with a line break each. */
static void write_lines(Writer *writer, const char *lines)
{
  for (gsize length; *lines != '\0'; lines += length + 1) {
    length = strcspn(lines, "\n");
    g_autofree char *line = g_strndup(lines, length);
    write_line(writer, line);
  }
}

static guint room(const Writer *writer)
{
  const guint used = wrap_width(writer->prefix->str, writer->words);
  return MAX(WRAP_WIDTH - MIN(used, WRAP_WIDTH), WRAP_NARROWEST);
}

/* --- Inlines --- */

static void track_sections(Writer *writer, const char *text)
{
  for (Word word; words_find(writer->words, text, &word); text = word.start + word.length) {
    if (token_is_section(word.token)) {
      g_array_append_val(writer->sections, word.number);
    } else if (word.token->kind == TOKEN_END && writer->sections->len > 0) {
      g_array_set_size(writer->sections, writer->sections->len - 1);
    }
  }
}

/* The number under which url is listed, from 1. */
static guint add_note(Writer *writer, const char *url)
{
  g_autoptr(GString) key = g_string_new(NULL);
  for (guint i = 0; i < writer->sections->len; i++) {
    words_append(writer->words, key, g_array_index(writer->sections, guint, i), FORM_FLOW);
  }
  g_string_append(key, url);
  guint number = GPOINTER_TO_UINT(g_hash_table_lookup(writer->numbers, key->str));
  if (number == 0) {
    Note *note = g_new0(Note, 1);
    note->url = g_strdup(url);
    note->sections = g_array_copy(writer->sections);
    g_ptr_array_add(writer->notes, note);
    number = writer->notes->len;
    g_hash_table_insert(writer->numbers, g_strdup(key->str), GUINT_TO_POINTER(number));
  }
  return number;
}

/* A mailbox or number is as good without "mailto:" or "tel:". */
static const char *without_scheme(const char *url)
{
  static const char *const schemes[] = { "mailto:", "tel:" };
  for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
    if (g_ascii_strncasecmp(url, schemes[i], strlen(schemes[i])) == 0) {
      return url + strlen(schemes[i]);
    }
  }
  return url;
}

static void append_address(const Writer *writer, GString *out, const char *url)
{
  g_autofree char *address = words_to_address(writer->words, url);
  encode_value(out, without_scheme(address), CONTEXT_URL);
}

/* Whether what a reader sees is the address already: "www.example.org", "+32 2 …". */
static gboolean is_spelt_out(const Writer *writer, const char *label, const char *url)
{
  g_autofree char *shown = words_to_source(writer->words, label);
  g_autofree char *meant = words_to_source(writer->words, url);
  const char *scheme_end = strstr(meant, "://");
  return strcmp(shown, meant) == 0 || strcmp(shown, without_scheme(meant)) == 0 ||
         (scheme_end != NULL && strcmp(shown, scheme_end + 3) == 0);
}

static void append_inlines(Writer *writer, GString *out, cmark_node *parent);

static void append_link(Writer *writer, GString *out, cmark_node *link)
{
  const char *url = cmark_node_get_url(link);
  g_autoptr(GString) label = g_string_new(NULL);
  append_inlines(writer, label, link);
  if (*url == '\0' || *url == '#') {
    g_string_append_len(out, label->str, (gssize)label->len);
  } else if (strcmp(label->str, url) == 0) {
    append_address(writer, out, url);
  } else {
    g_string_append_len(out, label->str, (gssize)label->len);
    if (!is_spelt_out(writer, label->str, url)) {
      g_string_append_printf(out, "%s[%u]", label->len > 0 ? " " : "", add_note(writer, url));
    }
  }
}

static void append_inline(Writer *writer, GString *out, cmark_node *node)
{
  switch (cmark_node_get_type(node)) {
  case CMARK_NODE_TEXT:
  case CMARK_NODE_CODE:
    track_sections(writer, cmark_node_get_literal(node));
    g_string_append(out, cmark_node_get_literal(node));
    return;
  case CMARK_NODE_SOFTBREAK: g_string_append_c(out, ' '); return;
  case CMARK_NODE_LINEBREAK: g_string_append_c(out, '\n'); return;
  case CMARK_NODE_HTML_INLINE:
    g_string_append(out, g_ascii_strncasecmp(cmark_node_get_literal(node), "<br", 3) == 0 ? "\n"
                                                                                        : "");
    return;
  case CMARK_NODE_LINK: append_link(writer, out, node); return;
  case CMARK_NODE_IMAGE:
    g_string_append_c(out, '[');
    append_inlines(writer, out, node);
    g_string_append_c(out, ']');
    return;
  default: break;
  }
  const gboolean struck = strcmp(cmark_node_get_type_string(node), "strikethrough") == 0;
  g_string_append(out, struck ? "~" : "");
  append_inlines(writer, out, node);
  g_string_append(out, struck ? "~" : "");
}

static void append_inlines(Writer *writer, GString *out, cmark_node *parent)
{
  for (cmark_node *node = cmark_node_first_child(parent); node; node = cmark_node_next(node)) {
    append_inline(writer, out, node);
  }
}

static char *inlines_of(Writer *writer, cmark_node *parent)
{
  GString *text = g_string_new(NULL);
  append_inlines(writer, text, parent);
  return g_string_free(text, FALSE);
}

/* --- Blocks --- */

static gboolean is_followed_by_block(cmark_node *node)
{
  while ((node = cmark_node_next(node)) != NULL && sections_is_mark(node)) {
  }
  return node != NULL;
}

static void write_mark(Writer *writer, cmark_node *mark)
{
  track_sections(writer, cmark_node_get_on_enter(mark));
  g_string_append(writer->out, cmark_node_get_on_enter(mark));
}

/* Whether mark begins a section that is about the next block as a whole: a list, or a
 * paragraph whose tags stand in its text. */
static gboolean is_about_block(const Writer *writer, cmark_node *mark, Word *begin)
{
  Word end;
  cmark_node *block = cmark_node_next(mark);
  cmark_node *last = block != NULL ? cmark_node_next(block) : NULL;
  if (last == NULL || !sections_is_mark(last) ||
      !words_at(writer->words, cmark_node_get_on_enter(mark), begin) ||
      !words_at(writer->words, cmark_node_get_on_enter(last), &end) ||
      begin->token->kind != TOKEN_SECTION ||
      end.number != words_mate(writer->words, begin->number)) {
    return FALSE;
  }
  const cmark_node_type type = cmark_node_get_type(block);
  return type == CMARK_NODE_LIST ||
         (type == CMARK_NODE_PARAGRAPH && begin->token->line_end == NULL);
}

/* The section runs within the block; what stands around that is there once. Returns the mark
 * that ends the section. */
static cmark_node *write_entered(Writer *writer, cmark_node *mark, const Word *begin)
{
  cmark_node *block = cmark_node_next(mark), *last = cmark_node_next(block);
  words_append(writer->words, writer->out, begin->number, FORM_WHETHER);
  if (cmark_node_get_type(block) == CMARK_NODE_LIST) {
    write_mark(writer, mark);
    write_block(writer, block);
    write_mark(writer, last);
  } else {
    track_sections(writer, cmark_node_get_on_enter(mark));
    g_autofree char *inside = inlines_of(writer, block);
    track_sections(writer, cmark_node_get_on_enter(last));
    g_autofree char *text = g_strconcat(cmark_node_get_on_enter(mark), inside,
                                        cmark_node_get_on_enter(last), NULL);
    g_autofree char *lines = wrap_text(text, writer->words, room(writer));
    write_lines(writer, lines);
  }
  write_line(writer, "");
  words_append(writer->words, writer->out, words_mate(writer->words, begin->number),
               FORM_WHETHER);
  return last;
}

/* In the document an empty line follows each block, so that a section takes its own with
 * it; elsewhere one stands between two. */
static void write_children(Writer *writer, cmark_node *parent, gboolean tight)
{
  Word begin;
  const gboolean outermost = cmark_node_get_type(parent) == CMARK_NODE_DOCUMENT;
  for (cmark_node *node = cmark_node_first_child(parent); node; node = cmark_node_next(node)) {
    if (sections_is_mark(node) && outermost && is_about_block(writer, node, &begin)) {
      node = write_entered(writer, node, &begin);
    } else if (sections_is_mark(node)) {
      write_mark(writer, node);
    } else {
      write_block(writer, node);
      if (!tight && (outermost || is_followed_by_block(node))) {
        write_line(writer, "");
      }
    }
  }
}

/* Opens a level of lines that begin with marker and go on with rest. */
static void write_nested(Writer *writer, cmark_node *node, const char *marker, const char *rest,
                         gboolean tight)
{
  const gsize before = writer->prefix->len;
  if (writer->first->len == 0) {
    g_string_append(writer->first, writer->prefix->str);
  }
  g_string_append(writer->first, marker);
  g_string_append(writer->prefix, rest);
  write_children(writer, node, tight);
  if (writer->first->len > 0) {
    write_line(writer, "");
  }
  g_string_truncate(writer->prefix, before);
}

static void write_list(Writer *writer, cmark_node *list)
{
  const gboolean ordered = cmark_node_get_list_type(list) == CMARK_ORDERED_LIST;
  const gboolean tight = cmark_node_get_list_tight(list);
  const char end = cmark_node_get_list_delim(list) == CMARK_PAREN_DELIM ? ')' : '.';
  int number = cmark_node_get_list_start(list);
  for (cmark_node *item = cmark_node_first_child(list); item; item = cmark_node_next(item)) {
    g_autofree char *marker = ordered ? g_strdup_printf("%d%c ", number++, end) : g_strdup("- ");
    g_autofree char *rest = g_strnfill(strlen(marker), ' ');
    write_nested(writer, item, marker, rest, tight);
    if (!tight && cmark_node_next(item) != NULL) {
      write_line(writer, "");
    }
  }
}

static guint widest_line(const char *lines, const Words *words)
{
  guint widest = 0;
  g_auto(GStrv) parts = g_strsplit(lines, "\n", -1);
  for (char **part = parts; *part != NULL; part++) {
    widest = MAX(widest, wrap_width(*part, words));
  }
  return widest;
}

static void write_heading(Writer *writer, cmark_node *heading)
{
  static const char underlines[] = "=-~";
  const guint level = (guint)cmark_node_get_heading_level(heading);
  g_autofree char *text = inlines_of(writer, heading);
  g_autofree char *lines = wrap_text(text, writer->words, room(writer));
  g_autofree char *underline = g_strnfill(widest_line(lines, writer->words),
                                          underlines[MIN(level, strlen(underlines)) - 1]);
  write_lines(writer, lines);
  write_line(writer, underline);
}

static void write_paragraph(Writer *writer, cmark_node *paragraph)
{
  g_autofree char *text = inlines_of(writer, paragraph);
  g_autofree char *lines = wrap_text(text, writer->words, room(writer));
  write_lines(writer, lines);
}

/* Tags on lines of their own are no lines of the code. */
static void write_code(Writer *writer, cmark_node *code)
{
  g_auto(GStrv) lines = g_strsplit(cmark_node_get_literal(code), "\n", -1);
  track_sections(writer, cmark_node_get_literal(code));
  for (char **line = lines; *line != NULL && (line[1] != NULL || **line != '\0'); line++) {
    if (words_fill_line(writer->words, *line)) {
      g_string_append(writer->out, g_strstrip(*line));
    } else {
      g_autofree char *indented = g_strconcat(**line != '\0' ? "    " : "", *line, NULL);
      write_line(writer, indented);
    }
  }
}

/* Lines of nothing but tags are no lines of the table. */
static void write_table_lines(Writer *writer, const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL && (line[1] != NULL || **line != '\0'); line++) {
    if (words_fill_line(writer->words, *line)) {
      g_string_append(writer->out, g_strstrip(*line));
    } else {
      write_line(writer, *line);
    }
  }
}

static void write_table(Writer *writer, cmark_node *node)
{
  g_autoptr(Table) table = table_new(writer->words);
  for (cmark_node *row = cmark_node_first_child(node); row; row = cmark_node_next(row)) {
    if (row != cmark_node_first_child(node) && sections_is_mark_row(row, writer->words)) {
      g_autoptr(GString) marks = g_string_new(NULL);
      for (cmark_node *cell = cmark_node_first_child(row); cell; cell = cmark_node_next(cell)) {
        append_inlines(writer, marks, cell);
      }
      table_add_mark(table, marks->str);
      continue;
    }
    table_add_row(table);
    for (cmark_node *cell = cmark_node_first_child(row); cell; cell = cmark_node_next(cell)) {
      table_add_cell(table, inlines_of(writer, cell));
    }
  }
  const guint8 *alignments = cmark_gfm_extensions_get_table_alignments(node);
  g_autofree char *lines = table_render(table, alignments, room(writer));
  write_table_lines(writer, lines);
}

static void write_html(Writer *writer, cmark_node *html)
{
  g_autofree char *text = raw_html_to_text(cmark_node_get_literal(html));
  track_sections(writer, text);
  g_autofree char *lines = wrap_text(text, writer->words, room(writer));
  write_lines(writer, lines);
}

static void write_block(Writer *writer, cmark_node *node)
{
  switch (cmark_node_get_type(node)) {
  case CMARK_NODE_PARAGRAPH: write_paragraph(writer, node); return;
  case CMARK_NODE_HEADING: write_heading(writer, node); return;
  case CMARK_NODE_LIST: write_list(writer, node); return;
  case CMARK_NODE_BLOCK_QUOTE: write_nested(writer, node, "> ", "> ", FALSE); return;
  case CMARK_NODE_CODE_BLOCK: write_code(writer, node); return;
  case CMARK_NODE_HTML_BLOCK: write_html(writer, node); return;
  case CMARK_NODE_THEMATIC_BREAK: {
    g_autofree char *rule = g_strnfill(RULE_WIDTH, '-');
    write_line(writer, rule);
    return;
  }
  default: break;
  }
  if (strcmp(cmark_node_get_type_string(node), "table") == 0) {
    write_table(writer, node);
  }
}

static void write_note(Writer *writer, const Note *note, guint number)
{
  for (guint i = 0; i < note->sections->len; i++) {
    words_append(writer->words, writer->out, g_array_index(note->sections, guint, i), FORM_FLOW);
  }
  g_string_append_printf(writer->out, "[%u] ", number);
  append_address(writer, writer->out, note->url);
  g_string_append_c(writer->out, '\n');
  for (guint i = note->sections->len; i > 0; i--) {
    const guint number_of_end =
        words_mate(writer->words, g_array_index(note->sections, guint, i - 1));
    words_append(writer->words, writer->out, number_of_end, FORM_FLOW);
  }
}

char *plaintext_render(cmark_node *root, const Words *words)
{
  Writer writer = {
    .words = words, .out = g_string_new(NULL), .prefix = g_string_new(NULL),
    .first = g_string_new(NULL), .notes = g_ptr_array_new_with_free_func(note_free),
    .numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    .sections = g_array_new(FALSE, FALSE, sizeof(guint)),
  };
  write_children(&writer, root, FALSE);
  for (guint i = 0; i < writer.notes->len; i++) {
    write_note(&writer, writer.notes->pdata[i], i + 1);
  }
  g_string_append(writer.out, writer.notes->len > 0 ? "\n" : "");
  g_string_free(writer.prefix, TRUE);
  g_string_free(writer.first, TRUE);
  g_ptr_array_unref(writer.notes);
  g_hash_table_unref(writer.numbers);
  g_array_unref(writer.sections);
  return g_string_free(writer.out, FALSE);
}
