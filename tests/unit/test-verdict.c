/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/verdict.h"

#include <string.h>

typedef struct {
  SmtpStage stage;
  guint code;
  const char *status;
  Verdict verdict;
  Scope scope;
  gboolean close;
} Case;

/* What the promises demand: a relay's trouble is never a recipient's. */
static const Case cases[] = {
  { STAGE_CONNECT, 554, "", VERDICT_RETURN, SCOPE_RELAY, TRUE },
  { STAGE_CONNECT, 421, "", VERDICT_RETURN, SCOPE_RELAY, TRUE },
  { STAGE_CONNECT, 421, "4.7.0", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_CONNECT, 450, "4.7.1", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_CONNECT, 454, "4.7.0", VERDICT_RETURN, SCOPE_RELAY, TRUE },
  { STAGE_MAIL, 421, "4.7.0", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_MAIL, 421, "4.3.2", VERDICT_RETURN, SCOPE_CONNECTION, TRUE },
  { STAGE_MAIL, 450, "4.7.1", VERDICT_RETURN, SCOPE_LOAD, FALSE },
  { STAGE_MAIL, 451, "4.3.0", VERDICT_RETURN, SCOPE_RELAY, TRUE },
  { STAGE_RCPT, 450, "4.7.1", VERDICT_DEFER, SCOPE_LOAD, FALSE },
  { STAGE_MAIL, 250, "2.1.0", VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE },
  { STAGE_MAIL, 451, "4.7.1", VERDICT_RETURN, SCOPE_LOAD, FALSE },
  { STAGE_MAIL, 452, "4.3.1", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_MAIL, 550, "5.7.1", VERDICT_RETURN, SCOPE_RELEASE, FALSE },
  { STAGE_MAIL, 552, "5.3.4", VERDICT_RETURN, SCOPE_RELEASE, FALSE },
  { STAGE_MAIL, 530, "5.7.0", VERDICT_RETURN, SCOPE_RELAY, TRUE },
  { STAGE_MAIL, 535, "", VERDICT_RETURN, SCOPE_RELAY, TRUE },
  { STAGE_RCPT, 250, "", VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE },
  { STAGE_RCPT, 251, "", VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE },
  { STAGE_RCPT, 450, "4.2.0", VERDICT_DEFER, SCOPE_RECIPIENT, FALSE },
  { STAGE_RCPT, 451, "4.3.0", VERDICT_RETURN, SCOPE_RELAY, TRUE },
  { STAGE_RCPT, 452, "4.2.2", VERDICT_DEFER, SCOPE_RECIPIENT, FALSE },
  { STAGE_RCPT, 452, "4.3.1", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_RCPT, 452, "", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_RCPT, 550, "5.1.1", VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE },
  { STAGE_RCPT, 552, "5.2.2", VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE },
  { STAGE_RCPT, 503, "", VERDICT_RETURN, SCOPE_CONNECTION, TRUE },
  { STAGE_RCPT, 421, "4.7.0", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_RCPT, 354, "", VERDICT_RETURN, SCOPE_CONNECTION, TRUE },
  { STAGE_DATA, 354, "", VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE },
  { STAGE_DATA, 250, "", VERDICT_RETURN, SCOPE_CONNECTION, TRUE },
  { STAGE_DATA, 451, "4.5.0", VERDICT_DEFER, SCOPE_RECIPIENT, FALSE },
  { STAGE_DATA, 554, "5.5.1", VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE },
  { STAGE_BODY, 250, "", VERDICT_RETURN, SCOPE_CONNECTION, TRUE },
  { STAGE_BODY, 554, "5.7.1", VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE },
  { STAGE_DOT, 250, "2.0.0", VERDICT_PROCEED, SCOPE_RECIPIENT, FALSE },
  { STAGE_DOT, 354, "", VERDICT_IN_DOUBT, SCOPE_CONNECTION, TRUE },
  { STAGE_DOT, 421, "", VERDICT_RETURN, SCOPE_CONNECTION, TRUE },
  { STAGE_DOT, 450, "4.7.1", VERDICT_DEFER, SCOPE_LOAD, FALSE },
  { STAGE_DOT, 452, "4.3.1", VERDICT_RETURN, SCOPE_LOAD, TRUE },
  { STAGE_DOT, 550, "5.7.1", VERDICT_BOUNCE, SCOPE_RECIPIENT, FALSE },
  { STAGE_DOT, 552, "5.3.4", VERDICT_RETURN, SCOPE_RELEASE, FALSE },
};

static void test_cases(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    Reply reply = { .code = cases[i].code, .text = "" };
    g_strlcpy(reply.status, cases[i].status, sizeof reply.status);
    Judgement judgement = verdict_of_reply(cases[i].stage, &reply);
    g_test_message("%s %u %s: %s", stage_name(cases[i].stage), cases[i].code, cases[i].status,
                   judgement.meaning);
    g_assert_cmpint(judgement.verdict, ==, cases[i].verdict);
    g_assert_cmpint(judgement.scope, ==, cases[i].scope);
    g_assert_cmpint(judgement.close, ==, cases[i].close);
  }
}

/* The words of a relay that takes mail from us for nobody. */
static void test_no_relaying(void)
{
  static const struct {
    const char *text;
    SmtpStage stage;
    Verdict verdict;
  } said[] = {
    {"<a@example.org>: Relay access denied", STAGE_RCPT, VERDICT_RETURN},
    {"relay not permitted", STAGE_RCPT, VERDICT_RETURN},
    {"<a.example.org[192.0.2.1]>: Client host rejected: Access denied", STAGE_RCPT,
     VERDICT_RETURN},
    {"<a@example.org>... Relaying denied", STAGE_RCPT, VERDICT_RETURN},
    {"SMTP; Unable to relay recipient in non-accepted domain", STAGE_RCPT, VERDICT_RETURN},
    {"relay.example.org knows no such user", STAGE_RCPT, VERDICT_BOUNCE},
    {"the policy of relay.example.org: access denied", STAGE_RCPT, VERDICT_BOUNCE},
    {"Relay access denied", STAGE_DOT, VERDICT_BOUNCE},
  };

  for (gsize i = 0; i < G_N_ELEMENTS(said); i++) {
    Reply reply = { .code = i % 2 == 0 ? 554 : 550, .status = "5.7.1", .text = said[i].text };
    Judgement judgement = verdict_of_reply(said[i].stage, &reply);
    g_test_message("%s", said[i].text);
    g_assert_cmpint(judgement.verdict, ==, said[i].verdict);
    g_assert_cmpint(judgement.scope, ==,
                    said[i].verdict == VERDICT_RETURN ? SCOPE_RELAY : SCOPE_RECIPIENT);
  }
}

/* Whatever a server says at whatever stage: there is a judgement, only the end of the data
 * can be a success for a message, and nothing but it can put one in doubt. */
static void test_every_code(void)
{
  for (int stage = STAGE_CONNECT; stage < STAGE_COUNT; stage++) {
    for (guint code = 200; code < 600; code++) {
      Reply reply = { .code = code, .text = "" };
      Judgement judgement = verdict_of_reply((SmtpStage)stage, &reply);
      g_assert_nonnull(judgement.meaning);
      if (stage == STAGE_BODY || stage == STAGE_CONNECT)
        g_assert_cmpint(judgement.verdict, !=, VERDICT_PROCEED);
      if (stage == STAGE_DOT)
        g_assert_cmpint(judgement.verdict == VERDICT_PROCEED, ==, code < 300);
      if (judgement.verdict == VERDICT_IN_DOUBT)
        g_assert_cmpint(stage, ==, STAGE_DOT);
      if (judgement.scope == SCOPE_CONNECTION)
        g_assert_true(judgement.close);
    }
  }
}

static void test_silence(void)
{
  for (int stage = STAGE_CONNECT; stage < STAGE_COUNT; stage++) {
    Judgement judgement = verdict_of_silence((SmtpStage)stage);
    g_assert_cmpint(judgement.verdict, ==, stage == STAGE_DOT ? VERDICT_IN_DOUBT : VERDICT_RETURN);
    g_assert_true(judgement.close);
  }
}

/* The manual shows the table that decides, row by row. */
static void test_manual(void)
{
  g_autofree char *page = NULL;
  g_autofree char *table = verdict_table();
  g_autoptr(GError) error = NULL;
  g_file_get_contents(MANUAL, &page, NULL, &error);
  g_assert_no_error(error);
  g_auto(GStrv) rows = g_strsplit(g_strchomp(table), "\n", -1);
  const char *at = strstr(page, "What a reply of a relay means");
  g_assert_nonnull(at);
  for (guint i = 0; rows[i] != NULL; i++) {
    g_auto(GStrv) cells = g_strsplit(rows[i], "\t", -1);
    g_autofree char *joined = g_strjoinv(" Ta ", cells);
    g_autofree char *item = g_strdup_printf("\n.It %s\n", joined);
    at = strstr(at, item);
    g_test_message("%s", item);
    g_assert_nonnull(at);
  }
}

static void test_table(void)
{
  g_autofree char *table = verdict_table();
  g_auto(GStrv) rows = g_strsplit(g_strchomp(table), "\n", -1);
  g_assert_cmpuint(g_strv_length(rows), >, 10);
  for (guint i = 0; rows[i] != NULL; i++) {
    g_auto(GStrv) cells = g_strsplit(rows[i], "\t", -1);
    g_assert_cmpuint(g_strv_length(cells), ==, 5);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/verdict/cases", test_cases);
  g_test_add_func("/verdict/no-relaying", test_no_relaying);
  g_test_add_func("/verdict/every-code", test_every_code);
  g_test_add_func("/verdict/silence", test_silence);
  g_test_add_func("/verdict/table", test_table);
  g_test_add_func("/verdict/manual", test_manual);
  return g_test_run();
}
