/* SPDX-License-Identifier: Apache-2.0 */
#include "content/words.h"

#include <string.h>

enum { SEED_DIGITS = 16, NUMBER_DIGITS = 6 };

/* One letter a form. Not "w": Markdown's autolinks cut text at each, looking for "www". */
static const char form_letters[] = "zyxvut";

typedef struct {
  const Token *token;
  guint first;   /* number of the first token of its template */
} Entry;

struct Words {
  char *prefix;
  gsize prefix_length;
  GArray *entries;   /* Entry, by number */
};

Words *words_new(const char *seed)
{
  Words *words = g_new0(Words, 1);
  words->prefix = g_strdup_printf("q%.*sn", SEED_DIGITS, seed);
  words->prefix_length = strlen(words->prefix);
  words->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
  return words;
}

void words_free(Words *words)
{
  if (words != NULL) {
    g_array_unref(words->entries);
    g_free(words->prefix);
    g_free(words);
  }
}

guint words_count(const Words *words)
{
  return words->entries->len;
}

const Token *words_token(const Words *words, guint number)
{
  return g_array_index(words->entries, Entry, number).token;
}

guint words_mate(const Words *words, guint number)
{
  const Entry *entry = &g_array_index(words->entries, Entry, number);
  return entry->first + entry->token->mate;
}

gboolean word_is_section(const Word *word)
{
  return token_is_section(word->token) || word->token->kind == TOKEN_END;
}

void words_append(const Words *words, GString *out, guint number, WordForm form)
{
  g_string_append_printf(out, "%s%u%c", words->prefix, number, form_letters[form]);
}

/* Notes the origin of each line that begins within text, which begins at that of token. */
static void note_lines(GArray *lines, const Token *token, const char *text, gsize length)
{
  SourceLine line = { token->file, token->line };
  for (gsize i = 0; i < length; i++) {
    if (text[i] == '\n') {
      line.line++;
      g_array_append_val(lines, line);
    }
  }
}

static void put_token(const Words *words, GString *out, const Token *token, guint number,
                      GArray *lines)
{
  const SourceLine here = { token->file, token->line };
  if (lines != NULL && (out->len == 0 || out->str[out->len - 1] == '\n')) {
    g_array_index(lines, SourceLine, lines->len - 1) = here;
  }
  const gsize before = out->len;
  if (token->kind == TOKEN_TEXT) {
    g_string_append_len(out, token->text, (gssize)token->length);
  } else {
    g_string_append(out, token->line_end != NULL ? token->indent : "");
    words_append(words, out, number, FORM_FLOW);
    g_string_append(out, token->line_end != NULL ? token->line_end : "");
  }
  if (lines != NULL) {
    note_lines(lines, token, out->str + before, out->len - before);
  }
}

char *words_put(Words *words, const Template *template, GArray *lines)
{
  GString *out = g_string_new(NULL);
  const guint first = words->entries->len;
  if (lines != NULL) {
    const SourceLine nowhere = { NULL, 0 };
    g_array_append_val(lines, nowhere);
  }
  for (guint i = 0; i < template_length(template); i++) {
    const Token *token = template_token(template, i);
    const Entry entry = { .token = token, .first = first };
    g_array_append_val(words->entries, entry);
    put_token(words, out, token, first + i, lines);
  }
  return g_string_free(out, FALSE);
}

gboolean words_at(const Words *words, const char *text, Word *word)
{
  if (strncmp(text, words->prefix, words->prefix_length) != 0) {
    return FALSE;
  }
  const char *at = text + words->prefix_length;
  guint number = 0;
  for (guint digits = 0; g_ascii_isdigit(*at) && digits < NUMBER_DIGITS; at++, digits++) {
    number = number * 10 + (guint)(*at - '0');
  }
  const char *letter = *at != '\0' ? strchr(form_letters, *at) : NULL;
  if (letter == NULL || number >= words->entries->len) {
    return FALSE;
  }
  *word = (Word){ .start = text, .length = (gsize)(at + 1 - text), .number = number,
                  .token = words_token(words, number), .form = (WordForm)(letter - form_letters) };
  return TRUE;
}

gboolean words_find(const Words *words, const char *text, Word *word)
{
  while ((text = strstr(text, words->prefix)) != NULL) {
    if (words_at(words, text, word)) {
      return TRUE;
    }
    text++;
  }
  return FALSE;
}

static char *reform(const Words *words, const char *text, WordForm at_start, WordForm elsewhere)
{
  GString *out = g_string_new(NULL);
  const char *at = text;
  for (Word word; words_find(words, at, &word); at = word.start + word.length) {
    g_string_append_len(out, at, word.start - at);
    words_append(words, out, word.number, out->len == 0 ? at_start : elsewhere);
  }
  g_string_append(out, at);
  return g_string_free(out, FALSE);
}

char *words_to_line(const Words *words, const char *text)
{
  return reform(words, text, FORM_LINE, FORM_LINE);
}

char *words_to_address(const Words *words, const char *text)
{
  const gboolean mailbox = g_ascii_strncasecmp(text, "mailto:", strlen("mailto:")) == 0;
  return reform(words, text, FORM_START, mailbox ? FORM_MAILBOX : FORM_ADDRESS);
}

char *words_to_source(const Words *words, const char *text)
{
  GString *out = g_string_new(NULL);
  for (Word word; words_find(words, text, &word); text = word.start + word.length) {
    g_string_append_len(out, text, word.start - text);
    g_string_append_len(out, word.token->text, (gssize)word.token->length);
  }
  g_string_append(out, text);
  return g_string_free(out, FALSE);
}

gboolean words_fill_line(const Words *words, const char *text)
{
  gboolean found = FALSE;
  for (Word word; *text != '\n' && *text != '\0';) {
    if (words_at(words, text, &word) && word_is_section(&word)) {
      text += word.length;
      found = TRUE;
    } else if (*text == ' ' || *text == '\t') {
      text++;
    } else {
      return FALSE;
    }
  }
  return found;
}

char *words_trim_lines(const Words *words, const char *text)
{
  GString *out = g_string_new(NULL);
  while (*text != '\0') {
    gsize length = strcspn(text, "\n");
    g_string_append_len(out, text, (gssize)length);
    const gsize line_break = text[length] == '\n' ? 1 : 0;
    if (!words_fill_line(words, text)) {
      g_string_append_len(out, text + length, (gssize)line_break);
    }
    text += length + line_break;
  }
  return g_string_free(out, FALSE);
}
