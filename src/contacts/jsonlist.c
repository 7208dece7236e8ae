/* SPDX-License-Identifier: Apache-2.0 */

/* json-glib parses, but wholes only. So the file is cut into its outermost objects here, by
 * counting braces outside strings, and each is parsed on its own: any list takes little
 * memory, and the line of each object is known. The file is read twice, because the keys
 * of all objects must be known before the first row. */

#include <json-glib/json-glib.h>
#include <string.h>

#include "contacts/list.h"
#include "contacts/rowbuffer.h"
#include "contacts/rowformats.h"
#include "contacts/textfile.h"

enum {
  BUFFER_SIZE = 64 << 10,
  LIMIT_OBJECT = 1 << 20,
};

typedef struct {
  TextFile *file;
  char buffer[BUFFER_SIZE];
  gsize position, filled;
  guint line;
  gboolean is_array, is_closed;   /* a [ was read, and its ] */
  GString *text;                  /* of the object that is read */
  guint object_line;
} Cutter;

typedef struct {
  RowReader base;
  Cutter *cutter;
  GPtrArray *keys;
  gboolean is_begun;
  RowBuffer row;
} JsonList;

/* --- Cutting. --- */

static ListResult fail_at(guint line, const char *what, GError **error)
{
  g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST, "line %u: %s", line, what);
  return LIST_FAILED;
}

static void cutter_free(Cutter *cutter)
{
  if (cutter) {
    text_file_close(cutter->file);
    g_string_free(cutter->text, TRUE);
    g_free(cutter);
  }
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cutter, cutter_free)

static Cutter *cutter_open(const char *path, const char *encoding, GError **error)
{
  TextFile *file = text_file_open(path, encoding, error);
  if (!file) {
    return NULL;
  }
  Cutter *cutter = g_new0(Cutter, 1);
  cutter->file = file;
  cutter->line = 1;
  cutter->text = g_string_new(NULL);
  return cutter;
}

/* The next byte; LIST_END at the end of the file. */
static ListResult next_byte(Cutter *cutter, char *c, GError **error)
{
  if (cutter->position == cutter->filled) {
    cutter->position = 0;
    if (!text_file_read(cutter->file, cutter->buffer, BUFFER_SIZE, &cutter->filled, error)) {
      g_prefix_error(error, "after line %u: ", cutter->line);
      return LIST_FAILED;
    }
    if (cutter->filled == 0) {
      return LIST_END;
    }
  }
  *c = cutter->buffer[cutter->position++];
  cutter->line += *c == '\n';
  return LIST_ROW;
}

/* Reads up to the opening brace of the next object. */
static ListResult find_object(Cutter *cutter, GError **error)
{
  ListResult result;
  char c;
  while ((result = next_byte(cutter, &c, error)) == LIST_ROW && c != '{') {
    if (c == '[' && !cutter->is_array) {
      cutter->is_array = TRUE;
    } else if (c == ']' && cutter->is_array && !cutter->is_closed) {
      cutter->is_closed = TRUE;
    } else if (!strchr(cutter->is_array ? " \t\r\n," : " \t\r\n", c)) {
      return fail_at(cutter->line, "an object, { … }, is expected here", error);
    }
  }
  if (result == LIST_ROW && cutter->is_closed) {
    return fail_at(cutter->line, "something follows the array", error);
  }
  if (result == LIST_END && cutter->is_array && !cutter->is_closed) {
    return fail_at(cutter->line, "the array is not closed; the file may have been cut off", error);
  }
  return result;
}

/* The text of the next object. */
static ListResult next_object(Cutter *cutter, GError **error)
{
  ListResult result = find_object(cutter, error);
  guint depth = 1;
  gboolean is_string = FALSE, is_escaped = FALSE;
  g_string_assign(cutter->text, "{");
  cutter->object_line = cutter->line;
  while (result == LIST_ROW && depth > 0) {
    char c;
    result = next_byte(cutter, &c, error);
    if (result == LIST_END) {
      return fail_at(cutter->object_line, "the object that begins here is not closed", error);
    }
    if (cutter->text->len >= LIMIT_OBJECT) {
      return fail_at(cutter->object_line, "the object that begins here is larger than 1 MiB",
                     error);
    }
    g_string_append_c(cutter->text, c);
    is_string ^= c == '"' && !is_escaped;
    is_escaped = is_string && c == '\\' && !is_escaped;
    depth += !is_string && (c == '{' || c == '[');
    depth -= !is_string && (c == '}' || c == ']');
  }
  return result;
}

/* --- Objects. --- */

/* NULL with error where text is no object. */
static JsonNode *parse_object(const Cutter *cutter, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (!json_parser_load_from_data(parser, cutter->text->str, (gssize)cutter->text->len, error)) {
    return NULL;
  }
  return json_node_ref(json_parser_get_root(parser));
}

/* A value as a cell. */
static char *value_text(JsonNode *value)
{
  if (JSON_NODE_HOLDS_NULL(value)) {
    return g_strdup("");
  }
  return json_node_get_value_type(value) == G_TYPE_STRING ? json_node_dup_string(value)
                                                          : json_to_string(value, FALSE);
}

static void take_keys(JsonNode *root, GHashTable *known, GPtrArray *keys)
{
  g_autoptr(GList) members = json_object_get_members(json_node_get_object(root));
  for (GList *member = members; member; member = member->next) {
    if (g_hash_table_add(known, g_strdup(member->data))) {
      g_ptr_array_add(keys, g_strdup(member->data));
    }
  }
}

/* The keys of all objects of the file; those that cannot be parsed are told later. */
static gboolean collect_keys(Cutter *cutter, GPtrArray *keys, GError **error)
{
  g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  ListResult result;
  while ((result = next_object(cutter, error)) == LIST_ROW && keys->len <= LIMIT_CSV_COLUMNS) {
    g_autoptr(JsonNode) root = parse_object(cutter, NULL);
    if (root) {
      take_keys(root, known, keys);
    }
  }
  return result != LIST_FAILED;
}

static void take_object(JsonList *list)
{
  g_autoptr(GError) wrong = NULL;
  g_autoptr(JsonNode) root = parse_object(list->cutter, &wrong);
  if (!root) {
    row_buffer_flaw(&list->row, "the object is not JSON: %s", wrong->message);
  }
  for (guint i = 0; i < list->keys->len; i++) {
    const char *key = g_ptr_array_index(list->keys, i);
    JsonNode *value = root ? json_object_get_member(json_node_get_object(root), key) : NULL;
    g_autofree char *text = value ? value_text(value) : NULL;
    row_buffer_add(&list->row, text ? text : "");
  }
}

static ListResult json_next(RowReader *base, FileRow *row, GError **error)
{
  JsonList *list = (JsonList *)base;
  if (!list->is_begun) {
    list->is_begun = TRUE;
    row_buffer_begin(&list->row, 1);
    for (guint i = 0; i < list->keys->len; i++) {
      row_buffer_add(&list->row, g_ptr_array_index(list->keys, i));
    }
  } else {
    ListResult result = next_object(list->cutter, error);
    if (result != LIST_ROW) {
      return result;
    }
    row_buffer_begin(&list->row, list->cutter->object_line);
    take_object(list);
  }
  row_buffer_finish(&list->row, row);
  return LIST_ROW;
}

/* --- The file. --- */

static gboolean json_is_it(const char *head)
{
  return g_regex_match_simple("^\\s*(\\[\\s*)?\\{", head, 0, 0);
}

static void json_close(RowReader *base)
{
  JsonList *list = (JsonList *)base;
  cutter_free(list->cutter);
  g_ptr_array_unref(list->keys);
  row_buffer_clear(&list->row);
  g_free(list);
}

static RowReader *json_open(const char *path, const char *encoding, GError **error)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(Cutter) first = cutter_open(path, encoding, error);
  if (!first || !collect_keys(first, keys, error)) {
    return NULL;
  }
  Cutter *cutter = cutter_open(path, encoding, error);
  if (!cutter) {
    return NULL;
  }
  JsonList *list = g_new0(JsonList, 1);
  list->cutter = cutter;
  list->keys = g_steal_pointer(&keys);
  row_buffer_init(&list->row);
  return &list->base;
}

static const char *json_remark(const RowReader *base)
{
  return text_file_remark(((const JsonList *)base)->cutter->file);
}

const RowFormat json_format = {
  .name = "JSON",
  .suffixes = ".json .jsonl .ndjson",
  .is_it = json_is_it,
  .open = json_open,
  .next = json_next,
  .remark = json_remark,
  .close = json_close,
};
