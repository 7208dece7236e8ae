/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/crc32c.h"

/* RFC 3720 appendix B.4, whose listing gives the bytes of each value in reverse. */
static void test_known_values(void)
{
  guint8 bytes[32];

  g_assert_cmphex(crc32c(0, "", 0), ==, 0);
  g_assert_cmphex(crc32c(0, "123456789", 9), ==, 0xe3069283);
  memset(bytes, 0, sizeof bytes);
  g_assert_cmphex(crc32c(0, bytes, sizeof bytes), ==, 0x8a9136aa);
  memset(bytes, 0xff, sizeof bytes);
  g_assert_cmphex(crc32c(0, bytes, sizeof bytes), ==, 0x62a8ab43);
  for (guint8 i = 0; i < sizeof bytes; i++) {
    bytes[i] = i;
  }
  g_assert_cmphex(crc32c(0, bytes, sizeof bytes), ==, 0x46dd794e);
}

/* Every length and alignment that the wide instruction treats differently. */
static void test_portable_agrees(void)
{
  guint8 bytes[80];

  for (guint i = 0; i < sizeof bytes; i++) {
    bytes[i] = (guint8)(i * 37 + 11);
  }
  for (gsize start = 0; start < 8; start++) {
    for (gsize length = 0; start + length <= sizeof bytes; length++) {
      g_assert_cmphex(crc32c(0x1234, bytes + start, length), ==,
                      crc32c_portable(0x1234, bytes + start, length));
    }
  }
}

static void test_continues(void)
{
  static const char text[] = "one line of a journal, in two pieces";

  for (gsize cut = 0; cut < sizeof text; cut++) {
    guint32 first = crc32c(0, text, cut);
    g_assert_cmphex(crc32c(first, text + cut, sizeof text - cut), ==, crc32c(0, text, sizeof text));
  }
}

static void test_sees_one_bit(void)
{
  char text[] = "to=anna@example.org";
  guint32 right = crc32c(0, text, sizeof text);

  for (gsize bit = 0; bit < sizeof text * 8; bit++) {
    text[bit / 8] ^= (char)(1 << (bit % 8));
    g_assert_cmphex(crc32c(0, text, sizeof text), !=, right);
    text[bit / 8] ^= (char)(1 << (bit % 8));
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/crc32c/known-values", test_known_values);
  g_test_add_func("/crc32c/portable-agrees", test_portable_agrees);
  g_test_add_func("/crc32c/continues", test_continues);
  g_test_add_func("/crc32c/sees-one-bit", test_sees_one_bit);
  return g_test_run();
}
