/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/roster.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "contacts/roster-format.h"

struct Roster {
  char *path;
  sqlite3 *db;
  sqlite3_stmt *read;
  guint32 at;            /* the contact on which `read` stands; 0: on none */
  sqlite3_stmt *find;
  GPtrArray *lists;      /* names, by number from 1 */
  GPtrArray *files;      /* the same of their files */
  GPtrArray *columns;    /* NULL-terminated */
  const char **values;   /* of the recipient last read */
  RosterCounts counts;
};

static const char *const FATE_NAMES[FATES] = {
  [FATE_SELECTED] = "selected",
  [FATE_DUPLICATE] = "duplicate",
  [FATE_INVALID] = "invalid",
  [FATE_EMPTY] = "empty",
  [FATE_FILTERED] = "filtered",
  [FATE_SUPPRESSED] = "suppressed",
};

const char *fate_name(RosterFate fate)
{
  return FATE_NAMES[fate];
}

static gboolean fate_from_name(const char *name, RosterFate *fate)
{
  for (gsize i = 0; i < G_N_ELEMENTS(FATE_NAMES); i++) {
    if (g_strcmp0(name, FATE_NAMES[i]) == 0) {
      *fate = (RosterFate)i;
      return TRUE;
    }
  }
  return FALSE;
}

/* SQLite calls a file malformed whose disk failed; what the system said of it tells them apart. 0
 * where it is the file that is wrong, or missing. */
static int system_error(sqlite3 *db)
{
  int code = sqlite3_errcode(db), reason = 0;
  if (code == SQLITE_NOMEM) {
    return ENOMEM;
  }
  /* There is no file to ask where it could not be opened, or not read the first time. */
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &reason) != SQLITE_OK &&
      (code == SQLITE_CANTOPEN || code == SQLITE_IOERR)) {
    reason = sqlite3_system_errno(db);
  }
  return reason != ENOENT ? reason : 0;
}

static gboolean fail_unreadable(const Roster *roster, int reason, GError **error)
{
  g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_UNREADABLE, "%s cannot be read: %s",
              roster->path, g_strerror(reason));
  return FALSE;
}

static gboolean fail(const Roster *roster, GError **error)
{
  int reason = system_error(roster->db);
  return reason != 0 ? fail_unreadable(roster, reason, error)
                     : roster_fail(roster->db, roster->path, error);
}

static gboolean fail_damaged(const Roster *roster, const char *what, GError **error)
{
  g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER, "%s: the roster is damaged: %s",
              roster->path, what);
  return FALSE;
}

static gboolean prepare(const Roster *roster, const char *sql, sqlite3_stmt **statement,
                        GError **error)
{
  return sqlite3_prepare_v2(roster->db, sql, -1, statement, NULL) == SQLITE_OK ||
         fail(roster, error);
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
  return (const char *)sqlite3_column_text(statement, column);
}

/* --- Opening. --- */

/* In KiB where it is negative. It is read from one end to the other, and there may be hundreds of
 * rosters open: what is behind need not be kept. */
static const char SETTINGS[] = "PRAGMA cache_size = -64;";

/* immutable: SQLite takes no locks and looks for no journal. That is safe because a roster
 * gets its name when it is complete, and is never written to again. */
static gboolean open_database(Roster *roster, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename(roster->path, NULL);
  g_autofree char *escaped = g_uri_escape_bytes((const guint8 *)absolute, strlen(absolute), "/");
  g_autofree char *uri = g_strconcat("file:", escaped, "?immutable=1", NULL);
  int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  return (sqlite3_open_v2(uri, &roster->db, flags, NULL) == SQLITE_OK &&
          sqlite3_exec(roster->db, SETTINGS, NULL, NULL, NULL) == SQLITE_OK) ||
         fail(roster, error);
}

static gboolean read_number(const Roster *roster, const char *sql, gint64 *number, GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (!prepare(roster, sql, &statement, error)) {
    return FALSE;
  }
  if (sqlite3_step(statement) != SQLITE_ROW) {
    return fail(roster, error);
  }
  *number = sqlite3_column_int64(statement, 0);
  return TRUE;
}

static gboolean check_version(const Roster *roster, GError **error)
{
  gint64 id, version;
  if (!read_number(roster, "PRAGMA application_id", &id, error) ||
      !read_number(roster, "PRAGMA user_version", &version, error)) {
    return FALSE;
  }
  if (id != ROSTER_APPLICATION_ID) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER,
                "%s: this is a database, but not a roster", roster->path);
    return FALSE;
  }
  if (version != ROSTER_VERSION) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER,
                "%s: the roster has format %" G_GINT64_FORMAT "; this program reads format %d; "
                "use the version of dateline that wrote it, or a newer one",
                roster->path, version, ROSTER_VERSION);
    return FALSE;
  }
  return TRUE;
}

/* SQLite itself does not miss a part of the last page before it needs it. */
static gboolean check_size(const Roster *roster, GError **error)
{
  GStatBuf status;
  gint64 pages, page_size;
  if (!read_number(roster, "PRAGMA page_count", &pages, error) ||
      !read_number(roster, "PRAGMA page_size", &page_size, error)) {
    return FALSE;
  }
  if (g_stat(roster->path, &status) != 0) {
    return fail_unreadable(roster, errno, error);
  }
  return status.st_size == pages * page_size ||
         fail_damaged(roster, "its file does not have the size that it says", error);
}

/* The names that sql gives with their numbers, which must go from 1 without a gap. */
static gboolean read_names(const Roster *roster, const char *sql, GPtrArray *names,
                           GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (!prepare(roster, sql, &statement, error)) {
    return FALSE;
  }
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    if (sqlite3_column_int64(statement, 0) != (gint64)names->len + 1) {
      return fail_damaged(roster, "its lists or fields are not numbered in sequence", error);
    }
    g_ptr_array_add(names, g_strdup(column_text(statement, 1)));
  }
  return code == SQLITE_DONE || fail(roster, error);
}

static gboolean read_skipped_counts(Roster *roster, GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (!prepare(roster, "SELECT fate, count(*) FROM skipped GROUP BY fate", &statement, error)) {
    return FALSE;
  }
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    RosterFate fate;
    if (!fate_from_name(column_text(statement, 0), &fate) || fate == FATE_SELECTED) {
      return fail_damaged(roster, "it holds a fate that is not known", error);
    }
    roster->counts.fates[fate] = (guint64)sqlite3_column_int64(statement, 1);
    roster->counts.rows += roster->counts.fates[fate];
  }
  return code == SQLITE_DONE || fail(roster, error);
}

static gboolean read_counts(Roster *roster, GError **error)
{
  gint64 last, count;
  if (!read_number(roster, "SELECT max(contact) FROM recipients", &last, error) ||
      !read_number(roster, "SELECT count(*) FROM recipients", &count, error)) {
    return FALSE;
  }
  if (last != count || count > G_MAXUINT32) {
    return fail_damaged(roster, "its recipients are not numbered in sequence", error);
  }
  roster->counts.fates[FATE_SELECTED] = (guint64)count;
  roster->counts.rows = (guint64)count;
  return read_skipped_counts(roster, error);
}

enum { FIXED_COLUMNS = 6 };  /* of the statement below, before f1 */

static gboolean prepare_statements(Roster *roster, GError **error)
{
  g_autoptr(GString) sql = g_string_new("SELECT contact, mailbox, smtputf8, name, list, line");
  for (guint i = 1; i <= g_strv_length((char **)roster_columns(roster)); i++) {
    g_string_append_printf(sql, ", f%u", i);
  }
  g_string_append(sql, " FROM recipients WHERE contact >= ? ORDER BY contact");
  return prepare(roster, sql->str, &roster->read, error) &&
         prepare(roster, "SELECT contact FROM recipients WHERE contact > ?1 AND instr(key, ?2) "
                 "ORDER BY contact LIMIT 1", &roster->find, error);
}

Roster *roster_open(const char *path, GError **error)
{
  g_autoptr(Roster) roster = g_new0(Roster, 1);
  roster->path = g_strdup(path);
  roster->lists = g_ptr_array_new_with_free_func(g_free);
  roster->files = g_ptr_array_new_with_free_func(g_free);
  roster->columns = g_ptr_array_new_with_free_func(g_free);
  if (!open_database(roster, error) || !check_version(roster, error) ||
      !check_size(roster, error) ||
      !read_names(roster, "SELECT list, name FROM lists ORDER BY list", roster->lists, error) ||
      !read_names(roster, "SELECT list, file FROM lists ORDER BY list", roster->files, error) ||
      !read_names(roster, "SELECT field, name FROM fields ORDER BY field", roster->columns,
                  error) ||
      !read_counts(roster, error)) {
    return NULL;
  }
  roster->values = g_new0(const char *, roster->columns->len + 1);
  g_ptr_array_add(roster->columns, NULL);
  return prepare_statements(roster, error) ? g_steal_pointer(&roster) : NULL;
}

static void close_database(Roster *roster)
{
  g_clear_pointer(&roster->read, sqlite3_finalize);
  g_clear_pointer(&roster->find, sqlite3_finalize);
  g_clear_pointer(&roster->db, sqlite3_close);
  roster->at = 0;
}

gboolean roster_reopen(Roster *roster, GError **error)
{
  close_database(roster);
  return open_database(roster, error) && check_version(roster, error) &&
         check_size(roster, error) && prepare_statements(roster, error);
}

void roster_close(Roster *roster)
{
  if (!roster) {
    return;
  }
  close_database(roster);
  g_ptr_array_unref(roster->lists);
  g_ptr_array_unref(roster->files);
  g_ptr_array_unref(roster->columns);
  g_free(roster->values);
  g_free(roster->path);
  g_free(roster);
}

guint32 roster_length(const Roster *roster)
{
  return (guint32)roster->counts.fates[FATE_SELECTED];
}

const char *const *roster_columns(const Roster *roster)
{
  return (const char *const *)roster->columns->pdata;
}

RosterCounts roster_counts(const Roster *roster)
{
  return roster->counts;
}

/* --- Reading. --- */

/* Of names, that of the list; NULL where there is no such list. */
static const char *name_of(const GPtrArray *names, gint64 list)
{
  return list >= 1 && list <= (gint64)names->len ? g_ptr_array_index(names, (guint)list - 1)
                                                 : NULL;
}

/* Contacts are mostly read in their order: the next one is a step away, and takes half the time
 * of one that must be looked up. */
static int seek(Roster *roster, guint32 contact)
{
  sqlite3_stmt *read = roster->read;
  if (roster->at == 0 || contact != roster->at + 1) {
    sqlite3_reset(read);
    sqlite3_bind_int64(read, 1, contact);
  }
  roster->at = 0;
  int code = sqlite3_step(read);
  if (code == SQLITE_ROW && sqlite3_column_int64(read, 0) != contact) {
    return SQLITE_DONE;
  }
  roster->at = code == SQLITE_ROW ? contact : 0;
  return code;
}

gboolean roster_read(Roster *roster, guint32 contact, RosterRecipient *recipient, GError **error)
{
  sqlite3_stmt *read = roster->read;
  int code = seek(roster, contact);
  if (code == SQLITE_DONE) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER,
                "%s: there is no recipient %u; there are %u", roster->path, contact,
                roster_length(roster));
    return FALSE;
  }
  if (code != SQLITE_ROW) {
    return fail(roster, error);
  }
  *recipient = (RosterRecipient){
    .contact = contact,
    .mailbox = column_text(read, 1),
    .needs_smtputf8 = sqlite3_column_int(read, 2) != 0,
    .name = column_text(read, 3),
    .list = name_of(roster->lists, sqlite3_column_int64(read, 4)),
    .file = name_of(roster->files, sqlite3_column_int64(read, 4)),
    .line = (guint)sqlite3_column_int64(read, 5),
    .values = roster->values,
  };
  gboolean whole = recipient->mailbox && recipient->list;
  for (int i = 0; whole && i < (int)roster->columns->len - 1; i++) {
    roster->values[i] = column_text(read, FIXED_COLUMNS + i);
    whole = roster->values[i] != NULL;
  }
  return whole || fail_damaged(roster, "a recipient is not complete", error);
}

gboolean roster_each_mailbox(Roster *roster, RosterMailboxFunc func, gpointer data,
                             GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (!prepare(roster, "SELECT mailbox FROM recipients ORDER BY contact", &statement, error)) {
    return FALSE;
  }
  guint32 contact = 0;
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    const char *mailbox = column_text(statement, 0);
    if (!mailbox || contact == roster_length(roster)) {
      return fail_damaged(roster, "its recipients are not complete", error);
    }
    func(++contact, mailbox, data);
  }
  return code == SQLITE_DONE || fail(roster, error);
}

/* As addresses are folded for comparing; see Address.key. */
static char *fold_text(const char *text)
{
  g_auto(Address) address = {0};
  if (address_parse(text, &address, NULL)) {
    return g_steal_pointer(&address.key);
  }
  g_autofree char *decomposed = g_utf8_normalize(text, -1, G_NORMALIZE_NFD);
  g_autofree char *folded = decomposed ? g_utf8_casefold(decomposed, -1) : NULL;
  return folded ? g_utf8_normalize(folded, -1, G_NORMALIZE_NFD) : NULL;
}

guint32 roster_find(Roster *roster, const char *text, guint32 after, GError **error)
{
  g_autofree char *folded = fold_text(text);
  if (!folded) {
    return 0;
  }
  sqlite3_stmt *find = roster->find;
  sqlite3_bind_int64(find, 1, after);
  sqlite3_bind_text(find, 2, folded, -1, SQLITE_STATIC);
  int code = sqlite3_step(find);
  guint32 contact = code == SQLITE_ROW ? (guint32)sqlite3_column_int64(find, 0) : 0;
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    fail(roster, error);
  }
  sqlite3_reset(find);
  return contact;
}

gboolean roster_each_skipped(Roster *roster, RosterSkippedFunc func, gpointer data, GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (!prepare(roster, "SELECT list, line, fate, address, reason FROM skipped ORDER BY rowid",
               &statement, error)) {
    return FALSE;
  }
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    RosterSkipped skipped = {
      .list = name_of(roster->lists, sqlite3_column_int64(statement, 0)),
      .file = name_of(roster->files, sqlite3_column_int64(statement, 0)),
      .line = (guint)sqlite3_column_int64(statement, 1),
      .address = column_text(statement, 3),
      .reason = column_text(statement, 4),
    };
    if (!skipped.list || !skipped.address || !skipped.reason ||
        !fate_from_name(column_text(statement, 2), &skipped.fate)) {
      return fail_damaged(roster, "a row that was left out is not complete", error);
    }
    func(&skipped, data);
  }
  return code == SQLITE_DONE || fail(roster, error);
}
