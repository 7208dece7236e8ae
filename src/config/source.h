/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"

/* The text of a configuration file, for libconfig to parse. NULL, with the reasons in
 * report, where it cannot be read or holds what libconfig would pass over in silence. */
char *source_read(const char *path, Report *report);
