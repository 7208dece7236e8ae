/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Whom that had been sent to which now comes back: text is a token or a return path with one
 * (see base/verp.h). Returns the id of the release in spool that made the token, and its
 * contact. NULL with error (RELEASES_ERROR_UNKNOWN) where text has no token, or none of these
 * releases has made it: it may be forged, or the release is gone. Caller frees. */
char *origin_find(const char *spool, const char *text, guint32 *contact, GError **error);
