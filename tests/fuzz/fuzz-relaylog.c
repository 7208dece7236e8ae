/* SPDX-License-Identifier: Apache-2.0 */

/* A line of a relay's log, of which strangers wrote a part: what is taken from it stands in
 * it, and is there where its kind needs it. The first byte is the month in which it is read. */

#include <string.h>

#include "delivery/relaylog.h"
#include "fuzz.h"

static const gint64 NEAR_MS = G_GINT64_CONSTANT(1767225600000);   /* 2026-01-01T00:00:00Z */
static const gint64 MONTH_MS = G_GINT64_CONSTANT(2630000000);

static void check_part(const char *part, gboolean needed, const GString *line)
{
  g_assert_true(part != NULL || !needed);
  if (part != NULL) {
    g_assert_cmpuint(strlen(part), >, 0);
    g_assert_nonnull(memmem(line->str, line->len, part, strlen(part)));
  }
}

static void check_entry(const RelayLogEntry *entry, const GString *line)
{
  const RelayLogKind kind = entry->kind;

  g_assert_nonnull(entry->relay);
  check_part(entry->queue_id, kind == RELAY_LOG_COMING || kind == RELAY_LOG_QUEUED, line);
  check_part(entry->message_id, kind == RELAY_LOG_TAKEN, line);
  check_part(entry->address, kind == RELAY_LOG_FOR_ADDRESS, line);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  if (size < 1) {
    return 0;
  }
  g_autoptr(GString) line = fuzz_expand(data + 1, size - 1);
  const char *end = memchr(line->str, '\n', line->len);
  g_string_truncate(line, end != NULL ? (gsize)(end - line->str) : line->len);
  g_autofree char *bytes = fuzz_copy(line->str, line->len);
  g_auto(RelayLogEntry) entry = { 0 };

  if (relay_log_parse(bytes, line->len, NEAR_MS + data[0] % 12 * MONTH_MS, &entry)) {
    check_entry(&entry, line);
  } else {
    g_assert_true(entry.queue_id == NULL && entry.message_id == NULL && entry.address == NULL);
  }
  return 0;
}
