/* SPDX-License-Identifier: Apache-2.0 */
#include "content/layout.h"

#include <gio/gio.h>
#include <string.h>
#include "content/layouts.h"
#include "content/template.h"

/* Languages of ISO 639 that are commonly written from right to left. */
static const char *direction_of(const char *language)
{
  static const char *const right_to_left[] = { "ar", "arc", "ckb", "dv", "fa", "he", "ku", "ps",
                                               "sd", "ug", "ur", "yi", NULL };
  g_autofree char *primary = g_strndup(language, strcspn(language, "-"));
  g_autofree char *lower = g_ascii_strdown(primary, -1);
  return g_strv_contains(right_to_left, lower) ? "rtl" : "ltr";
}

static const char *look_up(const char *field, gpointer data)
{
  const LayoutValues *values = data;
  const struct {
    const char *name;
    const char *value;
  } fields[] = {
    { "subject", values->subject },   { "content", values->content },
    { "language", values->language }, { "direction", direction_of(values->language) },
    { "embargo", values->embargo },   { "footer", values->footer },
  };
  for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
    if (strcmp(fields[i].name, field) == 0) {
      return fields[i].value;
    }
  }
  return NULL;
}

char *layout_render(const LayoutValues *values)
{
  static const char path[] = "/dateline/layouts/default/layout.html";
  g_autoptr(Report) report = report_new();
  g_autoptr(GBytes) source =
      g_resource_lookup_data(layouts_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_autofree char *text = g_strndup(g_bytes_get_data(source, NULL), g_bytes_get_size(source));
  g_autoptr(Template) template = template_parse(text, "layout.html", 1, report);
  return template_render(template, look_up, (gpointer)values);
}
