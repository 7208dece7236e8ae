/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/outbox.h"

enum { SLICES_PER_WRITE = 64 };

typedef struct {
  const char *base;   /* NULL: the buffer of commands, which moves when it grows */
  gsize offset;
  gsize length;
} Slice;

struct Outbox {
  GByteArray *commands;
  GArray *slices;     /* Slice; those before head have been written */
  guint head;
  guint64 queued, written;
};

Outbox *outbox_new(void)
{
  Outbox *outbox = g_new0(Outbox, 1);
  outbox->commands = g_byte_array_new();
  outbox->slices = g_array_new(FALSE, FALSE, sizeof(Slice));
  return outbox;
}

void outbox_free(Outbox *outbox)
{
  g_byte_array_unref(outbox->commands);
  g_array_unref(outbox->slices);
  g_free(outbox);
}

static Slice *slice_at(const Outbox *outbox, guint index)
{
  return &g_array_index(outbox->slices, Slice, index);
}

void outbox_add_bytes(Outbox *outbox, const void *bytes, gsize length)
{
  Slice slice = { .base = bytes, .length = length };
  g_array_append_val(outbox->slices, slice);
  outbox->queued += length;
}

void outbox_add_command(Outbox *outbox, const char *text, gsize length)
{
  Slice slice = { .offset = outbox->commands->len, .length = length };
  guint count = outbox->slices->len;
  g_byte_array_append(outbox->commands, (const guint8 *)text, (guint)length);
  outbox->queued += length;
  if (count > outbox->head && slice_at(outbox, count - 1)->base == NULL)
    slice_at(outbox, count - 1)->length += length;
  else
    g_array_append_val(outbox->slices, slice);
}

guint64 outbox_queued(const Outbox *outbox)
{
  return outbox->queued;
}

guint64 outbox_written(const Outbox *outbox)
{
  return outbox->written;
}

static int gather(const Outbox *outbox, struct iovec *vectors)
{
  int count = 0;
  for (guint i = outbox->head; i < outbox->slices->len && count < SLICES_PER_WRITE; i++) {
    const Slice *slice = slice_at(outbox, i);
    const char *base = slice->base != NULL ? slice->base : (char *)outbox->commands->data;
    vectors[count++] = (struct iovec){ (char *)base + slice->offset, slice->length };
  }
  return count;
}

static void drop(Outbox *outbox, gsize written)
{
  outbox->written += written;
  while (outbox->head < outbox->slices->len) {
    Slice *slice = slice_at(outbox, outbox->head);
    gsize n = MIN(slice->length, written);
    slice->length -= n;
    slice->offset += n;
    written -= n;
    if (slice->length > 0)
      return;
    outbox->head++;
  }
  g_array_set_size(outbox->slices, 0);
  g_byte_array_set_size(outbox->commands, 0);
  outbox->head = 0;
}

IoResult outbox_flush(Outbox *outbox, Connection *connection)
{
  IoResult result = IO_DONE;
  while (result == IO_DONE && outbox->head < outbox->slices->len) {
    struct iovec vectors[SLICES_PER_WRITE];
    gsize written;
    int count = gather(outbox, vectors);
    result = connection_write(connection, vectors, count, &written);
    drop(outbox, written);
  }
  return result;
}
