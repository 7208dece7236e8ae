/* SPDX-License-Identifier: Apache-2.0 */
#include "base/verp.h"

#include <openssl/evp.h>
#include <string.h>

enum {
  DIGIT_BITS = 5,
  RELEASE_DIGITS = 8,
  CONTACT_DIGITS = 7,   /* at most */
  SEAL_DIGITS = 10,
};

/* Tells ours from other words in a local part at once, and names the form. */
static const char MARK[] = "d1";

G_STATIC_ASSERT(sizeof MARK - 1 + RELEASE_DIGITS + CONTACT_DIGITS + SEAL_DIGITS ==
                VERP_TOKEN_LENGTH);

static const char DIGITS[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* --- The key --- */

/* By OpenSSL and not by GHmac, because every message needs a token: with the key set once,
 * it costs less than a tenth. */
struct VerpKey {
  EVP_MAC_CTX *hmac;
  guint64 release;
};

/* The first bits of the text's code under the key. */
static guint64 keyed_bits(VerpKey *key, const char *text, guint bits)
{
  guint8 digest[EVP_MAX_MD_SIZE];
  gsize length;
  guint64 number = 0;
  gboolean good = EVP_MAC_init(key->hmac, NULL, 0, NULL) == 1 &&
                  EVP_MAC_update(key->hmac, (const guint8 *)text, strlen(text)) == 1 &&
                  EVP_MAC_final(key->hmac, digest, &length, sizeof digest) == 1;
  g_assert(good && length >= sizeof number);
  for (guint i = 0; i < sizeof number; i++)
    number = number << 8 | digest[i];
  return number >> (64 - bits);
}

static guint64 seal_of(VerpKey *key, guint32 contact)
{
  char text[32];
  g_snprintf(text, sizeof text, "contact %u", contact);
  return keyed_bits(key, text, SEAL_DIGITS * DIGIT_BITS);
}

VerpKey *verp_key_new(const char *secret)
{
  VerpKey *key = g_new0(VerpKey, 1);
  EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
  const OSSL_PARAM parameters[] = {
    OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0), OSSL_PARAM_construct_end(),
  };
  key->hmac = EVP_MAC_CTX_new(algorithm);
  EVP_MAC_free(algorithm);
  gboolean good = EVP_MAC_init(key->hmac, (const guint8 *)secret, strlen(secret), parameters) == 1;
  g_assert(good);
  key->release = keyed_bits(key, "release", RELEASE_DIGITS * DIGIT_BITS);
  return key;
}

void verp_key_free(VerpKey *key)
{
  EVP_MAC_CTX_free(key->hmac);
  g_free(key);
}

/* --- Writing --- */

static char *write_digits(char *at, guint64 number, guint count)
{
  for (guint i = count; i > 0; i--) {
    at[i - 1] = DIGITS[number % 32];
    number /= 32;
  }
  return at + count;
}

static guint count_digits(guint32 number)
{
  guint count = 1;
  while (number >>= DIGIT_BITS)
    count++;
  return count;
}

void verp_write_token(VerpKey *key, guint32 contact, char token[VERP_TOKEN_SIZE])
{
  char *at = g_stpcpy(token, MARK);
  at = write_digits(at, key->release, RELEASE_DIGITS);
  at = write_digits(at, contact, count_digits(contact));
  at = write_digits(at, seal_of(key, contact), SEAL_DIGITS);
  *at = '\0';
}

gboolean verp_is_pattern(const char *path)
{
  return strstr(path, VERP_PLACEHOLDER) != NULL;
}

void verp_write_path(GString *path, const char *pattern, const char *token)
{
  const char *place = strstr(pattern, VERP_PLACEHOLDER);
  gsize before = place != NULL ? (gsize)(place - pattern) : strlen(pattern);
  g_string_truncate(path, 0);
  g_string_append_len(path, pattern, (gssize)before);
  if (place != NULL) {
    g_string_append(path, token);
    g_string_append(path, place + strlen(VERP_PLACEHOLDER));
  }
}

/* --- Reading --- */

static gboolean read_digits(const char *at, gsize count, guint64 *number)
{
  *number = 0;
  for (gsize i = 0; i < count; i++) {
    const char *digit = strchr(DIGITS, g_ascii_tolower(at[i]));
    if (digit == NULL)
      return FALSE;
    *number = *number << DIGIT_BITS | (guint64)(digit - DIGITS);
  }
  return TRUE;
}

/* word: length characters, none of them NUL. */
static gboolean read_token(const char *word, gsize length, Verp *verp)
{
  const gsize fixed = strlen(MARK) + RELEASE_DIGITS + SEAL_DIGITS;
  guint64 contact;
  if (length <= fixed || length > VERP_TOKEN_LENGTH ||
      g_ascii_strncasecmp(word, MARK, strlen(MARK)) != 0)
    return FALSE;
  const char *release = word + strlen(MARK);
  const char *number = release + RELEASE_DIGITS;
  const char *seal = word + length - SEAL_DIGITS;
  if (*number == '0' || !read_digits(release, RELEASE_DIGITS, &verp->release) ||
      !read_digits(number, (gsize)(seal - number), &contact) ||
      !read_digits(seal, SEAL_DIGITS, &verp->seal) || contact > G_MAXUINT32)
    return FALSE;
  verp->contact = (guint32)contact;
  return TRUE;
}

gboolean verp_parse(const char *text, Verp *verp)
{
  const char *at = strrchr(text, '@');
  const char *end = at != NULL ? at : text + strlen(text);
  while (text < end) {
    const char *word = text;
    while (text < end && g_ascii_isalnum(*text))
      text++;
    if (read_token(word, (gsize)(text - word), verp))
      return TRUE;
    text += text < end;
  }
  return FALSE;
}

gboolean verp_is_sealed(const Verp *verp, VerpKey *key)
{
  return verp->release == key->release && verp->seal == seal_of(key, verp->contact);
}
