/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sysexits.h>

#include "config/config.h"

/* What the commands of `dateline` have in common: how they are described, how their options
 * are read, how they complain. Each returns an exit status of sysexits(3). */

typedef struct Command Command;

typedef struct {
  const Command *command;
  char **arguments;       /* what follows the command's name; later, without its options */
  char *config_path;
} Invocation;

struct Command {
  const char *name;
  const char *arguments;  /* as the usage line shows them, without options */
  const char *help;       /* one line */
  const char *example;    /* lines of shell, where --help ends */
  int (*run)(Invocation *invocation);
};

/* Each is defined in a file of its own. */
extern const Command check_command, config_command, log_command, preview_command, send_command,
    settle_command, status_command, suppress_command;

/* Reads the options of entries, and those that every command has, out of the arguments, of
 * which at_least to at_most must then be left. FALSE after a complaint: EX_USAGE. Strings
 * are the user's bytes (G_OPTION_ARG_FILENAME). */
gboolean command_options(Invocation *invocation, const GOptionEntry *entries, guint at_least,
                         guint at_most);

/* The configuration. NULL after a complaint, with the exit status. */
Config *command_config(const Invocation *invocation, int *status);

/* Whether there is such a channel; name NULL is the default one. Complains. */
gboolean command_check_channel(const Config *config, const char *name);

/* "dateline: what happened; what to do" on standard error, control characters made visible. */
void complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Complains of error, and returns the exit status that fits it; otherwise is for those that
 * are nothing special. */
int complain_error(const GError *error, int otherwise);
