/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gmime/gmime.h>

#include "content.h"

/* What the tests of merging share: a release made in memory, one copy of it, and the same
 * copy as GMime reads it. GMime's objects are held as GObject, for g_autoptr. */

typedef struct {
  Report *report;
  Draft *draft;
  Message *message;
} Release;

/* Compiles markdown; fails where that fails. */
void release_init(Release *release, const char *markdown);
void release_clear(Release *release);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Release, release_clear)

/* Usual values for the rest. */
MergeInput input_with(const char *const *values);
/* With a Merge of its own. Caller frees. */
GString *merge_once(const Message *message, const MergeInput *input);

GObject *merged_parse(const GString *wire);
/* The content of the index-th part of this type. Caller frees. */
GByteArray *merged_leaf(GObject *message, const char *type, const char *subtype, guint index);
/* A text part with LF. Caller frees. */
char *merged_text(GObject *message, const char *subtype);

/* "mixed(related(alternative(plain html) png) pdf)" */
void assert_structure(GObject *message, const char *expected);
/* "Date From To …", in order; Content-Type counts as a part's. */
void assert_header_names(GObject *message, const char *expected);
/* Nothing has to be dot-stuffed, folded or converted on the way. */
void assert_wire(const GString *wire);
