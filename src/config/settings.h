/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "config/value.h"

/* The table of all settings. Whoever reads, writes or documents settings walks it;
 * no setting is named anywhere else, except where one is checked against another. */

typedef enum {
  SECTION_GLOBAL,
  SECTION_RELAYS,
  SECTION_DOMAINS,
  SECTION_LISTS,
  SECTION_CHANNELS,
} SectionId;

/* A section is a list of groups whose names are settings, ( { name = "a"; }, … ), or
 * a group of named groups, { a = { … }; }. SECTION_GLOBAL is the file itself. Each
 * group is kept as a struct that begins with char *name (but for the file). */
typedef struct {
  const char *name;   /* in the file */
  const char *noun;   /* what one group in it is called */
  const char *where;  /* "in a relay" */
  gboolean is_list;
  gsize size;         /* of the struct */
  gsize offset;       /* in Config, of the GPtrArray */
} Section;

extern const Section settings_sections[SECTION_CHANNELS + 1];

typedef struct {
  SectionId section;
  const char *name;
  Kind kind;
  gsize offset;           /* of the field in the section's struct */
  const char *preset;     /* the default as value_read() takes it; NULL: not set */
  gboolean is_required;
  Range range;
  const char *help;
} Setting;

/* Ended by a setting without name; those of a section stand together. */
extern const Setting settings_table[];

/* NULL where the section has no such setting. */
const Setting *settings_find(SectionId section, const char *name);

/* Fills the defaults into a new struct of the section, zeroed before. */
void settings_fill(SectionId section, gpointer object);

/* Frees what the settings hold, and not the struct itself. */
void settings_clear(SectionId section, gpointer object);

/* The structs of a section other than SECTION_GLOBAL. Borrowed. */
GPtrArray *settings_array(const Config *config, SectionId section);

/* What stands in the file for setting, NULL where it is not set. Caller frees. */
char *settings_write(const Setting *setting, gconstpointer object);

/* Whether all settings of two structs of the section have the same values. */
gboolean settings_equal(SectionId section, gconstpointer one, gconstpointer other);

/* The defaults, without relays, domains, lists and channels: a Config to be filled by
 * config_load(), immutable from then on. */
Config *config_new(void);
