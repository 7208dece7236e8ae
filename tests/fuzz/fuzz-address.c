/* SPDX-License-Identifier: Apache-2.0 */

/* Addresses. What is taken fits into a command as it is, and is taken again as the same. */

#include <string.h>

#include "base/address.h"
#include "base/limits.h"
#include "fuzz.h"

/* A name, or an address literal (RFC 5321 section 4.1.3). */
static void check_domain(const char *domain)
{
  gboolean literal = *domain == '[' && g_str_has_suffix(domain, "]");
  const char *known = literal ? "[]abcdefipv0123456789.:" : "abcdefghijklmnopqrstuvwxyz0123456789-.";
  g_autofree char *lower = g_ascii_strdown(domain, -1);

  g_assert_cmpuint(strspn(lower, known), ==, strlen(domain));
  g_assert_true(literal || g_str_equal(domain, lower));
}

static void check_address(const Address *address)
{
  const char *mailbox = address->mailbox, *domain = strrchr(mailbox, '@') + 1;

  g_assert_true(g_utf8_validate(mailbox, -1, NULL));
  g_assert_cmpuint(strlen(mailbox), <=, LIMIT_ADDRESS);
  g_assert_cmpuint((gsize)(domain - 1 - mailbox), <=, LIMIT_LOCAL_PART);
  check_domain(domain);
  g_assert_cmpint(address->needs_smtputf8, ==, !g_str_is_ascii(mailbox));
  for (const char *at = mailbox; *at != '\0'; at = g_utf8_next_char(at)) {
    g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
  }
  g_assert_true(*mailbox == '"' || strpbrk(mailbox, " <>\"") == NULL);
}

static void check_again(const Address *address)
{
  g_auto(Address) again = { 0 };
  g_autoptr(GError) error = NULL;

  g_assert_true(address_parse(address->mailbox, &again, &error));
  g_assert_no_error(error);
  g_assert_cmpstr(again.mailbox, ==, address->mailbox);
  g_assert_cmpstr(again.key, ==, address->key);
}

static void check_error(const GError *error)
{
  g_assert_nonnull(error);
  g_assert_true(error->domain == ADDRESS_ERROR);
  g_assert_true(g_utf8_validate(error->message, -1, NULL));
  g_assert_cmpuint(strcspn(error->message, "\r\n"), ==, strlen(error->message));
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup((const char *)data, size);
  g_auto(Address) address = { 0 }, in_mailbox = { 0 };
  g_autofree char *name = NULL;
  g_autoptr(GError) error = NULL;

  if (address_parse(text, &address, &error)) {
    check_address(&address);
    check_again(&address);
  } else {
    check_error(error);
    g_clear_error(&error);
  }
  if (mailbox_parse(text, &name, &in_mailbox, &error)) {
    check_address(&in_mailbox);
    check_again(&in_mailbox);
    g_assert_true(name == NULL || g_utf8_validate(name, -1, NULL));
  } else {
    check_error(error);
  }
  return 0;
}
