/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes as a dropped file, up to its front matter. What is taken has been checked, what
 * is refused is refused for a reason, and what follows is text at its line of the file. */

#include <string.h>

#include "base/address.h"
#include "content/frontmatter.h"
#include "fuzz.h"

static void check_mailbox(const char *mailbox)
{
  g_auto(Address) address = { 0 };
  g_autofree char *name = NULL;

  g_assert_true(mailbox == NULL || mailbox_parse(mailbox, &name, &address, NULL));
}

static void check_front(const FrontMatter *front, guint lines)
{
  check_mailbox(front->from);
  check_mailbox(front->reply_to);
  g_assert_true(front->language == NULL || language_is_plausible(front->language));
  g_assert_true(front->embargo_text == NULL || strpbrk(front->embargo_text, "\r\n") == NULL);
  g_assert_cmpuint(front->subject_line, <=, lines);
}

static guint count_lines(const char *text)
{
  guint lines = 1;

  for (; (text = strchr(text, '\n')) != NULL; text++) {
    lines++;
  }
  return lines;
}

static void check_findings(const Report *report)
{
  for (guint i = 0; i < report_length(report); i++) {
    const Finding *finding = report_get(report, i);
    g_assert_true(g_utf8_validate(finding->text, -1, NULL));
    g_assert_cmpuint(strcspn(finding->text, "\r\n"), ==, strlen(finding->text));
  }
}

/* The text may have lost a CR or a byte order mark, and never a line. */
static void check_text(const Draft *draft, guint lines)
{
  const char *text = draft_text(draft);

  g_assert_true(g_utf8_validate(text, -1, NULL));
  g_assert_null(strchr(text, '\r'));
  g_assert_cmpuint(draft_text_line(draft) + count_lines(text) - 1, ==, lines);
}

/* As whoever reads the file counts them: LF, CRLF and CR end a line. */
static guint count_input_lines(const GString *input)
{
  guint lines = 1;

  for (gsize i = 0; i < input->len; i++) {
    const char c = input->str[i];
    lines += c == '\n' || (c == '\r' && input->str[i + 1] != '\n');
  }
  return lines;
}

static char *check_draft(const char *path, guint lines)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = draft_read(path, 1 << 20, report);

  g_assert_nonnull(draft);
  check_findings(report);
  if (!report_failed(report)) {
    check_front(draft_front_matter(draft), lines);
    check_text(draft, lines);
  }
  return g_strdup(draft_hash(draft));
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  g_autoptr(GString) input = fuzz_expand(data, size);
  char *path = fuzz_write_file(input->str, input->len);
  g_autofree char *first = check_draft(path, count_input_lines(input));
  g_autofree char *second = check_draft(path, count_input_lines(input));

  fuzz_remove_file(path);
  g_assert_cmpstr(first, ==, second);
  return 0;
}
