/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/address.h"
#include "config/config.h"

/* Whose mail a relay takes: the patterns of its setting `senders`, each an address, a domain
 * ("example.org") or all domains below one ("*.example.org"), and the address of From. */

/* A domain, or "*." and a domain, in ASCII and lower case; NULL where it is none. Caller
 * frees. */
char *domain_pattern_read(const char *pattern);

/* Brings pattern into the form in which it is compared (domains in ASCII and lower case);
 * NULL where it is none. Caller frees. */
char *sender_pattern_read(const char *pattern);

/* Whether relay takes mail from sender; without patterns it takes everybody's. */
gboolean relay_takes(const RelaySettings *relay, const Address *sender);

/* NULL when one of config's relays takes sender, else a sentence that says what is the matter
 * and what to do. Caller frees. */
char *config_refuses_sender(const Config *config, const Address *sender);
