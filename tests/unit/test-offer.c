/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/offer.h"

typedef struct {
  const char *ehlo;
  Offer offer;
} Sample;

static const Sample samples[] = {
  { "", { 0 } },
  { "PIPELINING", { 0 } },   /* the first line is a greeting */
  { "mail.example.org\nPIPELINING\nSIZE 1000\nCHUNKING\nSMTPUTF8\nAUTH PLAIN LOGIN",
    { .pipelining = TRUE, .chunking = TRUE, .smtputf8 = TRUE, .auth = TRUE,
      .envelope_extensions = ENVELOPE_SIZE, .size_limit = 1000 } },
  { "mail.example.org\npipelining\nsize", { .pipelining = TRUE, .envelope_extensions = ENVELOPE_SIZE } },
  { "mail.example.org\nSIZE 0\nXCHUNKING\nCHUNKINGX", { .envelope_extensions = ENVELOPE_SIZE } },
  { "mail.example.org\nSIZE nonsense\n\n \nAUTH=LOGIN",
    { .envelope_extensions = ENVELOPE_SIZE } },
  { "mail.example.org\nSIZE 99999999999999999999999",
    { .envelope_extensions = ENVELOPE_SIZE, .size_limit = G_MAXUINT64 } },
  { "mail.example.org\nDSN\nSIZE", { .envelope_extensions = ENVELOPE_SIZE | ENVELOPE_DSN } },
};

static void test_samples(void)
{
  RelaySettings relay = { .dsn = DSN_AUTO };
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    Offer found = offer_read(samples[i].ehlo, &relay), wanted = samples[i].offer;
    g_test_message("sample %" G_GSIZE_FORMAT, i);
    g_assert_cmpint(found.pipelining, ==, wanted.pipelining);
    g_assert_cmpint(found.chunking, ==, wanted.chunking);
    g_assert_cmpint(found.smtputf8, ==, wanted.smtputf8);
    g_assert_cmpint(found.auth, ==, wanted.auth);
    g_assert_cmpuint(found.envelope_extensions, ==, wanted.envelope_extensions);
    g_assert_cmpuint(found.size_limit, ==, wanted.size_limit);
  }
}

static void test_what_the_settings_forbid(void)
{
  RelaySettings relay = { .dsn = DSN_OFF };
  Offer found = offer_read("mail.example.org\nDSN\nPIPELINING", &relay);
  g_assert_cmpuint(found.envelope_extensions, ==, 0);
  g_assert_true(found.pipelining);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/offer/samples", test_samples);
  g_test_add_func("/offer/settings", test_what_the_settings_forbid);
  return g_test_run();
}
