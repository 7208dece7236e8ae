/* SPDX-License-Identifier: Apache-2.0 */
#include "base/report.h"

#include "base/limits.h"
#include "base/names.h"

struct Report {
  GPtrArray *findings;             /* Finding *, as they came */
  guint counts[FINDING_ERROR + 1]; /* by level, also those that were not kept */
  gboolean troubled;
};

static void finding_free(gpointer pointer)
{
  Finding *finding = pointer;

  g_free(finding->file);
  g_free(finding->text);
  g_free(finding);
}

Report *report_new(void)
{
  Report *report = g_new0(Report, 1);

  report->findings = g_ptr_array_new_with_free_func(finding_free);
  return report;
}

void report_free(Report *report)
{
  if (report == NULL) {
    return;
  }
  g_ptr_array_unref(report->findings);
  g_free(report);
}

/* The text may quote what a stranger wrote: no control character of theirs may
 * begin a line that looks like ours, or steer the reader's terminal. */
void report_add(Report *report, FindingLevel level, const char *file, guint line, guint column,
                const char *text)
{
  if (report->counts[level]++ >= LIMIT_REPORT_FINDINGS) {
    return;
  }

  Finding *finding = g_new0(Finding, 1);
  finding->level = level;
  finding->file = file != NULL ? text_make_visible(file) : NULL;
  finding->line = line;
  finding->column = column;
  finding->text = text_make_visible(text);
  g_ptr_array_add(report->findings, finding);
}

void report_error(Report *report, const char *file, guint line, guint column,
                  const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_add(report, FINDING_ERROR, file, line, column, text);
}

void report_warning(Report *report, const char *file, guint line, guint column,
                    const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_add(report, FINDING_WARNING, file, line, column, text);
}

void report_trouble(Report *report, const char *file, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_add(report, FINDING_ERROR, file, 0, 0, text);
  report->troubled = TRUE;
}

gboolean report_troubled(const Report *report)
{
  return report->troubled;
}

void report_take_error(Report *report, const char *file, guint line, GError **error)
{
  g_return_if_fail(error != NULL && *error != NULL);
  report_add(report, FINDING_ERROR, file, line, 0, (*error)->message);
  g_clear_error(error);
}

guint report_count(const Report *report, FindingLevel level)
{
  return report->counts[level];
}

guint report_length(const Report *report)
{
  return report->findings->len;
}

const Finding *report_get(const Report *report, guint index)
{
  g_return_val_if_fail(index < report->findings->len, NULL);
  return g_ptr_array_index(report->findings, index);
}

static int compare_numbers(guint a, guint b)
{
  return (a > b) - (a < b);
}

/* What belongs to no file comes first. */
static int compare_findings(gconstpointer a, gconstpointer b)
{
  const Finding *left = *(const Finding *const *)a;
  const Finding *right = *(const Finding *const *)b;
  int order = g_strcmp0(left->file, right->file);

  if (order == 0) {
    order = compare_numbers(left->line, right->line);
  }
  return order != 0 ? order : compare_numbers(left->column, right->column);
}

/* The parts that are there, as compilers write them: "file:line:column: ". */
static void append_place(GString *text, const Finding *finding)
{
  if (finding->file != NULL) {
    g_string_append_printf(text, "%s:", finding->file);
  }
  if (finding->line > 0) {
    g_string_append_printf(text, "%u:", finding->line);
  }
  if (finding->column > 0) {
    g_string_append_printf(text, "%u:", finding->column);
  }
  if (finding->file != NULL || finding->line > 0 || finding->column > 0) {
    g_string_append_c(text, ' ');
  }
}

char *report_to_text(const Report *report)
{
  const char *const level_names[] = {
    [FINDING_WARNING] = "warning",
    [FINDING_ERROR] = "error",
  };
  g_autoptr(GPtrArray) sorted = g_ptr_array_new();
  guint errors = report->counts[FINDING_ERROR];
  guint warnings = report->counts[FINDING_WARNING];
  GString *text = g_string_new(NULL);

  for (guint i = 0; i < report->findings->len; i++) {
    g_ptr_array_add(sorted, g_ptr_array_index(report->findings, i));
  }
  /* A stable sort: findings of one place stay in the order in which they came. */
  g_ptr_array_sort(sorted, compare_findings);
  for (guint i = 0; i < sorted->len; i++) {
    const Finding *finding = g_ptr_array_index(sorted, i);
    append_place(text, finding);
    g_string_append_printf(text, "%s: %s\n", level_names[finding->level], finding->text);
  }
  if (errors + warnings > sorted->len) {
    g_string_append_printf(text, "%u findings more are not shown; in all: %u errors, %u warnings\n",
                           errors + warnings - sorted->len, errors, warnings);
  }
  return g_string_free(text, FALSE);
}
