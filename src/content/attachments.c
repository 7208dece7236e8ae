/* SPDX-License-Identifier: Apache-2.0 */
#include "content/attachments.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "base/durable.h"

enum {
  LINE_BYTES = 57,              /* make 76 characters (RFC 2045 section 6.8) */
  LINE_SIZE = 76 + 2,
  LINES_AT_ONCE = 1024,
};

G_DEFINE_QUARK(dateline-content-error-quark, content_error)

/* Where encoded bytes go: a file or, for previews, memory. */
typedef struct {
  int fd;
  GByteArray *memory;   /* NULL: fd */
} Sink;

EncodedPart *encoded_part_new(const DraftFile *file, char *head)
{
  EncodedPart *part = g_new0(EncodedPart, 1);
  part->file = file;
  part->head = head;
  return part;
}

void encoded_part_free(EncodedPart *part)
{
  g_free(part->head);
  g_free(part);
}

gsize encoded_part_size(const EncodedPart *part)
{
  const gsize size = part->file->size;
  const gsize lines = (size + LINE_BYTES - 1) / LINE_BYTES;
  return strlen(part->head) + (size + 2) / 3 * 4 + lines * strlen("\r\n");
}

static gboolean sink_write(const Sink *sink, const void *bytes, gsize length, GError **error)
{
  if (sink->memory != NULL) {
    g_byte_array_append(sink->memory, bytes, (guint)length);
    return TRUE;
  }
  return durable_write_all(sink->fd, bytes, length, error);
}

/* Appends one line for up to LINE_BYTES; returns its size. */
static gsize encode_line(const guint8 *bytes, gsize length, char *out)
{
  gint state = 0, save = 0;
  gsize size = g_base64_encode_step(bytes, length, FALSE, out, &state, &save);
  size += g_base64_encode_close(FALSE, out + size, &state, &save);
  memcpy(out + size, "\r\n", 2);
  return size + 2;
}

static gboolean encode_bytes(const Sink *sink, const guint8 *bytes, gsize length, GError **error)
{
  g_autofree char *buffer = g_malloc(LINES_AT_ONCE * (LINE_SIZE + 8));
  while (length > 0) {
    gsize filled = 0;
    for (guint i = 0; i < LINES_AT_ONCE && length > 0; i++) {
      const gsize taken = MIN(length, LINE_BYTES);
      filled += encode_line(bytes, taken, buffer + filled);
      bytes += taken;
      length -= taken;
    }
    if (!sink_write(sink, buffer, filled, error)) {
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean encode_part(const Sink *sink, const EncodedPart *part, GError **error)
{
  g_autoptr(GMappedFile) file = g_mapped_file_new(part->file->path, FALSE, error);
  if (file == NULL) {
    return FALSE;
  }
  const gsize length = g_mapped_file_get_length(file);
  if (length != part->file->size) {
    g_set_error(error, CONTENT_ERROR, CONTENT_ERROR_CHANGED, "%s had %" G_GUINT64_FORMAT
                " bytes and has %zu now; drop the release again", part->file->name,
                part->file->size, length);
    return FALSE;
  }
  return sink_write(sink, part->head, strlen(part->head), error) &&
         encode_bytes(sink, (const guint8 *)g_mapped_file_get_contents(file), length, error);
}

static gboolean encode_all(const Sink *sink, const GPtrArray *parts, GError **error)
{
  for (guint i = 0; i < parts->len; i++) {
    if (!encode_part(sink, parts->pdata[i], error)) {
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean set_file_error(GError **error, const char *path, int code)
{
  g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", path,
              g_strerror(code));
  return FALSE;
}

static gboolean write_file(const char *path, const GPtrArray *parts, GError **error)
{
  g_autofree char *temporary = g_strconcat(path, ".tmp", NULL);
  const int fd = g_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) {
    return set_file_error(error, temporary, errno);
  }
  const Sink sink = { .fd = fd };
  gboolean written = encode_all(&sink, parts, error);
  if (written && fdatasync(fd) != 0) {
    written = set_file_error(error, temporary, errno);
  }
  close(fd);
  if (written && g_rename(temporary, path) != 0) {
    written = set_file_error(error, path, errno);
  }
  if (!written) {
    g_unlink(temporary);
  }
  return written;
}

/* The bytes of path if it is what parts would make: of their size, and beginning with the
 * head of the first, which holds the release's UUID. */
static GBytes *map_file(const char *path, const GPtrArray *parts, gsize size)
{
  const EncodedPart *first = parts->pdata[0];
  g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, NULL);
  const gboolean good = file != NULL && g_mapped_file_get_length(file) == size &&
      memcmp(g_mapped_file_get_contents(file), first->head, strlen(first->head)) == 0;
  return good ? g_mapped_file_get_bytes(file) : NULL;
}

static GBytes *encode_in_memory(const GPtrArray *parts, gsize size, GError **error)
{
  g_autoptr(GByteArray) memory = g_byte_array_sized_new((guint)size);
  const Sink sink = { .fd = -1, .memory = memory };
  if (!encode_all(&sink, parts, error)) {
    return NULL;
  }
  return g_byte_array_free_to_bytes(g_steal_pointer(&memory));
}

GBytes *attachments_encode(const GPtrArray *parts, const char *workspace, GError **error)
{
  gsize size = 0;
  for (guint i = 0; i < parts->len; i++) {
    size += encoded_part_size(parts->pdata[i]);
  }
  if (size == 0 || workspace == NULL) {
    return encode_in_memory(parts, size, error);
  }
  g_autofree char *path = g_build_filename(workspace, "attachments.mime", NULL);
  GBytes *bytes = map_file(path, parts, size);
  if (bytes == NULL && write_file(path, parts, error)) {
    bytes = map_file(path, parts, size);
    if (bytes == NULL) {
      g_set_error(error, CONTENT_ERROR, CONTENT_ERROR_CHANGED, "%s does not hold what was just "
                  "written to it; is something else writing there?", path);
    }
  }
  return bytes;
}
