/* SPDX-License-Identifier: Apache-2.0 */

/* dateline settle: contacts in doubt are listed and settled, by a person or by what the
 * logs of relays prove. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "cli/command.h"
#include "cli/doubts.h"
#include "cli/grid.h"
#include "cli/live.h"
#include "cli/looking.h"
#include "cli/object.h"

typedef struct {
  gboolean sent, resend;   /* what a person says */
  char **logs;             /* or where it is to be read; NULL: nowhere */
  char *absent;
  char *address;
  char **contacts;
  gboolean json;
} Options;

static void options_clear(Options *options)
{
  g_strfreev(options->logs);
  g_strfreev(options->contacts);
  g_free(options->absent);
  g_free(options->address);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean decides(const Options *options)
{
  return options->sent || options->resend || options->logs != NULL;
}

/* --- Listing --- */

static void add_row(Grid *grid, const char *name, const char *value)
{
  if (value != NULL) {
    grid_add(grid, name, value);
  }
}

static void print_doubt(const Doubt *doubt)
{
  static const GridColumn pair[] = {{.heading = NULL}, {.heading = NULL}};
  g_autoptr(Grid) grid = grid_new(pair, G_N_ELEMENTS(pair));
  g_autofree char *address = text_make_visible(doubt->address);
  g_autofree char *message_id = g_strdup_printf("<%s>", doubt->message_id);
  g_autofree char *intended = moment_to_text(doubt->intended_ms);
  g_autofree char *since = moment_to_text(doubt->doubt_ms);

  add_row(grid, "Message-ID", message_id);
  add_row(grid, "Intended", intended);
  add_row(grid, "In doubt", since);
  add_row(grid, "Relay", doubt->relay);
  add_row(grid, "Stage", doubt->stage);
  add_row(grid, "Reason", doubt->text);
  printf("%s (contact %u)\n", address, doubt->contact);
  grid_print(grid, "  ", stdout);
  putchar('\n');
}

static void print_list(const Summary *summary, const GPtrArray *doubts)
{
  g_autofree char *count = count_to_text(doubts->len, "contact");

  for (guint i = 0; i < doubts->len; i++) {
    print_doubt(g_ptr_array_index(doubts, i));
  }
  if (doubts->len == 0) {
    printf("%s: no such contact is in doubt\n", summary->id);
    return;
  }
  printf("%s: %s in doubt. Look them up where the relay logs what it takes, then write\n"
         "\"dateline settle %s\" with --sent, --resend or --from-log FILE.\n", summary->id, count,
         summary->id);
}

static void print_json(const Summary *summary, const GPtrArray *doubts)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();

  json_builder_begin_object(builder);
  object_add_text(builder, "release", summary->id);
  json_builder_set_member_name(builder, "contacts");
  json_builder_begin_array(builder);
  for (guint i = 0; i < doubts->len; i++) {
    const Doubt *doubt = g_ptr_array_index(doubts, i);
    json_builder_begin_object(builder);
    object_add_number(builder, "contact", doubt->contact);
    object_add_text(builder, "address", doubt->address);
    object_add_text(builder, "message-id", doubt->message_id);
    object_add_moment(builder, "intended", doubt->intended_ms);
    object_add_moment(builder, "in-doubt", doubt->doubt_ms);
    object_add_text(builder, "relay", doubt->relay);
    object_add_text(builder, "stage", doubt->stage);
    object_add_text(builder, "text", doubt->text);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
  json_builder_end_object(builder);
  object_print(builder, OBJECT_PRETTY);
}

/* What was under way when the daemon died is in doubt only when it has looked. */
static void warn_of_more(const Config *config, const Summary *summary)
{
  guint32 intended = summary->ledger != NULL ? ledger_count(summary->ledger, CONTACT_INTENDED) : 0;

  if (intended == 0) {
    return;
  }
  g_autoptr(Live) live = live_ask(config);
  if (live_is_absent(live)) {
    complain("warning: %u more will be in doubt when datelined is started again: they were under "
             "way when it ended", intended);
  }
}

/* --- Which --- */

static gboolean read_contact(const char *text, guint32 *contact)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &number, NULL)) {
    complain("\"%s\" is no contact's number; \"dateline settle RELEASE\" lists them", text);
    return FALSE;
  }
  *contact = (guint32)number;
  return TRUE;
}

static gboolean is_in_doubt(const GPtrArray *doubts, guint32 contact)
{
  for (guint i = 0; i < doubts->len; i++) {
    if (((const Doubt *)g_ptr_array_index(doubts, i))->contact == contact) {
      return TRUE;
    }
  }
  return FALSE;
}

/* Leaves only those whose numbers were given. */
static int keep_contacts(GPtrArray *doubts, char **numbers)
{
  g_autoptr(GHashTable) wanted = g_hash_table_new(NULL, NULL);
  guint32 contact;

  for (guint i = 0; numbers[i] != NULL; i++) {
    if (!read_contact(numbers[i], &contact)) {
      return EX_USAGE;
    }
    if (!is_in_doubt(doubts, contact)) {
      complain("contact %u is not in doubt; \"dateline settle RELEASE\" lists those that are",
               contact);
      return EX_NOINPUT;
    }
    g_hash_table_add(wanted, GUINT_TO_POINTER(contact));
  }
  for (guint i = doubts->len; i > 0; i--) {
    const Doubt *doubt = g_ptr_array_index(doubts, i - 1);
    if (!g_hash_table_contains(wanted, GUINT_TO_POINTER(doubt->contact))) {
      g_ptr_array_remove_index(doubts, i - 1);
    }
  }
  return EX_OK;
}

/* --- Settling --- */

static int settle_by_hand(const Config *config, const Summary *summary, const GPtrArray *doubts,
                          Settlement settlement)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *count = count_to_text(doubts->len, "contact");

  if (!doubts_settle(config, summary->id, doubts, settlement, NULL, &error)) {
    return complain_error(error, EX_SOFTWARE);
  }
  printf("%s: %s %s\n", summary->id, count,
         settlement == SETTLE_SENT ? "settled as sent" : "to be sent again");
  return EX_OK;
}

/* Only the daemon writes a journal; that it is there is seen before long logs are read. */
static int check_daemon(const Config *config)
{
  g_autoptr(Live) live = live_ask(config);

  return live_trouble(live) != NULL ? complain_error(live_trouble(live), EX_UNAVAILABLE) : EX_OK;
}

static int settle(const Config *config, const Summary *summary, const GPtrArray *doubts,
                  const Options *options)
{
  gint64 deadline_ms = summary->terms.deadline_ms;
  int status = check_daemon(config);

  if (status != EX_OK) {
    return status;
  }
  if (doubts->len == 0) {
    complain("no such contact of release %s is in doubt", summary->id);
    return EX_NOINPUT;
  }
  if ((options->resend || options->absent != NULL) && deadline_ms != 0 &&
      clock_wall_ms() >= deadline_ms) {
    complain("warning: the release's time is over; who is to be sent another copy is given up "
             "instead");
  }
  if (options->logs != NULL) {
    return looking_settle(config, summary, doubts, (const char *const *)options->logs,
                          options->absent != NULL);
  }
  return settle_by_hand(config, summary, doubts, options->sent ? SETTLE_SENT : SETTLE_DUE);
}

static int list(const Config *config, const Summary *summary, const GPtrArray *doubts,
                gboolean json)
{
  (json ? print_json : print_list)(summary, doubts);
  warn_of_more(config, summary);
  return EX_OK;
}

/* --- The command --- */

static gboolean check_options(const Options *options)
{
  if (options->sent + options->resend + (options->logs != NULL) > 1) {
    complain("--sent, --resend and --from-log are three decisions; choose one");
  } else if (options->absent != NULL && options->logs == NULL) {
    complain("--absent goes with --from-log: absent from which log?");
  } else if (options->absent != NULL && !g_str_equal(options->absent, "resend")) {
    complain("\"%s\" cannot be done with those that no log mentions; write \"--absent resend\", or "
             "leave it out to keep them in doubt", options->absent);
  } else if (options->json && decides(options)) {
    complain("--json is for the list, which is printed where nothing is decided");
  } else if (options->address != NULL && options->contacts != NULL) {
    complain("--address and --contact both choose; use one");
  } else {
    return TRUE;
  }
  return FALSE;
}

/* Logs may follow the first one without an option each, as the shell's patterns yield them. */
static gboolean take_more_logs(Options *options, char **arguments)
{
  g_autoptr(GStrvBuilder) logs = g_strv_builder_new();

  if (options->logs == NULL) {
    if (arguments[0] != NULL) {
      complain("there are too many arguments; see \"dateline settle --help\"");
    }
    return arguments[0] == NULL;
  }
  g_strv_builder_addv(logs, (const char **)options->logs);
  g_strv_builder_addv(logs, (const char **)arguments);
  g_strfreev(options->logs);
  options->logs = g_strv_builder_end(logs);
  return TRUE;
}

static int run_on(const Config *config, const char *part, const Options *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) doubts = NULL;
  g_autoptr(Summary) summary = NULL;
  g_autofree char *directory = releases_find(config->spool, part, &error);
  g_autofree char *id = directory != NULL ? g_path_get_basename(directory) : NULL;

  if (id != NULL) {
    summary = releases_read(config->spool, id, clock_wall_ms(), &error);
  }
  if (summary != NULL) {
    doubts = doubts_read(config->spool, summary, options->address, &error);
  }
  if (doubts == NULL) {
    return complain_error(error, EX_IOERR);
  }
  int status = options->contacts != NULL ? keep_contacts(doubts, options->contacts) : EX_OK;
  if (status != EX_OK) {
    return status;
  }
  return decides(options) ? settle(config, summary, doubts, options)
                          : list(config, summary, doubts, options->json);
}

static int run(Invocation *invocation)
{
  g_auto(Options) options = {0};
  const GOptionEntry entries[] = {
    {"sent", 0, 0, G_OPTION_ARG_NONE, &options.sent, "They were sent", NULL},
    {"resend", 0, 0, G_OPTION_ARG_NONE, &options.resend, "They are to be sent again", NULL},
    {"from-log", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.logs,
     "Those were sent that the relay's log, FILE, shows; - is standard input", "FILE"},
    {"absent", 0, 0, G_OPTION_ARG_FILENAME, &options.absent,
     "With --from-log: those that no log mentions are to be sent again", "resend"},
    {"address", 0, 0, G_OPTION_ARG_FILENAME, &options.address,
     "Only contacts whose address contains PART", "PART"},
    {"contact", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.contacts,
     "Only the contact with this number; may be repeated", "N"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print the list as JSON", NULL},
    G_OPTION_ENTRY_NULL,
  };
  int status;

  if (!command_options(invocation, entries, 1, G_MAXUINT) || !check_options(&options) ||
      !take_more_logs(&options, invocation->arguments + 1)) {
    return EX_USAGE;
  }
  g_autoptr(Config) config = command_config(invocation, &status);
  return config != NULL ? run_on(config, invocation->arguments[0], &options) : status;
}

const Command settle_command = {
  .name = "settle",
  .arguments = "RELEASE [FILE...]",
  .help = "List the contacts in doubt, and decide whether they were sent",
  .example = "  dateline settle jakarta --from-log /var/log/mail.log.1 /var/log/mail.log\n",
  .run = run,
};
