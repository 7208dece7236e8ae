/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "delivery/engine.h"

/* The reply to the control command "status"; the caller owns it. since_ms: wall clock, when
 * the daemon started. */
JsonNode *status_to_json(const Engine *engine, gint64 since_ms);
