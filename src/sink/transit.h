/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A Transit holds replies that have been said and have not yet arrived: each is under way
 * for the same time, whatever is said or heard meanwhile, as over a long line. (What a
 * fault delays is not said before its time, and holds up the conversation; see outlet.h.) */

typedef struct Transit Transit;

Transit *transit_new(void);
void transit_free(Transit *transit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transit, transit_free)

/* The octets arrive at the time due (monotonic, microseconds), which is none before that of
 * those added earlier. */
void transit_add(Transit *transit, const char *octets, gsize length, gint64 due);

/* Gives the octets (borrowed) that may arrive at the time now and returns their number;
 * transit_sent tells how many did. */
gsize transit_peek(Transit *transit, gint64 now, const char **octets);
void transit_sent(Transit *transit, gsize length);

/* When the next octets arrive, or 0 if none are under way. */
gint64 transit_due(const Transit *transit);
