/* SPDX-License-Identifier: Apache-2.0 */

/* Mustache as its specification has it: texts in, text out. */

#include <string.h>
#include "content/expansion.h"
#include "content/page.h"

typedef struct {
  const char *template, *data, *expected;
} Case;

typedef struct {
  const char *name, *text;
} Partial;

static const char *find_partial(const Token *tag, const char **file, gpointer data)
{
  *file = tag->fields[0];
  for (const Partial *partial = data; partial != NULL && partial->name != NULL; partial++) {
    if (strcmp(partial->name, tag->fields[0]) == 0) {
      return partial->text;
    }
  }
  return NULL;
}

static char *render(const char *source, const char *json, const Partial *partials)
{
  static const char *const no_columns[] = { NULL };
  g_autoptr(Report) report = report_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) data = json_from_string(json, &error);
  g_assert_no_error(error);
  g_autoptr(Template) template = template_expand(template_parse(source, "t", 1, report),
                                                 find_partial, (gpointer)partials, report);
  g_autofree char *findings = report_to_text(report);
  g_assert_cmpstr(findings, ==, "");
  g_autoptr(Program) program = page_compile(template);
  g_autoptr(Scope) scope = scope_new();
  program_bind(program, no_columns);
  scope_begin_json(scope, program, data);
  return g_string_free(page_render(program, scope), FALSE);
}

static void assert_case(const Case *expected, const Partial *partials)
{
  g_test_message("%s", expected->template);
  g_autofree char *text = render(expected->template, expected->data, partials);
  g_assert_cmpstr(text, ==, expected->expected);
}

#define assert_cases(cases, partials) \
  for (guint number = 0; number < G_N_ELEMENTS(cases); number++) { \
    assert_case(&(cases)[number], partials); \
  }

static void test_interpolation(void)
{
  static const Case cases[] = {
    { "", "{}", "" },
    { "no tags } }} {\n", "{}", "no tags } }} {\n" },
    { "{{sea}}", "{\"sea\": \"Skagerrak\"}", "Skagerrak" },
    { "{{ sea }}{{\tsea\t}}", "{\"sea\": \"x\"}", "xx" },
    { "{{a}}|{{{a}}}|{{&a}}|{{& a }}|{{{ a }}}", "{\"a\": \"<i>\\\"&'\"}",
      "&lt;i&gt;&quot;&amp;'|<i>\"&'|<i>\"&'|<i>\"&'|<i>\"&'" },
    { "{{a}}", "{\"a\": \"{{b}}\", \"b\": 1}", "{{b}}" },
    { "{{a}} {{b}} {{c}} {{d}}", "{\"a\": 7, \"b\": -2.5, \"c\": true, \"d\": 0}",
      "7 -2.5 true 0" },
    { "{{a}} {{b}} {{c}}", "{\"a\": 0.1, \"b\": 3.30, \"c\": 12345678901234}",
      "0.1 3.3 12345678901234" },
    { "[{{a}}{{{b}}}]", "{\"a\": null}", "[]" },
    { "{{.}}", "\"whole\"", "whole" },
    { "{{{.}}}/{{&.}}", "4.75", "4.75/4.75" },
    { "  {{a}}  \n {{a}}\n", "{\"a\": 1}", "  1  \n 1\n" },
    { "{{a}}\n", "{\"a\": \"x\\ty\\r\\nz\\u0001\"}", "x\ty\r\nz\x01\n" },
  };
  assert_cases(cases, NULL);
}

static void test_dotted_names(void)
{
  static const Case cases[] = {
    { "{{ship.port.name}}", "{\"ship\": {\"port\": {\"name\": \"Bergen\"}}}", "Bergen" },
    { "[{{ship.port.name}}]", "{\"ship\": {}}", "[]" },
    { "[{{ship.name}}]", "{\"ship\": \"text\", \"name\": \"no\"}", "[]" },
    { "{{#a}}[{{b.c}}]{{/a}}", "{\"a\": {\"b\": {}}, \"b\": {\"c\": \"outer\"}}", "[]" },
    { "{{#a}}[{{b.c}}]{{/a}}", "{\"a\": {}, \"b\": {\"c\": \"outer\"}}", "[outer]" },
    { "{{#a.b}}[{{c}}]{{/a.b}}", "{\"a\": {\"b\": {\"c\": 1}}}", "[1]" },
    { "{{^a.b}}none{{/a.b}}", "{\"a\": {}}", "none" },
    { "{{#a}}{{b}}{{/a}}", "{\"a\": {\"b\": null}, \"b\": \"outer\"}", "" },
  };
  assert_cases(cases, NULL);
}

static void test_sections(void)
{
  static const Case cases[] = {
    { "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\": true}", "yes" },
    { "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\": false}", "no" },
    { "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\": null}", "no" },
    { "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{}", "no" },
    { "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\": []}", "no" },
    { "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\": {}}", "yes" },
    { "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\": \"false\"}", "yes" },
    { "{{#a}}<{{.}}>{{/a}}", "{\"a\": \"&\"}", "<&amp;>" },
    { "{{#a}}({{.}}){{/a}}", "{\"a\": [3, \"b\", 0, false, null]}", "(3)(b)(0)(false)()" },
    { "{{#a}}{{#.}}{{.}},{{/.}};{{/a}}", "{\"a\": [[1, 2], [], [3]]}", "1,2,;;3,;" },
    { "{{#.}}{{x}}{{/.}}", "[{\"x\": 1}, {\"x\": 2}]", "12" },
    { "{{#a}}{{x}}{{#b}}{{x}}{{y}}{{/b}}{{/a}}{{x}}",
      "{\"x\": 0, \"y\": 9, \"a\": {\"x\": 1, \"b\": {\"x\": 2}}}", "1290" },
    { "{{#l}}{{n}}{{^last}}, {{/last}}{{/l}}",
      "{\"l\": [{\"n\": \"a\"}, {\"n\": \"b\", \"last\": true}]}", "a, b" },
    { "{{#a}}{{#a}}{{n}}{{/a}}{{/a}}", "{\"a\": {\"n\": 1}}", "1" },
  };
  assert_cases(cases, NULL);
}

static void test_lines(void)
{
  static const Case cases[] = {
    { "a\n{{#t}}\nb\n{{/t}}\nc\n", "{\"t\": 1}", "a\nb\nc\n" },
    { "a\n  {{#t}}  \nb\n\t{{/t}}\t\nc\n", "{\"t\": 1}", "a\nb\nc\n" },
    { "a\r\n{{#t}}\r\nb\r\n{{/t}}\r\nc\r\n", "{\"t\": 1}", "a\r\nb\r\nc\r\n" },
    { "{{#t}}\nb\n  {{/t}}", "{\"t\": 1}", "b\n" },
    { " {{#t}}\nb{{/t}}\n", "{\"t\": 1}", "b\n" },
    { " {{#t}}b{{/t}}\n", "{\"t\": 1}", " b\n" },
    { " {{#t}}{{/t}}\n", "{\"t\": 1}", " \n" },
    { "{{#t}} x\n{{/t}}\n", "{\"t\": 1}", " x\n" },
    { "{{t}}\n{{#t}}\n{{t}}\n{{/t}}\n", "{\"t\": 1}", "1\n1\n" },
    { "a {{! b }}\nc\n", "{}", "a \nc\n" },
    { "a\n  {{! b\n c }}  \nd", "{}", "a\nd" },
    { "{{! b }}\r\nd{{!}}", "{}", "d" },
    { "{{! a }}{{! b }}\nc", "{}", "\nc" },
    { "a\n {{^t}}\nb\n {{/t}}\n", "{}", "a\nb\n" },
  };
  assert_cases(cases, NULL);
}

static void test_delimiters(void)
{
  static const Partial partials[] = { { "p", "{{a}}<a>{{=< >=}}<a>" }, { NULL, NULL } };
  static const Case cases[] = {
    { "{{=<% %>=}}<% a %> {{a}}", "{\"a\": 1}", "1 {{a}}" },
    { "{{=  [[   ]]  =}}[[a]][[={{ }}=]]{{a}}", "{\"a\": 1}", "11" },
    { "{{#a}}{{=<< >>=}}<<.>><</a>>{{a}}", "{\"a\": 1}", "1{{a}}" },
    { "x\n {{=! !=}} \n!a!\n", "{\"a\": 1}", "x\n1\n" },
    { "x\r\n{{=! !=}}\r\n!a!\r\n", "{\"a\": 1}", "x\r\n1\r\n" },
    { "{{=! !=}}\n", "{}", "" },
    { "{{>p}}{{a}}<a>", "{\"a\": 1}", "1<a>11<a>" },
    { "{{=( )=}}(>p)(a){{a}}", "{\"a\": 1}", "1<a>11{{a}}" },
  };
  assert_cases(cases, partials);
}

static void test_partials(void)
{
  static const Partial partials[] = {
    { "word", "{{w}}" }, { "lines", "one\n\n{{{w}}}\n" }, { "open", "one\ntwo" },
    { "nest", "<\n  {{>lines}}\n>\n" }, { "inline", "<{{>open}}>\n" },
    { "if", "{{#w}}\n- {{.}}\n{{/w}}\n" }, { "tree", "{{n}}\n{{#k}}\n  {{>tree}}\n{{/k}}\n" },
    { "chain", "{{n}}{{#k}}.{{>chain}}{{/k}}" }, { NULL, NULL },
  };
  static const Case cases[] = {
    { "[{{>word}}|{{> word }}|{{>none}}]", "{\"w\": 1}", "[1|1|]" },
    { "{{#w}}{{>word}}{{/w}}", "{\"w\": [{\"w\": 1}, {\"w\": 2}]}", "12" },
    { "a\n {{>none}}\nb\n", "{}", "a\nb\n" },
    { "  {{>lines}}\nz", "{\"w\": \"x\\ny\"}", "  one\n  \n  x\ny\nz" },
    { "\t{{>open}}\nz", "{}", "\tone\n\ttwoz" },
    { "\t{{>open}}\r\nz", "{}", "\tone\n\ttwoz" },
    { "z\n  {{>open}}", "{}", "z\n  one\n  two" },
    { " a {{>open}} b\n", "{}", " a one\ntwo b\n" },
    { " {{>nest}}", "{\"w\": 1}", " <\n   one\n   \n   1\n >\n" },
    { " {{>inline}}", "{}", " <one\ntwo>\n" },
    { " {{>if}}", "{\"w\": [1, 2]}", " - 1\n - 2\n" },
    { "{{>tree}}",
      "{\"n\": 1, \"k\": [{\"n\": 2, \"k\": [{\"n\": 3, \"k\": 0}]}, {\"n\": 4, \"k\": 0}]}",
      "1\n  2\n    3\n  4\n" },
    { " {{>tree}}\n", "{\"n\": 1, \"k\": [{\"n\": 2, \"k\": 0}]}", " 1\n   2\n" },
    { "{{>chain}}!", "{\"n\": 1, \"k\": [{\"n\": 2, \"k\": []}, {\"n\": 3, \"k\": []}]}",
      "1.2.3!" },
  };
  assert_cases(cases, partials);
}

static void test_inheritance(void)
{
  static const Partial partials[] = {
    { "page", "<{{$title}}none{{/title}}|{{$body}}empty {{x}}{{/body}}>" },
    { "news", "{{<page}}{{$title}}News{{/title}}{{/page}}" },
    { "late", "{{<news}}{{$title}}Late{{/title}}{{$body}}b{{/body}}{{/news}}" },
    { "each", "{{#l}}{{$item}}{{n}}{{/item}};{{/l}}" },
    { "loop", "({{$a}}a{{/a}}{{$b}}{{<loop}}{{$b}}end{{/b}}{{/loop}}{{/b}})" },
    { NULL, NULL },
  };
  static const Case cases[] = {
    { "{{$t}}Untitled {{x}}{{/t}}", "{\"x\": 1, \"t\": 2}", "Untitled 1" },
    { "{{>page}}{{<page}}{{/page}}", "{\"x\": 1}", "<none|empty 1><none|empty 1>" },
    { "{{<page}}{{$body}}b{{x}}{{/body}}{{/page}}", "{\"x\": 1}", "<none|b1>" },
    { "{{<page}} x {{y}} {{$title}}T{{/title}}\n z {{/page}}", "{\"x\": 1, \"y\": 2}",
      "<T|empty 1>" },
    { "{{<page}}{{$body}}1{{/body}}{{/page}}{{<page}}{{$body}}2{{/body}}{{/page}}", "{}",
      "<none|1><none|2>" },
    { "{{<news}}{{/news}}{{<news}}{{$title}}Own{{/title}}{{/news}}", "{}",
      "<News|empty ><Own|empty >" },
    { "{{<late}}{{$body}}c{{/body}}{{/late}}", "{}", "<Late|c>" },
    { "{{<each}}{{$item}}[{{n}}]{{/item}}{{/each}}", "{\"n\": 0, \"l\": [{\"n\": 1}, {\"n\": 2}]}",
      "[1];[2];" },
    { "{{<page}}{{$title}}{{<page}}{{$title}}in{{/title}}{{/page}}{{/title}}{{/page}}", "{}",
      "<<none|empty >|empty >" },
    { "{{<loop}}{{$a}}A{{/a}}{{/loop}}", "{}", "(A(Aend))" },
    { "[{{<none}}{{$a}}b{{/a}}{{/none}}]", "{}", "[]" },
    { "{{=<% %>=}}<%<page%><%$body%><%x%><%/body%><%/page%>", "{\"x\": 1}", "<none|1>" },
  };
  assert_cases(cases, partials);
}

static void test_blocks_and_lines(void)
{
  static const Partial partials[] = {
    { "one", "top\n  {{$b}}plain{{/b}}\nend\n" },
    { "empty", "top\n  {{$b}}{{/b}}\nend\n" },
    { "lines", "top\n{{$b}}\n    first\n      second\n{{/b}}\nend\n" },
    { "within", "top {{$b}}x{{/b}} end\n" },
    { "nested", "{{$a}}\n  a\n  {{$b}}\n    b\n  {{/b}}\n{{/a}}\n" },
    { "text", "x\ny\n" }, { NULL, NULL },
  };
  static const Case cases[] = {
    { "{{>one}}", "{}", "top\n  plain\nend\n" },
    { "{{>empty}}", "{}", "top\nend\n" },
    { "{{>lines}}", "{}", "top\n    first\n      second\nend\n" },
    { "{{>nested}}", "{}", "  a\n    b\n" },
    { "{{<one}}{{$b}}x{{/b}}{{/one}}", "{}", "top\n  x\nend\n" },
    { "{{<empty}}{{$b}}\nx\n y\n{{/b}}{{/empty}}", "{}", "top\n  x\n   y\nend\n" },
    { "{{<empty}}\n  {{$b}}\n      x\n       y\n  {{/b}}\n{{/empty}}\nz", "{}",
      "top\n  x\n   y\nend\nz" },
    { "{{<one}}\n{{$b}}x\ny{{/b}}\n{{/one}}\nz", "{}", "top\n  x\n  y\nend\nz" },
    { "{{<lines}}{{$b}}\nx\n y\n{{/b}}{{/lines}}", "{}", "top\n    x\n     y\nend\n" },
    { "{{<within}}{{$b}}\n  x\n  y\n{{/b}}{{/within}}", "{}", "top x\ny\n end\n" },
    { "{{<nested}}{{$b}}\nx\n{{/b}}{{/nested}}", "{}", "  a\n    x\n" },
    { "{{<nested}}{{$a}}\nx\n{{/a}}{{/nested}}", "{}", "  x\n" },
    { "z\n  {{<text}}{{/text}}\nz", "{}", "z\n  x\n  y\nz" },
    { "z\n  {{<text}}\n  {{/text}}\nz", "{}", "z\n  x\n  y\nz" },
    { "z {{<text}}{{/text}}\nz", "{}", "z x\ny\n\nz" },
    { " {{<one}}{{$b}}x\n{{/b}}{{/one}}\n", "{}", " top\n   x\n end\n" },
    { "{{<one}}\r\n{{$b}}\r\nx\r\n{{/b}}\r\n{{/one}}\r\nz", "{}", "top\n  x\r\nend\nz" },
  };
  assert_cases(cases, partials);
}

static void test_fallbacks(void)
{
  static const Case cases[] = {
    { "{{a|dear colleague}}", "{}", "dear colleague" },
    { "{{a|dear colleague}}", "{\"a\": \"Ann\"}", "Ann" },
    { "{{a|<b>}}{{{a|<b>}}}", "{}", "&lt;b&gt;<b>" },
    { "{{a|b|c}}", "{\"b\": \"B\"}", "B" },
    { "{{a|b|c}}", "{\"c\": \"C\"}", "C" },
    { "{{a|b|c}}", "{}", "c" },
    { "[{{a|b}}]", "{\"b\": \"\"}", "[]" },
    { "{{a.b|c.d|none at all}}", "{\"c\": {\"d\": 1}}", "1" },
  };
  assert_cases(cases, NULL);
}

/* What partials can multiply has a limit, and so has what they can nest. */
static void test_limits(void)
{
  static const Partial bomb[] = {
    { "a", "{{>b}}{{>b}}{{>b}}{{>b}}{{>b}}{{>b}}{{>b}}{{>b}}" },
    { "b", "{{>c}}{{>c}}{{>c}}{{>c}}{{>c}}{{>c}}{{>c}}{{>c}}" },
    { "c", "{{>d}}{{>d}}{{>d}}{{>d}}{{>d}}{{>d}}{{>d}}{{>d}}" },
    { "d", "{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}{{x}}" },
    { "e", "{{>a}}{{>a}}{{>a}}{{>a}}{{>a}}{{>a}}{{>a}}{{>a}}" },
    { "w", "{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}{{>v}}" },
    { "v", "{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}{{>u}}" },
    { "u", "{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}{{>s}}" },
    { "s", "{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}{{>r}}" },
    { "r", "" }, { NULL, NULL },
  };
  static const char *const sources[] = { "{{>e}}", "{{>w}}" };
  for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
    g_autoptr(Report) report = report_new();
    g_autoptr(Template) template = template_expand(template_parse(sources[i], "t", 1, report),
                                                   find_partial, (gpointer)bomb, report);
    g_assert_nonnull(template);
    g_assert_cmpuint(report_length(report), ==, 1);
    g_assert_nonnull(strstr(report_get(report, 0)->text, "use fewer"));
  }
}

/* A partial that never stops calling itself ends. */
static void test_endless(void)
{
  static const Partial endless[] = { { "p", "x{{>p}}" }, { NULL, NULL } };
  g_autofree char *text = render("{{>p}}", "{}", endless);
  g_assert_true(g_str_has_prefix(text, "xxxx"));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/mustache/interpolation", test_interpolation);
  g_test_add_func("/mustache/dotted-names", test_dotted_names);
  g_test_add_func("/mustache/sections", test_sections);
  g_test_add_func("/mustache/lines", test_lines);
  g_test_add_func("/mustache/delimiters", test_delimiters);
  g_test_add_func("/mustache/partials", test_partials);
  g_test_add_func("/mustache/inheritance", test_inheritance);
  g_test_add_func("/mustache/blocks-and-lines", test_blocks_and_lines);
  g_test_add_func("/mustache/fallbacks", test_fallbacks);
  g_test_add_func("/mustache/limits", test_limits);
  g_test_add_func("/mustache/endless", test_endless);
  return g_test_run();
}
