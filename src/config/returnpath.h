/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The pattern of a return path: an address, or one with VERP_PLACEHOLDER before its @, which
 * then is a return path of each contact's own (see base/verp.h).
 *
 * Returns it with the domain as SMTP carries it. NULL with error where it is no address,
 * where there is no room for the longest token, and where a token could not be found again
 * in it: a letter or digit must not touch it. Caller frees. */
char *return_path_read(const char *text, GError **error);
