/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A Report collects everything that is wrong with what somebody wrote, so that
 * they learn all their mistakes at once and not the first only. A finding says
 * where it is, what was found and what is expected; functions that read input
 * take a Report and go on as far as they sensibly can.
 *
 * A Report is not thread-safe; it belongs to one intake or one command. */

typedef enum {
  FINDING_WARNING,  /* worth a look; nothing is refused for it */
  FINDING_ERROR,    /* the input is refused */
} FindingLevel;

typedef struct {
  FindingLevel level;
  char *file;     /* as the user knows it (relative to the drop), or NULL */
  guint line;     /* from 1; 0 where there is none */
  guint column;   /* from 1, in characters; 0 where there is none */
  char *text;     /* one sentence or two, no trailing newline */
} Finding;

typedef struct Report Report;

Report *report_new(void);
void report_free(Report *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

/* Control characters and invalid UTF-8 in file and text are made visible (see
 * text_make_visible()). Beyond LIMIT_REPORT_FINDINGS findings of a level are
 * counted but not kept. */
void report_error(Report *report, const char *file, guint line, guint column,
                  const char *format, ...) G_GNUC_PRINTF(5, 6);
void report_warning(Report *report, const char *file, guint line, guint column,
                    const char *format, ...) G_GNUC_PRINTF(5, 6);

/* An error that is the machine's trouble: it says nothing about the input, and whoever can
 * should try again later instead of refusing. */
void report_trouble(Report *report, const char *file, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
gboolean report_troubled(const Report *report);

/* A finding of a level that the caller was told. */
void report_add(Report *report, FindingLevel level, const char *file, guint line, guint column,
                const char *text);

/* Moves the message of error into the report and clears it. */
void report_take_error(Report *report, const char *file, guint line, GError **error);

guint report_count(const Report *report, FindingLevel level);
static inline gboolean report_failed(const Report *report)
{
  return report_count(report, FINDING_ERROR) > 0;
}

guint report_length(const Report *report);                    /* findings kept */
const Finding *report_get(const Report *report, guint index);  /* borrowed */

/* "jakarta.md:4:1: error: unknown key …", one finding a line, sorted by file and
 * line; says how many were not kept. The caller frees it. */
char *report_to_text(const Report *report);
