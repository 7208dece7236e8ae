/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/list.h"

#include <string.h>

#include "base/address.h"
#include "base/limits.h"

G_DEFINE_QUARK(contacts-error-quark, contacts_error)

struct List {
  char *name;
  char *file;
  RowReader *reader;
  char **mappings;       /* "FIELD=COLUMN", or NULL */
  char **columns;        /* up to the last that has a name */
  guint n_columns;
  guint n_header_cells;  /* with the nameless ones after them */
  guint address_column;
  const char *cells[LIMIT_CSV_COLUMNS];  /* of the row at hand */
  char *flaw;
};

/* --- Cells. --- */

static gboolean is_blank(char c)
{
  return c == ' ' || c == '\t';
}

/* Takes off the blanks around it, which spreadsheets and people leave there. */
static void trim_cell(FileCell *cell)
{
  while (cell->length > 0 && is_blank(cell->text[cell->length - 1])) {
    cell->length--;
  }
  while (cell->length > 0 && is_blank(*cell->text)) {
    cell->text++;
    cell->length--;
  }
  cell->text[cell->length] = '\0';
}

static void trim_row(List *list, FileRow *row)
{
  guint n = MIN(row->n_cells, LIMIT_CSV_COLUMNS);
  for (guint i = 0; i < n; i++) {
    if (!row->cells[i].is_exact) {
      trim_cell(&row->cells[i]);
    }
    list->cells[i] = row->cells[i].text;
  }
  while (row->n_used > 0 && row->n_used <= n && row->cells[row->n_used - 1].length == 0) {
    row->n_used--;
  }
}

/* The next row that is not empty. */
static ListResult next_row(List *list, FileRow *row, GError **error)
{
  ListResult result;
  do {
    result = row_reader_next(list->reader, row, error);
    if (result == LIST_ROW) {
      trim_row(list, row);
    }
  } while (result == LIST_ROW && row->n_used == 0 && !row->flaw);
  return result;
}

/* --- Names of columns. --- */

static int find_column(const List *list, const char *name)
{
  for (guint i = 0; i < list->n_columns; i++) {
    if (*list->columns[i] && column_name_equal(list->columns[i], name)) {
      return (int)i;
    }
  }
  return -1;
}

/* The column of the first of names that there is, or -1. */
static int find_any(const List *list, const char *const *names)
{
  int column = -1;
  for (; column < 0 && names && *names; names++) {
    column = find_column(list, *names);
  }
  return column;
}

/* The column that the configuration says name is, or NULL. */
static const char *find_mapping(const List *list, const char *name)
{
  for (char **mapping = list->mappings; mapping && *mapping; mapping++) {
    const char *equals = strchr(*mapping, '=');
    g_autofree char *field = g_strndup(*mapping, (gsize)(equals - *mapping));
    if (column_name_equal(field, name)) {
      return equals + 1;
    }
  }
  return NULL;
}

int list_column(const List *list, const char *name)
{
  const char *mapped = find_mapping(list, name);
  int column = find_column(list, mapped ? mapped : name);
  if (column >= 0) {
    return column;
  }
  const char *const *synonyms = column_synonyms(name);
  return synonyms == column_names(MEANING_ADDRESS) ? (int)list->address_column
                                                   : find_any(list, synonyms);
}

/* The same for a meaning that the configuration may map by any of its names. */
int list_column_meaning(const List *list, ColumnMeaning meaning)
{
  const char *const *names = column_names(meaning);
  for (const char *const *name = names; *name; name++) {
    const char *mapped = find_mapping(list, *name);
    if (mapped) {
      return find_column(list, mapped);
    }
  }
  return find_any(list, names);
}

/* --- The header. --- */

/* The named columns as a sentence may list them. */
static char *describe_columns(const List *list)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < list->n_columns; i++) {
    if (*list->columns[i]) {
      g_string_append_printf(text, "%s\"%s\"", text->len > 0 ? ", " : "", list->columns[i]);
    }
  }
  return g_string_free(text, FALSE);
}

static gboolean has_address(const FileRow *header)
{
  for (guint i = 0; i < MIN(header->n_cells, LIMIT_CSV_COLUMNS); i++) {
    g_auto(Address) address = {0};
    if (address_parse(header->cells[i].text, &address, NULL)) {
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean check_header(const List *list, const FileRow *header, Report *report)
{
  if (header->flaw) {
    report_error(report, list->file, header->line, 0, "the names of the columns: %s",
                 header->flaw);
  } else if (header->n_used > LIMIT_CSV_COLUMNS) {
    report_error(report, list->file, header->line, 0, "%u columns; at most %d are allowed",
                 header->n_used, LIMIT_CSV_COLUMNS);
  } else if (has_address(header)) {
    report_error(report, list->file, header->line, 0,
                 "the first line holds a mail address; it must name the columns, "
                 "such as \"email\" and \"first_name\"");
  } else {
    return TRUE;
  }
  return FALSE;
}

static void take_columns(List *list, const FileRow *header)
{
  list->n_header_cells = header->n_cells;
  list->n_columns = header->n_used;
  list->columns = g_new0(char *, list->n_columns + 1);
  for (guint i = 0; i < list->n_columns; i++) {
    list->columns[i] = g_strstrip(g_strdup(header->cells[i].text));
  }
}

static void warn_of_nameless_columns(const List *list, guint line, Report *report)
{
  g_autoptr(GString) numbers = g_string_new(NULL);
  guint count = 0;
  for (guint i = 0; i < MIN(list->n_header_cells, LIMIT_CSV_COLUMNS); i++) {
    if (i >= list->n_columns || !*list->columns[i]) {
      g_string_append_printf(numbers, "%s%u", count++ > 0 ? ", " : "", i + 1);
    }
  }
  if (count > 0) {
    report_warning(report, list->file, line, 0, "%s %s without a name; nothing can refer to %s",
                   count == 1 ? "column" : "columns", numbers->str, count == 1 ? "it" : "them");
  }
}

static gboolean check_duplicates(const List *list, guint line, Report *report)
{
  gboolean good = TRUE;
  for (guint i = 1; i < list->n_columns; i++) {
    int first = *list->columns[i] ? find_column(list, list->columns[i]) : -1;
    if (first >= 0 && (guint)first < i) {
      report_error(report, list->file, line, 0,
                   "columns %d and %u have the same name, \"%s\" (case, '_', '-' and ' ' are "
                   "alike); rename one of them", first + 1, i + 1, list->columns[i]);
      good = FALSE;
    }
  }
  return good;
}

static gboolean check_mappings(const List *list, guint line, Report *report)
{
  gboolean good = TRUE;
  for (char **mapping = list->mappings; mapping && *mapping; mapping++) {
    const char *column = strchr(*mapping, '=') + 1;
    if (find_column(list, column) < 0) {
      g_autofree char *columns = describe_columns(list);
      report_error(report, list->file, line, 0, "no column is called \"%s\", which columns of "
                   "list \"%s\" names; there are: %s", column, list->name, columns);
      good = FALSE;
    }
  }
  return good;
}

static gboolean find_address_column(List *list, const char *wanted, guint line, Report *report)
{
  int column = wanted ? find_column(list, wanted) : list_column_meaning(list, MEANING_ADDRESS);
  if (column >= 0) {
    list->address_column = (guint)column;
    return TRUE;
  }
  g_autofree char *columns = describe_columns(list);
  if (wanted) {
    report_error(report, list->file, line, 0,
                 "no column is called \"%s\", which address_column of list \"%s\" names; "
                 "there are: %s", wanted, list->name, columns);
  } else {
    report_error(report, list->file, line, 0,
                 "no column is known to hold mail addresses (\"email\", \"e-mail\", \"mail\", …); "
                 "there are: %s; rename one, or name it as address_column of list \"%s\"",
                 columns, list->name);
  }
  return FALSE;
}

static gboolean read_header(List *list, const ListSettings *settings, Report *report)
{
  FileRow header;
  g_autoptr(GError) error = NULL;
  switch (next_row(list, &header, &error)) {
  case LIST_FAILED:
    report_take_error(report, list->file, 0, &error);
    return FALSE;
  case LIST_END:
    report_error(report, list->file, 0, 0, "the list is empty; a first line that names the "
                 "columns is expected, then a line for each contact");
    return FALSE;
  case LIST_ROW:
    break;
  }
  if (!check_header(list, &header, report)) {
    return FALSE;
  }
  take_columns(list, &header);
  warn_of_nameless_columns(list, header.line, report);
  gboolean unique = check_duplicates(list, header.line, report);
  return check_mappings(list, header.line, report) &&
         find_address_column(list, settings->address_column, header.line, report) && unique;
}

/* --- Opening. --- */

List *list_open(const ListSettings *settings, Report *report)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(List) list = g_new0(List, 1);
  list->name = g_strdup(settings->name);
  list->mappings = g_strdupv(settings->columns);
  list->file = g_path_get_basename(settings->file);
  list->reader = row_reader_open(settings->file, settings->encoding, &error);
  if (!list->reader) {
    g_prefix_error(&error, "the list %s cannot be used: ", settings->file);
    report_take_error(report, list->file, 0, &error);
    return NULL;
  }
  const char *remark = row_reader_remark(list->reader);
  if (remark) {
    report_warning(report, list->file, 0, 0, "%s %s", list->file, remark);
  }
  return read_header(list, settings, report) ? g_steal_pointer(&list) : NULL;
}

void list_close(List *list)
{
  if (!list) {
    return;
  }
  row_reader_close(list->reader);
  g_strfreev(list->mappings);
  g_strfreev(list->columns);
  g_free(list->name);
  g_free(list->file);
  g_free(list->flaw);
  g_free(list);
}

const char *list_name(const List *list)
{
  return list->name;
}

const char *list_file(const List *list)
{
  return list->file;
}

const char *const *list_columns(const List *list)
{
  return (const char *const *)list->columns;
}

guint list_address_column(const List *list)
{
  return list->address_column;
}

/* --- Rows. --- */

/* The number of the first cell with a NUL, from 1; 0 where there is none. */
static guint find_nul(const FileRow *row)
{
  for (guint i = 0; i < MIN(row->n_cells, LIMIT_CSV_COLUMNS); i++) {
    if (memchr(row->cells[i].text, '\0', row->cells[i].length)) {
      return i + 1;
    }
  }
  return 0;
}

/* A row that is too short has most likely lost a delimiter, one that is too long has a
 * delimiter within a cell: in both, values stand in the wrong columns. */
static const char *find_flaw(List *list, const FileRow *row)
{
  gboolean too_short = row->n_cells < list->n_columns;
  guint found = too_short ? row->n_cells : row->n_used;
  guint nul = find_nul(row);
  g_clear_pointer(&list->flaw, g_free);
  if (row->flaw) {
    list->flaw = g_strdup(row->flaw);
  } else if (nul > 0) {
    list->flaw = g_strdup_printf("cell %u holds a NUL", nul);
  } else if (too_short || found > list->n_header_cells) {
    list->flaw = g_strdup_printf("the row has %u cell%s; %u %s expected", found,
                                 found == 1 ? "" : "s", list->n_columns,
                                 list->n_columns == 1 ? "is" : "are");
  }
  return list->flaw;
}

/* Cells that a row does not have are empty. */
static void fill_cells(List *list, guint n_cells)
{
  for (guint i = n_cells; i < list->n_columns; i++) {
    list->cells[i] = "";
  }
}

ListResult list_next(List *list, ListRow *row, GError **error)
{
  FileRow read;
  ListResult result = next_row(list, &read, error);
  if (result == LIST_ROW) {
    fill_cells(list, read.n_cells);
    *row = (ListRow){.line = read.line, .cells = list->cells, .flaw = find_flaw(list, &read)};
  } else if (result == LIST_FAILED) {
    g_prefix_error(error, "%s: ", list->file);
  }
  return result;
}
