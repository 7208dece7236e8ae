/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "content.h"

static const char *const columns[] = { "name", "url", "on", "off", "list", NULL };
static const char *const values[] = { "<Ann & \"Co\">", "javascript:x", "1", "",
                                      "[{\"n\": \"<1>\", \"of\": [\"x\", \"y\"]}, {\"n\": 2}]",
                                      NULL };

/* Empty lines mean nothing between blocks of HTML. */
static char *without_empty_lines(const char *html)
{
  g_auto(GStrv) lines = g_strsplit(html, "\n", -1);
  GString *out = g_string_new(NULL);
  for (char **line = lines; *line != NULL; line++) {
    g_string_append_printf(out, "%s%s", *line, **line != '\0' ? "\n" : "");
  }
  return g_string_free(out, FALSE);
}

static void assert_html(const char *body, const char *expected)
{
  g_autofree char *markdown = g_strconcat("---\nsubject: x\n---\n", body, NULL);
  g_autofree char *html = content_html(markdown, columns, values);
  g_autofree char *squeezed = without_empty_lines(html);
  g_assert_cmpstr(squeezed, ==, expected);
}

static void test_marks(void)
{
  assert_html("# A *b*\n\nc **d** ~~e~~ `f`\n",
              "<h1>A <em>b</em></h1>\n<p>c <strong>d</strong> <del>e</del> <code>f</code></p>\n");
  assert_html("www.a.org b@c.org\n",
              "<p><a href=\"http://www.a.org\">www.a.org</a> "
              "<a href=\"mailto:b@c.org\">b@c.org</a></p>\n");
  assert_html("a & b < c \"d\"\n", "<p>a &amp; b &lt; c &quot;d&quot;</p>\n");
  assert_html("| a |\n|--:|\n| b |\n",
              "<table>\n<thead>\n<tr>\n<th style=\"text-align: right\">a</th>\n</tr>\n</thead>\n"
              "<tbody>\n<tr>\n<td style=\"text-align: right\">b</td>\n</tr>\n</tbody>\n</table>\n");
}

/* A value is escaped for where it stands and never becomes markup. */
static void test_places(void)
{
  static const char escaped[] = "&lt;Ann &amp; &quot;Co&quot;&gt;";
  static const char percent[] = "%3CAnn%20%26%20%22Co%22%3E";
  g_autofree char *flow = g_strdup_printf("<p>Dear %s,</p>\n", escaped);
  assert_html("Dear {{name}},\n", flow);
  g_autofree char *strong = g_strdup_printf("<p><strong>%s</strong>%s</p>\n", escaped, escaped);
  assert_html("**{{name}}**{{name}}\n", strong);
  g_autofree char *code = g_strdup_printf("<pre><code>a %s\n</code></pre>\n", escaped);
  assert_html("    a {{name}}\n", code);
  g_autofree char *link = g_strdup_printf(
      "<p><a href=\"https://a.org/%s?x=%s\" title=\"t %s\">%s</a></p>\n", percent, percent, escaped,
      escaped);
  assert_html("[{{name}}](https://a.org/{{name}}?x={{name}} \"t {{name}}\")\n", link);
  g_autofree char *fence = g_strdup_printf(
      "<pre><code class=\"language-%s\">x\n</code></pre>\n", escaped);
  assert_html("```{{name}}\nx\n```\n", fence);
  g_autofree char *cell = g_strdup_printf("<td>%s</td>", escaped);
  g_autofree char *table = content_html("---\nsubject: x\n---\n| a |\n|---|\n| {{name|friend}} |\n",
                                        columns, values);
  g_assert_nonnull(strstr(table, cell));
  assert_html("[x]({{url}})\n", "<p><a href=\"#\">x</a></p>\n");
  assert_html("[x]({{url|https://b.org}})\n", "<p><a href=\"#\">x</a></p>\n");
  assert_html("[x]({{off|https://b.org}})\n", "<p><a href=\"https://b.org\">x</a></p>\n");
  assert_html("{{{name}}}\n", "<p><Ann & \"Co\"></p>\n");
  assert_html("[x](https://a.org/{{{name}}})\n",
              "<p><a href=\"https://a.org/%3CAnn%20&amp;%20%22Co%22%3E\">x</a></p>\n");
}

static void test_sections(void)
{
  assert_html("{{#off}}\nhidden\n{{/off}}\n\n{{#on}}shown{{/on}}\n", "<p>shown</p>\n");
  assert_html("a\n{{#off}}\nb\n{{/off}}\nc\n", "<p>a\nc</p>\n");
  assert_html("*{{#off}}a{{/off}}{{^off}}b{{/off}}*\n", "<p><em>b</em></p>\n");
  assert_html("{{#off}}\n# A\n\n- b\n- c\n{{/off}}\n\nd\n", "<p>d</p>\n");
  assert_html("## {{#on}}a{{/on}}{{#off}}b{{/off}}\n", "<h2>a</h2>\n");
  assert_html("[x](https://a.org/{{#on}}on{{/on}}{{#off}}off{{/off}})\n",
              "<p><a href=\"https://a.org/on\">x</a></p>\n");
  g_autofree char *items = content_html("---\nsubject: x\n---\n- a\n{{#off}}\n- b\n{{/off}}\n- c\n",
                                        columns, values);
  g_auto(GStrv) parts = g_strsplit(items, "<li>", -1);
  g_assert_cmpuint(g_strv_length(parts), ==, 3);
  g_assert_null(strstr(items, "b"));
}

static void test_rows(void)
{
  static const char frame[] = "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n"
                              "<tbody>\n%s</tbody>\n</table>\n";
  static const struct {
    const char *body, *rows;
  } cases[] = {
    { "| a | b |\n|---|---|\n{{#on}}\n| c | d |\n{{/on}}\n",
      "<tr>\n<td>c</td>\n<td>d</td>\n</tr>\n" },
    { "| a | b |\n|---|---|\n{{#off}}\n| c | d |\n{{/off}}\n| e | f |\n",
      "<tr>\n<td>e</td>\n<td>f</td>\n</tr>\n" },
    { "| a | b |\n|---|---|\n| {{^off}} | |\n| c | d |\n| {{/off}} | |\n",
      "<tr>\n<td>c</td>\n<td>d</td>\n</tr>\n" },
    { "{{#on}}\n\n| a | b |\n|---|---|\n{{#off}}\n| c | d |\n{{/off}}\n{{/on}}\n", "" },
    { "| a | b |\n|---|---|\n{{#list}}\n| {{n}} | {{#of}}{{.}};{{/of}} |\n{{/list}}\n",
      "<tr>\n<td>&lt;1&gt;</td>\n<td>x;y;</td>\n</tr>\n<tr>\n<td>2</td>\n<td></td>\n</tr>\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(GStrv) parts = g_strsplit(frame, "%s", 2);
    g_autofree char *expected = g_strconcat(parts[0], cases[i].rows, parts[1], NULL);
    assert_html(cases[i].body, expected);
  }
}

static void test_lists(void)
{
  assert_html("{{#list}}\n- {{n}}\n{{/list}}\n",
              "<ul>\n<li>&lt;1&gt;</li>\n<li>2</li>\n</ul>\n");
  assert_html("a\n\n{{#list}}\n1. {{n}}\n{{/list}}\n\nb\n",
              "<p>a</p>\n<ol>\n<li>&lt;1&gt;</li>\n<li>2</li>\n</ol>\n<p>b</p>\n");
  assert_html("{{#off}}\n- {{n}}\n{{/off}}\n\nb\n", "<p>b</p>\n");
  assert_html("{{#list}}{{n}}{{#of}} {{.}}{{/of}}. {{/list}}\n", "<p>&lt;1&gt; x y. 2. </p>\n");
  assert_html("{{#list}}\n## {{n}}\n\n{{#of}}\n- {{.}}\n{{/of}}\n{{/list}}\n",
              "<h2>&lt;1&gt;</h2>\n<ul>\n<li>x</li>\n<li>y</li>\n</ul>\n<h2>2</h2>\n");
  assert_html("{{#list}}[{{n}}](https://a.org/{{n}}) {{/list}}\n",
              "<p><a href=\"https://a.org/%3C1%3E\">&lt;1&gt;</a> "
              "<a href=\"https://a.org/2\">2</a> </p>\n");
  assert_html("{{name.x}}{{list.x}}|{{#name}}{{.}}{{/name}}\n",
              "<p>|&lt;Ann &amp; &quot;Co&quot;&gt;</p>\n");
}

typedef struct {
  const char *body;
  guint line;
  const char *text;
} Mistake;

static void assert_findings(const Mistake *mistakes, guint count, FindingLevel level)
{
  for (guint i = 0; i < count; i++) {
    g_autofree char *markdown = g_strconcat("---\nsubject: x\n---\n", mistakes[i].body, NULL);
    g_autoptr(Report) report = report_new();
    g_autoptr(Draft) draft = content_draft(markdown, report);
    g_autoptr(Message) message = content_message(draft, report);
    g_autofree char *findings = report_to_text(report);
    g_test_message("%s%s", mistakes[i].body, findings);
    g_assert_true((message == NULL) == (level == FINDING_ERROR));
    content_assert_finding(report, level, mistakes[i].line, mistakes[i].text);
    g_assert_cmpstr(report_get(report, 0)->file, ==, "release.md");
  }
}

static void test_mistakes(void)
{
  static const Mistake mistakes[] = {
    { "{{#a}}*b{{/a}} c*\n", 4, "{{#a}} does not end where it began" },
    { "x\n\nq {{#a}}b\n\n> c{{/a}} d\n", 6, "its end is in line 8" },
    { "# {{#a}}b\n\n## c{{/a}}\n", 4, "does not end where it began" },
    { "| a |\n|---|\n| {{#a}}b |\n| c{{/a}} |\n", 6, "does not end where it began" },
    { "| a |\n|---|\n| x |\n| {{#a}} |\n| b |\n\nc {{/a}} d\n", 7, "does not end" },
    { "[a{{#a}}](https://b.org/{{/a}})\n", 4, "does not end where it began" },
    { "<!-- {{#a}} -->\n\nb {{/a}}\n", 4, "where nothing is shown" },
    { "[a]({{#a}}https://b.org{{/a}})\n", 4, "put the section around the whole link" },
    { "x\n\n[a](b.html)\n", 6, "an address begins with https://" },
    { "[a](javascript:alert)\n", 4, "an address begins with" },
    { "[a](DATA:text/html,x)\n", 4, "an address begins with" },
    { "[a](file:///etc/passwd)\n", 4, "an address begins with" },
    { "[a](java{{x}}:alert)\n", 4, "the link to \"java{{x}}:alert\"" },
    { "![a](https://b.org/c.png)\n", 4, "mail programs do not load pictures from elsewhere" },
    { "![a](//b.org/c.png)\n", 4, "from elsewhere" },
    { "![a](data:image/png,x)\n", 4, "from elsewhere" },
    { "text\n\n![a](c.png)\n", 6, "there is no picture \"c.png\"" },
    { "![a](/etc/passwd)\n", 4, "there is no picture" },
    { "![a](../x.png)\n", 4, "there is no picture" },
    { "![a]({{x}}.png)\n", 4, "cannot differ from one recipient" },
  };
  assert_findings(mistakes, G_N_ELEMENTS(mistakes), FINDING_ERROR);
}

static void test_warnings(void)
{
  static const Mistake warnings[] = {
    { "a\n\n<div>\nb\n</div>\n", 6, "HTML is left out: <div>" },
    { "a <b>c</b>\n", 4, "HTML is left out: <b>" },
  };
  assert_findings(warnings, G_N_ELEMENTS(warnings), FINDING_WARNING);
}

/* The lines of findings count what comments over several lines take away. */
static void test_lines(void)
{
  static const Mistake mistakes[] = {
    { "{{! a\nb\nc }}\n\n[a](b)\n", 8, "the link to \"b\"" },
    { "a {{! a\nb\nc }} d\n\n[a](b)\n", 8, "the link to \"b\"" },
    { "{{=<% %>=}}\n<%! x\n%>\n\n[a](b)\n", 8, "the link to \"b\"" },
  };
  assert_findings(mistakes, G_N_ELEMENTS(mistakes), FINDING_ERROR);
}

static void test_no_html(void)
{
  assert_html("a<!-- note -->b\n\n<!-- c -->\n\n<script>alert(1)</script>\n\nd\n",
              "<p>ab</p>\n<p>d</p>\n");
  assert_html("<b>{{name}}</b>\n", "<p>&lt;Ann &amp; &quot;Co&quot;&gt;</p>\n");
}

static void test_html(void)
{
  static const char escaped[] = "&lt;Ann &amp; &quot;Co&quot;&gt;";
  static const char percent[] = "%3CAnn%20%26%20%22Co%22%3E";
  content_pass_html(TRUE);
  assert_html("a <b class=\"c\">d</b><br>e<!-- f -->\n",
              "<p>a <b class=\"c\">d</b><br>e</p>\n");
  g_autofree char *block = g_strdup_printf("<div title='%s'>\n%s\n</div>\n", escaped, escaped);
  assert_html("<div title='{{name}}'>\n{{name}}\n</div>\n", block);
  g_autofree char *link = g_strdup_printf("<p><a href=\"https://a.org/%s\">x</a> "
                                          "<a href=\"#\">y</a></p>\n", percent);
  assert_html("<a href=\"https://a.org/{{name}}\">x</a> <a href=\"{{url}}\">y</a>\n", link);
  assert_html("{{#off}}\n<div>\na\n</div>\n{{/off}}\n\n<div>\n{{#on}}\nb<br>\n{{/on}}\n</div>\n",
              "<div>\nb<br>\n</div>\n");
  assert_html("<p>x</p>\n{{#list}}\n<p>{{n}}</p>\n{{/list}}\n",
              "<p>x</p>\n<p>&lt;1&gt;</p>\n<p>2</p>\n");
  content_pass_html(FALSE);
}

static void test_html_mistakes(void)
{
  static const Mistake mistakes[] = {
    { "<script>alert(1)</script>\n", 4, "<script> has no place here" },
    { "a <img src=\"https://a.org/b.png\"> b\n", 4, "<img> has no place here" },
    { "<style>\np {}\n</style>\n", 4, "<style> has no place here" },
    { "a <b onclick=\"x()\">c</b>\n", 4, "onclick=… has no place" },
    { "a <b OnClick='x()'>c</b>\n", 4, "OnClick=… has no place" },
    { "<table background=\"https://a.org/b\">\n</table>\n", 4, "background=… has no place" },
    { "a <a href=\"javascript:x()\">c</a>\n", 4, "would not work in a mail" },
    { "a <a href=\"java&#115;cript:x()\">c</a>\n", 4, "would not work in a mail" },
    { "a <b title={{name}}>c</b>\n", 4, "does not stand in quotes" },
    { "a <b {{name}}=\"x\">c</b>\n", 4, "in quoted values only" },
    { "<div {{name}}>\n</div>\n", 4, "in quoted values only" },
    { "a <b style=\"color: {{name}}\">c</b>\n", 4, "a style holds neither tags" },
    { "a <b style=\"background: url(https://a.org)\">c</b>\n", 4, "a style holds neither" },
    { "<!-- {{name}} -->\n", 4, "a comment of HTML holds merge tags" },
    { "<div>\n{{#a}}\n</div>\n{{/a}}\n", 5, "does not end where it began" },
    { "<div title=\"a\n\nb\">\n", 4, "does not stand in quotes" },
  };
  content_pass_html(TRUE);
  assert_findings(mistakes, G_N_ELEMENTS(mistakes), FINDING_ERROR);
  content_pass_html(FALSE);
}

/* What a hostile author can nest must neither take long nor overflow the stack. */
static void test_deep(void)
{
  static const char *const units[] = { ">", "- ", "*a ", "[", "![", "{{#a}}" };
  for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
    g_autoptr(GString) markdown = g_string_new("# x\n\n");
    while (markdown->len < 20000) {
      g_string_append(markdown, units[i]);
    }
    g_autoptr(Report) report = report_new();
    g_autoptr(Draft) draft = content_draft(markdown->str, report);
    g_autoptr(Message) message = content_message(draft, report);
    g_assert_true(message == NULL || !report_failed(report));
  }
  g_autoptr(GString) quotes = g_string_new("# x\n\n");
  for (guint i = 0; i < 200; i++) {
    g_string_append(quotes, ">");
  }
  g_string_append(quotes, "a");
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = content_draft(quotes->str, report);
  g_autoptr(Message) message = content_message(draft, report);
  g_assert_null(message);
  content_assert_finding(report, FINDING_ERROR, 0, "nested more than 100 deep");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/markdown/marks", test_marks);
  g_test_add_func("/markdown/places", test_places);
  g_test_add_func("/markdown/sections", test_sections);
  g_test_add_func("/markdown/rows", test_rows);
  g_test_add_func("/markdown/lists", test_lists);
  g_test_add_func("/markdown/html", test_html);
  g_test_add_func("/markdown/html-mistakes", test_html_mistakes);
  g_test_add_func("/markdown/mistakes", test_mistakes);
  g_test_add_func("/markdown/warnings", test_warnings);
  g_test_add_func("/markdown/lines", test_lines);
  g_test_add_func("/markdown/no-html", test_no_html);
  g_test_add_func("/markdown/deep", test_deep);
  return g_test_run();
}
