/* SPDX-License-Identifier: Apache-2.0 */

/* dateline log: the delivery log, from the journals and rosters of the releases. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/names.h"
#include "cli/command.h"
#include "cli/facts.h"
#include "cli/printer.h"
#include "config/number.h"
#include "delivery/origin.h"
#include "delivery/summary.h"

enum { FOLLOW_WAIT_US = 500 * 1000 };

typedef struct {
  const char *spool;
  const char *address;   /* NULL: all */
  guint32 contact;       /* 0: all */
  const char *state;     /* NULL: all */
  gint64 since_ms;       /* 0: all */
  gboolean latest;       /* one line for each row of the lists */
  Printer *printer;
} Log;

/* --- What is printed --- */

static void print_fact(const Fact *fact, gpointer data)
{
  const Log *log = data;

  if (fact->wall_ms >= log->since_ms &&
      (log->state == NULL || g_str_equal(fact->state, log->state))) {
    printer_print(log->printer, fact);
  }
}

/* The present states only. The journal is gone through twice: first each contact's last
 * line is noted, then these lines are told. What is written meanwhile is left out, so that
 * all lines are of one moment. */
typedef struct {
  const Log *log;
  GArray *last;   /* by contact: number of its last line, 0 for none */
} Latest;

static guint64 last_of(const Latest *latest, guint32 contact)
{
  return contact < latest->last->len ? g_array_index(latest->last, guint64, contact) : 0;
}

static void note_fact(const Fact *fact, gpointer data)
{
  Latest *latest = data;

  if (fact->contact == 0) {
    return;
  }
  if (fact->contact >= latest->last->len) {
    g_array_set_size(latest->last, fact->contact + 1);
  }
  g_array_index(latest->last, guint64, fact->contact) = fact->sequence;
}

static void print_if_latest(const Fact *fact, gpointer data)
{
  const Latest *latest = data;
  Fact present = *fact;

  if (fact->contact != 0 && last_of(latest, fact->contact) != fact->sequence) {
    return;
  }
  if (g_str_equal(fact->state, "withdrawn")) {
    present.state = "due";
  }
  print_fact(&present, (gpointer)latest->log);
}

static gboolean is_untouched(guint32 contact, gpointer data)
{
  return last_of(data, contact) == 0;
}

static void print_due(const Fact *fact, gpointer data)
{
  const Latest *latest = data;

  print_fact(fact, (gpointer)latest->log);
}

static Facts *open_facts(const Log *log, const char *id, GError **error)
{
  Facts *facts = facts_open(log->spool, id, log->address, error);

  if (facts != NULL && log->contact != 0) {
    facts_choose(facts, log->contact);
  }
  return facts;
}

static gboolean print_latest(const Log *log, Facts *first, GError **error)
{
  Latest latest = {.log = log, .last = g_array_new(FALSE, TRUE, sizeof(guint64))};
  g_autoptr(Facts) second = NULL;
  gboolean good = facts_read(first, note_fact, &latest, error);

  if (good) {
    second = open_facts(log, facts_release(first), error);
  }
  good = second != NULL && facts_read(second, print_if_latest, &latest, error) &&
         facts_tell_due(second, is_untouched, print_due, &latest, error);
  g_array_unref(latest.last);
  return good;
}

/* --- Releases --- */

static int print_release(const Log *log, const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Facts) facts = open_facts(log, id, &error);

  if (facts != NULL) {
    if (log->latest) {
      print_latest(log, facts, &error);
    } else {
      facts_read(facts, print_fact, (gpointer)log, &error);
    }
  }
  return error != NULL ? complain_error(error, EX_IOERR) : EX_OK;
}

static int compare_ids(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids that known does not have yet, ascending; known gets them. NULL: error. */
static GPtrArray *find_new_releases(const Log *log, gboolean done, GHashTable *known,
                                    GError **error)
{
  static const char *const folders[] = {"queue", "done"};
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);

  for (guint i = 0; i < (done ? 2 : 1); i++) {
    g_autoptr(GPtrArray) ids = releases_list(log->spool, folders[i], error);
    if (ids == NULL) {
      return NULL;
    }
    for (guint j = 0; j < ids->len; j++) {
      const char *id = g_ptr_array_index(ids, j);
      if (g_hash_table_add(known, g_strdup(id))) {
        g_ptr_array_add(found, g_strdup(id));
      }
    }
  }
  g_ptr_array_sort(found, compare_ids);
  return g_steal_pointer(&found);
}

/* One that cannot be read does not hide the others. */
static int print_all(const Log *log)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) ids = find_new_releases(log, TRUE, known, &error);
  int status = EX_OK;

  if (ids == NULL) {
    return complain_error(error, EX_IOERR);
  }
  for (guint i = 0; i < ids->len; i++) {
    int result = print_release(log, g_ptr_array_index(ids, i));
    status = status != EX_OK ? status : result;
  }
  return status;
}

/* --- Following --- */

typedef struct {
  const Log *log;
  gboolean all;          /* also releases to come */
  GHashTable *known;     /* ids */
  GPtrArray *open;       /* Facts * that may still grow */
  int status;
} Following;

static void follow_release(Following *following, const char *id)
{
  g_autoptr(GError) error = NULL;
  Facts *facts = open_facts(following->log, id, &error);

  if (facts != NULL) {
    g_ptr_array_add(following->open, facts);
  } else {
    following->status = complain_error(error, EX_IOERR);
  }
}

static gboolean find_more(Following *following, gboolean done)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) ids = find_new_releases(following->log, done, following->known, &error);

  if (ids == NULL) {
    following->status = complain_error(error, EX_IOERR);
    return FALSE;
  }
  for (guint i = 0; i < ids->len; i++) {
    follow_release(following, g_ptr_array_index(ids, i));
  }
  return TRUE;
}

static void read_open(Following *following)
{
  for (guint i = 0; i < following->open->len;) {
    Facts *facts = g_ptr_array_index(following->open, i);
    g_autoptr(GError) error = NULL;
    if (!facts_read(facts, print_fact, (gpointer)following->log, &error)) {
      following->status = complain_error(error, EX_IOERR);
    }
    if (error != NULL || facts_ended(facts)) {
      g_ptr_array_remove_index(following->open, i);
    } else {
      i++;
    }
  }
  fflush(stdout);
}

/* A release ends when it is in done/; the log of all never does. What was finished before
 * we came is told too. */
static int follow(const Log *log, const char *id)
{
  Following following = {
    .log = log,
    .all = id == NULL,
    .known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    .open = g_ptr_array_new_with_free_func((GDestroyNotify)facts_close),
  };
  gboolean going_on = TRUE;

  if (id != NULL) {
    follow_release(&following, id);
  } else {
    going_on = find_more(&following, TRUE);
  }
  while (going_on) {
    read_open(&following);
    going_on = (following.all || following.open->len > 0) && !ferror(stdout);
    if (going_on) {
      g_usleep(FOLLOW_WAIT_US);
      going_on = !following.all || find_more(&following, FALSE);
    }
  }
  g_hash_table_unref(following.known);
  g_ptr_array_unref(following.open);
  return following.status;
}

/* --- The command --- */

static gboolean choose_format(const char *name, PrintFormat *format)
{
  static const char *const names[] = {
    [PRINT_TEXT] = "text", [PRINT_JSON] = "json", [PRINT_CSV] = "csv",
  };

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    if (name == NULL || g_str_equal(name, names[i])) {
      *format = (PrintFormat)i;
      return TRUE;
    }
  }
  complain("\"%s\" is no format; the formats are text, json and csv", name);
  return FALSE;
}

static gboolean check_state(const char *state)
{
  if (state == NULL || g_strv_contains(FACT_STATES, state)) {
    return TRUE;
  }
  g_autofree char *all = g_strjoinv(", ", (char **)FACT_STATES);
  complain("\"%s\" is no state; the states are %s", state, all);
  return FALSE;
}

/* A moment as in front matter or as the log prints it, a day, or how long ago. */
static gboolean read_since(const char *text, gint64 *since_ms)
{
  g_autofree char *midnight = NULL;
  g_autoptr(GError) error = NULL;
  double ago_ms;

  if (text == NULL || clock_parse_utc(text, strlen(text), since_ms)) {
    return TRUE;
  }
  if (number_read(text, number_time_units, "s", &ago_ms)) {
    *since_ms = MAX(clock_wall_ms() - (gint64)MIN(ago_ms, 1e15), 0);
    return TRUE;
  }
  midnight = g_strconcat(text, " 00:00", NULL);
  if (clock_parse_moment(midnight, since_ms, NULL, NULL) ||
      clock_parse_moment(text, since_ms, NULL, &error)) {
    return TRUE;
  }
  complain("%s; a day such as \"2026-11-23\" and a time that has passed, such as \"2 h\", will do "
           "too", error->message);
  return FALSE;
}

/* The release that is meant; NULL: all of them, or error. */
static char *choose_release(Log *log, const char *part, const char *token, GError **error)
{
  if (token != NULL) {
    return origin_find(log->spool, token, &log->contact, error);
  }
  g_autofree char *directory = part != NULL ? releases_find(log->spool, part, error) : NULL;
  return directory != NULL ? g_path_get_basename(directory) : NULL;
}

static int print_log(Log *log, const char *part, const char *token, gboolean following)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *id = choose_release(log, part, token, &error);

  if (error != NULL) {
    return complain_error(error, EX_IOERR);
  }
  if (following) {
    return follow(log, id);
  }
  return id != NULL ? print_release(log, id) : print_all(log);
}

static int run(Invocation *invocation)
{
  g_autofree char *address = NULL, *state = NULL, *since = NULL, *format_name = NULL;
  g_autofree char *token = NULL;
  gboolean following = FALSE, latest = FALSE;
  const GOptionEntry entries[] = {
    {"address", 0, 0, G_OPTION_ARG_FILENAME, &address, "Only addresses that contain PART", "PART"},
    {"state", 0, 0, G_OPTION_ARG_FILENAME, &state, "Only what brought a contact into STATE",
     "STATE"},
    {"token", 0, 0, G_OPTION_ARG_FILENAME, &token,
     "Only whom a bounce is about: the address that it came to, or its ENVID", "TOKEN"},
    {"since", 0, 0, G_OPTION_ARG_FILENAME, &since, "Only from WHEN on", "WHEN"},
    {"latest", 0, 0, G_OPTION_ARG_NONE, &latest,
     "One line for each row of the lists: its present state", NULL},
    {"follow", 'f', 0, G_OPTION_ARG_NONE, &following, "Go on with what happens from now on", NULL},
    {"format", 0, 0, G_OPTION_ARG_FILENAME, &format_name, "text, json or csv", "FORMAT"},
    G_OPTION_ENTRY_NULL,
  };
  Log log = {0};
  PrintFormat format;
  int status;

  if (!command_options(invocation, entries, 0, 1) || !choose_format(format_name, &format) ||
      !check_state(state) || !read_since(since, &log.since_ms)) {
    return EX_USAGE;
  }
  if (latest && following) {
    complain("--latest is of one moment and --follow has no end; choose one");
    return EX_USAGE;
  }
  if (token != NULL && (address != NULL || invocation->arguments[0] != NULL)) {
    complain("--token says which release and which contact; leave out RELEASE and --address");
    return EX_USAGE;
  }
  g_autoptr(Config) config = command_config(invocation, &status);
  if (config == NULL) {
    return status;
  }
  g_autoptr(Printer) printer = printer_new(format);
  log.spool = config->spool;
  log.address = address;
  log.state = state;
  log.latest = latest;
  log.printer = printer;
  return print_log(&log, invocation->arguments[0], token, following);
}

const Command log_command = {
  .name = "log",
  .arguments = "[RELEASE]",
  .help = "Print the delivery log",
  .example = "  dateline log --state bounced --format csv jakarta > bounced.csv\n",
  .run = run,
};
