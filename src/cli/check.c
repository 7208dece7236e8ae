/* SPDX-License-Identifier: Apache-2.0 */

/* dateline check: everything that acceptance would say of a file, and what would be sent.
 * Nothing is written. */

#include <stdio.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/object.h"
#include "cli/grid.h"
#include "spool/acceptance.h"
#include "spool/history.h"

typedef struct {
  const char *file;
  const ChannelSettings *channel;
  Acceptance acceptance;
  Report *report;
} Check;

static void check_history(const Config *config, const Check *check)
{
  const Draft *draft = check->acceptance.draft;
  g_autoptr(GError) error = NULL;

  if (draft == NULL) {
    return;
  }
  History *history = history_load(config, &error);
  if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    return;   /* a spool that was never used */
  }
  if (history == NULL) {
    report_warning(check->report, NULL, 0, 0,
                   "whether the same content was sent before cannot be told: %s", error->message);
    return;
  }
  history_check(history, draft, check->report);
  history_free(history);
}

/* --- For people --- */

static char *describe_rows(const RosterCounts *counts)
{
  g_autofree char *rows = count_to_text(counts->rows, "row");
  g_autoptr(GString) text = g_string_new(rows);

  for (guint fate = 0; fate < G_N_ELEMENTS(counts->fates); fate++) {
    if (fate == FATE_SELECTED || counts->fates[fate] > 0) {
      g_string_append_printf(text, "%s %" G_GUINT64_FORMAT " %s", fate == 0 ? ":" : ",",
                             counts->fates[fate], fate_name((RosterFate)fate));
    }
  }
  return g_strdup(text->str);
}

static char *describe_size(const Check *check)
{
  guint64 size = message_size(check->acceptance.message);
  g_autofree char *each = g_format_size(size);
  g_autofree char *all = g_format_size(size * check->acceptance.counts.fates[FATE_SELECTED]);

  return g_strdup_printf("%s each, %s in all", each, all);
}

static char *describe_time(const Terms *terms)
{
  g_autofree char *begin = terms->send_at_ms != 0 ? moment_to_text(terms->send_at_ms)
                                                  : g_strdup("at once");
  g_autofree char *end = moment_to_text(terms->deadline_ms);

  return g_strdup_printf("%s, given up at %s", begin, end);
}

static char *describe_lists(const Check *check)
{
  char **lists = draft_front_matter(check->acceptance.draft)->lists;

  return g_strjoinv(", ", lists != NULL ? lists : check->channel->lists);
}

static void print_plan(const Check *check)
{
  static const GridColumn columns[] = {{.heading = NULL}, {.heading = NULL}};
  const Acceptance *acceptance = &check->acceptance;
  const Terms *terms = &acceptance->terms;
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));
  g_autofree char *lists = describe_lists(check);
  g_autofree char *rows = describe_rows(&acceptance->counts);
  g_autofree char *size = describe_size(check);
  g_autofree char *time = describe_time(terms);
  g_autofree char *recipients = g_strdup_printf("%u", terms->recipients);

  grid_add(grid, "Subject", terms->subject);
  grid_add(grid, "From", terms->from);
  if (terms->reply_to != NULL) {
    grid_add(grid, "Reply-To", terms->reply_to);
  }
  grid_add(grid, "Channel", check->channel->name);
  grid_add(grid, "Lists", lists);
  grid_add(grid, "Rows", rows);
  grid_add(grid, "Recipients", recipients);
  grid_add(grid, "Size", size);
  grid_add(grid, "When", time);
  grid_print(grid, "  ", stdout);
}

static void print_text(const Check *check)
{
  g_autofree char *findings = report_to_text(check->report);
  guint n_errors = report_count(check->report, FINDING_ERROR);
  guint n_warnings = report_count(check->report, FINDING_WARNING);
  g_autofree char *errors = count_to_text(n_errors, "error");
  g_autofree char *warnings = count_to_text(n_warnings, "warning");
  g_autofree char *file = text_make_lines_visible(check->file);
  Style style = n_errors > 0 ? STYLE_BAD : STYLE_GOOD;

  fputs(findings, stdout);
  printf("%s: %s%s%s (%s, %s)\n", file, style_begin(style),
         n_errors > 0 ? "would be refused" : "would be sent", style_end(style), errors, warnings);
  if (n_errors == 0) {
    print_plan(check);
  }
}

/* --- For scripts --- */

static void add_lists(JsonBuilder *builder, const Check *check)
{
  char **lists = draft_front_matter(check->acceptance.draft)->lists;

  json_builder_set_member_name(builder, "lists");
  json_builder_begin_array(builder);
  for (char **list = lists != NULL ? lists : check->channel->lists; *list != NULL; list++) {
    json_builder_add_string_value(builder, *list);
  }
  json_builder_end_array(builder);
}

static void add_rows(JsonBuilder *builder, const RosterCounts *counts)
{
  json_builder_set_member_name(builder, "rows");
  json_builder_begin_object(builder);
  object_add_number(builder, "all", counts->rows);
  for (guint fate = 0; fate < G_N_ELEMENTS(counts->fates); fate++) {
    object_add_number(builder, fate_name((RosterFate)fate), counts->fates[fate]);
  }
  json_builder_end_object(builder);
}

static void add_plan(JsonBuilder *builder, const Check *check)
{
  const Terms *terms = &check->acceptance.terms;

  object_add_text(builder, "subject", terms->subject);
  object_add_text(builder, "from", terms->from);
  object_add_text(builder, "reply-to", terms->reply_to);
  object_add_text(builder, "channel", check->channel->name);
  add_lists(builder, check);
  add_rows(builder, &check->acceptance.counts);
  object_add_number(builder, "recipients", terms->recipients);
  object_add_number(builder, "message-size", message_size(check->acceptance.message));
  object_add_moment(builder, "send-at", terms->send_at_ms);
  object_add_moment(builder, "deadline", terms->deadline_ms);
}

static void add_check(JsonBuilder *builder, const Check *check)
{
  gboolean ok = !report_failed(check->report);

  json_builder_begin_object(builder);
  object_add_text(builder, "file", check->file);
  json_builder_set_member_name(builder, "ok");
  json_builder_add_boolean_value(builder, ok);
  object_add_findings(builder, check->report);
  object_add_text(builder, "hash", check->acceptance.terms.hash);
  if (ok) {
    add_plan(builder, check);
  }
  json_builder_end_object(builder);
}

/* --- The command --- */

static int check_file(const Config *config, const char *file, const char *channel,
                      JsonBuilder *builder)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(GError) error = NULL;
  Check check = {.file = file, .channel = config_channel(config, channel), .report = report};
  gboolean read = acceptance_prepare(config, file, channel, NULL, &check.acceptance, report,
                                     &error);

  if (read) {
    check_history(config, &check);
    if (builder != NULL) {
      add_check(builder, &check);
    } else {
      print_text(&check);
    }
  }
  acceptance_clear(&check.acceptance);
  if (!read) {
    return complain_error(error, EX_IOERR);
  }
  return report_failed(report) ? EX_DATAERR : EX_OK;
}

/* Of several files the first trouble decides the exit status. */
static int check_files(const Config *config, char **files, const char *channel,
                       JsonBuilder *builder)
{
  int status = EX_OK;

  for (guint i = 0; files[i] != NULL; i++) {
    int result = EX_NOINPUT;
    if (g_file_test(files[i], G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK)) {
      result = check_file(config, files[i], channel, builder);
    } else {
      complain("there is no file %s", files[i]);
    }
    status = status != EX_OK ? status : result;
  }
  return status;
}

static int run(Invocation *invocation)
{
  g_autofree char *channel = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    {"channel", 'c', 0, G_OPTION_ARG_FILENAME, &channel, "Instead of the first channel", "CHANNEL"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON, an array with an object for each file",
     NULL},
    G_OPTION_ENTRY_NULL,
  };
  int status;

  if (!command_options(invocation, entries, 1, G_MAXUINT)) {
    return EX_USAGE;
  }
  g_autoptr(Config) config = command_config(invocation, &status);
  if (config == NULL) {
    return status;
  }
  if (!command_check_channel(config, channel)) {
    return EX_USAGE;
  }
  g_autoptr(JsonBuilder) builder = json ? json_builder_new() : NULL;
  if (json) {
    json_builder_begin_array(builder);
  }
  status = check_files(config, invocation->arguments, channel, builder);
  if (json) {
    json_builder_end_array(builder);
    object_print(builder, OBJECT_PRETTY);
  }
  return status;
}

const Command check_command = {
  .name = "check",
  .arguments = "FILE...",
  .help = "Tell what is wrong with a release, and what would be sent to whom",
  .example = "  dateline check -c press jakarta.md\n",
  .run = run,
};
