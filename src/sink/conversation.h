/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sink/body.h"
#include "sink/client.h"
#include "sink/letter.h"
#include "sink/path.h"

/* The inside of a Client. Private to client.c, which holds the conversation, and to
 * transaction.c, which holds the mail transaction within it. */

typedef enum {
  MODE_COMMAND,
  MODE_RESPONSE,  /* to a challenge of AUTH */
  MODE_BODY,      /* behind DATA */
  MODE_CHUNK,     /* behind BDAT */
} Mode;

/* A mail transaction, from MAIL on. */
typedef struct {
  gboolean open;           /* MAIL was accepted */
  Path sender;
  GString *recipients;     /* each with a NUL behind it */
  guint recipient_count;
  GString *trace;          /* for the Maildir, else empty */
  gboolean refused_any;    /* a RCPT */
  char unique[48];         /* the message's name, once it has begun: "3-17" */
  guint64 received;        /* octets of the body, with stuffed dots */
  const Fault *body_fault; /* to happen in the middle of the body, or NULL */
  gboolean in_chunks;      /* BDAT has begun the message */
} Transaction;

struct Client {
  Service *service;
  Outlet *outlet;
  guint64 number;
  guint messages;          /* begun */
  Mode mode;
  gboolean more;           /* input stands behind what is being handled */
  gboolean skipping;       /* to the end of a line that is too long */
  gboolean turned_away;    /* the greeting was a refusal */
  gboolean greeted;        /* HELO or EHLO was accepted */
  gboolean extended;       /* it was EHLO */
  GString *name;           /* that HELO or EHLO gave */
  char *tls;               /* the protocol, or NULL */
  char *user;              /* authenticated, or NULL */
  Auth *auth;              /* while AUTH goes on */
  Transaction transaction;
  Letter *letter;
  BodyState body;
  guint64 chunk_left;
  gboolean chunk_last;
  const char *chunk_problem;  /* the chunk is thrown away, and this is the reply */
  GString *reply;          /* working space for one reply */
  GString *scratch;        /* and for what becomes of it */
};

/* --- client.c --- */

/* The script's word on what happens now; recipients as in Situation. */
const Fault *client_consult(Client *client, Stage stage, const char *recipients);

/* Replies, as the fault (which may be NULL) has it. */
void client_reply(Client *client, const Fault *fault, const char *proper);

/* Replies to what the script has no say in. */
void client_say(Client *client, const char *reply);

/* Consults and replies. Returns the first digit of the reply. */
char client_answer(Client *client, Stage stage, const char *proper);

/* With strict: the client sent more than it may before it has this reply. */
void client_refuse_haste(Client *client);

/* --- transaction.c --- */

void transaction_init(Transaction *transaction);
void transaction_clear(Transaction *transaction);
void transaction_reset(Client *client);

void transaction_mail(Client *client, char *argument);
void transaction_rcpt(Client *client, char *argument);
void transaction_data(Client *client, char *argument);
void transaction_bdat(Client *client, char *argument);

/* Take input in MODE_BODY and MODE_CHUNK, and return how much they took. */
gsize transaction_take_body(Client *client, const char *octets, gsize length);
gsize transaction_take_chunk(Client *client, const char *octets, gsize length);
