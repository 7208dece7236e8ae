/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/intake.h"

#include "base/durable.h"
#include "base/notice.h"
#include "base/worker.h"
#include "contacts/suppression-file.h"
#include "delivery/segment.h"
#include "spool/acceptance.h"
#include "spool/drop.h"
#include "spool/history.h"

struct Intake {
  Config *config;
  const IntakeEvents *events;
  gpointer data;
  History *history;        /* the thread's */
  GHashTable *told;        /* the thread's: id or path -> why it stays, as it was told last */
  Worker *thread;
  GHashTable *waiting;     /* paths in incoming/ that were given and not yet decided */
  guint retry;             /* timer: something stays; 0: nothing does */
  gint closing;            /* atomic */
};

typedef struct Errand Errand;

/* One thing for the thread to do. */
struct Errand {
  Intake *intake;
  Config *config;
  void (*work)(Errand *errand);
  char *path, *channel;    /* take: the drop */
  char *id;                /* archive: the release */
  gboolean stays;          /* something has to be tried again */
};

/* On the way back, as soon as it happened. */
typedef struct {
  Intake *intake;
  void (*event)(const char *text, gpointer data);
  char *text;              /* the folder, or the id */
} Tidings;

static void errand_free(Errand *errand)
{
  config_unref(errand->config);
  g_free(errand->path);
  g_free(errand->channel);
  g_free(errand->id);
  g_free(errand);
}

/* --- In the thread --- */

/* What is tried again and again is told about when the reason is another one. */
static void stay(Errand *errand, const char *what, const char *message)
{
  GHashTable *told = errand->intake->told;
  errand->stays = TRUE;
  if (g_strcmp0(g_hash_table_lookup(told, what), message) == 0)
    return;
  g_hash_table_replace(told, g_strdup(what), g_strdup(message));
  g_warning("%s", message);
}

static void settle(const Errand *errand, const char *what)
{
  g_hash_table_remove(errand->intake->told, what);
}

static gboolean deliver_tidings(gpointer data)
{
  Tidings *tidings = data;
  if (!g_atomic_int_get(&tidings->intake->closing))
    tidings->event(tidings->text, tidings->intake->data);
  g_free(tidings->text);
  g_free(tidings);
  return G_SOURCE_REMOVE;
}

static void notify(const Errand *errand, void (*event)(const char *text, gpointer data),
                   const char *text)
{
  Tidings *tidings = g_new0(Tidings, 1);
  *tidings = (Tidings){ errand->intake, event, g_strdup(text) };
  g_idle_add_full(G_PRIORITY_DEFAULT, deliver_tidings, tidings, NULL);
}

/* NULL where they are too long, with the reason in report. */
static GString *first_lines(const Claim *claim, Acceptance *acceptance, Report *report)
{
  acceptance->terms.owner = claim->owner;
  acceptance->terms.received_ms = claim->claimed_ms;
  acceptance->terms.name = g_strdup(claim->name);
  GString *lines = terms_to_journal(&acceptance->terms);
  if (lines == NULL)
    report_error(report, NULL, 0, 0,
                 "the sender, the names of the lists and the drop's own name are too long together");
  return lines;
}

static gboolean accept(Errand *errand, Claim *claim, const Acceptance *acceptance,
                       const GString *lines, GError **error)
{
  g_autoptr(Segment) segment = segment_create(claim->directory, lines->str, lines->len, error);
  if (segment == NULL || !claim_accept(errand->config, claim, error))
    return FALSE;
  notify(errand, errand->intake->events->accepted, claim->directory);
  claim_tidy(claim);
  history_add(errand->intake->history, acceptance->terms.hash, claim->id,
              acceptance->terms.accepted_ms);
  notice(NOTICE_ACCEPTED, (NoticeFields){ .release = claim->id },
         "release %s: accepted for %u recipients (%" G_GUINT64_FORMAT " rows left out)",
         claim->id, acceptance->terms.recipients, acceptance->terms.skipped);
  return TRUE;
}

static gboolean reject(Errand *errand, Claim *claim, const Report *report, GError **error)
{
  if (!claim_reject(errand->config, claim, report, error))
    return FALSE;
  notice(NOTICE_REFUSED, (NoticeFields){ .release = claim->id },
         "drop %s is refused with %u errors; see rejected/%s/REASON.txt", claim->name,
         report_count(report, FINDING_ERROR), claim->id);
  notify(errand, errand->intake->events->rejected, claim->id);
  return TRUE;
}

/* What was added is on disk before the drop goes; a crash in between adds it once more, which
 * changes nothing. */
static gboolean take_suppressions(Errand *errand, Claim *claim, Report *report, GError **error)
{
  SuppressionCounts counts = { 0 };
  const SuppressionEntry usual = { .scope = "all", .reason = SUPPRESSION_ASKED,
                                   .since_ms = claim->claimed_ms };
  if (!report_failed(report) && !g_file_test(claim->source, G_FILE_TEST_IS_REGULAR))
    report_error(report, claim->name, 0, 0, "a file is expected, with one address a line");
  if (!report_failed(report)) {
    g_autoptr(Suppression) suppression = suppression_open(errand->config->spool, SUPPRESSION_WRITE,
                                                          error);
    if (suppression == NULL || !suppression_import(suppression, claim->source, claim->name, &usual,
                                                   &counts, report, error))
      return FALSE;
    g_message("suppressions %s: %" G_GUINT64_FORMAT " added, %" G_GUINT64_FORMAT " known, %"
              G_GUINT64_FORMAT " wrong", claim->name, counts.added, counts.known, counts.wrong);
  }
  return report_failed(report) ? reject(errand, claim, report, error)
                               : durable_remove_tree(claim->directory, error);
}

static gboolean take_release(Errand *errand, Claim *claim, Report *report, GError **error)
{
  g_auto(Acceptance) acceptance = { 0 };
  g_autoptr(GString) lines = NULL;
  if (!report_failed(report) &&
      !acceptance_prepare(errand->config, claim->source, claim->channel, claim->directory,
                          &acceptance, report, error))
    return FALSE;
  if (report_troubled(report)) {
    g_autofree char *findings = g_strchomp(report_to_text(report));
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO, findings);
    return FALSE;
  }
  if (acceptance.draft != NULL)
    history_check(errand->intake->history, acceptance.draft, report);
  if (!report_failed(report))
    lines = first_lines(claim, &acceptance, report);
  return lines != NULL ? accept(errand, claim, &acceptance, lines, error)
                       : reject(errand, claim, report, error);
}

/* A drop is decided wholly, or stays claimed as it is. */
static void decide(Errand *errand, Claim *claim, Report *report)
{
  g_autoptr(GError) error = NULL;
  const gboolean suppresses = g_strcmp0(claim->channel, SPOOL_SUPPRESSIONS) == 0;
  const gboolean done = (suppresses ? take_suppressions : take_release)(errand, claim, report,
                                                                        &error);
  if (done) {
    settle(errand, claim->id);
    return;
  }
  g_autofree char *message = g_strdup_printf("drop %s could not be taken up: %s; it waits in %s "
                                             "and is tried again", claim->name, error->message,
                                             claim->directory);
  stay(errand, claim->id, message);
}

static void take(Errand *errand)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();
  g_autoptr(Claim) claim = NULL;
  claim = claim_take(errand->config, errand->path, errand->channel, report, &error);
  if (claim != NULL || g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    settle(errand, errand->path);
  } else {
    g_autofree char *message = g_strdup_printf("%s cannot be taken out of the spool: %s",
                                               errand->path, error->message);
    stay(errand, errand->path, message);
  }
  if (claim != NULL)
    decide(errand, claim, report);
}

static void on_claim_stays(const char *id, const GError *reason, gpointer data)
{
  g_autofree char *message = g_strdup_printf("claim %s stays, and is tried again: %s", id,
                                             reason->message);
  stay(data, id, message);
}

static void recover(Errand *errand)
{
  g_autoptr(GError) error = NULL;
  GPtrArray *reports = NULL;
  g_autoptr(GPtrArray) claims = claim_recover(errand->config, on_claim_stays, errand,
                                                &reports, &error);
  if (claims == NULL) {
    g_autofree char *message = g_strdup_printf("what was claimed earlier cannot be read: %s",
                                               error->message);
    stay(errand, "queue", message);
    return;
  }
  for (guint i = 0; i < claims->len; i++)
    decide(errand, claims->pdata[i], reports->pdata[i]);
  g_ptr_array_unref(reports);
}

static void archive(Errand *errand)
{
  g_autoptr(GError) error = NULL;
  if (!spool_archive(errand->config, errand->id, &error))
    g_warning("release %s is finished but stays in queue/: %s", errand->id, error->message);
}

static gboolean on_retry(gpointer data);

/* --- Back in the main loop --- */

static gboolean deliver(gpointer data)
{
  Errand *errand = data;
  Intake *intake = errand->intake;
  if (errand->path != NULL)
    g_hash_table_remove(intake->waiting, errand->path);
  gboolean closing = g_atomic_int_get(&intake->closing);
  if (errand->stays && intake->retry == 0 && !closing)
    intake->retry = g_timeout_add((guint)intake->config->rescan_ms, on_retry, intake);
  errand_free(errand);
  return G_SOURCE_REMOVE;
}

/* In the thread. */
static void run(gpointer data, gpointer user)
{
  Errand *errand = data;
  Intake *intake = user;
  if (g_atomic_int_get(&intake->closing) && errand->work != archive) {
    errand_free(errand);
    return;
  }
  errand->work(errand);
  g_idle_add_full(G_PRIORITY_DEFAULT, deliver, errand, NULL);
}

/* --- In the main loop --- */

static Errand *errand_new(Intake *intake, void (*work)(Errand *errand))
{
  Errand *errand = g_new0(Errand, 1);
  errand->intake = intake;
  errand->config = config_ref(intake->config);
  errand->work = work;
  return errand;
}

static void send_errand(Errand *errand)
{
  worker_push(errand->intake->thread, errand);
}

void intake_take(Intake *intake, const char *path, const char *channel)
{
  if (!g_hash_table_add(intake->waiting, g_strdup(path)))
    return;
  Errand *errand = errand_new(intake, take);
  errand->path = g_strdup(path);
  errand->channel = g_strdup(channel);
  send_errand(errand);
}

void intake_recover(Intake *intake)
{
  send_errand(errand_new(intake, recover));
}

/* Whatever is claimed when its turn comes was left behind, since the thread does one thing
 * after the other. */
static gboolean on_retry(gpointer data)
{
  Intake *intake = data;
  intake->retry = 0;
  intake_recover(intake);
  return G_SOURCE_REMOVE;
}

void intake_archive(Intake *intake, const char *id)
{
  Errand *errand = errand_new(intake, archive);
  errand->id = g_strdup(id);
  send_errand(errand);
}

Intake *intake_new(Config *config, const IntakeEvents *events, gpointer data, GError **error)
{
  History *history = history_load(config, error);
  if (history == NULL)
    return NULL;
  Intake *intake = g_new0(Intake, 1);
  intake->config = config_ref(config);
  intake->events = events;
  intake->data = data;
  intake->history = history;
  intake->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  intake->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  intake->thread = worker_new("intake", run, intake);
  return intake;
}

void intake_reload(Intake *intake, Config *config)
{
  config_ref(config);
  config_unref(intake->config);
  intake->config = config;
}

/* What the thread has reported on the way is taken in before the memory goes. */
void intake_free(Intake *intake)
{
  g_atomic_int_set(&intake->closing, 1);
  g_clear_handle_id(&intake->retry, g_source_remove);
  worker_free(intake->thread);
  while (g_main_context_iteration(NULL, FALSE))
    continue;
  g_hash_table_unref(intake->waiting);
  g_hash_table_unref(intake->told);
  history_free(intake->history);
  config_unref(intake->config);
  g_free(intake);
}
