/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/facts.h"

#include <string.h>

#include "delivery/ledger.h"
#include "delivery/reader.h"
#include "delivery/summary.h"

static const char STATE_SKIPPED[] = "skipped";

const char *const FACT_STATES[] = {
  "due",      "intended", "sent",      "deferred", "bounced",
  "in-doubt", "expired",  "suppressed", "withdrawn", "skipped", NULL,
};

struct Facts {
  char *spool;
  char *id;
  char *address;          /* NULL: all */
  guint32 contact;        /* 0: all */
  char *directory;        /* where it was seen last */
  JournalReader *reader;
  guint64 told;           /* number of the last line that was told */
  Roster *roster;         /* NULL before "accepted" */
  Ledger *ledger;         /* likewise */
  GHashTable *wanted;     /* the chosen contact, or those that address fits; NULL: all */
  gint64 accepted_ms;
  guint64 accepted_sequence;
  gboolean ended;
};

/* What the helpers below hand on. */
typedef struct {
  Facts *facts;
  FactFunc func;
  gpointer data;
  const Record *record;
  GError *error;          /* of the first failure */
} Telling;

/* --- Opening --- */

/* Where the release is now. A new reader begins at the beginning: told says how far. */
static gboolean find_journal(Facts *facts, GError **error)
{
  g_autofree char *directory = releases_locate(facts->spool, facts->id);

  if (directory == NULL) {
    g_set_error(error, RELEASES_ERROR, RELEASES_ERROR_UNKNOWN, "release %s is not there any more",
                facts->id);
    return FALSE;
  }
  g_clear_pointer(&facts->reader, journal_reader_close);
  facts->reader = journal_reader_open(directory, error);
  g_free(facts->directory);
  facts->directory = g_steal_pointer(&directory);
  return facts->reader != NULL;
}

static gboolean has_moved(const Facts *facts)
{
  return !g_file_test(facts->directory, G_FILE_TEST_IS_DIR);
}

Facts *facts_open(const char *spool, const char *id, const char *address, GError **error)
{
  g_autoptr(Facts) facts = g_new0(Facts, 1);

  facts->spool = g_strdup(spool);
  facts->id = g_strdup(id);
  facts->address = address != NULL ? g_utf8_make_valid(address, -1) : NULL;
  /* Once more where it moves away between the two steps. */
  if (!find_journal(facts, NULL) && !find_journal(facts, error)) {
    return NULL;
  }
  return g_steal_pointer(&facts);
}

void facts_choose(Facts *facts, guint32 contact)
{
  facts->contact = contact;
  facts->wanted = g_hash_table_new(NULL, NULL);
  g_hash_table_add(facts->wanted, GUINT_TO_POINTER(contact));
}

void facts_close(Facts *facts)
{
  g_clear_pointer(&facts->reader, journal_reader_close);
  g_clear_pointer(&facts->roster, roster_close);
  g_clear_pointer(&facts->ledger, ledger_free);
  g_clear_pointer(&facts->wanted, g_hash_table_unref);
  g_free(facts->spool);
  g_free(facts->id);
  g_free(facts->address);
  g_free(facts->directory);
  g_free(facts);
}

/* --- The roster --- */

static gboolean find_wanted(Facts *facts, GError **error)
{
  guint32 contact = 0;

  if (facts->address == NULL || facts->contact != 0) {
    return TRUE;
  }
  GError *reason = NULL;
  facts->wanted = g_hash_table_new(NULL, NULL);
  while ((contact = roster_find(facts->roster, facts->address, contact, &reason)) != 0) {
    g_hash_table_add(facts->wanted, GUINT_TO_POINTER(contact));
  }
  if (reason != NULL) {
    g_propagate_error(error, reason);
    return FALSE;
  }
  return TRUE;
}

static gboolean open_roster(Facts *facts, GError **error)
{
  for (guint attempt = 0; facts->roster == NULL && attempt < 2; attempt++) {
    g_autofree char *directory = releases_locate(facts->spool, facts->id);
    g_autofree char *path = g_build_filename(directory != NULL ? directory : facts->directory,
                                             "roster.db", NULL);
    g_clear_error(error);
    facts->roster = roster_open(path, error);
  }
  return facts->roster != NULL && find_wanted(facts, error);
}

static gboolean is_wanted(const Facts *facts, guint32 contact)
{
  return facts->wanted == NULL || g_hash_table_contains(facts->wanted, GUINT_TO_POINTER(contact));
}

/* As the roster compares: without case, and however accents are encoded. */
static char *fold(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
  g_autofree char *folded = g_utf8_casefold(valid, -1);

  return g_utf8_normalize(folded, -1, G_NORMALIZE_ALL);
}

static gboolean is_wanted_row(const Facts *facts, const char *address)
{
  if (facts->address == NULL || facts->contact != 0) {
    return facts->contact == 0;
  }
  g_autofree char *part = fold(facts->address);
  g_autofree char *whole = fold(address);
  return strstr(whole, part) != NULL;
}

/* --- Telling --- */

static void tell_skipped(const RosterSkipped *skipped, gpointer data)
{
  const Telling *telling = data;
  const Facts *facts = telling->facts;
  Fact fact = {.sequence = facts->accepted_sequence, .wall_ms = facts->accepted_ms,
               .release = facts->id, .state = STATE_SKIPPED, .fate = fate_name(skipped->fate),
               .address = skipped->address, .list = skipped->list, .file = skipped->file,
               .line = skipped->line, .text = skipped->reason};

  if (is_wanted_row(facts, skipped->address)) {
    telling->func(&fact, telling->data);
  }
}

/* Adds the recipient to fact and tells it. */
static gboolean tell_contact(Telling *telling, Fact *fact)
{
  RosterRecipient recipient;
  Facts *facts = telling->facts;

  if (!is_wanted(facts, fact->contact)) {
    return TRUE;
  }
  if (!roster_read(facts->roster, fact->contact, &recipient, &telling->error)) {
    return FALSE;
  }
  fact->release = facts->id;
  fact->fate = fate_name(FATE_SELECTED);
  fact->address = recipient.mailbox;
  fact->list = recipient.list;
  fact->file = recipient.file;
  fact->line = recipient.line;
  telling->func(fact, telling->data);
  return TRUE;
}

static gboolean tell_event(Telling *telling)
{
  const Record *record = telling->record;
  const char *text = record_get(record, "text");
  Fact fact = {.sequence = record->sequence, .wall_ms = record->wall_ms,
               .state = event_name(record->event), .contact = record->contact,
               .relay = record_get(record, "relay"), .stage = record_get(record, "stage"),
               .code = record_get(record, "code"), .status = record_get(record, "status"),
               .until = record_get(record, "until"),
               .text = text != NULL ? text : record_get(record, "reason")};

  return tell_contact(telling, &fact);
}

/* A person or a policy has ended a doubt. */
static gboolean tell_settled(Telling *telling)
{
  const Record *record = telling->record;
  const char *by = record_get(record, "by");
  const char *reason = record_get(record, "reason");
  g_autofree char *text = g_strdup_printf("settled by %s%s%s", by != NULL ? by : "somebody",
                                          reason != NULL ? ": " : "", reason != NULL ? reason : "");
  Fact fact = {.sequence = record->sequence, .wall_ms = record->wall_ms,
               .state = g_strcmp0(record_get(record, "as"), "sent") == 0 ? "sent" : "due",
               .contact = record->contact, .text = text};

  return tell_contact(telling, &fact);
}

static void tell_expired(G_GNUC_UNUSED Ledger *ledger, guint32 contact, gpointer data)
{
  Telling *telling = data;
  Fact fact = {.sequence = telling->record->sequence, .wall_ms = telling->record->wall_ms,
               .state = contact_state_name(CONTACT_EXPIRED), .contact = contact,
               .text = record_get(telling->record, "reason")};

  if (telling->error == NULL) {
    tell_contact(telling, &fact);
  }
}

static gboolean tell_accepted(Telling *telling)
{
  Facts *facts = telling->facts;

  facts->accepted_ms = telling->record->wall_ms;
  facts->accepted_sequence = telling->record->sequence;
  if (!open_roster(facts, &telling->error)) {
    return FALSE;
  }
  facts->ledger = ledger_new(roster_length(facts->roster));
  return roster_each_skipped(facts->roster, tell_skipped, telling, &telling->error);
}

/* All that was still open is given up: who that is only the ledger tells. */
static gboolean tell_expiry(Telling *telling)
{
  Ledger *ledger = telling->facts->ledger;

  ledger_each(ledger, CONTACT_DUE, tell_expired, telling);
  ledger_each(ledger, CONTACT_DEFERRED, tell_expired, telling);
  ledger_expire(ledger);
  return telling->error == NULL;
}

/* A line that says what cannot be is told no more than one that cannot be read. */
static gboolean take_record(Telling *telling)
{
  const Record *record = telling->record;
  Ledger *ledger = telling->facts->ledger;

  telling->facts->told = record->sequence;
  if (ledger == NULL) {
    return record->event != EVENT_ACCEPTED || tell_accepted(telling);
  }
  if (record->event == EVENT_EXPIRED) {
    return tell_expiry(telling);
  }
  if (!event_has_contact(record->event)) {
    return TRUE;
  }
  return ledger_replay(ledger, record, &telling->error) &&
         (record->event == EVENT_SETTLED ? tell_settled(telling) : tell_event(telling));
}

/* --- Reading --- */

static gboolean read_on(Telling *telling)
{
  Facts *facts = telling->facts;
  Record record;
  ReadResult result;

  while ((result = journal_reader_next(facts->reader, &record, &telling->error)) == READ_RECORD) {
    telling->record = &record;
    if (record.sequence > facts->told && !take_record(telling)) {
      return FALSE;
    }
  }
  return result == READ_END;
}

gboolean facts_read(Facts *facts, FactFunc func, gpointer data, GError **error)
{
  Telling telling = {.facts = facts, .func = func, .data = data};
  gboolean good = FALSE;

  while (!good && telling.error == NULL) {
    good = read_on(&telling);
    /* The reader finds segments by their paths: what was behind the last one that it had
     * open may have moved away under it. */
    if (has_moved(facts)) {
      g_clear_error(&telling.error);
      good = FALSE;
      if (!find_journal(facts, &telling.error)) {
        break;
      }
    }
  }
  if (!good) {
    g_propagate_prefixed_error(error, telling.error, "release %s: ", facts->id);
    return FALSE;
  }
  g_autofree char *parent = g_path_get_dirname(facts->directory);
  facts->ended = g_str_has_suffix(parent, "/done");
  return TRUE;
}

gboolean facts_tell_due(Facts *facts, gboolean (*wanted)(guint32 contact, gpointer data),
                        FactFunc func, gpointer data, GError **error)
{
  Telling telling = {.facts = facts, .func = func, .data = data};

  for (guint32 contact = 1; contact <= facts_contacts(facts); contact++) {
    Fact fact = {.wall_ms = facts->accepted_ms, .sequence = facts->accepted_sequence,
                 .state = contact_state_name(CONTACT_DUE), .contact = contact};
    if (wanted(contact, data) && !tell_contact(&telling, &fact)) {
      g_propagate_error(error, telling.error);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean facts_ended(const Facts *facts)
{
  return facts->ended;
}

const char *facts_release(const Facts *facts)
{
  return facts->id;
}

guint32 facts_contacts(const Facts *facts)
{
  return facts->ledger != NULL ? ledger_length(facts->ledger) : 0;
}
