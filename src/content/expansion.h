/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/template.h"

/* Puts partials, parents and blocks in place: what is left are texts, variables and
 * sections, in the order in which they are run. */

/* The text of the partial that tag asks for, UTF-8, or NULL where there is none; nothing is
 * put there then. *file gets its name for findings; both are borrowed and stay as they are
 * as long as the expansion runs. */
typedef const char *(*PartialLookup)(const Token *tag, const char **file, gpointer data);

/* template must have been parsed without a mistake; it is taken. look_up may be NULL. A
 * partial that contains itself becomes a routine that is called. Mistakes in partials go into
 * report. */
Template *template_expand(Template *template, PartialLookup look_up, gpointer data,
                          Report *report);

/* The first call of a template, which Markdown has no use for; NULL where there is none. */
const Token *template_find_call(const Template *template);
