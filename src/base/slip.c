/* SPDX-License-Identifier: Apache-2.0 */

#include "base/slip.h"

#include <string.h>

/* --- The repairs: each returns new text, or NULL where it has nothing to do. --- */

static char *replace(const char *text, const char *what, const char *with)
{
  if (!strstr(text, what)) {
    return NULL;
  }
  GString *repaired = g_string_new(text);
  g_string_replace(repaired, what, with, 0);
  return g_string_free(repaired, FALSE);
}

static char *without_mailto(const char *text)
{
  const char *prefix = "mailto:";
  if (g_ascii_strncasecmp(text, prefix, strlen(prefix)) != 0) {
    return NULL;
  }
  const char *rest = text + strlen(prefix);
  return g_strndup(rest, strcspn(rest, "?"));
}

static char *without_name(const char *text)
{
  const char *open = strrchr(text, '<');
  const char *close = open ? strchr(open, '>') : NULL;
  return close ? g_strndup(open + 1, (gsize)(close - open - 1)) : NULL;
}

static char *without_edges(const char *text)
{
  const char *marks = ".,;:'\"<>()[]";
  const char *start = text + strspn(text, marks);
  const char *end = start + strlen(start);
  while (end > start && strchr(marks, end[-1])) {
    end--;
  }
  return g_strndup(start, (gsize)(end - start));
}

static char *with_at(const char *text)
{
  static const char *const SPELLINGS[] = {"@@", "(at)", "[at]", " at ", "＠"};
  for (gsize i = 0; i < G_N_ELEMENTS(SPELLINGS); i++) {
    char *repaired = replace(text, SPELLINGS[i], "@");
    if (repaired) {
      return repaired;
    }
  }
  return NULL;
}

static char *with_dots(const char *text)
{
  return replace(text, ",", ".");
}

static char *with_single_dots(const char *text)
{
  static const char *const SPELLINGS[][2] = {{"..", "."}, {".@", "@"}, {"@.", "@"}};
  for (gsize i = 0; i < G_N_ELEMENTS(SPELLINGS); i++) {
    char *repaired = replace(text, SPELLINGS[i][0], SPELLINGS[i][1]);
    if (repaired) {
      return repaired;
    }
  }
  return NULL;
}

static char *without_blanks(const char *text)
{
  GString *repaired = g_string_new(NULL);
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (!g_unichar_isspace(c) && g_unichar_type(c) != G_UNICODE_FORMAT) {
      g_string_append_unichar(repaired, c);
    }
  }
  return g_string_free(repaired, FALSE);
}

static const struct {
  char *(*repair)(const char *text);
  const char *slip;
} REPAIRS[] = {
  {without_mailto, "\"mailto:\" does not belong to it"},
  {without_name, "the address alone is expected, without a name and without < >"},
  {without_edges, "a mark stands before or after it"},
  {with_at, "the @ is not written as one"},
  {with_dots, "a comma stands where a dot is expected"},
  {with_single_dots, "there is a dot too many"},
  {without_blanks, "blanks or invisible characters stand in it"},
};

char *slip_repair(const char *text, gboolean (*is_good)(const char *text), const char **slip)
{
  for (gsize i = 0; i < G_N_ELEMENTS(REPAIRS); i++) {
    g_autofree char *repaired = REPAIRS[i].repair(text);
    if (repaired && is_good(repaired)) {
      *slip = REPAIRS[i].slip;
      return g_steal_pointer(&repaired);
    }
  }
  return NULL;
}
