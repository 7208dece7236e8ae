/* SPDX-License-Identifier: Apache-2.0 */
#include "content/scope.h"

#include <string.h>
#include "base/limits.h"

enum {
  JSON_DEPTH_MAX = 64,   /* the library's parser calls itself */
  CALLS_MAX = 100,       /* of routines in each other */
};

typedef struct {
  const char *cell;   /* a text of the row */
  JsonNode *node;     /* or what JSON holds; both NULL: nothing */
} Value;

/* A section about a list, or about one value. */
typedef struct {
  Value value;
  JsonArray *list;    /* or NULL */
  guint next;         /* in list */
} Level;

typedef struct {
  guint back;         /* where to go on behind the routine */
  gsize indent;       /* the length of Scope.indent before it */
} Call;

struct Scope {
  const Program *program;
  const char *const *values;   /* the row, or NULL */
  JsonNode *data;              /* in place of a row */
  GArray *levels;            /* Level, innermost last */
  GArray *calls;               /* Call */
  GString *indent;
  GString *text;               /* of a number */
  GHashTable *cells;           /* JsonNode * by cell, made when one is first asked for */
};

Scope *scope_new(void)
{
  Scope *scope = g_new0(Scope, 1);
  scope->levels = g_array_new(FALSE, FALSE, sizeof(Level));
  scope->calls = g_array_new(FALSE, FALSE, sizeof(Call));
  scope->indent = g_string_new(NULL);
  scope->text = g_string_new(NULL);
  return scope;
}

void scope_free(Scope *scope)
{
  if (scope != NULL) {
    g_array_unref(scope->levels);
    g_array_unref(scope->calls);
    g_string_free(scope->indent, TRUE);
    g_string_free(scope->text, TRUE);
    g_clear_pointer(&scope->cells, g_hash_table_unref);
    g_free(scope);
  }
}

static void begin(Scope *scope, const Program *program)
{
  scope->program = program;
  scope->values = NULL;
  scope->data = NULL;
  g_array_set_size(scope->levels, 0);
  g_array_set_size(scope->calls, 0);
  g_string_truncate(scope->indent, 0);
  if (scope->cells != NULL) {
    g_hash_table_remove_all(scope->cells);
  }
}

void scope_begin_row(Scope *scope, const Program *program, const char *const *values)
{
  begin(scope, program);
  scope->values = values;
}

void scope_begin_json(Scope *scope, const Program *program, JsonNode *data)
{
  begin(scope, program);
  scope->data = data;
}

/* --- Cells that hold JSON --- */

static gboolean is_shallow(const char *json)
{
  guint depth = 0;
  gboolean in_string = FALSE;
  for (; *json != '\0'; json++) {
    if (in_string) {
      in_string = *json != '"';
      json += *json == '\\' && json[1] != '\0' ? 1 : 0;
    } else if (*json == '"') {
      in_string = TRUE;
    } else if (*json == '[' || *json == '{') {
      if (++depth > JSON_DEPTH_MAX) {
        return FALSE;
      }
    } else if (*json == ']' || *json == '}') {
      depth -= depth > 0 ? 1 : 0;
    }
  }
  return TRUE;
}

static JsonNode *parse_cell(const char *cell)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (!is_shallow(cell) || !json_parser_load_from_data(parser, cell, -1, NULL)) {
    return NULL;
  }
  JsonNode *root = json_parser_get_root(parser);
  return root != NULL && !JSON_NODE_HOLDS_VALUE(root) ? json_node_ref(root) : NULL;
}

static void node_free(gpointer data)
{
  if (data != NULL) {
    json_node_unref(data);
  }
}

/* What a cell holds in JSON, or NULL. Parsed once a row. */
static JsonNode *cell_node(Scope *scope, const char *cell)
{
  gpointer found = NULL;
  const char *first = cell + strspn(cell, " \t\r\n");
  if (*first != '[' && *first != '{') {
    return NULL;
  }
  if (scope->cells == NULL) {
    scope->cells = g_hash_table_new_full(NULL, NULL, NULL, node_free);
  }
  if (!g_hash_table_lookup_extended(scope->cells, cell, NULL, &found)) {
    found = parse_cell(cell);
    g_hash_table_insert(scope->cells, (gpointer)cell, found);
  }
  return found;
}

/* --- Names --- */

static Value member(JsonNode *node, const char *name)
{
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node)) {
    return (Value){ NULL, NULL };
  }
  return (Value){ NULL, json_object_get_member(json_node_get_object(node), name) };
}

static gboolean is_known(Value value)
{
  return value.cell != NULL || value.node != NULL;
}

static Value column_value(const Scope *scope, gint column)
{
  const char *cell = column == NO_COLUMN ? NULL : scope->values[column];
  return (Value){ column != NO_COLUMN && cell == NULL ? "" : cell, NULL };
}

/* The value of the first part of a name, from the innermost context that knows it. */
static Value find_head(Scope *scope, const Path *path)
{
  const char *head = path->names[0];
  for (guint i = scope->levels->len; i > 0; i--) {
    const Value value = member(g_array_index(scope->levels, Level, i - 1).value.node, head);
    if (is_known(value)) {
      return value;
    }
  }
  return scope->values != NULL ? column_value(scope, path->head_column)
                               : member(scope->data, head);
}

static Value find_value(Scope *scope, const Path *path)
{
  if (path->column != NO_COLUMN && (scope->levels->len == 0 || path->names[1] != NULL)) {
    return column_value(scope, path->column);
  }
  if (path->names[0] == NULL) {
    const guint depth = scope->levels->len;
    return depth > 0 ? g_array_index(scope->levels, Level, depth - 1).value
                     : (Value){ NULL, scope->data };
  }
  Value value = find_head(scope, path);
  for (char **name = path->names + 1; *name != NULL && is_known(value); name++) {
    JsonNode *node = value.cell != NULL ? cell_node(scope, value.cell) : value.node;
    value = member(node, *name);
  }
  return value;
}

/* --- Values --- */

/* The shortest number that reads back as the same. */
static const char *print_double(GString *out, double number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  for (guint digits = 15; digits <= 17; digits++) {
    char format[8];
    g_snprintf(format, sizeof format, "%%.%ug", digits);
    g_ascii_formatd(buffer, sizeof buffer, format, number);
    if (g_ascii_strtod(buffer, NULL) == number) {
      break;
    }
  }
  g_string_assign(out, buffer);
  return out->str;
}

static const char *node_text(Scope *scope, JsonNode *node)
{
  if (JSON_NODE_HOLDS_NULL(node)) {
    return NULL;
  }
  if (!JSON_NODE_HOLDS_VALUE(node)) {
    g_autofree char *json = json_to_string(node, FALSE);
    g_string_assign(scope->text, json);
    return scope->text->str;
  }
  switch (json_node_get_value_type(node)) {
  case G_TYPE_STRING: return json_node_get_string(node);
  case G_TYPE_BOOLEAN: return json_node_get_boolean(node) ? "true" : "false";
  case G_TYPE_DOUBLE: return print_double(scope->text, json_node_get_double(node));
  default:
    g_string_printf(scope->text, "%" G_GINT64_FORMAT, json_node_get_int(node));
    return scope->text->str;
  }
}

const char *scope_value(Scope *scope, const Segment *segment)
{
  const Path *paths = program_paths(scope->program);
  const guint *references = program_references(scope->program) + segment->first_field;
  for (guint i = 0; i < segment->fields; i++) {
    const Value value = find_value(scope, &paths[references[i]]);
    const char *text = value.node != NULL ? node_text(scope, value.node) : value.cell;
    if (text != NULL && *text != '\0') {
      return text;
    }
    if (i + 1 == segment->fields && segment->ends_with_field && is_known(value)) {
      return "";
    }
  }
  return NULL;
}

gboolean cell_is_true(const char *cell)
{
  return cell != NULL && *cell != '\0' && strcmp(cell, "0") != 0 &&
         g_ascii_strcasecmp(cell, "false") != 0;
}

static gboolean node_is_true(JsonNode *node)
{
  if (node == NULL || JSON_NODE_HOLDS_NULL(node)) {
    return FALSE;
  }
  if (JSON_NODE_HOLDS_ARRAY(node)) {
    return json_array_get_length(json_node_get_array(node)) > 0;
  }
  if (JSON_NODE_HOLDS_OBJECT(node)) {
    return TRUE;
  }
  switch (json_node_get_value_type(node)) {
  case G_TYPE_STRING: return *json_node_get_string(node) != '\0';
  case G_TYPE_BOOLEAN: return json_node_get_boolean(node);
  default: return json_node_get_double(node) != 0;
  }
}

/* --- Sections --- */

static gboolean next_item(Level *level)
{
  if (level->list == NULL || level->next == json_array_get_length(level->list)) {
    return FALSE;
  }
  level->value = (Value){ NULL, json_array_get_element(level->list, level->next) };
  level->next++;
  return TRUE;
}

static guint enter_section(Scope *scope, const Segment *segment, guint index)
{
  const guint reference = program_references(scope->program)[segment->first_field];
  Level level = { .value = find_value(scope, &program_paths(scope->program)[reference]) };
  if (level.value.cell != NULL) {
    JsonNode *node = cell_node(scope, level.value.cell);
    level.value = node != NULL ? (Value){ NULL, node } : level.value;
  }
  const gboolean is_true = level.value.cell != NULL ? cell_is_true(level.value.cell)
                                                      : node_is_true(level.value.node);
  if (is_true == segment->inverted) {
    return segment->mate + 1;
  }
  if (!segment->inverted && !segment->is_whether) {
    if (level.value.node != NULL && JSON_NODE_HOLDS_ARRAY(level.value.node)) {
      level.list = json_node_get_array(level.value.node);
      next_item(&level);
    }
    g_array_append_val(scope->levels, level);
  }
  return index + 1;
}

static guint leave_section(Scope *scope, const Segment *segment, guint index)
{
  const Segment *section = &program_segments(scope->program)[segment->mate];
  if (!section->inverted && !section->is_whether) {
    const guint innermost = scope->levels->len - 1;
    if (next_item(&g_array_index(scope->levels, Level, innermost))) {
      return segment->mate + 1;
    }
    g_array_set_size(scope->levels, innermost);
  }
  return index + 1;
}

/* --- Routines --- */

static guint enter_routine(Scope *scope, guint routine, guint back, const Segment *segment)
{
  const Call call = { .back = back, .indent = scope->indent->len };
  if (scope->calls->len == CALLS_MAX) {
    return back;
  }
  g_array_append_val(scope->calls, call);
  g_string_append_len(scope->indent, segment->bytes, (gssize)segment->length);
  return routine + 1;
}

static guint leave_routine(Scope *scope)
{
  const Call call = g_array_index(scope->calls, Call, scope->calls->len - 1);
  g_array_set_size(scope->calls, scope->calls->len - 1);
  g_string_truncate(scope->indent, call.indent);
  return call.back;
}

guint scope_next(Scope *scope, guint index)
{
  const Segment *segment = &program_segments(scope->program)[index];
  switch (segment->kind) {
  case SEGMENT_SECTION: return enter_section(scope, segment, index);
  case SEGMENT_END: return leave_section(scope, segment, index);
  case SEGMENT_ROUTINE: return enter_routine(scope, index, segment->mate + 1, segment);
  case SEGMENT_CALL: return enter_routine(scope, segment->mate, index + 1, segment);
  case SEGMENT_RETURN: return leave_routine(scope);
  default: return index + 1;
  }
}

const char *scope_indent(const Scope *scope)
{
  return scope->indent->str;
}
