/* SPDX-License-Identifier: Apache-2.0 */

/* freeze LIST ROSTER [FIELD]…: freezes a list into a roster as acceptance does, with these
 * fields, and prints what it took: "rows selected seconds peak-KiB". For contacts.py. */

#include <stdio.h>
#include <string.h>

#include "contacts/roster.h"

/* The most memory that was resident, in KiB. */
static long peak_memory(void)
{
  g_autofree char *status = NULL;
  if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL)) {
    return 0;
  }
  const char *line = strstr(status, "VmHWM:");
  return line ? strtol(line + strlen("VmHWM:"), NULL, 10) : 0;
}

int main(int argc, char **argv)
{
  if (argc < 3) {
    fprintf(stderr, "usage: freeze LIST ROSTER [FIELD]...\n");
    return 64;
  }
  char name[] = "bench";
  ListSettings list = {.name = name, .file = argv[1]};
  g_autoptr(GPtrArray) lists = g_ptr_array_new();
  g_ptr_array_add(lists, &list);
  guint n_fields = (guint)argc - 3;
  g_autofree RosterField *fields = g_new0(RosterField, n_fields + 1);
  for (guint i = 0; i < n_fields; i++) {
    fields[i].name = argv[3 + i];
  }
  RosterCounts counts;
  g_autoptr(Report) report = report_new();
  g_autoptr(GError) error = NULL;
  gint64 begin = g_get_monotonic_time();
  const RosterPlan plan = {.lists = lists, .fields = fields, .n_fields = n_fields,
                           .missing = MISSING_BLANK};
  if (!roster_build(argv[2], &plan, &counts, report, &error)) {
    g_autofree char *text = report_to_text(report);
    fprintf(stderr, "freeze: %s\n%s", error ? error->message : "", text);
    return 1;
  }
  printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %.3f %ld\n", counts.rows,
         counts.fates[FATE_SELECTED],
         (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC, peak_memory());
  return 0;
}
