/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/reply.h"

/* What a reply means for a message, and whom it concerns. One table in verdict.c, which
 * datelined(8) shows, decides; nothing else in the program looks at reply codes of a
 * transaction. */

typedef enum {
  STAGE_CONNECT,   /* up to and including EHLO, STARTTLS and AUTH */
  STAGE_MAIL,
  STAGE_RCPT,
  STAGE_DATA,
  STAGE_BODY,      /* between 354 and the last byte of the final dot */
  STAGE_DOT,       /* after it */
  STAGE_RSET,
  STAGE_QUIT,
  STAGE_COUNT
} SmtpStage;
const char *stage_name(SmtpStage stage);

typedef enum {
  VERDICT_PROCEED,   /* the stage is passed; at STAGE_DOT: sent */
  VERDICT_DEFER,     /* try this contact again later; costs an attempt */
  VERDICT_BOUNCE,    /* never again; final */
  VERDICT_RETURN,    /* not this contact's fault: it is due as before */
  VERDICT_IN_DOUBT,  /* nobody can know whether the message was taken */
} Verdict;

typedef enum {
  SCOPE_RECIPIENT,
  SCOPE_RELEASE,     /* the message or its sender: the same for every recipient */
  SCOPE_CONNECTION,  /* this connection cannot go on */
  SCOPE_LOAD,        /* the relay asks for less at a time; with VERDICT_DEFER only perhaps, for
                        a receiver's greylisting looks the same */
  SCOPE_RELAY,       /* the relay cannot take mail at present */
} Scope;

typedef struct {
  Verdict verdict;
  Scope scope;
  gboolean close;        /* the connection must not be used any more */
  const char *meaning;   /* in a few words, for people; static */
} Judgement;

Judgement verdict_of_reply(SmtpStage stage, const Reply *reply);

/* No reply can come any more (closed, reset, timed out, out of step) while stage was
 * waited for. Only once the final dot has begun to leave is anything in doubt
 * (RFC 1047). */
Judgement verdict_of_silence(SmtpStage stage);

/* The rows of the table as text, "stages<TAB>reply<TAB>verdict<TAB>scope<TAB>meaning", one a
 * line: the manual is held against it. Caller frees. */
char *verdict_table(void);
