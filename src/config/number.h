/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* Numbers with a unit, as people write them: "30 s", "1.5 h", "64 MiB", "600/min". */

typedef struct {
  const char *name;
  gint64 factor;
  gboolean written;  /* the name under which it is written; others are only read */
} Unit;

/* Ended by a unit without name. The first has the factor 1. */
extern const Unit number_time_units[];  /* of milliseconds */
extern const Unit number_size_units[];  /* of bytes */
extern const Unit number_no_units[];

/* bare is the name of the unit of numbers that have none. Neither "1e9" nor "0x10"
 * nor "inf" is a number here. FALSE where text is none; then number is untouched. */
gboolean number_read(const char *text, const Unit *units, const char *bare, double *number);

/* In the largest unit that gives a whole number. Caller frees. */
char *number_write(gint64 number, const Unit *units);

/* "none", or counts for units of time with commas between, each unit once. */
gboolean rate_read(const char *text, Rate *rate);
char *rate_write(const Rate *rate);
