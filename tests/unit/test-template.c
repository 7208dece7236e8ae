/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "content.h"
#include "content/scope.h"

/* "Dear |V:first_name,last=colleague|…": one stretch a token. */
static char *dump(const Template *template)
{
  static const char kinds[] = "TVR#^/!><$";
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < template_length(template); i++) {
    const Token *token = template_token(template, i);
    g_string_append(out, i > 0 ? "|" : "");
    if (token->kind == TOKEN_TEXT) {
      g_string_append_len(out, token->text, (gssize)token->length);
      continue;
    }
    static char *none[] = { NULL };
    g_autofree char *fields = g_strjoinv(",", token->fields != NULL ? token->fields : none);
    g_string_append_printf(out, "%c:%s", kinds[token->kind], fields);
    if (token->fallback != NULL) {
      g_string_append_printf(out, "=%s", token->fallback);
    }
    if (token->mate > 0 || token->kind == TOKEN_END) {
      g_string_append_printf(out, "@%u", token->mate);
    }
  }
  return g_string_free(out, FALSE);
}

static void test_tokens(void)
{
  static const struct {
    const char *source, *tokens;
  } cases[] = {
    { "", "" },
    { "plain { } }} text", "plain { } }} text" },
    { "Dear {{name}},", "Dear |V:name|," },
    { "{{ first name }}", "V:first name" },
    { "{{{a}}}{{&b}}{{& c }}", "R:a|R:b|R:c" },
    { "{{first_name|dear colleague}}", "V:first_name=dear colleague" },
    { "{{a | b| text }}", "V:a,b=text" },
    { "{{a|}}", "V:a=" },
    { "{{{a|<b>}}}", "R:a=<b>" },
    { "{{#a}}x{{/a}}", "#:a@2|x|/:a@0" },
    { "{{^a}}{{#b}}{{/b}}{{/ A }}", "^:a@3|#:b@2|/:b@1|/:A@0" },
    { "{{#first_name}}{{/First Name}}", "#:first_name@1|/:First Name@0" },
    { "a{{! note }}b", "a|!:|b" },
    { "a\n  {{! a note\nover lines }}\nb", "a\n|!:|b" },
    { "{{=<% %>=}}{{a}}<%b%><%={{ }}=%>{{c}}", "!:|{{a}}|V:b|!:|V:c" },
    { "a\n{{=<% %>=}}\n<%b%>", "a\n|!:||V:b" },
    { "{{=| |=}}|a|", "!:|V:a" },
    { "{{.}}{{a.b}}", "V:.|V:a.b" },
    { "{{> a }}{{<b}}{{$c}}{{/c}}{{/b}}", ">:a|<:b@4|$:c@3|/:c@2|/:b@1" },
    { "Ünï {{größe}} 日本", "Ünï |V:größe| 日本" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(Report) report = report_new();
    g_autoptr(Template) template = template_parse(cases[i].source, "a.md", 1, report);
    g_autofree char *tokens = dump(template);
    g_assert_cmpstr(tokens, ==, cases[i].tokens);
    g_assert_cmpuint(report_length(report), ==, 0);
  }
}

static void test_mistakes(void)
{
  static const struct {
    const char *source;
    guint line, column;
    const char *text;
  } cases[] = {
    { "x\nÄ {{name", 12, 3, "not closed: \"}}\" is missing" },
    { "{{name\n}}", 11, 1, "not closed" },
    { "{{{name}}", 11, 1, "\"}}}\" is missing" },
    { "{{! never", 11, 1, "not closed" },
    { "{{}}", 11, 1, "names no field" },
    { "{{|x}}", 11, 1, "names no field" },
    { "{{a||x}}", 11, 1, "names no field" },
    { "{{#}}", 11, 1, "names no field" },
    { "{{{{a}}", 11, 1, "is missing" },
    { "{{a{b}}", 11, 1, "cannot be the name of a field" },
    { "\n\n{{#a}}", 13, 1, "{{#a}} is never closed; write {{/a}}" },
    { "{{/a}}", 11, 1, "closes a section that is not open" },
    { "{{#a}}{{#b}}{{/a}}", 11, 7, "{{#b}} is never closed" },
    { "{{#a|b}}", 11, 1, "has no fallback" },
    { "{{>}}", 11, 1, "names no field" },
    { "{{<a}}{{$b}}{{/a}}", 11, 7, "{{$b}} is never closed" },
    { "{{=<%=}}", 11, 1, "new delimiters are two words" },
    { "{{=a b c=}}", 11, 1, "new delimiters are two words" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(Report) report = report_new();
    g_autoptr(Template) template = template_parse(cases[i].source, "a.md", 11, report);
    g_assert_nonnull(template);
    content_assert_finding(report, FINDING_ERROR, cases[i].line, cases[i].text);
    g_assert_cmpuint(report_get(report, 0)->column, ==, cases[i].column);
    g_assert_cmpstr(report_get(report, 0)->file, ==, "a.md");
  }
}

/* All mistakes are told, not the first only. */
static void test_all_mistakes(void)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(Template) template = template_parse("{{a\n{{}}\n{{/b}}\n{{#c}}\n{{>}}", "a.md", 1,
                                                report);
  g_assert_nonnull(template);
  g_assert_cmpuint(report_count(report, FINDING_ERROR), ==, 5);
}

static void test_limits(void)
{
  g_autoptr(GString) many = g_string_new(NULL);
  for (guint i = 0; i <= LIMIT_TAGS; i++) {
    g_string_append(many, "{{a}}");
  }
  g_autoptr(Report) report = report_new();
  g_autoptr(Template) template = template_parse(many->str, "a.md", 1, report);
  g_assert_nonnull(template);
  content_assert_finding(report, FINDING_ERROR, 1, "more than 2000 merge tags");

  g_autoptr(GString) deep = g_string_new(NULL);
  for (guint i = 0; i <= LIMIT_TAG_DEPTH; i++) {
    g_string_append(deep, "{{#a}}");
  }
  g_autoptr(Report) second = report_new();
  g_autoptr(Template) nested = template_parse(deep->str, "a.md", 1, second);
  g_assert_nonnull(nested);
  content_assert_finding(second, FINDING_ERROR, 1, "nested more than 20 deep");
}

static void test_keys(void)
{
  static const char *const same[] = { "First Name", "first_name", "FIRST-NAME", " first name " };
  for (guint i = 0; i < G_N_ELEMENTS(same); i++) {
    g_autofree char *key = field_key(same[i]);
    g_assert_cmpstr(key, ==, "first_name");
  }
  g_autofree char *composed = field_key("Größe"), *decomposed = field_key("GRO\xCC\x88SSE");
  g_assert_cmpstr(composed, ==, decomposed);
}

static void test_truth(void)
{
  static const char *const truths[] = { "1", "yes", "00", " ", "falsely", "no" };
  static const char *const untruths[] = { NULL, "", "0", "false", "FALSE" };
  for (guint i = 0; i < G_N_ELEMENTS(truths); i++) {
    g_assert_true(cell_is_true(truths[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS(untruths); i++) {
    g_assert_false(cell_is_true(untruths[i]));
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/template/tokens", test_tokens);
  g_test_add_func("/template/mistakes", test_mistakes);
  g_test_add_func("/template/all-mistakes", test_all_mistakes);
  g_test_add_func("/template/limits", test_limits);
  g_test_add_func("/template/keys", test_keys);
  g_test_add_func("/template/truth", test_truth);
  return g_test_run();
}
