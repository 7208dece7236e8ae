/* SPDX-License-Identifier: Apache-2.0 */

/* dateline preview: one contact's copy. A roster is only made when a release is accepted,
 * so one is made for the look, in a private folder that is removed again. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "base/names.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "contacts/roster.h"
#include "spool/acceptance.h"

typedef enum { VIEW_TEXT, VIEW_HTML, VIEW_EML } View;

typedef struct {
  const Config *config;
  const char *file;
  const char *channel;
  const char *whose;   /* NULL: the first recipient's */
  View view;
} Preview;

/* --- One copy --- */

static void print_header(const char *name, const char *value)
{
  g_autofree char *visible = text_make_visible(value);

  printf("%s%s:%s %s\n", style_begin(STYLE_HEADING), name, style_end(STYLE_HEADING), visible);
}

/* What goes to a terminal is made harmless; a file gets what a contact gets. */
static void print_body(const char *body)
{
  g_autofree char *visible = isatty(STDOUT_FILENO) ? text_make_lines_visible(body) : NULL;

  fputs(visible != NULL ? visible : body, stdout);
  if (*body != '\0' && !g_str_has_suffix(body, "\n")) {
    putchar('\n');
  }
}

static void print_text(const Acceptance *acceptance, const MergeInput *input)
{
  const Terms *terms = &acceptance->terms;
  g_autofree char *subject = message_render_subject(acceptance->message, input);
  g_autofree char *text = message_render_text(acceptance->message, input);
  g_autofree char *to = input->name != NULL
                            ? g_strdup_printf("%s <%s>", input->name, input->address)
                            : g_strdup(input->address);

  print_header("From", terms->from);
  print_header("To", to);
  if (terms->reply_to != NULL) {
    print_header("Reply-To", terms->reply_to);
  }
  print_header("Subject", subject);
  putchar('\n');
  print_body(text);
}

static void print_html(const Acceptance *acceptance, const MergeInput *input)
{
  g_autofree char *html = message_render_html(acceptance->message, input);

  print_body(html);
}

/* The wire's form is ASCII but for an address that asks for SMTPUTF8. */
static void print_eml(const Acceptance *acceptance, const MergeInput *input)
{
  g_autoptr(Merge) merge = merge_new();

  message_merge(acceptance->message, input, merge);
  GString *whole = merge_to_string(merge);
  fwrite(whole->str, 1, whole->len, stdout);
  g_string_free(whole, TRUE);
}

static void print_copy(const Preview *preview, const Acceptance *acceptance,
                       const RosterRecipient *recipient)
{
  static void (*const printers[])(const Acceptance *acceptance, const MergeInput *input) = {
    [VIEW_TEXT] = print_text, [VIEW_HTML] = print_html, [VIEW_EML] = print_eml,
  };
  const char *from = message_from_address(acceptance->message);
  const char *domain = strrchr(from, '@');
  /* Not the id of the real copy, which is made from the release's own UUID. */
  g_autofree char *message_id = g_strconcat(acceptance->terms.uuid, domain, NULL);
  MergeInput input = {.values = recipient->values, .address = recipient->mailbox,
                      .name = recipient->name, .message_id = message_id,
                      .date_ms = clock_wall_ms()};

  printers[preview->view](acceptance, &input);
}

/* --- Whose --- */

typedef struct {
  const char *whose;
  char *told;   /* NULL: not found */
} Search;

static void look_at_skipped(const RosterSkipped *skipped, gpointer data)
{
  Search *search = data;

  if (search->told == NULL && skipped->address != NULL &&
      strcasestr(skipped->address, search->whose) != NULL) {
    search->told = g_strdup_printf("\"%s\" (%s, line %u) is not among the recipients: %s",
                                   skipped->address, skipped->list, skipped->line,
                                   skipped->reason);
  }
}

static int complain_not_found(Roster *roster, const char *whose)
{
  Search search = {.whose = whose};
  g_autoptr(GError) error = NULL;

  if (!roster_each_skipped(roster, look_at_skipped, &search, &error)) {
    return complain_error(error, EX_IOERR);
  }
  if (search.told != NULL) {
    complain("%s", search.told);
  } else {
    complain("no address in the lists contains \"%s\"", whose);
  }
  g_free(search.told);
  return EX_NOINPUT;
}

static int show_copy(const Preview *preview, const Acceptance *acceptance, const char *workspace)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(workspace, "roster.db", NULL);
  g_autoptr(Roster) roster = roster_open(path, &error);
  RosterRecipient recipient;
  guint32 contact = 1;

  if (roster != NULL && preview->whose != NULL) {
    contact = roster_find(roster, preview->whose, 0, &error);
  }
  if (error != NULL) {
    return complain_error(error, EX_IOERR);
  }
  if (contact == 0) {
    return complain_not_found(roster, preview->whose);
  }
  if (!roster_read(roster, contact, &recipient, &error)) {
    return complain_error(error, EX_IOERR);
  }
  print_copy(preview, acceptance, &recipient);
  return EX_OK;
}

/* --- The command --- */

static int show(const Preview *preview, const char *workspace)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();
  g_auto(Acceptance) acceptance = {0};

  if (!acceptance_prepare(preview->config, preview->file, preview->channel, workspace, &acceptance,
                          report, &error)) {
    return complain_error(error, EX_IOERR);
  }
  if (report_failed(report)) {
    g_autofree char *findings = report_to_text(report);
    fputs(findings, stderr);
    complain("%s has mistakes, so there is no copy to show; mend them first", preview->file);
    return EX_DATAERR;
  }
  return show_copy(preview, &acceptance, workspace);
}

static int show_in_workspace(const Preview *preview)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *workspace = g_dir_make_tmp("dateline-preview-XXXXXX", &error);

  if (workspace == NULL) {
    return complain_error(error, EX_CANTCREAT);
  }
  int status = show(preview, workspace);
  if (!durable_remove_tree(workspace, &error)) {
    complain("%s", error->message);
  }
  return status;
}

static int run(Invocation *invocation)
{
  g_autofree char *channel = NULL;
  g_autofree char *whose = NULL;
  gboolean html = FALSE, eml = FALSE;
  const GOptionEntry entries[] = {
    {"channel", 'c', 0, G_OPTION_ARG_FILENAME, &channel, "Instead of the first channel", "CHANNEL"},
    {"for", 0, 0, G_OPTION_ARG_FILENAME, &whose,
     "The copy of the first contact whose address contains ADDRESS", "ADDRESS"},
    {"html", 0, 0, G_OPTION_ARG_NONE, &html, "Print the HTML part", NULL},
    {"eml", 0, 0, G_OPTION_ARG_NONE, &eml, "Print the whole message, for a mail program", NULL},
    G_OPTION_ENTRY_NULL,
  };
  int status;

  if (!command_options(invocation, entries, 1, 1)) {
    return EX_USAGE;
  }
  if (html && eml) {
    complain("--html and --eml are two different views; choose one");
    return EX_USAGE;
  }
  g_autoptr(Config) config = command_config(invocation, &status);
  if (config == NULL) {
    return status;
  }
  Preview preview = {.config = config, .file = invocation->arguments[0], .channel = channel,
                     .whose = whose, .view = eml ? VIEW_EML : html ? VIEW_HTML : VIEW_TEXT};
  if (!command_check_channel(config, channel)) {
    return EX_USAGE;
  }
  if (!g_file_test(preview.file, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK)) {
    complain("there is no file %s", preview.file);
    return EX_NOINPUT;
  }
  return show_in_workspace(&preview);
}

const Command preview_command = {
  .name = "preview",
  .arguments = "FILE",
  .help = "Show one contact's copy",
  .example = "  dateline preview --eml --for brennan jakarta.md > copy.eml\n",
  .run = run,
};
