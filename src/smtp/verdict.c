/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/verdict.h"

#include <string.h>

#define STAGE_BIT(stage) (1u << (stage))
#define ANY_STAGE (STAGE_BIT(STAGE_COUNT) - 1)
#define RECIPIENT_STAGES \
  (STAGE_BIT(STAGE_RCPT) | STAGE_BIT(STAGE_DATA) | STAGE_BIT(STAGE_BODY) | STAGE_BIT(STAGE_DOT))

static const char *const stage_names[STAGE_COUNT] = {
  [STAGE_CONNECT] = "connect", [STAGE_MAIL] = "mail", [STAGE_RCPT] = "rcpt",
  [STAGE_DATA] = "data",       [STAGE_BODY] = "body", [STAGE_DOT] = "dot",
  [STAGE_RSET] = "rset",       [STAGE_QUIT] = "quit",
};

static const char *const verdict_names[] = {
  [VERDICT_PROCEED] = "proceed", [VERDICT_DEFER] = "defer",       [VERDICT_BOUNCE] = "bounce",
  [VERDICT_RETURN] = "return",   [VERDICT_IN_DOUBT] = "in doubt",
};

static const char *const scope_names[] = {
  [SCOPE_RECIPIENT] = "recipient", [SCOPE_RELEASE] = "release",
  [SCOPE_CONNECTION] = "connection", [SCOPE_LOAD] = "load", [SCOPE_RELAY] = "relay",
};

typedef struct {
  guint stages;            /* bits */
  guint first, last;       /* codes, both included */
  const char *status;      /* enhanced code without its class: ".3.4", ".7." a prefix; NULL: any;
                              NO_RELAYING: the text says so */
  Judgement judgement;
} Rule;

/* No code tells a relay that takes nobody's mail from us, for want of a login perhaps, from one
 * that refuses a recipient. These are the words of Postfix, Exim, Sendmail and Exchange. */
#define NO_RELAYING "no relaying"
static const char *const no_relaying_words[] = {
  "relay access denied", "client host rejected", "relay not permitted", "relaying denied",
  "unable to relay",
};

/* The first row that fits decides. Codes: RFC 5321 section 4.2, RFC 1870, RFC 3463,
 * RFC 4954. Before a recipient is named nothing can be held against one. */
static const Rule rules[] = {
  { STAGE_BIT(STAGE_CONNECT), 421, 421, ".7.",
    { VERDICT_RETURN, SCOPE_LOAD, TRUE, "too many connections for the relay" } },
  { STAGE_BIT(STAGE_CONNECT), 450, 452, NULL,
    { VERDICT_RETURN, SCOPE_LOAD, TRUE, "too many connections for the relay" } },
  { STAGE_BIT(STAGE_CONNECT), 400, 599, NULL,
    { VERDICT_RETURN, SCOPE_RELAY, TRUE, "the relay does not let us in" } },
  { ANY_STAGE, 421, 421, ".7.",
    { VERDICT_RETURN, SCOPE_LOAD, TRUE, "too much for the relay" } },
  { ANY_STAGE, 421, 421, NULL,
    { VERDICT_RETURN, SCOPE_CONNECTION, TRUE, "the relay closes the connection" } },
  { STAGE_BIT(STAGE_DOT), 200, 299, NULL,
    { VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE, "taken by the relay" } },
  { STAGE_BIT(STAGE_MAIL) | STAGE_BIT(STAGE_RCPT) | STAGE_BIT(STAGE_RSET) | STAGE_BIT(STAGE_QUIT),
    200, 299, NULL, { VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE, "accepted" } },
  { STAGE_BIT(STAGE_DATA), 354, 354, NULL,
    { VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE, "go ahead" } },
  { STAGE_BIT(STAGE_DOT), 300, 399, NULL,
    { VERDICT_IN_DOUBT, SCOPE_CONNECTION, TRUE, "an answer without meaning to the message" } },
  { ANY_STAGE, 200, 399, NULL,
    { VERDICT_RETURN, SCOPE_CONNECTION, TRUE, "an answer that does not belong here" } },
  { ANY_STAGE, 503, 503, NULL,
    { VERDICT_RETURN, SCOPE_CONNECTION, TRUE, "the relay has lost the thread" } },
  { ANY_STAGE, 530, 538, NULL,
    { VERDICT_RETURN, SCOPE_RELAY, TRUE, "the relay wants authentication or encryption" } },
  { STAGE_BIT(STAGE_RCPT), 550, 554, NO_RELAYING,
    { VERDICT_RETURN, SCOPE_RELAY, TRUE, "the relay does not relay for us" } },
  { ANY_STAGE, 400, 599, ".3.4",
    { VERDICT_RETURN, SCOPE_RELEASE, FALSE, "the message is too large for the relay" } },
  { STAGE_BIT(STAGE_MAIL), 552, 552, NULL,
    { VERDICT_RETURN, SCOPE_RELEASE, FALSE, "the message is too large for the relay" } },
  { RECIPIENT_STAGES, 552, 552, NULL,
    { VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE, "the mailbox is full" } },
  { RECIPIENT_STAGES, 452, 452, ".2.",
    { VERDICT_DEFER, SCOPE_RECIPIENT, FALSE, "the mailbox is full for now" } },
  { ANY_STAGE, 452, 452, NULL,
    { VERDICT_RETURN, SCOPE_LOAD, TRUE, "the relay has no room at present" } },
  { ANY_STAGE, 400, 499, ".3.",
    { VERDICT_RETURN, SCOPE_RELAY, TRUE, "the relay has trouble of its own" } },
  { STAGE_BIT(STAGE_MAIL), 450, 451, ".7.",
    { VERDICT_RETURN, SCOPE_LOAD, FALSE, "too much for the relay" } },
  { STAGE_BIT(STAGE_MAIL), 400, 499, NULL,
    { VERDICT_RETURN, SCOPE_RELAY, TRUE, "the relay takes no mail at present" } },
  { STAGE_BIT(STAGE_MAIL), 500, 599, NULL,
    { VERDICT_RETURN, SCOPE_RELEASE, FALSE, "the relay refuses the sender" } },
  { RECIPIENT_STAGES, 450, 451, ".7.",
    { VERDICT_DEFER, SCOPE_LOAD, FALSE, "not now" } },
  { RECIPIENT_STAGES, 400, 499, NULL,
    { VERDICT_DEFER, SCOPE_RECIPIENT, FALSE, "not now" } },
  { RECIPIENT_STAGES, 500, 599, NULL,
    { VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE, "refused" } },
  { ANY_STAGE, 0, 999, NULL,
    { VERDICT_RETURN, SCOPE_CONNECTION, TRUE, "the connection cannot go on" } },
};

const char *stage_name(SmtpStage stage)
{
  return stage_names[stage];
}

static gboolean says_no_relaying(const Reply *reply)
{
  for (gsize i = 0; i < G_N_ELEMENTS(no_relaying_words); i++) {
    if (strcasestr(reply->text, no_relaying_words[i]) != NULL)
      return TRUE;
  }
  return FALSE;
}

static gboolean status_fits(const Rule *rule, const Reply *reply)
{
  if (rule->status == NULL)
    return TRUE;
  if (g_str_equal(rule->status, NO_RELAYING))
    return says_no_relaying(reply);
  if (reply->status[0] == '\0')
    return FALSE;
  gsize length = strlen(rule->status);
  gboolean prefix = rule->status[length - 1] == '.';
  return prefix ? strncmp(reply->status + 1, rule->status, length) == 0
                : strcmp(reply->status + 1, rule->status) == 0;
}

Judgement verdict_of_reply(SmtpStage stage, const Reply *reply)
{
  for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
    const Rule *rule = &rules[i];
    if ((rule->stages & STAGE_BIT(stage)) != 0 && reply->code >= rule->first &&
        reply->code <= rule->last && status_fits(rule, reply))
      return rule->judgement;
  }
  g_assert_not_reached();
}

Judgement verdict_of_silence(SmtpStage stage)
{
  if (stage == STAGE_DOT)
    return (Judgement){ VERDICT_IN_DOUBT, SCOPE_CONNECTION, TRUE,
                        "the connection ended before the relay said whether it took the message" };
  if (stage == STAGE_CONNECT)
    return (Judgement){ VERDICT_RETURN, SCOPE_RELAY, TRUE, "the relay cannot be reached" };
  return (Judgement){ VERDICT_RETURN, SCOPE_CONNECTION, TRUE, "the connection was lost" };
}

static void append_stages(GString *text, guint stages)
{
  const char *separator = "";
  if (stages == ANY_STAGE) {
    g_string_append(text, "any");
    return;
  }
  for (guint stage = 0; stage < STAGE_COUNT; stage++) {
    if ((stages & STAGE_BIT(stage)) == 0)
      continue;
    g_string_append_printf(text, "%s%s", separator, stage_names[stage]);
    separator = " ";
  }
}

static void append_codes(GString *text, const Rule *rule)
{
  if (rule->first == rule->last)
    g_string_append_printf(text, "%u", rule->first);
  else if (rule->first == 0)
    g_string_append(text, "else");
  else
    g_string_append_printf(text, "%u-%u", rule->first, rule->last);
  if (rule->status != NULL)
    g_string_append_printf(text, " %s%s%s", rule->status[0] == '.' ? "x" : "", rule->status,
                           g_str_has_suffix(rule->status, ".") ? "x" : "");
}

char *verdict_table(void)
{
  GString *text = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
    const Rule *rule = &rules[i];
    append_stages(text, rule->stages);
    g_string_append_c(text, '\t');
    append_codes(text, rule);
    g_string_append_printf(text, "\t%s\t%s\t%s\n", verdict_names[rule->judgement.verdict],
                           scope_names[rule->judgement.scope], rule->judgement.meaning);
  }
  return g_string_free(text, FALSE);
}
