/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/extensions.h"

#include <string.h>

static const struct {
  const char *name;
  const char *value;  /* the usual one; NULL for an extension that takes none */
  gboolean usual;
} known[EXTENSION_COUNT] = {
  [EXTENSION_PIPELINING] = {"PIPELINING", NULL, TRUE},
  [EXTENSION_8BITMIME] = {"8BITMIME", NULL, TRUE},
  [EXTENSION_SIZE] = {"SIZE", "52428800", TRUE},
  [EXTENSION_CHUNKING] = {"CHUNKING", NULL, TRUE},
  [EXTENSION_SMTPUTF8] = {"SMTPUTF8", NULL, TRUE},
  [EXTENSION_DSN] = {"DSN", NULL, TRUE},
  [EXTENSION_ENHANCEDSTATUSCODES] = {"ENHANCEDSTATUSCODES", NULL, TRUE},
  [EXTENSION_STARTTLS] = {"STARTTLS", NULL, FALSE},
  [EXTENSION_AUTH] = {"AUTH", "PLAIN LOGIN XOAUTH2", FALSE},
};

struct Extensions {
  gboolean offered[EXTENSION_COUNT];
  char *values[EXTENSION_COUNT];
  GPtrArray *others;  /* announced as they were given; they mean nothing here */
  guint64 size;
};

Extensions *extensions_new(void)
{
  Extensions *extensions = g_new0(Extensions, 1);
  extensions->others = g_ptr_array_new_with_free_func(g_free);
  extensions->size = G_MAXUINT64;
  for (guint i = 0; i < EXTENSION_COUNT; i++) {
    if (known[i].usual) {
      extensions_add(extensions, (Extension)i);
    }
  }
  return extensions;
}

void extensions_free(Extensions *extensions)
{
  if (extensions == NULL) {
    return;
  }
  for (guint i = 0; i < EXTENSION_COUNT; i++) {
    g_free(extensions->values[i]);
  }
  g_ptr_array_unref(extensions->others);
  g_free(extensions);
}

static void drop(Extensions *extensions, Extension extension)
{
  extensions->offered[extension] = FALSE;
  g_clear_pointer(&extensions->values[extension], g_free);
  if (extension == EXTENSION_SIZE) {
    extensions->size = G_MAXUINT64;
  }
}

/* A SIZE of 0 announces the extension without a limit: RFC 1870 section 4. */
static gboolean offer(Extensions *extensions, Extension extension, const char *value,
                      GError **error)
{
  if (extension == EXTENSION_SIZE) {
    guint64 size;
    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT64, &size, NULL)) {
      g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                  "SIZE=%s: expected a number of octets", value);
      return FALSE;
    }
    extensions->size = size > 0 ? size : G_MAXUINT64;
  }
  extensions->offered[extension] = TRUE;
  g_free(extensions->values[extension]);
  extensions->values[extension] = g_strdup(value);
  return TRUE;
}

void extensions_add(Extensions *extensions, Extension extension)
{
  if (!extensions->offered[extension]) {
    offer(extensions, extension, known[extension].value, NULL);
  }
}

static guint find_extension(const char *name)
{
  guint i = 0;
  while (i < EXTENSION_COUNT && g_ascii_strcasecmp(known[i].name, name) != 0) {
    i++;
  }
  return i;
}

static void set_unknown_error(GError **error, const char *name)
{
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < EXTENSION_COUNT; i++) {
    g_string_append_printf(names, "%s, ", known[i].name);
  }
  g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
              "unknown extension \"%s\"; there are %sand any that begins with X", name, names->str);
}

static gboolean extensions_set_one(Extensions *extensions, char *item, GError **error)
{
  g_autofree char *whole = g_strdup(item);
  char *value = strchr(item, '=');
  if (value != NULL) {
    *value++ = '\0';
  }
  guint found = find_extension(item);
  if (found == EXTENSION_COUNT) {
    if (g_ascii_toupper(item[0]) != 'X') {
      set_unknown_error(error, item);
      return FALSE;
    }
    g_ptr_array_add(extensions->others, g_steal_pointer(&whole));
    return TRUE;
  }
  if (value != NULL && known[found].value == NULL) {
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s takes no value", item);
    return FALSE;
  }
  return offer(extensions, (Extension)found, value != NULL ? value : known[found].value, error);
}

gboolean extensions_set(Extensions *extensions, const char *list, GError **error)
{
  for (guint i = 0; i < EXTENSION_COUNT; i++) {
    drop(extensions, (Extension)i);
  }
  g_ptr_array_set_size(extensions->others, 0);
  g_auto(GStrv) items = g_strsplit(list, ",", -1);
  for (guint i = 0; items[i] != NULL; i++) {
    g_strstrip(items[i]);
    if (items[i][0] != '\0' && !extensions_set_one(extensions, items[i], error)) {
      return FALSE;
    }
  }
  return TRUE;
}

gboolean extensions_remove(Extensions *extensions, const char *name, GError **error)
{
  guint found = find_extension(name);
  if (found == EXTENSION_COUNT) {
    set_unknown_error(error, name);
    return FALSE;
  }
  drop(extensions, (Extension)found);
  return TRUE;
}

gboolean extensions_offer(const Extensions *extensions, Extension extension)
{
  return extensions->offered[extension];
}

guint64 extensions_size(const Extensions *extensions)
{
  return extensions->size;
}

gboolean extensions_offer_mechanism(const Extensions *extensions, const char *mechanism)
{
  if (!extensions->offered[EXTENSION_AUTH]) {
    return FALSE;
  }
  g_auto(GStrv) mechanisms = g_strsplit(extensions->values[EXTENSION_AUTH], " ", -1);
  for (guint i = 0; mechanisms[i] != NULL; i++) {
    if (g_ascii_strcasecmp(mechanisms[i], mechanism) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

char *extensions_to_reply(const Extensions *extensions, gboolean tls)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(lines, g_strdup("localhost"));
  for (guint i = 0; i < EXTENSION_COUNT; i++) {
    if (extensions->offered[i] && !(tls && i == EXTENSION_STARTTLS)) {
      const char *value = extensions->values[i];
      g_ptr_array_add(lines, g_strconcat(known[i].name, value != NULL ? " " : "", value, NULL));
    }
  }
  for (guint i = 0; i < extensions->others->len; i++) {
    g_ptr_array_add(lines, g_strdup(g_ptr_array_index(extensions->others, i)));
  }
  GString *reply = g_string_new(NULL);
  for (guint i = 0; i < lines->len; i++) {
    gboolean last = i + 1 == lines->len;
    g_string_append_printf(reply, "250%c%s%s", last ? ' ' : '-',
                           (const char *)g_ptr_array_index(lines, i), last ? "" : "\r\n");
  }
  return g_string_free(reply, FALSE);
}
