/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>

/* The server's certificate and what TLS sessions are made from. */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SSL_CTX, SSL_CTX_free)

/* Certificate (with its chain) and key from PEM files, or, with both NULL, a new
 * self-signed certificate for localhost, 127.0.0.1 and ::1. */
SSL_CTX *tls_context_new(const char *certificate_file, const char *key_file, GError **error);

/* Writes the certificate as PEM, for clients to trust. */
gboolean tls_write_certificate(SSL_CTX *context, const char *file, GError **error);
