/* SPDX-License-Identifier: Apache-2.0 */

/* libcsv does the parsing but knows nothing of lines. So it is handed the text in pieces
 * that never reach beyond the end of a physical line (LF, CRLF or CR): while it works on
 * a piece, reader->line is the line of every byte it sees, and a row can only end at the
 * end of a piece. A piece that ends a line without ending the row is inside quotation
 * marks; that is how embedded line breaks are counted, and how quotation marks that are
 * never closed are found out at the end of the file.
 *
 * Malformed quotation. libcsv runs in strict mode, in which it stops at a quotation mark
 * that stands where none belongs. Inside a cell that is not quoted the mark is then taken
 * literally (Jane "JJ" Doe). Text after a closing mark ("Jane "JJ" Doe") is a flaw of
 * the row; the cell goes on as one without marks, and so ends with its line at the latest:
 * libcsv by itself would take it as still quoted, and swallow the rows that follow. */

#include "contacts/csvreader.h"

#include <csv.h>
#include <string.h>

#include "base/limits.h"
#include "contacts/textfile.h"

enum { BUFFER_SIZE = 64 << 10 };

struct CsvReader {
  TextFile *file;
  struct csv_parser parser;
  char buffer[BUFFER_SIZE];
  gsize position, filled;
  guint line;              /* of the byte at position, from 1 */
  gboolean after_cr;       /* an LF now belongs to the line that ended with CR */

  /* The row that is being read. */
  gboolean begun, done;
  guint row_line, cell_line;
  guint n_cells, n_used;
  GString *text;           /* its cells, each with a NUL */
  gsize offsets[LIMIT_CSV_COLUMNS];
  const char *cells[LIMIT_CSV_COLUMNS];
  guint n_filled;          /* of cells, by the row before */
  char flaw[160];
};

/* --- What libcsv reports. --- */

/* The first flaw of a row is the one that is told. */
static void G_GNUC_PRINTF(2, 3) note_flaw(CsvReader *reader, const char *format, ...)
{
  if (!*reader->flaw) {
    va_list arguments;
    va_start(arguments, format);
    g_vsnprintf(reader->flaw, sizeof reader->flaw, format, arguments);
    va_end(arguments);
  }
}

static gboolean check_cell(CsvReader *reader, const char *cell, gsize length)
{
  const char *bad;
  if (length > LIMIT_CSV_CELL) {
    note_flaw(reader, "cell %u has more than %d bytes", reader->n_cells, LIMIT_CSV_CELL);
    return FALSE;
  }
  if (g_utf8_validate_len(cell, length, &bad)) {
    return TRUE;
  }
  if (*bad) {
    note_flaw(reader, "cell %u holds the byte \\x%02x, which is not UTF-8", reader->n_cells,
              (guchar)*bad);
  } else {
    note_flaw(reader, "cell %u holds a NUL", reader->n_cells);
  }
  return FALSE;
}

static void on_cell(void *cell, size_t length, void *data)
{
  CsvReader *reader = data;
  reader->n_cells++;
  reader->cell_line = reader->line;
  if (length > 0) {
    reader->n_used = reader->n_cells;
  }
  gboolean good = check_cell(reader, cell, length);
  if (reader->n_cells <= LIMIT_CSV_COLUMNS) {
    reader->offsets[reader->n_cells - 1] = reader->text->len;
    g_string_append_len(reader->text, good ? cell : "", good ? (gssize)length : 0);
    g_string_append_c(reader->text, '\0');
  }
}

static void on_row(G_GNUC_UNUSED int terminator, void *data)
{
  CsvReader *reader = data;
  reader->done = TRUE;
}

/* --- Feeding libcsv. --- */

/* The parser stopped before the byte at text. After a closing mark, libcsv takes the byte
 * (a quotation mark needs a second one to be taken as text) and goes back into the cell;
 * quoted, which it left set, says what kind of cell that is. */
static void take_stray_byte(CsvReader *reader, const char *text)
{
  struct csv_parser *parser = &reader->parser;
  gboolean closed = parser->quoted != 0;
  csv_set_opts(parser, 0);
  csv_parse(parser, text, 1, on_cell, on_row, reader);
  if (closed) {
    if (*text == '"') {
      csv_parse(parser, text, 1, on_cell, on_row, reader);
    }
    parser->quoted = 0;
    note_flaw(reader, "cell %u goes on after its closing quotation mark; a quotation mark "
              "inside quotation marks is written twice", reader->n_cells + 1);
  }
  csv_set_opts(parser, CSV_STRICT);
}

static void feed(CsvReader *reader, const char *text, gsize length)
{
  while (length > 0) {
    gsize taken = csv_parse(&reader->parser, text, length, on_cell, on_row, reader);
    if (taken < length) {
      take_stray_byte(reader, text + taken);
      taken++;
    }
    text += taken;
    length -= taken;
  }
}

/* libcsv keeps a cell until it ends: after an opening mark without a closing one that
 * would be the rest of the file. A cell beyond the cap is wrong already; it is cut to
 * one byte more than the cap, so that on_cell() sees it as too long. (spaces, the blanks
 * at its end, may never exceed what is kept.) */
static void forget_excess(CsvReader *reader)
{
  struct csv_parser *parser = &reader->parser;
  if (parser->entry_pos > LIMIT_CSV_CELL + BUFFER_SIZE) {
    note_flaw(reader, "cell %u has more than %d bytes", reader->n_cells + 1, LIMIT_CSV_CELL);
    parser->entry_pos = LIMIT_CSV_CELL + 1;
    parser->spaces = MIN(parser->spaces, LIMIT_CSV_CELL);
  }
}

/* The length of the piece at text: through the end of its line. */
static gsize piece_length(const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    if (text[i] == '\n') {
      return i + 1;
    }
    if (text[i] == '\r') {
      return i + 1 < length && text[i + 1] == '\n' ? i + 2 : i + 1;
    }
  }
  return length;
}

static gboolean is_blank(const char *text, gsize length)
{
  while (length > 0 && strchr(" \t\r\n", *text) && *text) {
    text++;
    length--;
  }
  return length == 0;
}

static void take_piece(CsvReader *reader, const char *text, gsize length)
{
  if (!reader->begun && !is_blank(text, length)) {
    reader->begun = TRUE;
    reader->row_line = reader->cell_line = reader->line;
  }
  feed(reader, text, length);
  forget_excess(reader);
  char last = text[length - 1];
  gboolean ends_line = last == '\n' || last == '\r';
  if (ends_line && !(reader->after_cr && length == 1 && last == '\n')) {
    reader->line++;
  }
  reader->after_cr = last == '\r';
}

static gboolean fill_buffer(CsvReader *reader, GError **error)
{
  reader->position = 0;
  if (!text_file_read(reader->file, reader->buffer, BUFFER_SIZE, &reader->filled, error)) {
    g_prefix_error(error, "after line %u: ", reader->line);
    return FALSE;
  }
  return TRUE;
}

/* The file has ended: so does its last line, if it did not yet. */
static gboolean end_last_row(CsvReader *reader, GError **error)
{
  if (!reader->begun) {
    return TRUE;
  }
  feed(reader, "\n", 1);
  if (!reader->done) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST,
                "line %u: the quotation mark of a cell that begins here is never closed",
                reader->cell_line);
  }
  return reader->done;
}

/* --- Rows. --- */

static void begin_row(CsvReader *reader)
{
  reader->begun = reader->done = FALSE;
  reader->n_cells = reader->n_used = 0;
  *reader->flaw = '\0';
  g_string_truncate(reader->text, 0);
}

/* reader->done at the end of a row; neither done nor an error at the end of the file. */
static gboolean read_row(CsvReader *reader, GError **error)
{
  begin_row(reader);
  while (!reader->done) {
    if (reader->position == reader->filled) {
      if (!fill_buffer(reader, error)) {
        return FALSE;
      }
      if (reader->filled == 0) {
        return end_last_row(reader, error);
      }
    }
    const char *piece = reader->buffer + reader->position;
    gsize length = piece_length(piece, reader->filled - reader->position);
    reader->position += length;
    take_piece(reader, piece, length);
  }
  return TRUE;
}

static void point_at_cells(CsvReader *reader)
{
  guint n = MIN(reader->n_cells, LIMIT_CSV_COLUMNS);
  for (guint i = 0; i < n; i++) {
    reader->cells[i] = reader->text->str + reader->offsets[i];
  }
  for (guint i = n; i < reader->n_filled; i++) {
    reader->cells[i] = "";
  }
  reader->n_filled = n;
}

ListResult csv_reader_next(CsvReader *reader, CsvRow *row, GError **error)
{
  do {
    if (!read_row(reader, error)) {
      return LIST_FAILED;
    }
    if (!reader->done) {
      return LIST_END;
    }
  } while (reader->n_used == 0);
  point_at_cells(reader);
  *row = (CsvRow){
    .line = reader->row_line,
    .n_cells = reader->n_cells,
    .n_used = reader->n_used,
    .cells = reader->cells,
    .flaw = *reader->flaw ? reader->flaw : NULL,
  };
  return LIST_ROW;
}

/* --- Opening. --- */

/* A first line "sep=;", as Excel writes and reads it; it is passed over. */
static gboolean read_separator_line(CsvReader *reader, char *delimiter)
{
  const char *text = reader->buffer;
  if (reader->filled < 6 || g_ascii_strncasecmp(text, "sep=", 4) != 0 ||
      !g_ascii_isprint(text[4] == '\t' ? ' ' : text[4]) || text[4] == '"' ||
      g_ascii_isalnum(text[4]) || (text[5] != '\n' && text[5] != '\r')) {
    return FALSE;
  }
  *delimiter = text[4];
  reader->position = piece_length(text, reader->filled);
  reader->line++;
  return TRUE;
}

static char find_delimiter(const char *text, gsize length)
{
  static const char CANDIDATES[] = {',', ';', '\t'};
  guint counts[G_N_ELEMENTS(CANDIDATES)] = {0};
  gboolean quoted = FALSE;
  for (gsize i = 0; i < length && (quoted || (text[i] != '\n' && text[i] != '\r')); i++) {
    quoted ^= text[i] == '"';
    const char *found = quoted ? NULL : memchr(CANDIDATES, text[i], sizeof CANDIDATES);
    if (found) {
      counts[found - CANDIDATES]++;
    }
  }
  guint best = 0;
  for (guint i = 1; i < G_N_ELEMENTS(CANDIDATES); i++) {
    best = counts[i] > counts[best] ? i : best;
  }
  return CANDIDATES[best];
}

static void choose_delimiter(CsvReader *reader)
{
  char delimiter;
  if (!read_separator_line(reader, &delimiter)) {
    const char *text = reader->buffer;
    gsize length = reader->filled;
    for (; length > 0 && (*text == ' ' || *text == '\n' || *text == '\r'); length--) {
      text++;
    }
    delimiter = find_delimiter(text, length);
  }
  csv_set_delim(&reader->parser, (unsigned char)delimiter);
}

CsvReader *csv_reader_open(const char *path, GError **error)
{
  g_autoptr(TextFile) file = text_file_open(path, error);
  if (!file) {
    return NULL;
  }
  g_autoptr(CsvReader) reader = g_new0(CsvReader, 1);
  csv_init(&reader->parser, CSV_STRICT);
  csv_set_realloc_func(&reader->parser, g_realloc);
  csv_set_free_func(&reader->parser, g_free);
  reader->file = g_steal_pointer(&file);
  reader->text = g_string_new(NULL);
  reader->line = 1;
  reader->n_filled = LIMIT_CSV_COLUMNS;
  if (!fill_buffer(reader, error)) {
    return NULL;
  }
  choose_delimiter(reader);
  return g_steal_pointer(&reader);
}

void csv_reader_close(CsvReader *reader)
{
  if (!reader) {
    return;
  }
  csv_free(&reader->parser);
  text_file_close(reader->file);
  g_string_free(reader->text, TRUE);
  g_free(reader);
}

const char *csv_reader_remark(const CsvReader *reader)
{
  return text_file_remark(reader->file);
}
