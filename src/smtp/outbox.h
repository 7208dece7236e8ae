/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/connection.h"

/* What a session has yet to write: commands, which are copied, and bodies, which stay where
 * the merge has them. It counts bytes from the beginning of the connection, so that the
 * session can tell whether a command has left before its reply arrived. */

typedef struct Outbox Outbox;

Outbox *outbox_new(void);
void outbox_free(Outbox *outbox);

void outbox_add_command(Outbox *outbox, const char *text, gsize length);
/* bytes must stay until they are written. */
void outbox_add_bytes(Outbox *outbox, const void *bytes, gsize length);

guint64 outbox_queued(const Outbox *outbox);    /* bytes ever added */
guint64 outbox_written(const Outbox *outbox);   /* of those, given away */

/* Writes until all is written (IO_DONE), the connection takes no more (IO_AGAIN), or is
 * gone (IO_CLOSED). */
IoResult outbox_flush(Outbox *outbox, Connection *connection);
