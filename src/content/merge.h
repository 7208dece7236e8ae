/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/message.h"
#include "content/scope.h"

/* Runs the segments from first up to end for one recipient; what the merge held before is
 * gone. subject is the Program of the Subject field, for SEGMENT_SUBJECT. */
void merge_run(Merge *merge, const Program *program, const Program *subject, guint first,
               guint end, const MergeInput *input);

/* The value of a header field that a Program of PART_HEADER makes; scope is begun anew. */
void merge_header_value(GString *out, const Program *program, Scope *scope,
                        const MergeInput *input);
