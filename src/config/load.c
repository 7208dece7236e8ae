/* SPDX-License-Identifier: Apache-2.0 */

/* From the file to a Config: libconfig parses, the table of settings says what each
 * value means, and rules.c what must hold between them. Nothing stops at the first
 * mistake: a value that is wrong is reported and keeps its default. */

#include <libconfig.h>

#include "base/names.h"
#include "config/place.h"
#include "config/rules.h"
#include "config/settings.h"
#include "config/source.h"

/* --- One value. --- */

static const struct {
  const char *noun;
  guint form;
} types[] = {
  [CONFIG_TYPE_NONE] = {"nothing", 0},
  [CONFIG_TYPE_GROUP] = {"a group", 0},
  [CONFIG_TYPE_INT] = {"a whole number", WRITTEN_AS_INTEGER},
  [CONFIG_TYPE_INT64] = {"a whole number", WRITTEN_AS_INTEGER},
  [CONFIG_TYPE_FLOAT] = {"a number with a fraction", WRITTEN_AS_FRACTION},
  [CONFIG_TYPE_STRING] = {"a text", WRITTEN_AS_STRING},
  [CONFIG_TYPE_BOOL] = {"true or false", WRITTEN_AS_SWITCH},
  [CONFIG_TYPE_ARRAY] = {"an array", WRITTEN_AS_ARRAY},
  [CONFIG_TYPE_LIST] = {"a list", WRITTEN_AS_ARRAY},
};

/* The value of a scalar as value_read() wants it. */
static char *scalar_text(const config_setting_t *node)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (config_setting_type(node)) {
  case CONFIG_TYPE_STRING:
    return g_strdup(config_setting_get_string(node));
  case CONFIG_TYPE_BOOL:
    return g_strdup(config_setting_get_bool(node) ? "true" : "false");
  case CONFIG_TYPE_FLOAT:
    return g_strdup(g_ascii_dtostr(number, sizeof number, config_setting_get_float(node)));
  default:
    return g_strdup_printf("%lld", config_setting_get_int64(node));
  }
}

static void read_scalar(const Place *place, const Setting *setting, gpointer object)
{
  g_autofree char *text = scalar_text(place->node);
  g_autofree char *visible = text_make_visible(text);
  g_autoptr(GError) error = NULL;

  if (*text == '\0') {
    place_error(place, "%s: the text is empty; leave the setting out or fill it", setting->name);
  } else if (!g_str_equal(text, visible)) {
    /* Much of it ends up in SMTP commands and headers, where CR and LF mean more. */
    place_error(place, "%s: \"%s\" has control characters or is not UTF-8", setting->name,
                   visible);
  } else if (!value_read(setting->kind, &setting->range, place->folder, text,
                         (char *)object + setting->offset, &error)) {
    place_error(place, "%s: %s", setting->name, error->message);
  }
}

static void read_setting(const Place *place, const Setting *setting, gpointer object)
{
  guint forms = value_forms(setting->kind);
  int type = config_setting_type(place->node);

  if ((types[type].form & forms) == 0) {
    place_error(place, "%s: found %s, expected %s", setting->name, types[type].noun,
                   value_description(setting->kind));
    return;
  }
  if ((forms & WRITTEN_AS_ARRAY) != 0) {
    /* Values are added to what is there, which is to be replaced: it is the default. */
    value_clear(setting->kind, (char *)object + setting->offset);
  }
  if (types[type].form != WRITTEN_AS_ARRAY) {
    read_scalar(place, setting, object);
    return;
  }
  for (int i = 0; i < config_setting_length(place->node); i++) {
    Place element = place_at(place, config_setting_get_elem(place->node, (guint)i));
    if (config_setting_type(element.node) == CONFIG_TYPE_STRING) {
      read_scalar(&element, setting, object);
    } else {
      place_error(&element, "%s: found %s within, expected %s", setting->name,
                     types[config_setting_type(element.node)].noun,
                     value_description(setting->kind));
    }
  }
}

/* --- A group of settings. --- */

static gboolean is_section(const char *name)
{
  for (SectionId id = SECTION_RELAYS; id <= SECTION_CHANNELS; id++) {
    if (g_str_equal(settings_sections[id].name, name)) {
      return TRUE;
    }
  }
  return FALSE;
}

/* What name was probably meant to be, among all that may stand in section. */
static const char *nearest_setting(SectionId section, const char *name)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    if (setting->section == section) {
      g_ptr_array_add(names, (gpointer)setting->name);
    }
  }
  for (SectionId id = SECTION_RELAYS; section == SECTION_GLOBAL && id <= SECTION_CHANNELS; id++) {
    g_ptr_array_add(names, (gpointer)settings_sections[id].name);
  }
  g_ptr_array_add(names, NULL);
  return nearest_word(name, (const char *const *)names->pdata);
}

static void complain_unknown(const Place *place, SectionId section, const char *name)
{
  const char *nearest = nearest_setting(section, name);

  if (nearest != NULL) {
    place_error(place, "unknown setting \"%s\"; did you mean \"%s\"?", name, nearest);
    return;
  }
  for (SectionId id = SECTION_GLOBAL; id <= SECTION_CHANNELS; id++) {
    if (settings_find(id, name) != NULL) {
      place_error(place, "\"%s\" must stand %s, not %s", name, settings_sections[id].where,
                  settings_sections[section].where);
      return;
    }
  }
  place_error(place, "unknown setting \"%s\" %s", name, settings_sections[section].where);
}

static void read_members(const Place *place, SectionId section, gpointer object)
{
  for (int i = 0; i < config_setting_length(place->node); i++) {
    Place member = place_at(place, config_setting_get_elem(place->node, (guint)i));
    const char *name = config_setting_name(member.node);
    const Setting *setting = settings_find(section, name);
    if (setting != NULL) {
      read_setting(&member, setting, object);
    } else if (section != SECTION_GLOBAL || !is_section(name)) {
      complain_unknown(&member, section, name);
    }
  }
  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    if (setting->section == section && setting->is_required && !place_has(place, setting->name)) {
      place_error(place, "the %s has no %s; expected %s", settings_sections[section].noun,
                  setting->name, value_description(setting->kind));
    }
  }
}

/* --- A section. --- */

static void check_object(const Place *place, SectionId section, gpointer object)
{
  switch (section) {
  case SECTION_RELAYS:
    rules_check_relay(place, object);
    break;
  case SECTION_DOMAINS:
    rules_check_domains(place, object);
    break;
  case SECTION_LISTS:
    rules_check_list(place, object);
    break;
  case SECTION_CHANNELS:
    rules_check_channel(place, object);
    break;
  case SECTION_GLOBAL:
    rules_check_global(place, object);
    break;
  }
}

static void read_object(const Place *place, SectionId section)
{
  int type = config_setting_type(place->node);
  const char *name = config_setting_name(place->node); /* NULL in a list of groups */

  if (type != CONFIG_TYPE_GROUP) {
    place_error(place, "found %s, expected a %s: { … }", types[type].noun,
                settings_sections[section].noun);
    return;
  }
  if (name != NULL && !value_is_name(name)) {
    place_error(place, "\"%s\" cannot be the name of a %s; expected %s", name,
                settings_sections[section].noun, value_description(KIND_NAME));
  }
  gpointer object = g_malloc0(settings_sections[section].size);
  *(char **)object = g_strdup(name);
  settings_fill(section, object);
  read_members(place, section, object);
  check_object(place, section, object);
  g_ptr_array_add(settings_array(place->config, section), object);
}

static void read_section(const Place *root, SectionId id)
{
  const Section *section = &settings_sections[id];
  Place place = place_member(root, section->name);
  int type = config_setting_type(place.node);

  if (place.node == root->node) {
    return;
  }
  if (type != (section->is_list ? CONFIG_TYPE_LIST : CONFIG_TYPE_GROUP)) {
    place_error(&place, "%s: found %s, expected %s", section->name, types[type].noun,
                section->is_list ? "a list of groups: ( { … }, { … } );"
                                 : "named groups: { NAME = { … }; };");
    return;
  }
  for (int i = 0; i < config_setting_length(place.node); i++) {
    Place element = place_at(&place, config_setting_get_elem(place.node, (guint)i));
    read_object(&element, id);
  }
}

/* --- The file. --- */

static void read_file(const Place *root)
{
  read_members(root, SECTION_GLOBAL, root->config);
  /* In this order, wherever they stand in the file: channels name lists. */
  for (SectionId id = SECTION_RELAYS; id <= SECTION_CHANNELS; id++) {
    read_section(root, id);
  }
  check_object(root, SECTION_GLOBAL, root->config);
}

static void complain_syntax(const config_t *parsed, const char *path, Report *report)
{
  const char *file = config_error_file(parsed);
  const char *text = config_error_text(parsed);

  report_error(report, file != NULL ? file : path, (guint)config_error_line(parsed), 0, "%s%s",
               text, g_str_equal(text, "syntax error")
                         ? "; often a \";\", a bracket or a quotation mark is missing here or in "
                           "the line above"
                         : "");
}

Config *config_load(const char *path, Report *report)
{
  guint before = report_count(report, FINDING_ERROR);
  g_autofree char *content = source_read(path, report);

  if (content == NULL) {
    return NULL;
  }
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  g_autofree char *folder = g_path_get_dirname(absolute);
  g_autoptr(Config) config = config_new();
  config->path = g_strdup(path);

  config_t parsed;
  config_init(&parsed);
  config_set_include_dir(&parsed, folder);
  if (config_read_string(&parsed, content)) {
    read_file(&(Place){.node = config_root_setting(&parsed), .path = path, .folder = folder,
                       .report = report, .config = config});
  } else {
    complain_syntax(&parsed, path, report);
  }
  config_destroy(&parsed);
  return report_count(report, FINDING_ERROR) == before ? g_steal_pointer(&config) : NULL;
}
