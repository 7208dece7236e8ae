/* SPDX-License-Identifier: Apache-2.0 */

/* Building a roster: each row of each list is judged once and gets its fate. What is
 * wrong with the lists is told to whoever wrote them; how the file is written is
 * RosterWriter's affair.
 *
 * A duplicate is a row with the address of an earlier *recipient*. A row that was left
 * out for another reason does not stand in the way of a later, complete one. What the release
 * itself leaves out comes first: nobody wants to hear what is wrong with those rows. */

#include <string.h>

#include "base/names.h"
#include "contacts/roster-writer.h"
#include "contacts/roster.h"
#include "contacts/suspicion.h"
#include "contacts/where.h"

/* Findings of one kind that are told one by one; then only their number. */
enum { TOLD_ONE_BY_ONE = 10 };

typedef struct {
  List *list;
  guint number;
  int *columns;          /* by field; -1: the list has none */
  int name, first_name, last_name;  /* columns of the display name, or -1 */
} Source;

typedef struct {
  const RosterPlan *plan;
  GPtrArray *sources;          /* Source * */
  GPtrArray *lists;            /* List *, theirs */
  Where *where;                /* NULL: all rows */
  GPtrArray *excluded_files;   /* char *, of the excluded lists */
  RosterWriter *excluded;      /* the addresses that are not wanted; NULL: none */
  RosterField *fields;         /* those that go into the roster */
  guint n_fields;
  GStringChunk *names;         /* of fields that are named anew */
  gboolean *required;          /* by field; not where no list has it: that is told once */
  const char **values;         /* by field, of the row at hand */
  RosterWriter *writer;
  RosterCounts *counts;
  Report *report;
  const char *first_missing;   /* of the fields that the row at hand has no value for */
  guint64 rows_without_value;
  guint64 suspicions;
  GString *text;               /* scratch: a display name, or a reason */
} Builder;

/* --- Sources. --- */

static void source_free(gpointer pointer)
{
  Source *source = pointer;
  list_close(source->list);
  g_free(source->columns);
  g_free(source);
}

static Source *source_new(List *list, guint number, const RosterField *fields, guint n_fields)
{
  Source *source = g_new0(Source, 1);
  source->list = list;
  source->number = number;
  source->columns = g_new(int, n_fields);
  for (guint i = 0; i < n_fields; i++) {
    source->columns[i] = list_column(list, fields[i].name);
  }
  source->name = list_column_meaning(list, MEANING_NAME);
  source->first_name = list_column_meaning(list, MEANING_FIRST_NAME);
  source->last_name = list_column_meaning(list, MEANING_LAST_NAME);
  return source;
}

/* Opens all lists, to tell what is wrong with each; FALSE where one is unusable. */
static gboolean open_sources(Builder *builder)
{
  gboolean good = TRUE;
  const GPtrArray *lists = builder->plan->lists;
  for (guint i = 0; i < lists->len; i++) {
    List *list = list_open(g_ptr_array_index(lists, i), builder->report);
    if (list) {
      g_ptr_array_add(builder->lists, list);
      g_ptr_array_add(builder->sources,
                      source_new(list, i + 1, builder->fields, builder->n_fields));
    }
    good = good && list;
  }
  return good;
}

/* --- Fields. --- */

static const char *suggest_column(const Builder *builder, const char *name)
{
  g_autoptr(GPtrArray) candidates = g_ptr_array_new();
  for (guint i = 0; i < builder->sources->len; i++) {
    const Source *source = g_ptr_array_index(builder->sources, i);
    for (const char *const *column = list_columns(source->list); *column; column++) {
      g_ptr_array_add(candidates, (gpointer)*column);
    }
  }
  g_ptr_array_add(candidates, NULL);
  return nearest_word(name, (const char *const *)candidates->pdata);
}

static void report_unknown_field(const Builder *builder, const char *name)
{
  const char *meant = suggest_column(builder, name);
  if (meant) {
    report_error(builder->report, NULL, 0, 0,
                 "no list has a column for {{%s}}; did you mean {{%s}}?", name, meant);
  } else {
    report_error(builder->report, NULL, 0, 0,
                 "no list has a column for {{%s}}; it must be the name of a column", name);
  }
}

static guint count_lists_with(const Builder *builder, guint field)
{
  guint count = 0;
  for (guint i = 0; i < builder->sources->len; i++) {
    const Source *source = g_ptr_array_index(builder->sources, i);
    count += source->columns[field] >= 0;
  }
  return count;
}

static void warn_of_lists_without(const Builder *builder, guint field)
{
  for (guint i = 0; i < builder->sources->len; i++) {
    const Source *source = g_ptr_array_index(builder->sources, i);
    if (source->columns[field] < 0) {
      report_warning(builder->report, list_file(source->list), 0, 0,
                     "list \"%s\" has no column for {{%s}}, which other lists have",
                     list_name(source->list), builder->fields[field].name);
    }
  }
}

/* The column of "a" where no list has one of "a.b". */
static void try_head(Builder *builder, guint field)
{
  const char *name = builder->fields[field].name, *dot = strchr(name, '.');
  if (dot == NULL || count_lists_with(builder, field) > 0) {
    return;
  }
  const char *head = g_string_chunk_insert_len(builder->names, name, dot - name);
  for (guint i = 0; i < builder->sources->len; i++) {
    Source *source = g_ptr_array_index(builder->sources, i);
    source->columns[field] = list_column(source->list, head);
  }
  if (count_lists_with(builder, field) > 0) {
    builder->fields[field].name = head;
  }
}

static void drop_field(Builder *builder, guint field)
{
  const guint behind = builder->n_fields - field - 1;
  memmove(&builder->fields[field], &builder->fields[field + 1], behind * sizeof(RosterField));
  for (guint i = 0; i < builder->sources->len; i++) {
    Source *source = g_ptr_array_index(builder->sources, i);
    memmove(&source->columns[field], &source->columns[field + 1], behind * sizeof(int));
  }
  builder->n_fields--;
}

/* Leaves out what the lists may lack and do. */
static void settle_fields(Builder *builder)
{
  for (guint i = builder->n_fields; i > 0; i--) {
    const RosterField *field = &builder->fields[i - 1];
    try_head(builder, i - 1);
    if (count_lists_with(builder, i - 1) > 0 ||
        !(field->flags & (ROSTER_FIELD_OPTIONAL | ROSTER_FIELD_DOUBTFUL))) {
      continue;
    }
    if (field->flags & ROSTER_FIELD_DOUBTFUL) {
      report_warning(builder->report, NULL, 0, 0, "no list has a column for {{%s}}; it is empty "
                     "unless the section around it is about a cell that holds it", field->name);
    }
    drop_field(builder, i - 1);
  }
}

static void check_fields(Builder *builder)
{
  settle_fields(builder);
  for (guint i = 0; i < builder->n_fields; i++) {
    if (count_lists_with(builder, i) == 0) {
      report_unknown_field(builder, builder->fields[i].name);
    } else {
      warn_of_lists_without(builder, i);
      builder->required[i] = builder->fields[i].flags & ROSTER_FIELD_REQUIRED;
    }
  }
}

/* --- Rows. --- */

static gboolean is_empty(const char *value)
{
  while (*value && g_unichar_isspace(g_utf8_get_char(value))) {
    value = g_utf8_next_char(value);
  }
  return !*value;
}

static void append_word(GString *text, const char *word)
{
  gsize plain = 0;
  while (g_ascii_isgraph(word[plain])) {
    plain++;
  }
  g_string_append_len(text, word, (gssize)plain);
  for (word += plain; *word; word = g_utf8_next_char(word)) {
    gunichar c = g_utf8_get_char(word);
    if (!g_unichar_isspace(c) && !g_unichar_iscntrl(c)) {
      g_string_append_unichar(text, c);
    } else if (text->len > 0 && text->str[text->len - 1] != ' ') {
      g_string_append_c(text, ' ');
    }
  }
}

static void append_cell(GString *text, const ListRow *row, int column)
{
  if (column >= 0) {
    append_word(text, row->cells[column]);
  }
}

/* The display name, or NULL; good until builder->text is used again. It goes into a
 * header: runs of blanks, line breaks and controls are one blank each. beside: what stood
 * beside the address, or NULL; the name where no column has one. */
static const char *make_name(Builder *builder, const Source *source, const ListRow *row,
                             const char *beside)
{
  GString *text = g_string_truncate(builder->text, 0);
  append_cell(text, row, source->name);
  if (is_empty(text->str)) {
    append_cell(text, row, source->first_name);
    append_word(text, " ");
    append_cell(text, row, source->last_name);
  }
  if (is_empty(text->str) && beside) {
    append_word(text, beside);
  }
  g_strchomp(text->str);
  return *text->str ? text->str : NULL;
}

/* Fills builder->values; returns NULL, or what required values are missing ("no value for
 * {{a}}, {{b}}"), good until builder->text is used again. */
static const char *take_values(Builder *builder, const Source *source, const ListRow *row)
{
  GString *text = g_string_truncate(builder->text, 0);
  for (guint i = 0; i < builder->n_fields; i++) {
    int column = source->columns[i];
    builder->values[i] = column >= 0 ? row->cells[column] : "";
    if (builder->required[i] && is_empty(builder->values[i])) {
      const char *name = builder->fields[i].name;
      builder->first_missing = text->len > 0 ? builder->first_missing : name;
      g_string_append_printf(text, "%s{{%s}}", text->len > 0 ? ", " : "no value for ", name);
    }
  }
  return text->len > 0 ? text->str : NULL;
}

static gboolean skip_row(Builder *builder, const Source *source, const ListRow *row,
                         RosterFate fate, const char *reason, GError **error)
{
  RosterPlace place = {source->number, row->line};
  builder->counts->fates[fate]++;
  return roster_writer_skip(builder->writer, &place, fate,
                            row->cells[list_address_column(source->list)], reason, error);
}

static gboolean skip_invalid(Builder *builder, const Source *source, const ListRow *row,
                             const char *reason, GError **error)
{
  if (builder->counts->fates[FATE_INVALID] < TOLD_ONE_BY_ONE) {
    report_warning(builder->report, list_file(source->list), row->line, 0,
                   "the row is left out: %s", reason);
  }
  return skip_row(builder, source, row, FATE_INVALID, reason, error);
}

static gboolean skip_duplicate(Builder *builder, const Source *source, const ListRow *row,
                               const RosterPlace *first, GError **error)
{
  const Source *other = g_ptr_array_index(builder->sources, first->list - 1);
  g_string_printf(builder->text, "same address as %s line %u", list_file(other->list),
                  first->line);
  return skip_row(builder, source, row, FATE_DUPLICATE, builder->text->str, error);
}

static gboolean skip_without_value(Builder *builder, const Source *source, const ListRow *row,
                                   const char *missing, GError **error)
{
  if (builder->plan->missing == MISSING_REFUSE &&
      builder->rows_without_value++ < TOLD_ONE_BY_ONE) {
    report_error(builder->report, list_file(source->list), row->line, 0,
                 "%s, which the text uses without a fallback; fill it in, write {{%s|…}} "
                 "or set missing: skip", missing, builder->first_missing);
  }
  return skip_row(builder, source, row, FATE_EMPTY, missing, error);
}

static void warn_of_suspicion(Builder *builder, const Source *source, const ListRow *row,
                              const Address *address)
{
  g_autofree char *suspicion = address_suspicion(address);
  if (suspicion && builder->suspicions++ < TOLD_ONE_BY_ONE) {
    report_warning(builder->report, list_file(source->list), row->line, 0, "%s: %s",
                   address->mailbox, suspicion);
  }
}

static gboolean take_address(Builder *builder, const Source *source, const ListRow *row,
                             const Address *address, const char *beside, GError **error)
{
  RosterPlace place = {source->number, row->line};
  RosterPlace first;
  const char *missing = take_values(builder, source, row);
  gboolean incomplete = missing && builder->plan->missing != MISSING_BLANK;
  gboolean good =
    incomplete ? roster_writer_find(builder->writer, address, &first, error)
               : roster_writer_add(builder->writer, &place, address,
                                   make_name(builder, source, row, beside), builder->values,
                                   &first, error);
  if (!good) {
    return FALSE;
  }
  if (first.line > 0) {
    return skip_duplicate(builder, source, row, &first, error);
  }
  if (incomplete) {
    return skip_without_value(builder, source, row, missing, error);
  }
  builder->counts->fates[FATE_SELECTED]++;
  warn_of_suspicion(builder, source, row, address);
  return TRUE;
}

/* A cell may hold "Jane Doe <jane@example.org>"; *name is then what stands before the <, and
 * else NULL. Anything else beside the address is somebody's slip, of which the error tells. */
static gboolean read_address(const char *cell, char **name, Address *address, GError **error)
{
  gboolean has_name = *cell != '<' && strchr(cell, '<');
  *name = NULL;
  return (has_name && mailbox_parse(cell, name, address, NULL)) ||
         address_parse(cell, address, error);
}

/* Whether the release's exclude names the address: *reason then says how, and else is NULL. */
static gboolean check_excluded(Builder *builder, const Address *address, const char **reason,
                               GError **error)
{
  RosterPlace place = {0};
  *reason = NULL;
  if (builder->excluded && !roster_writer_find(builder->excluded, address, &place, error)) {
    return FALSE;
  }
  if (place.list > 0) {
    g_string_printf(builder->text, "excluded: it is in %s line %u",
                    (char *)g_ptr_array_index(builder->excluded_files, place.list - 1), place.line);
    *reason = builder->text->str;
  } else if (place.line > 0) {
    *reason = "excluded by its address";
  }
  return TRUE;
}

/* The same for whoever must not be mailed. */
static gboolean check_suppressed(Builder *builder, const Source *source, const Address *address,
                                 const char **reason, GError **error)
{
  SuppressionEntry entry = {0};
  *reason = NULL;
  if (builder->plan->suppression &&
      !suppression_find(builder->plan->suppression, address, list_name(source->list),
                        builder->plan->channel, &entry, error)) {
    return FALSE;
  }
  if (entry.number != 0) {
    g_autofree char *text = suppression_describe(&entry);
    *reason = g_string_assign(builder->text, text)->str;
  }
  return TRUE;
}

static gboolean take_valid(Builder *builder, const Source *source, const ListRow *row,
                           const Address *address, const char *beside, GError **error)
{
  const char *reason;
  if (!check_excluded(builder, address, &reason, error)) {
    return FALSE;
  }
  if (reason) {
    return skip_row(builder, source, row, FATE_FILTERED, reason, error);
  }
  if (!check_suppressed(builder, source, address, &reason, error)) {
    return FALSE;
  }
  return reason ? skip_row(builder, source, row, FATE_SUPPRESSED, reason, error)
                : take_address(builder, source, row, address, beside, error);
}

/* FALSE where the expression cannot be evaluated for the row, which is the release's fault. */
static gboolean is_wanted(Builder *builder, const Source *source, const ListRow *row,
                          gboolean *wanted)
{
  g_autoptr(GError) error = NULL;
  *wanted = TRUE;
  if (!builder->where || where_test(builder->where, source->number - 1, row, wanted, &error)) {
    return TRUE;
  }
  report_error(builder->report, builder->plan->file, builder->plan->where_line, 0,
               "%s; that befell %s line %u", error->message, list_file(source->list), row->line);
  return FALSE;
}

/* FALSE without error where report says why no row can be taken any more. */
static gboolean take_row(Builder *builder, const Source *source, const ListRow *row,
                         GError **error)
{
  g_auto(Address) address = {0};
  g_autofree char *name = NULL;
  g_autoptr(GError) wrong = NULL;
  gboolean wanted;
  builder->counts->rows++;
  if (row->flaw) {
    return skip_invalid(builder, source, row, row->flaw, error);
  }
  if (!is_wanted(builder, source, row, &wanted)) {
    return FALSE;
  }
  if (!wanted) {
    return skip_row(builder, source, row, FATE_FILTERED, "where does not select it", error);
  }
  if (!read_address(row->cells[list_address_column(source->list)], &name, &address, &wrong)) {
    return skip_invalid(builder, source, row, wrong->message, error);
  }
  return take_valid(builder, source, row, &address, name, error);
}

static gboolean take_source(Builder *builder, const Source *source, GError **error)
{
  ListRow row;
  ListResult result;
  if (!roster_writer_add_list(builder->writer, source->number, list_name(source->list),
                              list_file(source->list), error)) {
    return FALSE;
  }
  while ((result = list_next(source->list, &row, error)) == LIST_ROW) {
    if (!take_row(builder, source, &row, error)) {
      return FALSE;
    }
  }
  return result == LIST_END;
}

/* --- The end. --- */

static void report_no_recipient(const Builder *builder)
{
  static const struct {
    RosterFate fate;
    const char *text;
  } told[] = {
    {FATE_INVALID, "are invalid"},
    {FATE_EMPTY, "have no value for a field"},
    {FATE_FILTERED, "are left out by where or exclude"},
    {FATE_SUPPRESSED, "must not be mailed"},
  };
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(told); i++) {
    const guint64 count = builder->counts->fates[told[i].fate];
    if (count > 0 || i < 2) {
      g_string_append_printf(text, "%s%" G_GUINT64_FORMAT " %s", i == 0 ? "" : i == 1 ? " and " : ", ",
                             count, told[i].text);
    }
  }
  report_error(builder->report, NULL, 0, 0,
               "there is no recipient: of %" G_GUINT64_FORMAT " rows %s", builder->counts->rows,
               text->str);
}

static void report_totals(const Builder *builder)
{
  const guint max_recipients = builder->plan->max_recipients;
  const guint64 *fates = builder->counts->fates;
  if (fates[FATE_INVALID] > TOLD_ONE_BY_ONE) {
    report_warning(builder->report, NULL, 0, 0,
                   "%" G_GUINT64_FORMAT " more rows are left out as invalid",
                   fates[FATE_INVALID] - TOLD_ONE_BY_ONE);
  }
  if (builder->suspicions > TOLD_ONE_BY_ONE) {
    report_warning(builder->report, NULL, 0, 0,
                   "%" G_GUINT64_FORMAT " more addresses are worth a look",
                   builder->suspicions - TOLD_ONE_BY_ONE);
  }
  if (builder->rows_without_value > TOLD_ONE_BY_ONE) {
    report_error(builder->report, NULL, 0, 0,
                 "%" G_GUINT64_FORMAT " more rows have no value for a field that the text uses "
                 "without a fallback", builder->rows_without_value - TOLD_ONE_BY_ONE);
  }
  if (fates[FATE_SELECTED] == 0) {
    report_no_recipient(builder);
  }
  if (max_recipients > 0 && fates[FATE_SELECTED] > max_recipients) {
    report_error(builder->report, NULL, 0, 0,
                 "there are %" G_GUINT64_FORMAT " recipients; max_recipients of the channel "
                 "allows %u", fates[FATE_SELECTED], max_recipients);
  }
}

/* --- Who is not wanted. --- */

static gboolean exclude(Builder *builder, guint list, guint line, const char *text, GError **error)
{
  g_auto(Address) address = {0};
  g_autofree char *name = NULL;
  const RosterPlace place = {list, line};
  RosterPlace first;
  return !read_address(text, &name, &address, NULL) ||
         roster_writer_add(builder->excluded, &place, &address, NULL, NULL, &first, error);
}

/* A row that has no address excludes nobody: there is nobody who could be meant. */
static gboolean exclude_list(Builder *builder, const ListSettings *settings, GError **error)
{
  ListRow row;
  ListResult result;
  g_autoptr(List) list = list_open(settings, builder->report);
  if (!list) {
    return FALSE;
  }
  g_ptr_array_add(builder->excluded_files, g_strdup(list_file(list)));
  while ((result = list_next(list, &row, error)) == LIST_ROW) {
    if (!row.flaw && !exclude(builder, builder->excluded_files->len, row.line,
                              row.cells[list_address_column(list)], error)) {
      return FALSE;
    }
  }
  return result == LIST_END;
}

static gboolean take_exclusions(Builder *builder, GError **error)
{
  const GPtrArray *lists = builder->plan->excluded_lists;
  const GPtrArray *addresses = builder->plan->excluded_addresses;
  if (!lists && !addresses) {
    return TRUE;
  }
  builder->excluded = roster_writer_open(NULL, NULL, 0, error);
  gboolean good = builder->excluded != NULL;
  for (guint i = 0; good && lists && i < lists->len; i++) {
    good = exclude_list(builder, g_ptr_array_index(lists, i), error);
  }
  for (guint i = 0; good && addresses && i < addresses->len; i++) {
    good = exclude(builder, 0, 1, g_ptr_array_index(addresses, i), error);
  }
  return good;
}

static gboolean make_where(Builder *builder)
{
  const RosterPlan *plan = builder->plan;
  if (!plan->where) {
    return TRUE;
  }
  builder->where = where_new(plan->where, builder->lists, plan->file, plan->where_line,
                             builder->report);
  return builder->where != NULL;
}

/* --- All of it. --- */

static gboolean build(Builder *builder, const char *path, GError **error)
{
  if (!open_sources(builder)) {
    return FALSE;
  }
  check_fields(builder);
  if (!make_where(builder) || !take_exclusions(builder, error)) {
    return FALSE;
  }
  builder->writer = roster_writer_open(path, builder->fields, builder->n_fields, error);
  if (!builder->writer) {
    return FALSE;
  }
  for (guint i = 0; i < builder->sources->len; i++) {
    if (!take_source(builder, g_ptr_array_index(builder->sources, i), error)) {
      return FALSE;
    }
  }
  report_totals(builder);
  if (report_failed(builder->report)) {
    return FALSE;
  }
  return !path || roster_writer_finish(builder->writer, error);
}

gboolean roster_build(const char *path, const RosterPlan *plan, RosterCounts *counts,
                      Report *report, GError **error)
{
  *counts = (RosterCounts){0};
  Builder builder = {
    .plan = plan,
    .sources = g_ptr_array_new_with_free_func(source_free),
    .lists = g_ptr_array_new(),
    .excluded_files = g_ptr_array_new_with_free_func(g_free),
    .fields = g_memdup2(plan->fields, plan->n_fields * sizeof *plan->fields),
    .n_fields = plan->n_fields,
    .names = g_string_chunk_new(64),
    .required = g_new0(gboolean, plan->n_fields),
    .values = g_new0(const char *, plan->n_fields),
    .counts = counts,
    .report = report,
    .text = g_string_new(NULL),
  };
  gboolean good = build(&builder, path, error);
  roster_writer_free(builder.writer);
  roster_writer_free(builder.excluded);
  where_free(builder.where);
  g_ptr_array_unref(builder.excluded_files);
  g_ptr_array_unref(builder.lists);
  g_ptr_array_unref(builder.sources);
  g_free(builder.fields);
  g_string_chunk_free(builder.names);
  g_free(builder.required);
  g_free(builder.values);
  g_string_free(builder.text, TRUE);
  return good;
}
