/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* An Outlet holds the replies on their way out of one connection. Replies
 * gather in it and leave in one write. A fault can put octets into parcels, of
 * which each leaves only some time after the one before it, and can set an
 * ending: what becomes of the connection once everything has left. While
 * parcels wait or an ending is set, the outlet is busy: nobody may add to it,
 * and the conversation takes no more input. */

typedef enum {
  ENDING_NONE,
  ENDING_QUIT,       /* close; the client said QUIT and sends no more */
  ENDING_CLOSE,      /* close, but so that the client still reads what was sent */
  ENDING_RESET,      /* close with a TCP reset */
  ENDING_HANG,       /* stay open, say and read nothing more */
  ENDING_HANDSHAKE,  /* go on inside TLS */
} Ending;

typedef struct Outlet Outlet;

Outlet *outlet_new(void);
void outlet_free(Outlet *outlet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outlet, outlet_free)

void outlet_add(Outlet *outlet, const char *octets, gsize length);

/* A parcel: length octets (which may be none) that leave wait milliseconds after
 * the former parcel, or after now for the first. */
void outlet_add_later(Outlet *outlet, guint wait, const char *octets, gsize length);

/* The first ending stays; ENDING_NONE changes nothing. */
void outlet_set_ending(Outlet *outlet, Ending ending);
void outlet_clear_ending(Outlet *outlet);

gboolean outlet_is_busy(const Outlet *outlet);

/* Gives the octets (borrowed) that may leave at the time now (monotonic,
 * microseconds) and returns their number; outlet_sent tells how many did. */
gsize outlet_peek(Outlet *outlet, gint64 now, const char **octets);
void outlet_sent(Outlet *outlet, gsize length);

/* When the next parcel is due (monotonic, microseconds), or 0 if none waits. */
gint64 outlet_due(const Outlet *outlet);

/* The ending, or ENDING_NONE as long as something has not left. */
Ending outlet_ending(const Outlet *outlet);
