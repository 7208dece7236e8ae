/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sink/outlet.h"
#include "sink/service.h"

/* A Client is the server's side of one SMTP conversation: octets come in, replies
 * go to the outlet. It knows nothing of sockets, TLS records or time. */

typedef struct Client Client;

/* number: of the connection. All else is borrowed and outlives the client. */
Client *client_new(Service *service, Outlet *outlet, guint64 number);
void client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

void client_greet(Client *client);

/* TLS has been established; after STARTTLS the conversation begins anew. */
void client_secure(Client *client, const char *protocol);

/* Takes input as far as that goes now and returns how many octets it took. The rest
 * must be given again, with more behind it unless the outlet was busy. The octets
 * may be written over. */
gsize client_take(Client *client, char *octets, gsize length);
