/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* The mechanisms of AUTH (RFC 4954) that a relay may be logged in to by. A set of them is
 * what KIND_WORDS reads with mechanism_words; the empty one stands for "any". */

extern const char *const mechanism_words[];

/* Whether set names a mechanism that takes a password, or one that takes an access token. */
gboolean mechanisms_take_password(guint set);
gboolean mechanisms_take_token(guint set);

/* Whether the relay is shown an access token and not a password. */
gboolean relay_takes_token(const RelaySettings *relay);

/* For CURLOPT_LOGIN_OPTIONS: the relay's mechanisms, or of "any" all those that take the
 * kind of secret that there is. Caller frees. */
char *relay_login_options(const RelaySettings *relay);
