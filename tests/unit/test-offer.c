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
    { .pipelining = TRUE, .chunking = TRUE, .smtputf8 = TRUE, .auth = TRUE, .size = TRUE,
      .size_limit = 1000 } },
  { "mail.example.org\npipelining\nsize", { .pipelining = TRUE, .size = TRUE } },
  { "mail.example.org\nSIZE 0\nXCHUNKING\nCHUNKINGX", { .size = TRUE } },
  { "mail.example.org\nSIZE nonsense\n\n \nAUTH=LOGIN", { .size = TRUE } },
  { "mail.example.org\nSIZE 99999999999999999999999", { .size = TRUE, .size_limit = G_MAXUINT64 } },
};

static void test_samples(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    Offer found = offer_read(samples[i].ehlo), wanted = samples[i].offer;
    g_test_message("sample %" G_GSIZE_FORMAT, i);
    g_assert_cmpint(found.pipelining, ==, wanted.pipelining);
    g_assert_cmpint(found.chunking, ==, wanted.chunking);
    g_assert_cmpint(found.smtputf8, ==, wanted.smtputf8);
    g_assert_cmpint(found.auth, ==, wanted.auth);
    g_assert_cmpint(found.size, ==, wanted.size);
    g_assert_cmpuint(found.size_limit, ==, wanted.size_limit);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/offer/samples", test_samples);
  return g_test_run();
}
