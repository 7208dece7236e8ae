/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/suppression-file.h"

#include <string.h>

#include "base/clock.h"
#include "contacts/linereader.h"
#include "contacts/list.h"

typedef struct {
  Suppression *suppression;
  const char *path;
  const char *name;
  const SuppressionEntry *usual;
  SuppressionCounts *counts;
  Report *report;
} Import;

/* --- Entries. --- */

static void refuse(Import *import, guint line, const char *text)
{
  import->counts->wrong++;
  report_error(import->report, import->name, line, 0, "%s", text);
}

/* FALSE with error where the list cannot be written. */
static gboolean add(Import *import, const SuppressionEntry *entry, guint line, GError **error)
{
  g_autoptr(GError) reason = NULL;
  gboolean added;
  if (suppression_add(import->suppression, entry, &added, &reason)) {
    *(added ? &import->counts->added : &import->counts->known) += 1;
    return TRUE;
  }
  if (reason->domain != ADDRESS_ERROR &&
      !g_error_matches(reason, SUPPRESSION_ERROR, SUPPRESSION_ERROR_SCOPE)) {
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  refuse(import, line, reason->message);
  return TRUE;
}

static char *evidence_of(const Import *import, guint line)
{
  return import->usual->evidence ? g_strdup(import->usual->evidence)
                                 : g_strdup_printf("%s line %u", import->name, line);
}

/* --- A table. --- */

typedef enum { SCOPE, REASON, SINCE, EVIDENCE, COLUMNS } Column;

/* What was written so that no spreadsheet takes it for a formula: '=… */
static const char *without_guard(const char *cell)
{
  return cell[0] == '\'' && cell[1] != '\0' && strchr("=+-@", cell[1]) ? cell + 1 : cell;
}

static const char *cell_of(const ListRow *row, int column)
{
  return column >= 0 && *row->cells[column] ? without_guard(row->cells[column]) : NULL;
}

/* As the export writes it, or as people do. */
static gboolean read_since(const char *text, gint64 *since_ms, GError **error)
{
  return clock_parse_utc(text, strlen(text), since_ms) ||
         clock_parse_moment(text, since_ms, NULL, error);
}

/* FALSE after a refusal. */
static gboolean read_details(Import *import, const ListRow *row, const int *columns,
                             SuppressionEntry *entry)
{
  const char *scope = cell_of(row, columns[SCOPE]);
  const char *reason = cell_of(row, columns[REASON]);
  const char *since = cell_of(row, columns[SINCE]);
  g_autoptr(GError) error = NULL;
  entry->scope = scope ? scope : entry->scope;
  if (reason && !suppression_reason_read(reason, &entry->reason)) {
    g_autofree char *text = g_strdup_printf("\"%s\" is no reason; write asked, bounced, complained, "
                                            "erased or manual", reason);
    refuse(import, row->line, text);
    return FALSE;
  }
  if (since && !read_since(since, &entry->since_ms, &error)) {
    refuse(import, row->line, error->message);
    return FALSE;
  }
  return TRUE;
}

static gboolean take_row(Import *import, const List *list, const ListRow *row, const int *columns,
                         GError **error)
{
  SuppressionEntry entry = *import->usual;
  if (row->flaw) {
    refuse(import, row->line, row->flaw);
    return TRUE;
  }
  if (!read_details(import, row, columns, &entry)) {
    return TRUE;
  }
  const char *evidence = cell_of(row, columns[EVIDENCE]);
  g_autofree char *text = evidence ? g_strdup(evidence) : evidence_of(import, row->line);
  entry.evidence = text;
  entry.address = without_guard(row->cells[list_address_column(list)]);
  return add(import, &entry, row->line, error);
}

static gboolean import_table(Import *import, GError **error)
{
  static const char *const names[COLUMNS] = {"scope", "reason", "since", "evidence"};
  g_autofree char *name = g_strdup(import->name), *path = g_strdup(import->path);
  const ListSettings settings = {.name = name, .file = path};
  int columns[COLUMNS];
  ListRow row;
  ListResult result;
  g_autoptr(GError) broken = NULL;
  g_autoptr(List) list = list_open(&settings, import->report);
  if (!list) {
    import->counts->wrong++;
    return TRUE;
  }
  for (guint i = 0; i < COLUMNS; i++) {
    columns[i] = list_column(list, names[i]);
  }
  while ((result = list_next(list, &row, &broken)) == LIST_ROW) {
    if (!take_row(import, list, &row, columns, error)) {
      return FALSE;
    }
  }
  if (result == LIST_FAILED) {
    import->counts->wrong++;
    report_take_error(import->report, NULL, 0, &broken);
  }
  return TRUE;
}

/* --- One a line. --- */

static gboolean is_meant(const char *line)
{
  line += strspn(line, " \t");
  return *line && *line != '#';
}

static gboolean import_lines(Import *import, GError **error)
{
  const char *line;
  guint number;
  ListResult result;
  g_autoptr(LineReader) reader = line_reader_open(import->path, NULL, error);
  if (!reader) {
    return FALSE;
  }
  while ((result = line_reader_next(reader, &line, &number, error)) == LIST_ROW) {
    g_autofree char *evidence = evidence_of(import, number);
    SuppressionEntry entry = *import->usual;
    entry.address = line;
    entry.evidence = evidence;
    if (is_meant(line) && !add(import, &entry, number, error)) {
      return FALSE;
    }
  }
  return result == LIST_END;
}

/* --- Both. --- */

/* Whether the first line that is meant has several cells, and no address. */
static gboolean is_table(const char *path, gboolean *table, GError **error)
{
  const char *line;
  guint number;
  ListResult result;
  g_autoptr(LineReader) reader = line_reader_open(path, NULL, error);
  *table = FALSE;
  if (!reader) {
    return FALSE;
  }
  do {
    result = line_reader_next(reader, &line, &number, error);
  } while (result == LIST_ROW && !is_meant(line));
  *table = result == LIST_ROW && strpbrk(line, ",;\t|") && !strchr(line, '@');
  return result != LIST_FAILED;
}

gboolean suppression_import(Suppression *suppression, const char *path, const char *name,
                            const SuppressionEntry *usual, SuppressionCounts *counts,
                            Report *report, GError **error)
{
  Import import = {suppression, path, name, usual, counts, report};
  gboolean table;
  *counts = (SuppressionCounts){0};
  if (!is_table(path, &table, error)) {
    g_prefix_error(error, "%s: ", name);
    return FALSE;
  }
  if (!suppression_begin(suppression, error)) {
    return FALSE;
  }
  if ((table ? import_table : import_lines)(&import, error) &&
      suppression_commit(suppression, error)) {
    return TRUE;
  }
  suppression_roll_back(suppression);
  return FALSE;
}
