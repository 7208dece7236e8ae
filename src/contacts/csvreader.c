/* SPDX-License-Identifier: Apache-2.0 */

/* A machine of a few states that eats a block of the file at a time. Runs of ordinary bytes
 * are found and copied at once, so that a list is read hardly slower than its bytes are
 * looked at. libcsv, which would be there, takes blanks off cells, stops at a stray quotation
 * mark or goes on as if the cell were quoted, and knows nothing of lines. */

#include "contacts/csvreader.h"

#include <string.h>

#include "contacts/list.h"
#include "contacts/rowbuffer.h"
#include "contacts/textfile.h"

enum { BUFFER_SIZE = 64 << 10 };

typedef enum {
  AT_START,       /* of a cell */
  AT_PADDING,     /* the same, after blanks that may precede a quotation mark */
  IN_CELL,        /* where a quotation mark is an ordinary character */
  IN_QUOTES,
  AFTER_QUOTE,    /* which closes the cell, or is the first of two */
  AFTER_PADDING,  /* the cell is closed, and blanks followed */
} State;

typedef struct {
  RowReader base;
  TextFile *file;
  char delimiter;
  gboolean is_padded;   /* blanks may stand before an opening quotation mark */
  char buffer[BUFFER_SIZE];
  gsize position, filled;
  guint line;           /* of the byte at position, from 1 */
  gboolean after_cr;    /* an LF now belongs to the line that ended with CR */

  State state;
  gboolean is_exact;    /* the cell was quoted, and nothing followed */
  guint quote_line;     /* where its quotation mark stands */
  gboolean is_begun, is_done;  /* the row */
  RowBuffer row;
} CsvReader;

/* --- Cells. Each of these takes at least a byte, or changes the state. --- */

static gboolean is_line_end(char c)
{
  return c == '\n' || c == '\r';
}

static gboolean is_blank(const CsvReader *reader, char c)
{
  return (c == ' ' || c == '\t') && c != reader->delimiter;
}

static void count_line(CsvReader *reader, char c)
{
  if (!(c == '\n' && reader->after_cr)) {
    reader->line++;
  }
  reader->after_cr = c == '\r';
}

static gsize take_byte(CsvReader *reader, const char *text, State state)
{
  row_buffer_append(&reader->row, text, 1);
  reader->state = state;
  return 1;
}

static gsize open_quotes(CsvReader *reader)
{
  g_string_truncate(reader->row.text, reader->row.cell_start);
  reader->state = IN_QUOTES;
  reader->is_exact = TRUE;
  reader->quote_line = reader->line;
  return 1;
}

static gsize begin_cell(CsvReader *reader, const char *text)
{
  if (*text == '"') {
    return open_quotes(reader);
  }
  if (reader->is_padded && is_blank(reader, *text)) {
    return take_byte(reader, text, AT_PADDING);
  }
  reader->state = IN_CELL;
  return 0;
}

static gsize take_plain(CsvReader *reader, const char *text, gsize length)
{
  gsize n = 0;
  while (n < length && text[n] != reader->delimiter && !is_line_end(text[n])) {
    n++;
  }
  row_buffer_append(&reader->row, text, n);
  return n;
}

static gsize take_quoted(CsvReader *reader, const char *text, gsize length)
{
  gsize n = 0;
  for (; n < length && text[n] != '"'; n++) {
    if (is_line_end(text[n])) {
      count_line(reader, text[n]);
    } else {
      reader->after_cr = FALSE;
    }
  }
  row_buffer_append(&reader->row, text, n);
  if (n == length) {
    return n;
  }
  reader->state = AFTER_QUOTE;
  return n + 1;
}

/* What follows a closing mark, and does not end the cell. */
static gsize go_on_after_quotes(CsvReader *reader, const char *text)
{
  if (*text == '"' && reader->state == AFTER_QUOTE) {
    return take_byte(reader, text, IN_QUOTES);
  }
  reader->is_exact = FALSE;
  if (is_blank(reader, *text)) {
    return take_byte(reader, text, AFTER_PADDING);
  }
  row_buffer_flaw(&reader->row, "cell %u goes on after its closing quotation mark; a quotation "
                  "mark inside quotation marks is written twice", reader->row.n_cells + 1);
  reader->state = IN_CELL;
  return 0;
}

static gsize end_cell(CsvReader *reader, char c)
{
  row_buffer_end_cell(&reader->row, reader->is_exact);
  reader->state = AT_START;
  reader->is_exact = FALSE;
  reader->is_done = c != reader->delimiter;
  if (reader->is_done) {
    count_line(reader, c);
  }
  return 1;
}

static gsize take_piece(CsvReader *reader, const char *text, gsize length)
{
  if (reader->state == IN_QUOTES) {
    return take_quoted(reader, text, length);
  }
  if (*text == reader->delimiter || is_line_end(*text)) {
    return end_cell(reader, *text);
  }
  switch (reader->state) {
  case AFTER_QUOTE:
  case AFTER_PADDING:
    return go_on_after_quotes(reader, text);
  case IN_CELL:
    return take_plain(reader, text, length);
  default:
    return begin_cell(reader, text);
  }
}

/* --- Rows. --- */

static gboolean fill_buffer(CsvReader *reader, GError **error)
{
  reader->position = 0;
  if (!text_file_read(reader->file, reader->buffer, BUFFER_SIZE, &reader->filled, error)) {
    g_prefix_error(error, "after line %u: ", reader->line);
    return FALSE;
  }
  return TRUE;
}

/* Through the end of the row, or of the buffer. */
static void take_buffer(CsvReader *reader)
{
  while (reader->position < reader->filled && !reader->is_begun) {
    char c = reader->buffer[reader->position];
    if (is_line_end(c)) {
      count_line(reader, c);
      reader->position++;
    } else {
      row_buffer_begin(&reader->row, reader->line);
      reader->is_begun = TRUE;
      reader->after_cr = FALSE;
    }
  }
  while (reader->position < reader->filled && !reader->is_done) {
    reader->position += take_piece(reader, reader->buffer + reader->position,
                                   reader->filled - reader->position);
  }
}

/* The file has ended: so does its last line, if it did not yet. */
static gboolean end_last_row(CsvReader *reader, GError **error)
{
  if (reader->is_begun && reader->state == IN_QUOTES) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST,
                "line %u: the quotation mark of a cell that begins here is never closed",
                reader->quote_line);
    return FALSE;
  }
  if (reader->is_begun) {
    end_cell(reader, '\n');
  }
  return TRUE;
}

static ListResult csv_next(RowReader *base, FileRow *row, GError **error)
{
  CsvReader *reader = (CsvReader *)base;
  reader->is_begun = reader->is_done = FALSE;
  reader->state = AT_START;
  while (!reader->is_done) {
    if (reader->position == reader->filled) {
      if (!fill_buffer(reader, error)) {
        return LIST_FAILED;
      }
      if (reader->filled == 0) {
        if (!end_last_row(reader, error)) {
          return LIST_FAILED;
        }
        break;
      }
    }
    take_buffer(reader);
  }
  if (!reader->is_done) {
    return LIST_END;
  }
  row_buffer_finish(&reader->row, row);
  return LIST_ROW;
}

/* --- The dialect. --- */

/* A first line "sep=;", as Excel writes and reads it; it is passed over. */
static gboolean read_separator_line(CsvReader *reader)
{
  const char *text = reader->buffer;
  if (reader->filled < 6 || g_ascii_strncasecmp(text, "sep=", 4) != 0 ||
      !(text[4] == '\t' || g_ascii_ispunct(text[4])) || text[4] == '"' ||
      !is_line_end(text[5])) {
    return FALSE;
  }
  reader->delimiter = text[4];
  reader->position = 6;
  count_line(reader, text[5]);
  return TRUE;
}

static const char DELIMITERS[] = {',', ';', '\t', '|'};

typedef struct {
  guint count;    /* outside quotation marks */
  guint padded;   /* of these, followed by a blank */
} Delimiting;

/* found: by DELIMITERS. Returns where the line that begins at text ends. */
static const char *survey_line(const char *text, const char *end, Delimiting *found)
{
  gboolean quoted = FALSE;
  const char *p = text;
  for (; p < end && (quoted || !is_line_end(*p)); p++) {
    quoted ^= *p == '"';
    const char *delimiter = quoted ? NULL : memchr(DELIMITERS, *p, sizeof DELIMITERS);
    if (delimiter) {
      found[delimiter - DELIMITERS].count++;
      found[delimiter - DELIMITERS].padded += p + 1 < end && p[1] == ' ';
    }
  }
  return p;
}

static const char *skip_line_ends(const char *text, const char *end)
{
  while (text < end && is_line_end(*text)) {
    text++;
  }
  return text;
}

/* The delimiter is the most frequent in the first line, and of two the one that is more
 * frequent in the second. */
static void choose_dialect(CsvReader *reader)
{
  Delimiting first[sizeof DELIMITERS] = {0};
  Delimiting second[sizeof DELIMITERS] = {0};
  gboolean is_told = read_separator_line(reader);
  const char *end = reader->buffer + reader->filled;
  const char *text = skip_line_ends(reader->buffer + reader->position, end);
  text = survey_line(text, end, first);
  survey_line(skip_line_ends(text, end), end, second);
  guint best = 0;
  for (guint i = 1; i < sizeof DELIMITERS; i++) {
    gboolean is_tie = first[i].count == first[best].count;
    best = first[i].count > first[best].count || (is_tie && second[i].count > second[best].count)
             ? i
             : best;
  }
  if (!is_told) {
    reader->delimiter = DELIMITERS[best];
  }
  reader->is_padded = reader->delimiter == DELIMITERS[best] && first[best].count > 0 &&
                      first[best].padded == first[best].count;
}

/* --- Opening. --- */

static void csv_close(RowReader *base)
{
  CsvReader *reader = (CsvReader *)base;
  text_file_close(reader->file);
  row_buffer_clear(&reader->row);
  g_free(reader);
}

static RowReader *csv_open(const char *path, const char *encoding, GError **error)
{
  g_autoptr(TextFile) file = text_file_open(path, encoding, error);
  if (!file) {
    return NULL;
  }
  CsvReader *reader = g_new0(CsvReader, 1);
  reader->file = g_steal_pointer(&file);
  reader->line = 1;
  row_buffer_init(&reader->row);
  if (!fill_buffer(reader, error)) {
    csv_close(&reader->base);
    return NULL;
  }
  choose_dialect(reader);
  return &reader->base;
}

static const char *csv_remark(const RowReader *base)
{
  return text_file_remark(((const CsvReader *)base)->file);
}

const RowFormat csv_format = {
  .name = "CSV",
  .suffixes = ".csv .tsv .tab .psv",
  .open = csv_open,
  .next = csv_next,
  .remark = csv_remark,
  .close = csv_close,
};
