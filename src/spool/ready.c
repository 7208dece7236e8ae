/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/ready.h"

#include <string.h>
#include "spool/watch.h"

static const char STATUS_SUFFIX[] = ".status.txt";

static const struct {
  const char *suffix;
  NameKind kind;
} suffixes[] = {
  {"~", NAME_LEFT_OVER},
  {".swp", NAME_LEFT_OVER},
  {".md#", NAME_LEFT_OVER},   /* "#news.md#": what an editor saved on its own */
  {".part", NAME_UNFINISHED},
  {".tmp", NAME_UNFINISHED},
  {".filepart", NAME_UNFINISHED},
  {".crdownload", NAME_UNFINISHED},
};

/* Windows and macOS put these into every folder that somebody looks at. */
static const char *const left_by_file_managers[] = {"Thumbs.db", "desktop.ini", "Icon\r",
                                                    "__MACOSX"};

static gboolean ends_in(const char *name, const char *suffix)
{
  gsize length = strlen(name), tail = strlen(suffix);

  return length >= tail && g_ascii_strcasecmp(name + length - tail, suffix) == 0;
}

NameKind ready_name_kind(const char *name)
{
  if (*name == '.') {
    return NAME_LEFT_OVER;
  }
  for (guint i = 0; i < G_N_ELEMENTS(left_by_file_managers); i++) {
    if (g_ascii_strcasecmp(name, left_by_file_managers[i]) == 0) {
      return NAME_LEFT_OVER;
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    if (ends_in(name, suffixes[i].suffix)) {
      return suffixes[i].kind;
    }
  }
  return NAME_CONTENT;
}

gboolean watch_name_is_ready(const char *name)
{
  return *name != '\0' && ready_name_kind(name) == NAME_CONTENT && !ends_in(name, STATUS_SUFFIX);
}
