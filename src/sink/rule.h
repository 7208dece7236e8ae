/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sink/script.h"

/* One rule of a script: conditions, counters, and the fault. Private to script.c, which
 * applies rules, and rule.c, which reads them. */

typedef enum {
  TLS_EITHER,
  TLS_WITHOUT,
  TLS_WITH,
} TlsCondition;

typedef struct {
  Stage stage;
  char *match;       /* glob for one of the recipients, or NULL */
  char *from;        /* glob for the sender, or NULL */
  guint connection;  /* 0 for every one */
  guint message;     /* of the connection; 0 for every one */
  guint crowd;       /* only while more than so many connections are open; 0 for any number */
  TlsCondition tls;
  guint every, first, after, limit;  /* 0 where not given */
  Fault fault;
  _Atomic guint64 seen;   /* events that fulfilled the conditions */
  _Atomic guint64 fired;  /* counted only where there is a limit */
} Rule;

void rule_free(Rule *rule);

/* Reads one line. Returns NULL for an empty line or a comment, and also when something
 * is wrong, which is then appended to problems. */
Rule *rule_parse(const char *origin, guint line, const char *text, GString *problems);
