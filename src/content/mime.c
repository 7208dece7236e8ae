/* SPDX-License-Identifier: Apache-2.0 */
#include "content/mime.h"

#include <string.h>
#include "content/header.h"

enum { LONG_TYPE = 60 };   /* those of office documents need a line of their own */

/* From the outermost. */
typedef enum { LEVEL_MIXED, LEVEL_RELATED, LEVEL_ALTERNATIVE, LEVELS } Level;

static const struct {
  const char *type;
  char mark;          /* in the boundary */
} levels[LEVELS] = {
  [LEVEL_MIXED] = { "multipart/mixed", 'm' },
  [LEVEL_RELATED] = { "multipart/related; type=\"multipart/alternative\"", 'r' },
  [LEVEL_ALTERNATIVE] = { "multipart/alternative", 'a' },
};

static gboolean has_level(const Mime *mime, Level level)
{
  return level == LEVEL_ALTERNATIVE || (level == LEVEL_MIXED && mime->has_attachments) ||
         (level == LEVEL_RELATED && mime->has_pictures);
}

static G_GNUC_PRINTF(2, 3) void add(Program *program, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  program_add_bytes(program, text, strlen(text));
}

static char *delimiter(const Mime *mime, Level level)
{
  return g_strdup_printf("--=_%s-%c", mime->uuid, levels[level].mark);
}

static void add_text_head(Program *program, const Mime *mime, const char *type)
{
  g_autofree char *line = delimiter(mime, LEVEL_ALTERNATIVE);
  add(program, "%s\r\nContent-Type: %s; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n", line, type);
}

void mime_begin(Program *program, const Mime *mime)
{
  g_autofree char *outer = NULL;
  add(program, "MIME-Version: 1.0\r\n");
  for (Level level = LEVEL_MIXED; level < LEVELS; level++) {
    if (has_level(mime, level)) {
      g_autofree char *line = delimiter(mime, level);
      if (outer != NULL) {
        add(program, "%s\r\n", outer);
      }
      add(program, "Content-Type: %s;\r\n boundary=\"%s\"\r\n\r\n", levels[level].type, line + 2);
      g_free(outer);
      outer = g_steal_pointer(&line);
    }
  }
  add_text_head(program, mime, "text/plain");
}

void mime_add_html(Program *program, const Mime *mime)
{
  add(program, "\r\n");
  add_text_head(program, mime, "text/html");
}

void mime_end(Program *program, const Mime *mime, GBytes *pictures, GBytes *attachments)
{
  GBytes *files[LEVELS] = { [LEVEL_MIXED] = attachments, [LEVEL_RELATED] = pictures };
  add(program, "\r\n");
  for (Level level = LEVELS; level-- > LEVEL_MIXED;) {
    if (has_level(mime, level)) {
      g_autofree char *line = delimiter(mime, level);
      if (files[level] != NULL) {
        program_add_shared(program, files[level]);
      }
      add(program, "%s--\r\n", line);
    }
  }
}

static char *file_head(const Mime *mime, const DraftFile *file, Level level,
                       const char *disposition, const char *content_id)
{
  g_autofree char *line = delimiter(mime, level);
  const char *fold = strlen(file->type) > LONG_TYPE ? "\r\n" : "";
  GString *head = g_string_new(NULL);
  g_string_append_printf(head, "%s\r\nContent-Type:%s %s\r\n"
                         "Content-Transfer-Encoding: base64\r\n"
                         "Content-Disposition: %s", line, fold, file->type, disposition);
  g_autofree char *name = g_path_get_basename(file->name);
  header_add_parameter(head, "filename", name);
  if (content_id != NULL) {
    g_string_append_printf(head, "\r\nContent-ID: <%s>", content_id);
  }
  g_string_append(head, "\r\n\r\n");
  return g_string_free(head, FALSE);
}

char *mime_picture_head(const Mime *mime, const DraftFile *file, guint index)
{
  g_autofree char *content_id = mime_content_id(mime, index);
  return file_head(mime, file, LEVEL_RELATED, "inline", content_id);
}

char *mime_attachment_head(const Mime *mime, const DraftFile *file)
{
  return file_head(mime, file, LEVEL_MIXED, "attachment", NULL);
}

char *mime_content_id(const Mime *mime, guint index)
{
  return g_strdup_printf("%s.%u@%s", mime->uuid, index, mime->domain);
}
