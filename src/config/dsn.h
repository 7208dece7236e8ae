/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* What a relay is asked to report of a message that it took (RFC 3461): the words of the
 * settings, which the journal has too. A set of occasions is what KIND_WORDS reads with
 * dsn_notify_words; the empty one leaves them to the relay. */

extern const char *const dsn_notify_words[];   /* of a set of DsnNotify */
extern const char *const dsn_return_words[];   /* of DsnReturn */

/* "failure,delay"; NULL for the empty set. Caller frees. */
char *dsn_notify_write(guint set);

/* The set that dsn_notify_write() made text of; NULL: the empty one. Unknown words are passed
 * over: a newer version may know more of them. */
guint dsn_notify_read(const char *text);
