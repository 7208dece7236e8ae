/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "contacts/linereader.h"
#include "contacts/rowbuffer.h"
#include "contacts/rowformats.h"

typedef struct {
  RowReader base;
  LineReader *lines;
  gboolean is_begun;   /* the names of the columns were given out */
  RowBuffer row;
} TextList;

static gboolean is_meant(const char *line)
{
  line += strspn(line, " \t");
  return *line && *line != '#';
}

/* The first line that is meant holds an address, where other lists name their columns. */
static gboolean text_is_it(const char *head)
{
  g_auto(GStrv) lines = g_strsplit_set(head, "\r\n", -1);
  for (guint i = 0; lines[i]; i++) {
    if (is_meant(lines[i])) {
      return strchr(lines[i], '@') && !strpbrk(lines[i], ",;\t|");
    }
  }
  return FALSE;
}

static void text_close(RowReader *base)
{
  TextList *list = (TextList *)base;
  line_reader_close(list->lines);
  row_buffer_clear(&list->row);
  g_free(list);
}

static RowReader *text_open(const char *path, const char *encoding, GError **error)
{
  LineReader *lines = line_reader_open(path, encoding, error);
  if (!lines) {
    return NULL;
  }
  TextList *list = g_new0(TextList, 1);
  list->lines = lines;
  row_buffer_init(&list->row);
  return &list->base;
}

static ListResult text_next(RowReader *base, FileRow *row, GError **error)
{
  TextList *list = (TextList *)base;
  const char *line = "email";
  guint number = 1;
  while (list->is_begun) {
    ListResult result = line_reader_next(list->lines, &line, &number, error);
    if (result != LIST_ROW) {
      return result;
    }
    if (is_meant(line)) {
      break;
    }
  }
  list->is_begun = TRUE;
  row_buffer_begin(&list->row, number);
  row_buffer_append(&list->row, line, strlen(line));
  row_buffer_end_cell(&list->row, FALSE);
  row_buffer_finish(&list->row, row);
  return LIST_ROW;
}

static const char *text_remark(const RowReader *base)
{
  return line_reader_remark(((const TextList *)base)->lines);
}

const RowFormat text_format = {
  .name = "text",
  .suffixes = "",
  .is_it = text_is_it,
  .open = text_open,
  .next = text_next,
  .remark = text_remark,
  .close = text_close,
};
