/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>

#include "config/config.h"

/* What holds for every server that is reached on a relay's behalf, the relay itself and
 * the one that issues its tokens: through which proxy and from which address, how long it
 * may take, and the least that TLS must be. proxy_password is borrowed during the call. */
void route_set(CURL *curl, const RelaySettings *relay, const char *proxy_password);

/* Certificates are verified by those in ca_file (PEM), or NULL: by the system's. */
void route_set_trust(CURL *curl, const char *ca_file);
