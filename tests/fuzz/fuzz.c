/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <glib/gstdio.h>
#include <string.h>

enum { REPEAT = 0xFF, REPEAT_EXPONENTS = 18, EXPANDED_MAX = 1 << 19 };

GString *fuzz_expand(const guint8 *data, gsize size)
{
  GString *text = g_string_sized_new(size);

  for (gsize i = 0; i < size; i++) {
    if (data[i] != REPEAT || i + 1 == size || text->len == 0) {
      g_string_append_c(text, (char)data[i]);
      continue;
    }
    gsize times = (gsize)1 << (data[++i] % REPEAT_EXPONENTS), length = text->len;
    char repeated = text->str[length - 1];
    if (length + times <= EXPANDED_MAX) {
      g_string_set_size(text, length + times);
      memset(text->str + length, repeated, times);
    }
  }
  return text;
}

const char *fuzz_next_field(const GString *input, gsize *at)
{
  const char *field = input->str + MIN(*at, input->len);

  *at += strlen(field) + 1;
  return field;
}

void *fuzz_copy(const void *bytes, gsize length)
{
  void *copy = g_malloc(MAX(length, 1));   /* not NULL, which is no line and no reply */

  return memcpy(copy, bytes, length);
}

char *fuzz_write_file(const char *bytes, gsize length)
{
  g_autoptr(GError) error = NULL;
  char *path = NULL;
  int fd = g_file_open_tmp("dateline-fuzz-XXXXXX.md", &path, &error);

  g_assert_no_error(error);
  g_close(fd, &error);
  g_assert_no_error(error);
  g_file_set_contents_full(path, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0600, &error);
  g_assert_no_error(error);
  return path;
}

void fuzz_remove_file(char *path)
{
  g_assert_cmpint(g_unlink(path), ==, 0);
  g_free(path);
}
