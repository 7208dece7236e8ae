/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* What a name alone tells about a file or a folder. */
typedef enum {
  NAME_CONTENT,     /* somebody's file */
  NAME_LEFT_OVER,   /* hidden, an editor's or a file manager's: passed over in silence */
  NAME_UNFINISHED,  /* a transfer in progress that will be renamed when it is complete */
} NameKind;

NameKind ready_name_kind(const char *name);
