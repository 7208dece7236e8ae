/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/throttle.h"

#include <math.h>

/* The first connection more after an event is tried after WIDEN_MS, the next after half of
 * that, and so on. */
enum { WINDOW_FIRST = 2, WIDEN_MS = 15 * 1000 };
/* After an event nothing new leaves for the pause, and what is refused until the end of the
 * event belongs to it. */
enum { PAUSE_MS = 500, EVENT_MS = 1000, CALM_MS = 10 * 1000 };
enum { PRESSED_MS = 2000 };
/* Without an event for so long, the rate is forgotten. */
enum { FORGET_MS = 10 * 60 * 1000 };
enum { SUSPICION_MS = 10 * 1000 };
/* No pause is so long that more than this is gained from it. */
enum { GROWTH_MS = 10 * 1000 };

static const double decrease = 0.87;        /* of what was accepted */
/* What is known falls by this at most, in one event, for a few seconds tell little of a slow
 * relay: when it follows closely upon another, and after a calm time. */
static const double known_decrease = 0.7, known_decrease_calm = 0.95;
static const double recovery_s = 10;        /* to what was accepted before, but not */
static const double recovery_messages = 40; /*   in fewer messages than these */
static const double growth = 0.05;          /* a second, beyond that */
static const double rate_least = 0.2;
static const double burst_s = 0.05;

void throttle_init(Throttle *throttle, guint connections, gint64 now_ms)
{
  *throttle = (Throttle){ .most = connections, .window = connections, .threshold = connections,
                           .filled_ms = now_ms };
  throttle_restart(throttle);
}

void throttle_restart(Throttle *throttle)
{
  throttle->window = MIN(WINDOW_FIRST, throttle->window);
}

/* --- The rate --- */

static void grow(Throttle *throttle, double seconds)
{
  double recovery = MAX(recovery_s, recovery_messages / throttle->known);
  double before = throttle->rate;
  throttle->rate += (1 - decrease) * throttle->known / recovery * seconds;
  if (before >= throttle->known)
    throttle->rate = MAX(throttle->rate, before * exp(growth * seconds));
}

static double capacity(const Throttle *throttle)
{
  return MAX(1, throttle->rate * burst_s);
}

/* A rate that nobody had to wait for proves nothing and does not grow. */
static void fill(Throttle *throttle, gint64 now_ms)
{
  gint64 passed = now_ms - throttle->filled_ms;
  gboolean pressed = throttle->pressed_ms >= throttle->filled_ms;
  if (passed <= 0)
    return;
  throttle->filled_ms = now_ms;
  if (throttle->rate > 0 && now_ms - throttle->event_ms > FORGET_MS)
    throttle->rate = 0;
  if (throttle->rate <= 0)
    return;
  throttle->tokens = MIN(capacity(throttle),
                         throttle->tokens + throttle->rate * (double)passed / 1000);
  if (pressed)
    grow(throttle, (double)MIN(passed, GROWTH_MS) / 1000);
}

static gint64 pause_left(const Throttle *throttle, gint64 now_ms)
{
  return throttle->event_ms == 0 ? 0 : MAX(0, throttle->event_ms + PAUSE_MS - now_ms);
}

gint64 throttle_wait_ms(Throttle *throttle, gint64 now_ms)
{
  gint64 wait = 0;
  fill(throttle, now_ms);
  if (throttle->rate > 0 && throttle->tokens < 1) {
    throttle->pressed_ms = now_ms;
    wait = (gint64)ceil((1 - throttle->tokens) / throttle->rate * 1000);
  }
  return MAX(wait, pause_left(throttle, now_ms));
}

gboolean throttle_take(Throttle *throttle, gint64 now_ms)
{
  if (throttle_wait_ms(throttle, now_ms) > 0)
    return FALSE;
  if (throttle->rate > 0)
    throttle->tokens -= 1;
  return TRUE;
}

static void lower_rate(Throttle *throttle, gint64 calm_ms, gint64 now_ms)
{
  double least = throttle->known * (calm_ms < CALM_MS ? known_decrease : known_decrease_calm);
  double accepted = MAX(rate_least, meter_rate(&throttle->accepted, now_ms));
  throttle->known = throttle->rate > 0 ? MAX(accepted, least) : accepted;
  double lowered = decrease * throttle->known;
  throttle->rate = MAX(rate_least, throttle->rate > 0 ? MIN(lowered, throttle->rate) : lowered);
  throttle->tokens = MIN(throttle->tokens, 0);
}

/* --- Connections --- */

/* After a calm time there were only a few too many. */
static void narrow(Throttle *throttle, gint64 calm_ms, gint64 now_ms)
{
  guint surplus = calm_ms < CALM_MS ? throttle->window / 2 : (throttle->window + 3) / 4;
  throttle->window = MAX(1, throttle->window - MIN(surplus, throttle->window));
  throttle->threshold = throttle->window;
  throttle->widened_ms = now_ms;
  throttle->widen_wait_ms = WIDEN_MS;
}

static gboolean widen(Throttle *throttle, gint64 now_ms)
{
  gboolean quickly = throttle->window < throttle->threshold;
  if (throttle->window >= throttle->most ||
      (!quickly && now_ms - throttle->widened_ms < throttle->widen_wait_ms))
    return FALSE;
  throttle->window++;
  throttle->widened_ms = now_ms;
  if (!quickly)
    throttle->widen_wait_ms /= 2;
  return TRUE;
}

/* --- What the relay says --- */

gboolean throttle_accepted(Throttle *throttle, gint64 now_ms)
{
  meter_count(&throttle->accepted, now_ms);
  return widen(throttle, now_ms);
}

/* How long there was no event before this one; -1: it belongs to the last one. */
static gint64 begin_event(Throttle *throttle, gint64 now_ms)
{
  gint64 calm = throttle->event_ms == 0 ? 0 : now_ms - throttle->event_ms;
  if (throttle->event_ms != 0 && calm < EVENT_MS)
    return -1;
  throttle->event_ms = now_ms;
  return calm;
}

gboolean throttle_crowded(Throttle *throttle, gint64 now_ms)
{
  gint64 calm = begin_event(throttle, now_ms);
  if (calm < 0)
    return FALSE;
  narrow(throttle, calm, now_ms);
  return TRUE;
}

/* Where the rate is what kept messages back, the connections were not too many. */
gboolean throttle_refused(Throttle *throttle, gint64 now_ms)
{
  fill(throttle, now_ms);
  gint64 calm = begin_event(throttle, now_ms);
  if (calm < 0)
    return FALSE;
  if (throttle->rate <= 0 || now_ms - throttle->pressed_ms > PRESSED_MS)
    narrow(throttle, calm, now_ms);
  lower_rate(throttle, calm, now_ms);
  return TRUE;
}

static void forget_old_suspects(Throttle *throttle, gint64 now_ms)
{
  guint kept = 0;
  for (guint i = 0; i < throttle->n_suspects; i++)
    if (now_ms - throttle->suspects[i].at_ms < SUSPICION_MS)
      throttle->suspects[kept++] = throttle->suspects[i];
  throttle->n_suspects = kept;
}

gboolean throttle_suspected(Throttle *throttle, guint domain, gint64 now_ms)
{
  forget_old_suspects(throttle, now_ms);
  for (guint i = 0; i < throttle->n_suspects; i++)
    if (throttle->suspects[i].domain == domain)
      return FALSE;
  throttle->suspects[throttle->n_suspects].domain = domain;
  throttle->suspects[throttle->n_suspects].at_ms = now_ms;
  if (++throttle->n_suspects < THROTTLE_SUSPECTS)
    return FALSE;
  throttle->n_suspects = 0;
  return throttle_refused(throttle, now_ms);
}

guint throttle_connections(const Throttle *throttle)
{
  return throttle->window;
}

double throttle_rate(const Throttle *throttle)
{
  return throttle->rate;
}
