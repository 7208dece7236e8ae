/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What a line of a relay's own log says. The forms that are known, of Postfix, Exim and
 * OpenSMTPD, are one table in relaylog.c: lines of the file that the relay writes, of
 * syslog, or of journalctl(1). A form holds from the line's beginning on, since behind
 * that stands what strangers said. */

typedef enum {
  /* A message with message_id is coming in under queue_id. It may still be refused. */
  RELAY_LOG_COMING,
  /* The message with queue_id is the relay's: it lies in its queue, or went through it. */
  RELAY_LOG_QUEUED,
  /* The message with message_id is the relay's. */
  RELAY_LOG_TAKEN,
  /* Some message from sender to address is the relay's since wall_ms; which one this log does
   * not say, unless the sender does. */
  RELAY_LOG_FOR_ADDRESS,
  /* The relay is one that tells Message-IDs, and its log is kept at this time. */
  RELAY_LOG_OTHER,
} RelayLogKind;

typedef struct {
  RelayLogKind kind;
  const char *relay;    /* which program wrote it: "Postfix"; static */
  gint64 wall_ms;
  char *queue_id, *message_id, *sender, *address;   /* NULL where there is none */
} RelayLogEntry;
void relay_log_entry_clear(RelayLogEntry *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RelayLogEntry, relay_log_entry_clear)

/* FALSE: it is none of these. Times without a zone are local ones; those without a year are
 * in the year that brings them nearest to near_ms. The line may be any bytes. */
gboolean relay_log_parse(const char *line, gsize length, gint64 near_ms, RelayLogEntry *entry);
