/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "merged.h"

static const char UUID[] = "123e4567-e89b-42d3-a456-426614174000";
static const char *const nothing[] = { NULL };

static void test_plain(void)
{
  g_auto(Release) release = { .report = NULL };
  release_init(&release, "Press release\n\n## News *today*\n\nText.\n");
  message_bind(release.message, nothing);
  const MergeInput input = input_with(nothing);
  g_autoptr(GString) wire = merge_once(release.message, &input);
  assert_wire(wire);
  g_autoptr(GObject) parsed = merged_parse(wire);
  assert_header_names(parsed, "Date From To Subject Message-ID List-Id MIME-Version");
  assert_structure(parsed, "alternative(plain html)");
  g_assert_cmpstr(g_mime_message_get_subject((GMimeMessage *)parsed), ==, "News today");
  g_assert_cmpstr(g_mime_message_get_message_id((GMimeMessage *)parsed), ==, "42@example.org");
  g_assert_cmpint(g_date_time_to_unix(g_mime_message_get_date((GMimeMessage *)parsed)), ==,
                  1795342500);
  g_assert_nonnull(strstr(wire->str, "\r\nFrom: Press Office <press@example.org>\r\n"));
  g_assert_nonnull(strstr(wire->str, "\r\nTo: Ann Lee <ann@example.org>\r\n"));
  g_assert_nonnull(strstr(wire->str, "\r\nList-Id: press <press.example.org>\r\n"));
  g_autofree char *text = merged_text(parsed, "plain");
  g_assert_cmpstr(text, ==, "Press release\n\nNews today\n----------\n\nText.\n\n-- \n"
                  "You receive this because you are on the list «press».\n");
  g_autofree char *html = merged_text(parsed, "html");
  g_assert_nonnull(strstr(html, "<title>News today</title>"));
  g_assert_nonnull(strstr(html, "<html lang=\"en\" dir=\"ltr\">"));
  g_assert_nonnull(strstr(html, "<p>Text.</p>"));
  g_assert_nonnull(strstr(html, "on the list «press»."));
  g_assert_null(strstr(html, "<script"));
  g_assert_null(strstr(html, "url("));
  g_assert_null(strstr(html, "src="));
  g_assert_cmpstr(message_subject(release.message), ==, "News today");
  g_assert_cmpstr(message_from_address(release.message), ==, "press@example.org");
  g_assert_cmpuint(message_size(release.message), <, wire->len);
  g_assert_cmpuint(message_size(release.message) + 200, >, wire->len);
}

/* What a preview shows is what the parts hold. */

static void test_smtputf8(void)
{
  g_auto(Release) release = { .report = NULL };
  release_init(&release, "# A\n\nb\n");
  message_bind(release.message, nothing);
  MergeInput input = input_with(nothing);
  input.address = "zoë@example.org";
  input.name = "Zoë";
  g_autoptr(GString) wire = merge_once(release.message, &input);
  g_assert_nonnull(strstr(wire->str, "\r\nTo: =?UTF-8?Q?Zo=C3=AB?= <zoë@example.org>\r\n"));
}

/* --- Fields --- */

static void test_choices(void)
{
  static const char *const columns[] = { "First Name", "last-name", "n", NULL };
  static const struct {
    const char *first, *last, *n, *expected;
  } cases[] = {
    { "Ann", "Lee", "1", "Ann Ann yes" },
    { "", "Lee", "0", "friend Lee no" },
    { NULL, NULL, "false", "friend you all no" },
    { "", "", "", "friend you all no" },
  };
  g_auto(Release) release = { .report = NULL };
  release_init(&release, "---\nsubject: x\n---\n{{FIRST_NAME|friend}} {{first_name|Last Name|you "
               "all}} {{#n}}yes{{/n}}{{^N}}no{{/N}}\n");
  message_bind(release.message, columns);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    const char *const values[] = { cases[i].first, cases[i].last, cases[i].n };
    const MergeInput input = input_with(values);
    g_autofree char *text = message_render_text(release.message, &input);
    g_assert_true(g_str_has_prefix(text, cases[i].expected));
    g_assert_cmpint(text[strlen(cases[i].expected)], ==, '\n');
  }
}

static void test_fields(void)
{
  static const struct {
    const char *name;
    gboolean required;
    guint line;
    MessageFieldUse use;
  } expected[] = {
    { "topic", TRUE, 2, FIELD_USE_COLUMN },  { "a", TRUE, 4, FIELD_USE_COLUMN },
    { "b", FALSE, 4, FIELD_USE_COLUMN },     { "c", FALSE, 5, FIELD_USE_COLUMN },
    { "d", TRUE, 5, FIELD_USE_INSIDE },      { "e", FALSE, 6, FIELD_USE_COLUMN },
    { "f", TRUE, 6, FIELD_USE_COLUMN },      { "g", FALSE, 7, FIELD_USE_COLUMN },
    { "y", FALSE, 7, FIELD_USE_FALLBACK },
  };
  g_auto(Release) release = { .report = NULL };
  release_init(&release, "---\nsubject: \"{{topic}}\"\n---\n"
               "{{a}} {{b|x}}\n"
               "{{#c}}{{c}} {{d}}{{/c}}\n"
               "{{#E}}{{#x}}{{e}}{{/x}}{{/E}} {{^f}}{{f}}{{/f}}\n"
               "{{g|A|y}} {{TOPIC}}\n");
  const GPtrArray *fields = message_fields(release.message);
  guint next = 0;
  for (guint i = 0; i < fields->len; i++) {
    const MessageField *field = fields->pdata[i];
    if (g_ascii_strcasecmp(field->name, "x") == 0) {
      continue;
    }
    g_assert_cmpint(g_ascii_strcasecmp(field->name, expected[next].name), ==, 0);
    g_assert_cmpint(field->required, ==, expected[next].required);
    g_assert_cmpuint(field->line, ==, expected[next].line);
    g_assert_cmpint(field->use, ==, expected[next].use);
    g_assert_cmpstr(field->file, ==, "release.md");
    next++;
  }
  g_assert_cmpuint(next, ==, G_N_ELEMENTS(expected));
}

/* --- Subjects and embargoes --- */

static void test_subjects(void)
{
  static const char *const columns[] = { "v", NULL };
  static const char *const values[] = { "Zoë" };
  static const struct {
    const char *markdown, *subject, *source;
  } cases[] = {
    { "# One *two* `three`\n\nx", "One two three", "One two three" },
    { "x\n\n### [Link](https://a.org) **b**\n\n# Later\n", "Link b", "Link b" },
    { "Setext\ntitle\n===\n\nx", "Setext title", "Setext title" },
    { "# For {{v}} &amp; all\n\nx", "For Zoë & all", "For {{v}} & all" },
    { "#\n\n## Real\n\nx", "Real", "Real" },
    { "---\nsubject: \"Hi {{w|all}}\"\n---\n# No\n", "Hi all", "Hi {{w|all}}" },
    { "---\nsubject: \"{{#v}}A{{/v}}{{^v}}B{{/v}}\"\n---\n# No\n", "A", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Release) release = { .report = NULL };
    release_init(&release, cases[i].markdown);
    message_bind(release.message, columns);
    const MergeInput input = input_with(values);
    g_autoptr(GString) wire = merge_once(release.message, &input);
    g_autoptr(GObject) parsed = merged_parse(wire);
    g_assert_cmpstr(g_mime_message_get_subject((GMimeMessage *)parsed), ==, cases[i].subject);
    if (cases[i].source != NULL) {
      g_assert_cmpstr(message_subject(release.message), ==, cases[i].source);
    }
  }
}

static void test_embargo(void)
{
  static const char mark[] = "EMBARGOED until 23 November 2026, 12:00 (Asia/Jakarta)";
  static const char *const sources[] = { "subject: News", "language: en" };
  for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
    g_auto(Release) release = { .report = NULL };
    g_autofree char *markdown = g_strdup_printf(
        "---\n%s\nembargo: 2026-11-23 12:00 Asia/Jakarta\n---\n# News\n\nText\n", sources[i]);
    release_init(&release, markdown);
    message_bind(release.message, nothing);
    const MergeInput input = input_with(nothing);
    g_autoptr(GString) wire = merge_once(release.message, &input);
    assert_wire(wire);
    g_autoptr(GObject) parsed = merged_parse(wire);
    g_autofree char *subject = g_strconcat(mark, ": News", NULL);
    g_assert_cmpstr(g_mime_message_get_subject((GMimeMessage *)parsed), ==, subject);
    g_autofree char *text = merged_text(parsed, "plain"), *html = merged_text(parsed, "html");
    g_autofree char *bold = g_strconcat("<strong>", mark, "</strong>", NULL);
    g_assert_true(g_str_has_prefix(text, mark));
    g_assert_nonnull(strstr(html, bold));
    g_assert_true(strstr(html, bold) < strstr(html, "<h1>"));
  }
}

static void test_mistakes(void)
{
  static const struct {
    const char *markdown;
    guint line;
    const char *text;
  } cases[] = {
    { "No heading.\n", 0, "there is no subject" },
    { "# {{a\n\nb {{/c}}\n", 3, "closes a section that is not open" },
    { "# {{a\n\nb {{/c}}\n", 1, "not closed" },
    { "---\nsubject: \"{{#a}}\"\n---\nx\n", 2, "never closed" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(Report) report = report_new();
    g_autoptr(Draft) draft = content_draft(cases[i].markdown, report);
    g_autoptr(Message) message = content_message(draft, report);
    g_assert_null(message);
    content_assert_finding(report, FINDING_ERROR, cases[i].line, cases[i].text);
  }
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = content_draft("# a\n\nb\n", report);
  const MessageOptions options = { .uuid = UUID, .language = "en" };
  g_assert_null(message_compile(draft, &options, report));
  content_assert_finding(report, FINDING_ERROR, 0, "there is no sender");
}

static void test_languages(void)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = content_draft("# a\n\nb\n", report);
  const MessageOptions options = { .uuid = UUID, .from = "a@example.org", .language = "ar-EG" };
  g_autoptr(Message) message = message_compile(draft, &options, report);
  message_bind(message, nothing);
  const MergeInput input = input_with(nothing);
  g_autofree char *html = message_render_html(message, &input);
  g_assert_nonnull(strstr(html, "<html lang=\"ar-EG\" dir=\"rtl\">"));
  g_assert_null(strstr(html, "You receive this"));
  g_autoptr(GString) wire = merge_once(message, &input);
  g_assert_null(strstr(wire->str, "List-Id"));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_mime_init();
  g_test_add_func("/message/plain", test_plain);
  g_test_add_func("/message/smtputf8", test_smtputf8);
  g_test_add_func("/message/choices", test_choices);
  g_test_add_func("/message/fields", test_fields);
  g_test_add_func("/message/subjects", test_subjects);
  g_test_add_func("/message/embargo", test_embargo);
  g_test_add_func("/message/mistakes", test_mistakes);
  g_test_add_func("/message/languages", test_languages);
  return g_test_run();
}
