/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/outlet.h"

enum { KEPT_CAPACITY = 64 << 10 };  /* larger buffers are given back when empty */

typedef struct {
  guint wait;    /* milliseconds */
  gsize length;
} Parcel;

struct Outlet {
  GByteArray *octets;  /* everything not yet sent, after the first `sent` */
  gsize sent;
  gsize ready;         /* octets before this may leave now */
  GArray *parcels;     /* of Parcel; those before `parcel` have become ready */
  guint parcel;
  gint64 due;          /* of parcels[parcel], or 0 while it has not been set */
  Ending ending;
};

Outlet *outlet_new(void)
{
  Outlet *outlet = g_new0(Outlet, 1);
  outlet->octets = g_byte_array_new();
  outlet->parcels = g_array_new(FALSE, FALSE, sizeof(Parcel));
  return outlet;
}

void outlet_free(Outlet *outlet)
{
  if (outlet == NULL) {
    return;
  }
  g_byte_array_unref(outlet->octets);
  g_array_unref(outlet->parcels);
  g_free(outlet);
}

static gboolean parcels_wait(const Outlet *outlet)
{
  return outlet->parcel < outlet->parcels->len;
}

void outlet_add(Outlet *outlet, const char *octets, gsize length)
{
  g_assert(!outlet_is_busy(outlet));
  g_byte_array_append(outlet->octets, (const guint8 *)octets, (guint)length);
  outlet->ready += length;
}

void outlet_add_later(Outlet *outlet, guint wait, const char *octets, gsize length)
{
  Parcel parcel = {.wait = wait, .length = length};
  g_array_append_val(outlet->parcels, parcel);
  if (length > 0) {
    g_byte_array_append(outlet->octets, (const guint8 *)octets, (guint)length);
  }
}

void outlet_set_ending(Outlet *outlet, Ending ending)
{
  if (outlet->ending == ENDING_NONE) {
    outlet->ending = ending;
  }
}

void outlet_clear_ending(Outlet *outlet)
{
  outlet->ending = ENDING_NONE;
}

gboolean outlet_is_busy(const Outlet *outlet)
{
  return parcels_wait(outlet) || outlet->ending != ENDING_NONE;
}

/* Makes every parcel ready whose time has come. */
static void outlet_settle(Outlet *outlet, gint64 now)
{
  while (parcels_wait(outlet)) {
    const Parcel *parcel = &g_array_index(outlet->parcels, Parcel, outlet->parcel);
    if (outlet->due == 0) {
      outlet->due = now + (gint64)parcel->wait * 1000;
    }
    if (outlet->due > now) {
      return;
    }
    outlet->ready += parcel->length;
    outlet->due = 0;
    outlet->parcel++;
  }
  g_array_set_size(outlet->parcels, 0);
  outlet->parcel = 0;
}

gsize outlet_peek(Outlet *outlet, gint64 now, const char **octets)
{
  if (outlet->parcels->len > 0) {
    outlet_settle(outlet, now);
  }
  gsize left = outlet->ready - outlet->sent;
  *octets = left > 0 ? (const char *)outlet->octets->data + outlet->sent : NULL;
  return left;
}

void outlet_sent(Outlet *outlet, gsize length)
{
  outlet->sent += length;
  if (outlet->sent < outlet->octets->len) {
    return;
  }
  if (outlet->octets->len > KEPT_CAPACITY) {
    g_byte_array_unref(outlet->octets);
    outlet->octets = g_byte_array_new();
  }
  g_byte_array_set_size(outlet->octets, 0);
  outlet->sent = 0;
  outlet->ready = 0;
}

gint64 outlet_due(const Outlet *outlet)
{
  return parcels_wait(outlet) ? outlet->due : 0;
}

Ending outlet_ending(const Outlet *outlet)
{
  gboolean all_left = outlet->sent == outlet->octets->len && !parcels_wait(outlet);
  return all_left ? outlet->ending : ENDING_NONE;
}
