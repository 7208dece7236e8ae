/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/evidence.h"

#include "base/verp.h"
#include "delivery/logfile.h"
#include "delivery/relaylog.h"

enum {
  MARGIN_MS = 60 * 1000,            /* how far clocks may be apart without doing harm */
  HINT_MS = 10 * 60 * 1000,         /* so long may a relay work on what it has got, unheard */
  LINE_KEPT = 500,
};

typedef struct {
  char *message_id;
  char *address;           /* in lower case */
  Verp token;              /* zeros: none */
  guint same_address;      /* another's number and 1, or 0: there is none */
  gint64 intended_ms, doubt_ms;
  EvidenceFinding finding;
} Sought;

/* A queue id is used again some day: it stands for a message only from when it got it. */
typedef struct {
  guint number;
  gint64 since_ms;
} Queued;

struct Evidence {
  GPtrArray *sought;         /* Sought * */
  GHashTable *by_id;         /* message_id, borrowed -> number */
  GHashTable *by_address;    /* address, borrowed -> number of the last with it */
  GHashTable *by_queue;      /* queue id -> Queued *; only of sought messages */
  gint64 begin_ms, end_ms;   /* of what relays that tell Message-IDs wrote */
  guint64 understood;
  guint64 passed_over;
};

/* The line that is looked at. */
typedef struct {
  const RelayLogEntry *entry;
  const char *file;
  guint64 number;
  const char *line;
  gsize length;
} Place;

static void sought_free(gpointer data)
{
  Sought *sought = data;

  g_free(sought->message_id);
  g_free(sought->address);
  g_free(sought->finding.file);
  g_free(sought->finding.line);
  g_free(sought);
}

Evidence *evidence_new(void)
{
  Evidence *evidence = g_new0(Evidence, 1);

  evidence->sought = g_ptr_array_new_with_free_func(sought_free);
  evidence->by_id = g_hash_table_new(g_str_hash, g_str_equal);
  evidence->by_address = g_hash_table_new(g_str_hash, g_str_equal);
  evidence->by_queue = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  evidence->begin_ms = G_MAXINT64;
  evidence->end_ms = G_MININT64;
  return evidence;
}

void evidence_free(Evidence *evidence)
{
  g_hash_table_unref(evidence->by_queue);
  g_hash_table_unref(evidence->by_address);
  g_hash_table_unref(evidence->by_id);
  g_ptr_array_unref(evidence->sought);
  g_free(evidence);
}

static gboolean look_up(GHashTable *table, const char *key, guint *number)
{
  gpointer value;

  if (key == NULL || !g_hash_table_lookup_extended(table, key, NULL, &value)) {
    return FALSE;
  }
  *number = GPOINTER_TO_UINT(value);
  return TRUE;
}

guint evidence_seek(Evidence *evidence, const char *message_id, const char *address,
                    const char *token, gint64 intended_ms, gint64 doubt_ms)
{
  Sought *sought = g_new0(Sought, 1);
  guint number = evidence->sought->len, other;

  sought->message_id = g_strdup(message_id);
  sought->address = g_ascii_strdown(address, -1);
  verp_parse(token, &sought->token);
  sought->intended_ms = intended_ms;
  sought->doubt_ms = doubt_ms;
  if (look_up(evidence->by_address, sought->address, &other)) {
    sought->same_address = other + 1;
  }
  g_ptr_array_add(evidence->sought, sought);
  g_hash_table_insert(evidence->by_id, sought->message_id, GUINT_TO_POINTER(number));
  g_hash_table_insert(evidence->by_address, sought->address, GUINT_TO_POINTER(number));
  return number;
}

static Sought *sought_at(const Evidence *evidence, guint number)
{
  return g_ptr_array_index(evidence->sought, number);
}

/* --- What a line says --- */

static void find(Evidence *evidence, guint number, EvidenceGrade grade, const Place *place)
{
  EvidenceFinding *finding = &sought_at(evidence, number)->finding;

  if (grade <= finding->grade) {
    return;
  }
  g_free(finding->file);
  g_free(finding->line);
  *finding = (EvidenceFinding){
    .grade = grade, .relay = place->entry->relay, .file = g_strdup(place->file),
    .number = place->number, .line = g_strndup(place->line, MIN(place->length, LINE_KEPT)),
  };
}

/* A queue id that somebody else's message gets is no longer that of ours. */
static void see_coming(Evidence *evidence, const Place *place)
{
  const RelayLogEntry *entry = place->entry;
  guint number;

  if (!look_up(evidence->by_id, entry->message_id, &number)) {
    g_hash_table_remove(evidence->by_queue, entry->queue_id);
    return;
  }
  Queued *queued = g_new(Queued, 1);
  *queued = (Queued){number, entry->wall_ms};
  g_hash_table_replace(evidence->by_queue, g_strdup(entry->queue_id), queued);
  find(evidence, number, EVIDENCE_BEGUN, place);
}

static void see_queued(Evidence *evidence, const Place *place)
{
  const Queued *queued = g_hash_table_lookup(evidence->by_queue, place->entry->queue_id);

  if (queued != NULL && place->entry->wall_ms >= queued->since_ms) {
    find(evidence, queued->number, EVIDENCE_TAKEN, place);
  }
}

static void see_taken(Evidence *evidence, const Place *place)
{
  guint number;

  if (look_up(evidence->by_id, place->entry->message_id, &number)) {
    find(evidence, number, EVIDENCE_TAKEN, place);
  }
}

/* A return path of the contact's own tells as much as a Message-ID. */
static gboolean is_sender_of(const Sought *sought, const char *sender)
{
  Verp verp;

  return sender != NULL && sought->token.contact != 0 && verp_parse(sender, &verp) &&
         verp.release == sought->token.release && verp.contact == sought->token.contact &&
         verp.seal == sought->token.seal;
}

static void weigh_address(Evidence *evidence, guint number, const Place *place)
{
  const Sought *sought = sought_at(evidence, number);
  gint64 wall_ms = place->entry->wall_ms;

  if (is_sender_of(sought, place->entry->sender)) {
    find(evidence, number, EVIDENCE_TAKEN, place);
  } else if (wall_ms >= sought->intended_ms - MARGIN_MS && wall_ms <= sought->doubt_ms + HINT_MS) {
    find(evidence, number, EVIDENCE_HINT, place);
  }
}

/* One person may be in doubt in several releases. */
static void see_address(Evidence *evidence, const Place *place)
{
  g_autofree char *address = g_ascii_strdown(place->entry->address, -1);
  guint number;

  if (!look_up(evidence->by_address, address, &number)) {
    return;
  }
  for (guint next = number + 1; next != 0; next = sought_at(evidence, next - 1)->same_address) {
    weigh_address(evidence, next - 1, place);
  }
}

static void see(Evidence *evidence, const Place *place)
{
  const RelayLogEntry *entry = place->entry;

  evidence->understood++;
  if (entry->kind != RELAY_LOG_FOR_ADDRESS) {
    evidence->begin_ms = MIN(evidence->begin_ms, entry->wall_ms);
    evidence->end_ms = MAX(evidence->end_ms, entry->wall_ms);
  }
  switch (entry->kind) {
  case RELAY_LOG_COMING:
    see_coming(evidence, place);
    break;
  case RELAY_LOG_QUEUED:
    see_queued(evidence, place);
    break;
  case RELAY_LOG_TAKEN:
    see_taken(evidence, place);
    break;
  case RELAY_LOG_FOR_ADDRESS:
    see_address(evidence, place);
    break;
  case RELAY_LOG_OTHER:
    break;
  }
}

/* --- Logs --- */

/* Any of the times will do to find a year. */
static gint64 about_when(const Evidence *evidence)
{
  return evidence->sought->len > 0 ? sought_at(evidence, 0)->intended_ms : 0;
}

gboolean evidence_read(Evidence *evidence, const char *path, GError **error)
{
  g_autoptr(LogFile) file = log_file_open(path, error);
  LogFileResult result = LOG_FILE_FAILED;
  gint64 near_ms = about_when(evidence);
  Place place = {.file = path};

  while (file != NULL && (result = log_file_next(file, &place.line, &place.length, error)) ==
                             LOG_FILE_GOT_LINE) {
    g_auto(RelayLogEntry) entry = {.relay = NULL};
    if (relay_log_parse(place.line, place.length, near_ms, &entry)) {
      place.entry = &entry;
      place.number = log_file_number(file);
      see(evidence, &place);
    }
  }
  evidence->passed_over += file != NULL ? log_file_passed_over(file) : 0;
  return result == LOG_FILE_END;
}

const EvidenceFinding *evidence_finding(const Evidence *evidence, guint number)
{
  return &sought_at(evidence, number)->finding;
}

gboolean evidence_covers(const Evidence *evidence, guint number)
{
  const Sought *sought = sought_at(evidence, number);

  return evidence->understood > 0 && evidence->begin_ms <= sought->intended_ms - MARGIN_MS &&
         evidence->end_ms >= sought->doubt_ms + MARGIN_MS;
}

guint64 evidence_understood(const Evidence *evidence)
{
  return evidence->understood;
}

guint64 evidence_passed_over(const Evidence *evidence)
{
  return evidence->passed_over;
}
