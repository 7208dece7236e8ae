/* SPDX-License-Identifier: Apache-2.0 */

/* Merging is the innermost loop of sending. Constants go out from where they are; what is
 * made for one recipient goes into one buffer that is kept from merge to merge. */

#include "content/merge.h"

#include <string.h>
#include "base/limits.h"
#include "content/header.h"

enum { COPY_BELOW = 64 };   /* a shorter constant is cheaper to copy than to refer to */

struct Merge {
  GArray *slices;     /* struct iovec; until merge_run() ends, iov_base NULL means that the
                         bytes are the next of memory, which may still move */
  GString *memory;
  GString *scratch;   /* of encode_hole() */
  GString *value;     /* of a header field */
  Scope *scope;
  gsize size;
  gint64 date_s;      /* of date */
  char date[HEADER_DATE_SIZE];
};

Merge *merge_new(void)
{
  Merge *merge = g_new0(Merge, 1);
  merge->slices = g_array_new(FALSE, FALSE, sizeof(struct iovec));
  merge->memory = g_string_sized_new(4096);
  merge->scratch = g_string_new(NULL);
  merge->value = g_string_new(NULL);
  merge->scope = scope_new();
  merge->date_s = G_MININT64;
  return merge;
}

void merge_free(Merge *merge)
{
  if (merge != NULL) {
    g_array_unref(merge->slices);
    g_string_free(merge->memory, TRUE);
    g_string_free(merge->scratch, TRUE);
    g_string_free(merge->value, TRUE);
    scope_free(merge->scope);
    g_free(merge);
  }
}

static void add_slice(Merge *merge, const char *bytes, gsize length)
{
  const struct iovec slice = { .iov_base = (void *)bytes, .iov_len = length };
  g_array_append_val(merge->slices, slice);
}

/* Makes what was appended to memory since it had length before part of the message. */
static void add_memory(Merge *merge, gsize before)
{
  const gsize length = merge->memory->len - before;
  struct iovec *last = NULL;
  if (merge->slices->len > 0) {
    last = &g_array_index(merge->slices, struct iovec, merge->slices->len - 1);
  }
  if (last != NULL && last->iov_base == NULL) {
    last->iov_len += length;
  } else if (length > 0) {
    add_slice(merge, NULL, length);
  }
}

static void add_constant(Merge *merge, const char *bytes, gsize length)
{
  if (length >= COPY_BELOW) {
    add_slice(merge, bytes, length);
  } else if (length > 0) {
    const gsize before = merge->memory->len;
    g_string_append_len(merge->memory, bytes, (gssize)length);
    add_memory(merge, before);
  }
}

/* A value that is longer than any reader shows ends visibly, at a whole character. */
static void limit_value(GString *value)
{
  if (value->len > LIMIT_HEADER_VALUE) {
    const char *end = g_utf8_find_prev_char(value->str, value->str + LIMIT_HEADER_VALUE + 1);
    g_string_truncate(value, end != NULL ? (gsize)(end - value->str) : 0);
    g_string_append(value, "\u2026");
  }
}

void merge_header_value(GString *out, const Program *program, Scope *scope,
                        const MergeInput *input)
{
  const Segment *segments = program_segments(program);
  const guint end = program_length(program);
  scope_begin_row(scope, program, input->values);
  for (guint i = 0; i < end; i = scope_next(scope, i)) {
    const Segment *segment = &segments[i];
    const char *value = segment->kind == SEGMENT_HOLE ? scope_value(scope, segment) : NULL;
    if (value != NULL) {
      encode_value(out, value, segment->context);
    } else {
      g_string_append_len(out, segment->bytes, (gssize)segment->length);
    }
  }
  limit_value(out);
}

static void add_date(Merge *merge, gint64 date_ms)
{
  const gint64 seconds = date_ms / 1000;
  if (merge->date_s != seconds) {
    header_format_date(date_ms, merge->date);
    merge->date_s = seconds;
  }
  g_string_append(merge->memory, "Date: ");
  g_string_append(merge->memory, merge->date);
  g_string_append(merge->memory, "\r\n");
}

static void add_to(Merge *merge, const MergeInput *input)
{
  g_string_truncate(merge->value, 0);
  if (input->name != NULL) {
    encode_value(merge->value, input->name, CONTEXT_ONE_LINE | CONTEXT_HEADER);
    limit_value(merge->value);
  }
  header_add_mailbox(merge->memory, "To", merge->value->str, input->address);
}

/* Has the merge's scope for itself; the message goes on with a new one. */
static void add_subject(Merge *merge, const Program *program, const Program *subject,
                        const MergeInput *input)
{
  g_string_truncate(merge->value, 0);
  merge_header_value(merge->value, subject, merge->scope, input);
  scope_begin_row(merge->scope, program, input->values);
  header_add_text(merge->memory, "Subject", merge->value->str);
}

static void run_segment(Merge *merge, const Program *program, const Program *subject,
                        const Segment *segment, const MergeInput *input)
{
  const gsize before = merge->memory->len;
  const char *value;
  switch (segment->kind) {
  case SEGMENT_CONSTANT: add_constant(merge, segment->bytes, segment->length); return;
  case SEGMENT_HOLE:
    value = scope_value(merge->scope, segment);
    if (value == NULL) {
      add_constant(merge, segment->bytes, segment->length);
      return;
    }
    encode_hole(merge->memory, merge->scratch, value, segment->context);
    break;
  case SEGMENT_DATE: add_date(merge, input->date_ms); break;
  case SEGMENT_TO: add_to(merge, input); break;
  case SEGMENT_SUBJECT: add_subject(merge, program, subject, input); break;
  case SEGMENT_MESSAGE_ID:
    g_string_append(merge->memory, "Message-ID: <");
    g_string_append(merge->memory, input->message_id);
    g_string_append(merge->memory, ">\r\n");
    break;
  default: return;
  }
  add_memory(merge, before);
}

/* Memory moves no more: gives the slices of it their place. */
static void settle_slices(Merge *merge)
{
  char *next = merge->memory->str;
  merge->size = 0;
  for (guint i = 0; i < merge->slices->len; i++) {
    struct iovec *slice = &g_array_index(merge->slices, struct iovec, i);
    if (slice->iov_base == NULL) {
      slice->iov_base = next;
      next += slice->iov_len;
    }
    merge->size += slice->iov_len;
  }
}

void merge_run(Merge *merge, const Program *program, const Program *subject, guint first,
               guint end, const MergeInput *input)
{
  const Segment *segments = program_segments(program);
  g_array_set_size(merge->slices, 0);
  g_string_truncate(merge->memory, 0);
  scope_begin_row(merge->scope, program, input->values);
  for (guint i = first; i < end; i = scope_next(merge->scope, i)) {
    run_segment(merge, program, subject, &segments[i], input);
  }
  settle_slices(merge);
}

const struct iovec *merge_slices(const Merge *merge, gsize *count)
{
  *count = merge->slices->len;
  return (const struct iovec *)(const void *)merge->slices->data;
}

gsize merge_size(const Merge *merge)
{
  return merge->size;
}

gboolean merge_owns(const Merge *merge, const struct iovec *slice)
{
  const char *start = slice->iov_base;
  return start >= merge->memory->str && start < merge->memory->str + merge->memory->len;
}

GString *merge_to_string(const Merge *merge)
{
  GString *text = g_string_sized_new(merge->size + 1);
  for (guint i = 0; i < merge->slices->len; i++) {
    const struct iovec *slice = &g_array_index(merge->slices, struct iovec, i);
    g_string_append_len(text, slice->iov_base, (gssize)slice->iov_len);
  }
  return text;
}
