/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/roster-writer.h"

#include <glib/gstdio.h>

#include "base/durable.h"
#include "contacts/keyset.h"
#include "contacts/roster-format.h"

struct RosterWriter {
  char *path;        /* NULL: nothing is kept */
  char *new_path;    /* NULL once it has its name */
  sqlite3 *db;
  sqlite3_stmt *add, *find, *skip;
  guint n_fields;
  KeySet *keys;      /* of the recipients so far, by contact */
  guint32 length;    /* recipients so far */
};

/* fN hold the values, in the order of the table fields. */
static const char SCHEMA[] =
  "CREATE TABLE lists(list INTEGER PRIMARY KEY, name TEXT NOT NULL, file TEXT NOT NULL) STRICT;"
  "CREATE TABLE fields(field INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
  "CREATE TABLE skipped(list INTEGER NOT NULL, line INTEGER NOT NULL, fate TEXT NOT NULL,"
  " address TEXT NOT NULL, reason TEXT NOT NULL) STRICT;"
  "CREATE TABLE recipients(contact INTEGER PRIMARY KEY, key TEXT NOT NULL,"
  " mailbox TEXT NOT NULL, smtputf8 INTEGER NOT NULL, name TEXT,"
  " list INTEGER NOT NULL, line INTEGER NOT NULL";

enum { FIXED_COLUMNS = 7 };  /* of recipients, before f1 */

/* cache_size is in KiB where it is negative; pages are written one after the other, so that a
 * small cache serves. synchronous = FULL: COMMIT syncs the file. */
static const char SETTINGS[] =
  "PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL; PRAGMA locking_mode = EXCLUSIVE;"
  "PRAGMA cache_size = -4096; BEGIN;";

gboolean roster_fail(sqlite3 *db, const char *path, GError **error)
{
  g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER, "%s: %s",
              path ? path : "the roster", sqlite3_errmsg(db));
  return FALSE;
}

static gboolean fail(RosterWriter *writer, GError **error)
{
  return roster_fail(writer->db, writer->path, error);
}

static gboolean execute(RosterWriter *writer, const char *sql, GError **error)
{
  return sqlite3_exec(writer->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(writer, error);
}

static gboolean prepare(RosterWriter *writer, const char *sql, sqlite3_stmt **statement,
                        GError **error)
{
  return sqlite3_prepare_v2(writer->db, sql, -1, statement, NULL) == SQLITE_OK ||
         fail(writer, error);
}

/* Runs a statement that returns no rows. */
static gboolean run(RosterWriter *writer, sqlite3_stmt *statement, GError **error)
{
  gboolean good = sqlite3_step(statement) == SQLITE_DONE || fail(writer, error);
  sqlite3_reset(statement);
  return good;
}

/* The caller keeps text until the statement has run. */
static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
  sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

/* --- Opening. --- */

static gboolean open_database(RosterWriter *writer, GError **error)
{
  if (writer->path) {
    if (g_file_test(writer->path, G_FILE_TEST_EXISTS)) {
      g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER,
                  "%s is there already; a roster is never written twice", writer->path);
      return FALSE;
    }
    writer->new_path = g_strconcat(writer->path, ".new", NULL);
    g_unlink(writer->new_path);
  }
  const char *name = writer->new_path ? writer->new_path : "";
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  return sqlite3_open_v2(name, &writer->db, flags, NULL) == SQLITE_OK || fail(writer, error);
}

static gboolean create_schema(RosterWriter *writer, GError **error)
{
  g_autoptr(GString) sql = g_string_new(SCHEMA);
  for (guint i = 1; i <= writer->n_fields; i++) {
    g_string_append_printf(sql, ", f%u TEXT NOT NULL", i);
  }
  g_string_append_printf(sql, ") STRICT; PRAGMA application_id = %d; PRAGMA user_version = %d;",
                         ROSTER_APPLICATION_ID, ROSTER_VERSION);
  return execute(writer, SETTINGS, error) && execute(writer, sql->str, error);
}

static gboolean prepare_statements(RosterWriter *writer, GError **error)
{
  g_autoptr(GString) add = g_string_new("INSERT INTO recipients VALUES(?,?,?,?,?,?,?");
  for (guint i = 0; i < writer->n_fields; i++) {
    g_string_append(add, ",?");
  }
  g_string_append_c(add, ')');
  return prepare(writer, add->str, &writer->add, error) &&
         prepare(writer, "SELECT key, list, line FROM recipients WHERE contact = ?", &writer->find,
                 error) &&
         prepare(writer, "INSERT INTO skipped VALUES(?,?,?,?,?)", &writer->skip, error);
}

static gboolean add_fields(RosterWriter *writer, const RosterField *fields, GError **error)
{
  g_autoptr(sqlite3_stmt) add = NULL;
  if (!prepare(writer, "INSERT INTO fields(name) VALUES(?)", &add, error)) {
    return FALSE;
  }
  for (guint i = 0; i < writer->n_fields; i++) {
    bind_text(add, 1, fields[i].name);
    if (!run(writer, add, error)) {
      return FALSE;
    }
  }
  return TRUE;
}

RosterWriter *roster_writer_open(const char *path, const RosterField *fields, guint n_fields,
                                 GError **error)
{
  g_autoptr(RosterWriter) writer = g_new0(RosterWriter, 1);
  writer->path = g_strdup(path);
  writer->n_fields = n_fields;
  writer->keys = key_set_new();
  if (!open_database(writer, error) || !create_schema(writer, error) ||
      !prepare_statements(writer, error) || !add_fields(writer, fields, error)) {
    return NULL;
  }
  return g_steal_pointer(&writer);
}

static void close_database(RosterWriter *writer)
{
  g_clear_pointer(&writer->add, sqlite3_finalize);
  g_clear_pointer(&writer->find, sqlite3_finalize);
  g_clear_pointer(&writer->skip, sqlite3_finalize);
  g_clear_pointer(&writer->db, sqlite3_close);
}

void roster_writer_free(RosterWriter *writer)
{
  if (!writer) {
    return;
  }
  close_database(writer);
  key_set_free(writer->keys);
  if (writer->new_path) {
    g_unlink(writer->new_path);
  }
  g_free(writer->new_path);
  g_free(writer->path);
  g_free(writer);
}

/* --- Writing. --- */

gboolean roster_writer_add_list(RosterWriter *writer, guint list, const char *name,
                                const char *file, GError **error)
{
  g_autoptr(sqlite3_stmt) add = NULL;
  if (!prepare(writer, "INSERT INTO lists VALUES(?,?,?)", &add, error)) {
    return FALSE;
  }
  sqlite3_bind_int64(add, 1, list);
  bind_text(add, 2, name);
  bind_text(add, 3, file);
  return run(writer, add, error);
}

/* Whether contact has that key; *place is then where it stands. */
static gboolean compare_key(RosterWriter *writer, guint32 contact, const char *key,
                            RosterPlace *place, GError **error)
{
  sqlite3_stmt *find = writer->find;
  sqlite3_bind_int64(find, 1, contact);
  gboolean good = sqlite3_step(find) == SQLITE_ROW || fail(writer, error);
  if (good && g_strcmp0((const char *)sqlite3_column_text(find, 0), key) == 0) {
    place->list = (guint)sqlite3_column_int64(find, 1);
    place->line = (guint)sqlite3_column_int64(find, 2);
  }
  sqlite3_reset(find);
  return good;
}

static gboolean find_key(RosterWriter *writer, const char *key, guint32 hash, RosterPlace *place,
                         GError **error)
{
  guint32 position = 0;
  guint32 contact;
  *place = (RosterPlace){0};
  while (place->line == 0 && (contact = key_set_next(writer->keys, hash, &position)) != 0) {
    if (!compare_key(writer, contact, key, place, error)) {
      return FALSE;
    }
  }
  return TRUE;
}

gboolean roster_writer_find(RosterWriter *writer, const Address *address, RosterPlace *place,
                            GError **error)
{
  return find_key(writer, address->key, key_set_hash(writer->keys, address->key), place, error);
}

static gboolean insert(RosterWriter *writer, const RosterPlace *place, const Address *address,
                       const char *name, const char *const *values, GError **error)
{
  sqlite3_stmt *add = writer->add;
  sqlite3_bind_int64(add, 1, writer->length + 1);
  bind_text(add, 2, address->key);
  bind_text(add, 3, address->mailbox);
  sqlite3_bind_int(add, 4, address->needs_smtputf8 ? 1 : 0);
  bind_text(add, 5, name);
  sqlite3_bind_int64(add, 6, place->list);
  sqlite3_bind_int64(add, 7, place->line);
  for (guint i = 0; i < writer->n_fields; i++) {
    bind_text(add, FIXED_COLUMNS + 1 + (int)i, values[i]);
  }
  return run(writer, add, error);
}

gboolean roster_writer_add(RosterWriter *writer, const RosterPlace *place,
                           const Address *address, const char *name,
                           const char *const *values, RosterPlace *first, GError **error)
{
  guint32 hash = key_set_hash(writer->keys, address->key);
  if (!find_key(writer, address->key, hash, first, error)) {
    return FALSE;
  }
  if (first->line > 0) {
    return TRUE;
  }
  if (!insert(writer, place, address, name, values, error)) {
    return FALSE;
  }
  key_set_add(writer->keys, hash, ++writer->length);
  return TRUE;
}

gboolean roster_writer_skip(RosterWriter *writer, const RosterPlace *place, RosterFate fate,
                            const char *address, const char *reason, GError **error)
{
  sqlite3_stmt *skip = writer->skip;
  sqlite3_bind_int64(skip, 1, place->list);
  sqlite3_bind_int64(skip, 2, place->line);
  bind_text(skip, 3, fate_name(fate));
  bind_text(skip, 4, address);
  bind_text(skip, 5, reason);
  return run(writer, skip, error);
}

gboolean roster_writer_finish(RosterWriter *writer, GError **error)
{
  if (!execute(writer, "COMMIT", error)) {
    return FALSE;
  }
  close_database(writer);
  if (!durable_rename(writer->new_path, writer->path, error)) {
    return FALSE;
  }
  g_clear_pointer(&writer->new_path, g_free);
  return TRUE;
}
