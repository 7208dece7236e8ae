/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/acceptance.h"

#include <string.h>
#include <uuid/uuid.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/hours.h"
#include "base/names.h"
#include "config/senders.h"
#include "content/proofread.h"

/* Characters of the subject in the journal, where it is for people. */
enum { SUBJECT_KEPT = 200 };

typedef struct {
  const Config *config;
  const ChannelSettings *channel;
  const FrontMatter *front;
  const char *file;      /* for findings */
  Report *report;
} Context;

/* --- Terms --- */

static char *new_uuid(void)
{
  uuid_t uuid;
  char text[UUID_STR_LEN];
  uuid_generate(uuid);
  uuid_unparse_lower(uuid, text);
  return g_strdup(text);
}

/* The envelope sender: the channel's, or the address of From. */
static char *return_path(const Context *context, const char *from)
{
  g_auto(Address) address = { 0 };
  if (context->channel->return_path != NULL)
    return g_strdup(context->channel->return_path);
  if (!mailbox_parse(from, NULL, &address, NULL))
    return NULL;
  return g_strdup(address.mailbox);
}

/* "press.example.org": the list's name as a label under the domain of From (RFC 2919
 * section 2). */
static char *list_id(const char *list_name, const char *from)
{
  g_auto(Address) address = { 0 };
  if (!mailbox_parse(from, NULL, &address, NULL))
    return NULL;
  g_autofree char *label = name_to_slug(list_name);
  return g_strdup_printf("%s.%s", label, strrchr(address.mailbox, '@') + 1);
}

/* When sending can begin. */
static gint64 first_moment(const Terms *terms)
{
  gint64 begin = MAX(terms->accepted_ms, terms->send_at_ms);
  g_autoptr(Hours) hours = terms->hours != NULL ? hours_parse(terms->hours, NULL) : NULL;
  return hours != NULL ? hours_next_ms(hours, begin) : begin;
}

/* A sender that is no mailbox was found elsewhere. */
static void check_relays(const Context *context, const char *from)
{
  g_auto(Address) sender = { 0 };
  if (!mailbox_parse(from, NULL, &sender, NULL))
    return;
  g_autofree char *refusal = config_refuses_sender(context->config, &sender);
  if (refusal != NULL)
    report_error(context->report, context->file, 0, 0, "%s", refusal);
}

static void check_times(const Context *context, const Terms *terms)
{
  const FrontMatter *front = context->front;
  gint64 now = clock_wall_ms();
  if (front->not_after_ms != 0 && front->not_after_ms <= now)
    report_error(context->report, context->file, 0, 0,
                 "not-after has passed already; nothing would be sent");
  else if (terms->send_at_ms >= terms->deadline_ms)
    report_error(context->report, context->file, 0, 0,
                 "send-at is not before the moment at which the release is given up; "
                 "put not-after later");
  else if (first_moment(terms) >= terms->deadline_ms)
    report_error(context->report, context->file, 0, 0,
                 "not-after comes before the channel's delivery hours (%s) begin; put it later, or "
                 "write \"priority: urgent\" at the top", terms->hours);
}

static void fill_terms(const Context *context, Terms *terms)
{
  const FrontMatter *front = context->front;
  const ChannelSettings *channel = context->channel;
  const char *from = front->from != NULL ? front->from : channel->from;
  terms->uuid = new_uuid();
  terms->token_key = new_uuid();
  terms->dsn_notify = channel->dsn_notify;
  terms->dsn_return = channel->dsn_return;
  terms->channel = g_strdup(channel->name);
  terms->from = g_strdup(from);
  terms->reply_to = g_strdup(front->reply_to != NULL ? front->reply_to : channel->reply_to);
  terms->language = g_strdup(front->language != NULL ? front->language : channel->language);
  terms->html = channel->html == HTML_PASS;
  terms->in_doubt = channel->in_doubt;
  terms->rate = channel->rate;
  terms->urgent = front->urgent;
  terms->hours = front->urgent ? NULL : g_strdup(channel->hours);
  terms->accepted_ms = clock_wall_ms();
  terms->send_at_ms = front->send_at_ms;
  gint64 begin = first_moment(terms);
  terms->deadline_ms = front->not_after_ms != 0 ? front->not_after_ms
                                                : begin + context->config->max_age_ms;
  if (from == NULL)
    report_error(context->report, context->file, 0, 0,
                 "nobody is named as sender: write \"from: Name <address>\" at the top, or let "
                 "the administrator set from for the channel \"%s\"", channel->name);
  else {
    terms->return_path = return_path(context, from);
    check_relays(context, from);
  }
  check_times(context, terms);
}

/* --- Lists --- */

static void report_unknown_list(const Context *context, guint line, const char *name)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < context->config->lists->len; i++)
    g_ptr_array_add(names, ((ListSettings *)context->config->lists->pdata[i])->name);
  g_ptr_array_add(names, NULL);
  const char *nearest = nearest_word(name, (const char *const *)names->pdata);
  g_autofree char *known = g_strjoinv(", ", (char **)names->pdata);
  if (nearest != NULL)
    report_error(context->report, context->file, line, 0,
                 "there is no list \"%s\" (did you mean \"%s\"?)", name, nearest);
  else
    report_error(context->report, context->file, line, 0,
                 "there is no list \"%s\"; the lists are: %s", name, known[0] ? known : "none");
}

/* ListSettings *, borrowed. */
static GPtrArray *choose_lists(const Context *context)
{
  char **names = context->front->lists != NULL ? context->front->lists : context->channel->lists;
  GPtrArray *lists = g_ptr_array_new();
  for (guint i = 0; names[i] != NULL; i++) {
    const ListSettings *list = config_list(context->config, names[i]);
    if (list == NULL)
      report_unknown_list(context, 0, names[i]);
    else if (!g_ptr_array_find(lists, list, NULL))
      g_ptr_array_add(lists, (gpointer)list);
  }
  if (names[0] == NULL)
    report_error(context->report, context->file, 0, 0,
                 "no list is named: write \"list: NAME\" at the top, or let the administrator set "
                 "list for the channel \"%s\"", context->channel->name);
  return lists;
}

static char *list_title(const GPtrArray *lists)
{
  g_autoptr(GString) title = g_string_new(NULL);
  for (guint i = 0; i < lists->len; i++) {
    const ListSettings *list = lists->pdata[i];
    g_string_append_printf(title, "%s%s", i > 0 ? ", " : "",
                           list->title != NULL ? list->title : list->name);
  }
  return g_strdup(title->str);
}

static void name_lists(Terms *terms, const GPtrArray *lists)
{
  if (lists->len == 0)
    return;
  const ListSettings *first = lists->pdata[0];
  terms->list_name = list_title(lists);
  if (terms->from != NULL)
    terms->list_id = list_id(first->name, terms->from);
}

/* --- Text and roster --- */

static void compile(const Context *context, const char *workspace, Acceptance *acceptance)
{
  const Terms *terms = &acceptance->terms;
  MessageOptions options = { .uuid = terms->uuid, .from = terms->from, .reply_to = terms->reply_to,
                             .list_name = terms->list_name, .list_id = terms->list_id,
                             .language = terms->language, .html = terms->html,
                             .workspace = workspace };
  acceptance->message = message_compile(acceptance->draft, &options, context->report);
  if (acceptance->message == NULL)
    return;
  const char *subject = message_subject(acceptance->message);
  glong length = MIN(g_utf8_strlen(subject, -1), SUBJECT_KEPT);
  acceptance->terms.subject = g_utf8_substring(subject, 0, length);
  g_autoptr(GString) lines = terms_to_journal(terms);
  if (lines == NULL)
    report_error(context->report, context->file, 0, 0,
                 "the sender and the names of the lists are too long together");
}

static void check_text(const Context *context, const Acceptance *acceptance)
{
  const Terms *terms = &acceptance->terms;
  const ProofreadOptions options = {
    .now_ms = terms->accepted_ms, .send_at_ms = terms->send_at_ms, .language = terms->language,
    .level = context->channel->strict ? FINDING_ERROR : FINDING_WARNING,
  };
  proofread(acceptance->draft, &options, context->report);
}

static RosterField roster_field(const MessageField *field)
{
  static const guint flags[] = {
    [FIELD_USE_FALLBACK] = ROSTER_FIELD_OPTIONAL,
    [FIELD_USE_INSIDE] = ROSTER_FIELD_DOUBTFUL,
    [FIELD_USE_COLUMN] = 0,
  };
  return (RosterField){ field->name,
                        flags[field->use] | (field->required ? ROSTER_FIELD_REQUIRED : 0u) };
}

/* Fills lists (ListSettings *, borrowed) and addresses (char *, borrowed): what has an @ is an
 * address. */
static void choose_excluded(const Context *context, GPtrArray *lists, GPtrArray *addresses)
{
  const guint line = context->front->exclude_line;
  for (char **name = context->front->exclude; name != NULL && *name != NULL; name++) {
    g_auto(Address) address = { 0 };
    g_autoptr(GError) error = NULL;
    const ListSettings *list = config_list(context->config, *name);
    if (list != NULL)
      g_ptr_array_add(lists, (gpointer)list);
    else if (strchr(*name, '@') == NULL)
      report_unknown_list(context, line, *name);
    else if (address_parse(*name, &address, &error))
      g_ptr_array_add(addresses, *name);
    else
      report_error(context->report, context->file, line, 0, "exclude: %s", error->message);
  }
}

/* The list of whom not to mail, which does not change while the roster is built. Where nothing
 * is written, as for somebody who may not read it, it may be missing: that is told. NULL without
 * error then. */
static Suppression *look_at_suppression(const Context *context, gboolean must,
                                        guint64 *last, GError **error)
{
  g_autoptr(GError) reason = NULL;
  g_autoptr(Suppression) suppression = suppression_open(context->config->spool, SUPPRESSION_READ,
                                                        &reason);
  if (suppression != NULL && suppression_begin_look(suppression, &reason) &&
      suppression_last(suppression, 0, last, &reason))
    return g_steal_pointer(&suppression);
  if (must)
    g_propagate_error(error, g_steal_pointer(&reason));
  else
    report_warning(context->report, NULL, 0, 0, "who is suppressed cannot be told: %s",
                   reason->message);
  return NULL;
}

static gboolean build_roster(const Context *context, const GPtrArray *lists, const char *path,
                             Acceptance *acceptance, GError **error)
{
  const GPtrArray *used = message_fields(acceptance->message);
  const FrontMatter *front = context->front;
  Terms *terms = &acceptance->terms;
  g_autoptr(GPtrArray) excluded_lists = g_ptr_array_new(), addresses = g_ptr_array_new();
  g_autofree RosterField *fields = g_new0(RosterField, used->len + 1);
  for (guint i = 0; i < used->len; i++) {
    fields[i] = roster_field(used->pdata[i]);
  }
  choose_excluded(context, excluded_lists, addresses);
  g_autoptr(Suppression) suppression = look_at_suppression(context, path != NULL,
                                                           &terms->suppressions, error);
  if (suppression == NULL && path != NULL)
    return FALSE;
  const RosterPlan plan = {
    .lists = lists, .fields = fields, .n_fields = used->len,
    .missing = front->has_missing ? front->missing : context->channel->missing,
    .max_recipients = context->channel->max_recipients, .where = front->where,
    .excluded_lists = excluded_lists->len > 0 ? excluded_lists : NULL,
    .excluded_addresses = addresses->len > 0 ? addresses : NULL,
    .suppression = suppression, .channel = context->channel->name,
    .file = context->file, .where_line = front->where_line,
  };
  gboolean built = roster_build(path, &plan, &acceptance->counts, context->report, error);
  terms->recipients = (guint32)acceptance->counts.fates[FATE_SELECTED];
  terms->skipped = acceptance->counts.rows - acceptance->counts.fates[FATE_SELECTED];
  return built || report_failed(context->report);
}

static gboolean bind_roster(Acceptance *acceptance, const char *path, GError **error)
{
  g_autoptr(Roster) roster = roster_open(path, error);
  if (roster == NULL)
    return FALSE;
  message_bind(acceptance->message, roster_columns(roster));
  return TRUE;
}

gboolean acceptance_prepare(const Config *config, const char *source, const char *channel,
                            const char *workspace, Acceptance *acceptance, Report *report,
                            GError **error)
{
  *acceptance = (Acceptance){ 0 };
  Context context = { .config = config, .channel = config_channel(config, channel),
                      .report = report };
  if (context.channel == NULL) {
    report_error(report, NULL, 0, 0, "there is no channel \"%s\" any more", channel);
    return TRUE;
  }
  acceptance->draft = draft_read(source, config->max_bundle_size, report);
  if (acceptance->draft == NULL)
    return TRUE;
  context.front = draft_front_matter(acceptance->draft);
  context.file = draft_text_name(acceptance->draft);
  acceptance->terms.hash = g_strdup(draft_hash(acceptance->draft));
  fill_terms(&context, &acceptance->terms);
  g_autoptr(GPtrArray) lists = choose_lists(&context);
  name_lists(&acceptance->terms, lists);
  if (acceptance->terms.from != NULL && *draft_text(acceptance->draft) != '\0')
    compile(&context, workspace, acceptance);
  check_text(&context, acceptance);
  if (acceptance->message == NULL || lists->len == 0)
    return TRUE;
  g_autofree char *path = workspace != NULL ? g_build_filename(workspace, "roster.db", NULL) : NULL;
  if (!build_roster(&context, lists, path, acceptance, error))
    return FALSE;
  if (path == NULL || report_failed(report))
    return TRUE;
  return bind_roster(acceptance, path, error);
}

void acceptance_clear(Acceptance *acceptance)
{
  g_clear_pointer(&acceptance->message, message_free);
  g_clear_pointer(&acceptance->draft, draft_free);
  terms_clear(&acceptance->terms);
}
