/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doubts.h"

#include "base/limits.h"
#include "cli/facts.h"
#include "control/client.h"
#include "delivery/delivery.h"

/* So many contacts in one request: their numbers fit into what the daemon takes at once. */
enum { CONTACTS_AT_ONCE = 4000 };
G_STATIC_ASSERT(CONTACTS_AT_ONCE * sizeof "4294967295," < LIMIT_CONTROL_REQUEST - 8 * 1024);

/* --- Reading --- */

typedef struct {
  uuid_t uuid;
  const char *from;
  VerpKey *key;       /* NULL: the release has no tokens */
  GHashTable *open;   /* contact -> Doubt *, of contacts that are intended or in doubt */
} Reading;

static void doubt_free(gpointer data)
{
  Doubt *doubt = data;

  g_free(doubt->address);
  g_free(doubt->message_id);
  g_free(doubt->relay);
  g_free(doubt->stage);
  g_free(doubt->text);
  g_free(doubt);
}

static void begin_doubt(Reading *reading, const Fact *fact)
{
  char message_id[MESSAGE_ID_SIZE];
  Doubt *doubt = g_new0(Doubt, 1);

  delivery_message_id(reading->uuid, fact->address, reading->from, message_id);
  if (reading->key != NULL) {
    verp_write_token(reading->key, fact->contact, doubt->token);
  }
  doubt->contact = fact->contact;
  doubt->address = g_strdup(fact->address);
  doubt->message_id = g_strdup(message_id);
  doubt->relay = g_strdup(fact->relay);
  doubt->intended_ms = fact->wall_ms;
  g_hash_table_replace(reading->open, GUINT_TO_POINTER(fact->contact), doubt);
}

static void end_intent(Reading *reading, const Fact *fact)
{
  Doubt *doubt = g_hash_table_lookup(reading->open, GUINT_TO_POINTER(fact->contact));

  doubt->doubt_ms = fact->wall_ms;
  doubt->stage = g_strdup(fact->stage);
  doubt->text = g_strdup(fact->text);
}

/* Facts come in the order of the journal, which lets nobody be in doubt without an intent. */
static void take_fact(const Fact *fact, gpointer data)
{
  Reading *reading = data;

  if (g_str_equal(fact->state, contact_state_name(CONTACT_INTENDED))) {
    begin_doubt(reading, fact);
  } else if (g_str_equal(fact->state, contact_state_name(CONTACT_IN_DOUBT))) {
    end_intent(reading, fact);
  } else {
    g_hash_table_remove(reading->open, GUINT_TO_POINTER(fact->contact));
  }
}

static int compare_contacts(gconstpointer a, gconstpointer b)
{
  const Doubt *first = *(const Doubt *const *)a, *second = *(const Doubt *const *)b;

  return (first->contact > second->contact) - (first->contact < second->contact);
}

static GPtrArray *collect(const Reading *reading)
{
  GPtrArray *doubts = g_ptr_array_new_with_free_func(doubt_free);
  GHashTableIter entries;
  gpointer value;

  g_hash_table_iter_init(&entries, reading->open);
  while (g_hash_table_iter_next(&entries, NULL, &value)) {
    if (((Doubt *)value)->doubt_ms != 0) {
      g_ptr_array_add(doubts, value);
      g_hash_table_iter_steal(&entries);
    }
  }
  g_ptr_array_sort(doubts, compare_contacts);
  return doubts;
}

GPtrArray *doubts_read(const char *spool, const Summary *summary, const char *address,
                       GError **error)
{
  const Terms *terms = &summary->terms;
  g_auto(Address) from = {0};
  g_autoptr(Facts) facts = facts_open(spool, summary->id, address, error);
  g_autoptr(VerpKey) key = terms->token_key != NULL ? verp_key_new(terms->token_key) : NULL;
  Reading reading = {.from = NULL};

  if (facts == NULL || !mailbox_parse(terms->from != NULL ? terms->from : "", NULL, &from, error)) {
    return NULL;
  }
  if (terms->uuid == NULL || uuid_parse(terms->uuid, reading.uuid) != 0) {
    g_set_error_literal(error, JOURNAL_ERROR, JOURNAL_ERROR_DAMAGED, "the journal has no UUID");
    return NULL;
  }
  reading.from = from.mailbox;
  reading.key = key;
  reading.open = g_hash_table_new_full(NULL, NULL, NULL, doubt_free);
  GPtrArray *doubts = facts_read(facts, take_fact, &reading, error) ? collect(&reading) : NULL;
  g_hash_table_unref(reading.open);
  return doubts;
}

/* --- Settling --- */

static JsonNode *make_request(const char *id, const GPtrArray *doubts, guint first,
                              Settlement settlement, const char *reason)
{
  JsonNode *node = control_request("settle");
  JsonObject *request = json_node_get_object(node);
  JsonArray *contacts = json_array_new();

  for (guint i = first; i < MIN(doubts->len, first + CONTACTS_AT_ONCE); i++) {
    const Doubt *doubt = g_ptr_array_index(doubts, i);
    json_array_add_int_element(contacts, doubt->contact);
  }
  json_object_set_string_member(request, "release", id);
  json_object_set_string_member(request, "as", settlement == SETTLE_SENT ? "sent" : "due");
  json_object_set_string_member(request, "by", g_get_user_name());
  if (reason != NULL) {
    json_object_set_string_member(request, "reason", reason);
  }
  json_object_set_array_member(request, "contacts", contacts);
  return node;
}

gboolean doubts_settle(const Config *config, const char *id, const GPtrArray *doubts,
                       Settlement settlement, const char *reason, GError **error)
{
  g_autofree char *socket = g_build_filename(config->runtime, "control", NULL);

  for (guint first = 0; first < doubts->len; first += CONTACTS_AT_ONCE) {
    g_autoptr(JsonNode) request = make_request(id, doubts, first, settlement, reason);
    g_autoptr(JsonNode) reply = control_call(socket, request, error);
    if (reply == NULL) {
      g_prefix_error(error, "%u of %u settled: ", first, doubts->len);
      return FALSE;
    }
  }
  return TRUE;
}
