/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* The refresh token of a relay's OAuth 2.0 login. It begins as the credential of the settings;
 * a token server may give another one in its place with every access token (RFC 6749 section 6),
 * and some take each for a single use, or for some weeks. So the newest is kept in a file of mode
 * 0600, durably, before anything is done with what came with it.
 *
 * The file's name is a hash of the credential's content, of the token server's URL and of the
 * client's id, and its content the token alone. So an administrator who puts in another
 * credential, or names another server, wins at once; relays that share a credential share what
 * became of it; and a token is never shown to a server that did not give it. */

typedef struct RefreshToken RefreshToken;

/* relay has an oauth_refresh_credential and outlives it. folder is made when it is needed. */
RefreshToken *refresh_token_new(const RelaySettings *relay, const char *folder);
void refresh_token_free(RefreshToken *token);

/* The token to be shown now. Both the credential and the file are read anew. A file that cannot
 * be read is passed over with a warning. Free with credential_free(). */
char *refresh_token_get(RefreshToken *token, GError **error);

/* The server has answered to the last one with another. Where that cannot be kept on disk, it
 * is kept in memory, with a warning, and another try is made at the next refresh_token_get(). */
void refresh_token_replace(RefreshToken *token, const char *by);
