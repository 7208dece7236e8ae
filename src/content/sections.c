/* SPDX-License-Identifier: Apache-2.0 */
#include "content/sections.h"

#include <string.h>

typedef struct {
  const Words *words;
  GPtrArray *paragraphs;   /* cmark_node *, in order */
  GArray *movable;         /* gboolean by number: may leave its paragraph, and its mate too */
  GArray *reachable;       /* gboolean by number: nothing but movable words before or behind */
  cmark_node **marks;      /* by number: the custom block that a word became */
} Placing;

static gboolean find_section_word(const Words *words, const char *text, Word *word)
{
  while (words_find(words, text, word)) {
    if (word_is_section(word)) {
      return TRUE;
    }
    text = word->start + word->length;
  }
  return FALSE;
}

/* The section word that a text node is, after split_text(). */
static gboolean node_word(const Words *words, cmark_node *node, Word *word)
{
  return cmark_node_get_type(node) == CMARK_NODE_TEXT &&
         words_at(words, cmark_node_get_literal(node), word) && word_is_section(word);
}

static gboolean is_blank(cmark_node *node)
{
  if (cmark_node_get_type(node) == CMARK_NODE_TEXT) {
    const char *literal = cmark_node_get_literal(node);
    return literal[strspn(literal, " \t")] == '\0';
  }
  return cmark_node_get_type(node) == CMARK_NODE_SOFTBREAK;
}

static cmark_node *new_text(const char *text, gsize length)
{
  g_autofree char *literal = g_strndup(text, length);
  cmark_node *node = cmark_node_new(CMARK_NODE_TEXT);
  cmark_node_set_literal(node, literal);
  return node;
}

/* Gives every section word a text node of its own. */
static void split_text(const Words *words, cmark_node *node)
{
  Word word;
  g_autofree char *literal = g_strdup(cmark_node_get_literal(node));
  const char *at = literal;
  for (; find_section_word(words, at, &word); at = word.start + word.length) {
    if (word.start > at) {
      cmark_node_insert_before(node, new_text(at, (gsize)(word.start - at)));
    }
    cmark_node_insert_before(node, new_text(word.start, word.length));
  }
  if (at == literal) {
    return;
  }
  if (*at != '\0') {
    cmark_node_insert_before(node, new_text(at, strlen(at)));
  }
  cmark_node_free(node);
}

static GPtrArray *collect(cmark_node *root, const char *type)
{
  GPtrArray *nodes = g_ptr_array_new();
  cmark_iter *iter = cmark_iter_new(root);
  for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
    cmark_node *node = cmark_iter_get_node(iter);
    if (event == CMARK_EVENT_ENTER && strcmp(cmark_node_get_type_string(node), type) == 0) {
      g_ptr_array_add(nodes, node);
    }
  }
  cmark_iter_free(iter);
  return nodes;
}

static gboolean holds_only_section_words(const Words *words, cmark_node *parent)
{
  Word word;
  for (cmark_node *node = cmark_node_first_child(parent); node; node = cmark_node_next(node)) {
    if (!is_blank(node) && !node_word(words, node, &word)) {
      return FALSE;
    }
  }
  return TRUE;
}

gboolean sections_is_mark_row(cmark_node *row, const Words *words)
{
  gboolean found = FALSE;
  for (cmark_node *cell = cmark_node_first_child(row); cell; cell = cmark_node_next(cell)) {
    found |= cmark_node_first_child(cell) != NULL;
    if (!holds_only_section_words(words, cell)) {
      return FALSE;
    }
  }
  return found;
}

/* Adds what the words of a row open to depth, and takes what they close. FALSE where they
 * close more than was open. */
static gboolean follow_row(const Words *words, cmark_node *row, guint *depth)
{
  Word word;
  for (cmark_node *cell = cmark_node_first_child(row); cell; cell = cmark_node_next(cell)) {
    for (cmark_node *node = cmark_node_first_child(cell); node; node = cmark_node_next(node)) {
      if (!node_word(words, node, &word)) {
        continue;
      }
      if (token_is_section(word.token)) {
        ++*depth;
      } else if ((*depth)-- == 0) {
        return FALSE;
      }
    }
  }
  return TRUE;
}

/* Whether the last row of a table ends a section that began before the table. */
static gboolean ends_from_outside(const Words *words, cmark_node *table)
{
  guint depth = 0;
  for (cmark_node *row = cmark_node_first_child(table); row; row = cmark_node_next(row)) {
    if (sections_is_mark_row(row, words) && !follow_row(words, row, &depth)) {
      return cmark_node_next(row) == NULL && row != cmark_node_first_child(table);
    }
  }
  return FALSE;
}

/* A tag on the line behind a table has become a row of it: makes it a paragraph again. */
static void free_last_row(const Words *words, cmark_node *table)
{
  cmark_node *row = cmark_node_last_child(table);
  if (!ends_from_outside(words, table)) {
    return;
  }
  cmark_node *first = cmark_node_first_child(row);
  cmark_node *paragraph = cmark_node_new(CMARK_NODE_PARAGRAPH);
  for (cmark_node *node; (node = cmark_node_first_child(first)) != NULL;) {
    cmark_node_append_child(paragraph, node);
  }
  cmark_node_insert_after(table, paragraph);
  cmark_node_free(row);
}

/* Whether the first word behind at ends a section that began between text and at. */
static gboolean ends_from_within(const Words *words, const char *text, const char *at)
{
  Word end, word;
  if (!words_find(words, at, &end) || end.token->kind != TOKEN_END) {
    return FALSE;
  }
  for (; words_find(words, text, &word) && word.start < at; text = word.start + word.length) {
    if (word.number == words_mate(words, end.number)) {
      return TRUE;
    }
  }
  return FALSE;
}

/* Tags on the lines behind HTML have become a part of it: makes them a paragraph again. */
static void free_last_lines(const Words *words, cmark_node *html)
{
  g_autofree char *literal = g_strdup(cmark_node_get_literal(html));
  const gsize whole = strlen(literal);
  gsize length = whole;
  for (gsize begin = length; begin > 0; length = begin) {
    begin = length - 1;
    while (begin > 0 && literal[begin - 1] != '\n') {
      begin--;
    }
    if (begin == 0 || !words_fill_line(words, literal + begin) ||
        ends_from_within(words, literal, literal + begin)) {
      break;
    }
  }
  if (length < whole) {
    cmark_node *paragraph = cmark_node_new(CMARK_NODE_PARAGRAPH);
    g_strdelimit(literal + length, "\n", ' ');
    cmark_node_append_child(paragraph, new_text(literal + length, whole - length));
    literal[length] = '\0';
    cmark_node_set_literal(html, literal);
    cmark_node_insert_after(html, paragraph);
  }
}

static cmark_node *step(cmark_node *node, gboolean forward)
{
  return forward ? cmark_node_next(node) : cmark_node_previous(node);
}

static cmark_node *edge(cmark_node *parent, gboolean forward)
{
  return forward ? cmark_node_first_child(parent) : cmark_node_last_child(parent);
}

static gboolean *flag(GArray *flags, guint number)
{
  return &g_array_index(flags, gboolean, number);
}

/* Marks the words that only movable words part from an edge of their paragraph. */
static void reach(Placing *placing, cmark_node *paragraph, gboolean forward)
{
  Word word;
  for (cmark_node *node = edge(paragraph, forward); node; node = step(node, forward)) {
    if (node_word(placing->words, node, &word) && *flag(placing->movable, word.number)) {
      *flag(placing->reachable, word.number) = TRUE;
    } else if (!is_blank(node)) {
      return;
    }
  }
}

/* Takes back what is movable until both ends of each section are. */
static void settle_movable(Placing *placing)
{
  for (gboolean changed = TRUE; changed;) {
    changed = FALSE;
    memset(placing->reachable->data, 0, placing->reachable->len * sizeof(gboolean));
    for (guint i = 0; i < placing->paragraphs->len; i++) {
      reach(placing, placing->paragraphs->pdata[i], TRUE);
      reach(placing, placing->paragraphs->pdata[i], FALSE);
    }
    for (guint number = 0; number < placing->movable->len; number++) {
      const Word word = { .number = number, .token = words_token(placing->words, number) };
      if (*flag(placing->movable, number) &&
          !(word_is_section(&word) && *flag(placing->reachable, number) &&
            *flag(placing->reachable, words_mate(placing->words, number)))) {
        *flag(placing->movable, number) = FALSE;
        changed = TRUE;
      }
    }
  }
}

static void make_mark(Placing *placing, cmark_node *paragraph, const Word *word, gboolean before)
{
  cmark_node *mark = cmark_node_new(CMARK_NODE_CUSTOM_BLOCK);
  g_autofree char *text = g_strndup(word->start, word->length);
  cmark_node_set_on_enter(mark, text);
  if (before) {
    cmark_node_insert_before(paragraph, mark);
  } else {
    cmark_node_insert_after(paragraph, mark);
  }
  placing->marks[word->number] = mark;
}

/* A blank that a section's text ends or begins with: it parts what the section repeats. */
static gboolean parts_items(const Placing *placing, cmark_node *node, gboolean forward)
{
  Word word;
  cmark_node *next = step(node, forward);
  return cmark_node_get_type(node) == CMARK_NODE_TEXT && next != NULL &&
         !(node_word(placing->words, next, &word) && *flag(placing->movable, word.number));
}

/* Moves words, and the blanks around them, from one edge out of their paragraph. */
static void move_out(Placing *placing, cmark_node *paragraph, gboolean forward)
{
  Word word;
  gboolean moved = FALSE;
  for (cmark_node *node = edge(paragraph, forward), *next; node != NULL; node = next) {
    next = step(node, forward);
    if (node_word(placing->words, node, &word) && *flag(placing->movable, word.number)) {
      make_mark(placing, paragraph, &word, forward);
      moved = TRUE;
    } else if (!is_blank(node) || !moved || parts_items(placing, node, forward)) {
      return;
    }
    cmark_node_free(node);
  }
}

static guint depth_of(cmark_node *node)
{
  guint depth = 0;
  while ((node = cmark_node_parent(node)) != NULL) {
    depth++;
  }
  return depth;
}

/* Divides a list before item or behind it into two of the same kind. */
static void split_list(cmark_node *list, cmark_node *item, gboolean before)
{
  cmark_node *first = before ? item : cmark_node_next(item);
  cmark_node *rest = cmark_node_new(CMARK_NODE_LIST);
  int number = cmark_node_get_list_start(list);
  for (cmark_node *node = cmark_node_first_child(list); node != first;) {
    number++;
    node = cmark_node_next(node);
  }
  cmark_node_set_list_type(rest, cmark_node_get_list_type(list));
  cmark_node_set_list_tight(rest, cmark_node_get_list_tight(list));
  if (cmark_node_get_list_type(list) == CMARK_ORDERED_LIST) {
    cmark_node_set_list_delim(rest, cmark_node_get_list_delim(list));
    cmark_node_set_list_start(rest, number);
  }
  cmark_node_insert_after(list, rest);
  for (cmark_node *next; first != NULL; first = next) {
    next = cmark_node_next(first);
    cmark_node_append_child(rest, first);
  }
}

/* Moves a mark at the edge of a list's item or a quote out of it, when its mate is further
 * out. Items that Markdown joined to a list across the mark become a list of their own. */
static gboolean lift(cmark_node *mark, cmark_node *mate, gboolean begins)
{
  cmark_node *parent = cmark_node_parent(mark);
  if (depth_of(mark) <= depth_of(mate) || edge(parent, begins) != mark) {
    return FALSE;
  }
  if (cmark_node_get_type(parent) == CMARK_NODE_ITEM) {
    cmark_node *list = cmark_node_parent(parent);
    if (edge(list, begins) != parent) {
      split_list(list, parent, begins);
    }
    parent = cmark_node_parent(parent);
  }
  return begins ? cmark_node_insert_before(parent, mark) : cmark_node_insert_after(parent, mark);
}

static void lift_all(Placing *placing)
{
  for (gboolean changed = TRUE; changed;) {
    changed = FALSE;
    for (guint number = 0; number < words_count(placing->words); number++) {
      if (placing->marks[number] != NULL) {
        const Word word = { .number = number, .token = words_token(placing->words, number) };
        cmark_node *mate = placing->marks[words_mate(placing->words, number)];
        changed |= lift(placing->marks[number], mate, token_is_section(word.token));
      }
    }
  }
}

/* The line break that goes where a run of section words, which begins at node, is alone on
 * its line in a paragraph; NULL where it is not. */
static cmark_node *surplus_break(const Words *words, cmark_node *node)
{
  Word word;
  cmark_node *before = cmark_node_previous(node), *behind = cmark_node_next(node);
  while (behind != NULL && node_word(words, behind, &word)) {
    behind = cmark_node_next(behind);
  }
  const gboolean begins = before == NULL || cmark_node_get_type(before) == CMARK_NODE_SOFTBREAK;
  const gboolean ends = behind == NULL || cmark_node_get_type(behind) == CMARK_NODE_SOFTBREAK;
  return !begins || !ends ? NULL : behind != NULL ? behind : before;
}

static void trim_breaks(cmark_node *root, const Words *words)
{
  Word word;
  g_autoptr(GPtrArray) texts = collect(root, "text");
  g_autoptr(GPtrArray) surplus = g_ptr_array_new();
  for (guint i = 0; i < texts->len; i++) {
    cmark_node *node = texts->pdata[i], *before = cmark_node_previous(node);
    const gboolean in_run = before != NULL && node_word(words, before, &word);
    cmark_node *found = !in_run && node_word(words, node, &word) ? surplus_break(words, node)
                                                                 : NULL;
    if (found != NULL && (surplus->len == 0 || surplus->pdata[surplus->len - 1] != found)) {
      g_ptr_array_add(surplus, found);
    }
  }
  for (guint i = 0; i < surplus->len; i++) {
    cmark_node_free(surplus->pdata[i]);
  }
}

static void move_all(Placing *placing)
{
  for (guint i = 0; i < placing->paragraphs->len; i++) {
    cmark_node *paragraph = placing->paragraphs->pdata[i];
    move_out(placing, paragraph, TRUE);
    move_out(placing, paragraph, FALSE);
    if (cmark_node_first_child(paragraph) == NULL) {
      cmark_node_free(paragraph);
    }
  }
}

void sections_settle(cmark_node *root, const Words *words)
{
  const guint count = words_count(words);
  g_autoptr(GPtrArray) blocks = collect(root, "html_block");
  for (guint i = 0; i < blocks->len; i++) {
    free_last_lines(words, blocks->pdata[i]);
  }
  g_autoptr(GPtrArray) texts = collect(root, "text");
  for (guint i = 0; i < texts->len; i++) {
    split_text(words, texts->pdata[i]);
  }
  g_autoptr(GPtrArray) tables = collect(root, "table");
  for (guint i = 0; i < tables->len; i++) {
    free_last_row(words, tables->pdata[i]);
  }
  g_autoptr(GPtrArray) paragraphs = collect(root, "paragraph");
  g_autoptr(GArray) movable = g_array_sized_new(FALSE, TRUE, sizeof(gboolean), count);
  g_autoptr(GArray) reachable = g_array_sized_new(FALSE, TRUE, sizeof(gboolean), count);
  g_autofree cmark_node **marks = g_new0(cmark_node *, count);
  g_array_set_size(movable, count);
  g_array_set_size(reachable, count);
  for (guint number = 0; number < count; number++) {
    *flag(movable, number) = TRUE;
  }
  Placing placing = { words, paragraphs, movable, reachable, marks };
  settle_movable(&placing);
  move_all(&placing);
  lift_all(&placing);
  trim_breaks(root, words);
}

gboolean sections_is_mark(cmark_node *node)
{
  return cmark_node_get_type(node) == CMARK_NODE_CUSTOM_BLOCK;
}
