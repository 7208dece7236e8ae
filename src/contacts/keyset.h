/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Which keys were seen, by numbers that the caller gave them: 8 bytes a key, and no key
 * itself. So it only names candidates: the caller, who has the keys, compares. Of a million
 * keys some hundred lookups find a candidate that is none. */

typedef struct KeySet KeySet;

KeySet *key_set_new(void);
void key_set_free(KeySet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeySet, key_set_free)

guint32 key_set_hash(const KeySet *set, const char *key);

/* The next number with that hash, 0 after the last. *position: 0 at first. */
guint32 key_set_next(const KeySet *set, guint32 hash, guint32 *position);

/* number: not 0, and not added before. */
void key_set_add(KeySet *set, guint32 hash, guint32 number);
