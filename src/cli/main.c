/* SPDX-License-Identifier: Apache-2.0 */

/* dateline: the command beside the daemon. This file holds the table of commands; each is
 * a file of its own. */

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "cli/command.h"
#include "cli/grid.h"

static int run_help(Invocation *invocation);

static const Command help_command = {
  .name = "help",
  .arguments = "[COMMAND]",
  .help = "Tell what there is, or all about one command",
  .example = "  dateline help send\n",
  .run = run_help,
};

/* In the order in which a release meets them. */
static const Command *const COMMANDS[] = {
  &check_command, &preview_command, &send_command, &status_command,
  &log_command,   &settle_command,  &suppress_command, &config_command, &help_command,
};

static void print_commands(FILE *out)
{
  static const GridColumn columns[] = {{.heading = NULL}, {.heading = NULL}};
  g_autoptr(Grid) grid = grid_new(columns, G_N_ELEMENTS(columns));

  for (guint i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
    grid_add(grid, COMMANDS[i]->name, COMMANDS[i]->help);
  }
  fputs("Usage: dateline [--config FILE] COMMAND ...\n\n", out);
  grid_print(grid, "  ", out);
  fputs("\n\"dateline COMMAND --help\" tells all about one; so does dateline(1).\n"
        "\nExample:\n  dateline check jakarta.md && dateline send jakarta.md\n", out);
}

static const Command *find_command(const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
    if (g_str_equal(COMMANDS[i]->name, name)) {
      return COMMANDS[i];
    }
  }
  return NULL;
}

static int refuse_command(const char *name)
{
  const char *names[G_N_ELEMENTS(COMMANDS) + 1] = {NULL};

  for (guint i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
    names[i] = COMMANDS[i]->name;
  }
  const char *nearest = nearest_word(name, names);
  if (nearest != NULL) {
    complain("there is no command \"%s\"; did you mean \"dateline %s\"?", name, nearest);
  } else {
    complain("there is no command \"%s\"; \"dateline help\" lists them", name);
  }
  return EX_USAGE;
}

/* arguments: the command's name and what follows it; config_path may be NULL. */
static int run_command(char **arguments, const char *config_path)
{
  Invocation invocation = {.command = find_command(arguments[0])};

  if (invocation.command == NULL) {
    return refuse_command(arguments[0]);
  }
  invocation.arguments = g_strdupv(arguments + 1);
  invocation.config_path = g_strdup(config_path);
  int status = invocation.command->run(&invocation);
  g_strfreev(invocation.arguments);
  g_free(invocation.config_path);
  return status;
}

static int run_help(Invocation *invocation)
{
  if (!command_options(invocation, NULL, 0, 1)) {
    return EX_USAGE;
  }
  if (invocation->arguments[0] == NULL) {
    print_commands(stdout);
    return EX_OK;
  }
  char *arguments[] = {invocation->arguments[0], (char *)"--help", NULL};
  return run_command(arguments, NULL);
}

/* What was printed into a full disk was not printed. */
static int finish(int status)
{
  if (fflush(stdout) == 0 && !ferror(stdout)) {
    return status;
  }
  fputs("dateline: the output could not be written; is the disk full?\n", stderr);
  return EX_IOERR;
}

/* Options that stand before the command; what follows it is its own. */
static GOptionContext *make_context(char **config_path, gboolean *version, gboolean *help)
{
  const GOptionEntry entries[] = {
    {"config", 0, 0, G_OPTION_ARG_FILENAME, config_path, NULL, NULL},
    {"version", 0, 0, G_OPTION_ARG_NONE, version, NULL, NULL},
    {"help", 'h', 0, G_OPTION_ARG_NONE, help, NULL, NULL},
    G_OPTION_ENTRY_NULL,
  };
  GOptionContext *context = g_option_context_new(NULL);

  g_option_context_set_strict_posix(context, TRUE);
  g_option_context_set_help_enabled(context, FALSE);
  g_option_context_add_main_entries(context, entries, NULL);
  return context;
}

int main(int argc, char **argv)
{
  g_autofree char *config_path = NULL;
  gboolean version = FALSE, help = FALSE;
  g_autoptr(GError) error = NULL;

  setlocale(LC_ALL, "");
  g_autoptr(GOptionContext) context = make_context(&config_path, &version, &help);
  if (!g_option_context_parse(context, &argc, &argv, &error)) {
    complain("%s; see \"dateline --help\"", error->message);
    return EX_USAGE;
  }
  if (version) {
    printf("dateline %s\n", DATELINE_VERSION);
    return finish(EX_OK);
  }
  if (help) {
    print_commands(stdout);
    return finish(EX_OK);
  }
  if (argc < 2) {
    print_commands(stderr);
    return EX_USAGE;
  }
  return finish(run_command(argv + 1, config_path));
}
