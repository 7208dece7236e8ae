/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/reader.h"

/* Journals as texts, for tests. */

char *lines_make_folder(void);
void lines_remove_folder(char *folder);   /* frees it, too */

void lines_add_header(GString *lines);
/* A line with its CRC and LF; value becomes text=, NULL: no field. */
void lines_add(GString *lines, guint64 sequence, Event event, guint32 contact, const char *value);

void lines_write(const char *folder, const char *name, const char *data, gsize length);
GString *lines_load(const char *folder, const char *name);

/* "1 started 0 -\n2 intended 5 main\n": number, event, contact, value of the last field. */
void lines_describe(GString *text, const Record *record);
/* Reads on to the end, or to a failure. */
ReadResult lines_read(JournalReader *reader, GString *text, GError **error);
