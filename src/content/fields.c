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
                               const char *file)
{
  g_autofree char *key = field_key(name);
  MessageField *field = g_hash_table_lookup(fields->by_key, key);
  if (field == NULL) {
    field = g_new0(MessageField, 1);
    field->name = g_strdup(name);
    field->file = g_strdup(file);
    field->line = token->line;
    g_ptr_array_add(fields->list, field);
    g_hash_table_insert(fields->by_key, g_steal_pointer(&key), field);
  }
  return field;
}

/* sections holds the keys of fields that are known to have a value here. */
static gboolean is_sure(const GPtrArray *sections, const char *name)
{
  g_autofree char *key = field_key(name);
  for (guint i = 0; i < sections->len; i++) {
    if (strcmp(sections->pdata[i], key) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

static void enter_section(GPtrArray *sections, const Token *token)
{
  const gboolean inverted = token->kind == TOKEN_INVERTED;
  g_ptr_array_add(sections, inverted ? g_strdup("") : field_key(token->fields[0]));
}

void fields_collect(Fields *fields, const Template *template, const char *file)
{
  g_autoptr(GPtrArray) sections = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < template_length(template); i++) {
    const Token *token = template_token(template, i);
    if (token->kind == TOKEN_END) {
      g_ptr_array_set_size(sections, (gint)sections->len - 1);
    }
    for (char **name = token->fields; name != NULL && *name != NULL; name++) {
      MessageField *field = add_field(fields, *name, token, file);
      const gboolean variable = token->kind == TOKEN_VARIABLE || token->kind == TOKEN_RAW;
      field->required |= variable && token->fallback == NULL && !is_sure(sections, *name);
    }
    if (token_is_section(token)) {
      enter_section(sections, token);
    }
  }
}
