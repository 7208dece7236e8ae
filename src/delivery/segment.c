/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/durable.h"
#include "base/limits.h"
#include "delivery/journal.h"

enum { FILE_MODE = 0640 };

static const char NAME[] = "journal";
static const char NAME_OF_NEW[] = "journal.new";
static const char HEADER[] = "dateline-journal ";
static const char FORMAT[] = "1";

struct Segment {
  char *path;
  int fd;
};

/* Sets error from errno: "cannot <verb> <path>: <reason>". Always FALSE. */
static gboolean fail(GError **error, const char *verb, const char *path)
{
  int number = errno;

  g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DISK, "cannot %s %s: %s", verb, path,
              g_strerror(number));
  return FALSE;
}

char *segment_path(const char *directory, guint number)
{
  return number == 1 ? g_strdup_printf("%s/%s", directory, NAME)
                     : g_strdup_printf("%s/%s.%u", directory, NAME, number);
}

/* The number of the segment called name; 0 if that is the name of none. */
static guint number_from_name(const char *name)
{
  guint64 number;

  if (g_str_equal(name, NAME)) {
    return 1;
  }
  if (!g_str_has_prefix(name, NAME) || name[strlen(NAME)] != '.') {
    return 0;
  }
  const char *digits = name + strlen(NAME) + 1;
  return *digits != '0' && g_ascii_string_to_unsigned(digits, 10, 2, G_MAXINT, &number, NULL)
             ? (guint)number : 0;
}

gboolean segment_find_last(const char *directory, guint *number, GError **error)
{
  g_autoptr(GPtrArray) names = durable_list_directory(directory, error);

  if (names == NULL) {
    return FALSE;
  }
  *number = 0;
  for (guint i = 0; i < names->len; i++) {
    *number = MAX(*number, number_from_name(names->pdata[i]));
  }
  return TRUE;
}

gboolean segment_check_header(const char *line, gsize length, GError **error)
{
  const gsize head = strlen(HEADER);
  gsize digits = 0;
  guint32 crc;

  /* Where the seal is right there is a blank, before which the number ends. */
  if (length > head && memcmp(line, HEADER, head) == 0 && record_check_seal(line, length, &crc)) {
    while (g_ascii_isdigit(line[head + digits])) {
      digits++;
    }
  }
  if (digits == 0) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                "it is not \"%s%s\" with the right CRC", HEADER, FORMAT);
    return FALSE;
  }
  if (digits != strlen(FORMAT) || memcmp(line + head, FORMAT, digits) != 0) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_VERSION,
                "it was written in version %.*s of the journal's format, this program knows "
                "version %s only; use the newer dateline", (int)digits, line + head, FORMAT);
    return FALSE;
  }
  return TRUE;
}

/* The first line, then the lines, into a new file at path; synced. */
static Segment *create_file(const char *path, const char *lines, gsize length, GError **error)
{
  g_autoptr(Segment) segment = g_new0(Segment, 1);
  char header[LIMIT_JOURNAL_LINE];

  segment->path = g_strdup(path);
  segment->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     FILE_MODE);
  if (segment->fd < 0) {
    fail(error, "create", path);
    return NULL;
  }
  gsize end = (gsize)g_snprintf(header, sizeof header, "%s%s", HEADER, FORMAT);
  if (!segment_write(segment, header, record_seal(header, end), error) ||
      !segment_write(segment, lines, length, error) || !segment_sync(segment, error)) {
    return NULL;
  }
  return g_steal_pointer(&segment);
}

Segment *segment_create(const char *directory, const char *lines, gsize length, GError **error)
{
  g_autofree char *path_of_new = g_strdup_printf("%s/%s", directory, NAME_OF_NEW);
  g_autofree char *path = NULL;
  guint last;

  if (!segment_find_last(directory, &last, error)) {
    return NULL;
  }
  if (unlink(path_of_new) != 0 && errno != ENOENT) {
    fail(error, "remove", path_of_new);
    return NULL;
  }
  g_autoptr(Segment) segment = create_file(path_of_new, lines, length, error);
  path = segment_path(directory, last + 1);
  if (segment == NULL || !durable_rename(path_of_new, path, error)) {
    unlink(path_of_new);
    return NULL;
  }
  g_free(segment->path);
  segment->path = g_steal_pointer(&path);
  return g_steal_pointer(&segment);
}

Segment *segment_open(const char *directory, guint number, GError **error)
{
  g_autoptr(Segment) segment = g_new0(Segment, 1);

  segment->path = segment_path(directory, number);
  segment->fd = open(segment->path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
  if (segment->fd < 0) {
    fail(error, "open", segment->path);
    return NULL;
  }
  if (!segment_sync(segment, error) || !durable_sync_directory(directory, error)) {
    return NULL;
  }
  return g_steal_pointer(&segment);
}

gboolean segment_write(Segment *segment, const char *lines, gsize length, GError **error)
{
  return durable_write_all(segment->fd, lines, length, error);
}

/* A file system that gives itself up, as ext4 does after an error, reports success for a sync of
 * just that moment, though nothing of it is kept (seen with Linux 6.18). From then on no file can
 * be cut, be it to the length that it has: where that succeeds, what had been synced is kept. To
 * change the times of a file, or to write no octets, would tell too late. */
static gboolean is_kept(int fd)
{
  struct stat status;

  return fstat(fd, &status) == 0 && ftruncate(fd, status.st_size) == 0;
}

gboolean segment_sync(Segment *segment, GError **error)
{
  return (fdatasync(segment->fd) == 0 && is_kept(segment->fd)) ||
         fail(error, "sync", segment->path);
}

void segment_free(Segment *segment)
{
  if (segment->fd >= 0) {
    close(segment->fd);
  }
  g_free(segment->path);
  g_free(segment);
}
