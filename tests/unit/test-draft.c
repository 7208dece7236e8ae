/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "content.h"

enum { MAX_SIZE = 4 << 20 };

typedef struct {
  char *folder;      /* holds the drop */
  Report *report;
  Draft *draft;
} Drop;

static void drop_init(Drop *drop)
{
  *drop = (Drop){ .folder = content_folder(), .report = report_new() };
}

static void drop_clear(Drop *drop)
{
  content_remove(drop->folder);
  report_free(drop->report);
  draft_free(drop->draft);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Drop, drop_clear)

static void drop_read(Drop *drop, const char *name)
{
  g_autofree char *path = g_build_filename(drop->folder, name, NULL);
  drop->draft = draft_read(path, MAX_SIZE, drop->report);
}

static void assert_error(const Drop *drop, guint line, const char *text)
{
  content_assert_finding(drop->report, FINDING_ERROR, line, text);
}

static void test_single(void)
{
  static const char *const names[] = { "news.md", "News 1.MARKDOWN", "日本.md" };
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_auto(Drop) drop = { .folder = NULL };
    drop_init(&drop);
    content_write(drop.folder, names[i],
                  "\xEF\xBB\xBF---\r\nsubject: A\r\n---\r\nText\rmore\r\n", -1);
    drop_read(&drop, names[i]);
    g_assert_cmpuint(report_length(drop.report), ==, 0);
    g_assert_cmpstr(draft_text(drop.draft), ==, "Text\nmore\n");
    g_assert_cmpuint(draft_text_line(drop.draft), ==, 4);
    g_assert_cmpstr(draft_text_name(drop.draft), ==, names[i]);
    g_assert_cmpstr(draft_front_matter(drop.draft)->subject, ==, "A");
    g_assert_cmpuint(draft_attachments(drop.draft)->len, ==, 0);
  }
}

static void test_bundle(void)
{
  g_auto(Drop) drop = { .folder = NULL };
  drop_init(&drop);
  content_write(drop.folder, "j/release.id.md", "Text", -1);
  content_write(drop.folder, "j/photo.jpg", "jpeg", -1);
  content_write(drop.folder, "j/pictures/b c.png", "png", -1);
  content_write(drop.folder, "j/attachments/b.pdf", "pdf", -1);
  content_write(drop.folder, "j/attachments/sub/a.eml", "eml", -1);
  content_write(drop.folder, "j/.DS_Store", "x", -1);
  content_write(drop.folder, "j/release.md~", "x", -1);
  drop_read(&drop, "j");
  g_assert_false(report_failed(drop.report));
  g_assert_cmpuint(report_count(drop.report, FINDING_WARNING), ==, 2);
  g_autofree char *findings = report_to_text(drop.report);
  g_assert_nonnull(strstr(findings, "j/.DS_Store: warning: this file is left out"));
  g_assert_nonnull(strstr(findings, "j/release.md~: warning: this file is left out"));
  g_assert_cmpstr(draft_text_name(drop.draft), ==, "j/release.id.md");
  g_assert_cmpstr(draft_front_matter(drop.draft)->language, ==, "id");
  const GPtrArray *attachments = draft_attachments(drop.draft);
  g_assert_cmpuint(attachments->len, ==, 2);
  const DraftFile *first = attachments->pdata[0], *second = attachments->pdata[1];
  g_assert_cmpstr(first->name, ==, "a.eml");
  g_assert_cmpstr(first->type, ==, "application/octet-stream");
  g_assert_cmpstr(second->name, ==, "b.pdf");
  g_assert_cmpstr(second->type, ==, "application/pdf");
  g_assert_cmpuint(second->size, ==, 3);
  g_assert_true(g_path_is_absolute(second->path));
  g_assert_cmpuint(draft_files(drop.draft)->len, ==, 2);
  g_assert_cmpstr(draft_find(drop.draft, "photo.jpg")->type, ==, "image/jpeg");
  g_assert_nonnull(draft_find(drop.draft, "pictures/b c.png"));
  g_assert_nonnull(draft_find(drop.draft, "attachments/b.pdf"));
  g_assert_null(draft_find(drop.draft, "../j/photo.jpg"));
  g_assert_null(draft_find(drop.draft, "b.pdf"));
}

static void test_encodings(void)
{
  static const struct {
    const char *bytes;
    gssize length;
    guint line;
    const char *text;
  } cases[] = {
    { "", 0, 0, "no text in it" },
    { " \n\t\r\n\xC2\xA0", -1, 0, "no text in it" },
    { "---\nsubject: a\n---\n\n", -1, 0, "no text in it" },
    { "a\nb\0c", 5, 2, "zero byte" },
    { "a\n\nGr\xFC\xDF" "e", -1, 3, "the byte 0xFC is not UTF-8; save the file as UTF-8" },
    { "\xC3\xA9 \xED\xA0\x80", -1, 1, "0xED" },
    { "\xFF\xFEH\0i\0", 6, 0, "UTF-16" },
    { "a\xE2\x82", -1, 1, "0xE2" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Drop) drop = { .folder = NULL };
    drop_init(&drop);
    content_write(drop.folder, "a.md", cases[i].bytes, cases[i].length);
    drop_read(&drop, "a.md");
    assert_error(&drop, cases[i].line, cases[i].text);
    g_assert_cmpuint(report_count(drop.report, FINDING_ERROR), ==, 1);
  }
}

static void test_kinds(void)
{
  static const char *const names[] = { "a.html", "a.txt", "a.eml", "a.docx", "a.pdf", "md", "a" };
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_auto(Drop) drop = { .folder = NULL };
    drop_init(&drop);
    content_write(drop.folder, names[i], "Text", -1);
    drop_read(&drop, names[i]);
    assert_error(&drop, 0, "drop a Markdown file (.md or .markdown) or a folder");
  }
}

static void test_bundle_mistakes(void)
{
  g_auto(Drop) drop = { .folder = NULL };
  drop_init(&drop);
  content_write(drop.folder, "a/jakarta.md", "Text", -1);
  drop_read(&drop, "a");
  assert_error(&drop, 0, "rename jakarta.md to release.md");

  g_auto(Drop) empty = { .folder = NULL };
  drop_init(&empty);
  content_write(empty.folder, "a/photo.jpg", "x", -1);
  drop_read(&empty, "a");
  assert_error(&empty, 0, "there is no release.md in this folder; put");

  g_auto(Drop) several = { .folder = NULL };
  drop_init(&several);
  content_write(several.folder, "a/release.en.md", "Text", -1);
  content_write(several.folder, "a/release.fr.md", "Texte", -1);
  drop_read(&several, "a");
  assert_error(&several, 0, "several languages are not supported by this version");

  g_auto(Drop) twins = { .folder = NULL };
  drop_init(&twins);
  content_write(twins.folder, "a/release.md", "Text", -1);
  content_write(twins.folder, "a/attachments/x/a.pdf", "1", -1);
  content_write(twins.folder, "a/attachments/y/a.pdf", "2", -1);
  content_write(twins.folder, "a/attachments/empty.pdf", "", 0);
  drop_read(&twins, "a");
  assert_error(&twins, 0, "another attachment has this name");
  content_assert_finding(twins.report, FINDING_WARNING, 0, "is empty");
}

/* Nothing outside of the drop is read, whatever points there. */
static void test_strange_files(void)
{
  g_auto(Drop) drop = { .folder = NULL };
  drop_init(&drop);
  content_write(drop.folder, "secret", "x", -1);
  content_write(drop.folder, "a/release.md", "Text", -1);
  content_write(drop.folder, "a/attachments/b\nc.pdf", "x", -1);
  g_autofree char *link = g_build_filename(drop.folder, "a", "attachments", "l", NULL);
  g_autofree char *pipe = g_build_filename(drop.folder, "a", "pipe", NULL);
  g_autofree char *up = g_build_filename(drop.folder, "a", "up", NULL);
  g_assert_cmpint(symlink("../../secret", link), ==, 0);
  g_assert_cmpint(symlink("..", up), ==, 0);
  g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
  drop_read(&drop, "a");
  g_assert_cmpuint(report_count(drop.report, FINDING_ERROR), ==, 4);
  assert_error(&drop, 0, "a symbolic link");
  assert_error(&drop, 0, "a device, pipe or socket");
  assert_error(&drop, 0, "control character");
  for (guint i = 0; i < report_length(drop.report); i++) {
    g_assert_null(strchr(report_get(drop.report, i)->file, '\n'));
  }
}

static void test_unreadable_drops(void)
{
  g_auto(Drop) missing = { .folder = NULL };
  drop_init(&missing);
  drop_read(&missing, "nothing.md");
  g_assert_null(missing.draft);
  assert_error(&missing, 0, "cannot be read");
  g_assert_true(report_troubled(missing.report));

  g_auto(Drop) linked = { .folder = NULL };
  drop_init(&linked);
  content_write(linked.folder, "real.md", "Text", -1);
  g_autofree char *link = g_build_filename(linked.folder, "a.md", NULL);
  g_assert_cmpint(symlink("real.md", link), ==, 0);
  drop_read(&linked, "a.md");
  g_assert_null(linked.draft);
  assert_error(&linked, 0, "a symbolic link");
}

static void test_limits(void)
{
  g_autofree char *large = g_strnfill(LIMIT_TEXT_SIZE + 1, 'x');
  g_auto(Drop) text = { .folder = NULL };
  drop_init(&text);
  content_write(text.folder, "a.md", large, -1);
  drop_read(&text, "a.md");
  assert_error(&text, 0, "larger than 2097152 bytes");

  g_auto(Drop) size = { .folder = NULL };
  drop_init(&size);
  content_write(size.folder, "a/release.md", "Text", -1);
  content_write(size.folder, "a/attachments/1", large, -1);
  content_write(size.folder, "a/attachments/2", large, -1);
  drop_read(&size, "a");
  g_assert_null(size.draft);
  assert_error(&size, 0, "max_bundle_size");

  g_auto(Drop) many = { .folder = NULL };
  drop_init(&many);
  for (guint i = 0; i <= LIMIT_BUNDLE_FILES; i++) {
    g_autofree char *name = g_strdup_printf("a/%u.txt", i);
    content_write(many.folder, name, "x", -1);
  }
  drop_read(&many, "a");
  assert_error(&many, 0, "more than 500 files");

  g_auto(Drop) deep = { .folder = NULL };
  drop_init(&deep);
  content_write(deep.folder, "a/release.md", "Text", -1);
  content_write(deep.folder, "a/1/2/3/4/5/b.jpg", "x", -1);
  drop_read(&deep, "a");
  assert_error(&deep, 0, "nested more than 4 deep");
}

static char *hash_of(const char *name, const char *text, const char *attachment,
                     const char *attached)
{
  g_auto(Drop) drop = { .folder = NULL };
  drop_init(&drop);
  const gboolean single = g_str_has_suffix(name, ".md");
  g_autofree char *release = single ? g_strdup(name) : g_strconcat(name, "/release.md", NULL);
  content_write(drop.folder, release, text, -1);
  if (attachment != NULL) {
    g_autofree char *path = g_strconcat(name, "/attachments/", attachment, NULL);
    content_write(drop.folder, path, attached, -1);
  }
  drop_read(&drop, name);
  g_assert_false(report_failed(drop.report));
  g_assert_cmpuint(strlen(draft_hash(drop.draft)), ==, 64);
  return g_strdup(draft_hash(drop.draft));
}

static void test_hash(void)
{
  g_autofree char *first = hash_of("a.md", "Text", NULL, NULL);
  g_autofree char *renamed = hash_of("b.md", "Text", NULL, NULL);
  g_autofree char *bundled = hash_of("c", "Text", NULL, NULL);
  g_autofree char *changed = hash_of("a.md", "Text.", NULL, NULL);
  g_assert_cmpstr(first, ==, renamed);
  g_assert_cmpstr(first, ==, bundled);
  g_assert_cmpstr(first, !=, changed);
  g_autofree char *with = hash_of("c", "Text", "ab", "c");
  g_autofree char *other_name = hash_of("d", "Text", "a", "bc");
  g_autofree char *same = hash_of("e", "Text", "ab", "c");
  g_assert_cmpstr(with, !=, first);
  g_assert_cmpstr(with, !=, other_name);
  g_assert_cmpstr(with, ==, same);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/draft/single", test_single);
  g_test_add_func("/draft/bundle", test_bundle);
  g_test_add_func("/draft/encodings", test_encodings);
  g_test_add_func("/draft/kinds", test_kinds);
  g_test_add_func("/draft/bundle-mistakes", test_bundle_mistakes);
  g_test_add_func("/draft/strange-files", test_strange_files);
  g_test_add_func("/draft/unreadable-drops", test_unreadable_drops);
  g_test_add_func("/draft/limits", test_limits);
  g_test_add_func("/draft/hash", test_hash);
  return g_test_run();
}
