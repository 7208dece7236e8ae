/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/doubts.h"

/* dateline settle --from-log: looks for the messages of doubts (Doubt *) in the logs of
 * relays (paths; "-" is standard input), has settled what they prove, and prints what was
 * settled, how, and by which line. resend_absent: messages that are not in logs that would
 * have them are due again. Returns an exit status of sysexits(3). */
int looking_settle(const Config *config, const Summary *summary, const GPtrArray *doubts,
                   const char *const *paths, gboolean resend_absent);
