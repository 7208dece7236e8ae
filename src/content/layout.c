/* SPDX-License-Identifier: Apache-2.0 */
#include "content/layout.h"

#include <gio/gio.h>
#include <string.h>
#include "content/expansion.h"
#include "content/layouts.h"
#include "content/page.h"

/* Languages of ISO 639 that are commonly written from right to left. */
static const char *direction_of(const char *language)
{
  static const char *const right_to_left[] = { "ar", "arc", "ckb", "dv", "fa", "he", "ku", "ps",
                                               "sd", "ug", "ur", "yi", NULL };
  g_autofree char *primary = g_strndup(language, strcspn(language, "-"));
  g_autofree char *lower = g_ascii_strdown(primary, -1);
  return g_strv_contains(right_to_left, lower) ? "rtl" : "ltr";
}

static Program *compile_layout(void)
{
  static const char path[] = "/dateline/layouts/default/layout.html";
  g_autoptr(Report) report = report_new();
  g_autoptr(GBytes) source =
      g_resource_lookup_data(layouts_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_autofree char *text = g_strndup(g_bytes_get_data(source, NULL), g_bytes_get_size(source));
  g_autoptr(Template) template = template_expand(
      template_parse(text, "layout.html", 1, report), NULL, NULL, report);
  return page_compile(template);
}

char *layout_render(const LayoutValues *values)
{
  static const char *const columns[] = { "subject", "content", "language", "direction", "embargo",
                                         "footer", NULL };
  const char *const cells[] = { values->subject, values->content, values->language,
                                direction_of(values->language), values->embargo, values->footer };
  g_autoptr(Program) program = compile_layout();
  g_autoptr(Scope) scope = scope_new();
  program_bind(program, columns);
  scope_begin_row(scope, program, cells);
  return g_string_free(page_render(program, scope), FALSE);
}
