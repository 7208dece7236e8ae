/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

enum {
  SLUG_LENGTH = 40,
  ID_TIME_LENGTH = 15,     /* "20261122-101500" */
  ID_COUNTER_LENGTH = 11,  /* "-2" and so on */
  WORD_LENGTH = 64,        /* longer words are no misspelt keywords */
};

static gboolean is_control(gunichar c)
{
  GUnicodeType type = g_unichar_type(c);

  return type == G_UNICODE_CONTROL || type == G_UNICODE_LINE_SEPARATOR ||
         type == G_UNICODE_PARAGRAPH_SEPARATOR || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

static void append_visible(GString *out, gunichar c)
{
  switch (c) {
  case '\n':
    g_string_append(out, "\\n");
    break;
  case '\r':
    g_string_append(out, "\\r");
    break;
  case '\t':
    g_string_append(out, "\\t");
    break;
  default:
    g_string_append_printf(out, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
  }
}

char *text_make_visible(const char *text)
{
  GString *out = g_string_new(NULL);

  while (*text != '\0') {
    gunichar c = g_utf8_get_char_validated(text, -1);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
      g_string_append_printf(out, "\\x%02x", (guchar)*text);
      text++;
      continue;
    }
    if (is_control(c)) {
      append_visible(out, c);
    } else {
      g_string_append_unichar(out, c);
    }
    text = g_utf8_next_char(text);
  }
  return g_string_free(out, FALSE);
}

static const char *find_fault(const char *name)
{
  if (*name == '\0') {
    return "it is empty";
  }
  if (strlen(name) > LIMIT_NAME) {
    G_STATIC_ASSERT(LIMIT_NAME == 200);
    return "it is longer than 200 bytes";
  }
  if (!g_utf8_validate(name, -1, NULL)) {
    return "it is not valid UTF-8";
  }
  if (g_str_equal(name, ".") || g_str_equal(name, "..")) {
    return "\".\" and \"..\" are folders of the system";
  }
  for (const char *p = name; *p != '\0'; p = g_utf8_next_char(p)) {
    if (*p == '/') {
      return "it contains \"/\"";
    }
    if (is_control(g_utf8_get_char(p))) {
      return "it contains a control character";
    }
  }
  return NULL;
}

gboolean name_is_safe(const char *name, const char **why)
{
  const char *fault = find_fault(name);

  if (fault != NULL && why != NULL) {
    *why = fault;
  }
  return fault == NULL;
}

static void cut_text_extension(char *name)
{
  static const char *const extensions[] = {".md", ".markdown", ".html", ".txt", ".eml", NULL};
  char *dot = strrchr(name, '.');

  for (guint i = 0; dot != NULL && extensions[i] != NULL; i++) {
    if (g_ascii_strcasecmp(dot, extensions[i]) == 0) {
      *dot = '\0';
      return;
    }
  }
}

char *name_to_slug(const char *name)
{
  g_autofree char *text = g_utf8_make_valid(name, -1);
  cut_text_extension(text);
  /* German rules spell out umlauts; they change no other language's letters. */
  g_autofree char *ascii = g_str_to_ascii(text, "de");
  GString *slug = g_string_new(NULL);

  for (const char *p = ascii; *p != '\0' && slug->len < SLUG_LENGTH; p++) {
    if (g_ascii_isalnum(*p)) {
      g_string_append_c(slug, g_ascii_tolower(*p));
    } else if (slug->len > 0 && slug->str[slug->len - 1] != '-') {
      g_string_append_c(slug, '-');
    }
  }
  if (slug->len > 0 && slug->str[slug->len - 1] == '-') {
    g_string_truncate(slug, slug->len - 1);
  }
  if (slug->len == 0) {
    g_string_assign(slug, "release");
  }
  return g_string_free(slug, FALSE);
}

char *release_id_new(gint64 wall_ms, const char *drop_name)
{
  g_autofree char *slug = name_to_slug(drop_name);
  char utc[CLOCK_UTC_LENGTH + 1];

  clock_format_utc(wall_ms, utc);
  /* "2026-11-22T10:15:00.123Z" has its parts at fixed places. */
  return g_strdup_printf("%.4s%.2s%.2s-%.2s%.2s%.2s-%s", utc, utc + 5, utc + 8, utc + 11,
                         utc + 14, utc + 17, slug);
}

static gboolean is_id_time(const char *id)
{
  for (guint i = 0; i < ID_TIME_LENGTH; i++) {
    if (i == 8 ? id[i] != '-' : !g_ascii_isdigit(id[i])) {
      return FALSE;
    }
  }
  return TRUE;
}

gboolean release_id_is_valid(const char *id)
{
  /* is_id_time() stops at the first '\0', so it does not read beyond a short id. */
  if (!is_id_time(id) || strlen(id) > ID_TIME_LENGTH + 1 + SLUG_LENGTH + ID_COUNTER_LENGTH) {
    return FALSE;
  }
  const char *p = id + ID_TIME_LENGTH;
  while (*p == '-') {
    const char *part = ++p;
    while (g_ascii_isdigit(*p) || g_ascii_islower(*p)) {
      p++;
    }
    if (p == part) {
      return FALSE;
    }
  }
  return *p == '\0' && p > id + ID_TIME_LENGTH;
}

/* Optimal string alignment: insert, delete, replace one, or swap two neighbours.
 * Three rows of the table are enough: the current one and the two before it. */
static guint edit_distance(const char *a, const char *b)
{
  guint rows[3][WORD_LENGTH + 1];
  gsize a_length = strlen(a), b_length = strlen(b);

  for (guint j = 0; j <= b_length; j++) {
    rows[0][j] = j;
  }
  for (guint i = 1; i <= a_length; i++) {
    guint *row = rows[i % 3];
    const guint *above = rows[(i + 2) % 3];
    const guint *above_two = rows[(i + 1) % 3];
    row[0] = i;
    for (guint j = 1; j <= b_length; j++) {
      char x = g_ascii_tolower(a[i - 1]), y = g_ascii_tolower(b[j - 1]);
      guint best = MIN(MIN(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
      if (i > 1 && j > 1 && x == g_ascii_tolower(b[j - 2]) && y == g_ascii_tolower(a[i - 2])) {
        best = MIN(best, above_two[j - 2] + 1);
      }
      row[j] = best;
    }
  }
  return rows[a_length % 3][b_length];
}

const char *nearest_word(const char *word, const char *const *candidates)
{
  const char *nearest = NULL;
  gsize length = strlen(word);
  /* A third of the letters may be wrong, and at least one must be right. */
  guint within = (guint)MIN(MAX(length / 3, 1) + 1, length);

  if (length > WORD_LENGTH) {
    return NULL;
  }
  for (; *candidates != NULL; candidates++) {
    guint distance = strlen(*candidates) <= WORD_LENGTH ? edit_distance(word, *candidates)
                                                        : G_MAXUINT;
    if (distance < within) {
      nearest = *candidates;
      within = distance;
    }
  }
  return nearest;
}
