/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/names.h"
#include "control/line.h"
#include "delivery/summary.h"

static const char NO_PERMISSION[] =
    "; you may have to become a member of the group dateline (\"sudo adduser $USER dateline\", "
    "then log in again)";

/* --- Complaints --- */

static void complain_text(const char *text, const char *advice)
{
  g_autofree char *visible = text_make_visible(text);

  fflush(stdout);
  fprintf(stderr, "dateline: %s%s\n", visible, advice);
}

void complain(const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  complain_text(text, "");
}

static gboolean is_permission(const GError *error)
{
  return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES) ||
         g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PERM) ||
         g_error_matches(error, CONTROL_ERROR, CONTROL_ERROR_PERMISSION);
}

int complain_error(const GError *error, int otherwise)
{
  if (is_permission(error)) {
    complain_text(error->message, NO_PERMISSION);
    return EX_NOPERM;
  }
  complain_text(error->message, "");
  if (error->domain == CONTROL_ERROR) {
    return EX_UNAVAILABLE;
  }
  if (g_error_matches(error, RELEASES_ERROR, RELEASES_ERROR_UNKNOWN)) {
    return EX_NOINPUT;
  }
  return g_error_matches(error, RELEASES_ERROR, RELEASES_ERROR_AMBIGUOUS) ? EX_USAGE : otherwise;
}

/* --- Options --- */

/* GOption prints the summary above the options and the description below them. */
static GOptionContext *make_context(const Command *command, const GOptionEntry *entries,
                                    char **config_path)
{
  GOptionContext *context = g_option_context_new(command->arguments);
  g_autofree char *example = g_strdup_printf("Example:\n%s", command->example);
  const GOptionEntry common[] = {
    {"config", 0, 0, G_OPTION_ARG_FILENAME, config_path,
     "The configuration, instead of $DATELINE_CONFIG or " DATELINE_SYSCONFDIR "/dateline.conf",
     "FILE"},
    G_OPTION_ENTRY_NULL,
  };

  g_option_context_set_summary(context, command->help);
  g_option_context_set_description(context, example);
  if (entries != NULL) {
    g_option_context_add_main_entries(context, entries, NULL);
  }
  g_option_context_add_main_entries(context, common, NULL);
  return context;
}

/* The arguments with the program's and the command's name before them, as GOption and its
 * usage line want them. */
static char **with_program_name(const Invocation *invocation)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  g_autofree char *name = g_strdup_printf("dateline %s", invocation->command->name);

  g_strv_builder_add(builder, name);
  g_strv_builder_addv(builder, (const char **)invocation->arguments);
  return g_strv_builder_end(builder);
}

/* GOption leaves a "--" where an argument that begins with '-' follows. */
static char **without_separator(char **arguments)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  gboolean separated = FALSE;

  for (guint i = 0; arguments[i] != NULL; i++) {
    if (separated || !g_str_equal(arguments[i], "--")) {
      g_strv_builder_add(builder, arguments[i]);
    } else {
      separated = TRUE;
    }
  }
  return g_strv_builder_end(builder);
}

static gboolean check_number(const Invocation *invocation, guint at_least, guint at_most)
{
  guint number = g_strv_length(invocation->arguments);
  const Command *command = invocation->command;

  if (number >= at_least && number <= at_most) {
    return TRUE;
  }
  complain("%s; write \"dateline %s %s\", or see \"dateline %s --help\"",
           number < at_least ? "something is missing" : "there are too many arguments",
           command->name, command->arguments, command->name);
  return FALSE;
}

gboolean command_options(Invocation *invocation, const GOptionEntry *entries, guint at_least,
                         guint at_most)
{
  char *config_path = NULL;
  g_autoptr(GOptionContext) context = make_context(invocation->command, entries, &config_path);
  g_auto(GStrv) arguments = with_program_name(invocation);
  g_autoptr(GError) error = NULL;

  g_set_prgname(arguments[0]);
  if (!g_option_context_parse_strv(context, &arguments, &error)) {
    complain("%s; see \"dateline %s --help\"", error->message, invocation->command->name);
    return FALSE;
  }
  if (config_path != NULL) {
    g_free(invocation->config_path);
    invocation->config_path = config_path;
  }
  g_strfreev(invocation->arguments);
  invocation->arguments = without_separator(arguments + 1);
  return check_number(invocation, at_least, at_most);
}

/* --- The configuration --- */

Config *command_config(const Invocation *invocation, int *status)
{
  const char *path = invocation->config_path != NULL ? invocation->config_path
                                                     : config_default_path();
  g_autoptr(Report) report = report_new();
  Config *config = config_load(path, report);

  if (config != NULL) {
    return config;
  }
  if (access(path, R_OK) != 0 && errno == EACCES) {
    g_autofree char *text = g_strdup_printf("cannot read %s: permission denied", path);
    complain_text(text, NO_PERMISSION);
    *status = EX_NOPERM;
    return NULL;
  }
  g_autofree char *findings = report_to_text(report);
  complain("the configuration %s cannot be used; \"dateline config check\" tells when it can",
           path);
  fputs(findings, stderr);
  *status = EX_CONFIG;
  return NULL;
}

gboolean command_check_channel(const Config *config, const char *name)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  if (config_channel(config, name) != NULL) {
    return TRUE;
  }
  for (guint i = 0; i < config->channels->len; i++) {
    const ChannelSettings *channel = g_ptr_array_index(config->channels, i);
    g_ptr_array_add(names, channel->name);
  }
  g_ptr_array_add(names, NULL);
  g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
  complain("there is no channel \"%s\"; the channels are: %s", name, all);
  return FALSE;
}
