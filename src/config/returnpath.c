/* SPDX-License-Identifier: Apache-2.0 */
#include "config/returnpath.h"

#include <string.h>

#include "base/address.h"
#include "base/verp.h"
#include "config/config.h"

/* The longest that there is, to try out whether there is room for it. */
static const char TOKEN[] = "d1zzzzzzzzzzzzzzzzzzzzzzzzz";
G_STATIC_ASSERT(sizeof TOKEN == VERP_TOKEN_SIZE);

static gboolean refuse(GError **error, const char *text, const char *why)
{
  g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "\"%s\": %s", text, why);
  return FALSE;
}

static gboolean ends_in_word(const char *text)
{
  return *text != '\0' && g_ascii_isalnum(text[strlen(text) - 1]);
}

/* around: what stands before and behind each placeholder. */
static gboolean check_placeholder(const char *text, char **around, GError **error)
{
  for (guint i = 0; around[i] != NULL; i++) {
    if (strpbrk(around[i], "{}") != NULL)
      return refuse(error, text, "nothing but " VERP_PLACEHOLDER " may stand in braces");
  }
  if (around[0] == NULL || around[1] == NULL)
    return TRUE;
  if (around[2] != NULL)
    return refuse(error, text, VERP_PLACEHOLDER " stands in it twice; once is enough");
  if (strchr(around[1], '@') == NULL)
    return refuse(error, text, VERP_PLACEHOLDER " must stand before the @");
  if (ends_in_word(around[0]) || g_ascii_isalnum(around[1][0]))
    return refuse(error, text, "a letter or digit touches " VERP_PLACEHOLDER ", so that it could "
                  "not be found again; put a \"+\" or \"-\" between them");
  return TRUE;
}

char *return_path_read(const char *text, GError **error)
{
  g_auto(GStrv) around = g_strsplit(text, VERP_PLACEHOLDER, -1);
  g_auto(Address) address = { 0 };
  if (!check_placeholder(text, around, error))
    return NULL;
  g_autofree char *longest = g_strjoinv(TOKEN, around);
  if (!address_parse(longest, &address, error)) {
    if (around[0] != NULL && around[1] != NULL)
      g_prefix_error(error, "with a token in place of " VERP_PLACEHOLDER ", ");
    return NULL;
  }
  g_auto(GStrv) parts = g_strsplit(address.mailbox, TOKEN, -1);
  return g_strjoinv(VERP_PLACEHOLDER, parts);
}
