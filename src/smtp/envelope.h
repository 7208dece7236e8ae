/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* The envelope of a message as commands: MAIL and RCPT with the parameters of the extensions
 * that the relay offers, and no others.
 *
 * A line has at most the 512 octets of RFC 5321 section 4.5.3.1.4 and what each of its
 * parameters may add. A parameter that would be longer than its extension allows is left
 * out, never cut: all of them can be done without. */

/* One message to one recipient. The host makes it and embeds it in something larger; it
 * belongs to the session from next_job() to settled(). */
typedef struct Job Job;
struct Job {
  const char *return_path;   /* envelope sender, "" for the null one */
  const char *mailbox;       /* RCPT TO */
  gboolean needs_smtputf8;
  guint64 size;              /* estimate for SIZE (RFC 1870) */
  /* What a report names the message by (ENVID), made when it is wanted; NULL: nothing. */
  const char *(*envelope_id)(Job *job);
  guint dsn_notify;          /* a set of DsnNotify; none: what the relay does by itself */
  DsnReturn dsn_return;
};

/* The extensions that have parameters here, as a set. SMTPUTF8 is not among them: whoever
 * needs it cannot do without, which is for the session to see. */
typedef enum {
  ENVELOPE_SIZE = 1 << 0,   /* RFC 1870 */
  ENVELOPE_DSN = 1 << 1,    /* RFC 3461 */
} EnvelopeExtension;

/* keyword: of a line of the answer to EHLO; 0 where it is none of these, or one that the
 * relay's settings forbid. */
guint envelope_extension(const char *keyword, const RelaySettings *relay);

/* Replace what is in line by the command, CRLF included. extensions: a set of those offered. */
void envelope_write_mail(GString *line, Job *job, guint extensions);
void envelope_write_rcpt(GString *line, const Job *job, guint extensions);
