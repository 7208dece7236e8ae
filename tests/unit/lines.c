/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <glib/gstdio.h>
#include <string.h>
#include "base/durable.h"
#include "base/limits.h"

char *lines_make_folder(void)
{
  GError *error = NULL;
  char *folder = g_dir_make_tmp("dateline-test-XXXXXX", &error);

  g_assert_no_error(error);
  return folder;
}

void lines_remove_folder(char *folder)
{
  GError *error = NULL;

  durable_remove_tree(folder, &error);
  g_assert_no_error(error);
  g_free(folder);
}

void lines_add_header(GString *lines)
{
  char header[64] = "dateline-journal 1";

  g_string_append_len(lines, header, (gssize)record_seal(header, strlen(header)));
}

void lines_add(GString *lines, guint64 sequence, Event event, guint32 contact, const char *value)
{
  RecordWriter writer = {0};
  char memory[LIMIT_JOURNAL_LINE];

  record_begin(&writer, memory, sequence, G_GINT64_CONSTANT(1795342500123), event, contact);
  if (value != NULL) {
    record_add(&writer, "text", value);
  }
  g_string_append_len(lines, memory, (gssize)record_end(&writer));
}

void lines_write(const char *folder, const char *name, const char *data, gsize length)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  FILE *file = g_fopen(path, "w");

  g_assert_nonnull(file);
  g_assert_cmpuint(fwrite(data, 1, length, file), ==, length);
  g_assert_cmpint(fclose(file), ==, 0);
}

GString *lines_load(const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  g_autofree char *data = NULL;
  gsize length;
  GError *error = NULL;

  g_file_get_contents(path, &data, &length, &error);
  g_assert_no_error(error);
  return g_string_new_len(data, (gssize)length);
}

void lines_describe(GString *text, const Record *record)
{
  const char *value = record->n_fields > 0 ? record->fields[record->n_fields - 1].value : "-";

  g_string_append_printf(text, "%" G_GUINT64_FORMAT " %s %u %s\n", record->sequence,
                         event_name(record->event), record->contact, value);
}

ReadResult lines_read(JournalReader *reader, GString *text, GError **error)
{
  Record record;
  ReadResult result;

  while ((result = journal_reader_next(reader, &record, error)) == READ_RECORD) {
    lines_describe(text, &record);
  }
  return result;
}
