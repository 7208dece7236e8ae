/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "content.h"
#include "content/wrap.h"

static const char *const columns[] = { "name", "url", "mail", "on", "off", "list", NULL };
static const char *const values[] = { "Ann", "https://a.example/?x", "ann@example.org", "1", "",
                                      "[1, 2]", NULL };

static void assert_text(const char *body, const char *expected)
{
  g_autofree char *markdown = g_strconcat("---\nsubject: x\n---\n", body, NULL);
  g_autofree char *text = content_text(markdown, columns, values);
  g_assert_cmpstr(text, ==, expected);
}

static void test_blocks(void)
{
  assert_text("# One\n\nText *a* **b** `c` ~~d~~\n\n## Two\n### Three\n",
              "One\n===\n\nText a b c ~d~\n\nTwo\n---\n\nThree\n~~~~~\n\n");
  assert_text("- a\n- b\n  1. c\n  2. d\n\ntext\n", "- a\n- b\n  1. c\n  2. d\n\ntext\n\n");
  assert_text("- a\n\n- b\n", "- a\n\n- b\n\n");
  assert_text("7) a\n8) b\n", "7) a\n8) b\n\n");
  assert_text("-\n- b\n", "-\n- b\n\n");
  assert_text("> a\n>\n> - b\n> > c\n", "> a\n>\n> - b\n>\n> > c\n\n");
  assert_text("    code  <b>\n\n    more\n", "    code  <b>\n\n    more\n\n");
  assert_text("```\n{{name}}\n```\n", "    Ann\n\n");
  assert_text("a\n\n---\n\nb\n", "a\n\n----------------------------------------\n\nb\n\n");
  assert_text("a  \nb\\\nc\nd\n", "a\nb\nc d\n\n");
  assert_text("&copy; \\*a\\* &lt;\n", "\xC2\xA9 *a* <\n\n");
}

static void test_links(void)
{
  assert_text("[a](https://a.org/) [b](https://b.org/) [c](https://a.org/)\n",
              "a [1] b [2] c [1]\n\n[1] https://a.org/\n[2] https://b.org/\n\n");
  assert_text("<https://a.org/> www.b.org x@c.org <y@c.org> [d.org](https://d.org)\n",
              "https://a.org/ www.b.org x@c.org y@c.org d.org\n\n");
  assert_text("[write](mailto:x@c.org) [+32 2](<tel:+32 2>) [call](tel:+322)\n",
              "write [1] +32 2 call [2]\n\n[1] x@c.org\n[2] +322\n\n");
  assert_text("[a](https://a.org/ü)\n", "a [1]\n\n[1] https://a.org/%C3%BC\n\n");
  assert_text("[nowhere](#)\n", "nowhere\n\n");
  assert_text("[{{name}}]({{url}}) [x](https://x.org/{{url}}/{{{url}}})\n",
              "Ann [1] x [2]\n\n[1] https://a.example/?x\n"
              "[2] https://x.org/https%3A%2F%2Fa.example%2F%3Fx/https://a.example/?x\n\n");
  assert_text("[{{mail}}](mailto:{{mail}}) [us](mailto:{{mail}}?subject={{mail}})\n",
              "ann@example.org us [1]\n\n[1] ann@example.org?subject=ann@example.org\n\n");
}

/* Who does not see a link must not see its address among the notes. */
static void test_links_in_sections(void)
{
  assert_text("a {{#off}}[b](https://secret.org/){{/off}}{{#on}}[c](https://c.org/){{/on}}\n",
              "a c [2]\n\n[2] https://c.org/\n\n");
  assert_text("{{#on}}\n[a](https://a.org/)\n\n{{#off}}\n[b](https://b.org/)\n{{/off}}\n{{/on}}\n\n"
              "[c](https://a.org/)\n",
              "a [1]\n\nc [3]\n\n[1] https://a.org/\n[3] https://a.org/\n\n");
}

static void test_sections(void)
{
  assert_text("a\n\n{{#off}}\nhidden\n{{/off}}\n\nb\n", "a\n\nb\n\n");
  assert_text("a\n{{#off}}\nhidden\n{{/off}}\n{{^off}}\nshown\n{{/off}}\nb\n", "a shown b\n\n");
  assert_text("{{#on}}\n- a\n- b\n{{/on}}\n\nc\n", "- a\n- b\n\nc\n\n");
  assert_text("{{#off}}\n- a\n- b\n{{/off}}\n\nc\n", "c\n\n");
  assert_text("- a\n{{#off}}\n- b\n{{/off}}\n- c\n", "- a\n- c\n\n");
  assert_text("{{#off}}\n- a\n{{/off}}\n\n- b\n", "- b\n\n");
  assert_text("{{#off}}\n> a\n{{/off}}\n\nb\n", "b\n\n");
  assert_text("{{#list}}({{.}}) {{/list}}\n\n{{#off}}a{{/off}}\n\nb\n", "(1) (2) \n\nb\n\n");
  assert_text("{{#list}}\n- {{.}}\n{{/list}}\n\nb\n", "- 1\n- 2\n\nb\n\n");
  assert_text("{{#off}}\n# Title\n\n| a |\n|---|\n| b |\n{{/off}}\n\nb\n", "b\n\n");
  assert_text("```\na\n{{#off}}\nb\n{{/off}}\nc\n{{#on}}\nd\n{{/on}}\n```\n",
              "    a\n    c\n    d\n\n");
  assert_text("a {{#off}}x{{/off}}{{^off}}y{{/off}} b\n", "a y b\n\n");
  assert_text("{{! note }}\na\n{{! note\n more }}\nb\n", "a b\n\n");
}

static void test_tables(void)
{
  assert_text("| A | Long | R |\n|---|:-:|--:|\n| x | {{name}} | 1 |\n| Zoë | | 22 |\n",
              "A    Long         R\n---  ----------  --\nx    Ann   1\n"
              "Zoë              22\n\n");
  assert_text("| A | B |\n|---|---|\n{{#on}}\n| x | y |\n{{/on}}\n"
              "{{#off}}\n| u | v |\n{{/off}}\n| z | |\n",
              "A  B\n-  -\nx  y\nz\n\n");
  assert_text("> | A |\n> |---|\n> {{#list}}\n> | {{.}} |\n> {{/list}}\n",
              "> A\n> ----------\n> 1\n> 2\n\n");
  g_autofree char *wide = g_strnfill(72, 'w');
  g_autofree char *markdown = 
      g_strdup_printf("| A | B | C |\n|---|---|---|\n| %s | 1 | 2 |\n| x | 3 | 4 |\n", wide);
  g_autofree char *expected =
      g_strdup_printf("A: %s\nB: 1\nC: 2\n\nA: x\nB: 3\nC: 4\n\n", wide);
  assert_text(markdown, expected);
}

static void assert_widths(const char *text, guint widest)
{
  g_autoptr(Words) words = words_new("0123456789abcdef");
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_assert_cmpuint(wrap_width(*line, words), <=, widest);
  }
}

static void test_wrap(void)
{
  g_autoptr(GString) markdown = g_string_new("---\nsubject: x\n---\n> - ");
  for (guint i = 0; i < 100; i++) {
    g_string_append(markdown, i % 3 == 0 ? "Wörter " : "words, ");
  }
  g_autofree char *text = content_text(markdown->str, columns, values);
  assert_widths(text, WRAP_WIDTH);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_assert_true(g_str_has_prefix(lines[0], "> - "));
  g_assert_true(g_str_has_prefix(lines[1], ">   "));
  g_assert_cmpint(g_utf8_strlen(lines[1], -1), >, 65);
}

static void test_wrap_wide(void)
{
  g_autoptr(GString) markdown = g_string_new("---\nsubject: x\n---\n");
  for (guint i = 0; i < 20; i++) {
    g_string_append(markdown, "日本語の文章、改行。");
  }
  g_autofree char *text = content_text(markdown->str, columns, values);
  assert_widths(text, WRAP_WIDTH);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), >, 4);
  for (char **line = lines; *line != NULL; line++) {
    g_assert_false(g_str_has_prefix(*line, "、") || g_str_has_prefix(*line, "。"));
  }
}

static void test_long_words(void)
{
  g_autofree char *word = g_strnfill(2000, 'w');
  g_autofree char *expected = g_strdup_printf("a\n%s\nb\n\n", word);
  g_autofree char *markdown = g_strdup_printf("a %s b\n", word);
  assert_text(markdown, expected);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plaintext/blocks", test_blocks);
  g_test_add_func("/plaintext/links", test_links);
  g_test_add_func("/plaintext/links-in-sections", test_links_in_sections);
  g_test_add_func("/plaintext/sections", test_sections);
  g_test_add_func("/plaintext/tables", test_tables);
  g_test_add_func("/plaintext/wrap", test_wrap);
  g_test_add_func("/plaintext/wrap-wide", test_wrap_wide);
  g_test_add_func("/plaintext/long-words", test_long_words);
  return g_test_run();
}
