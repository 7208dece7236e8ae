/* SPDX-License-Identifier: Apache-2.0 */
#include "merged.h"

#include <string.h>

GObject *merged_parse(const GString *wire)
{
  g_autoptr(GObject) stream =
      (GObject *)g_mime_stream_mem_new_with_buffer(wire->str, wire->len);
  g_autoptr(GObject) parser =
      (GObject *)g_mime_parser_new_with_stream((GMimeStream *)stream);
  GMimeMessage *message = g_mime_parser_construct_message((GMimeParser *)parser, NULL);
  g_assert_nonnull(message);
  return (GObject *)message;
}

/* The content of the index-th leaf of this type. Caller frees. */
GByteArray *merged_leaf(GObject *message, const char *type, const char *subtype, guint index)
{
  GByteArray *found = NULL;
  GMimePartIter *iter = g_mime_part_iter_new((GMimeObject *)message);
  do {
    GMimeObject *part = g_mime_part_iter_get_current(iter);
    if (!GMIME_IS_PART(part) ||
        !g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype) ||
        index-- > 0) {
      continue;
    }
    g_autoptr(GObject) stream = (GObject *)g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content((GMimePart *)part),
                                        (GMimeStream *)stream);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array((GMimeStreamMem *)stream);
    found = g_byte_array_sized_new(bytes->len);
    g_byte_array_append(found, bytes->data, bytes->len);
    break;
  } while (g_mime_part_iter_next(iter));
  g_mime_part_iter_free(iter);
  g_assert_nonnull(found);
  return found;
}

/* A text part with LF. */
char *merged_text(GObject *message, const char *subtype)
{
  g_autoptr(GByteArray) bytes = merged_leaf(message, "text", subtype, 0);
  g_autofree char *text = g_strndup((const char *)bytes->data, bytes->len);
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  return g_strjoinv("\n", lines);
}

/* "mixed(related(alternative(plain html) png) pdf)" */
static void append_structure(GString *out, GMimeObject *part)
{
  g_string_append(out, g_mime_content_type_get_media_subtype(g_mime_object_get_content_type(part)));
  if (GMIME_IS_MULTIPART(part)) {
    const int count = g_mime_multipart_get_count((GMimeMultipart *)part);
    for (int i = 0; i < count; i++) {
      g_string_append(out, i == 0 ? "(" : " ");
      append_structure(out, g_mime_multipart_get_part((GMimeMultipart *)part, i));
    }
    g_string_append_c(out, ')');
  }
}

void assert_structure(GObject *message, const char *expected)
{
  g_autoptr(GString) structure = g_string_new(NULL);
  append_structure(structure, g_mime_message_get_mime_part((GMimeMessage *)message));
  g_assert_cmpstr(structure->str, ==, expected);
}

/* "Date From To …", in order; Content-Type counts as a part's. */
void assert_header_names(GObject *message, const char *expected)
{
  g_autoptr(GString) names = g_string_new(NULL);
  GMimeHeaderList *list = g_mime_object_get_header_list((GMimeObject *)message);
  for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
    g_string_append_printf(names, "%s%s", i > 0 ? " " : "",
                           g_mime_header_get_name(g_mime_header_list_get_header_at(list, i)));
  }
  g_assert_cmpstr(names->str, ==, expected);
}

/* Nothing has to be dot-stuffed, folded or converted on the way. */
void assert_wire(const GString *wire)
{
  g_assert_cmpuint(strlen(wire->str), ==, wire->len);
  g_assert_true(g_str_has_suffix(wire->str, "\r\n"));
  g_auto(GStrv) lines = g_strsplit(wire->str, "\r\n", -1);
  gboolean in_body = FALSE;
  for (char **line = lines; *line != NULL; line++) {
    in_body = in_body || **line == '\0';
    g_assert_cmpuint(strlen(*line), <=, in_body ? 76 : 78);
    g_assert_cmpint(**line, !=, '.');
    g_assert_false(g_str_has_prefix(*line, "From "));
    for (const char *at = *line; *at != '\0'; at++) {
      g_assert_true(*at >= ' ' && *at <= '~');
    }
  }
}

void release_init(Release *release, const char *markdown)
{
  *release = (Release){ .report = report_new() };
  release->draft = content_draft(markdown, release->report);
  release->message = content_message(release->draft, release->report);
  g_autofree char *findings = report_to_text(release->report);
  g_test_message("%s", findings);
  g_assert_nonnull(release->message);
}

void release_clear(Release *release)
{
  report_free(release->report);
  draft_free(release->draft);
  message_free(release->message);
}
MergeInput input_with(const char *const *values)
{
  return (MergeInput){ .values = values, .address = "ann@example.org", .name = "Ann Lee",
                       .message_id = "42@example.org",
                       .date_ms = G_GINT64_CONSTANT(1795342500000) };
}

GString *merge_once(const Message *message, const MergeInput *input)
{
  g_autoptr(Merge) merge = merge_new();
  message_merge(message, input, merge);
  GString *wire = merge_to_string(merge);
  g_assert_cmpuint(wire->len, ==, merge_size(merge));
  return wire;
}
