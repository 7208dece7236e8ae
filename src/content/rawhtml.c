/* SPDX-License-Identifier: Apache-2.0 */
#include "content/rawhtml.h"

#include <string.h>
#include "content/encode.h"

typedef struct {
  const Words *words;
  const char *at;
  GString *out;
  char *mistake;
} Reader;

static gboolean is_one_of(const char *name, const char *const *names)
{
  g_autofree char *lower = g_ascii_strdown(name, -1);
  return g_strv_contains(names, lower);
}

/* What fetches, runs, sends, or is no markup inside. */
static gboolean is_refused_element(const char *name)
{
  static const char *const names[] = {
    "applet", "audio", "base", "button", "canvas", "embed", "form", "frame", "frameset", "iframe",
    "img", "input", "link", "math", "meta", "noembed", "noframes", "noscript", "object", "option",
    "plaintext", "script", "select", "source", "style", "svg", "template", "textarea", "title",
    "track", "video", "xmp", NULL,
  };
  return is_one_of(name, names);
}

static gboolean is_refused_attribute(const char *name)
{
  static const char *const names[] = {
    "action", "background", "cite", "data", "formaction", "longdesc", "ping", "poster", "src",
    "srcdoc", "srcset", "usemap", "xlink:href", NULL,
  };
  return g_ascii_strncasecmp(name, "on", 2) == 0 || is_one_of(name, names);
}

static gboolean fail(Reader *reader, char *mistake)
{
  reader->mistake = mistake;
  return FALSE;
}

static gboolean has_word(const Reader *reader, const char *text)
{
  Word word;
  return words_find(reader->words, text, &word);
}

static void copy(Reader *reader, gsize length)
{
  g_string_append_len(reader->out, reader->at, (gssize)length);
  reader->at += length;
}

static char *take_name(Reader *reader)
{
  const gsize length = strspn(reader->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789-_:");
  char *name = g_strndup(reader->at, length);
  copy(reader, length);
  return name;
}

static gboolean put_address(Reader *reader, const char *value)
{
  Word word;
  const gboolean begins = words_at(reader->words, value, &word);
  if (begins ? word_is_section(&word) : *value != '#' && !url_is_allowed(value)) {
    g_autofree char *shown = words_to_source(reader->words, value);
    return fail(reader, g_strdup_printf("the link to \"%s\" would not work in a mail: an address "
                                        "begins with https://, http://, mailto: or tel:", shown));
  }
  g_autofree char *address = words_to_address(reader->words, value);
  g_string_append(reader->out, address);
  return TRUE;
}

static gboolean put_value(Reader *reader, const char *name, const char *value)
{
  if (g_ascii_strcasecmp(name, "href") == 0) {
    return put_address(reader, value);
  }
  if (g_ascii_strcasecmp(name, "style") == 0 &&
      (has_word(reader, value) || strpbrk(value, "(\\@&") != NULL)) {
    return fail(reader, g_strdup("a style holds neither tags nor \"(\", \"\\\", \"@\" or \"&\""));
  }
  g_autofree char *line = words_to_line(reader->words, value);
  g_string_append(reader->out, line);
  return TRUE;
}

/* From behind the attribute's name: what it is set to, which stands in quotes. */
static gboolean read_value(Reader *reader, const char *name)
{
  copy(reader, strspn(reader->at, " \t\n"));
  if (*reader->at != '=') {
    return TRUE;
  }
  copy(reader, 1);
  copy(reader, strspn(reader->at, " \t\n"));
  const char quote = *reader->at;
  const char *end = quote == '"' || quote == '\'' ? strchr(reader->at + 1, quote) : NULL;
  if (end == NULL) {
    return fail(reader, g_strdup_printf("the value of %s does not stand in quotes", name));
  }
  g_autofree char *value = g_strndup(reader->at + 1, (gsize)(end - reader->at) - 1);
  copy(reader, 1);
  if (!put_value(reader, name, value)) {
    return FALSE;
  }
  reader->at = end;
  copy(reader, 1);
  return TRUE;
}

static gboolean read_attribute(Reader *reader)
{
  g_autofree char *name = take_name(reader);
  if (*name == '\0' || has_word(reader, name)) {
    return fail(reader, g_strdup("merge tags stand in text and in quoted values only, and signs "
                                 "in values only"));
  }
  if (is_refused_attribute(name)) {
    return fail(reader, g_strdup_printf("%s=… has no place in a mail", name));
  }
  return read_value(reader, name);
}

/* at is at '<'. */
static gboolean read_tag(Reader *reader)
{
  copy(reader, reader->at[1] == '/' ? 2 : 1);
  g_autofree char *name = take_name(reader);
  if (has_word(reader, name)) {
    return fail(reader, g_strdup("an element's name cannot be a merge tag"));
  }
  if (is_refused_element(name)) {
    return fail(reader, g_strdup_printf("<%s> has no place here", name));
  }
  for (;;) {
    copy(reader, strspn(reader->at, " \t\n"));
    if (*reader->at == '>') {
      copy(reader, 1);
      return TRUE;
    }
    if (reader->at[0] == '/' && reader->at[1] == '>') {
      copy(reader, 2);
      return TRUE;
    }
    if (*reader->at == '\0') {
      return fail(reader, g_strdup("it ends within a tag"));
    }
    if (!read_attribute(reader)) {
      return FALSE;
    }
  }
}

/* Comments are left out; other declarations do not belong into a text. */
static gboolean skip_comment(Reader *reader)
{
  const char *end = g_str_has_prefix(reader->at, "<!--") ? strstr(reader->at + 4, "-->") : NULL;
  if (end == NULL) {
    return fail(reader, g_strdup("only comments begin with <! or <?, and they end"));
  }
  g_autofree char *comment = g_strndup(reader->at, (gsize)(end - reader->at));
  if (has_word(reader, comment)) {
    return fail(reader, g_strdup("a comment of HTML holds merge tags; write {{! … }}"));
  }
  reader->at = end + strlen("-->");
  return TRUE;
}

static gboolean read_all(Reader *reader)
{
  while (*reader->at != '\0') {
    const char next = reader->at[0] == '<' ? reader->at[1] : '\0';
    if (next == '!' || next == '?') {
      if (!skip_comment(reader)) {
        return FALSE;
      }
    } else if (g_ascii_isalpha(next) || next == '/') {
      if (!read_tag(reader)) {
        return FALSE;
      }
    } else {
      if (*reader->at == '<') {
        g_string_append(reader->out, "&lt;");
        reader->at++;
      }
      copy(reader, strcspn(reader->at, "<"));
    }
  }
  return TRUE;
}

char *raw_html_settle(const char *literal, const Words *words, char **mistake)
{
  Reader reader = { .words = words, .at = literal, .out = g_string_new(NULL) };
  const gboolean good = read_all(&reader);
  *mistake = reader.mistake;
  return g_string_free(reader.out, !good);
}

char *raw_html_to_text(const char *literal)
{
  static const struct {
    const char *entity, *text;
  } entities[] = {
    { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" }, { "&#39;", "'" }, { "&nbsp;", " " },
    { "&amp;", "&" },
  };
  g_autoptr(GString) out = g_string_new(NULL);
  while (*literal != '\0') {
    if (*literal == '<') {
      const char *end = strchr(literal, '>');
      literal = end != NULL ? end + 1 : literal + strlen(literal);
      continue;
    }
    const gsize length = strcspn(literal, "<");
    g_string_append_len(out, literal, (gssize)length);
    literal += length;
  }
  for (guint i = 0; i < G_N_ELEMENTS(entities); i++) {
    g_string_replace(out, entities[i].entity, entities[i].text, 0);
  }
  return g_strdup(g_strstrip(g_strdelimit(out->str, "\n\t", ' ')));
}
