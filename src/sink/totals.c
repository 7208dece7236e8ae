/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/totals.h"

void totals_connection_opened(Totals *totals)
{
  totals_add(totals, TOTAL_CONNECTIONS, 1);
  guint64 now_open = totals_add(totals, TOTAL_OPEN, 1);
  if (now_open > totals_get(totals, TOTAL_PEAK)) {
    atomic_store_explicit(&totals->count[TOTAL_PEAK], now_open, memory_order_relaxed);
  }
}

void totals_connection_closed(Totals *totals)
{
  atomic_fetch_sub_explicit(&totals->count[TOTAL_OPEN], 1, memory_order_relaxed);
}

void totals_print(Totals *totals, FILE *stream)
{
  static const struct {
    const char *name;
    Total total;
  } shown[] = {
    {"connections", TOTAL_CONNECTIONS},
    {"messages", TOTAL_MESSAGES},
    {"refused-recipients", TOTAL_REFUSED_RECIPIENTS},
    {"octets", TOTAL_OCTETS},
    {"peak-connections", TOTAL_PEAK},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(shown); i++) {
    fprintf(stream, "%s%s=%" G_GUINT64_FORMAT, i > 0 ? " " : "", shown[i].name,
            totals_get(totals, shown[i].total));
  }
  fputc('\n', stream);
  fflush(stream);
}
