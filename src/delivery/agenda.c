/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/agenda.h"

#include <string.h>

typedef struct {
  gint64 due_ms;
  guint32 contact;
} Entry;

typedef struct {
  guint32 cursor;   /* contacts of the lane from here on may be fresh */
  guint32 fresh;    /* due contacts that were never handed out, all behind the cursor */
  gboolean fresh_next;   /* the last one handed out came again */
  GArray *again;    /* Entry: a binary heap, the earliest first */
} Lane;

struct Agenda {
  Ledger *ledger;
  const guint8 *of_contact;   /* lanes, or NULL */
  guint n_lanes;
  guint turn;                 /* the lane whose turn it is */
  guint aside;                /* contacts in the second half of lanes */
  Lane lanes[];               /* n_lanes, and as many for those set aside */
};

/* --- Those that come again --- */

static Entry *entry(const Lane *lane, guint index)
{
  return &g_array_index(lane->again, Entry, index);
}

static void swap(Lane *lane, guint a, guint b)
{
  Entry kept = *entry(lane, a);
  *entry(lane, a) = *entry(lane, b);
  *entry(lane, b) = kept;
}

static void sift_up(Lane *lane, guint index)
{
  while (index > 0) {
    guint parent = (index - 1) / 2;
    if (entry(lane, parent)->due_ms <= entry(lane, index)->due_ms)
      return;
    swap(lane, parent, index);
    index = parent;
  }
}

static void sift_down(Lane *lane, guint index)
{
  for (;;) {
    guint least = index;
    for (guint child = 2 * index + 1; child <= 2 * index + 2 && child < lane->again->len; child++)
      if (entry(lane, child)->due_ms < entry(lane, least)->due_ms)
        least = child;
    if (least == index)
      return;
    swap(lane, least, index);
    index = least;
  }
}

static guint32 take_first(Lane *lane)
{
  guint32 contact = entry(lane, 0)->contact;
  g_array_remove_index_fast(lane->again, 0);
  sift_down(lane, 0);
  return contact;
}

/* Only the part of the heap that is due is visited. */
static guint count_due(const Lane *lane, guint index, gint64 now_ms, guint at_most)
{
  if (at_most == 0 || index >= lane->again->len || entry(lane, index)->due_ms > now_ms)
    return 0;
  guint count = 1 + count_due(lane, 2 * index + 1, now_ms, at_most - 1);
  return count + count_due(lane, 2 * index + 2, now_ms, at_most - count);
}

/* --- A lane --- */

static gboolean is_due(const Lane *lane, gint64 now_ms)
{
  return lane->fresh > 0 || (lane->again->len > 0 && entry(lane, 0)->due_ms <= now_ms);
}

static guint lane_ready(const Lane *lane, gint64 now_ms, guint at_most)
{
  if (lane->fresh >= at_most)
    return at_most;
  return lane->fresh + count_due(lane, 0, now_ms, at_most - lane->fresh);
}

guint agenda_lane(const Agenda *agenda, guint32 contact)
{
  return agenda->of_contact != NULL ? agenda->of_contact[contact - 1] : 0;
}

/* The first contact from `contact` on that waits in lane; there is one. A release passes
 * over its lanes' bytes once a lane, as fast as memory is read. */
static guint32 next_in_lane(const Agenda *agenda, guint lane, guint32 contact)
{
  if (agenda->of_contact == NULL)
    return contact;
  const guint8 *from = agenda->of_contact + contact - 1;
  const guint8 *found = memchr(from, (int)lane, ledger_length(agenda->ledger) - contact + 1);
  return (guint32)(found - agenda->of_contact) + 1;
}

static guint32 take_fresh(Agenda *agenda, guint index)
{
  Lane *lane = &agenda->lanes[index];
  lane->cursor = next_in_lane(agenda, index, lane->cursor);
  while (ledger_state(agenda->ledger, lane->cursor) != CONTACT_DUE)
    lane->cursor = next_in_lane(agenda, index, lane->cursor + 1);
  lane->fresh--;
  return lane->cursor++;
}

/* Those that come again and fresh ones take turns: a contact at which the relay always
 * stumbles must not be the first after every pause. */
static guint32 take_from(Agenda *agenda, guint index, gint64 now_ms)
{
  Lane *lane = &agenda->lanes[index];
  gboolean again = lane->again->len > 0 && entry(lane, 0)->due_ms <= now_ms;
  again = again && (lane->fresh == 0 || !lane->fresh_next);
  lane->fresh_next = again;
  return again ? take_first(lane) : take_fresh(agenda, index);
}

static guint room(const Agenda *agenda, const LaneGate *gate, guint index)
{
  Needs needed = index < agenda->n_lanes ? NEEDS_NOTHING : NEEDS_SMTPUTF8;
  if (gate == NULL)
    return G_MAXUINT;
  return (gate->needs & needed) != 0 ? gate->room(gate->data, index % agenda->n_lanes) : 0;
}

/* --- All lanes --- */

static guint count_lanes(const Agenda *agenda)
{
  return 2 * agenda->n_lanes;
}

static void come_again(Lane *lane, guint32 contact, gint64 due_ms)
{
  Entry added = { due_ms, contact };
  g_array_append_val(lane->again, added);
  sift_up(lane, lane->again->len - 1);
}

void agenda_set_aside(Agenda *agenda, guint32 contact, gint64 now_ms)
{
  come_again(&agenda->lanes[agenda->n_lanes + agenda_lane(agenda, contact)], contact, now_ms);
  agenda->aside++;
}

guint agenda_aside(const Agenda *agenda)
{
  return agenda->aside;
}

/* A due contact that its lane's cursor has yet to pass needs no entry, and must have none:
 * it would be handed out twice. */
void agenda_put(Agenda *agenda, guint32 contact, gint64 due_ms)
{
  Lane *lane = &agenda->lanes[agenda_lane(agenda, contact)];
  if (contact >= lane->cursor && ledger_state(agenda->ledger, contact) == CONTACT_DUE) {
    lane->fresh++;
    return;
  }
  come_again(lane, contact, due_ms);
}

guint32 agenda_take(Agenda *agenda, gint64 now_ms, const LaneGate *gate)
{
  for (guint i = 0; i < count_lanes(agenda); i++) {
    guint index = (agenda->turn + i) % count_lanes(agenda);
    if (!is_due(&agenda->lanes[index], now_ms) || room(agenda, gate, index) == 0)
      continue;
    agenda->turn = index + 1;
    agenda->aside -= index >= agenda->n_lanes;
    return take_from(agenda, index, now_ms);
  }
  return 0;
}

guint agenda_ready(const Agenda *agenda, gint64 now_ms, guint at_most, const LaneGate *gate)
{
  guint count = 0;
  for (guint i = 0; i < count_lanes(agenda) && count < at_most; i++)
    if (is_due(&agenda->lanes[i], now_ms))
      count += lane_ready(&agenda->lanes[i], now_ms, MIN(at_most - count, room(agenda, gate, i)));
  return count;
}

gint64 agenda_next_ms(const Agenda *agenda, gint64 now_ms, const LaneGate *gate)
{
  gint64 next = G_MAXINT64;
  for (guint i = 0; i < count_lanes(agenda); i++) {
    const Lane *lane = &agenda->lanes[i];
    if (is_due(lane, now_ms) && room(agenda, gate, i) > 0)
      return 0;
    if (!is_due(lane, now_ms) && lane->again->len > 0)
      next = MIN(next, entry(lane, 0)->due_ms);
  }
  return next;
}

/* --- Life --- */

typedef struct {
  Agenda *agenda;
  gint64 offset_ms;   /* from wall to monotonic */
} Filling;

static void add_due(Ledger *ledger, guint32 contact, gpointer data)
{
  const Filling *filling = data;
  (void)ledger;
  filling->agenda->lanes[agenda_lane(filling->agenda, contact)].fresh++;
}

static void add_deferred(Ledger *ledger, guint32 contact, gpointer data)
{
  const Filling *filling = data;
  agenda_put(filling->agenda, contact, ledger_due_ms(ledger, contact) + filling->offset_ms);
}

Agenda *agenda_new(Ledger *ledger, Lanes lanes, gint64 wall_ms, gint64 now_ms)
{
  Agenda *agenda = g_malloc0(sizeof *agenda + 2 * lanes.count * sizeof(Lane));
  agenda->ledger = ledger;
  agenda->of_contact = lanes.of_contact;
  agenda->n_lanes = lanes.count;
  for (guint i = 0; i < count_lanes(agenda); i++)
    agenda->lanes[i] = (Lane){ .cursor = 1, .again = g_array_new(FALSE, FALSE, sizeof(Entry)) };
  Filling filling = { agenda, now_ms - wall_ms };
  ledger_each(ledger, CONTACT_DUE, add_due, &filling);
  ledger_each(ledger, CONTACT_DEFERRED, add_deferred, &filling);
  return agenda;
}

void agenda_clear(Agenda *agenda)
{
  for (guint i = 0; i < count_lanes(agenda); i++) {
    agenda->lanes[i].fresh = 0;
    g_array_set_size(agenda->lanes[i].again, 0);
  }
  agenda->aside = 0;
}

void agenda_free(Agenda *agenda)
{
  for (guint i = 0; i < count_lanes(agenda); i++)
    g_array_unref(agenda->lanes[i].again);
  g_free(agenda);
}
