/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/outbox.h"

enum { SLICES_PER_WRITE = 256 };
/* What has been written is forgotten when it is so many slices, and half of all: a session
 * that always has something to write must not grow. */
enum { FORGET_FROM = 64 };

typedef struct {
  const char *base;   /* NULL: copied bytes, which move when there come more */
  guint64 offset;     /* from base; of copied bytes, counted from the first ever copied */
  gsize length;
} Slice;

struct Outbox {
  GByteArray *copied;
  guint64 forgotten;  /* copied bytes that were before those */
  GArray *slices;     /* Slice; those before head have been written */
  guint head;
  guint64 queued, written;
};

Outbox *outbox_new(void)
{
  Outbox *outbox = g_new0(Outbox, 1);
  outbox->copied = g_byte_array_new();
  outbox->slices = g_array_new(FALSE, FALSE, sizeof(Slice));
  return outbox;
}

void outbox_free(Outbox *outbox)
{
  g_byte_array_unref(outbox->copied);
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

void outbox_add_copy(Outbox *outbox, const void *bytes, gsize length)
{
  Slice slice = { .offset = outbox->forgotten + outbox->copied->len, .length = length };
  guint count = outbox->slices->len;
  g_byte_array_append(outbox->copied, bytes, (guint)length);
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
    const char *start = slice->base != NULL
      ? slice->base + slice->offset
      : (const char *)outbox->copied->data + (slice->offset - outbox->forgotten);
    vectors[count++] = (struct iovec){ (void *)start, slice->length };
  }
  return count;
}

/* The copied bytes before the first that are still to be written. */
static guint copied_and_written(const Outbox *outbox)
{
  for (guint i = outbox->head; i < outbox->slices->len; i++)
    if (slice_at(outbox, i)->base == NULL)
      return (guint)(slice_at(outbox, i)->offset - outbox->forgotten);
  return outbox->copied->len;
}

static void forget(Outbox *outbox)
{
  gboolean all = outbox->head == outbox->slices->len;
  if (!all && (outbox->head < FORGET_FROM || outbox->head < outbox->slices->len / 2))
    return;
  guint length = copied_and_written(outbox);
  g_byte_array_remove_range(outbox->copied, 0, length);
  outbox->forgotten += length;
  g_array_remove_range(outbox->slices, 0, outbox->head);
  outbox->head = 0;
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
      break;
    outbox->head++;
  }
  forget(outbox);
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
