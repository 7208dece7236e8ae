/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/outbox.h"

#include <string.h>

/* The connection of this test takes as many bytes at a time as room says, and then no more. */
static gsize room;
static GString *received;

IoResult connection_write(Connection *connection, const struct iovec *slices, int count,
                          gsize *written)
{
  (void)connection;
  *written = 0;
  if (room == 0)
    return IO_AGAIN;
  for (int i = 0; i < count && room > 0; i++) {
    gsize n = MIN(slices[i].iov_len, room);
    g_string_append_len(received, slices[i].iov_base, (gssize)n);
    *written += n;
    room -= n;
  }
  return IO_DONE;
}

/* Copies and borrowed bytes in turn, written in pieces of every size, while there is always
 * more: what arrives is what was added, in its order. */
static void test_a_stream_that_never_ends(void)
{
  static const char constant[] = "a constant that stays where it is";
  g_autoptr(GString) expected = g_string_new(NULL);
  Outbox *outbox = outbox_new();
  received = g_string_new(NULL);
  for (guint i = 0; i < 5000; i++) {
    g_autofree char *command = g_strdup_printf("command %u\r\n", i);
    outbox_add_copy(outbox, command, strlen(command));
    g_string_append(expected, command);
    if (i % 3 > 0) {
      outbox_add_bytes(outbox, constant, i % sizeof constant);
      g_string_append_len(expected, constant, (gssize)(i % sizeof constant));
    }
    room = i < 500 ? 0 : i % 90;
    g_assert_cmpint(outbox_flush(outbox, NULL), ==,
                    received->len + room < expected->len ? IO_AGAIN : IO_DONE);
    g_assert_cmpuint(outbox_queued(outbox), ==, expected->len);
    g_assert_cmpuint(outbox_written(outbox), ==, received->len);
  }
  room = G_MAXSIZE;
  g_assert_cmpint(outbox_flush(outbox, NULL), ==, IO_DONE);
  g_assert_cmpstr(received->str, ==, expected->str);
  outbox_free(outbox);
  g_string_free(received, TRUE);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/outbox/stream", test_a_stream_that_never_ends);
  return g_test_run();
}
