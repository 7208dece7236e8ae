/* SPDX-License-Identifier: Apache-2.0 */

/* dateline config: what is wrong with the configuration, and what is in force. */

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/object.h"
#include "cli/terminal.h"

static void print_verdict(const char *path, const Config *config, const Report *report)
{
  g_autofree char *findings = report_to_text(report);

  fputs(findings, stdout);
  if (config == NULL) {
    g_autofree char *errors = count_to_text(report_count(report, FINDING_ERROR), "error");
    printf("%s: %s%s%s\n", path, style_begin(STYLE_BAD), errors, style_end(STYLE_BAD));
    return;
  }
  g_autofree char *relays = count_to_text(config->relays->len, "relay");
  g_autofree char *lists = count_to_text(config->lists->len, "list");
  g_autofree char *channels = count_to_text(config->channels->len, "channel");
  printf("%s: %sno errors%s; %s, %s, %s\n", path, style_begin(STYLE_GOOD), style_end(STYLE_GOOD),
         relays, lists, channels);
}

static void print_json(const char *path, const Config *config, const Report *report)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();

  json_builder_begin_object(builder);
  object_add_text(builder, "file", path);
  json_builder_set_member_name(builder, "ok");
  json_builder_add_boolean_value(builder, config != NULL);
  object_add_findings(builder, report);
  json_builder_end_object(builder);
  object_print(builder, OBJECT_PRETTY);
}

static int run_check(const Invocation *invocation, gboolean json)
{
  const char *path = invocation->config_path != NULL ? invocation->config_path
                                                     : config_default_path();
  g_autoptr(Report) report = report_new();
  g_autoptr(Config) config = config_load(path, report);

  if (json) {
    print_json(path, config, report);
  } else {
    print_verdict(path, config, report);
  }
  return config != NULL ? EX_OK : EX_CONFIG;
}

static int run_show(const Invocation *invocation)
{
  int status = EX_OK;
  g_autoptr(Config) config = command_config(invocation, &status);

  if (config != NULL) {
    g_autofree char *text = config_to_text(config);
    fputs(text, stdout);
  }
  return status;
}

/* Not in the help: the manual's table is held against it. */
static int run_reference(void)
{
  g_autofree char *reference = config_reference();

  fputs(reference, stdout);
  return EX_OK;
}

static int run(Invocation *invocation)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "check: print JSON", NULL},
    G_OPTION_ENTRY_NULL,
  };

  if (!command_options(invocation, entries, 1, 1)) {
    return EX_USAGE;
  }
  const char *what = invocation->arguments[0];
  if (g_str_equal(what, "check")) {
    return run_check(invocation, json);
  }
  if (g_str_equal(what, "show") && !json) {
    return run_show(invocation);
  }
  if (g_str_equal(what, "reference") && !json) {
    return run_reference();
  }
  complain("\"%s\" is not what config does%s; write \"dateline config check\" or \"dateline config "
           "show\"", what, json ? " with --json" : "");
  return EX_USAGE;
}

const Command config_command = {
  .name = "config",
  .arguments = "check | show",
  .help = "Tell what is wrong with the configuration, or show what is in force",
  .example = "  dateline config check && sudo systemctl reload datelined\n",
  .run = run,
};
