/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dsn.h"

const char *const dsn_notify_words[] = {"default", "never", "failure", "delay", "success", NULL};
const char *const dsn_return_words[] = {"headers", "full", NULL};

char *dsn_notify_write(guint set)
{
  g_autoptr(GString) text = g_string_new(NULL);

  for (guint i = 0; dsn_notify_words[i + 1] != NULL; i++) {
    if ((set & 1u << i) != 0) {
      g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "", dsn_notify_words[i + 1]);
    }
  }
  return text->len > 0 ? g_strdup(text->str) : NULL;
}

guint dsn_notify_read(const char *text)
{
  g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", ",", -1);
  guint set = 0;

  for (guint i = 0; dsn_notify_words[i + 1] != NULL; i++) {
    if (g_strv_contains((const char *const *)words, dsn_notify_words[i + 1])) {
      set |= 1u << i;
    }
  }
  return set;
}
