/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What columns are called: one table of meanings, each with its names in several languages. */

typedef enum {
  MEANING_ADDRESS,
  MEANING_NAME,
  MEANING_FIRST_NAME,
  MEANING_LAST_NAME,
  MEANING_LANGUAGE,
  MEANING_COUNTRY,
  MEANING_CITY,
  MEANING_ORGANIZATION,
  MEANING_TITLE,
  MEANING_TIMEZONE,
  MEANING_MEANINGS,
} ColumnMeaning;

/* The surest first; NULL-terminated. */
const char *const *column_names(ColumnMeaning meaning);

/* The names of the meaning that name stands for, or NULL. */
const char *const *column_synonyms(const char *name);

/* Case, '_', '-' and ' ' are alike, and so are runs of them. */
gboolean column_name_equal(const char *a, const char *b);
