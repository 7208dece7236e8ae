/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libconfig.h>

#include "config/config.h"

/* A setting or group in a configuration file that is being loaded, with what is
 * needed to read it and to say what is wrong with it. All borrowed. */
typedef struct {
  const config_setting_t *node;
  const char *path;    /* of the file, as the user gave it */
  const char *folder;  /* of the file, absolute */
  Report *report;
  Config *config;      /* what was read so far */
} Place;

/* node, in the file of place. */
Place place_at(const Place *place, const config_setting_t *node);

/* The member name of the group at place, or the group itself where it has none. */
Place place_member(const Place *place, const char *name);
gboolean place_has(const Place *place, const char *name);

void place_error(const Place *place, const char *format, ...) G_GNUC_PRINTF(2, 3);
void place_warning(const Place *place, const char *format, ...) G_GNUC_PRINTF(2, 3);
