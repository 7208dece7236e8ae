/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"

/* The files of a drop as they lie on disk. */
typedef struct {
  char *name;      /* path within the drop; the drop's own name where it is one file */
  char *shown;     /* the same for findings: with the drop's name before it */
  char *path;      /* absolute */
  guint64 size;
} BundleFile;

/* All files below path, or path itself where it is a file; BundleFile *, sorted by name
 * byte by byte. Links, devices, sockets, unsafe names, and what is beyond the limits go
 * into report with root (the drop's name) before them; what editors and desktops leave
 * behind (names that begin with a dot or end in "~") is left out with a warning.
 * NULL where path itself cannot be read, or there is too much of it to look into. */
GPtrArray *bundle_list(const char *path, const char *root, guint64 max_size, Report *report);
