/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/rows.h"

#include "contacts/csvreader.h"

RowReader *row_reader_open(const char *path, const char *encoding, GError **error)
{
  const RowFormat *format = &csv_format;
  RowReader *reader = format->open(path, encoding, error);
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
