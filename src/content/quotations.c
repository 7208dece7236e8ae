/* SPDX-License-Identifier: Apache-2.0 */

/* Quotation marks: each that opens is closed by one that fits it. Which marks are a pair is a
 * matter of language, and texts quote each other, so all pairs are known at once; what a mark
 * does that may do both is told by what stands around it. A quotation may run over several
 * paragraphs, each of which may begin with the opening mark again. Single marks are left
 * alone: they are apostrophes more often than not. */

#include "content/proof.h"

static const struct {
  gunichar open, close;
} pairs[] = {
  { '"', '"' },
  { 0x201C, 0x201D },   /* “ ” */
  { 0x201E, 0x201C },   /* „ “ German */
  { 0x201E, 0x201D },   /* „ ” Polish */
  { 0x201D, 0x201D },   /* ” ” Swedish */
  { 0x00AB, 0x00BB },   /* « » */
  { 0x00BB, 0x00AB },   /* » « German books, Danish */
  { 0x00BB, 0x00BB },   /* » » Swedish books */
  { 0x300C, 0x300D },   /* 「 」 */
  { 0x300E, 0x300F },   /* 『 』 */
};

typedef enum { SIDE_UNCLEAR, SIDE_OPENS, SIDE_CLOSES } Side;

typedef struct {
  gunichar mark;
  const Passage *passage;
  gsize offset;
} Quotation;

typedef struct {
  const Proof *proof;
  const Passage *passage;
  GArray *open;           /* Quotation, the innermost last */
} Reader;

/* --- Marks --- */

static gboolean fits(gunichar open, gunichar close)
{
  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    if (pairs[i].open == open && pairs[i].close == close) {
      return TRUE;
    }
  }
  return FALSE;
}

static gunichar closing_of(gunichar open)
{
  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    if (pairs[i].open == open) {
      return pairs[i].close;
    }
  }
  return open;
}

static gunichar opening_of(gunichar close)
{
  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    if (pairs[i].close == close) {
      return pairs[i].open;
    }
  }
  return close;
}

static gboolean is_mark(gunichar c)
{
  return closing_of(c) != c || opening_of(c) != c || c == '"';
}

static gunichar char_before(const Passage *passage, gsize offset)
{
  const char *text = passage->text->str;
  return offset == 0 ? ' ' : g_utf8_get_char(g_utf8_prev_char(text + offset));
}

static gunichar char_behind(const Passage *passage, gsize offset)
{
  const char *next = g_utf8_next_char(passage->text->str + offset);
  return *next == '\0' ? ' ' : g_utf8_get_char(next);
}

static gboolean is_gap_before(gunichar c)
{
  const GUnicodeType type = g_unichar_type(c);
  return g_unichar_isspace(c) || c == GALLEY_BREAK || type == G_UNICODE_OPEN_PUNCTUATION ||
         type == G_UNICODE_DASH_PUNCTUATION || type == G_UNICODE_INITIAL_PUNCTUATION || c == '/';
}

static gboolean is_gap_behind(gunichar c)
{
  const gboolean letter = g_unichar_isalnum(c) || c == GALLEY_VALUE || c == GALLEY_OPAQUE;
  const GUnicodeType type = g_unichar_type(c);
  return !letter && type != G_UNICODE_OPEN_PUNCTUATION && type != G_UNICODE_INITIAL_PUNCTUATION &&
         type != G_UNICODE_CURRENCY_SYMBOL && c != '#' && c != '@' && c != 0x00BF && c != 0x00A1;
}

static Side side_of(const Passage *passage, gsize offset)
{
  const gboolean before = is_gap_before(char_before(passage, offset));
  const gboolean behind = is_gap_behind(char_behind(passage, offset));
  if (before == behind) {
    return SIDE_UNCLEAR;
  }
  return before ? SIDE_OPENS : SIDE_CLOSES;
}

/* --- Findings --- */

static void note_unclosed(const Reader *reader, const Quotation *quotation)
{
  char open[7] = "", close[7] = "";
  g_unichar_to_utf8(quotation->mark, open);
  g_unichar_to_utf8(closing_of(quotation->mark), close);
  proof_note(reader->proof, quotation->passage, quotation->offset, "the quotation that opens here "
             "with %s is never closed; write %s where it ends", open, close);
}

static void note_unopened(const Reader *reader, gsize offset, gunichar mark)
{
  char open[7] = "", close[7] = "";
  g_unichar_to_utf8(opening_of(mark), open);
  g_unichar_to_utf8(mark, close);
  proof_note(reader->proof, reader->passage, offset, "the quotation mark %s closes nothing; write "
             "%s where the quotation begins, or take this one away", close, open);
}

static void note_mismatch(const Reader *reader, const Quotation *quotation, gsize offset,
                          gunichar mark)
{
  char open[7] = "", close[7] = "", fitting[7] = "";
  const Place begin = galley_place(reader->proof->galley, quotation->passage, quotation->offset);
  g_unichar_to_utf8(quotation->mark, open);
  g_unichar_to_utf8(mark, close);
  g_unichar_to_utf8(closing_of(quotation->mark), fitting);
  proof_note(reader->proof, reader->passage, offset, "the quotation opens with %s in line %u and "
             "closes with %s here; write %s here, or change both", open, begin.line, close,
             fitting);
}

/* --- Reading --- */

static Quotation *innermost(const Reader *reader)
{
  return reader->open->len > 0 ? &g_array_index(reader->open, Quotation, reader->open->len - 1)
                               : NULL;
}

static void leave_unclosed(Reader *reader, guint outer)
{
  while (reader->open->len > outer) {
    note_unclosed(reader, innermost(reader));
    g_array_set_size(reader->open, reader->open->len - 1);
  }
}

static void open_quotation(Reader *reader, gsize offset, gunichar mark)
{
  const Quotation quotation = { mark, reader->passage, offset };
  if (reader->open->len > 0 && innermost(reader)->mark == mark) {
    leave_unclosed(reader, reader->open->len - 1);
  }
  g_array_append_val(reader->open, quotation);
}

/* The number of the open quotation that mark would close, from 1; 0: none. */
static guint find_fitting(const Reader *reader, gunichar mark)
{
  for (guint i = reader->open->len; i > 0; i--) {
    if (fits(g_array_index(reader->open, Quotation, i - 1).mark, mark)) {
      return i;
    }
  }
  return 0;
}

static void close_quotation(Reader *reader, gsize offset, gunichar mark)
{
  const guint fitting = find_fitting(reader, mark);
  if (fitting > 0) {
    leave_unclosed(reader, fitting);
    g_array_set_size(reader->open, fitting - 1);
  } else if (reader->open->len > 0) {
    note_mismatch(reader, innermost(reader), offset, mark);
    g_array_set_size(reader->open, reader->open->len - 1);
  } else {
    note_unopened(reader, offset, mark);
  }
}

/* From offset on. */
static guint count_straight(const Passage *passage, gsize offset)
{
  guint count = 0;
  for (const char *at = passage->text->str + offset; *at != '\0'; at++) {
    count += *at == '"' ? 1 : 0;
  }
  return count;
}

/* Behind a digit it means inches, unless it is the mark that a quotation waits for; within a
 * word it is part of that, as in Hebrew. */
static gboolean is_of_word(const Reader *reader, gsize offset)
{
  const gunichar before = char_before(reader->passage, offset);
  if (g_unichar_isalpha(before) && g_unichar_isalpha(char_behind(reader->passage, offset))) {
    return TRUE;
  }
  return g_unichar_isdigit(before) &&
         (find_fitting(reader, '"') == 0 || count_straight(reader->passage, offset) % 2 == 0);
}

/* A paragraph within a quotation may begin with its opening mark, in French with either. */
static gboolean continues(const Reader *reader, gsize offset, gunichar mark)
{
  const Quotation *quotation = innermost(reader);
  return quotation != NULL && offset == reader->passage->begin &&
         reader->passage->kind == PASSAGE_PARAGRAPH && quotation->passage != reader->passage &&
         (quotation->mark == mark || (quotation->mark == 0x00AB && mark == 0x00BB));
}

/* Where its neighbours do not tell, a mark closes what it can close, and opens otherwise if it
 * is one that mostly does. */
static gboolean opens(const Reader *reader, gsize offset, gunichar mark)
{
  switch (side_of(reader->passage, offset)) {
  case SIDE_OPENS: return TRUE;
  case SIDE_CLOSES:   /* or opens behind an elision: l’« eau » */
    return mark == 0x00AB && find_fitting(reader, mark) == 0;
  default: return find_fitting(reader, mark) == 0 && mark != 0x201D && mark != 0x00BB;
  }
}

static gboolean only_opens(gunichar mark)
{
  return mark == 0x201E || mark == 0x300C || mark == 0x300E;
}

static gboolean only_closes(gunichar mark)
{
  return mark == 0x300D || mark == 0x300F;
}

static void read_mark(Reader *reader, gsize offset, gunichar mark)
{
  if (continues(reader, offset, mark)) {
    innermost(reader)->passage = reader->passage;
    innermost(reader)->offset = offset;
  } else if (mark == '"' && is_of_word(reader, offset)) {
    return;
  } else if (only_opens(mark) || (!only_closes(mark) && opens(reader, offset, mark))) {
    open_quotation(reader, offset, mark);
  } else {
    close_quotation(reader, offset, mark);
  }
}

static void read_passage(Reader *reader)
{
  const char *text = reader->passage->text->str;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    const gunichar c = g_utf8_get_char(at);
    if (is_mark(c)) {
      read_mark(reader, (gsize)(at - text), c);
    }
  }
}

static gboolean stands_alone(const Passage *passage)
{
  return passage->kind == PASSAGE_HEADING || passage->kind == PASSAGE_CELL;
}

void proof_quotations(const Proof *proof)
{
  const GPtrArray *passages = galley_passages(proof->galley);
  Reader reader = { .proof = proof, .open = g_array_new(FALSE, FALSE, sizeof(Quotation)) };
  for (guint i = 0; i < passages->len; i++) {
    const Passage *passage = passages->pdata[i];
    if (passage->has_tags) {
      g_array_set_size(reader.open, 0);   /* nobody knows what of it a reader sees */
      continue;
    }
    if (stands_alone(passage)) {
      leave_unclosed(&reader, 0);
    }
    reader.passage = passage;
    read_passage(&reader);
    if (stands_alone(passage)) {
      leave_unclosed(&reader, 0);
    }
  }
  leave_unclosed(&reader, 0);
  g_array_unref(reader.open);
}
