/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "delivery/record.h"

/* The terms on which a release was accepted: all that is needed to go on with it beside
 * its source and its roster. They are written into the journal once, so that a later
 * change of the configuration changes nothing about a release that is under way. */
typedef struct {
  char *uuid;          /* 36 characters; Message-IDs and boundaries come from it */
  char *channel;
  char *name;          /* of the drop */
  char *hash;          /* of its content, draft_hash() */
  guint owner;         /* uid of who dropped it */
  char *subject;       /* with merge tags, for people */
  char *from;          /* mailbox */
  char *reply_to;      /* mailbox, or NULL */
  char *return_path;   /* envelope sender, see base/verp.h */
  char *token_key;     /* secret that tokens are made with; NULL: older than tokens */
  guint dsn_notify;    /* a set of DsnNotify */
  DsnReturn dsn_return;
  char *list_name;     /* as readers see it */
  char *list_id;       /* RFC 2919 */
  char *language;
  gboolean html;       /* HTML in the text is passed on */
  InDoubtPolicy in_doubt;
  guint32 recipients;
  Rate rate;           /* of this release alone */
  gboolean urgent;     /* overtakes those that are not, and needs no hours */
  char *hours;         /* when it may be sent, see base/hours.h; NULL: always */
  guint64 skipped;     /* rows of the lists that are no recipients */
  guint64 suppressions;   /* the last entry of contacts/suppression.h that was heeded then */
  gint64 received_ms, accepted_ms;   /* wall clock, as are the next two */
  gint64 send_at_ms;   /* 0: at once */
  gint64 deadline_ms;  /* what is still due then is given up */
} Terms;

void terms_clear(Terms *terms);

/* The first lines of a journal, EVENT_RECEIVED and EVENT_ACCEPTED, numbered from 1, without
 * the file's version line; NULL where they do not fit into LIMIT_JOURNAL_LINE. Caller frees. */
GString *terms_to_journal(const Terms *terms);

/* Takes what record says of the terms; other events are passed over. */
void terms_read(Terms *terms, const Record *record);
