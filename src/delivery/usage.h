/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/domains.h"
#include "delivery/record.h"

/* What this spool has sent lately, as far as a budget of the settings can care: after a
 * restart the paces are told, so that the limit of a day holds over that day, whatever
 * happens in it. An intent in a journal counts as a message sent. */

typedef struct Usage Usage;

/* now_ms: wall clock. NULL where no relay and no group of domains has a budget. */
Usage *usage_new(const Config *config, gint64 now_ms);
void usage_free(Usage *usage);

/* Takes an intent that is young enough; other records are passed over. */
void usage_take(Usage *usage, const Record *record);

/* The records taken since the last call were of a release whose contacts are in these
 * lanes, as domains_sort() gives them. */
void usage_sort(Usage *usage, const guint8 *lanes, guint32 contacts);

/* Takes the releases in done/. A journal that nobody has written to for as long as the
 * longest budget is not opened. */
void usage_take_done(Usage *usage, const Config *config, const Domains *domains);

/* In the order of their times, which are wall clock. */
typedef void (*UsageFunc)(gint64 wall_ms, const char *relay, guint lane, gpointer data);
void usage_each(Usage *usage, UsageFunc func, gpointer data);
