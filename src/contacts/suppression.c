/* SPDX-License-Identifier: Apache-2.0 */

#include "contacts/suppression.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/names.h"
#include "contacts/keyset.h"

G_DEFINE_QUARK(suppression-error-quark, suppression_error)

enum {
  APPLICATION_ID = 0x646c7375,   /* "dlsu", for file(1) */
  SCHEMA_VERSION = 1,                   /* user_version: of the schema */
  /* A command waits so long for another one; readers wait for nobody, but when the database is
   * being recovered after a crash. */
  WRITE_PATIENCE_MS = 30000,
  READ_PATIENCE_MS = 250,
};

/* key: what entries are compared by, Address.key, or "@" and a domain. */
static const char SCHEMA[] =
  "CREATE TABLE entries(number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL,"
  " scope TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL,"
  " evidence TEXT, UNIQUE(key, scope)) STRICT;";

static const char COLUMNS[] = "SELECT number, address, scope, reason, since, evidence FROM entries ";

typedef enum { FIND, LAST, ANY_DOMAIN, BEGIN, END, ADD, REMOVE, STATEMENTS } StatementName;

struct Suppression {
  char *path;
  sqlite3 *db;              /* NULL: there is none, and nobody on the list */
  sqlite3_stmt *statements[STATEMENTS];
  guint64 last;             /* number, as it was looked up at looked_ms */
  gint64 looked_ms;         /* monotonic; 0: not yet */
  gboolean has_domains;     /* among the entries up to domains_last, or was there once */
  guint64 domains_last;
  KeySet *keys;             /* during a look */
  char *kept[3];            /* what the entry that was found last points to */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)

const char *const SUPPRESSION_REASON_NAMES[] = {
  [SUPPRESSION_ASKED] = "asked",           [SUPPRESSION_BOUNCED] = "bounced",
  [SUPPRESSION_COMPLAINED] = "complained", [SUPPRESSION_ERASED] = "erased",
  [SUPPRESSION_MANUAL] = "manual",         [SUPPRESSION_REASONS] = NULL,
};

gboolean suppression_reason_read(const char *name, SuppressionReason *reason)
{
  for (guint i = 0; i < SUPPRESSION_REASONS; i++) {
    if (g_strcmp0(name, SUPPRESSION_REASON_NAMES[i]) == 0) {
      *reason = (SuppressionReason)i;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean suppression_scope_check(const char *scope, GError **error)
{
  static const char *const prefixes[] = {"list:", "channel:"};
  for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++) {
    if (g_str_has_prefix(scope, prefixes[i]) && scope[strlen(prefixes[i])] != '\0') {
      return TRUE;
    }
  }
  if (g_str_equal(scope, "all")) {
    return TRUE;
  }
  g_autofree char *shown = text_make_visible(scope);
  g_set_error(error, SUPPRESSION_ERROR, SUPPRESSION_ERROR_SCOPE,
              "\"%s\" is no scope; write all, list:NAME or channel:NAME", shown);
  return FALSE;
}

/* --- Errors. --- */

static gboolean fail_path(const char *path, int number, GError **error)
{
  g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(number), "cannot use %s: %s", path,
              g_strerror(number));
  return FALSE;
}

static gboolean fail(Suppression *suppression, GError **error)
{
  const int code = sqlite3_errcode(suppression->db) & 0xff;
  if (code == SQLITE_READONLY || code == SQLITE_PERM || code == SQLITE_AUTH) {
    return fail_path(suppression->path, EACCES, error);
  }
  if (code == SQLITE_CANTOPEN && access(suppression->path, R_OK | W_OK) != 0) {
    return fail_path(suppression->path, errno, error);
  }
  g_set_error(error, SUPPRESSION_ERROR, SUPPRESSION_ERROR_DATABASE, "%s: %s%s", suppression->path,
              sqlite3_errmsg(suppression->db),
              code == SQLITE_BUSY ? "; another program writes to it" : "");
  return FALSE;
}

static gboolean execute(Suppression *suppression, const char *sql, GError **error)
{
  return sqlite3_exec(suppression->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
         fail(suppression, error);
}

/* --- Opening. --- */

char *suppression_folder(const char *spool)
{
  return g_build_filename(spool, "suppress", NULL);
}

/* Best effort: what root makes must be the daemon's as well, and its group's. */
static void permit_like(int fd, const struct stat *model, mode_t mode)
{
  if (fchown(fd, geteuid() == 0 ? model->st_uid : (uid_t)-1, model->st_gid) != 0 ||
      fchmod(fd, mode) != 0) {
    g_debug("the permissions of the suppression list stay as they are: %s", g_strerror(errno));
  }
}

static gboolean make_folder(const char *spool, GError **error)
{
  struct stat status;
  g_autofree char *folder = suppression_folder(spool);
  if (stat(folder, &status) == 0) {
    return TRUE;
  }
  if (stat(spool, &status) != 0 || mkdir(folder, 0770) != 0) {
    return errno == EEXIST || fail_path(folder, errno, error);
  }
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    permit_like(fd, &status, 02770);
    close(fd);
  }
  return TRUE;
}

/* SQLite gives its files beside the database the permissions of the database. */
static gboolean make_file(const char *spool, const char *path, GError **error)
{
  struct stat status;
  g_autofree char *folder = suppression_folder(spool);
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
  if (fd < 0) {
    return errno == EEXIST || fail_path(path, errno, error);
  }
  if (stat(folder, &status) == 0) {
    permit_like(fd, &status, 0660);
  }
  close(fd);
  return TRUE;
}

static gboolean read_number(Suppression *suppression, const char *sql, gint64 *number,
                            GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (sqlite3_prepare_v2(suppression->db, sql, -1, &statement, NULL) != SQLITE_OK ||
      sqlite3_step(statement) != SQLITE_ROW) {
    return fail(suppression, error);
  }
  *number = sqlite3_column_int64(statement, 0);
  return TRUE;
}

/* *version: 0 where the database is empty. */
static gboolean check_version(Suppression *suppression, gint64 *version, GError **error)
{
  gint64 id;
  if (!read_number(suppression, "PRAGMA user_version", version, error) ||
      !read_number(suppression, "PRAGMA application_id", &id, error)) {
    return FALSE;
  }
  if (*version > SCHEMA_VERSION || id != (*version == 0 ? 0 : APPLICATION_ID)) {
    g_set_error(error, SUPPRESSION_ERROR, SUPPRESSION_ERROR_DATABASE,
                "%s is no suppression list, or one of a newer version of dateline",
                suppression->path);
    return FALSE;
  }
  return TRUE;
}

/* Two programs may be about to make it. */
static gboolean make_schema(Suppression *suppression, GError **error)
{
  gint64 version;
  if (!execute(suppression, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE", error) ||
      !check_version(suppression, &version, error)) {
    return FALSE;
  }
  g_autofree char *sql = g_strdup_printf("%s PRAGMA application_id = %d; PRAGMA user_version = %d;"
                                         "COMMIT", version == 0 ? SCHEMA : "", APPLICATION_ID,
                                         SCHEMA_VERSION);
  return execute(suppression, sql, error);
}

static gboolean prepare_statements(Suppression *suppression, GError **error)
{
  /* The + keeps SQLite from looking for each scope on its own. */
  g_autofree char *find = g_strconcat(COLUMNS, "WHERE key = ?1 AND +scope IN ('all', ?2, ?3) "
                                      "ORDER BY number LIMIT 1", NULL);
  const char *const sql[STATEMENTS] = {
    [FIND] = find,
    [LAST] = "SELECT seq FROM sqlite_sequence WHERE name = 'entries'",
    [ANY_DOMAIN] = "SELECT 1 FROM entries WHERE key >= '@' AND key < 'A' LIMIT 1",
    [BEGIN] = "BEGIN",
    [END] = "COMMIT",
    [ADD] = "INSERT INTO entries(key, scope, address, reason, since, evidence) "
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
            "WHERE NOT EXISTS(SELECT 1 FROM entries WHERE key = ?1 AND scope = ?2)",
    [REMOVE] = "DELETE FROM entries WHERE key = ?1 AND (?2 IS NULL OR scope = ?2)",
  };
  for (guint i = 0; i < STATEMENTS; i++) {
    if (sqlite3_prepare_v3(suppression->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                           &suppression->statements[i], NULL) != SQLITE_OK) {
      return fail(suppression, error);
    }
  }
  return TRUE;
}

static gboolean open_database(Suppression *suppression, SuppressionAccess access_,
                              GError **error)
{
  const gboolean writes = access_ == SUPPRESSION_WRITE;
  const int flags = (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
  gint64 version;
  if (sqlite3_open_v2(suppression->path, &suppression->db, flags, NULL) != SQLITE_OK) {
    return fail(suppression, error);
  }
  sqlite3_busy_timeout(suppression->db, writes ? WRITE_PATIENCE_MS : READ_PATIENCE_MS);
  if (!execute(suppression, "PRAGMA synchronous = FULL; PRAGMA cache_size = -4096", error) ||
      (writes && !execute(suppression, "PRAGMA mmap_size = 1073741824", error)) ||
      !check_version(suppression, &version, error)) {
    return FALSE;
  }
  if (version == 0 && !writes) {
    g_clear_pointer(&suppression->db, sqlite3_close);
    return TRUE;
  }
  return (version != 0 || make_schema(suppression, error)) &&
         prepare_statements(suppression, error);
}

Suppression *suppression_open(const char *spool, SuppressionAccess access_, GError **error)
{
  struct stat status;
  g_autofree char *folder = suppression_folder(spool);
  g_autoptr(Suppression) suppression = g_new0(Suppression, 1);
  suppression->path = g_build_filename(folder, "suppress.db", NULL);
  if (access_ == SUPPRESSION_WRITE &&
      (!make_folder(spool, error) || !make_file(spool, suppression->path, error))) {
    return NULL;
  }
  if (stat(suppression->path, &status) != 0) {
    if (errno == ENOENT) {
      return g_steal_pointer(&suppression);
    }
    fail_path(suppression->path, errno, error);
    return NULL;
  }
  return open_database(suppression, access_, error) ? g_steal_pointer(&suppression) : NULL;
}

void suppression_close(Suppression *suppression)
{
  if (!suppression) {
    return;
  }
  for (guint i = 0; i < STATEMENTS; i++) {
    sqlite3_finalize(suppression->statements[i]);
  }
  sqlite3_close(suppression->db);
  g_clear_pointer(&suppression->keys, key_set_free);
  for (guint i = 0; i < G_N_ELEMENTS(suppression->kept); i++) {
    g_free(suppression->kept[i]);
  }
  g_free(suppression->path);
  g_free(suppression);
}

/* --- Addresses and domains. --- */

typedef struct {
  char *key;
  char *shown;
} Subject;

static void subject_clear(Subject *subject)
{
  g_free(subject->key);
  g_free(subject->shown);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Subject, subject_clear)

/* "example.org", or what stands below it: "*.example.org", "*.example". */
static gboolean read_domain(const char *text, Subject *subject, GError **error)
{
  const gboolean is_wild = g_str_has_prefix(text, "*.");
  g_autofree char *probe = g_strconcat(is_wild ? "x@x." : "x@", is_wild ? text + 2 : text, NULL);
  g_auto(Address) address = {0};
  if (!address_parse(probe, &address, NULL)) {
    g_autofree char *shown = text_make_visible(text);
    g_set_error(error, ADDRESS_ERROR, ADDRESS_ERROR_DOMAIN,
                "\"%s\" is neither an address nor a domain", shown);
    return FALSE;
  }
  const char *domain = strrchr(address.mailbox, '@') + 1;
  subject->shown = g_strconcat(is_wild ? "*" : "", is_wild ? domain + 1 : domain, NULL);
  subject->key = g_strconcat("@", subject->shown, NULL);
  return TRUE;
}

static gboolean read_subject(const char *written, Subject *subject, GError **error)
{
  g_autofree char *text = g_strstrip(g_strdup(written));
  g_auto(Address) address = {0};
  if (*text == '@' || !strchr(text, '@')) {
    return read_domain(text + (*text == '@'), subject, error);
  }
  if (!mailbox_parse(text, NULL, &address, NULL) && !address_parse(text, &address, error)) {
    return FALSE;
  }
  subject->key = g_strdup(address.key);
  subject->shown = g_strdup(address.mailbox);
  return TRUE;
}

/* --- Looking. --- */

static gboolean read_last(Suppression *suppression, guint64 *number, GError **error)
{
  sqlite3_stmt *last = suppression->statements[LAST];
  const int code = sqlite3_step(last);
  const gboolean good = code == SQLITE_ROW || code == SQLITE_DONE || fail(suppression, error);
  *number = code == SQLITE_ROW ? (guint64)sqlite3_column_int64(last, 0) : 0;
  sqlite3_reset(last);
  return good;
}

gboolean suppression_last(Suppression *suppression, gint64 now_ms, guint64 *number,
                          GError **error)
{
  if (suppression->db && (suppression->looked_ms != now_ms || now_ms == 0)) {
    suppression->looked_ms = 0;
    if (!read_last(suppression, &suppression->last, error)) {
      return FALSE;
    }
    suppression->looked_ms = now_ms;
  }
  *number = suppression->last;
  return TRUE;
}

/* A row's strings are good until the statement moves on. */
static SuppressionEntry entry_of(sqlite3_stmt *row)
{
  SuppressionEntry entry = {
    .number = (guint64)sqlite3_column_int64(row, 0),
    .address = (const char *)sqlite3_column_text(row, 1),
    .scope = (const char *)sqlite3_column_text(row, 2),
    .reason = SUPPRESSION_MANUAL,
    .since_ms = sqlite3_column_int64(row, 4),
    .evidence = (const char *)sqlite3_column_text(row, 5),
  };
  suppression_reason_read((const char *)sqlite3_column_text(row, 3), &entry.reason);
  return entry;
}

/* A statement that stands on a row would hold the database as it is now: the strings are
 * copied. */
static void keep_entry(Suppression *suppression, const SuppressionEntry *found,
                       SuppressionEntry *entry)
{
  char **kept = suppression->kept;
  *entry = *found;
  g_free(kept[0]);
  g_free(kept[1]);
  g_free(kept[2]);
  entry->address = kept[0] = g_strdup(found->address);
  entry->scope = kept[1] = g_strdup(found->scope);
  entry->evidence = kept[2] = g_strdup(found->evidence);
}

/* During a look most keys are known not to be there without asking SQLite. */
static gboolean may_have(const Suppression *suppression, const char *key)
{
  guint32 position = 0;
  return !suppression->keys ||
         key_set_next(suppression->keys, key_set_hash(suppression->keys, key), &position) != 0;
}

/* Whether there may be domains: most lists have none, and need not be asked about them. */
static gboolean look_for_domains(Suppression *suppression, gboolean *found, GError **error)
{
  guint64 last;
  if (!read_last(suppression, &last, error)) {
    return FALSE;
  }
  if (last != suppression->domains_last) {
    sqlite3_stmt *any = suppression->statements[ANY_DOMAIN];
    const int code = sqlite3_step(any);
    const gboolean good = code == SQLITE_ROW || code == SQLITE_DONE || fail(suppression, error);
    sqlite3_reset(any);
    if (!good) {
      return FALSE;
    }
    suppression->has_domains = code == SQLITE_ROW;
    suppression->domains_last = last;
  }
  *found = suppression->has_domains;
  return TRUE;
}

/* Leaves entry alone where there is none, or one that is newer. */
static gboolean find_key(Suppression *suppression, const char *key, SuppressionEntry *entry,
                         GError **error)
{
  sqlite3_stmt *find = suppression->statements[FIND];
  if (!may_have(suppression, key)) {
    return TRUE;
  }
  sqlite3_bind_text(find, 1, key, -1, SQLITE_STATIC);
  const int code = sqlite3_step(find);
  const gboolean good = code == SQLITE_ROW || code == SQLITE_DONE || fail(suppression, error);
  if (code == SQLITE_ROW) {
    const SuppressionEntry found = entry_of(find);
    if (entry->number == 0 || found.number < entry->number) {
      keep_entry(suppression, &found, entry);
    }
  }
  sqlite3_reset(find);
  return good;
}

/* "@news.example.org", then "@*.example.org" and "@*.org". */
static gboolean find_domain(Suppression *suppression, const char *domain, SuppressionEntry *entry,
                            GError **error)
{
  g_autofree char *key = g_strconcat("@", domain, NULL);
  gboolean good = find_key(suppression, key, entry, error);
  for (const char *dot = strchr(domain, '.'); good && dot; dot = strchr(dot + 1, '.')) {
    char *above = key + (dot - domain);   /* of the dot in key, and the place before it */
    above[-1] = '@';
    above[0] = '*';
    above[1] = '.';
    good = find_key(suppression, above - 1, entry, error);
  }
  return good;
}

static gboolean find_all(Suppression *suppression, const Address *address,
                         SuppressionEntry *entry, GError **error)
{
  gboolean domains = TRUE;
  return find_key(suppression, address->key, entry, error) &&
         (suppression->keys || look_for_domains(suppression, &domains, error)) &&
         (!domains ||
          find_domain(suppression, strrchr(address->mailbox, '@') + 1, entry, error));
}

static void run_plain(Suppression *suppression, StatementName name)
{
  sqlite3_step(suppression->statements[name]);
  sqlite3_reset(suppression->statements[name]);
}

/* The lookups share one transaction: taking and leaving the database costs more than they do. */
gboolean suppression_find(Suppression *suppression, const Address *address, const char *list,
                          const char *channel, SuppressionEntry *entry, GError **error)
{
  *entry = (SuppressionEntry){0};
  if (!suppression->db) {
    return TRUE;
  }
  const gboolean is_alone = sqlite3_get_autocommit(suppression->db) != 0;
  g_autofree char *list_scope = g_strconcat("list:", list, NULL);
  g_autofree char *channel_scope = g_strconcat("channel:", channel, NULL);
  sqlite3_stmt *find = suppression->statements[FIND];
  sqlite3_bind_text(find, 2, list_scope, -1, SQLITE_STATIC);
  sqlite3_bind_text(find, 3, channel_scope, -1, SQLITE_STATIC);
  if (is_alone) {
    run_plain(suppression, BEGIN);
  }
  const gboolean good = find_all(suppression, address, entry, error);
  if (is_alone) {
    run_plain(suppression, END);
  }
  sqlite3_clear_bindings(find);
  return good;
}

gboolean suppression_each(Suppression *suppression, const char *part, SuppressionFunc func,
                          gpointer data, GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (!suppression->db) {
    return TRUE;
  }
  g_autofree char *folded = part ? g_utf8_strdown(part, -1) : NULL;
  g_autofree char *sql = g_strconcat(COLUMNS, "WHERE ?1 IS NULL OR instr(lower(address), ?1) "
                                     "ORDER BY number", NULL);
  if (sqlite3_prepare_v2(suppression->db, sql, -1, &statement, NULL) != SQLITE_OK) {
    return fail(suppression, error);
  }
  sqlite3_bind_text(statement, 1, folded, -1, SQLITE_STATIC);
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    const SuppressionEntry entry = entry_of(statement);
    func(&entry, data);
  }
  return code == SQLITE_DONE || fail(suppression, error);
}

char *suppression_describe(const SuppressionEntry *entry)
{
  g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(entry->since_ms / 1000);
  g_autofree char *day = since ? g_date_time_format(since, "%Y-%m-%d") : g_strdup("?");
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_printf(text, "%s since %s", SUPPRESSION_REASON_NAMES[entry->reason], day);
  if (!g_str_equal(entry->scope, "all")) {
    g_string_append_printf(text, ", %s", entry->scope);
  }
  if (!strchr(entry->address, '@')) {
    g_string_append_printf(text, ", the domain %s", entry->address);
  }
  if (entry->evidence) {
    g_string_append_printf(text, " (%s)", entry->evidence);
  }
  return g_strdup(text->str);
}

/* --- A look at all of them. --- */

gboolean suppression_begin_look(Suppression *suppression, GError **error)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  if (!suppression->db) {
    return TRUE;
  }
  if (!execute(suppression, "BEGIN", error)) {
    return FALSE;
  }
  if (sqlite3_prepare_v2(suppression->db, "SELECT key FROM entries", -1, &statement, NULL) !=
      SQLITE_OK) {
    return fail(suppression, error);
  }
  suppression->keys = key_set_new();
  int code;
  for (guint32 count = 1; (code = sqlite3_step(statement)) == SQLITE_ROW; count++) {
    const char *key = (const char *)sqlite3_column_text(statement, 0);
    key_set_add(suppression->keys, key_set_hash(suppression->keys, key), count);
  }
  return code == SQLITE_DONE || fail(suppression, error);
}

void suppression_end_look(Suppression *suppression)
{
  g_clear_pointer(&suppression->keys, key_set_free);
  suppression_roll_back(suppression);
}

/* --- Writing. --- */

/* Addresses come in no order: the index on them is written all over. */
gboolean suppression_begin(Suppression *suppression, GError **error)
{
  return execute(suppression, "PRAGMA cache_size = -65536; BEGIN IMMEDIATE", error);
}

gboolean suppression_commit(Suppression *suppression, GError **error)
{
  return execute(suppression, "COMMIT; PRAGMA cache_size = -4096", error);
}

void suppression_roll_back(Suppression *suppression)
{
  if (suppression->db && !sqlite3_get_autocommit(suppression->db)) {
    sqlite3_exec(suppression->db, "ROLLBACK", NULL, NULL, NULL);
  }
}

/* Runs a statement that returns no rows; *changes: how many it touched. */
static gboolean run(Suppression *suppression, sqlite3_stmt *statement, guint *changes,
                    GError **error)
{
  const gboolean good = sqlite3_step(statement) == SQLITE_DONE || fail(suppression, error);
  *changes = good ? (guint)sqlite3_changes(suppression->db) : 0;
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return good;
}

gboolean suppression_add(Suppression *suppression, const SuppressionEntry *entry, gboolean *added,
                         GError **error)
{
  g_auto(Subject) subject = {0};
  sqlite3_stmt *add = suppression->statements[ADD];
  guint changes;
  if (!suppression_scope_check(entry->scope, error) ||
      !read_subject(entry->address, &subject, error)) {
    return FALSE;
  }
  sqlite3_bind_text(add, 1, subject.key, -1, SQLITE_STATIC);
  sqlite3_bind_text(add, 2, entry->scope, -1, SQLITE_STATIC);
  sqlite3_bind_text(add, 3, subject.shown, -1, SQLITE_STATIC);
  sqlite3_bind_text(add, 4, SUPPRESSION_REASON_NAMES[entry->reason], -1, SQLITE_STATIC);
  sqlite3_bind_int64(add, 5, entry->since_ms);
  sqlite3_bind_text(add, 6, entry->evidence, -1, SQLITE_STATIC);
  const gboolean good = run(suppression, add, &changes, error);
  *added = changes > 0;
  return good;
}

gboolean suppression_remove(Suppression *suppression, const char *address, const char *scope,
                            guint *removed, GError **error)
{
  g_auto(Subject) subject = {0};
  sqlite3_stmt *take_off = suppression->statements[REMOVE];
  *removed = 0;
  if ((scope && !suppression_scope_check(scope, error)) ||
      !read_subject(address, &subject, error)) {
    return FALSE;
  }
  sqlite3_bind_text(take_off, 1, subject.key, -1, SQLITE_STATIC);
  sqlite3_bind_text(take_off, 2, scope, -1, SQLITE_STATIC);
  return run(suppression, take_off, removed, error);
}
