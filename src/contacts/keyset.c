/* SPDX-License-Identifier: Apache-2.0 */

/* Open addressing with linear probing. Slots hold the whole hash, so that growing needs no
 * keys. The hash begins with a random number: nobody can write a list that makes all its
 * addresses meet in one slot. */

#include "contacts/keyset.h"

typedef struct {
  guint32 hash;
  guint32 number;  /* 0: the slot is free */
} Slot;

struct KeySet {
  guint64 seed;
  guint32 length;
  guint32 mask;    /* slots less one; their number is a power of two */
  Slot *slots;
};

enum { FIRST_SLOTS = 1024 };

KeySet *key_set_new(void)
{
  KeySet *set = g_new0(KeySet, 1);
  set->seed = (guint64)g_random_int() << 32 | g_random_int();
  set->mask = FIRST_SLOTS - 1;
  set->slots = g_new0(Slot, FIRST_SLOTS);
  return set;
}

void key_set_free(KeySet *set)
{
  if (set) {
    g_free(set->slots);
    g_free(set);
  }
}

/* FNV-1a, and the finish of MurmurHash3, which spreads it over all bits. */
guint32 key_set_hash(const KeySet *set, const char *key)
{
  guint64 hash = set->seed ^ G_GUINT64_CONSTANT(0xcbf29ce484222325);
  for (; *key; key++) {
    hash = (hash ^ (guchar)*key) * G_GUINT64_CONSTANT(0x100000001b3);
  }
  hash = (hash ^ hash >> 33) * G_GUINT64_CONSTANT(0xff51afd7ed558ccd);
  return (guint32)(hash >> 32);
}

/* *position counts the slots that were passed. */
guint32 key_set_next(const KeySet *set, guint32 hash, guint32 *position)
{
  for (;;) {
    const Slot *slot = &set->slots[(hash + (*position)++) & set->mask];
    if (slot->number == 0 || slot->hash == hash) {
      return slot->number;
    }
  }
}

static void put(KeySet *set, Slot slot)
{
  guint32 index = slot.hash & set->mask;
  while (set->slots[index].number != 0) {
    index = (index + 1) & set->mask;
  }
  set->slots[index] = slot;
}

static void grow(KeySet *set)
{
  g_autofree Slot *old = set->slots;
  guint64 old_slots = (guint64)set->mask + 1;
  set->mask = (guint32)(2 * old_slots - 1);
  set->slots = g_new0(Slot, 2 * old_slots);
  for (guint64 i = 0; i < old_slots; i++) {
    if (old[i].number != 0) {
      put(set, old[i]);
    }
  }
}

void key_set_add(KeySet *set, guint32 hash, guint32 number)
{
  if (set->length >= set->mask - set->mask / 4) {
    grow(set);
  }
  put(set, (Slot){hash, number});
  set->length++;
}
