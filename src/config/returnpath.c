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

static gboolean has_token(const char *text)
{
  Verp verp;
  return verp_parse(text, &verp);
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
  if (has_token(around[0]))
    return refuse(error, text, "what stands before " VERP_PLACEHOLDER " looks like a token itself, "
                  "and would be taken for it");
  if (ends_in_word(around[0]) || g_ascii_isalnum(around[1][0]))
    return refuse(error, text, "a letter or digit touches " VERP_PLACEHOLDER ", so that it could "
                  "not be found again; put a \"+\" or \"-\" between them");
  return TRUE;
}

/* mailbox: what address_parse() made of text, which had TOKEN at offset. It takes blanks off
 * and changes the domain, so that the token is where it was before the @. */
static char *put_placeholder(const char *mailbox, const char *text, gsize offset)
{
  gsize blanks = (gsize)(strrchr(text, '@') - text) - (gsize)(strrchr(mailbox, '@') - mailbox);
  g_autofree char *before = g_strndup(mailbox, offset - blanks);
  return g_strconcat(before, VERP_PLACEHOLDER, mailbox + offset - blanks + strlen(TOKEN), NULL);
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
  return around[0] == NULL || around[1] == NULL
             ? g_strdup(address.mailbox)
             : put_placeholder(address.mailbox, longest, strlen(around[0]));
}
