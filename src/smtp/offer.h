/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "smtp/envelope.h"

/* What a relay offers in its reply to EHLO (RFC 5321 section 4.1.1.1), as far as it is used. */
typedef struct {
  gboolean pipelining;         /* RFC 2920 */
  gboolean chunking;           /* RFC 3030 */
  gboolean smtputf8;           /* RFC 6531 */
  gboolean auth;               /* RFC 4954 */
  guint envelope_extensions;   /* a set of EnvelopeExtension */
  guint64 size_limit;          /* RFC 1870; 0: none said */
} Offer;

/* ehlo: the lines of the reply without their codes, joined by '\n'; the first is a greeting.
 * What the relay's settings forbid is not in the result. */
Offer offer_read(const char *ehlo, const RelaySettings *relay);
