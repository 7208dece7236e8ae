/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "contacts/roster.h"
#include "content/message.h"
#include "delivery/terms.h"

/* What it takes to accept a drop: the one place that brings text, channel and lists
 * together, for the daemon, which accepts, and for `dateline check` and `preview`, which
 * only look. */

typedef struct {
  Draft *draft;
  Message *message;      /* bound to the roster's columns where there is a roster */
  Terms terms;           /* owner, name and received_ms are the caller's to fill in */
  RosterCounts counts;
} Acceptance;

/* source: the drop. channel: its name, or NULL for the default. workspace: folder for
 * roster.db and encoded attachments, or NULL: nothing is written. All findings go to
 * report; the fields are filled as far as the drop could be understood, and wholly when
 * the report has no errors. FALSE with error when something failed that is not the
 * drop's fault (the disk): then nothing may be concluded. */
gboolean acceptance_prepare(const Config *config, const char *source, const char *channel,
                            const char *workspace, Acceptance *acceptance, Report *report,
                            GError **error);
void acceptance_clear(Acceptance *acceptance);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Acceptance, acceptance_clear)
