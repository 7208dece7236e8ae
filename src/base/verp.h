/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Tokens by which what comes back is matched to whom it had been sent: in return paths of
 * their own (VERP) and as the ENVID of RFC 3461. A token stands for one contact of one
 * release and is the same whenever that contact is sent its copy, after a crash too:
 *
 *   d1 rrrrrrrr c…c ssssssssss     without the blanks, 21 to 27 characters
 *
 * where r is the release, 8 digits, c the contact's number, 1 to 7 digits without leading
 * zeros, and s a seal of both, 10 digits. Digits are base 32: 0 to 9 and the letters without
 * i, l, o and u. Written in lower case, read in either. Release and seal are the first 40 and 50
 * bits of HMAC-SHA-256 (RFC 2104) under the release's key, a secret that stands nowhere but in
 * its journal, of the texts "release" and "contact N": whoever has seen tokens can neither make
 * another one nor tell whose it would be. */

#define VERP_PLACEHOLDER "{token}"
enum { VERP_TOKEN_LENGTH = 27, VERP_TOKEN_SIZE = VERP_TOKEN_LENGTH + 1 };

/* A release's key, made ready once for any number of tokens; for one thread at a time. */
typedef struct VerpKey VerpKey;
VerpKey *verp_key_new(const char *secret);
void verp_key_free(VerpKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VerpKey, verp_key_free)

void verp_write_token(VerpKey *key, guint32 contact, char token[VERP_TOKEN_SIZE]);

/* What a token says; nothing of it can be believed before the seal is checked. */
typedef struct {
  guint64 release;
  guint32 contact;
  guint64 seal;
} Verp;

/* text: a token, or an address that has one before its @. FALSE where there is none. */
gboolean verp_parse(const char *text, Verp *verp);

/* Whether the token was made with this key, for this contact. */
gboolean verp_is_sealed(const Verp *verp, VerpKey *key);

/* Whether a return path has VERP_PLACEHOLDER in it. */
gboolean verp_is_pattern(const char *path);

/* pattern: a return path, VERP_PLACEHOLDER where the token belongs; without one the path is the
 * same for all. Replaces what is in path. */
void verp_write_path(GString *path, const char *pattern, const char *token);
