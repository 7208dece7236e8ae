/* SPDX-License-Identifier: Apache-2.0 */

/* Taking a release up, after its acceptance and after a crash alike: everything in memory is
 * made from its folder. */

#include "delivery/release-inside.h"

#include "base/clock.h"
#include "base/notice.h"
#include "delivery/reader.h"

/* What limits remember: the paces, and whether the relay refuses the message itself. */
static void recall(Release *release, const Record *record, Usage *usage)
{
  gint64 now = clock_monotonic_ms();
  if (record->event == EVENT_ACCEPTED)
    pace_init(&release->pace, release->terms.rate, now);
  else if (record->event == EVENT_INTENDED)
    pace_recall(&release->pace, now - (clock_wall_ms() - record->wall_ms), now);
  else if (record->event == EVENT_SENT)
    release->refusals = 0;
  else if (record->event == EVENT_BOUNCED &&
           release_is_refusal_of_message(record_get(record, "stage"), record_get(record, "status")))
    release->refusals++;
  if (usage != NULL)
    usage_take(usage, record);
}

static gboolean replay(Release *release, JournalReader *reader, Usage *usage, GError **error)
{
  Record record;
  ReadResult result;
  while ((result = journal_reader_next(reader, &record, error)) == READ_RECORD) {
    if (record.event == EVENT_ACCEPTED && release->ledger != NULL) {
      g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                  "line %" G_GUINT64_FORMAT " accepts the release a second time", record.sequence);
      return FALSE;
    }
    terms_read(&release->terms, &record);
    if (record.event == EVENT_ACCEPTED)
      release->ledger = ledger_new(release->terms.recipients);
    else if (release->ledger != NULL && !ledger_replay(release->ledger, &record, error))
      return FALSE;
    recall(release, &record, usage);
    if (record.event == EVENT_STARTED)
      release->started = TRUE;
    if (record.event == EVENT_FINISHED)
      release->finish_line = record.sequence;
  }
  if (result == READ_FAILED)
    return FALSE;
  if (release->ledger == NULL) {
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED,
                "the journal has no line \"accepted\"");
    return FALSE;
  }
  return TRUE;
}

static void on_journal(Journal *journal, gpointer data)
{
  Release *release = data;
  const char *trouble = journal_trouble(journal);
  const NoticeFields fields = { .release = release->id, .reason = trouble };
  if (trouble != NULL && !release->told_trouble)
    notice(NOTICE_JOURNAL_TROUBLE, fields,
           "release %s: %s; nothing of it is sent until the journal can be written", release->id,
           trouble);
  else if (trouble == NULL && release->told_trouble)
    notice(NOTICE_JOURNAL_WORKS, fields, "release %s: the journal can be written again",
           release->id);
  release->told_trouble = trouble != NULL;
  release->notify(release, release->notify_data);
}

static gboolean open_journal(Release *release, Committer *committer, Usage *usage, GError **error)
{
  g_autoptr(JournalReader) reader = journal_reader_open(release->directory, error);
  if (reader == NULL || !replay(release, reader, usage, error))
    return FALSE;
  if (release->terms.hours != NULL)
    release->hours = hours_parse(release->terms.hours, error);
  if (release->terms.hours != NULL && release->hours == NULL)
    return FALSE;
  release->journal = journal_continue(committer, release->directory, journal_reader_segment(reader),
                                      journal_reader_whole(reader), journal_reader_sequence(reader),
                                      on_journal, release, error);
  return release->journal != NULL;
}

/* The lanes stay as they are where this fails: the agenda goes by them. */
static gboolean sort_into_lanes(Release *release, const Domains *domains, GError **error)
{
  GError *failure = NULL;
  guint8 *lanes = domains_sort(domains, release->roster, &failure);
  if (failure != NULL) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  g_free(release->lanes);
  release->lanes = lanes;
  return TRUE;
}

static void make_agenda(Release *release)
{
  guint count = release->lanes != NULL ? domains_lanes(release->domains) : 1;
  Lanes lanes = { release->lanes, count };
  g_clear_pointer(&release->agenda, agenda_free);
  release->agenda = agenda_new(release->ledger, lanes, clock_wall_ms(), clock_monotonic_ms());
}

static gboolean open_roster(Release *release, const Domains *domains, GError **error)
{
  g_autofree char *path = g_build_filename(release->directory, "roster.db", NULL);
  release->roster = roster_open(path, error);
  if (release->roster == NULL)
    return FALSE;
  if (roster_length(release->roster) != release->terms.recipients) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_ROSTER,
                "roster.db has %u recipients, the journal %u", roster_length(release->roster),
                release->terms.recipients);
    return FALSE;
  }
  release->n_columns = g_strv_length((char **)roster_columns(release->roster));
  return sort_into_lanes(release, domains, error);
}

static gboolean read_sender(Release *release, GError **error)
{
  return mailbox_parse(release->terms.from, NULL, &release->sender, error);
}

static gboolean compile(Release *release, GError **error)
{
  const Terms *terms = &release->terms;
  MessageOptions options = { .uuid = terms->uuid, .from = terms->from, .reply_to = terms->reply_to,
                             .list_name = terms->list_name, .list_id = terms->list_id,
                             .language = terms->language, .html = terms->html,
                             .workspace = release->directory };
  g_autofree char *source = g_build_filename(release->directory, "source", terms->name, NULL);
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = draft_read(source, G_MAXUINT64, report);
  if (draft != NULL && !report_failed(report))
    release->message = message_compile(draft, &options, report);
  if (release->message == NULL) {
    g_autofree char *findings = g_strchomp(report_to_text(report));
    g_set_error(error, CONTACTS_ERROR,
                report_troubled(report) ? CONTACTS_ERROR_UNREADABLE : CONTACTS_ERROR_ROSTER,
                "the source cannot be read any more: %s", findings);
    return FALSE;
  }
  message_bind(release->message, roster_columns(release->roster));
  uuid_parse(terms->uuid, release->uuid);
  if (terms->token_key != NULL)
    release->token_key = verp_key_new(terms->token_key);
  return TRUE;
}

static void doubt_after_crash(Ledger *ledger, guint32 contact, gpointer data)
{
  (void)ledger;
  release_doubt(data, contact, "crash", "the daemon ended before the relay's answer was recorded");
}

static void settle_after_crash(Ledger *ledger, guint32 contact, gpointer data)
{
  (void)ledger;
  release_settle_by_policy(data, contact);
}

static void hold_unopened(Release *release, const GError *error)
{
  release->unreadable = error->domain == G_FILE_ERROR ||
                        g_error_matches(error, JOURNAL_ERROR, JOURNAL_ERROR_DISK) ||
                        g_error_matches(error, CONTACTS_ERROR, CONTACTS_ERROR_UNREADABLE);
  g_autofree char *reason = g_strconcat(error->message,
                                        release->unreadable ? "; it is read again" : NULL, NULL);
  release_hold(release, reason);
}

Release *release_load(const char *directory, Committer *committer, const Domains *domains,
                      Usage *usage)
{
  g_autoptr(GError) error = NULL;
  Release *release = g_new0(Release, 1);
  release->directory = g_strdup(directory);
  release->id = g_path_get_basename(directory);
  release->suspects = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  release->spare = g_ptr_array_new_with_free_func((GDestroyNotify)delivery_free);
  gboolean good = open_journal(release, committer, usage, &error) &&
                  open_roster(release, domains, &error) && read_sender(release, &error) &&
                  compile(release, &error);
  if (usage != NULL)
    usage_sort(usage, release->lanes, release->terms.recipients);
  if (!good)
    hold_unopened(release, error);
  return release;
}

void release_begin(Release *release, Domains *domains, Suppression *suppression,
                   void (*notify)(Release *release, gpointer data), gpointer data)
{
  release->domains = domains_ref(domains);
  release->suppression = suppression;
  release->notify = notify;
  release->notify_data = data;
  if (release->state == RELEASE_HELD)
    return;
  release_record(release, JOURNAL_LAZY, EVENT_OPENED, 0, "version", DATELINE_VERSION, NULL);
  ledger_each(release->ledger, CONTACT_INTENDED, doubt_after_crash, release);
  ledger_each(release->ledger, CONTACT_IN_DOUBT, settle_after_crash, release);
  make_agenda(release);
  release_tick(release);
}

void release_close(Release *release)
{
  g_autoptr(GError) error = NULL;
  g_assert(release->out == 0);
  if (release->journal != NULL && !journal_close(release->journal, &error))
    g_warning("release %s: %s", release->id, error->message);
  g_clear_pointer(&release->agenda, agenda_free);
  g_free(release->lanes);
  g_clear_pointer(&release->hours, hours_free);
  g_clear_pointer(&release->domains, domains_unref);
  g_clear_pointer(&release->ledger, ledger_free);
  g_clear_pointer(&release->roster, roster_close);
  g_clear_pointer(&release->message, message_free);
  g_clear_pointer(&release->token_key, verp_key_free);
  g_ptr_array_unref(release->spare);
  g_hash_table_unref(release->suspects);
  terms_clear(&release->terms);
  address_clear(&release->sender);
  g_free(release->block);
  g_free(release->reason);
  g_free(release->directory);
  g_free(release->id);
  g_free(release);
}

void release_set_domains(Release *release, Domains *domains)
{
  g_autoptr(GError) error = NULL;
  domains_ref(domains);
  domains_unref(release->domains);
  release->domains = domains;
  if (release->agenda == NULL || release->unread != 0)   /* the lanes come with the roster */
    return;
  if (sort_into_lanes(release, domains, &error))
    make_agenda(release);
  else
    release_lose_roster(release, 1, error);
}

gboolean release_reopen_roster(Release *release, GError **error)
{
  RosterRecipient recipient;
  if (!roster_reopen(release->roster, error) ||
      !roster_read(release->roster, release->unread, &recipient, error) ||
      !sort_into_lanes(release, release->domains, error))
    return FALSE;
  make_agenda(release);
  return TRUE;
}
