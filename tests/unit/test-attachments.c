/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <string.h>

#include "merged.h"

static const char *const nothing[] = { NULL };
static const char UUID[] = "123e4567-e89b-42d3-a456-426614174000";

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
  content_write(bundle->folder, "j/attachments/x.docx", "PK", -1);
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
  g_autoptr(GByteArray) bytes = merged_leaf(parsed, type, subtype, 0);
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
  g_autoptr(GObject) parsed = merged_parse(wire);
  assert_structure(parsed, "mixed(related(alternative(plain html) png) octet-stream plain "
                   "vnd.openxmlformats-officedocument.wordprocessingml.document pdf)");
  assert_bytes(parsed, "image", "png", bundle.random, 58);
  assert_bytes(parsed, "application", "pdf", bundle.random, bundle.random->len);
  g_autofree char *html = merged_text(parsed, "html");
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
  g_autofree char *garbage = NULL;
  for (guint round = 0; round < 4; round++) {
    const gint64 before = round > 0 ? inode_of(path) : 0;
    if (round == 2) {
      content_write(bundle.folder, "attachments.mime", "torn", -1);
    } else if (round == 3) {
      GStatBuf status;
      g_assert_cmpint(g_stat(path, &status), ==, 0);
      garbage = g_strnfill((gsize)status.st_size, 'x');
      content_write(bundle.folder, "attachments.mime", garbage, -1);
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
  g_test_add_func("/attachments/files", test_files);
  g_test_add_func("/attachments/unused-files", test_unused_files);
  g_test_add_func("/attachments/workspace", test_workspace);
  g_test_add_func("/attachments/changed-file", test_changed_file);
  g_test_add_func("/attachments/slices", test_slices);
  return g_test_run();
}
