/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <unistd.h>

#include "base/names.h"

static const char *const BEGINNINGS[] = {
  [STYLE_PLAIN] = "",           [STYLE_HEADING] = "\x1b[1m", [STYLE_GOOD] = "\x1b[32m",
  [STYLE_WARNING] = "\x1b[33m", [STYLE_BAD] = "\x1b[31m",
};

/* https://no-color.org: set to anything but nothing. */
static gboolean is_coloured(void)
{
  const char *refused = g_getenv("NO_COLOR");
  const char *kind = g_getenv("TERM");

  return isatty(STDOUT_FILENO) && (refused == NULL || *refused == '\0') && kind != NULL &&
         !g_str_equal(kind, "dumb");
}

const char *style_begin(Style style)
{
  return is_coloured() ? BEGINNINGS[style] : "";
}

const char *style_end(Style style)
{
  return style != STYLE_PLAIN && is_coloured() ? "\x1b[0m" : "";
}

Style style_of_state(const char *state)
{
  static const struct {
    const char *state;
    Style style;
  } styles[] = {
    {"sent", STYLE_GOOD},        {"finished", STYLE_GOOD},  {"deferred", STYLE_WARNING},
    {"in-doubt", STYLE_WARNING}, {"paused", STYLE_WARNING}, {"waiting", STYLE_WARNING},
    {"skipped", STYLE_WARNING},  {"bounced", STYLE_BAD},    {"expired", STYLE_BAD},
    {"suppressed", STYLE_WARNING}, {"held", STYLE_BAD},
  };

  for (guint i = 0; i < G_N_ELEMENTS(styles); i++) {
    if (g_str_equal(state, styles[i].state)) {
      return styles[i].style;
    }
  }
  return STYLE_PLAIN;
}

char *text_make_lines_visible(const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) cells = g_strsplit(lines[i], "\t", -1);
    for (guint j = 0; cells[j] != NULL; j++) {
      char *visible = text_make_visible(cells[j]);
      g_free(cells[j]);
      cells[j] = visible;
    }
    g_free(lines[i]);
    lines[i] = g_strjoinv("\t", cells);
  }
  return g_strjoinv("\n", lines);
}

static char *format_local(gint64 wall_ms, const char *format)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(wall_ms / 1000);

  return time != NULL ? g_date_time_format(time, format) : g_strdup("-");
}

char *moment_to_text(gint64 wall_ms)
{
  return wall_ms == 0 ? g_strdup("-") : format_local(wall_ms, "%Y-%m-%d %H:%M:%S");
}

char *moment_to_stamp(gint64 wall_ms)
{
  return format_local(wall_ms, "%Y-%m-%dT%H:%M:%S%:z");
}

char *duration_to_text(gint64 ms)
{
  gint64 seconds = (ms + 999) / 1000, minutes = (seconds + 59) / 60;

  if (seconds < 60) {
    return g_strdup_printf("%" G_GINT64_FORMAT " s", seconds);
  }
  if (minutes < 60) {
    return g_strdup_printf("%" G_GINT64_FORMAT " min", minutes);
  }
  return g_strdup_printf("%" G_GINT64_FORMAT " h %" G_GINT64_FORMAT " min", minutes / 60,
                         minutes % 60);
}

char *count_to_text(guint64 number, const char *noun)
{
  return g_strdup_printf("%" G_GUINT64_FORMAT " %s%s", number, noun, number == 1 ? "" : "s");
}
