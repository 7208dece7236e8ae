/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>

#include "contacts/roster.h"

/* The roster's file, which roster-writer.c writes and roster.c reads. roster-writer.c
 * holds the schema. */

enum {
  ROSTER_APPLICATION_ID = 0x646c7273,  /* "dlrs", for file(1) */
  ROSTER_VERSION = 1,                  /* user_version: of the schema */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)

/* Sets error to what SQLite says about db. Always FALSE. */
gboolean roster_fail(sqlite3 *db, const char *path, GError **error);
