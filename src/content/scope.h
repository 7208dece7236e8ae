/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>
#include "content/program.h"

/* What the tags of a Program mean for one recipient: the stack of contexts, from the row of
 * the list at its bottom to the item of the innermost section. It alone decides what a name
 * refers to, what is true, how often a section runs and where a Program goes on.
 *
 * A cell that holds a list or an object in JSON is one where tags ask for more than its
 * text: in a section about it and in dotted names. Any other cell is a text.
 *
 * A Scope is reused; for rows without such cells it allocates nothing. */

typedef struct Scope Scope;

Scope *scope_new(void);
void scope_free(Scope *scope);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scope, scope_free)

/* Both are borrowed until the next begin. */
void scope_begin_row(Scope *scope, const Program *program, const char *const *values);
void scope_begin_json(Scope *scope, const Program *program, JsonNode *data);

/* What fills a hole: the first of its fields that is not empty, or NULL, which asks for the
 * fallback. Good until the next call. */
const char *scope_value(Scope *scope, const Segment *segment);

/* Where to go on after a segment of any kind. */
guint scope_next(Scope *scope, guint index);

/* What lines of a routine are indented by. */
const char *scope_indent(const Scope *scope);

/* What is true in a cell: anything but nothing, "0" and "false". */
gboolean cell_is_true(const char *cell);
