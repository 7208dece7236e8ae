/* SPDX-License-Identifier: Apache-2.0 */

/* libconfig 1.5 takes a NUL for the end of the file, cuts integers to 32 bits and lets a
 * comment that is never closed swallow the rest, and says nothing; a text that is
 * never closed it reports at the end of the file. The administrator would believe that
 * something is in force that is not, so these are found here, before. What an
 * @include brings in is not looked at. */

#include "config/source.h"

#include <string.h>

/* The tokens in which digits and comment signs mean nothing come first. */
#define TOKEN_PATTERN \
  "\"(?:[^\"\\\\]++|\\\\.)*+\"" /* a string */ \
  "|(?:#|//)[^\\n]*+|/\\*.*?\\*/" /* a comment */ \
  "|[A-Za-z*][A-Za-z0-9_*-]*+" /* a name */ \
  "|(?<number>[0-9][0-9A-Za-z.]*+)" \
  "|(?<open>/\\*|\")"

static guint line_at(const char *content, gsize position)
{
  guint line = 1;

  for (gsize i = 0; i < position; i++) {
    line += content[i] == '\n';
  }
  return line;
}

static void check_bytes(const char *path, const char *content, gsize length, Report *report)
{
  const char *end;

  if (!g_utf8_validate_len(content, length, &end)) {
    report_error(report, path, line_at(content, (gsize)(end - content)), 0,
                 "the file is not UTF-8 text: found the byte 0x%02x", (guchar)*end);
  }
}

/* Whether it is an integer beyond 32 bits; with "L" behind it, libconfig takes 64. */
static gboolean is_too_large(const char *number)
{
  gboolean is_hexadecimal = g_ascii_strncasecmp(number, "0x", 2) == 0;
  char *end;
  guint64 value = g_ascii_strtoull(number, &end, is_hexadecimal ? 16 : 10);

  return *end == '\0' && value > G_MAXINT32;
}

static void check_token(const GMatchInfo *match, const char *path, const char *content,
                        Report *report)
{
  g_autofree char *number = g_match_info_fetch_named(match, "number");
  g_autofree char *open = g_match_info_fetch_named(match, "open");
  int position;

  g_match_info_fetch_pos(match, 0, &position, NULL);
  if (number != NULL && is_too_large(number)) {
    report_error(report, path, line_at(content, (gsize)position), 0,
                 "the number %s is too large; write it with a unit, as in \"5 GiB\"", number);
  } else if (open != NULL && *open == '"') {
    report_error(report, path, line_at(content, (gsize)position), 0,
                 "the text that begins here has no closing quotation mark, or one before it has "
                 "none");
  } else if (open != NULL && *open == '/') {
    report_error(report, path, line_at(content, (gsize)position), 0,
                 "the comment that begins here has no end; expected */");
  }
}

static void check_tokens(const char *path, const char *content, Report *report)
{
  g_autoptr(GRegex) regex = g_regex_new(TOKEN_PATTERN, G_REGEX_DOTALL, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;

  g_assert(regex != NULL);
  g_regex_match(regex, content, 0, &match);
  for (; g_match_info_matches(match); g_match_info_next(match, NULL)) {
    check_token(match, path, content, report);
  }
}

char *source_read(const char *path, Report *report)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *content = NULL;
  gsize length;

  if (!g_file_get_contents(path, &content, &length, &error)) {
    report_take_error(report, path, 0, &error);
    return NULL;
  }
  guint before = report_count(report, FINDING_ERROR);
  check_bytes(path, content, length, report);
  if (report_count(report, FINDING_ERROR) == before) {
    check_tokens(path, content, report);
  }
  return report_count(report, FINDING_ERROR) == before ? g_steal_pointer(&content) : NULL;
}
