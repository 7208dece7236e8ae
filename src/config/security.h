/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/place.h"

/* What must hold between the settings that guard a relay's connections: TLS, certificates,
 * proxy, login. Fills in what depends on others: where the relay is this machine, TLS is
 * not required. relay->host is filled in before, or NULL where the URL is wrong. */
void security_check(const Place *place, RelaySettings *relay);
