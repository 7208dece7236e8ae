/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <string.h>
#include "base/durable.h"

char *content_folder(void)
{
  g_autoptr(GError) error = NULL;
  char *folder = g_dir_make_tmp("dateline-content-XXXXXX", &error);
  g_assert_no_error(error);
  return folder;
}

void content_remove(char *folder)
{
  g_autoptr(GError) error = NULL;
  g_assert_true(durable_remove_tree(folder, &error));
  g_assert_no_error(error);
  g_free(folder);
}

void content_write(const char *folder, const char *name, const char *bytes, gssize length)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
  g_file_set_contents(path, bytes, length, &error);
  g_assert_no_error(error);
}

Draft *content_draft(const char *markdown, Report *report)
{
  char *folder = content_folder();
  g_autofree char *path = g_build_filename(folder, "release.md", NULL);
  content_write(folder, "release.md", markdown, -1);
  Draft *draft = draft_read(path, 1 << 20, report);
  content_remove(folder);
  return draft;
}

static gboolean with_html;

void content_pass_html(gboolean pass)
{
  with_html = pass;
}

Message *content_message(const Draft *draft, Report *report)
{
  const char *from = draft_front_matter(draft)->from;
  const MessageOptions options = {
    .uuid = "123e4567-e89b-42d3-a456-426614174000", .list_name = "press",
    .from = from != NULL ? from : "Press Office <press@example.org>",
    .list_id = "press.example.org", .language = "en", .html = with_html,
  };
  return message_compile(draft, &options, report);
}

void content_assert_finding(const Report *report, FindingLevel level, guint line,
                            const char *text)
{
  for (guint i = 0; i < report_length(report); i++) {
    const Finding *finding = report_get(report, i);
    if (finding->level == level && (line == 0 || finding->line == line) &&
        strstr(finding->text, text) != NULL) {
      return;
    }
  }
  g_autofree char *all = report_to_text(report);
  g_error("no finding in line %u with \"%s\" in:\n%s", line, text, all);
}

typedef char *(*Render)(const Message *message, const MergeInput *input);

static char *render(const char *markdown, const char *const *columns, const char *const *values,
                    Render part)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = content_draft(markdown, report);
  g_autoptr(Message) message = content_message(draft, report);
  g_autofree char *findings = report_to_text(report);
  if (message == NULL) {
    g_error("%s", findings);
  }
  message_bind(message, columns);
  const MergeInput input = { .values = values, .address = "a@example.org", .message_id = "1@x" };
  return part(message, &input);
}

char *content_text(const char *markdown, const char *const *columns, const char *const *values)
{
  g_autofree char *text = render(markdown, columns, values, message_render_text);
  char *footer = strstr(text, "-- \n");
  g_assert_nonnull(footer);
  return g_strndup(text, (gsize)(footer - text));
}

char *content_html(const char *markdown, const char *const *columns, const char *const *values)
{
  static const char before[] = "line-height: 1.6;\">\n", behind[] = "</td>\n</tr>\n<tr>\n<td class";
  g_autofree char *html = render(markdown, columns, values, message_render_html);
  const char *start = strstr(html, before);
  g_assert_nonnull(start);
  start += strlen(before);
  const char *end = strstr(start, behind);
  g_assert_nonnull(end);
  return g_strndup(start, (gsize)(end - start));
}
