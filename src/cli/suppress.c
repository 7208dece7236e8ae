/* SPDX-License-Identifier: Apache-2.0 */

/* dateline suppress: who must not be mailed. The command writes the database itself: the daemon
 * sees it before the next message, whether it runs or not. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/names.h"
#include "cli/cells.h"
#include "cli/command.h"
#include "cli/grid.h"
#include "cli/object.h"
#include "contacts/suppression-file.h"

typedef struct {
  char *scope;
  char *reason;
  char *evidence;
  gboolean json;
} Options;

typedef struct {
  const Config *config;
  const Options *options;
  Suppression *suppression;
  char **arguments;          /* what follows the action's name */
  SuppressionEntry entry;    /* as the options say */
} Action;

static void options_clear(Options *options)
{
  g_free(options->scope);
  g_free(options->reason);
  g_free(options->evidence);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* What is wrong with what somebody wrote is no trouble of the machine. */
static int fail(const GError *error)
{
  const gboolean is_data = error->domain == ADDRESS_ERROR ||
                           g_error_matches(error, SUPPRESSION_ERROR, SUPPRESSION_ERROR_SCOPE);
  return complain_error(error, is_data ? EX_DATAERR : EX_IOERR);
}

/* --- add, remove --- */

static void print_counts(const Action *action, const char *first, guint64 first_count,
                         const char *second, guint64 second_count)
{
  if (!action->options->json) {
    printf("%" G_GUINT64_FORMAT " %s, %" G_GUINT64_FORMAT " %s\n", first_count, first, second_count,
           second);
    return;
  }
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  object_add_number(builder, first, first_count);
  object_add_number(builder, second, second_count);
  json_builder_end_object(builder);
  object_print(builder, OBJECT_LINE);
}

/* All of them or none. */
static int run_add(Action *action)
{
  g_autoptr(GError) error = NULL;
  guint64 counts[2] = {0};
  gboolean good = suppression_begin(action->suppression, &error);
  for (char **address = action->arguments; good && *address != NULL; address++) {
    gboolean added;
    action->entry.address = *address;
    good = suppression_add(action->suppression, &action->entry, &added, &error);
    counts[added ? 0 : 1]++;
  }
  if (!good || !suppression_commit(action->suppression, &error)) {
    return fail(error);
  }
  print_counts(action, "added", counts[0], "known", counts[1]);
  return EX_OK;
}

static int run_remove(Action *action)
{
  g_autoptr(GError) error = NULL;
  guint64 removed = 0, unknown = 0;
  gboolean good = suppression_begin(action->suppression, &error);
  for (char **address = action->arguments; good && *address != NULL; address++) {
    guint count;
    good = suppression_remove(action->suppression, *address, action->options->scope, &count,
                              &error);
    removed += count;
    unknown += count == 0;
  }
  if (!good || !suppression_commit(action->suppression, &error)) {
    return fail(error);
  }
  print_counts(action, "removed", removed, "unknown", unknown);
  return unknown == 0 ? EX_OK : EX_NOINPUT;
}

/* --- list, export --- */

static void list_row(const SuppressionEntry *entry, gpointer data)
{
  g_autofree char *since = moment_to_text(entry->since_ms);
  grid_add(data, entry->address, entry->scope, SUPPRESSION_REASON_NAMES[entry->reason], since,
           entry->evidence != NULL ? entry->evidence : "");
}

static void list_object(const SuppressionEntry *entry, gpointer data)
{
  JsonBuilder *builder = data;
  json_builder_begin_object(builder);
  object_add_text(builder, "address", entry->address);
  object_add_text(builder, "scope", entry->scope);
  object_add_text(builder, "reason", SUPPRESSION_REASON_NAMES[entry->reason]);
  object_add_moment(builder, "since", entry->since_ms);
  object_add_text(builder, "evidence", entry->evidence);
  json_builder_end_object(builder);
  object_print(builder, OBJECT_LINE);
}

static void list_cells(const SuppressionEntry *entry, gpointer data)
{
  char since[CLOCK_UTC_LENGTH + 1];
  g_autoptr(GString) line = g_string_new(NULL);
  (void)data;
  clock_format_utc(entry->since_ms, since);
  const char *const cells[] = {entry->address, entry->scope,
                               SUPPRESSION_REASON_NAMES[entry->reason], since, entry->evidence};
  cells_append(line, cells, G_N_ELEMENTS(cells));
  fputs(line->str, stdout);
}

static int run_list(Action *action)
{
  static const GridColumn columns[] = {{.heading = "ADDRESS"}, {.heading = "SCOPE"},
                                       {.heading = "REASON"}, {.heading = "SINCE"},
                                       {.heading = "EVIDENCE"}};
  g_autoptr(GError) error = NULL;
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));
  g_autoptr(JsonBuilder) builder = json_builder_new();
  const gboolean json = action->options->json;
  if (!suppression_each(action->suppression, action->arguments[0], json ? list_object : list_row,
                        json ? (gpointer)builder : grid, &error)) {
    return fail(error);
  }
  if (!json && grid_length(grid) == 0) {
    puts("Nobody is suppressed.");
  } else if (!json) {
    grid_print(grid, "", stdout);
  }
  return EX_OK;
}

static int run_export(Action *action)
{
  g_autoptr(GError) error = NULL;
  if (!action->options->json) {
    puts("address,scope,reason,since,evidence");
  }
  g_autoptr(JsonBuilder) builder = json_builder_new();
  return suppression_each(action->suppression, NULL,
                          action->options->json ? list_object : list_cells, builder, &error)
             ? EX_OK
             : fail(error);
}

/* --- import --- */

static void print_import(const Action *action, const SuppressionCounts *counts,
                         const Report *report)
{
  if (!action->options->json) {
    g_autofree char *findings = report_to_text(report);
    fputs(findings, stderr);
    printf("%" G_GUINT64_FORMAT " added, %" G_GUINT64_FORMAT " known, %" G_GUINT64_FORMAT " wrong\n",
           counts->added, counts->known, counts->wrong);
    return;
  }
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  object_add_number(builder, "added", counts->added);
  object_add_number(builder, "known", counts->known);
  object_add_number(builder, "wrong", counts->wrong);
  object_add_findings(builder, report);
  json_builder_end_object(builder);
  object_print(builder, OBJECT_PRETTY);
}

static int run_import(Action *action)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();
  SuppressionCounts counts;
  const char *path = action->arguments[0];
  g_autofree char *name = g_path_get_basename(path);
  if (!suppression_import(action->suppression, path, name, &action->entry, &counts, report,
                          &error)) {
    return complain_error(error, access(path, R_OK) != 0 ? EX_NOINPUT : EX_IOERR);
  }
  print_import(action, &counts, report);
  return counts.wrong == 0 ? EX_OK : EX_DATAERR;
}

/* --- The command --- */

static const struct {
  const char *name;
  int (*run)(Action *action);
  SuppressionAccess access;
  guint at_least, at_most;    /* of arguments behind the name */
} ACTIONS[] = {
  {"add", run_add, SUPPRESSION_WRITE, 1, G_MAXUINT},
  {"remove", run_remove, SUPPRESSION_WRITE, 1, G_MAXUINT},
  {"list", run_list, SUPPRESSION_READ, 0, 1},
  {"import", run_import, SUPPRESSION_WRITE, 1, 1},
  {"export", run_export, SUPPRESSION_READ, 0, 0},
};

/* "list:press" must be a list of the configuration: a slip would suppress nobody. */
static gboolean check_scope(const Config *config, const char *scope)
{
  g_autoptr(GError) error = NULL;
  if (!suppression_scope_check(scope, &error)) {
    complain("%s", error->message);
    return FALSE;
  }
  const char *name = strchr(scope, ':');
  if (g_str_has_prefix(scope, "channel:")) {
    return command_check_channel(config, name + 1);
  }
  if (name == NULL || config_list(config, name + 1) != NULL) {
    return TRUE;
  }
  complain("there is no list \"%s\"", name + 1);
  return FALSE;
}

static gboolean fill_entry(const Config *config, const Options *options, SuppressionEntry *entry)
{
  *entry = (SuppressionEntry){.scope = options->scope != NULL ? options->scope : "all",
                              .reason = SUPPRESSION_MANUAL,
                              .since_ms = clock_wall_ms(),
                              .evidence = options->evidence};
  if (options->reason != NULL && !suppression_reason_read(options->reason, &entry->reason)) {
    complain("\"%s\" is no reason; write asked, bounced, complained, erased or manual",
             options->reason);
    return FALSE;
  }
  return check_scope(config, entry->scope);
}

static int run_action(guint index, const Config *config, const Options *options, char **arguments)
{
  g_autoptr(GError) error = NULL;
  Action action = {.config = config, .options = options, .arguments = arguments};
  const guint count = g_strv_length(arguments);
  if (count < ACTIONS[index].at_least || count > ACTIONS[index].at_most) {
    complain("%s; see \"dateline suppress --help\"",
             count < ACTIONS[index].at_least ? "something is missing"
                                             : "there are too many arguments");
    return EX_USAGE;
  }
  if (!fill_entry(config, options, &action.entry)) {
    return EX_USAGE;
  }
  g_autoptr(Suppression) suppression = suppression_open(config->spool, ACTIONS[index].access,
                                                        &error);
  if (suppression == NULL) {
    return fail(error);
  }
  action.suppression = suppression;
  return ACTIONS[index].run(&action);
}

static int run(Invocation *invocation)
{
  g_auto(Options) options = {0};
  const GOptionEntry entries[] = {
    {"scope", 0, 0, G_OPTION_ARG_STRING, &options.scope,
     "all, list:NAME or channel:NAME; without it, all", "SCOPE"},
    {"reason", 0, 0, G_OPTION_ARG_STRING, &options.reason,
     "asked, bounced, complained, erased or manual; without it, manual", "REASON"},
    {"evidence", 0, 0, G_OPTION_ARG_STRING, &options.evidence, "From where it is known", "TEXT"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print JSON", NULL},
    G_OPTION_ENTRY_NULL,
  };
  int status = EX_OK;
  if (!command_options(invocation, entries, 1, G_MAXUINT)) {
    return EX_USAGE;
  }
  g_autoptr(Config) config = command_config(invocation, &status);
  if (config == NULL) {
    return status;
  }
  for (guint i = 0; i < G_N_ELEMENTS(ACTIONS); i++) {
    if (g_str_equal(ACTIONS[i].name, invocation->arguments[0])) {
      return run_action(i, config, &options, invocation->arguments + 1);
    }
  }
  complain("\"%s\" is not what suppress does; write add, remove, list, import or export",
           invocation->arguments[0]);
  return EX_USAGE;
}

const Command suppress_command = {
  .name = "suppress",
  .arguments = "add ADDRESS... | remove ADDRESS... | list [PART] | import FILE | export",
  .help = "Keep the list of whom never to mail",
  .example = "  dateline suppress add --reason asked jane@example.org\n"
             "  dateline suppress add --scope list:press '*.example.net'\n"
             "  dateline suppress import --reason bounced old-bounces.txt\n",
  .run = run,
};
