/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/object.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/names.h"

void object_add_text(JsonBuilder *builder, const char *key, const char *text)
{
  json_builder_set_member_name(builder, key);
  if (text == NULL) {
    json_builder_add_null_value(builder);
    return;
  }
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  json_builder_add_string_value(builder, valid);
}

void object_add_number(JsonBuilder *builder, const char *key, guint64 number)
{
  json_builder_set_member_name(builder, key);
  json_builder_add_int_value(builder, (gint64)number);
}

void object_add_moment(JsonBuilder *builder, const char *key, gint64 wall_ms)
{
  char text[CLOCK_UTC_LENGTH + 1];

  clock_format_utc(wall_ms, text);
  object_add_text(builder, key, wall_ms != 0 ? text : NULL);
}

static void add_place(JsonBuilder *builder, const char *key, guint number)
{
  if (number > 0) {
    object_add_number(builder, key, number);
  } else {
    object_add_text(builder, key, NULL);
  }
}

void object_add_findings(JsonBuilder *builder, const Report *report)
{
  json_builder_set_member_name(builder, "findings");
  json_builder_begin_array(builder);
  for (guint i = 0; i < report_length(report); i++) {
    const Finding *finding = report_get(report, i);
    json_builder_begin_object(builder);
    object_add_text(builder, "level", finding->level == FINDING_ERROR ? "error" : "warning");
    object_add_text(builder, "file", finding->file);
    add_place(builder, "line", finding->line);
    add_place(builder, "column", finding->column);
    object_add_text(builder, "text", finding->text);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

/* What is a control character to a terminal can only be within a string here, but for the
 * line breaks of the pretty form; json-glib escapes those in strings. */
static void print_escaped(const char *json)
{
  for (const char *at = json; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (c == '\n' || (c >= ' ' && c < 0x7f)) {
      putchar((int)c);
      continue;
    }
    g_autofree char *character = g_strndup(at, (gsize)(g_utf8_next_char(at) - at));
    g_autofree char *visible = text_make_visible(character);
    if (g_str_equal(character, visible)) {
      fputs(character, stdout);
    } else {
      printf("\\u%04x", c);
    }
  }
}

void object_print(JsonBuilder *builder, ObjectForm form)
{
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  g_autofree char *json = json_to_string(root, form == OBJECT_PRETTY);

  print_escaped(json);
  putchar('\n');
  json_builder_reset(builder);
}
