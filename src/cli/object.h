/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "base/report.h"

/* JSON for scripts: members of the object that a builder has begun. Text may be any bytes;
 * what is not UTF-8 gets U+FFFD. Moments are RFC 3339 in UTC. */

void object_add_text(JsonBuilder *builder, const char *key, const char *text);   /* or null */
void object_add_number(JsonBuilder *builder, const char *key, guint64 number);
void object_add_moment(JsonBuilder *builder, const char *key, gint64 wall_ms);   /* 0: null */
void object_add_findings(JsonBuilder *builder, const Report *report);

typedef enum { OBJECT_LINE, OBJECT_PRETTY } ObjectForm;

/* Prints what the builder has built, and an LF, and resets it. Control characters in texts
 * are escaped, so that it is the same JSON and harmless on a terminal. */
void object_print(JsonBuilder *builder, ObjectForm form);
