/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "content.h"
#include "content/frontmatter.h"

typedef struct {
  FrontMatter front;
  const char *body;
  guint line;
  Report *report;
} Reading;

static void reading_clear(Reading *reading)
{
  front_matter_clear(&reading->front);
  report_free(reading->report);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

static void read_front(Reading *reading, const char *text)
{
  *reading = (Reading){ .report = report_new() };
  front_matter_read(text, "a.md", &reading->front, &reading->body, &reading->line,
                    reading->report);
}

static void assert_no_findings(const Reading *reading)
{
  g_autofree char *findings = report_to_text(reading->report);
  g_assert_cmpstr(findings, ==, "");
}

static void test_none(void)
{
  static const char *const texts[] = { "", "Text\n", "# Title\n---\n", "----\nx", "--\nx",
                                       "a\n---\nsubject: b\n---\n" };
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_auto(Reading) reading = { .report = NULL };
    read_front(&reading, texts[i]);
    assert_no_findings(&reading);
    g_assert_cmpstr(reading.body, ==, texts[i]);
    g_assert_cmpuint(reading.line, ==, 1);
    g_assert_null(reading.front.subject);
  }
}

static void test_empty(void)
{
  static const char *const texts[] = { "---\n---\nText", "--- \n---\t\nText",
                                       "---\n# nothing\n---\nText", "---\n...\nText" };
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_auto(Reading) reading = { .report = NULL };
    read_front(&reading, texts[i]);
    assert_no_findings(&reading);
    g_assert_cmpstr(reading.body, ==, "Text");
  }
}

static void test_all_keys(void)
{
  g_auto(Reading) reading = { .report = NULL };
  read_front(&reading,
             "\n---\n"
             "subject: \"EU and Indonesia: {{topic}}\"\n"
             "from: ESIWA Press <press@example.org>\n"
             "reply-to: media@example.org\n"
             "list: [press, embassies]   # two\n"
             "send-at: 2026-11-23 09:00 Europe/Brussels\n"
             "embargo: 2026-11-23 12:00 Asia/Jakarta\n"
             "not-after: 2026-11-24T18:00:00Z\n"
             "language: pt-BR\n"
             "missing: skip\n"
             "resend: true\n"
             "---\n"
             "Text\n");
  assert_no_findings(&reading);
  const FrontMatter *front = &reading.front;
  g_assert_cmpstr(front->subject, ==, "EU and Indonesia: {{topic}}");
  g_assert_cmpuint(front->subject_line, ==, 3);
  g_assert_cmpstr(front->from, ==, "ESIWA Press <press@example.org>");
  g_assert_cmpstr(front->reply_to, ==, "media@example.org");
  g_assert_cmpstr(front->lists[0], ==, "press");
  g_assert_cmpstr(front->lists[1], ==, "embassies");
  g_assert_null(front->lists[2]);
  g_assert_cmpint(front->send_at_ms, ==, G_GINT64_CONSTANT(1795420800000));
  g_assert_cmpint(front->embargo_ms, ==, G_GINT64_CONSTANT(1795410000000));
  g_assert_cmpstr(front->embargo_text, ==, "23 November 2026, 12:00 (Asia/Jakarta)");
  g_assert_cmpint(front->not_after_ms, ==, G_GINT64_CONSTANT(1795543200000));
  g_assert_cmpstr(front->language, ==, "pt-BR");
  g_assert_true(front->has_missing);
  g_assert_cmpint(front->missing, ==, MISSING_SKIP);
  g_assert_true(front->resend);
  g_assert_cmpstr(reading.body, ==, "Text\n");
  g_assert_cmpuint(reading.line, ==, 14);
}

static void test_one_list(void)
{
  g_auto(Reading) reading = { .report = NULL };
  read_front(&reading, "---\nlist:\n  - a\n  - b\n  - a\n---\nx");
  g_assert_cmpuint(g_strv_length(reading.front.lists), ==, 2);
  content_assert_finding(reading.report, FINDING_WARNING, 5, "\"a\" is named twice");
  g_auto(Reading) second = { .report = NULL };
  read_front(&second, "---\nlist: press\n---\nx");
  assert_no_findings(&second);
  g_assert_cmpstr(second.front.lists[0], ==, "press");
}

static void test_embargo_zones(void)
{
  static const struct {
    const char *value, *text;
  } cases[] = {
    { "2026-11-23 12:00 Z", "23 November 2026, 12:00 (UTC)" },
    { "2026-03-01 08:05 +07:00", "1 March 2026, 08:05 (UTC+07:00)" },
    { "2026-06-30 23:59 America/New_York", "30 June 2026, 23:59 (America/New_York)" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("---\nembargo: %s\n---\nx", cases[i].value);
    g_auto(Reading) reading = { .report = NULL };
    read_front(&reading, text);
    assert_no_findings(&reading);
    g_assert_cmpstr(reading.front.embargo_text, ==, cases[i].text);
  }
}

static void test_mistakes(void)
{
  static const struct {
    const char *yaml;
    guint line;
    const char *text;
  } cases[] = {
    { "subjcet: a\n", 2, "unknown key \"subjcet\" (did you mean \"subject\"?)" },
    { "a: b\nembrago: c\n", 3, "did you mean \"embargo\"?" },
    { "zzzzzzzzz: c\n", 2, "known are: subject, from" },
    { "Subject: c\n", 2, "did you mean \"subject\"?" },
    { "attach: a.pdf\n", 2,
      "\"attach\" is not supported by this version; the release was not taken" },
    { "attach: [a]\n", 2, "\"attach\" is not supported" },
    { "notify: a\n", 2, "\"notify\" is not supported" },
    { "priority: 1\n", 2, "priority: \"1\" is neither normal nor urgent" },
    { "test: x\n", 2, "\"test\" is not supported" },
    { "test: x\n", 2, "\"test\" is not supported" },
    { "subject: a\nfrom: b@example.org\nsubject: c\n", 4, "was given in line 2 already" },
    { "subject:\n", 2, "there is no value" },
    { "subject: \"\"\n", 2, "there is no value" },
    { "subject: [a, b]\n", 2, "this is a list" },
    { "subject: {{topic}}\n", 2, "must stand in quotes" },
    { "\nsubject: {{topic}} news\n", 3, "must stand in quotes" },
    { "subject: EU: news\n", 2, "that holds \": \" must stand in quotes" },
    { "subject: \"a\\nBcc: x@example.org\"\n", 2, "control character" },
    { "subject: \"a\\0b\"\n", 2, "control character" },
    { "subject: |\n  a\n  b\n", 2, "control character" },
    { "from: \"a\\r\\nb <a@example.org>\"\n", 2, "control character" },
    { "from: nobody\n", 2, "from: " },
    { "reply-to: a@\n", 2, "reply-to: " },
    { "send-at: tomorrow\n", 2, "send-at: " },
    { "embargo: 2026-02-30 10:00 Z\n", 2, "embargo: " },
    { "send-at: 2026-11-23 09:00 Z\nnot-after: 2026-11-23 08:00 Z\n", 2, "not later than send-at" },
    { "language: english please\n", 2, "no language tag" },
    { "missing: ignore\n", 2, "not one of refuse, skip and blank" },
    { "resend: perhaps\n", 2, "neither true nor false" },
    { "subject: \"open\n", 2, "cannot be read as YAML" },
    { "subject: a\n\tb: c\n", 3, "cannot be read as YAML" },
    { "just words\n", 2, "lines such as" },
    { "- a\n", 2, "lines such as" },
    { "? [a]\n: b\n", 2, "a key is one word" },
    { "list: [[a]]\n", 2, "this is a list" },
    { "list: {a: b}\n", 2, "must stand in quotes" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("---\n%s---\nText", cases[i].yaml);
    g_auto(Reading) reading = { .report = NULL };
    read_front(&reading, text);
    content_assert_finding(reading.report, FINDING_ERROR, 0, cases[i].text);
    content_assert_finding(reading.report, FINDING_ERROR, cases[i].line, "");
    g_assert_cmpstr(reading.body, ==, "Text");
  }
}

static void test_all_mistakes(void)
{
  g_auto(Reading) reading = { .report = NULL };
  read_front(&reading, "---\nsubjct: a\nfrom: b\nattach: c\nmissing: d\n---\nText");
  g_assert_cmpuint(report_count(reading.report, FINDING_ERROR), ==, 4);
}

static void test_never_ends(void)
{
  static const char *const texts[] = { "---", "---\nsubject: a\n", "\n\n---\n# Rule\n" };
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_auto(Reading) reading = { .report = NULL };
    read_front(&reading, texts[i]);
    content_assert_finding(reading.report, FINDING_ERROR, i == 2 ? 3 : 1, "never ends");
  }
}

static void test_many_keys(void)
{
  g_autoptr(GString) text = g_string_new("---\n");
  for (guint i = 0; i < 200; i++) {
    g_string_append_printf(text, "k%u: v\n", i);
  }
  g_string_append(text, "---\nText");
  g_auto(Reading) reading = { .report = NULL };
  read_front(&reading, text->str);
  content_assert_finding(reading.report, FINDING_ERROR, 2, "more than 100 keys");
}

/* Aliases that stand for aliases must not be multiplied out. */
static void test_aliases(void)
{
  g_autoptr(GString) text = g_string_new("---\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
  for (guint i = 1; i < 30; i++) {
    g_string_append_printf(text, "a%u: &a%u [*a%u, *a%u, *a%u, *a%u]\n", i, i, i - 1, i - 1, i - 1,
                           i - 1);
  }
  g_string_append(text, "list: *a29\n---\nText");
  g_auto(Reading) reading = { .report = NULL };
  read_front(&reading, text->str);
  g_assert_true(report_failed(reading.report));
}

/* Brackets within brackets, for which the parser of YAML would take hours. */
static void test_brackets(void)
{
  g_autofree char *brackets = g_strnfill(1 << 20, '[');
  g_autofree char *text = g_strconcat("---\nlist: ", brackets, "\n---\nText", NULL);
  g_auto(Reading) reading = { .report = NULL };
  read_front(&reading, text);
  content_assert_finding(reading.report, FINDING_ERROR, 1, "more than 16384 bytes");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/frontmatter/none", test_none);
  g_test_add_func("/frontmatter/empty", test_empty);
  g_test_add_func("/frontmatter/all-keys", test_all_keys);
  g_test_add_func("/frontmatter/one-list", test_one_list);
  g_test_add_func("/frontmatter/embargo-zones", test_embargo_zones);
  g_test_add_func("/frontmatter/mistakes", test_mistakes);
  g_test_add_func("/frontmatter/all-mistakes", test_all_mistakes);
  g_test_add_func("/frontmatter/never-ends", test_never_ends);
  g_test_add_func("/frontmatter/many-keys", test_many_keys);
  g_test_add_func("/frontmatter/aliases", test_aliases);
  g_test_add_func("/frontmatter/brackets", test_brackets);
  return g_test_run();
}
