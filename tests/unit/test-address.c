/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "base/address.h"

/* --- What is taken. --- */

static const struct {
  const char *text, *mailbox, *key;
  gboolean needs_smtputf8;
} GOOD[] = {
  {"jane@example.org", "jane@example.org", "jane@example.org", FALSE},
  {"  jane@example.org\t", "jane@example.org", "jane@example.org", FALSE},
  {"\u00a0jane@example.org\u2003", "jane@example.org", "jane@example.org", FALSE},
  {"Jane.Doe@Example.ORG", "Jane.Doe@example.org", "jane.doe@example.org", FALSE},
  {"jane+news@example.org", "jane+news@example.org", "jane+news@example.org", FALSE},
  {"o'neill@example.org", "o'neill@example.org", "o'neill@example.org", FALSE},
  {"!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~@example.org",
   "!#$%&'*+-/=?^_`{|}~@example.org", FALSE},
  {"1@2.example", "1@2.example", "1@2.example", FALSE},
  {"a@b-c.example", "a@b-c.example", "a@b-c.example", FALSE},
  {"a@sub.sub.sub.example.org", "a@sub.sub.sub.example.org", "a@sub.sub.sub.example.org", FALSE},
  {"jane@ab--cd.example", "jane@ab--cd.example", "jane@ab--cd.example", FALSE},
  {"jane@[192.0.2.1]", "jane@[192.0.2.1]", "jane@[192.0.2.1]", FALSE},
  {"jane@[ipv6:2001:DB8:0::1]", "jane@[IPv6:2001:db8::1]", "jane@[IPv6:2001:db8::1]", FALSE},
  {"\"jane doe\"@example.org", "\"jane doe\"@example.org", "jane doe@example.org", FALSE},
  {"\"Jane\"@example.org", "\"Jane\"@example.org", "jane@example.org", FALSE},
  {"\"a@b\"@example.org", "\"a@b\"@example.org", "a@b@example.org", FALSE},
  {"\"a\\\"\\\\b\"@example.org", "\"a\\\"\\\\b\"@example.org", "a\"\\b@example.org", FALSE},
  {"\"\"@example.org", "\"\"@example.org", "@example.org", FALSE},
  {"jane@Bücher.example", "jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example", FALSE},
  {"jane@bu\u0308cher.example", "jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example", FALSE},
  {"jane@XN--BCHER-KVA.example", "jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example", FALSE},
  {"jane@faß.example", "jane@xn--fa-hia.example", "jane@xn--fa-hia.example", FALSE},
  {"jane@例え。テスト", "jane@xn--r8jz45g.xn--zckzah", "jane@xn--r8jz45g.xn--zckzah", FALSE},
  {"Übung@example.org", "Übung@example.org", "u\u0308bung@example.org", TRUE},
  {"U\u0308bung@example.org", "U\u0308bung@example.org", "u\u0308bung@example.org", TRUE},
  {"用户@例子.example", "用户@xn--fsqu00a.example", "用户@xn--fsqu00a.example", TRUE},
  {"\"Ünal B\"@example.org", "\"Ünal B\"@example.org", "u\u0308nal b@example.org", TRUE},
};

static void test_good(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(GOOD); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(Address) address = {0};
    g_assert_true(address_parse(GOOD[i].text, &address, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(address.mailbox, ==, GOOD[i].mailbox);
    g_assert_cmpstr(address.key, ==, GOOD[i].key);
    g_assert_cmpint(address.needs_smtputf8, ==, GOOD[i].needs_smtputf8);
  }
}

/* --- What is refused, and what the error says. --- */

static const struct {
  const char *text;
  AddressError code;
  const char *says;
} BAD[] = {
  {"", ADDRESS_ERROR_SYNTAX, "is empty"},
  {"   ", ADDRESS_ERROR_SYNTAX, "is empty"},
  {"jane", ADDRESS_ERROR_SYNTAX, "no @"},
  {"jane.example.org", ADDRESS_ERROR_SYNTAX, "no @"},
  {"@example.org", ADDRESS_ERROR_SYNTAX, "nothing stands before"},
  {"jane@", ADDRESS_ERROR_DOMAIN, "nothing stands after"},
  {"jane@example.org@example.org", ADDRESS_ERROR_SYNTAX, "more than one @"},
  {"a@example.org, b@example.org", ADDRESS_ERROR_SYNTAX, "more than one @"},
  {"jane@localhost", ADDRESS_ERROR_DOMAIN, "no dot"},
  {"jane@example.org.", ADDRESS_ERROR_DOMAIN, "a mark stands before or after it"},
  {"jane@example.123", ADDRESS_ERROR_DOMAIN, "ends in a number"},
  {"jane(work)@example.org", ADDRESS_ERROR_SYNTAX, "the character ( "},
  {"jane@[192.0.2.1", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[]", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[192.0.2.256]", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[192.0.2]", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[2001:db8::1]", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[IPv6:2001:db8::1::2]", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[IPv6:192.0.2.1]", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[192.0.2.1].org", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@[X400:abc]", ADDRESS_ERROR_DOMAIN, "no IP address"},
  {"jane@192.0.2.1", ADDRESS_ERROR_DOMAIN, "ends in a number"},
  {"jane@a_b.example", ADDRESS_ERROR_DOMAIN, "the character _"},
  {"jane@exa(mple.org", ADDRESS_ERROR_DOMAIN, "the character ("},
  {"jane@-a.example", ADDRESS_ERROR_DOMAIN, "hyphen"},
  {"jane@a-.example", ADDRESS_ERROR_DOMAIN, "hyphen"},
  {"jane@xn--zzzzz9999.example", ADDRESS_ERROR_DOMAIN, "not a valid name"},
  {"jane@\u0300a.example", ADDRESS_ERROR_DOMAIN, "not a valid name"},
  {"jane@a＿b.example", ADDRESS_ERROR_DOMAIN, "the character _"},
  {"ja\\ne@example.org", ADDRESS_ERROR_SYNTAX, "the character \\ "},
  {"\"jane@example.org@", ADDRESS_ERROR_SYNTAX, "no @"},
  {"\"ja\"ne@example.org", ADDRESS_ERROR_SYNTAX, "do not enclose"},
  {"\"jane\\\u00fc\"@example.org", ADDRESS_ERROR_SYNTAX, "after a \\"},
  {"jane\r@example.org", ADDRESS_ERROR_SYNTAX, "the character \\x0d"},
  {"jane@example.org\r\nRCPT TO:<eve@example.org>", ADDRESS_ERROR_SYNTAX, "the character \\x0d"},
  {"jane@example.org\n", ADDRESS_ERROR_SYNTAX, "the character \\x0a"},
  {"\"jane\x01\"@example.org", ADDRESS_ERROR_SYNTAX, "the character \\x01"},
  {"jane\x7f@example.org", ADDRESS_ERROR_SYNTAX, "the character \\x7f"},
  {"jane\xc2\x85@example.org", ADDRESS_ERROR_SYNTAX, "the character \\u0085"},
  {"ja\u202ene@exam@ple.org", ADDRESS_ERROR_SYNTAX, "the character \\u202e"},
  {"jane\xff@example.org", ADDRESS_ERROR_SYNTAX, "the byte \\xff is not UTF-8"},
  {"jane@exam\xc3", ADDRESS_ERROR_SYNTAX, "the byte \\xc3 is not UTF-8"},
};

static void assert_refused(const char *text, AddressError code, const char *says)
{
  g_autoptr(GError) error = NULL;
  g_auto(Address) address = {0};
  gboolean taken = address_parse(text, &address, &error);
  g_assert_false(taken);
  g_assert_error(error, ADDRESS_ERROR, (int)code);
  g_assert_null(address.mailbox);
  g_assert_null(address.key);
  if (!strstr(error->message, says)) {
    g_error("\"%s\" does not say \"%s\"", error->message, says);
  }
  for (const char *p = error->message; *p; p = g_utf8_next_char(p)) {
    g_assert_false(g_unichar_iscntrl(g_utf8_get_char(p)));
  }
  g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void test_bad(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
    assert_refused(BAD[i].text, BAD[i].code, BAD[i].says);
  }
}

/* --- What is suggested. --- */

static const struct {
  const char *text, *suggestion;
} SLIPS[] = {
  {"jane@example,org", "jane@example.org"},
  {"<jane@example.org>", "jane@example.org"},
  {"Jane <jane@example.org>", "jane@example.org"},
  {"\"Doe, Jane\" <jane@example.org>", "jane@example.org"},
  {"mailto:jane@example.org", "jane@example.org"},
  {"MAILTO:jane@example.org?subject=News", "jane@example.org"},
  {"jane doe@example.org", "janedoe@example.org"},
  {"jane@ example.org", "jane@example.org"},
  {"jane@exam\u200bple.org", "jane@example.org"},
  {"\ufeffjane@example.org", "jane@example.org"},
  {"jane@exam\u00adple.org", "jane@example.org"},
  {"jane@example.org.", "jane@example.org"},
  {"jane@example.org;", "jane@example.org"},
  {"'jane@example.org'", "jane@example.org"},
  {"\"jane@example.org\"", "jane@example.org"},
  {"jane@@example.org", "jane@example.org"},
  {"jane(at)example.org", "jane@example.org"},
  {"jane at example.org", "jane@example.org"},
  {"jane＠example.org", "jane@example.org"},
  {"jane..doe@example.org", "jane.doe@example.org"},
  {"jane@example..org", "jane@example.org"},
  {"jane.@example.org", "jane@example.org"},
  {"jane@.example.org", "jane@example.org"},
};

static void test_suggestions(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(SLIPS); i++) {
    g_autofree char *says = g_strdup_printf("did you mean \"%s\"?", SLIPS[i].suggestion);
    g_autoptr(GError) error = NULL;
    g_auto(Address) address = {0};
    g_assert_false(address_parse(SLIPS[i].text, &address, &error));
    g_assert_nonnull(error);
    if (!g_str_has_suffix(error->message, says)) {
      g_error("\"%s\" does not end in: %s", error->message, says);
    }
  }
}

static void test_exact(void)
{
  static const char *const EDGES[] = {" jane@example.org", "jane@example.org ",
                                      "jane@example.org\t", "\u00a0jane@example.org"};
  for (gsize i = 0; i < G_N_ELEMENTS(EDGES); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(Address) address = {0};
    g_assert_true(address_parse(EDGES[i], &address, &error));
    address_clear(&address);
    g_assert_false(address_parse_exact(EDGES[i], &address, &error));
    g_assert_true(g_str_has_suffix(error->message, "did you mean \"jane@example.org\"?"));
  }
}

/* --- Lengths. --- */

static char *make_address(gsize local, gsize domain)
{
  GString *text = g_string_new(NULL);
  for (gsize i = 0; i < local; i++) {
    g_string_append_c(text, 'l');
  }
  g_string_append_c(text, '@');
  for (gsize i = 1; i <= domain; i++) {
    g_string_append_c(text, i % 60 == 0 && i < domain ? '.' : 'd');
  }
  return g_string_free(text, FALSE);
}

static void test_lengths(void)
{
  static const struct {
    gsize local, domain;
    const char *says;  /* NULL: taken */
  } LENGTHS[] = {
    {64, 189, NULL},
    {64, 190, "255 bytes; at most 254"},
    {65, 100, "65 bytes; at most 64"},
    {1, 252, NULL},
    {1, 254, "254 bytes; at most 253"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(LENGTHS); i++) {
    g_autofree char *text = make_address(LENGTHS[i].local, LENGTHS[i].domain);
    if (LENGTHS[i].says) {
      assert_refused(text, ADDRESS_ERROR_LENGTH, LENGTHS[i].says);
    } else {
      g_auto(Address) address = {0};
      g_autoptr(GError) error = NULL;
      g_assert_true(address_parse(text, &address, &error));
      g_assert_cmpstr(address.mailbox, ==, text);
    }
  }
  g_autofree char *label = g_strdup_printf("a@%s.org", "0123456789012345678901234567890123456789"
                                                       "012345678901234567890123");
  assert_refused(label, ADDRESS_ERROR_LENGTH, "64 bytes; at most 63");
  g_autofree char *huge = g_strnfill(10 << 20, 'a');
  assert_refused(huge, ADDRESS_ERROR_LENGTH, "…\" is not a mail address: it is longer");
  g_autofree char *ats = g_strnfill(1 << 20, '@');
  assert_refused(ats, ADDRESS_ERROR_LENGTH, "longer");
}

/* --- Mailboxes with a name. --- */

static const struct {
  const char *text, *name, *mailbox;
} MAILBOXES[] = {
  {"press@example.org", NULL, "press@example.org"},
  {"<press@example.org>", NULL, "press@example.org"},
  {"\"\" <press@example.org>", NULL, "press@example.org"},
  {"Press Office <press@example.org>", "Press Office", "press@example.org"},
  {"  Press Office   <press@example.org> ", "Press Office", "press@example.org"},
  {"Press Office<press@example.org>", "Press Office", "press@example.org"},
  {"Dr. Jane O'Neill <jane@example.org>", "Dr. Jane O'Neill", "jane@example.org"},
  {"Büro für Presse <presse@bücher.example>", "Büro für Presse", "presse@xn--bcher-kva.example"},
  {"\"Office, Press\" <press@example.org>", "Office, Press", "press@example.org"},
  {"\"The \\\"Press\\\" <Office>\" <press@example.org>", "The \"Press\" <Office>",
   "press@example.org"},
  {"\"a<b>\"@example.org", NULL, "\"a<b>\"@example.org"},
};

static void test_mailboxes(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(MAILBOXES); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(Address) address = {0};
    g_autofree char *name = NULL;
    g_assert_true(mailbox_parse(MAILBOXES[i].text, &name, &address, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(name, ==, MAILBOXES[i].name);
    g_assert_cmpstr(address.mailbox, ==, MAILBOXES[i].mailbox);
  }
}

static void test_bad_mailboxes(void)
{
  static const struct {
    const char *text, *says;
  } BAD_MAILBOXES[] = {
    {"", "is empty"},
    {"Press Office", "no @"},
    {"Press <press@example,org>", "did you mean \"press@example.org\"?"},
    {"Office, Press <press@example.org>", "the character , in a name needs quotation marks"},
    {"a@example.org, b <c@example.org>", "the character @ in a name needs quotation marks"},
    {"\"Press\" Office <press@example.org>", "do not enclose all of the name"},
    {"Press\r\nBcc: eve@example.org <press@example.org>", "the character \\x0d"},
    {"Press\xff <press@example.org>", "the byte \\xff is not UTF-8"},
    {"Press <>", "is empty"},
    {"Press <press@example.org", "is not a mail address"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(BAD_MAILBOXES); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(Address) address = {0};
    g_autofree char *name = NULL;
    g_assert_false(mailbox_parse(BAD_MAILBOXES[i].text, &name, &address, &error));
    g_assert_nonnull(error);
    g_assert_null(name);
    g_assert_null(address.mailbox);
    if (!strstr(error->message, BAD_MAILBOXES[i].says)) {
      g_error("\"%s\" does not say \"%s\"", error->message, BAD_MAILBOXES[i].says);
    }
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/address/good", test_good);
  g_test_add_func("/address/bad", test_bad);
  g_test_add_func("/address/suggestions", test_suggestions);
  g_test_add_func("/address/exact", test_exact);
  g_test_add_func("/address/lengths", test_lengths);
  g_test_add_func("/address/mailboxes", test_mailboxes);
  g_test_add_func("/address/bad-mailboxes", test_bad_mailboxes);
  return g_test_run();
}
