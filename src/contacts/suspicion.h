/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/address.h"

/* What makes a valid address worth a look: a slip in the name of a great provider (gmial.com),
 * a domain of addresses that are thrown away, a mailbox that nobody reads or that is not
 * there for news (noreply@, abuse@), an address literal. NULL, or a clause, which the caller
 * frees. Nothing is left out for it. info@, press@ and the like are what lists of the press
 * are made of: they are no reason. */
char *address_suspicion(const Address *address);
