/* SPDX-License-Identifier: Apache-2.0 */

/* A release and one contact's values, both hostile, as the message that leaves: it is made of
 * legal lines, has the header fields that it should have and no others, and what it shows is
 * what a preview shows.
 *
 * An input is, with NUL between them: the Markdown file, the contact's name as To shows it,
 * and the values of its columns name, city, link and topic. */

#include <string.h>

#include "fuzz.h"
#include "../unit/merged.h"

/* RFC 5322 section 2.1.1; only an address, which cannot be folded, makes a line that long. */
enum { LINE_MAX_LENGTH = 998, LINE_USUAL_LENGTH = 78 };

static const char *const COLUMNS[] = { "name", "city", "link", "topic", NULL };

static void check_line(const char *line, gsize length)
{
  g_assert_cmpuint(length, <=, LINE_MAX_LENGTH);
  g_assert_true(length <= LINE_USUAL_LENGTH || memchr(line, '@', length) != NULL);
  g_assert_true(length == 0 || line[0] != '.');
  g_assert_false(length >= 5 && memcmp(line, "From ", 5) == 0);
  for (gsize i = 0; i < length; i++) {
    g_assert_true(line[i] >= ' ' && line[i] <= '~');
  }
}

static void check_wire(const GString *wire)
{
  const char *line = wire->str, *limit = line + wire->len;

  g_assert_true(g_str_has_suffix(wire->str, "\r\n"));
  for (const char *end; line < limit; line = end + 2) {
    end = memmem(line, (gsize)(limit - line), "\r\n", 2);
    g_assert_nonnull(end);
    check_line(line, (gsize)(end - line));
  }
}

static void check_parts(const Message *message, const MergeInput *input, GObject *parsed)
{
  g_autofree char *text = message_render_text(message, input);
  g_autofree char *html = message_render_html(message, input);
  g_autofree char *sent_text = merged_text(parsed, "plain");
  g_autofree char *sent_html = merged_text(parsed, "html");

  g_assert_cmpstr(text, ==, sent_text);
  g_assert_cmpstr(html, ==, sent_html);
}

static void check_header(const FrontMatter *front, GObject *parsed, const MergeInput *input)
{
  g_autofree char *names = g_strdup_printf(
      "Date From %sTo Subject Message-ID List-Id MIME-Version",
      front->reply_to != NULL ? "Reply-To " : "");
  InternetAddressList *to =
      g_mime_message_get_addresses((GMimeMessage *)parsed, GMIME_ADDRESS_TYPE_TO);

  assert_header_names(parsed, names);
  assert_structure(parsed, "alternative(plain html)");
  g_assert_cmpint(internet_address_list_length(to), ==, 1);
  InternetAddress *only = internet_address_list_get_address(to, 0);
  g_assert_cmpstr(internet_address_mailbox_get_addr((InternetAddressMailbox *)only), ==,
                  input->address);
}

static void check_copy(const Draft *draft, const Message *message, const MergeInput *input)
{
  g_autoptr(GString) wire = merge_once(message, input);
  g_autoptr(GString) again = merge_once(message, input);
  g_autoptr(GObject) parsed = merged_parse(wire);

  g_assert_true(g_string_equal(wire, again));
  check_wire(wire);
  check_header(draft_front_matter(draft), parsed, input);
  check_parts(message, input, parsed);
}

/* Headers of a sender who needs SMTPUTF8 are not of 7 bits, as they should. */
static gboolean has_ascii_senders(const FrontMatter *front)
{
  return (front->from == NULL || g_str_is_ascii(front->from)) &&
         (front->reply_to == NULL || g_str_is_ascii(front->reply_to));
}

static Draft *read_draft(const char *markdown, Report *report)
{
  char *path = fuzz_write_file(markdown, strlen(markdown));
  Draft *draft = draft_read(path, 1 << 20, report);

  fuzz_remove_file(path);
  return draft;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  g_mime_init();
  g_autoptr(GString) input = fuzz_expand(data, size);
  gsize at = 0;
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = read_draft(fuzz_next_field(input, &at), report);
  const char *name = fuzz_next_field(input, &at);
  const char *values[G_N_ELEMENTS(COLUMNS)] = { NULL };

  for (guint i = 0; COLUMNS[i] != NULL; i++) {
    values[i] = fuzz_next_field(input, &at);
  }
  if (report_failed(report) || !has_ascii_senders(draft_front_matter(draft))) {
    return 0;
  }
  g_autoptr(Message) message = content_message(draft, report);
  g_assert_cmpint(message == NULL, ==, report_failed(report));
  if (message != NULL) {
    MergeInput contact = input_with(values);
    contact.name = name;
    message_bind(message, COLUMNS);
    check_copy(draft, message, &contact);
  }
  return 0;
}
