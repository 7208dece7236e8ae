/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "delivery/engine.h"

/* The control command "settle": {"release": id, "contacts": [number, …], "as": "sent" or
 * "due", "by": text, "reason": text or absent}. The reply is {"settled": how many}. uid: as
 * the control server tells it. */
JsonNode *settle_doubts(Engine *engine, JsonObject *request, gint64 uid, GError **error);
