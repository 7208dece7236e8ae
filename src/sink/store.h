/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Where accepted messages go: files in a Maildir, lines in a record, both, or
 * neither. Any thread may use it. */

typedef struct Store Store;

/* Either may be NULL. The Maildir is made if it is not there; the record is appended to. */
Store *store_open(const char *maildir, const char *record, GError **error);
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

gboolean store_has_maildir(const Store *store);
gboolean store_has_record(const Store *store);

/* A new file in tmp/; its name is given back for the calls below. -1 on failure. */
int store_create(Store *store, const char *unique, char **name, GError **error);

/* Moves the file from tmp/ to new/. */
gboolean store_deliver(Store *store, const char *name, GError **error);

/* Takes the file away, from wherever it has come to. */
void store_remove(Store *store, const char *name);

/* Appends one line, which ends in LF, in one write(2). */
gboolean store_record(Store *store, const GString *line, GError **error);
