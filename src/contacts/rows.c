/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/rows.h"

#include <string.h>

#include "contacts/csvreader.h"
#include "contacts/rowformats.h"
#include "contacts/sheet.h"
#include "contacts/textfile.h"

enum { HEAD = 4096 };

static const RowFormat *const FORMATS[] = {
  &csv_format, &vcard_format, &json_format, &text_format, &sheet_format,
};

static gboolean has_suffix(const char *path, const char *suffixes)
{
  const char *dot = strrchr(path, '.');
  g_auto(GStrv) each = g_strsplit(suffixes, " ", -1);
  g_autofree char *suffix = g_ascii_strdown(dot ? dot : "", -1);
  return dot && g_strv_contains((const char *const *)each, suffix);
}

/* How the text of the file begins, without a NUL in it. */
static char *read_head(const char *path, const char *encoding, GError **error)
{
  g_autoptr(TextFile) file = text_file_open(path, encoding, error);
  g_autofree char *head = g_malloc0(HEAD + 1);
  gsize length = 0;
  if (!file || !text_file_read(file, head, HEAD, &length, error)) {
    return NULL;
  }
  head[length] = '\0';
  return g_steal_pointer(&head);
}

static const RowFormat *find_format(const char *path, const char *encoding, GError **error)
{
  if (is_sheet(path)) {
    return &sheet_format;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(FORMATS); i++) {
    if (has_suffix(path, FORMATS[i]->suffixes)) {
      return FORMATS[i];
    }
  }
  g_autofree char *head = read_head(path, encoding, error);
  for (gsize i = 0; head && i < G_N_ELEMENTS(FORMATS); i++) {
    if (FORMATS[i]->is_it && FORMATS[i]->is_it(head)) {
      return FORMATS[i];
    }
  }
  return head ? &csv_format : NULL;
}

RowReader *row_reader_open(const char *path, const char *encoding, GError **error)
{
  const RowFormat *format = find_format(path, encoding, error);
  RowReader *reader = format ? format->open(path, encoding, error) : NULL;
  if (reader) {
    reader->format = format;
  }
  return reader;
}

void row_reader_close(RowReader *reader)
{
  if (reader) {
    reader->format->close(reader);
  }
}

const char *row_reader_remark(const RowReader *reader)
{
  return reader->format->remark(reader);
}

ListResult row_reader_next(RowReader *reader, FileRow *row, GError **error)
{
  return reader->format->next(reader, row, error);
}
