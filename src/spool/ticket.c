/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/ticket.h"

#include <string.h>
#include "base/clock.h"
#include "base/durable.h"
#include "base/names.h"
#include "spool/claim.h"

enum { KEY_NAME, KEY_CHANNEL, KEY_CLAIMED, KEYS };

static const char *const keys[KEYS] = {
  [KEY_NAME] = "name",
  [KEY_CHANNEL] = "channel",
  [KEY_CLAIMED] = "claimed",
};

/* A file may have any name but one with '/' or NUL, so also one with line breaks. All
 * bytes beyond ASCII stay as they are, valid UTF-8 or not. */
static char *escape(const char *name)
{
  char beyond_ascii[0x81] = "";

  for (guint i = 0; i < 0x80; i++) {
    beyond_ascii[i] = (char)(0x80 + i);
  }
  return g_strescape(name, beyond_ascii);
}

gboolean ticket_write(const Claim *claim, GError **error)
{
  g_autofree char *path = g_build_filename(claim->directory, CLAIM_TICKET, NULL);
  g_autofree char *name = escape(claim->name);
  g_autofree char *channel = escape(claim->channel);
  char claimed[CLOCK_UTC_LENGTH + 1];

  clock_format_utc(claim->claimed_ms, claimed);
  g_autofree char *text = g_strdup_printf("%s=%s\n%s=%s\n%s=%s\n", keys[KEY_NAME], name,
                                          keys[KEY_CHANNEL], channel, keys[KEY_CLAIMED], claimed);
  return durable_write_file(path, text, strlen(text), error);
}

/* Puts the value of line, "key=value", to its key. */
static gboolean read_line(const char *line, const char *values[KEYS])
{
  for (guint i = 0; i < KEYS; i++) {
    gsize length = strlen(keys[i]);
    if (strncmp(line, keys[i], length) == 0 && line[length] == '=' && values[i] == NULL) {
      values[i] = line + length + 1;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean is_one_name(const char *name)
{
  return *name != '\0' && strchr(name, '/') == NULL && !g_str_equal(name, ".") &&
         !g_str_equal(name, "..");
}

/* Each key once, each line ended, nothing else: a torn file has no last line. */
static gboolean read_text(char *text, const char *values[KEYS], char ***lines)
{
  *lines = g_strsplit(text, "\n", -1);
  if (g_strv_length(*lines) != KEYS + 1 || *(*lines)[KEYS] != '\0') {
    return FALSE;
  }
  for (guint i = 0; i < KEYS; i++) {
    if (!read_line((*lines)[i], values)) {
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean read_file(const char *path, char **text, gsize *length, GError **error)
{
  GError *failure = NULL;

  if (g_file_get_contents(path, text, length, &failure)) {
    return TRUE;
  }
  if (g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_error_free(failure);
  } else {
    g_propagate_error(error, failure);
  }
  return FALSE;
}

gboolean ticket_read(Claim *claim, GError **error)
{
  g_autofree char *path = g_build_filename(claim->directory, CLAIM_TICKET, NULL);
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;
  const char *values[KEYS] = {NULL};
  gsize length;
  gint64 claimed_ms;

  if (!read_file(path, &text, &length, error) || strlen(text) != length ||
      !read_text(text, values, &lines) ||
      !clock_parse_utc(values[KEY_CLAIMED], strlen(values[KEY_CLAIMED]), &claimed_ms)) {
    return FALSE;
  }
  g_autofree char *name = g_strcompress(values[KEY_NAME]);
  g_autofree char *channel = g_strcompress(values[KEY_CHANNEL]);
  if (!is_one_name(name) || !name_is_safe(channel, NULL)) {
    return FALSE;
  }
  claim->name = g_steal_pointer(&name);
  claim->channel = g_steal_pointer(&channel);
  claim->claimed_ms = claimed_ms;
  return TRUE;
}
