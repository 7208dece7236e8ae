/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "sink/outlet.h"

/* A Fault is what the server does instead of, or with, its proper reply. */

typedef struct {
  char *reply;      /* instead of the proper reply, without the final CRLF; or NULL */
  char *then;       /* one more reply that nobody asked for, or NULL */
  guint delay;      /* milliseconds before the reply */
  guint pause;      /* milliseconds after the reply, before `then` and the ending */
  guint lines;      /* the reply is filled up to so many lines */
  guint split;      /* the reply leaves in packets of so many octets */
  guint garbage;    /* octets of noise: before `reply` if there is one, else instead of a reply */
  guint cut;        /* only the first so many octets of the reply leave */
  guint mark;       /* at the stage body: after so many octets of the message */
  Ending ending;    /* NONE, CLOSE, RESET or HANG */
  gboolean accept_anyway;       /* DATA is answered with 354 although no recipient is left */
  gboolean close_after_accept;  /* take the message, close without a word */
} Fault;

/* The first digit of the reply that the client will get, where proper is the
 * server's own: '2' to '5', or 0 for no reply or noise. fault may be NULL. With
 * close_after_accept it is the digit of the reply that is withheld. */
char fault_verdict(const Fault *fault, const char *proper);

/* Puts the reply into the outlet. fault may be NULL; proper (no CRLF at its end)
 * may be NULL, for the middle of a body. general_delay (milliseconds) counts where
 * the fault has no delay. scratch is working space that is overwritten. */
void fault_deliver(const Fault *fault, const char *proper, guint general_delay, GString *scratch,
                   Outlet *outlet);
