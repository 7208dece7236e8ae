/* SPDX-License-Identifier: Apache-2.0 */

/* Renders a template with what messages are compiled with. Reads {"template": "...",
 * "data": ..., "partials": {"name": "..."}} on standard input and writes the rendering.
 * Exit status 65: the input or the template holds a mistake. */

#include <stdio.h>
#include <sysexits.h>
#include "content/expansion.h"
#include "content/page.h"

typedef struct {
  JsonObject *members;
} Input;

static const char *text_member(JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

static const char *find_partial(const Token *tag, const char **file, gpointer data)
{
  const Input *input = data;
  JsonNode *partials = json_object_get_member(input->members, "partials");
  const gboolean given = partials != NULL && JSON_NODE_HOLDS_OBJECT(partials);
  *file = tag->fields[0];
  return given ? text_member(json_node_get_object(partials), *file) : NULL;
}

static Program *compile(const Input *input, Report *report)
{
  const char *source = text_member(input->members, "template");
  if (source == NULL) {
    report_error(report, NULL, 0, 0, "the input has no \"template\"");
    return NULL;
  }
  g_autoptr(Template) parsed = template_parse(source, "template", 1, report);
  if (report_failed(report)) {
    return NULL;
  }
  g_autoptr(Template) template =
      template_expand(g_steal_pointer(&parsed), find_partial, (gpointer)input, report);
  return report_failed(report) ? NULL : page_compile(template);
}

static int render(const Input *input)
{
  static const char *const no_columns[] = { NULL };
  g_autoptr(Report) report = report_new();
  g_autoptr(Program) program = compile(input, report);
  if (program == NULL) {
    g_autofree char *findings = report_to_text(report);
    fputs(findings, stderr);
    return EX_DATAERR;
  }
  g_autoptr(Scope) scope = scope_new();
  program_bind(program, no_columns);
  scope_begin_json(scope, program, json_object_get_member(input->members, "data"));
  g_autoptr(GString) out = page_render(program, scope);
  return fwrite(out->str, 1, out->len, stdout) == out->len && fflush(stdout) == 0 ? EX_OK
                                                                                  : EX_IOERR;
}

static GString *read_all(void)
{
  char buffer[4096];
  gsize count;
  GString *text = g_string_new(NULL);
  while ((count = fread(buffer, 1, sizeof buffer, stdin)) > 0) {
    g_string_append_len(text, buffer, (gssize)count);
  }
  return text;
}

int main(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GString) text = read_all();
  if (!json_parser_load_from_data(parser, text->str, (gssize)text->len, &error)) {
    fprintf(stderr, "%s\n", error->message);
    return EX_DATAERR;
  }
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
    fprintf(stderr, "the input is no JSON object\n");
    return EX_DATAERR;
  }
  const Input input = { json_node_get_object(root) };
  return render(&input);
}
