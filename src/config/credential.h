/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Reads a password. credential is a name (no '/'), looked up in systemd's
 * $CREDENTIALS_DIRECTORY, whose access rights are systemd's, or an absolute path of
 * a regular file that belongs to root or to the caller's user and that nobody else
 * may read (mode & 077 is 0). Symbolic links are not followed. One trailing newline
 * is taken off; an empty, multi-line or huge one is an error (CONFIG_ERROR), which
 * never quotes it. Free with credential_free(), which wipes it. */
char *credential_read(const char *credential, GError **error);

/* The same for a private key in PEM, which has many lines. */
char *credential_read_key(const char *credential, GError **error);

/* Reads a password into *secret; credential NULL: there is none to read. FALSE: error. */
gboolean credential_read_if_set(const char *credential, char **secret, GError **error);

void credential_free(char *secret);
