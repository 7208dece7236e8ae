/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* CRC-32C (Castagnoli; RFC 3720 appendix B.4), with the processor's instruction
 * where it has one (SSE 4.2). crc32c(0, "123456789", 9) is 0xE3069283. A running
 * value may be continued by passing it as crc. Thread-safe. */
guint32 crc32c(guint32 crc, const void *data, gsize length);

/* The same, never with the instruction: what crc32c() falls back to. */
guint32 crc32c_portable(guint32 crc, const void *data, gsize length);
