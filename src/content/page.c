/* SPDX-License-Identifier: Apache-2.0 */
#include "content/page.h"

Program *page_compile(const Template *template)
{
  Program *program = program_new();
  program_add_template(program, template);
  program_mark(program);
  return program;
}

static void run(GString *out, const Segment *segment, Scope *scope)
{
  const char *value = segment->kind == SEGMENT_HOLE ? scope_value(scope, segment) : NULL;
  if (value != NULL) {
    encode_value(out, value, segment->context);
  } else if (segment->kind == SEGMENT_HOLE || segment->kind == SEGMENT_CONSTANT) {
    g_string_append_len(out, segment->bytes, (gssize)segment->length);
  } else if (segment->kind == SEGMENT_INDENT) {
    g_string_append(out, scope_indent(scope));
  }
}

GString *page_render(const Program *program, Scope *scope)
{
  GString *out = g_string_new(NULL);
  const guint end = program_length(program);
  for (guint i = 0; i < end; i = scope_next(scope, i)) {
    run(out, &program_segments(program)[i], scope);
  }
  return out;
}
