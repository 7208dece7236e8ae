/* SPDX-License-Identifier: Apache-2.0 */

/* Values from a list may hold anything. Wherever they stand in a message they must arrive as
 * they are, and must not become anything else. */

#include <string.h>

#include "base/limits.h"
#include "merged.h"

static void assert_previews(const Message *message, const MergeInput *input, GObject *parsed)
{
  g_autofree char *text = message_render_text(message, input);
  g_autofree char *html = message_render_html(message, input);
  g_autofree char *sent_text = merged_text(parsed, "plain");
  g_autofree char *sent_html = merged_text(parsed, "html");
  g_assert_cmpstr(text, ==, sent_text);
  g_assert_cmpstr(html, ==, sent_html);
}

static char *replace(const char *text, const char *what, const char *with)
{
  g_auto(GStrv) parts = g_strsplit(text, what, -1);
  return g_strjoinv(with, parts);
}

/* The value as text shall show it: line breaks as they are, controls as blanks. */
static char *as_text(const char *value)
{
  g_autofree char *breaks = replace(value, "\r\n", "\n");
  return g_strdelimit(g_steal_pointer(&breaks), "\t\x01\x1B\x7F", ' ');
}

static char *as_line(const char *value)
{
  return g_strdelimit(as_text(value), "\n", ' ');
}

static char *escape(const char *text)
{
  g_autofree char *markup = g_markup_escape_text(text, -1);
  return replace(markup, "&apos;", "&#39;");
}

static char *as_html(const char *value)
{
  g_autofree char *text = as_text(value);
  g_autofree char *escaped = escape(text);
  return replace(escaped, "\n", "<br>");
}

static char *as_attribute(const char *value)
{
  g_autofree char *line = as_line(value);
  return escape(line);
}

static char *as_url(const char *value)
{
  g_autofree char *line = as_line(value);
  return g_uri_escape_string(line, NULL, FALSE);
}

static char *as_subject(const char *value)
{
  g_autofree char *line = as_line(value);
  g_autofree char *left = replace(line, "\xE2\x80\xAE", "");
  return replace(left, "\xE2\x81\xA6", "");
}

static const char hostile_release[] =
    "---\nsubject: \"S {{v}} E\"\n---\n"
    "T1{{v}}T2\n\n"
    "[T3](https://a.org/{{v}}/x \"T4{{v}}T5\") [T6]({{v}})\n";

static void assert_hostile(const Message *message, Merge *merge, const char *value)
{
  const char *const values[] = { value };
  MergeInput input = input_with(values);
  input.name = value;
  message_merge(message, &input, merge);
  g_autoptr(GString) wire = merge_to_string(merge);
  assert_wire(wire);
  g_autoptr(GObject) parsed = merged_parse(wire);
  assert_header_names(parsed, "Date From To Subject Message-ID List-Id MIME-Version");
  assert_structure(parsed, "alternative(plain html)");

  g_autofree char *line = as_subject(value);
  g_autofree char *subject = g_strdup_printf("S %s E", line);
  g_assert_cmpstr(g_mime_message_get_subject((GMimeMessage *)parsed), ==, subject);
  g_autofree char *rendered = message_render_subject(message, &input);
  g_assert_cmpstr(rendered, ==, subject);
  InternetAddressList *to =
      g_mime_message_get_addresses((GMimeMessage *)parsed, GMIME_ADDRESS_TYPE_TO);
  g_assert_cmpint(internet_address_list_length(to), ==, 1);
  InternetAddress *recipient = internet_address_list_get_address(to, 0);
  g_assert_cmpstr(internet_address_mailbox_get_addr((InternetAddressMailbox *)recipient), ==,
                  "ann@example.org");
  g_assert_cmpstr(internet_address_get_name(recipient), ==, g_strstrip(line));

  g_autofree char *text = merged_text(parsed, "plain"), *html = merged_text(parsed, "html");
  g_autofree char *in_text = as_text(value), *in_html = as_html(value);
  g_autofree char *in_attribute = as_attribute(value), *in_url = as_url(value);
  g_autofree char *flow = g_strdup_printf("T1%sT2\n\nT3 [1] T6 [2]\n\n[1] https://a.org/%s/x\n"
                                          "[2] #\n", in_text, in_url);
  g_assert_true(g_str_has_prefix(text, flow));
  g_autofree char *body = g_strdup_printf("<p>T1%sT2</p>\n<p><a href=\"https://a.org/%s/x\" "
                                          "title=\"T4%sT5\">T3</a> <a href=\"#\">T6</a></p>",
                                          in_html, in_url, in_attribute);
  g_assert_nonnull(strstr(html, body));
  assert_previews(message, &input, parsed);
}

static void test_hostile_values(void)
{
  static const char *const hostile[] = {
    "Ann", "<script>alert(1)</script>", "\"", "\" onload=\"x", "'", "&amp;", "]]>", "-->",
    "a\r\nBcc: x@example.org", "a\nb\n\nc", "=?utf-8?q?x?=", "=?UTF-8?B?w6Q=?=", ".", "..", ".\r\n",
    "a\r\n.\r\nMAIL FROM:<x@y>", "From me", "=", "=3D", "=\r\n", "a\tb\x01\x1B\x7F", "Zoë Müller",
    "שלום \u202Eabc\u2066", "日本語", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",
    "{{v}}", "{{#v}}", "q0123456789abcdefn1z", "%00%0d%0a", "javascript:alert(1)", "\\", "a, b; c:",
    "(comment)", "<x@y>", "--=_123e4567-e89b-42d3-a456-426614174000-a--", "trailing.",
  };
  g_auto(Release) release = { .report = NULL };
  g_autoptr(Merge) merge = merge_new();
  static const char *const columns[] = { "v", NULL };
  release_init(&release, hostile_release);
  message_bind(release.message, columns);
  for (guint i = 0; i < G_N_ELEMENTS(hostile); i++) {
    g_test_message("value %u", i);
    assert_hostile(release.message, merge, hostile[i]);
  }
}

static void test_long_values(void)
{
  static const char *const units[] = { "x", "word ", "ä", "<", "日", "." };
  g_auto(Release) release = { .report = NULL };
  g_autoptr(Merge) merge = merge_new();
  static const char *const columns[] = { "v", NULL };
  release_init(&release, hostile_release);
  message_bind(release.message, columns);
  for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
    g_autoptr(GString) value = g_string_new(NULL);
    while (value->len + 20 < LIMIT_HEADER_VALUE) {
      g_string_append(value, units[i]);
    }
    g_string_append_c(value, '!');
    assert_hostile(release.message, merge, value->str);
  }
}

/* Beyond the cap a header's value ends with an ellipsis, the body has it all. */
static void test_capped_values(void)
{
  g_auto(Release) release = { .report = NULL };
  static const char *const columns[] = { "v", NULL };
  release_init(&release, hostile_release);
  message_bind(release.message, columns);
  g_autoptr(GString) value = g_string_new(NULL);
  while (value->len < 60000) {
    g_string_append(value, "日");
  }
  const char *const values[] = { value->str };
  MergeInput input = input_with(values);
  input.name = value->str;
  g_autoptr(GString) wire = merge_once(release.message, &input);
  assert_wire(wire);
  g_autoptr(GObject) parsed = merged_parse(wire);
  const char *subject = g_mime_message_get_subject((GMimeMessage *)parsed);
  g_assert_cmpuint(strlen(subject), <=, LIMIT_HEADER_VALUE + strlen("…"));
  g_assert_true(g_str_has_suffix(subject, "日…"));
  g_autofree char *text = merged_text(parsed, "plain");
  g_assert_nonnull(strstr(text, value->str));
}

static void test_invalid_utf8(void)
{
  g_auto(Release) release = { .report = NULL };
  static const char *const columns[] = { "v", NULL };
  static const char *const values[] = { "a\xFF\xC3(\xF0\x9F" };
  release_init(&release, hostile_release);
  message_bind(release.message, columns);
  MergeInput input = input_with(values);
  input.name = values[0];
  g_autoptr(GString) wire = merge_once(release.message, &input);
  assert_wire(wire);
  g_autoptr(GObject) parsed = merged_parse(wire);
  g_autofree char *text = merged_text(parsed, "plain");
  g_assert_true(g_utf8_validate(text, -1, NULL));
}

/* Every other place of Markdown that a value can stand in. */
static const char places_release[] =
    "---\nsubject: x\n---\n"
    "# H{{v}}H\n\n- I{{v}}I\n\n> Q{{v}}Q\n\n`C{{v}}C`\n\n```\nP{{v}}P\n```\n\n"
    "| A |\n|---|\n{{#s}}\n| T{{.}}T |\n{{/s}}\n\n{{> part}}\n\n"
    "<b title=\"B{{v}}B\">x</b>\n\n[m](mailto:m{{v}}m)\n";

static void assert_place(const char *html, const char *before, const char *value,
                         const char *after)
{
  g_autofree char *expected = g_strconcat(before, value, after, NULL);
  g_test_message("%s", expected);
  g_assert_nonnull(strstr(html, expected));
}

static Message *places_message(Report *report)
{
  char *folder = content_folder();
  g_autofree char *path = g_build_filename(folder, "drop", NULL);
  content_write(path, "release.md", places_release, -1);
  content_write(path, "partials/part.md", "R{{v}}R", -1);
  g_autoptr(Draft) draft = draft_read(path, 1 << 20, report);
  content_pass_html(TRUE);
  Message *message = content_message(draft, report);
  content_pass_html(FALSE);
  content_remove(folder);
  return message;
}

static void test_places(void)
{
  static const char *const columns[] = { "v", "s", NULL };
  static const char *const hostile[] = {
    "Ann", "</script><script>", "\"><b onload='x'>", "a\r\nBcc: x@example.org\r\n\r\nb", "{{v}}",
    "\u202Eabc", "|a|", "`*_[x](y)", "[1, 2]", "{\"v\": \"<b>\"}", "&lt;", "%0d%0a?bcc=x",
  };
  g_autoptr(Report) report = report_new();
  g_autoptr(Message) message = places_message(report);
  g_autofree char *findings = report_to_text(report);
  g_assert_cmpstr(findings, ==, "");
  message_bind(message, columns);
  for (guint i = 0; i < G_N_ELEMENTS(hostile); i++) {
    const char *const values[] = { hostile[i], hostile[i] };
    const MergeInput input = input_with(values);
    g_autoptr(GString) wire = merge_once(message, &input);
    assert_wire(wire);
    g_autoptr(GObject) parsed = merged_parse(wire);
    g_autofree char *html = merged_text(parsed, "html"), *flow = as_html(hostile[i]);
    g_autofree char *line = as_attribute(hostile[i]), *plain = as_line(hostile[i]);
    g_autofree char *mailbox = g_uri_escape_string(plain, "@", FALSE);
    assert_place(html, "<h1>H", flow, "H</h1>");
    assert_place(html, "<li>I", flow, "I</li>");
    assert_place(html, "<p>Q", flow, "Q</p>");
    assert_place(html, "<code>C", flow, "C</code>");
    assert_place(html, "<code>P", flow, "P\n</code>");
    assert_place(html, "<p>R", flow, "R</p>");
    assert_place(html, "title=\"B", line, "B\"");
    assert_place(html, "\"mailto:m", mailbox, "m\"");
    if (*hostile[i] != '[' && *hostile[i] != '{') {
      assert_place(html, "<td>T", flow, "T</td>");
    }
  }
}

/* What a cell holds in JSON is as hostile as the cell. */
static void test_nested_values(void)
{
  static const char *const columns[] = { "v", NULL };
  static const char *const values[] = {
    "[{\"n\": \"<b>\\r\\nBcc: x\", \"u\": \"javascript:x\"}, "
    "{\"n\": \"\\u202E\\u0000x\", \"u\": 1}]",
  };
  g_auto(Release) release = { .report = NULL };
  release_init(&release, "---\nsubject: \"{{#v}}{{n}};{{/v}}\"\n---\n"
               "{{#v}}[{{n}}]({{u}}) {{/v}}\n");
  message_bind(release.message, columns);
  const MergeInput input = input_with(values);
  g_autoptr(GString) wire = merge_once(release.message, &input);
  assert_wire(wire);
  g_autoptr(GObject) parsed = merged_parse(wire);
  g_assert_true(g_str_has_prefix(g_mime_message_get_subject((GMimeMessage *)parsed),
                                 "<b> Bcc: x;"));
  g_autofree char *html = merged_text(parsed, "html");
  g_assert_nonnull(strstr(html, "<a href=\"#\">&lt;b&gt;<br>Bcc: x</a>"));
}

/* Cells that only look like JSON, and such as nest too deep, are texts. */
static void test_no_json(void)
{
  static const char *const columns[] = { "v", NULL };
  g_auto(Release) release = { .report = NULL };
  release_init(&release, "---\nsubject: x\n---\n{{#v}}({{.}}){{/v}}{{v.a}}\n");
  message_bind(release.message, columns);
  g_autofree char *deep = g_strnfill(60000, '[');
  const char *const cells[] = { "[name]", "{", "{}x", "[1, 2", deep };
  for (guint i = 0; i < G_N_ELEMENTS(cells); i++) {
    const MergeInput input = input_with(&cells[i]);
    g_autofree char *text = message_render_text(release.message, &input);
    g_autofree char *expected = g_strdup_printf("(%s)\n", cells[i]);
    g_assert_true(g_str_has_prefix(text, expected));
  }
}

/* A Merge that was used before gives the same bytes as a new one. */
static void test_reuse(void)
{
  static const char *const columns[] = { "v", NULL };
  static const char *const some[] = { "short", "", NULL, "ä", "<b>", "short" };
  g_auto(Release) release = { .report = NULL };
  g_autoptr(Merge) merge = merge_new();
  g_autofree char *large = g_strnfill(50000, 'w');
  release_init(&release, hostile_release);
  message_bind(release.message, columns);
  for (guint i = 0; i <= G_N_ELEMENTS(some) * 2; i++) {
    const char *const values[] = { i % 3 == 2 ? large : some[i % G_N_ELEMENTS(some)] };
    const MergeInput input = input_with(values);
    message_merge(release.message, &input, merge);
    g_autoptr(GString) reused = merge_to_string(merge);
    g_autoptr(GString) fresh = merge_once(release.message, &input);
    g_assert_cmpstr(reused->str, ==, fresh->str);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_mime_init();
  g_test_add_func("/values/hostile-values", test_hostile_values);
  g_test_add_func("/values/long-values", test_long_values);
  g_test_add_func("/values/capped-values", test_capped_values);
  g_test_add_func("/values/invalid-utf8", test_invalid_utf8);
  g_test_add_func("/values/places", test_places);
  g_test_add_func("/values/nested-values", test_nested_values);
  g_test_add_func("/values/no-json", test_no_json);
  g_test_add_func("/values/reuse", test_reuse);
  return g_test_run();
}
