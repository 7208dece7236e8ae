/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* Whether path's first bytes are those of a spreadsheet, whatever it is called. */
gboolean is_sheet(const char *path);
