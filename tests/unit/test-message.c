/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <gmime/gmime.h>
#include <string.h>

#include "base/limits.h"
#include "content.h"

static const char UUID[] = "123e4567-e89b-42d3-a456-426614174000";

/* --- Parsing what was merged --- */

static GObject *parse(const GString *wire)
{
  g_autoptr(GObject) stream =
      (GObject *)g_mime_stream_mem_new_with_buffer(wire->str, wire->len);
  g_autoptr(GObject) parser =
      (GObject *)g_mime_parser_new_with_stream((GMimeStream *)stream);
  GMimeMessage *message = g_mime_parser_construct_message((GMimeParser *)parser, NULL);
  g_assert_nonnull(message);
  return (GObject *)message;
}

/* The content of the index-th leaf of this type. Caller frees. */
static GByteArray *leaf(GObject *message, const char *type, const char *subtype, guint index)
{
  GByteArray *found = NULL;
  GMimePartIter *iter = g_mime_part_iter_new((GMimeObject *)message);
  do {
    GMimeObject *part = g_mime_part_iter_get_current(iter);
    if (!GMIME_IS_PART(part) ||
        !g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype) ||
        index-- > 0) {
      continue;
    }
    g_autoptr(GObject) stream = (GObject *)g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content((GMimePart *)part),
                                        (GMimeStream *)stream);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array((GMimeStreamMem *)stream);
    found = g_byte_array_sized_new(bytes->len);
    g_byte_array_append(found, bytes->data, bytes->len);
    break;
  } while (g_mime_part_iter_next(iter));
  g_mime_part_iter_free(iter);
  g_assert_nonnull(found);
  return found;
}

/* A text part with LF. */
static char *leaf_text(GObject *message, const char *subtype)
{
  g_autoptr(GByteArray) bytes = leaf(message, "text", subtype, 0);
  g_autofree char *text = g_strndup((const char *)bytes->data, bytes->len);
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  return g_strjoinv("\n", lines);
}

/* "mixed(related(alternative(plain html) png) pdf)" */
static void append_structure(GString *out, GMimeObject *part)
{
  g_string_append(out, g_mime_content_type_get_media_subtype(g_mime_object_get_content_type(part)));
  if (GMIME_IS_MULTIPART(part)) {
    const int count = g_mime_multipart_get_count((GMimeMultipart *)part);
    for (int i = 0; i < count; i++) {
      g_string_append(out, i == 0 ? "(" : " ");
      append_structure(out, g_mime_multipart_get_part((GMimeMultipart *)part, i));
    }
    g_string_append_c(out, ')');
  }
}

static void assert_structure(GObject *message, const char *expected)
{
  g_autoptr(GString) structure = g_string_new(NULL);
  append_structure(structure, g_mime_message_get_mime_part((GMimeMessage *)message));
  g_assert_cmpstr(structure->str, ==, expected);
}

/* "Date From To …", in order; Content-Type counts as a part's. */
static void assert_header_names(GObject *message, const char *expected)
{
  g_autoptr(GString) names = g_string_new(NULL);
  GMimeHeaderList *list = g_mime_object_get_header_list((GMimeObject *)message);
  for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
    g_string_append_printf(names, "%s%s", i > 0 ? " " : "",
                           g_mime_header_get_name(g_mime_header_list_get_header_at(list, i)));
  }
  g_assert_cmpstr(names->str, ==, expected);
}

/* Nothing has to be dot-stuffed, folded or converted on the way. */
static void assert_wire(const GString *wire)
{
  g_assert_cmpuint(strlen(wire->str), ==, wire->len);
  g_assert_true(g_str_has_suffix(wire->str, "\r\n"));
  g_auto(GStrv) lines = g_strsplit(wire->str, "\r\n", -1);
  gboolean in_body = FALSE;
  for (char **line = lines; *line != NULL; line++) {
    in_body = in_body || **line == '\0';
    g_assert_cmpuint(strlen(*line), <=, in_body ? 76 : 78);
    g_assert_cmpint(**line, !=, '.');
    g_assert_false(g_str_has_prefix(*line, "From "));
    for (const char *at = *line; *at != '\0'; at++) {
      g_assert_true(*at >= ' ' && *at <= '~');
    }
  }
}

/* --- Merging --- */

typedef struct {
  Report *report;
  Draft *draft;
  Message *message;
} Release;

static void release_init(Release *release, const char *markdown)
{
  *release = (Release){ .report = report_new() };
  release->draft = content_draft(markdown, release->report);
  release->message = content_message(release->draft, release->report);
  g_autofree char *findings = report_to_text(release->report);
  g_test_message("%s", findings);
  g_assert_nonnull(release->message);
}

static void release_clear(Release *release)
{
  report_free(release->report);
  draft_free(release->draft);
  message_free(release->message);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Release, release_clear)

static MergeInput input_with(const char *const *values)
{
  return (MergeInput){ .values = values, .address = "ann@example.org", .name = "Ann Lee",
                       .message_id = "42@example.org",
                       .date_ms = G_GINT64_CONSTANT(1795342500000) };
}

static GString *merge_once(const Message *message, const MergeInput *input)
{
  g_autoptr(Merge) merge = merge_new();
  message_merge(message, input, merge);
  GString *wire = merge_to_string(merge);
  g_assert_cmpuint(wire->len, ==, merge_size(merge));
  return wire;
}

static const char *const nothing[] = { NULL };

static void test_plain(void)
{
  g_auto(Release) release = { .report = NULL };
  release_init(&release, "Press release\n\n## News *today*\n\nText.\n");
  message_bind(release.message, nothing);
  const MergeInput input = input_with(nothing);
  g_autoptr(GString) wire = merge_once(release.message, &input);
  assert_wire(wire);
  g_autoptr(GObject) parsed = parse(wire);
  assert_header_names(parsed, "Date From To Subject Message-ID List-Id MIME-Version");
  assert_structure(parsed, "alternative(plain html)");
  g_assert_cmpstr(g_mime_message_get_subject((GMimeMessage *)parsed), ==, "News today");
  g_assert_cmpstr(g_mime_message_get_message_id((GMimeMessage *)parsed), ==, "42@example.org");
  g_assert_cmpint(g_date_time_to_unix(g_mime_message_get_date((GMimeMessage *)parsed)), ==,
                  1795342500);
  g_assert_nonnull(strstr(wire->str, "\r\nFrom: Press Office <press@example.org>\r\n"));
  g_assert_nonnull(strstr(wire->str, "\r\nTo: Ann Lee <ann@example.org>\r\n"));
  g_assert_nonnull(strstr(wire->str, "\r\nList-Id: press <press.example.org>\r\n"));
  g_autofree char *text = leaf_text(parsed, "plain");
  g_assert_cmpstr(text, ==, "Press release\n\nNews today\n----------\n\nText.\n\n-- \n"
                  "You receive this because you are on the list «press».\n");
  g_autofree char *html = leaf_text(parsed, "html");
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
static void assert_previews(const Message *message, const MergeInput *input, GObject *parsed)
{
  g_autofree char *text = message_render_text(message, input);
  g_autofree char *html = message_render_html(message, input);
  g_autofree char *sent_text = leaf_text(parsed, "plain");
  g_autofree char *sent_html = leaf_text(parsed, "html");
  g_assert_cmpstr(text, ==, sent_text);
  g_assert_cmpstr(html, ==, sent_html);
}

/* --- Hostile values --- */

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
  g_autoptr(GObject) parsed = parse(wire);
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

  g_autofree char *text = leaf_text(parsed, "plain"), *html = leaf_text(parsed, "html");
  g_autofree char *in_text = as_text(value), *in_html = as_html(value);
  g_autofree char *in_attribute = as_attribute(value), *in_url = as_url(value);
  g_autofree char *flow = g_strdup_printf("T1%sT2\n\nT3 [1] T6 [2]\n\n[1] https://a.org/%s/x\n[2] #\n",
                                          in_text, in_url);
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
  g_autoptr(GObject) parsed = parse(wire);
  const char *subject = g_mime_message_get_subject((GMimeMessage *)parsed);
  g_assert_cmpuint(strlen(subject), <=, LIMIT_HEADER_VALUE + strlen("…"));
  g_assert_true(g_str_has_suffix(subject, "日…"));
  g_autofree char *text = leaf_text(parsed, "plain");
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
  g_autoptr(GObject) parsed = parse(wire);
  g_autofree char *text = leaf_text(parsed, "plain");
  g_assert_true(g_utf8_validate(text, -1, NULL));
}

/* A local part beyond ASCII is the only thing that may leave ASCII. */
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

static void test_fields(void)
{
  static const struct {
    const char *name;
    gboolean required;
    guint line;
  } expected[] = {
    { "topic", TRUE, 2 },  { "a", TRUE, 4 },      { "b", FALSE, 4 },  { "c", FALSE, 5 },
    { "d", TRUE, 5 },      { "e", FALSE, 6 },     { "f", TRUE, 6 },   { "g", FALSE, 7 },
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
    g_autoptr(GObject) parsed = parse(wire);
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
    g_autoptr(GObject) parsed = parse(wire);
    g_autofree char *subject = g_strconcat(mark, ": News", NULL);
    g_assert_cmpstr(g_mime_message_get_subject((GMimeMessage *)parsed), ==, subject);
    g_autofree char *text = leaf_text(parsed, "plain"), *html = leaf_text(parsed, "html");
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

/* --- Files --- */

typedef struct {
  char *folder;
  Report *report;
  Draft *draft;
  GByteArray *random;
} Bundle;

static void bundle_init(Bundle *bundle, const char *text)
{
  *bundle = (Bundle){ .folder = content_folder(), .report = report_new(),
                      .random = g_byte_array_new() };
  for (guint i = 0; i < 100000; i++) {
    const guint8 byte = (guint8)g_test_rand_int_range(0, 256);
    g_byte_array_append(bundle->random, &byte, 1);
  }
  content_write(bundle->folder, "j/release.md", text, -1);
  content_write(bundle->folder, "j/photo 1.png", (const char *)bundle->random->data, 58);
  content_write(bundle->folder, "j/attachments/Übersicht \"Q1\".pdf",
                (const char *)bundle->random->data, (gssize)bundle->random->len);
  content_write(bundle->folder, "j/attachments/mail.eml", "From: a\r\n", -1);
  content_write(bundle->folder, "j/attachments/none.txt", "", 0);
  g_autofree char *path = g_build_filename(bundle->folder, "j", NULL);
  bundle->draft = draft_read(path, 1 << 20, bundle->report);
}

static void bundle_clear(Bundle *bundle)
{
  content_remove(bundle->folder);
  report_free(bundle->report);
  draft_free(bundle->draft);
  g_byte_array_unref(bundle->random);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bundle, bundle_clear)

static Message *bundle_compile(Bundle *bundle, const char *workspace)
{
  const MessageOptions options = { .uuid = UUID, .from = "Press <press@example.org>",
                                   .language = "en", .workspace = workspace };
  return message_compile(bundle->draft, &options, bundle->report);
}

static void assert_bytes(GObject *parsed, const char *type, const char *subtype,
                         const GByteArray *expected, guint length)
{
  g_autoptr(GByteArray) bytes = leaf(parsed, type, subtype, 0);
  g_assert_cmpuint(bytes->len, ==, length);
  g_assert_true(memcmp(bytes->data, expected->data, length) == 0);
}

static void test_files(void)
{
  g_auto(Bundle) bundle = { .folder = NULL };
  bundle_init(&bundle, "# News\n\n![A photo](photo%201.png) again ![b](<./photo 1.png>)\n");
  g_autoptr(Message) message = bundle_compile(&bundle, NULL);
  g_assert_nonnull(message);
  content_assert_finding(bundle.report, FINDING_WARNING, 0, "is empty");
  message_bind(message, nothing);
  const MergeInput input = input_with(nothing);
  g_autoptr(GString) wire = merge_once(message, &input);
  assert_wire(wire);
  g_autoptr(GObject) parsed = parse(wire);
  assert_structure(parsed, "mixed(related(alternative(plain html) png) octet-stream plain pdf)");
  assert_bytes(parsed, "image", "png", bundle.random, 58);
  assert_bytes(parsed, "application", "pdf", bundle.random, bundle.random->len);
  g_autofree char *html = leaf_text(parsed, "html");
  g_assert_nonnull(strstr(html, "<img src=\"cid:123e4567-e89b-42d3-a456-426614174000.0@example.org"
                                "\" alt=\"A photo\" />"));
  g_assert_nonnull(strstr(wire->str, "\r\nContent-ID: <123e4567-e89b-42d3-a456-426614174000.0@"
                                     "example.org>\r\n"));
  g_assert_nonnull(strstr(wire->str, "filename*=UTF-8''%C3%9Cbersicht%20%22Q1%22.pdf"));
  g_assert_nonnull(strstr(wire->str, "attachment;\r\n filename=\"mail.eml\""));
}

static void test_unused_files(void)
{
  g_auto(Bundle) bundle = { .folder = NULL };
  bundle_init(&bundle, "# News\n\n{{#a}}![x](attachments/none.txt){{/a}}\n");
  g_assert_null(bundle_compile(&bundle, NULL));
  content_assert_finding(bundle.report, FINDING_ERROR, 3, "is no picture that mail programs show");
  content_assert_finding(bundle.report, FINDING_WARNING, 0, "neither shown in the text nor");

  g_auto(Bundle) in_section = { .folder = NULL };
  bundle_init(&in_section, "# News\n\n{{#a}}![x](photo%201.png){{/a}}\n");
  g_autoptr(Message) message = bundle_compile(&in_section, NULL);
  g_assert_nonnull(message);
  content_assert_finding(in_section.report, FINDING_WARNING, 3, "goes to every recipient");
}

static gint64 inode_of(const char *path)
{
  GStatBuf status;
  g_assert_cmpint(g_stat(path, &status), ==, 0);
  return (gint64)status.st_ino;
}

/* Encoded once, kept, and made anew only where it is not what it ought to be. */
static void test_workspace(void)
{
  g_auto(Bundle) bundle = { .folder = NULL };
  bundle_init(&bundle, "# News\n\n![A photo](photo%201.png)\n");
  g_autofree char *path = g_build_filename(bundle.folder, "attachments.mime", NULL);
  const MergeInput input = input_with(nothing);
  g_autoptr(GString) first = NULL;
  for (guint round = 0; round < 3; round++) {
    const gint64 before = round > 0 ? inode_of(path) : 0;
    if (round == 2) {
      content_write(bundle.folder, "attachments.mime", "torn", -1);
    }
    g_autoptr(Message) message = bundle_compile(&bundle, bundle.folder);
    g_assert_nonnull(message);
    g_assert_true(round != 1 || inode_of(path) == before);
    message_bind(message, nothing);
    g_autoptr(GString) wire = merge_once(message, &input);
    assert_wire(wire);
    if (first == NULL) {
      first = g_steal_pointer(&wire);
    } else {
      g_assert_true(g_string_equal(first, wire));
    }
  }
  g_autofree char *temporary = g_strconcat(path, ".tmp", NULL);
  g_assert_false(g_file_test(temporary, G_FILE_TEST_EXISTS));
}

static void test_changed_file(void)
{
  g_auto(Bundle) bundle = { .folder = NULL };
  bundle_init(&bundle, "# News\n\ntext\n");
  content_write(bundle.folder, "j/attachments/mail.eml", "longer than before", -1);
  g_assert_null(bundle_compile(&bundle, bundle.folder));
  content_assert_finding(bundle.report, FINDING_ERROR, 0, "drop the release again");
  g_autofree char *path = g_build_filename(bundle.folder, "attachments.mime", NULL);
  g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* Attachments go out from their mapping: merging copies none of them. */
static void test_slices(void)
{
  g_auto(Bundle) bundle = { .folder = NULL };
  bundle_init(&bundle, "# News\n\ntext\n");
  g_autoptr(Message) message = bundle_compile(&bundle, bundle.folder);
  message_bind(message, nothing);
  const MergeInput input = input_with(nothing);
  g_autoptr(Merge) one = merge_new(), two = merge_new();
  message_merge(message, &input, one);
  message_merge(message, &input, two);
  gsize count_one, count_two;
  const struct iovec *first = merge_slices(one, &count_one);
  const struct iovec *second = merge_slices(two, &count_two);
  g_assert_cmpuint(count_one, ==, count_two);
  gboolean shared = FALSE;
  for (gsize i = 0; i < count_one; i++) {
    shared |= first[i].iov_len > 100000 && first[i].iov_base == second[i].iov_base;
  }
  g_assert_true(shared);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_mime_init();
  g_test_add_func("/message/plain", test_plain);
  g_test_add_func("/message/hostile-values", test_hostile_values);
  g_test_add_func("/message/long-values", test_long_values);
  g_test_add_func("/message/capped-values", test_capped_values);
  g_test_add_func("/message/invalid-utf8", test_invalid_utf8);
  g_test_add_func("/message/smtputf8", test_smtputf8);
  g_test_add_func("/message/choices", test_choices);
  g_test_add_func("/message/reuse", test_reuse);
  g_test_add_func("/message/fields", test_fields);
  g_test_add_func("/message/subjects", test_subjects);
  g_test_add_func("/message/embargo", test_embargo);
  g_test_add_func("/message/mistakes", test_mistakes);
  g_test_add_func("/message/languages", test_languages);
  g_test_add_func("/message/files", test_files);
  g_test_add_func("/message/unused-files", test_unused_files);
  g_test_add_func("/message/workspace", test_workspace);
  g_test_add_func("/message/changed-file", test_changed_file);
  g_test_add_func("/message/slices", test_slices);
  return g_test_run();
}
