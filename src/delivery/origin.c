/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/origin.h"

#include "base/names.h"
#include "base/verp.h"
#include "delivery/reader.h"
#include "delivery/summary.h"

/* No more of the journal is read than its terms, at its beginning. */
static gboolean read_terms(const char *directory, Terms *terms)
{
  g_autoptr(JournalReader) reader = journal_reader_open(directory, NULL);
  Record record;

  while (reader != NULL && journal_reader_next(reader, &record, NULL) == READ_RECORD) {
    terms_read(terms, &record);
    if (record.event == EVENT_ACCEPTED) {
      return TRUE;
    }
  }
  return FALSE;
}

/* A release that cannot be read, or that moves away just now, has not made it. */
static gboolean has_made(const char *spool, const char *id, const Verp *verp)
{
  g_autofree char *directory = releases_locate(spool, id);
  Terms terms = {0};
  gboolean made = FALSE;

  if (directory != NULL && read_terms(directory, &terms) && terms.token_key != NULL) {
    g_autoptr(VerpKey) key = verp_key_new(terms.token_key);
    made = verp_is_sealed(verp, key);
  }
  terms_clear(&terms);
  return made;
}

char *origin_find(const char *spool, const char *text, guint32 *contact, GError **error)
{
  static const char *const folders[] = {"queue", "done"};   /* the way that releases go */
  g_autofree char *shown = text_make_visible(text);
  Verp verp;

  if (!verp_parse(text, &verp)) {
    g_set_error(error, RELEASES_ERROR, RELEASES_ERROR_UNKNOWN,
                "\"%s\" is no token, nor a return path with one", shown);
    return NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autoptr(GPtrArray) ids = releases_list(spool, folders[i], error);
    if (ids == NULL) {
      return NULL;
    }
    for (guint j = 0; j < ids->len; j++) {
      if (has_made(spool, g_ptr_array_index(ids, j), &verp)) {
        *contact = verp.contact;
        return g_strdup(g_ptr_array_index(ids, j));
      }
    }
  }
  g_set_error(error, RELEASES_ERROR, RELEASES_ERROR_UNKNOWN,
              "no release in the spool has made the token \"%s\"", shown);
  return NULL;
}
