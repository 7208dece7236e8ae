/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/refusals.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "delivery/summary.h"

/* All findings of a check fit; somebody else's file is not read for ever. */
enum { TEXT_MAX = 512 << 10 };

/* The second one is there only where the drop itself is called like the first. */
static const char *const REASONS[] = {"REASON-2.txt", "REASON.txt"};

void refusal_free(Refusal *refusal)
{
  g_free(refusal->id);
  g_free(refusal->text);
  g_free(refusal->reason);
  g_free(refusal);
}

static int open_reason(const char *spool, const char *id)
{
  int fd = -1;

  for (guint i = 0; fd < 0 && i < G_N_ELEMENTS(REASONS); i++) {
    g_autofree char *path = g_build_filename(spool, "rejected", id, REASONS[i], NULL);
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  }
  return fd;
}

/* Ended by a NUL, wherever it ends. */
static char *read_text(int fd)
{
  GString *text = g_string_sized_new(1024);
  char chunk[1024];
  gssize got;

  while (text->len < TEXT_MAX && (got = read(fd, chunk, sizeof chunk)) > 0) {
    g_string_append_len(text, chunk, got);
  }
  return g_string_free(text, FALSE);
}

/* "x.md was not sent.", a blank line, then the findings: the first of those. */
static char *first_finding(const char *text)
{
  const char *paragraph = strstr(text, "\n\n");
  const char *line = paragraph != NULL ? paragraph + 2 : text;

  return g_strndup(line, strcspn(line, "\n"));
}

static Refusal *read_refusal(const char *spool, const char *id)
{
  struct stat status;
  int fd = open_reason(spool, id);
  Refusal *refusal = g_new0(Refusal, 1);

  refusal->id = g_strdup(id);
  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
    refusal->refused_ms = (gint64)status.st_mtime * 1000;
    refusal->text = read_text(fd);
  } else {
    refusal->text = g_strdup("");
  }
  refusal->reason = first_finding(refusal->text);
  if (fd >= 0) {
    close(fd);
  }
  return refusal;
}

GPtrArray *refusals_list(const char *spool, gint64 since_ms, GError **error)
{
  g_autoptr(GPtrArray) ids = releases_list(spool, "rejected", error);

  if (ids == NULL) {
    return NULL;
  }
  GPtrArray *refusals = g_ptr_array_new_with_free_func((GDestroyNotify)refusal_free);
  for (guint i = 0; i < ids->len; i++) {
    Refusal *refusal = read_refusal(spool, g_ptr_array_index(ids, i));
    if (refusal->refused_ms >= since_ms) {
      g_ptr_array_add(refusals, refusal);
    } else {
      refusal_free(refusal);
    }
  }
  return refusals;
}

Refusal *refusals_find(const char *spool, const char *part)
{
  g_autoptr(GPtrArray) ids = releases_list(spool, "rejected", NULL);

  for (guint i = ids != NULL ? ids->len : 0; i > 0; i--) {
    const char *id = g_ptr_array_index(ids, i - 1);
    if (strstr(id, part) != NULL) {
      return read_refusal(spool, id);
    }
  }
  return NULL;
}
