/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "control/line.h"

/* Asks the daemon that listens at socket_path, and waits for its reply, ten seconds at
 * most for each step. NULL with CONTROL_ERROR: CONTROL_ERROR_NOT_RUNNING where nobody
 * listens, CONTROL_ERROR_REFUSED with the daemon's own words where it says no. */
JsonNode *control_call(const char *socket_path, JsonNode *request, GError **error);

/* {"command": command} */
JsonNode *control_request(const char *command);
