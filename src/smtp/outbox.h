/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/connection.h"

/* What a session has yet to write: commands and merged values, which are copied, and the
 * constant bytes of bodies, which stay where they are. It counts bytes from the beginning of
 * the connection, so that the session can tell whether a command has left before its reply
 * arrived. Its memory is that of what waits to be written. */

typedef struct Outbox Outbox;

Outbox *outbox_new(void);
void outbox_free(Outbox *outbox);

void outbox_add_copy(Outbox *outbox, const void *bytes, gsize length);
/* bytes must stay until they are written. */
void outbox_add_bytes(Outbox *outbox, const void *bytes, gsize length);

guint64 outbox_queued(const Outbox *outbox);    /* bytes ever added */
guint64 outbox_written(const Outbox *outbox);   /* of those, given away */

/* Writes until all is written (IO_DONE), the connection takes no more (IO_AGAIN), or is
 * gone (IO_CLOSED). */
IoResult outbox_flush(Outbox *outbox, Connection *connection);
