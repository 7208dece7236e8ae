/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/agenda.h"

typedef struct {
  gint64 due_ms;
  guint32 contact;
} Entry;

struct Agenda {
  Ledger *ledger;
  guint32 cursor;   /* contacts from here on may be fresh */
  guint32 fresh;    /* due contacts that were never handed out, all behind the cursor */
  GArray *again;    /* Entry: a binary heap, the earliest first */
};

static Entry *entry(const Agenda *agenda, guint index)
{
  return &g_array_index(agenda->again, Entry, index);
}

static void swap(Agenda *agenda, guint a, guint b)
{
  Entry kept = *entry(agenda, a);
  *entry(agenda, a) = *entry(agenda, b);
  *entry(agenda, b) = kept;
}

static void sift_up(Agenda *agenda, guint index)
{
  while (index > 0) {
    guint parent = (index - 1) / 2;
    if (entry(agenda, parent)->due_ms <= entry(agenda, index)->due_ms)
      return;
    swap(agenda, parent, index);
    index = parent;
  }
}

static void sift_down(Agenda *agenda, guint index)
{
  for (;;) {
    guint least = index;
    for (guint child = 2 * index + 1; child <= 2 * index + 2 && child < agenda->again->len; child++)
      if (entry(agenda, child)->due_ms < entry(agenda, least)->due_ms)
        least = child;
    if (least == index)
      return;
    swap(agenda, least, index);
    index = least;
  }
}

static guint32 take_first(Agenda *agenda)
{
  guint32 contact = entry(agenda, 0)->contact;
  g_array_remove_index_fast(agenda->again, 0);
  sift_down(agenda, 0);
  return contact;
}

/* A due contact that the cursor has yet to pass needs no entry, and must have none: it
 * would be handed out twice. */
void agenda_put(Agenda *agenda, guint32 contact, gint64 due_ms)
{
  if (contact >= agenda->cursor && ledger_state(agenda->ledger, contact) == CONTACT_DUE) {
    agenda->fresh++;
    return;
  }
  Entry added = { due_ms, contact };
  g_array_append_val(agenda->again, added);
  sift_up(agenda, agenda->again->len - 1);
}

static guint32 take_fresh(Agenda *agenda)
{
  while (ledger_state(agenda->ledger, agenda->cursor) != CONTACT_DUE)
    agenda->cursor++;
  agenda->fresh--;
  return agenda->cursor++;
}

guint32 agenda_take(Agenda *agenda, gint64 now_ms)
{
  if (agenda->again->len > 0 && entry(agenda, 0)->due_ms <= now_ms)
    return take_first(agenda);
  return agenda->fresh > 0 ? take_fresh(agenda) : 0;
}

/* Only the part of the heap that is due is visited. */
static guint count_due(const Agenda *agenda, guint index, gint64 now_ms, guint at_most)
{
  if (at_most == 0 || index >= agenda->again->len || entry(agenda, index)->due_ms > now_ms)
    return 0;
  guint count = 1 + count_due(agenda, 2 * index + 1, now_ms, at_most - 1);
  return count + count_due(agenda, 2 * index + 2, now_ms, at_most - count);
}

guint agenda_ready(const Agenda *agenda, gint64 now_ms, guint at_most)
{
  if (agenda->fresh >= at_most)
    return at_most;
  return agenda->fresh + count_due(agenda, 0, now_ms, at_most - agenda->fresh);
}

gint64 agenda_next_ms(const Agenda *agenda, gint64 now_ms)
{
  if (agenda->fresh > 0)
    return 0;
  if (agenda->again->len == 0)
    return G_MAXINT64;
  gint64 due = entry(agenda, 0)->due_ms;
  return due <= now_ms ? 0 : due;
}

typedef struct {
  Agenda *agenda;
  gint64 offset_ms;   /* from wall to monotonic */
} Deferred;

static void add_deferred(Ledger *ledger, guint32 contact, gpointer data)
{
  const Deferred *deferred = data;
  agenda_put(deferred->agenda, contact, ledger_due_ms(ledger, contact) + deferred->offset_ms);
}

Agenda *agenda_new(Ledger *ledger, gint64 wall_ms, gint64 now_ms)
{
  Agenda *agenda = g_new0(Agenda, 1);
  agenda->ledger = ledger;
  agenda->cursor = 1;
  agenda->fresh = ledger_count(ledger, CONTACT_DUE);
  agenda->again = g_array_new(FALSE, FALSE, sizeof(Entry));
  Deferred deferred = { agenda, now_ms - wall_ms };
  ledger_each(ledger, CONTACT_DEFERRED, add_deferred, &deferred);
  return agenda;
}

void agenda_clear(Agenda *agenda)
{
  agenda->fresh = 0;
  g_array_set_size(agenda->again, 0);
}

void agenda_free(Agenda *agenda)
{
  g_array_unref(agenda->again);
  g_free(agenda);
}
