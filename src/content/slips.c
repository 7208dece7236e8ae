/* SPDX-License-Identifier: Apache-2.0 */

/* Slips of the hand: paragraphs torn in two, doubled words, placeholders that were to be
 * replaced. */

#include <string.h>
#include "content/proof.h"

typedef struct {
  gsize offset, length;   /* in a passage's text */
} Piece;

/* --- Words --- */

static gboolean is_of_word(gunichar c)
{
  return g_unichar_isalnum(c) || g_unichar_ismark(c) || c == '\'' || c == 0x2019 || c == '-' ||
         c == '_' || c == 0x2010 || c == 0x2011;
}

static const char *end_of_word(const char *at)
{
  while (*at != '\0' && is_of_word(g_utf8_get_char(at))) {
    at = g_utf8_next_char(at);
  }
  return at;
}

/* The first word at or behind *offset, which is set behind it; FALSE at the end. */
static gboolean next_word(const Passage *passage, gsize *offset, Piece *word)
{
  const char *text = passage->text->str, *at = text + *offset;
  while (*at != '\0' && !is_of_word(g_utf8_get_char(at))) {
    at = g_utf8_next_char(at);
  }
  const char *end = end_of_word(at);
  *word = (Piece){ (gsize)(at - text), (gsize)(end - at) };
  *offset = (gsize)(end - text);
  return end > at;
}

static char *copy_piece(const Passage *passage, Piece piece)
{
  return g_strndup(passage->text->str + piece.offset, piece.length);
}

static guint count_words(const Passage *passage)
{
  guint count = 0;
  Piece word;
  for (gsize offset = passage->begin; next_word(passage, &offset, &word);) {
    count++;
  }
  return count;
}

/* --- Torn paragraphs --- */

/* A paragraph with fewer words may well be a name, a greeting or a label. */
enum { WORDS_OF_SENTENCE = 4 };

/* Whether passage stops in the middle of a sentence, as far as it tells. */
static gboolean stops_short(const Passage *passage)
{
  const char *text = passage->text->str;
  if (passage->is_link || passage->is_marked || passage->begin == passage->end ||
      passage->end < passage->text->len || count_words(passage) < WORDS_OF_SENTENCE) {
    return FALSE;
  }
  return g_unichar_isalnum(g_utf8_get_char(g_utf8_prev_char(text + passage->end)));
}

/* Whether the first word of passage is one that a sentence goes on with: in lower case from
 * beginning to end, which names such as iPhone are not, and no label such as "tel." */
static gboolean goes_on(const Passage *passage)
{
  gsize offset = passage->begin;
  Piece word;
  if (passage->is_link || passage->is_marked || !next_word(passage, &offset, &word) ||
      word.offset > 0) {
    return FALSE;
  }
  const char *text = passage->text->str, *end = text + offset;
  for (const char *at = text + word.offset; at < end; at = g_utf8_next_char(at)) {
    const gunichar c = g_utf8_get_char(at);
    if (!g_unichar_islower(c) && c != '-' && c != '\'' && c != 0x2019) {
      return FALSE;
    }
  }
  const gboolean label = strchr(".:/@&(|", *end) != NULL && *end != '\0';
  return !label || (*end == '.' && offset >= passage->end - 1);
}

static void look_at_tears(const Proof *proof)
{
  const GPtrArray *passages = galley_passages(proof->galley);
  for (guint i = 1; i < passages->len; i++) {
    const Passage *before = passages->pdata[i - 1], *passage = passages->pdata[i];
    if (passage->kind == PASSAGE_PARAGRAPH && passage->follows && stops_short(before) &&
        goes_on(passage)) {
      const Place end = galley_place(proof->galley, before,
                                     (gsize)(g_utf8_prev_char(before->text->str + before->end) -
                                             before->text->str));
      proof_note(proof, passage, passage->begin, "the paragraph is torn in two: it stops without "
                 "punctuation in line %u, and goes on in lower case here; take the empty lines "
                 "between away, or end the sentence", end.line);
    }
  }
}

/* --- Doubled words --- */

/* Languages that do not double words to say something, as Turkish and Vietnamese do. */
static const char *const without_reduplication[] = {
  "da", "de", "en", "es", "fr", "it", "nb", "nl", "no", "pt", "sv", NULL,
};

/* Words that may well stand twice: "he had had", "so that that", "nous nous", "die die". */
static const char *const doubled_rightly[] = {
  "had", "that", "is", "was", "her", "do", "can", "will", "you", "it", "very", "really", "so",
  "no", "yes", "bye", "ha", "blah", "many", "much", "more", "far", "long", "never", "again", "too",
  "now", "there", "well", "nous", "vous", "die", "der", "das", "dem", "den", "sie", "ihr", "dat",
  "det", "som", "är", "var", "att", "piano", "cha", "tut", "knock", "bling", "hip", NULL,
};

static gboolean is_letters(const char *word)
{
  for (; *word != '\0'; word = g_utf8_next_char(word)) {
    if (!g_unichar_isalpha(g_utf8_get_char(word))) {
      return FALSE;
    }
  }
  return TRUE;
}

/* The second in lower case: "Baden Baden" and "in the The Times" are something else. */
static gboolean is_doubled(const char *first, const char *second)
{
  g_autofree char *lower = g_utf8_strdown(first, -1);
  return g_utf8_strlen(second, -1) > 1 && strcmp(lower, second) == 0 && is_letters(second) &&
         g_unichar_islower(g_utf8_get_char(second)) &&
         !g_strv_contains(doubled_rightly, second);
}

static gboolean is_blank_between(const Passage *passage, Piece first, Piece second)
{
  const char *text = passage->text->str;
  for (gsize i = first.offset + first.length; i < second.offset; i++) {
    if (text[i] != ' ' && text[i] != '\n') {
      return FALSE;
    }
  }
  return TRUE;
}

static void look_for_doubled(const Proof *proof, const Passage *passage)
{
  Piece first = { 0, 0 }, second;
  for (gsize offset = 0; next_word(passage, &offset, &second); first = second) {
    g_autofree char *before = copy_piece(passage, first), *word = copy_piece(passage, second);
    if (first.length > 0 && is_doubled(before, word) && is_blank_between(passage, first, second)) {
      proof_note(proof, passage, second.offset, "the word \"%s\" stands here twice; take one away",
                 word);
    }
  }
}

static gboolean may_double(const char *language)
{
  g_autofree char *first = g_ascii_strdown(language, (gssize)strcspn(language, "-"));
  return !g_strv_contains(without_reduplication, first);
}

/* --- Placeholders --- */

/* What is to be filled in. An editor's remark within a quotation, such as "[the company]", is
 * no placeholder, and some of these words may be one: they count where they are capitalized. */
static const char *const fillable[] = {
  "name", "names", "surname", "firstname", "lastname", "date", "venue", "title", "headline",
  "phone", "telephone", "email", "e-mail", "website", "link", "url", "quote", "spokesperson",
  "nom", "prénom", "lieu", "titre", "datum", "vorname", "nachname", "titel", "telefon", "nombre",
  "apellido", "fecha", "nome", "cognome", "naam", "nama", "tanggal", NULL,
};
static const char *const fillable_in_capitals[] = {
  "address", "city", "company", "country", "location", "number", "organisation", "organization",
  "place", "position", "text", "time", "ville", "ort", "lugar", "data", "plaats", "kota", NULL,
};
/* What may stand beside those. */
static const char *const qualifiers[] = { "first", "last", "full", "family", "given", "contact",
                                          "press", "event", "job", "web", "of", "and", "&", "the",
                                          "here", "", NULL };
/* The first word that makes them a placeholder whatever follows. */
static const char *const commands[] = { "insert", "add", "enter", "fill", "your", "insérer",
                                        "votre", "einfügen", NULL };

enum { BRACKETS_MAX = 60 };   /* bytes between brackets that are a placeholder */

static gboolean is_placeholder(const char *inside)
{
  const gboolean capitalized = g_unichar_isupper(g_utf8_get_char(inside));
  g_autofree char *lower = g_utf8_strdown(inside, -1);
  g_auto(GStrv) words = g_strsplit_set(lower, " ,_/", -1);
  gboolean found = FALSE;
  if (words[0] != NULL && g_strv_contains(commands, words[0])) {
    return words[1] != NULL;
  }
  for (char **word = words; *word != NULL; word++) {
    if (g_strv_contains(fillable, *word) ||
        (capitalized && g_strv_contains(fillable_in_capitals, *word))) {
      found = TRUE;
    } else if (!g_strv_contains(qualifiers, *word)) {
      return FALSE;
    }
  }
  return found && strcmp(words[0], "the") != 0;
}

static void look_into_brackets(const Proof *proof, const Passage *passage)
{
  const char *text = passage->text->str;
  for (const char *at = text; (at = strchr(at, '[')) != NULL; at++) {
    const gsize length = strcspn(at + 1, "[]\n\v\x01\x02\x03");
    g_autofree char *inside = g_strndup(at + 1, length);
    if (at[length + 1] == ']' && length <= BRACKETS_MAX && is_placeholder(inside)) {
      proof_note(proof, passage, (gsize)(at - text), "\"[%s]\" looks like a placeholder; write "
                 "what belongs there", inside);
    }
  }
}

/* Three or more of the letter x and nothing else. */
static gboolean is_crosses(const char *word)
{
  const gsize length = strlen(word);
  return length >= 3 && (strspn(word, "X") == length || strspn(word, "x") == length);
}

/* In Spanish and its neighbours TODO is "everything", in capitals. */
static gboolean is_todo(const Proof *proof, const char *word, char behind)
{
  const gboolean everything = g_ascii_strncasecmp(proof->language, "es", 2) == 0 ||
                              g_ascii_strncasecmp(proof->language, "pt", 2) == 0 ||
                              g_ascii_strncasecmp(proof->language, "gl", 2) == 0;
  return strcmp(word, "FIXME") == 0 ||
         (strcmp(word, "TODO") == 0 && (!everything || behind == ':'));
}

static void look_for_placeholders(const Proof *proof, const Passage *passage)
{
  const char *text = passage->text->str;
  Piece piece;
  for (gsize offset = 0; next_word(passage, &offset, &piece);) {
    g_autofree char *word = copy_piece(passage, piece);
    if (is_todo(proof, word, text[offset]) || is_crosses(word)) {
      proof_note(proof, passage, piece.offset, "\"%s\" was left over; write what belongs there",
                 word);
    } else if (g_ascii_strcasecmp(word, "lorem") == 0) {
      proof_note(proof, passage, piece.offset, "\"%s\" is filler text; write what belongs there",
                 word);
      break;
    }
  }
  look_into_brackets(proof, passage);
}

void proof_slips(const Proof *proof)
{
  const GPtrArray *passages = galley_passages(proof->galley);
  const gboolean doubles = !may_double(proof->language);
  look_at_tears(proof);
  for (guint i = 0; i < passages->len; i++) {
    if (doubles) {
      look_for_doubled(proof, passages->pdata[i]);
    }
    look_for_placeholders(proof, passages->pdata[i]);
  }
}
