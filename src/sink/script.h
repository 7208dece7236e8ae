/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "sink/fault.h"

/* A Script is the list of rules that says when and how the server misbehaves.
 * The language is described in dateline-sink(1). A script is first filled, then
 * consulted by any number of threads; the counters of its rules belong to the
 * whole server. */

typedef enum {
  STAGE_CONNECT,
  STAGE_EHLO,
  STAGE_HELO,
  STAGE_STARTTLS,
  STAGE_AUTH,
  STAGE_MAIL,
  STAGE_RCPT,
  STAGE_DATA,
  STAGE_BODY,
  STAGE_BDAT,
  STAGE_DOT,
  STAGE_RSET,
  STAGE_QUIT,
  STAGE_NOOP,
  STAGE_COUNT,
} Stage;

/* What a rule's conditions look at. Everything is borrowed. */
typedef struct {
  guint64 connection;
  guint64 open;            /* connections, this one among them */
  guint message;           /* of the connection: the one that is being sent, or the next one */
  gboolean tls;
  const char *sender;      /* empty where there is none */
  const char *recipients;  /* strings one after the other, an empty one at their end */
} Situation;

typedef struct Script Script;

Script *script_new(void);
void script_free(Script *script);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Script, script_free)

/* Adds the rules of a text, one a line. origin names the text in messages. What is
 * wrong is appended to problems, a line a problem: "origin:line:column: …". */
void script_add(Script *script, const char *origin, const char *text, GString *problems);

/* The first rule that applies, borrowed, or NULL. */
const Fault *script_consult(Script *script, Stage stage, const Situation *situation);
