/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/offer.h"

typedef struct {
  const char *keyword;
  gsize place;   /* of its gboolean in Offer */
} Extension;

static const Extension extensions[] = {
  { "PIPELINING", G_STRUCT_OFFSET(Offer, pipelining) },
  { "CHUNKING", G_STRUCT_OFFSET(Offer, chunking) },
  { "SMTPUTF8", G_STRUCT_OFFSET(Offer, smtputf8) },
  { "AUTH", G_STRUCT_OFFSET(Offer, auth) },
};

static void read_line(Offer *offer, const char *line, const RelaySettings *relay)
{
  g_auto(GStrv) words = g_strsplit(line, " ", -1);
  if (words[0] == NULL)
    return;
  offer->envelope_extensions |= envelope_extension(words[0], relay);
  for (gsize i = 0; i < G_N_ELEMENTS(extensions); i++)
    if (g_ascii_strcasecmp(words[0], extensions[i].keyword) == 0)
      G_STRUCT_MEMBER(gboolean, offer, extensions[i].place) = TRUE;
  if (g_ascii_strcasecmp(words[0], "SIZE") == 0 && words[1] != NULL)
    offer->size_limit = g_ascii_strtoull(words[1], NULL, 10);
}

Offer offer_read(const char *ehlo, const RelaySettings *relay)
{
  Offer offer = { 0 };
  g_auto(GStrv) lines = g_strsplit(ehlo, "\n", -1);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    read_line(&offer, lines[i], relay);
  return offer;
}
