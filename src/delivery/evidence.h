/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What the logs of relays prove about messages of which nobody knows whether they were
 * taken. Memory goes with the number of these messages, not with the size of the logs. */

typedef enum {
  EVIDENCE_NONE,    /* the logs do not mention the message */
  EVIDENCE_HINT,    /* about that time a message to the same address was taken: no proof */
  EVIDENCE_BEGUN,   /* the relay saw the message come in, and not that it took it: no proof */
  EVIDENCE_TAKEN,   /* the relay took it */
} EvidenceGrade;

typedef struct {
  EvidenceGrade grade;
  const char *relay;   /* the program that wrote the line; static, as all below NULL for NONE */
  char *file;
  guint64 number;      /* of the line */
  char *line;
} EvidenceFinding;

typedef struct Evidence Evidence;

Evidence *evidence_new(void);
void evidence_free(Evidence *evidence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Evidence, evidence_free)

/* A message to be looked for, without the brackets of its Message-ID: when it was intended,
 * and when it turned out to be in doubt. token: of its return path (base/verp.h), or "".
 * Returns its number, from 0 on. All of them before the first evidence_read(). */
guint evidence_seek(Evidence *evidence, const char *message_id, const char *address,
                    const char *token, gint64 intended_ms, gint64 doubt_ms);

/* Reads one log, "-" for standard input. Older ones first: what was begun in one may end in
 * the next. */
gboolean evidence_read(Evidence *evidence, const char *path, GError **error);

/* The best there is. */
const EvidenceFinding *evidence_finding(const Evidence *evidence, guint number);

/* Whether there are lines of a relay that tells Message-IDs from a minute before the
 * message was intended and from a minute after it was in doubt. Gaps in between cannot be
 * seen. */
gboolean evidence_covers(const Evidence *evidence, guint number);

/* Of all logs: lines that a known relay wrote, and those that were too long to be read. */
guint64 evidence_understood(const Evidence *evidence);
guint64 evidence_passed_over(const Evidence *evidence);
