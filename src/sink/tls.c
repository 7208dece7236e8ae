/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/tls.h"

#include <gio/gio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum {
  LIFETIME = 30 * 24 * 60 * 60,  /* seconds */
  CLOCK_SLACK = 60 * 60,
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_EXTENSION, X509_EXTENSION_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_free)

static void set_tls_error(GError **error, const char *what)
{
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what, text);
}

static gboolean add_extension(X509 *certificate, int nid, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  g_autoptr(X509_EXTENSION) extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  return extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
}

static gboolean add_extensions(X509 *certificate)
{
  static const struct {
    int nid;
    const char *value;
  } extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE"},
    {NID_key_usage, "critical,digitalSignature,keyCertSign"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(extensions); i++) {
    if (!add_extension(certificate, extensions[i].nid, extensions[i].value)) {
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean set_serial(X509 *certificate)
{
  g_autoptr(BIGNUM) serial = BN_new();
  return serial != NULL && BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL;
}

static X509 *make_certificate(EVP_PKEY *key)
{
  g_autoptr(X509) certificate = X509_new();
  if (certificate == NULL) {
    return NULL;
  }
  X509_NAME *name = X509_get_subject_name(certificate);
  gboolean made =
      X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
      X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_SLACK) != NULL &&
      X509_gmtime_adj(X509_getm_notAfter(certificate), LIFETIME) != NULL &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const guchar *)"localhost", -1, -1,
                                 0) == 1 &&
      X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
      add_extensions(certificate) && X509_sign(certificate, key, EVP_sha256()) > 0;
  return made ? g_steal_pointer(&certificate) : NULL;
}

static gboolean use_self_signed(SSL_CTX *context, GError **error)
{
  g_autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
  g_autoptr(X509) certificate = key != NULL ? make_certificate(key) : NULL;
  if (certificate == NULL || SSL_CTX_use_certificate(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey(context, key) != 1) {
    set_tls_error(error, "making a certificate");
    return FALSE;
  }
  return TRUE;
}

static gboolean use_files(SSL_CTX *context, const char *certificate_file, const char *key_file,
                          GError **error)
{
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1) {
    set_tls_error(error, certificate_file);
    return FALSE;
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) {
    set_tls_error(error, key_file);
    return FALSE;
  }
  return TRUE;
}

SSL_CTX *tls_context_new(const char *certificate_file, const char *key_file, GError **error)
{
  g_autoptr(SSL_CTX) context = SSL_CTX_new(TLS_server_method());
  if (context == NULL) {
    set_tls_error(error, "TLS");
    return NULL;
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_id_context(context, (const guchar *)"sink", 4);
  gboolean usable = certificate_file != NULL
                        ? use_files(context, certificate_file, key_file, error)
                        : use_self_signed(context, error);
  return usable ? g_steal_pointer(&context) : NULL;
}

gboolean tls_write_certificate(SSL_CTX *context, const char *file, GError **error)
{
  g_autoptr(BIO) memory = BIO_new(BIO_s_mem());
  char *text;
  if (memory == NULL || PEM_write_bio_X509(memory, SSL_CTX_get0_certificate(context)) != 1) {
    set_tls_error(error, "writing the certificate");
    return FALSE;
  }
  long length = BIO_get_mem_data(memory, &text);
  return g_file_set_contents(file, text, length, error);
}
