/* SPDX-License-Identifier: Apache-2.0 */
#include "content/fields.h"

#include <string.h>

static void field_free(gpointer data)
{
  MessageField *field = data;
  g_free(field->name);
  g_free(field->file);
  g_free(field);
}

void fields_init(Fields *fields)
{
  fields->list = g_ptr_array_new_with_free_func(field_free);
  fields->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void fields_clear(Fields *fields)
{
  g_clear_pointer(&fields->by_key, g_hash_table_unref);
  g_clear_pointer(&fields->list, g_ptr_array_unref);
}

static MessageField *add_field(Fields *fields, const char *name, const Token *token,
                               MessageFieldUse use)
{
  g_autofree char *key = field_key(name);
  MessageField *field = g_hash_table_lookup(fields->by_key, key);
  if (field == NULL) {
    field = g_new0(MessageField, 1);
    field->name = g_strdup(name);
    field->file = g_strdup(token->file);
    field->line = token->line;
    g_ptr_array_add(fields->list, field);
    g_hash_table_insert(fields->by_key, g_steal_pointer(&key), field);
  }
  field->use = MAX(field->use, use);
  return field;
}

/* Sections that are open. */
typedef struct {
  GPtrArray *known;   /* keys of the fields that have a value here; "" of an inverted one */
  guint plain;        /* how many are not inverted: each may bring names of its own */
} Surroundings;

static gboolean is_sure(const Surroundings *around, const char *name)
{
  g_autofree char *key = field_key(name);
  for (guint i = 0; i < around->known->len; i++) {
    if (strcmp(around->known->pdata[i], key) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

static void enter_section(Surroundings *around, const Token *token)
{
  const gboolean inverted = token->kind == TOKEN_INVERTED;
  g_ptr_array_add(around->known, inverted ? g_strdup("") : field_key(token->fields[0]));
  around->plain += inverted ? 0 : 1;
}

static void leave_section(Surroundings *around)
{
  const guint last = around->known->len - 1;
  around->plain -= *(const char *)around->known->pdata[last] != '\0' ? 1 : 0;
  g_ptr_array_set_size(around->known, (gint)last);
}

static void collect_names(Fields *fields, const Token *token, const Surroundings *around,
                          Report *report)
{
  const gboolean variable = token->kind == TOKEN_VARIABLE || token->kind == TOKEN_RAW;
  const MessageFieldUse use = around->plain > 0 ? FIELD_USE_INSIDE : FIELD_USE_COLUMN;
  for (char **name = token->fields; *name != NULL; name++) {
    if (strcmp(*name, ".") != 0) {
      MessageField *field = add_field(fields, *name, token, use);
      field->required |= variable && token->fallback == NULL && !is_sure(around, *name);
    } else if (around->plain == 0) {
      report_error(report, token->file, token->line, token->column, "%.*s stands outside of any "
                   "section, where nothing is meant by it; name a column",
                   (int)token->length, token->text);
    }
  }
  if (variable && token->fallback != NULL && *token->fallback != '\0') {
    add_field(fields, token->fallback, token, FIELD_USE_FALLBACK);
  }
}

void fields_collect(Fields *fields, const Template *template, Report *report)
{
  Surroundings around = { .known = g_ptr_array_new_with_free_func(g_free) };
  for (guint i = 0; i < template_length(template); i++) {
    const Token *token = template_token(template, i);
    if (token->kind == TOKEN_END) {
      leave_section(&around);
    } else if (token->fields != NULL) {
      collect_names(fields, token, &around, report);
    }
    if (token_is_section(token)) {
      enter_section(&around, token);
    }
  }
  g_ptr_array_unref(around.known);
}
