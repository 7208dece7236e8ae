/* SPDX-License-Identifier: Apache-2.0 */
#include "content/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/names.h"
#include "content/bundle.h"
#include "content/frontmatter.h"

static const char ATTACHMENTS[] = "attachments/";
static const char PARTIALS[] = "partials/";

typedef struct {
  char *name;       /* of its file, for findings */
  char *text;       /* UTF-8, LF, ending with one */
} Partial;

struct Draft {
  FrontMatter front;
  char *source;          /* the whole text file: UTF-8, LF */
  const char *text;      /* in source */
  guint text_line;
  char *text_name;
  GPtrArray *attachments;
  GPtrArray *files;
  GHashTable *partials;  /* name -> Partial */
  char *hash;
};

static void file_free(gpointer data)
{
  DraftFile *file = data;
  g_free(file->name);
  g_free(file->path);
  g_free(file->type);
  g_free(file);
}

static void partial_free(gpointer data)
{
  Partial *partial = data;
  g_free(partial->name);
  g_free(partial->text);
  g_free(partial);
}

void draft_free(Draft *draft)
{
  if (draft != NULL) {
    front_matter_clear(&draft->front);
    g_free(draft->source);
    g_free(draft->text_name);
    g_ptr_array_unref(draft->attachments);
    g_ptr_array_unref(draft->files);
    g_hash_table_unref(draft->partials);
    g_free(draft->hash);
    g_free(draft);
  }
}

const FrontMatter *draft_front_matter(const Draft *draft)
{
  return &draft->front;
}

const char *draft_text(const Draft *draft)
{
  return draft->text;
}

guint draft_text_line(const Draft *draft)
{
  return draft->text_line;
}

const char *draft_text_name(const Draft *draft)
{
  return draft->text_name;
}

const GPtrArray *draft_attachments(const Draft *draft)
{
  return draft->attachments;
}

const GPtrArray *draft_files(const Draft *draft)
{
  return draft->files;
}

const char *draft_hash(const Draft *draft)
{
  return draft->hash;
}

static const DraftFile *find_file(const GPtrArray *files, const char *name)
{
  for (guint i = 0; i < files->len; i++) {
    const DraftFile *file = files->pdata[i];
    if (strcmp(file->name, name) == 0) {
      return file;
    }
  }
  return NULL;
}

const DraftFile *draft_find(const Draft *draft, const char *path)
{
  if (g_str_has_prefix(path, ATTACHMENTS)) {
    return find_file(draft->attachments, path + strlen(ATTACHMENTS));
  }
  return find_file(draft->files, path);
}

const char *draft_partial(const Draft *draft, const char *name, const char **file)
{
  const Partial *partial = g_hash_table_lookup(draft->partials, name);
  *file = partial != NULL ? partial->name : NULL;
  return partial != NULL ? partial->text : NULL;
}

/* --- The text's bytes --- */

static guint line_at(const char *text, const char *at)
{
  guint line = 1;
  for (; text < at; text++) {
    line += *text == '\n' ? 1 : 0;
  }
  return line;
}

static guint column_at(const char *text, const char *at)
{
  const char *start = at;
  while (start > text && start[-1] != '\n') {
    start--;
  }
  return (guint)g_utf8_strlen(start, at - start) + 1;
}

/* Whether bytes are a text in UTF-8. */
static gboolean check_encoding(const char *name, const GString *bytes, Report *report)
{
  const char *end;
  if (g_utf8_validate_len(bytes->str, bytes->len, &end)) {
    return TRUE;
  }
  const guint line = line_at(bytes->str, end), column = column_at(bytes->str, end);
  if (g_str_has_prefix(bytes->str, "\xFF\xFE") || g_str_has_prefix(bytes->str, "\xFE\xFF")) {
    report_error(report, name, 0, 0, "the file is in UTF-16; save it as UTF-8");
  } else if (*end == '\0') {
    report_error(report, name, line, column, "there is a zero byte, which no text "
                 "has; is this a Markdown file? Save it as UTF-8");
  } else {
    report_error(report, name, line, column, "the byte 0x%02X is not UTF-8; save "
                 "the file as UTF-8", (guint8)*end);
  }
  return FALSE;
}

/* Without byte order mark, with LF for all kinds of line ends. */
static char *unify(const GString *bytes)
{
  static const char mark[] = "\xEF\xBB\xBF";
  const char *at = bytes->str + (g_str_has_prefix(bytes->str, mark) ? strlen(mark) : 0);
  GString *text = g_string_sized_new(bytes->len);
  for (; *at != '\0'; at++) {
    if (*at != '\r') {
      g_string_append_c(text, *at);
    } else if (at[1] != '\n') {
      g_string_append_c(text, '\n');
    }
  }
  return g_string_free(text, FALSE);
}

static gboolean is_blank(const char *text)
{
  for (; *text != '\0'; text = g_utf8_next_char(text)) {
    if (!g_unichar_isspace(g_utf8_get_char(text))) {
      return FALSE;
    }
  }
  return TRUE;
}

static void read_text(Draft *draft, const GString *bytes, Report *report)
{
  if (!check_encoding(draft->text_name, bytes, report)) {
    return;
  }
  g_free(draft->source);
  draft->source = unify(bytes);
  front_matter_read(draft->source, draft->text_name, &draft->front, &draft->text,
                    &draft->text_line, report);
  if (is_blank(draft->text)) {
    report_error(report, draft->text_name, 0, 0, "there is no text in it; write the release and "
                 "drop it again");
    draft->text += strlen(draft->text);
  }
}

static void add_partial(Draft *draft, const char *name, const char *file, const GString *bytes,
                        Report *report)
{
  if (!check_encoding(file, bytes, report)) {
    return;
  }
  g_autofree char *text = unify(bytes);
  Partial *partial = g_new0(Partial, 1);
  partial->name = g_strdup(file);
  partial->text = g_strconcat(text, g_str_has_suffix(text, "\n") ? "" : "\n", NULL);
  g_hash_table_insert(draft->partials, g_strdup(name), partial);
}

/* --- Files --- */

static gboolean has_suffix(const char *name, const char *suffix)
{
  const gsize length = strlen(name), tail = strlen(suffix);
  return length > tail && g_ascii_strcasecmp(name + length - tail, suffix) == 0;
}

/* release.md or release.<language>.md; sets *language (NULL without), caller frees. */
static gboolean is_release_text(const char *name, char **language)
{
  static const char stem[] = "release.", suffix[] = ".md";
  *language = NULL;
  if (g_ascii_strcasecmp(name, "release.md") == 0) {
    return TRUE;
  }
  if (g_ascii_strncasecmp(name, stem, strlen(stem)) != 0 || !has_suffix(name, suffix)) {
    return FALSE;
  }
  const gsize middle = strlen(name) - strlen(stem) - strlen(suffix);
  g_autofree char *tag = g_strndup(name + strlen(stem), middle);
  if (!language_is_plausible(tag)) {
    return FALSE;
  }
  *language = g_steal_pointer(&tag);
  return TRUE;
}

/* Media types that must not be encoded as base64 (RFC 2046 sections 5.1 and 5.2.1) are
 * attached as plain files. */
static char *guess_type(const char *name)
{
  g_autofree char *content_type = g_content_type_guess(name, NULL, 0, NULL);
  g_autofree char *type = g_content_type_get_mime_type(content_type);
  if (type == NULL || g_str_has_prefix(type, "message/") ||
      g_str_has_prefix(type, "multipart/") || g_str_has_prefix(type, "inode/")) {
    return g_strdup("application/octet-stream");
  }
  return g_steal_pointer(&type);
}

static void add_file(GPtrArray *files, const BundleFile *found, const char *name)
{
  DraftFile *file = g_new0(DraftFile, 1);
  file->name = g_strdup(name);
  file->path = g_strdup(found->path);
  file->type = guess_type(name);
  file->size = found->size;
  g_ptr_array_add(files, file);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
  const DraftFile *const *first = a, *const *second = b;
  return strcmp((*first)->name, (*second)->name);
}

static void add_attachment(Draft *draft, const BundleFile *found, Report *report)
{
  g_autofree char *name = g_path_get_basename(found->name);
  if (find_file(draft->attachments, name) != NULL) {
    report_error(report, found->shown, 0, 0, "another attachment has this name too; rename one");
    return;
  }
  if (found->size == 0) {
    report_warning(report, found->shown, 0, 0, "this attachment is empty");
  }
  add_file(draft->attachments, found, name);
}

/* Feeds a file to the hash and, where it is the text, to keep. */
static gboolean read_bytes(const BundleFile *file, GChecksum *hash, GString *keep)
{
  guint8 buffer[64 << 10];
  guint64 total = 0;
  ssize_t count;
  const int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return FALSE;
  }
  while ((count = read(fd, buffer, sizeof buffer)) > 0 || (count < 0 && errno == EINTR)) {
    if (count > 0) {
      g_checksum_update(hash, buffer, count);
      total += (guint64)count;
    }
    if (count > 0 && keep != NULL) {
      g_string_append_len(keep, (const char *)buffer, count);
    }
  }
  const int saved = errno;
  close(fd);
  errno = count < 0 ? saved : ESTALE;
  return count == 0 && total == file->size;
}

/* Names and sizes go in with their lengths, so that no two different drops can make the
 * same sequence of bytes. */
static void hash_file(GChecksum *hash, const BundleFile *file, const char *name, GString *keep,
                      Report *report)
{
  g_autofree char *head = g_strdup_printf("%zu:%s%" G_GUINT64_FORMAT ":", strlen(name), name,
                                          file->size);
  g_checksum_update(hash, (const guchar *)head, -1);
  if (!read_bytes(file, hash, keep)) {
    report_trouble(report, file->shown, "the file cannot be read: %s", g_strerror(errno));
  }
}

/* --- Kinds of drops --- */

static gboolean fits_as_text(const char *name, const BundleFile *file, Report *report)
{
  if (file->size > LIMIT_TEXT_SIZE) {
    report_error(report, name, 0, 0, "the text is larger than %d bytes; put tables "
                 "and pictures into files of their own", LIMIT_TEXT_SIZE);
    return FALSE;
  }
  return TRUE;
}

static void read_single(Draft *draft, const GPtrArray *files, const char *root, GChecksum *hash,
                        Report *report)
{
  const BundleFile *file = files->pdata[0];
  g_autoptr(GString) bytes = g_string_new(NULL);
  draft->text_name = g_strdup(root);
  if (!has_suffix(root, ".md") && !has_suffix(root, ".markdown")) {
    report_error(report, root, 0, 0, "this kind of file is not taken by this version; drop a "
                 "Markdown file (.md or .markdown) or a folder that holds release.md");
  } else if (fits_as_text(root, file, report)) {
    hash_file(hash, file, "release.md", bytes, report);
    read_text(draft, bytes, report);
  }
}

static const BundleFile *find_text(Draft *draft, const GPtrArray *files, const char *root,
                                   char **language, Report *report)
{
  const BundleFile *text = NULL, *near = NULL;
  for (guint i = 0; i < files->len; i++) {
    const BundleFile *file = files->pdata[i];
    g_autofree char *found = NULL;
    near = has_suffix(file->name, ".md") && strchr(file->name, '/') == NULL ? file : near;
    if (!is_release_text(file->name, &found)) {
      continue;
    }
    if (text != NULL) {
      report_error(report, root, 0, 0, "there are %s and %s; several languages are not "
                   "supported by this version: drop a folder for each", text->name, file->name);
      return NULL;
    }
    text = file;
    *language = g_steal_pointer(&found);
  }
  if (text != NULL) {
    draft->text_name = g_strconcat(root, "/", text->name, NULL);
  } else if (near != NULL) {
    report_error(report, root, 0, 0, "there is no release.md in this folder; rename %s to "
                 "release.md", near->name);
  } else {
    report_error(report, root, 0, 0, "there is no release.md in this folder; put the text of "
                 "the release into it under that name");
  }
  return text;
}

/* A file of the folder partials that ends in .md; others there are like any others. */
static gboolean read_partial(Draft *draft, const BundleFile *file, GChecksum *hash, Report *report)
{
  static const char suffix[] = ".md";
  if (!g_str_has_prefix(file->name, PARTIALS) || !has_suffix(file->name, suffix)) {
    return FALSE;
  }
  g_autoptr(GString) bytes = g_string_new(NULL);
  const char *base = file->name + strlen(PARTIALS);
  g_autofree char *name = g_strndup(base, strlen(base) - strlen(suffix));
  const gboolean readable = fits_as_text(file->shown, file, report);
  hash_file(hash, file, file->name, readable ? bytes : NULL, report);
  add_partial(draft, name, file->shown, bytes, report);
  return TRUE;
}

static void read_bundle(Draft *draft, const GPtrArray *files, const char *root, GChecksum *hash,
                        Report *report)
{
  g_autofree char *language = NULL;
  g_autoptr(GString) bytes = g_string_new(NULL);
  const BundleFile *text = find_text(draft, files, root, &language, report);
  const gboolean readable = text != NULL && fits_as_text(draft->text_name, text, report);
  for (guint i = 0; i < files->len; i++) {
    const BundleFile *file = files->pdata[i];
    if (read_partial(draft, file, hash, report)) {
      continue;
    }
    hash_file(hash, file, file->name, file == text && readable ? bytes : NULL, report);
    if (g_str_has_prefix(file->name, ATTACHMENTS)) {
      add_attachment(draft, file, report);
    } else if (file != text) {
      add_file(draft->files, file, file->name);
    }
  }
  g_ptr_array_sort(draft->attachments, compare_names);
  if (readable) {
    read_text(draft, bytes, report);
  }
  if (language != NULL && draft->front.language == NULL) {
    draft->front.language = g_steal_pointer(&language);
  }
}

/* Whether the drop is a file and no folder. */
static gboolean is_file(const GPtrArray *files, const char *path)
{
  const BundleFile *first = files->len == 1 ? files->pdata[0] : NULL;
  return first != NULL && strcmp(first->path, path) == 0;
}

Draft *draft_read(const char *path, guint64 max_size, Report *report)
{
  const char *why = NULL;
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  g_autofree char *root = g_path_get_basename(absolute);
  g_autofree char *shown = text_make_visible(root);
  if (!name_is_safe(root, &why)) {
    report_error(report, shown, 0, 0, "this name cannot be used: %s; rename it", why);
    return NULL;
  }
  g_autoptr(GPtrArray) files = bundle_list(absolute, root, max_size, report);
  if (files == NULL) {
    return NULL;
  }
  g_autoptr(Draft) draft = g_new0(Draft, 1);
  g_autoptr(GChecksum) hash = g_checksum_new(G_CHECKSUM_SHA256);
  draft->attachments = g_ptr_array_new_with_free_func(file_free);
  draft->files = g_ptr_array_new_with_free_func(file_free);
  draft->partials = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, partial_free);
  draft->source = g_strdup("");
  draft->text = draft->source;
  draft->text_line = 1;
  if (is_file(files, absolute)) {
    read_single(draft, files, root, hash, report);
  } else {
    read_bundle(draft, files, root, hash, report);
  }
  if (draft->text_name == NULL) {
    draft->text_name = g_strdup(root);
  }
  draft->hash = g_strdup(g_checksum_get_string(hash));
  return g_steal_pointer(&draft);
}
