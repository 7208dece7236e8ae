/* SPDX-License-Identifier: Apache-2.0 */

/* The end of a message is found and its dots are unstuffed however the input is cut: every
 * text over a small alphabet, with every two cuts, against a slow and plain model. */

#include <string.h>

#include "sink/body.h"

enum { LENGTH = 7 };  /* octets of the texts that are all tried */

static void append(gpointer data, const char *octets, gsize length)
{
  g_string_append_len(data, octets, (gssize)length);
}

/* What body_read should do to the whole text: the length up to the end of the message, 0 if
 * it is not there, and what is in it. An unfinished text may hold back a dot and a CR. */
static gsize model(const char *text, gsize length, GString *expected)
{
  gboolean at_line = TRUE;
  for (gsize i = 0; i < length; i++) {
    if (at_line && text[i] == '.') {
      if (i + 2 < length && text[i + 1] == '\r' && text[i + 2] == '\n') {
        return i + 3;
      }
      at_line = FALSE;
      if (i + 2 == length && text[i + 1] == '\r') {
        return 0;
      }
      continue;
    }
    g_string_append_c(expected, text[i]);
    at_line = text[i] == '\n' && i > 0 && text[i - 1] == '\r';
  }
  return 0;
}

static void check_cuts(const char *text, gsize length, gsize first, gsize second,
                       const GString *expected, gsize expected_end, GString *got)
{
  const gsize cuts[] = {0, first, second, length};
  BodyState state = BODY_LINE;
  gsize used = 0;
  g_string_truncate(got, 0);
  for (gsize i = 0; i + 1 < G_N_ELEMENTS(cuts) && state != BODY_END; i++) {
    gsize piece = cuts[i + 1] - cuts[i];
    gsize read = body_read(&state, text + cuts[i], piece, append, got);
    g_assert_true(read == piece || state == BODY_END);
    used += read;
  }
  g_assert_cmpint(state == BODY_END, ==, expected_end > 0);
  g_assert_cmpuint(used, ==, expected_end > 0 ? expected_end : length);
  g_assert_true(g_string_equal(got, expected));
}

static void check_text(const char *text, gsize length, GString *expected, GString *got)
{
  g_string_truncate(expected, 0);
  gsize end = model(text, length, expected);
  for (gsize first = 0; first <= length; first++) {
    for (gsize second = first; second <= length; second++) {
      check_cuts(text, length, first, second, expected, end, got);
    }
  }
}

static void test_every_text_every_cut(void)
{
  static const char alphabet[] = {'.', '\r', '\n', 'x'};
  g_autoptr(GString) expected = g_string_new(NULL);
  g_autoptr(GString) got = g_string_new(NULL);
  for (guint number = 0; number < 1u << (2 * LENGTH); number++) {
    char text[LENGTH];
    for (guint i = 0; i < LENGTH; i++) {
      text[i] = alphabet[(number >> (2 * i)) & 3];
    }
    check_text(text, LENGTH, expected, got);
  }
}

static void test_octets_of_every_kind(void)
{
  static const char text[] = "a\0b\xff\r\n..\0\r\n\x80\n.\r\n.\r\r\n.\r\nnext";
  static const char kept[] = "a\0b\xff\r\n.\0\r\n\x80\n.\r\n\r\r\n";
  g_autoptr(GString) expected = g_string_new_len(kept, sizeof kept - 1);
  g_autoptr(GString) got = g_string_new(NULL);
  gsize length = sizeof text - 1;
  for (gsize first = 0; first <= length; first++) {
    for (gsize second = first; second <= length; second++) {
      check_cuts(text, length, first, second, expected, length - strlen("next"), got);
    }
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/sink/body/every-text-every-cut", test_every_text_every_cut);
  g_test_add_func("/sink/body/octets-of-every-kind", test_octets_of_every_kind);
  return g_test_run();
}
