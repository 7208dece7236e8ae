/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include <string.h>
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

enum { BYTE_VALUES = 256 };

static const guint32 POLYNOMIAL = 0x82f63b78; /* 0x1edc6f41, bits reversed */

/* What each value of a byte does to the remainder; computed once. */
static const guint32 *remainders(void)
{
  static guint32 table[BYTE_VALUES];
  static gsize ready;

  if (g_once_init_enter(&ready)) {
    for (guint32 byte = 0; byte < BYTE_VALUES; byte++) {
      guint32 remainder = byte;
      for (int bit = 0; bit < 8; bit++) {
        remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? POLYNOMIAL : 0);
      }
      table[byte] = remainder;
    }
    g_once_init_leave(&ready, 1);
  }
  return table;
}

guint32 crc32c_portable(guint32 crc, const void *data, gsize length)
{
  const guint32 *table = remainders();
  const guint8 *byte = data;

  crc = ~crc;
  for (gsize i = 0; i < length; i++) {
    crc = table[(crc ^ byte[i]) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

#ifdef __x86_64__

__attribute__((target("sse4.2")))
static guint32 crc32c_sse42(guint32 crc, const void *data, gsize length)
{
  const guint8 *byte = data;
  guint64 remainder = ~crc;

  for (; length >= sizeof(guint64); length -= sizeof(guint64), byte += sizeof(guint64)) {
    guint64 word;
    memcpy(&word, byte, sizeof word); /* data need not be aligned */
    remainder = _mm_crc32_u64(remainder, word);
  }
  for (; length > 0; length--, byte++) {
    remainder = _mm_crc32_u8((guint32)remainder, *byte);
  }
  return ~(guint32)remainder;
}

guint32 crc32c(guint32 crc, const void *data, gsize length)
{
  return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, data, length)
                                          : crc32c_portable(crc, data, length);
}

#else

guint32 crc32c(guint32 crc, const void *data, gsize length)
{
  return crc32c_portable(crc, data, length);
}

#endif
