/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/script.h"

#include <fnmatch.h>
#include <stdatomic.h>
#include <string.h>

#include "sink/rule.h"

struct Script {
  GPtrArray *stages[STAGE_COUNT];  /* of Rule, in the order of the script */
};

Script *script_new(void)
{
  Script *script = g_new0(Script, 1);
  for (gsize i = 0; i < STAGE_COUNT; i++) {
    script->stages[i] = g_ptr_array_new_with_free_func((GDestroyNotify)rule_free);
  }
  return script;
}

void script_free(Script *script)
{
  if (script == NULL) {
    return;
  }
  for (gsize i = 0; i < STAGE_COUNT; i++) {
    g_ptr_array_unref(script->stages[i]);
  }
  g_free(script);
}

void script_add(Script *script, const char *origin, const char *text, GString *problems)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    Rule *rule = rule_parse(origin, i + 1, lines[i], problems);
    if (rule != NULL) {
      g_ptr_array_add(script->stages[rule->stage], rule);
    }
  }
}

static gboolean glob_fits(const char *glob, const char *address)
{
  return fnmatch(glob, address, FNM_NOESCAPE | FNM_CASEFOLD) == 0;
}

static gboolean any_recipient_fits(const char *glob, const char *recipients)
{
  for (const char *address = recipients; *address != '\0'; address += strlen(address) + 1) {
    if (glob_fits(glob, address)) {
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean rule_fits(const Rule *rule, const Situation *situation)
{
  TlsCondition tls = situation->tls ? TLS_WITH : TLS_WITHOUT;
  return (rule->connection == 0 || rule->connection == situation->connection) &&
         (rule->message == 0 || rule->message == situation->message) &&
         (rule->crowd == 0 || situation->open > rule->crowd) &&
         (rule->tls == TLS_EITHER || rule->tls == tls) &&
         (rule->from == NULL || glob_fits(rule->from, situation->sender)) &&
         (rule->match == NULL || any_recipient_fits(rule->match, situation->recipients));
}

/* Counts the event and says whether the rule is meant by it. */
static gboolean rule_counts(Rule *rule)
{
  guint64 seen = atomic_fetch_add(&rule->seen, 1) + 1;
  if (seen <= rule->after) {
    return FALSE;
  }
  guint64 place = seen - rule->after;
  if ((rule->first > 0 && place > rule->first) || (rule->every > 0 && place % rule->every != 0)) {
    return FALSE;
  }
  return rule->limit == 0 || atomic_fetch_add(&rule->fired, 1) < rule->limit;
}

const Fault *script_consult(Script *script, Stage stage, const Situation *situation)
{
  const GPtrArray *rules = script->stages[stage];
  for (guint i = 0; i < rules->len; i++) {
    Rule *rule = g_ptr_array_index(rules, i);
    if (rule_fits(rule, situation) && rule_counts(rule)) {
      return &rule->fault;
    }
  }
  return NULL;
}
