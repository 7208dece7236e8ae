/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "smtp/envelope.h"

enum { ALL = ENVELOPE_SIZE | ENVELOPE_DSN };

static const char *id;   /* of all jobs */

static const char *tell_id(G_GNUC_UNUSED Job *job)
{
  return id;
}

static Job make_job(const char *mailbox)
{
  id = "d1abc";
  return (Job){ .return_path = "b@example.org", .mailbox = mailbox, .size = 1234,
                .envelope_id = tell_id, .dsn_notify = DSN_FAILURE };
}

static void assert_mail(Job *job, guint extensions, const char *expected)
{
  g_autoptr(GString) line = g_string_new("left over");
  envelope_write_mail(line, job, extensions);
  g_assert_cmpstr(line->str, ==, expected);
}

static void assert_rcpt(const Job *job, guint extensions, const char *expected)
{
  g_autoptr(GString) line = g_string_new("left over");
  envelope_write_rcpt(line, job, extensions);
  g_assert_cmpstr(line->str, ==, expected);
}

static void test_only_what_is_offered(void)
{
  Job job = make_job("a@example.org");
  assert_mail(&job, 0, "MAIL FROM:<b@example.org>\r\n");
  assert_rcpt(&job, 0, "RCPT TO:<a@example.org>\r\n");
  assert_mail(&job, ENVELOPE_SIZE, "MAIL FROM:<b@example.org> SIZE=1234\r\n");
  assert_rcpt(&job, ENVELOPE_SIZE, "RCPT TO:<a@example.org>\r\n");
  assert_mail(&job, ENVELOPE_DSN, "MAIL FROM:<b@example.org> RET=HDRS ENVID=d1abc\r\n");
  assert_rcpt(&job, ALL,
              "RCPT TO:<a@example.org> NOTIFY=FAILURE ORCPT=rfc822;a@example.org\r\n");
  job.needs_smtputf8 = TRUE;
  assert_mail(&job, ALL,
              "MAIL FROM:<b@example.org> SIZE=1234 SMTPUTF8 RET=HDRS ENVID=d1abc\r\n");
}

static void test_extensions(void)
{
  RelaySettings relay = { .dsn = DSN_AUTO };
  g_assert_cmpuint(envelope_extension("dsn", &relay), ==, ENVELOPE_DSN);
  g_assert_cmpuint(envelope_extension("Size", &relay), ==, ENVELOPE_SIZE);
  g_assert_cmpuint(envelope_extension("DSNX", &relay), ==, 0);
  g_assert_cmpuint(envelope_extension("", &relay), ==, 0);
  relay.dsn = DSN_OFF;
  g_assert_cmpuint(envelope_extension("DSN", &relay), ==, 0);
  g_assert_cmpuint(envelope_extension("SIZE", &relay), ==, ENVELOPE_SIZE);
}

static void test_occasions(void)
{
  static const struct {
    guint set;
    const char *parameter;
  } cases[] = {
    {0, ""},
    {DSN_NEVER, " NOTIFY=NEVER"},
    {DSN_SUCCESS, " NOTIFY=SUCCESS"},
    {DSN_DELAY | DSN_FAILURE, " NOTIFY=FAILURE,DELAY"},
    {DSN_DELAY | DSN_FAILURE | DSN_SUCCESS, " NOTIFY=SUCCESS,FAILURE,DELAY"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    Job job = make_job("a@example.org");
    job.dsn_notify = cases[i].set;
    g_autofree char *expected = g_strdup_printf(
        "RCPT TO:<a@example.org>%s ORCPT=rfc822;a@example.org\r\n", cases[i].parameter);
    assert_rcpt(&job, ALL, expected);
  }
}

static void test_return(void)
{
  Job job = make_job("a@example.org");
  job.dsn_return = DSN_FULL;
  job.envelope_id = NULL;
  assert_mail(&job, ENVELOPE_DSN, "MAIL FROM:<b@example.org> RET=FULL\r\n");
}

static void test_null_return_path(void)
{
  Job job = make_job("a@example.org");
  job.return_path = "";
  assert_mail(&job, ALL, "MAIL FROM:<> SIZE=1234\r\n");
  assert_rcpt(&job, ALL, "RCPT TO:<a@example.org>\r\n");
}

static void test_hostile_addresses(void)
{
  static const struct {
    const char *mailbox, *original;
  } cases[] = {
    {"a+b=c@example.org", "rfc822;a+2Bb+3Dc@example.org"},
    {"\"a b\"@example.org", "rfc822;\"a+20b\"@example.org"},
    {"\"a\\\\+\\\"@x\"@example.org", "rfc822;\"a\\\\+2B\\\"@x\"@example.org"},
    {"\"> RCPT TO:<x\"@example.org", "rfc822;\">+20RCPT+20TO:<x\"@example.org"},
    {"büro@example.org", "utf-8;büro@example.org"},
    {"b+ü=o@example.org", "utf-8;b\\x{2B}ü\\x{3D}o@example.org"},
    {"\"ü \\\\\"@example.org", "utf-8;\"ü\\x{20}\\x{5C}\\x{5C}\"@example.org"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    Job job = make_job(cases[i].mailbox);
    g_autofree char *expected = g_strdup_printf("RCPT TO:<%s> NOTIFY=FAILURE ORCPT=%s\r\n",
                                                cases[i].mailbox, cases[i].original);
    assert_rcpt(&job, ALL, expected);
  }
}

static void test_envelope_id(void)
{
  Job job = make_job("a@example.org");
  g_autofree char *longest = g_strnfill(100, 'x');
  g_autofree char *longer = g_strnfill(101, 'x');
  g_autofree char *expected = g_strdup_printf("MAIL FROM:<b@example.org> RET=HDRS ENVID=%s\r\n",
                                              longest);
  id = "a +=\r\n";
  assert_mail(&job, ENVELOPE_DSN,
              "MAIL FROM:<b@example.org> RET=HDRS ENVID=a+20+2B+3D+0D+0A\r\n");
  id = longest;
  assert_mail(&job, ENVELOPE_DSN, expected);
  id = longer;
  assert_mail(&job, ENVELOPE_DSN, "MAIL FROM:<b@example.org> RET=HDRS\r\n");
}

/* The longest addresses there are, of characters that need most room. */
static void test_line_lengths(void)
{
  static const char *const octets[] = {"x", "+", "ü"};
  g_autofree char *domain = g_strnfill(189, 'd');
  for (guint i = 0; i < G_N_ELEMENTS(octets); i++) {
    g_autoptr(GString) mailbox = g_string_new(NULL);
    g_autoptr(GString) line = g_string_new(NULL);
    while (mailbox->len < 64)
      g_string_append(mailbox, octets[i]);
    g_string_append_printf(mailbox, "@%s", domain);
    Job job = make_job(mailbox->str);
    job.return_path = mailbox->str;
    job.needs_smtputf8 = i == 2;
    envelope_write_rcpt(line, &job, ALL);
    g_assert_cmpuint(line->len, <=, 512 + 28 + 500);
    g_assert_nonnull(strstr(line->str, " ORCPT="));
    envelope_write_mail(line, &job, ALL);
    g_assert_cmpuint(line->len, <=, 512);
  }
}

static void test_original_recipient_without_room(void)
{
  g_autoptr(GString) mailbox = g_string_new(NULL);
  while (mailbox->len < 62)
    g_string_append_c(mailbox, '+');
  g_string_append(mailbox, "ü@");
  while (mailbox->len < 254)
    g_string_append_c(mailbox, 'd');
  Job job = make_job(mailbox->str);
  g_autofree char *expected = g_strdup_printf("RCPT TO:<%s> NOTIFY=FAILURE\r\n", mailbox->str);
  assert_rcpt(&job, ALL, expected);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/envelope/only-what-is-offered", test_only_what_is_offered);
  g_test_add_func("/envelope/extensions", test_extensions);
  g_test_add_func("/envelope/occasions", test_occasions);
  g_test_add_func("/envelope/return", test_return);
  g_test_add_func("/envelope/null-return-path", test_null_return_path);
  g_test_add_func("/envelope/hostile-addresses", test_hostile_addresses);
  g_test_add_func("/envelope/envelope-id", test_envelope_id);
  g_test_add_func("/envelope/line-lengths", test_line_lengths);
  g_test_add_func("/envelope/original-recipient-without-room",
                  test_original_recipient_without_room);
  return g_test_run();
}
