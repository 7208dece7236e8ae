/* SPDX-License-Identifier: Apache-2.0 */

/* The row is a virtual table, so that nothing is copied: SQLite fetches the cells that it needs
 * from the list's row. The table has the columns that the expression names, and no others: each
 * time SQLite misses one, it is looked up in the lists, and the expression is prepared anew. So
 * names mean here what they mean everywhere, and SQLite alone takes the expression apart. */

#include "contacts/where.h"

#include <sqlite3.h>
#include <string.h>

#include "base/names.h"

enum {
  STEPS_BETWEEN = 1000,        /* instructions of SQLite's machine, between two looks */
  LOOKS_A_ROW = 100,           /* so a row may take 100,000 of them */
  TIME_LIMIT_US = 60 * G_USEC_PER_SEC,   /* for all rows together, but only while looking */
};

/* What an expression may be made of; everything else is refused by name. */
static const char *const FUNCTIONS[] = {
  "abs", "char", "coalesce", "date", "datetime", "format", "glob", "hex", "ifnull", "iif", "instr",
  "julianday", "length", "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "nullif",
  "printf", "quote", "replace", "round", "rtrim", "sign", "soundex", "strftime", "substr",
  "substring", "time", "trim", "typeof", "unicode", "unixepoch", "unlikely", "upper", NULL,
};

static const struct {
  int limit, value;
} LIMITS[] = {
  {SQLITE_LIMIT_LENGTH, 1 << 20},        {SQLITE_LIMIT_SQL_LENGTH, 32 << 10},
  {SQLITE_LIMIT_COLUMN, 1000},           {SQLITE_LIMIT_EXPR_DEPTH, 100},
  {SQLITE_LIMIT_COMPOUND_SELECT, 10},    {SQLITE_LIMIT_VDBE_OP, 20000},
  {SQLITE_LIMIT_FUNCTION_ARG, 20},       {SQLITE_LIMIT_ATTACHED, 0},
  {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200}, {SQLITE_LIMIT_VARIABLE_NUMBER, 0},
  {SQLITE_LIMIT_TRIGGER_DEPTH, 1},       {SQLITE_LIMIT_WORKER_THREADS, 0},
};

struct Where {
  char *expression;
  const GPtrArray *lists;
  GPtrArray *names;            /* of the table's columns */
  GArray **columns;            /* by list: int, its column by the table's; -1: it has none */
  sqlite3 *db;
  sqlite3_stmt *statement;
  char *refused;               /* what the authorizer refused, for people; or NULL */
  const ListRow *row;          /* at hand */
  const int *row_columns;      /* its list's */
  guint looks;                 /* at this row */
  gint64 used_us;              /* before the row at hand, by those that took a look */
  gint64 began_us;             /* first look at the row; 0: none yet */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)

/* --- The table of one row. --- */

typedef struct {
  sqlite3_vtab base;
  Where *where;
} Table;

typedef struct {
  sqlite3_vtab_cursor base;
  gboolean is_at_end;
} Cursor;

static int table_connect(sqlite3 *db, void *data, G_GNUC_UNUSED int count,
                         G_GNUC_UNUSED const char *const *arguments, sqlite3_vtab **made,
                         G_GNUC_UNUSED char **message)
{
  Where *where = data;
  g_autoptr(GString) sql = g_string_new("CREATE TABLE contact(\"\" HIDDEN");
  for (guint i = 0; i < where->names->len; i++) {
    g_auto(GStrv) parts = g_strsplit(g_ptr_array_index(where->names, i), "\"", -1);
    g_autofree char *quoted = g_strjoinv("\"\"", parts);
    g_string_append_printf(sql, ", \"%s\" TEXT", quoted);
  }
  g_string_append_c(sql, ')');
  const int code = sqlite3_declare_vtab(db, sql->str);
  if (code == SQLITE_OK) {
    Table *table = sqlite3_malloc(sizeof *table);
    *table = (Table){.where = where};
    *made = &table->base;
  }
  return code;
}

static int table_disconnect(sqlite3_vtab *base)
{
  sqlite3_free(base);
  return SQLITE_OK;
}

static int table_plan(G_GNUC_UNUSED sqlite3_vtab *base, sqlite3_index_info *info)
{
  info->estimatedCost = 1;
  info->estimatedRows = 1;
  return SQLITE_OK;
}

static int cursor_open(G_GNUC_UNUSED sqlite3_vtab *base, sqlite3_vtab_cursor **made)
{
  Cursor *cursor = sqlite3_malloc(sizeof *cursor);
  *cursor = (Cursor){0};
  *made = &cursor->base;
  return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
  sqlite3_free(base);
  return SQLITE_OK;
}

static int cursor_begin(sqlite3_vtab_cursor *base, G_GNUC_UNUSED int plan,
                        G_GNUC_UNUSED const char *name, G_GNUC_UNUSED int count,
                        G_GNUC_UNUSED sqlite3_value **values)
{
  ((Cursor *)base)->is_at_end = FALSE;
  return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
  ((Cursor *)base)->is_at_end = TRUE;
  return SQLITE_OK;
}

static int cursor_is_at_end(sqlite3_vtab_cursor *base)
{
  return ((Cursor *)base)->is_at_end;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
  const Where *where = ((Table *)base->pVtab)->where;
  const int cell = column > 0 ? where->row_columns[column - 1] : -1;
  sqlite3_result_text(context, cell >= 0 ? where->row->cells[cell] : "", -1, SQLITE_STATIC);
  return SQLITE_OK;
}

static int cursor_number(G_GNUC_UNUSED sqlite3_vtab_cursor *base, sqlite3_int64 *number)
{
  *number = 1;
  return SQLITE_OK;
}

static const sqlite3_module MODULE = {
  .xCreate = table_connect,     .xConnect = table_connect,   .xBestIndex = table_plan,
  .xDisconnect = table_disconnect, .xDestroy = table_disconnect, .xOpen = cursor_open,
  .xClose = cursor_close,       .xFilter = cursor_begin,     .xNext = cursor_next,
  .xEof = cursor_is_at_end,     .xColumn = cursor_column,    .xRowid = cursor_number,
};

/* --- The sandbox. --- */

/* Always SQLITE_DENY. What is told is the first that was refused. */
static G_GNUC_PRINTF(2, 3) int refuse(Where *where, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  if (!where->refused) {
    where->refused = g_strdup_vprintf(format, arguments);
  }
  va_end(arguments);
  return SQLITE_DENY;
}

static gboolean is_own_column(const Where *where, const char *name)
{
  for (guint i = 0; i < where->names->len; i++) {
    if (g_ascii_strcasecmp(g_ptr_array_index(where->names, i), name) == 0) {
      return TRUE;
    }
  }
  return *name == '\0';   /* the row as such, as count(*) wants it */
}

static int authorize(void *data, int action, const char *first, const char *second,
                     G_GNUC_UNUSED const char *database, G_GNUC_UNUSED const char *trigger)
{
  Where *where = data;
  switch (action) {
  case SQLITE_SELECT:
    return SQLITE_OK;
  case SQLITE_READ:
    if (g_strcmp0(first, "contact") != 0) {
      return refuse(where, "only the list's columns can be read here, not the table %s", first);
    }
    return is_own_column(where, second) ? SQLITE_OK : refuse(where, "no such column: %s", second);
  case SQLITE_FUNCTION:
    return g_strv_contains(FUNCTIONS, second)
             ? SQLITE_OK
             : refuse(where, "the function %s() cannot be used here", second);
  case SQLITE_RECURSIVE:
    return refuse(where, "WITH RECURSIVE cannot be used here");
  default:
    return refuse(where, "only an expression can stand here");
  }
}

/* Not 0: the statement is interrupted. */
static int on_progress(void *data)
{
  Where *where = data;
  const gint64 now_us = g_get_monotonic_time();
  where->began_us = where->began_us != 0 ? where->began_us : now_us;
  return ++where->looks > LOOKS_A_ROW ||
         where->used_us + now_us - where->began_us > TIME_LIMIT_US;
}

static void open_sandbox(Where *where)
{
  sqlite3_open_v2("", &where->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                    SQLITE_OPEN_MEMORY, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(LIMITS); i++) {
    sqlite3_limit(where->db, LIMITS[i].limit, LIMITS[i].value);
  }
  sqlite3_db_config(where->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
  sqlite3_db_config(where->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(where->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  /* "Beat" is a column, and never a text. */
  sqlite3_db_config(where->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
  sqlite3_create_module(where->db, "one_row", &MODULE, where);
  sqlite3_progress_handler(where->db, STEPS_BETWEEN, on_progress, where);
}

/* --- Preparing. --- */

static void add_column(Where *where, const char *name)
{
  g_ptr_array_add(where->names, g_strdup(name));
  for (guint i = 0; i < where->lists->len; i++) {
    const int column = list_column(g_ptr_array_index(where->lists, i), name);
    g_array_append_val(where->columns[i], column);
  }
}

static guint count_lists_with(const Where *where, const char *name)
{
  guint count = 0;
  for (guint i = 0; i < where->lists->len; i++) {
    count += list_column(g_ptr_array_index(where->lists, i), name) >= 0;
  }
  return count;
}

/* SQLite knows these of every table: they are columns only where a list has them. */
static void add_row_names(Where *where)
{
  static const char *const names[] = {"rowid", "oid", "_rowid_"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    if (count_lists_with(where, names[i]) > 0) {
      add_column(where, names[i]);
    }
  }
}

/* The line break ends a comment that the expression may end in. One that closes our parenthesis
 * and opens another cannot be an expression both within one pair and within two. */
static int prepare_as(Where *where, const char *before, const char *after,
                      sqlite3_stmt **statement)
{
  const char *rest = NULL;
  g_autofree char *sql = g_strconcat(before, where->expression, after, NULL);
  const int code = sqlite3_prepare_v2(where->db, sql, -1, statement, &rest);
  if (code == SQLITE_OK && (rest[strspn(rest, " \t\r\n")] != '\0' ||
                            sqlite3_column_count(*statement) != 1)) {
    refuse(where, "this is more than one expression");
    return SQLITE_AUTH;
  }
  return code;
}

static int prepare(Where *where)
{
  g_autoptr(sqlite3_stmt) other = NULL;
  g_clear_pointer(&where->refused, g_free);
  sqlite3_set_authorizer(where->db, NULL, NULL);
  sqlite3_exec(where->db, "DROP TABLE IF EXISTS contact; CREATE VIRTUAL TABLE contact USING one_row",
               NULL, NULL, NULL);
  sqlite3_set_authorizer(where->db, authorize, where);
  const int code = prepare_as(where, "SELECT 1 FROM contact WHERE ((", "\n))", &other);
  return code == SQLITE_OK
           ? prepare_as(where, "SELECT (", "\n) IS TRUE FROM contact", &where->statement)
           : code;
}

/* The column that SQLite misses, or NULL. */
static const char *missed_column(const Where *where)
{
  static const char SAYS[] = "no such column: ", TABLE[] = "contact.";
  const char *message = sqlite3_errmsg(where->db);
  if (where->refused || !g_str_has_prefix(message, SAYS)) {
    return NULL;
  }
  message += strlen(SAYS);
  return g_ascii_strncasecmp(message, TABLE, strlen(TABLE)) == 0 ? message + strlen(TABLE)
                                                                 : message;
}

/* --- What is wrong with it. --- */

static GPtrArray *all_columns(const Where *where)
{
  GPtrArray *names = g_ptr_array_new();
  for (guint i = 0; i < where->lists->len; i++) {
    const char *const *column = list_columns(g_ptr_array_index(where->lists, i));
    for (; *column; column++) {
      if (**column && !g_ptr_array_find_with_equal_func(names, *column, g_str_equal, NULL)) {
        g_ptr_array_add(names, (gpointer)*column);
      }
    }
  }
  g_ptr_array_add(names, NULL);
  return names;
}

static void report_wrong(const Where *where, const char *missed, const char *file, guint line,
                         Report *report)
{
  g_autoptr(GPtrArray) names = all_columns(where);
  g_autofree char *columns = g_strjoinv(", ", (char **)names->pdata);
  const char *meant = missed ? nearest_word(missed, (const char *const *)names->pdata) : NULL;
  report_error(report, file, line, 0, "where: %s%s%s%s; the columns are: %s",
               where->refused ? where->refused : sqlite3_errmsg(where->db),
               meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "", columns);
}

static void warn_of_lists_without(const Where *where, const char *file, guint line, Report *report)
{
  for (guint i = 0; i < where->lists->len; i++) {
    const List *list = g_ptr_array_index(where->lists, i);
    for (guint n = 0; n < where->names->len; n++) {
      if (g_array_index(where->columns[i], int, n) < 0) {
        report_warning(report, file, line, 0,
                       "where: the list \"%s\" has no column %s, which other lists have; it is "
                       "empty there", list_name(list), (char *)g_ptr_array_index(where->names, n));
      }
    }
  }
}

Where *where_new(const char *expression, const GPtrArray *lists, const char *file, guint line,
                 Report *report)
{
  g_autoptr(Where) where = g_new0(Where, 1);
  const char *missed;
  where->expression = g_strdup(expression);
  where->lists = lists;
  where->names = g_ptr_array_new_with_free_func(g_free);
  where->columns = g_new0(GArray *, lists->len + 1);
  for (guint i = 0; i < lists->len; i++) {
    where->columns[i] = g_array_new(FALSE, FALSE, sizeof(int));
  }
  open_sandbox(where);
  add_row_names(where);
  while (prepare(where) != SQLITE_OK) {
    missed = missed_column(where);
    if (!missed || is_own_column(where, missed) || count_lists_with(where, missed) == 0) {
      report_wrong(where, missed, file, line, report);
      return NULL;
    }
    add_column(where, missed);
  }
  warn_of_lists_without(where, file, line, report);
  return g_steal_pointer(&where);
}

void where_free(Where *where)
{
  if (!where) {
    return;
  }
  sqlite3_finalize(where->statement);
  sqlite3_close(where->db);
  for (guint i = 0; i < where->lists->len; i++) {
    g_array_unref(where->columns[i]);
  }
  g_free(where->columns);
  g_ptr_array_unref(where->names);
  g_free(where->refused);
  g_free(where->expression);
  g_free(where);
}

/* --- Evaluating. --- */

static gboolean fail(const Where *where, int code, GError **error)
{
  g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST, "where: %s",
              code == SQLITE_INTERRUPT ? "the expression is too much work; write a simpler one"
                                       : sqlite3_errmsg(where->db));
  return FALSE;
}

gboolean where_test(Where *where, guint index, const ListRow *row, gboolean *selected,
                    GError **error)
{
  where->row = row;
  where->row_columns = (const int *)(gpointer)where->columns[index]->data;
  where->looks = 0;
  where->began_us = 0;
  const int code = sqlite3_step(where->statement);
  const gboolean good = code == SQLITE_ROW || fail(where, code, error);
  *selected = code == SQLITE_ROW && sqlite3_column_int(where->statement, 0) != 0;
  sqlite3_reset(where->statement);
  if (where->began_us != 0) {
    where->used_us += g_get_monotonic_time() - where->began_us;
  }
  return good;
}
