/* SPDX-License-Identifier: Apache-2.0 */

/* What becomes of sections once Markdown is HTML: a text again, with words in it. */

#include <string.h>
#include "content/sections.h"

/* --- Rows, lists and paragraphs --- */

/* The words between begin and end where there is nothing else but tags and blanks, or NULL. */
static char *words_of_row(const Words *words, const char *begin, const char *end)
{
  Word word;
  g_autoptr(GString) found = g_string_new(NULL);
  for (const char *at = begin; at < end;) {
    if (*at == '<') {
      at += strcspn(at, ">") + 1;
    } else if (g_ascii_isspace(*at)) {
      at++;
    } else if (words_at(words, at, &word) && word_is_section(&word)) {
      g_string_append_len(found, at, (gssize)word.length);
      at += word.length;
    } else {
      return NULL;
    }
  }
  return found->len > 0 ? g_strdup(found->str) : NULL;
}

char *sections_free_rows(const char *html, const Words *words)
{
  static const char row_begin[] = "<tr>\n<td", row_end[] = "</tr>\n";
  GString *out = g_string_new(NULL);
  const char *row;
  while ((row = strstr(html, row_begin)) != NULL) {
    const char *end = strstr(row, row_end);
    g_autofree char *found = end != NULL ? words_of_row(words, row, end) : NULL;
    const char *next = found != NULL ? end + strlen(row_end) : row + strlen(row_begin);
    g_string_append_len(out, html, row - html);
    if (found != NULL) {
      g_string_append(out, found);
    } else {
      g_string_append_len(out, row, next - row);
    }
    html = next;
  }
  g_string_append(out, html);
  return g_string_free(out, FALSE);
}

/* Behind the list that begins at at; NULL where there is none or it does not end. */
static const char *list_end(const char *at)
{
  guint depth = 0;
  do {
    if (g_str_has_prefix(at, "<ul>") || g_str_has_prefix(at, "<ol>") ||
        g_str_has_prefix(at, "<ol ")) {
      depth++;
    } else if (g_str_has_prefix(at, "</ul>") || g_str_has_prefix(at, "</ol>")) {
      depth--;
      at += strlen("</ul>") - 1;
    }
    at++;
  } while (depth > 0 && *at != '\0');
  return depth == 0 ? at : NULL;
}

static const char *skip_blanks(const char *at)
{
  return at + strspn(at, " \n");
}

/* Behind the element that a section is about as a whole, which begins at at: a list, or a
 * paragraph whose tags stand in its text. NULL where it is about something else. */
static const char *subject_end(const Word *word, const char *at)
{
  if (g_str_has_prefix(at, "<ul>") || g_str_has_prefix(at, "<ol")) {
    return list_end(at);
  }
  const gboolean in_text = g_str_has_prefix(at, "<p>") && word->token->line_end == NULL;
  const char *end = in_text ? strstr(at, "</p>") : NULL;
  return end != NULL ? end + strlen("</p>") : NULL;
}

static void append_entered(const Words *words, GString *out, guint number, const char *begin,
                           const char *end)
{
  const gsize tag = strcspn(begin, ">") + 1;
  const char *end_tag = end;
  while (*--end_tag != '<') {
  }
  g_autofree char *inside = g_strndup(begin + tag, (gsize)(end_tag - begin) - tag);
  g_autofree char *entered = sections_enter(inside, words);
  const guint mate = words_mate(words, number);
  words_append(words, out, number, FORM_WHETHER);
  g_string_append_len(out, begin, (gssize)tag);
  words_append(words, out, number, FORM_FLOW);
  g_string_append(out, entered);
  words_append(words, out, mate, FORM_FLOW);
  g_string_append_len(out, end_tag, end - end_tag);
  words_append(words, out, mate, FORM_WHETHER);
}

char *sections_enter(const char *html, const Words *words)
{
  GString *out = g_string_new(NULL);
  const char *at = html;
  for (Word word, close; words_find(words, at, &word);) {
    const char *begin = skip_blanks(word.start + word.length);
    const char *end = word.token->kind == TOKEN_SECTION ? subject_end(&word, begin) : NULL;
    g_string_append_len(out, at, word.start - at);
    at = word.start + word.length;
    if (end != NULL && words_at(words, skip_blanks(end), &close) &&
        close.number == words_mate(words, word.number)) {
      append_entered(words, out, word.number, begin, end);
      at = close.start + close.length;
    } else {
      g_string_append_len(out, word.start, (gssize)word.length);
    }
  }
  g_string_append(out, at);
  return g_string_free(out, FALSE);
}

/* --- Checking --- */

/* Where in the structure of HTML a reader is: names of open elements, cells and tags made
 * unique because a section must not reach from one to another. */
typedef struct {
  GString *path;
  guint cells;
  guint tags;
} Place;

static void place_pop(Place *place)
{
  const char *last = strrchr(place->path->str, '/');
  g_string_truncate(place->path, last != NULL ? (gsize)(last - place->path->str) : 0);
}

static gboolean is_void(const char *name, gsize length)
{
  static const char *const names[] = { "area", "br", "col", "hr", "wbr", NULL };
  g_autofree char *copy = g_ascii_strdown(name, (gssize)length);
  return g_strv_contains(names, copy);
}

/* at is behind '<'. */
static void place_enter_tag(Place *place, const char *at)
{
  const char *end = at + strcspn(at, ">");
  const gsize length = strcspn(at, " />\n");
  place->tags++;
  if (*at == '/') {
    place_pop(place);
  } else if (*at != '!' && end[-1] != '/' && !is_void(at, length)) {
    g_string_append_printf(place->path, "/%.*s", (int)length, at);
    if (length == 2 && (strncmp(at, "td", 2) == 0 || strncmp(at, "th", 2) == 0)) {
      g_string_append_printf(place->path, "%u", place->cells++);
    }
  }
}

/* Where each word of text stands, by number; NULL where it is not in it. */
static GPtrArray *find_places(const char *html, const Words *words)
{
  GPtrArray *places = g_ptr_array_new_full(words_count(words), g_free);
  g_ptr_array_set_size(places, (gint)words_count(words));
  Place place = { .path = g_string_new(NULL) };
  gboolean in_tag = FALSE;
  for (const char *at = html; *at != '\0'; at++) {
    Word word;
    if (words_at(words, at, &word)) {
      g_free(places->pdata[word.number]);
      places->pdata[word.number] = in_tag
          ? g_strdup_printf("%s<%u", place.path->str, place.tags) : g_strdup(place.path->str);
      at += word.length - 1;
    } else if (*at == '<') {
      in_tag = TRUE;
      place_enter_tag(&place, at + 1);
    } else if (*at == '>') {
      in_tag = FALSE;
    }
  }
  g_string_free(place.path, TRUE);
  return places;
}

void sections_check(const char *html, const Words *words, guint first, Report *report)
{
  g_autoptr(GPtrArray) places = find_places(html, words);
  for (guint number = first; number < words_count(words); number++) {
    const Word word = { .number = number, .token = words_token(words, number) };
    if (!token_is_section(word.token)) {
      continue;
    }
    const Token *token = word.token;
    const char *begin = places->pdata[number];
    const char *end = places->pdata[words_mate(words, number)];
    if (begin == NULL || end == NULL) {
      report_error(report, token->file, token->line, token->column,
                   "the section %.*s begins or ends where nothing is shown; put it around text", (int)token->length, token->text);
    } else if (strcmp(begin, end) != 0) {
      const Token *mate = words_token(words, words_mate(words, number));
      report_error(report, token->file, token->line, token->column,
                   "the section %.*s does not end where it began (its end is in line %u): begin "
                   "and end it in the same paragraph, or put both tags on lines of their own with "
                   "empty lines around, outside of lists, quotes, tables and emphasis",
                   (int)token->length, token->text, mate->line);
    }
  }
}
