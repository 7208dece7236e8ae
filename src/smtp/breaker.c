/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/breaker.h"

enum { WAIT_FIRST_MS = 1000, WAIT_MAX_MS = 5 * 60 * 1000 };
/* In a row, of a relay that has proved itself. */
enum { TROUBLES_GRANTED = 2 };

static const char *const state_names[] = {
  [BREAKER_HEALTHY] = "healthy", [BREAKER_TROUBLE] = "trouble", [BREAKER_PROBING] = "probing",
};

const char *breaker_state_name(BreakerState state)
{
  return state_names[state];
}

static gint64 wait_after(guint tries)
{
  gint64 wait = WAIT_FIRST_MS;
  for (guint i = 1; i < tries && wait < WAIT_MAX_MS; i++)
    wait *= 2;
  return (gint64)((double)MIN(wait, WAIT_MAX_MS) * g_random_double_range(0.8, 1.2));
}

gint64 breaker_trouble(Breaker *breaker, gint64 now_ms)
{
  if (breaker_state(breaker, now_ms) == BREAKER_TROUBLE)
    return 0;
  breaker->troubles++;
  if (breaker->proven && breaker->troubles <= TROUBLES_GRANTED)
    return 0;
  breaker->proven = FALSE;
  breaker->tries++;
  gint64 wait = wait_after(breaker->tries);
  breaker->until_ms = now_ms + wait;
  return wait;
}

gboolean breaker_success(Breaker *breaker)
{
  gboolean recovered = breaker->tries > 0;
  *breaker = (Breaker){ .proven = TRUE };
  return recovered;
}

void breaker_hurry(Breaker *breaker, gint64 now_ms)
{
  breaker->until_ms = MIN(breaker->until_ms, now_ms);
}

BreakerState breaker_state(const Breaker *breaker, gint64 now_ms)
{
  if (breaker->tries == 0)
    return BREAKER_HEALTHY;
  return now_ms < breaker->until_ms ? BREAKER_TROUBLE : BREAKER_PROBING;
}

gint64 breaker_wait_ms(const Breaker *breaker, gint64 now_ms)
{
  return breaker->tries == 0 ? 0 : MAX(0, breaker->until_ms - now_ms);
}
