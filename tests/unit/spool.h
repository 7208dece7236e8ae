/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* A spool in a temporary folder, with the channels press (the default) and berlin, for
 * the tests of the spool. Bundles of up to BUNDLE_SIZE bytes are taken. */

enum { BUNDLE_SIZE = 1 << 20 };

typedef struct {
  char *root;      /* <root>/spool is the spool; the rest is for the test */
  Config *config;
} Spool;

/* The settings in milliseconds. The spool is prepared. */
void spool_open(Spool *spool, guint settle_ms, guint rescan_ms);
void spool_close(Spool *spool);

/* A path below the spool's root folder, say "spool/incoming/a.md". Caller frees. */
char *spool_file(const Spool *spool, const char *path);

/* The same, made into a new file with this text, into a folder, or looked at. */
void spool_write(const Spool *spool, const char *path, const char *text);
void spool_make_folder(const Spool *spool, const char *path);
void spool_rename(const Spool *spool, const char *from, const char *to);
gboolean spool_has(const Spool *spool, const char *path);
char *spool_read(const Spool *spool, const char *path);

/* Names in the folder, sorted, with a blank between them. Caller frees. */
char *spool_list(const Spool *spool, const char *path);
