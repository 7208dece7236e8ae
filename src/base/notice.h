/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The log's lines that others may wait for: milestones of a release, and trouble that
 * somebody should see. Each has a MESSAGE_ID in systemd's journal, under which
 * systemd/dateline.catalog explains it, and fields to search by. Never one a recipient: what
 * became of each is in the release's own journal. Other lines are g_message() and its kin. */
typedef enum {
  NOTICE_STARTED,
  NOTICE_STOPPED,
  NOTICE_RELOADED,
  NOTICE_RELOAD_REFUSED,
  NOTICE_ACCEPTED,
  NOTICE_REFUSED,
  NOTICE_STATE,              /* a release's state, but for the next two */
  NOTICE_HELD,
  NOTICE_IN_DOUBT,
  NOTICE_JOURNAL_TROUBLE,
  NOTICE_JOURNAL_WORKS,
  NOTICE_RELAY_TROUBLE,
  NOTICE_RELAY_WORKS,
  NOTICE_DISK_HANGS,
  NOTICE_DISK_ANSWERS,
  NOTICES
} Notice;

/* NULL: the line has no such field. */
typedef struct {
  const char *release;       /* DATELINE_RELEASE=, its id */
  const char *state;         /* DATELINE_STATE= */
  const char *relay;         /* DATELINE_RELAY=, its name */
  const char *reason;        /* DATELINE_REASON= */
} NoticeFields;

/* MESSAGE= is made of format. From any thread. */
void notice(Notice what, NoticeFields fields, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* 32 hexadecimal digits. */
const char *notice_id(Notice what);
