/* SPDX-License-Identifier: Apache-2.0 */

/* suppressed [ENTRIES]: how long it takes to know whether an address must not be mailed, in a
 * list of ENTRIES (a million) addresses: as sending asks when somebody was added since
 * acceptance, as it asks when nobody was, and as acceptance asks. In time of the processor, so
 * that others on the machine do not count. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/durable.h"
#include "contacts/suppression.h"

enum { ENTRIES = 1000000, LOOKUPS = 200000 };

static gint64 cpu_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void fill(Suppression *suppression, guint entries)
{
  g_autoptr(GError) error = NULL;
  gboolean good = suppression_begin(suppression, &error);
  for (guint i = 0; good && i < entries; i++) {
    g_autofree char *address = g_strdup_printf("person%u@domain%u.example", i, i % 50000);
    const SuppressionEntry entry = {.address = address, .scope = "all", .evidence = "a bench"};
    gboolean added;
    good = suppression_add(suppression, &entry, &added, &error);
  }
  if (!good || !suppression_commit(suppression, &error)) {
    g_error("%s", error->message);
  }
}

/* Half of them are on the list. Returns microseconds each. */
static double look_up(Suppression *suppression, guint entries)
{
  guint64 found = 0;
  const gint64 begin = cpu_us();
  for (guint i = 0; i < LOOKUPS; i++) {
    g_auto(Address) address = {0};
    SuppressionEntry entry;
    const guint person = g_random_int() % (2 * entries);
    char text[64];
    g_snprintf(text, sizeof text, "person%u@domain%u.example", person, person % 50000);
    if (!address_parse_exact(text, &address, NULL) ||
        !suppression_find(suppression, &address, "press", "alerts", &entry, NULL)) {
      g_error("a lookup failed");
    }
    found += entry.number != 0;
  }
  const gint64 taken = cpu_us() - begin;
  return found > 0 ? (double)taken / LOOKUPS : -1;
}

/* Nobody was added: all that is asked is the number of the last entry, each time in another
 * millisecond, which is more often than sending does. */
static double look_at_last(Suppression *suppression)
{
  guint64 number;
  const gint64 begin = cpu_us();
  for (gint64 i = 1; i <= LOOKUPS; i++) {
    suppression_last(suppression, i, &number, NULL);
  }
  return (double)(cpu_us() - begin) / LOOKUPS;
}

int main(int argc, char **argv)
{
  const guint entries = argc > 1 ? (guint)strtoul(argv[1], NULL, 10) : ENTRIES;
  g_autofree char *spool = g_dir_make_tmp("bench-suppressed-XXXXXX", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(Suppression) suppression = suppression_open(spool, SUPPRESSION_WRITE, &error);
  if (suppression == NULL || entries == 0) {
    fprintf(stderr, "suppressed: %s\n", error ? error->message : "how many entries?");
    return 1;
  }
  gint64 begin = cpu_us();
  fill(suppression, entries);
  printf("%u entries added in %.2f s\n", entries,
         (double)(cpu_us() - begin) / G_USEC_PER_SEC);
  printf("a lookup before a message, the list changed: %.2f us\n", look_up(suppression, entries));
  printf("a look whether the list changed: %.2f us\n", look_at_last(suppression));
  begin = cpu_us();
  suppression_begin_look(suppression, NULL);
  printf("made ready for acceptance in %.2f s\n",
         (double)(cpu_us() - begin) / G_USEC_PER_SEC);
  printf("a lookup at acceptance: %.2f us\n", look_up(suppression, entries));
  suppression_end_look(suppression);
  g_clear_pointer(&suppression, suppression_close);
  durable_remove_tree(spool, NULL);
  return 0;
}
