/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/transit.h"

typedef struct {
  gint64 due;
  gsize length;
} Packet;

struct Transit {
  GByteArray *octets;  /* of all packets, the first `sent` of them gone */
  gsize sent;
  gsize arrived;       /* octets before this may leave now */
  GArray *packets;     /* of Packet; those before `packet` have arrived */
  guint packet;
};

Transit *transit_new(void)
{
  Transit *transit = g_new0(Transit, 1);
  transit->octets = g_byte_array_new();
  transit->packets = g_array_new(FALSE, FALSE, sizeof(Packet));
  return transit;
}

void transit_free(Transit *transit)
{
  if (transit == NULL) {
    return;
  }
  g_byte_array_unref(transit->octets);
  g_array_unref(transit->packets);
  g_free(transit);
}

static const Packet *transit_next(const Transit *transit)
{
  return transit->packet < transit->packets->len
             ? &g_array_index(transit->packets, Packet, transit->packet)
             : NULL;
}

void transit_add(Transit *transit, const char *octets, gsize length, gint64 due)
{
  Packet packet = {due, length};
  g_array_append_val(transit->packets, packet);
  g_byte_array_append(transit->octets, (const guint8 *)octets, (guint)length);
}

gsize transit_peek(Transit *transit, gint64 now, const char **octets)
{
  const Packet *packet;
  while ((packet = transit_next(transit)) != NULL && packet->due <= now) {
    transit->arrived += packet->length;
    transit->packet++;
  }
  *octets = (const char *)transit->octets->data + transit->sent;
  return transit->arrived - transit->sent;
}

/* What has left is forgotten as soon as nothing that has arrived is left over, so that a
 * client that never pauses does not make the arrays grow. */
void transit_sent(Transit *transit, gsize length)
{
  transit->sent += length;
  if (transit->sent < transit->arrived) {
    return;
  }
  if (transit->sent > 0) {
    g_byte_array_remove_range(transit->octets, 0, (guint)transit->sent);
  }
  if (transit->packet > 0) {
    g_array_remove_range(transit->packets, 0, transit->packet);
  }
  transit->sent = 0;
  transit->arrived = 0;
  transit->packet = 0;
}

gint64 transit_due(const Transit *transit)
{
  const Packet *packet = transit_next(transit);
  return packet != NULL ? packet->due : 0;
}
