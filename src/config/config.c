/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "config/settings.h"

G_DEFINE_QUARK(dateline-config-error-quark, config_error)

/* --- A Config's life. --- */

static void relay_free(gpointer pointer)
{
  RelaySettings *relay = pointer;

  settings_clear(SECTION_RELAYS, relay);
  g_free(relay->host);
  g_free(relay);
}

static void domains_free(gpointer pointer)
{
  DomainSettings *domains = pointer;

  settings_clear(SECTION_DOMAINS, domains);
  g_free(domains->name);
  g_free(domains);
}

static void list_free(gpointer pointer)
{
  ListSettings *list = pointer;

  settings_clear(SECTION_LISTS, list);
  g_free(list->name);
  g_free(list);
}

static void channel_free(gpointer pointer)
{
  ChannelSettings *channel = pointer;

  settings_clear(SECTION_CHANNELS, channel);
  g_free(channel->name);
  g_free(channel);
}

Config *config_new(void)
{
  Config *config = g_atomic_rc_box_new0(Config);

  settings_fill(SECTION_GLOBAL, config);
  config->relays = g_ptr_array_new_with_free_func(relay_free);
  config->domains = g_ptr_array_new_with_free_func(domains_free);
  config->lists = g_ptr_array_new_with_free_func(list_free);
  config->channels = g_ptr_array_new_with_free_func(channel_free);
  return config;
}

static void config_clear(gpointer pointer)
{
  Config *config = pointer;

  settings_clear(SECTION_GLOBAL, config);
  g_free(config->path);
  g_ptr_array_unref(config->relays);
  g_ptr_array_unref(config->domains);
  g_ptr_array_unref(config->lists);
  g_ptr_array_unref(config->channels);
}

Config *config_ref(Config *config)
{
  return g_atomic_rc_box_acquire(config);
}

void config_unref(Config *config)
{
  g_atomic_rc_box_release_full(config, config_clear);
}

/* --- Looking up. --- */

/* The structs of all sections begin with their name. */
static gconstpointer find_named(const GPtrArray *objects, const char *name)
{
  for (guint i = 0; i < objects->len; i++) {
    char *const *object = g_ptr_array_index(objects, i);
    if (g_str_equal(*object, name)) {
      return object;
    }
  }
  return NULL;
}

const RelaySettings *config_relay(const Config *config, const char *name)
{
  return find_named(config->relays, name);
}

const ListSettings *config_list(const Config *config, const char *name)
{
  return find_named(config->lists, name);
}

const ChannelSettings *config_channel(const Config *config, const char *name)
{
  return name != NULL ? find_named(config->channels, name)
                      : g_ptr_array_index(config->channels, 0);
}

const char *config_default_path(void)
{
  const char *path = g_getenv("DATELINE_CONFIG");

  return path != NULL && *path != '\0' ? path : DATELINE_SYSCONFDIR "/dateline.conf";
}

/* --- As text. --- */

static void append_settings(GString *text, SectionId section, const char *indent,
                            gconstpointer object)
{
  gpointer presets = g_malloc0(settings_sections[section].size);

  settings_fill(section, presets);
  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    if (setting->section != section) {
      continue;
    }
    g_autofree char *value = settings_write(setting, object);
    g_autofree char *preset = settings_write(setting, presets);
    if (value == NULL) {
      g_string_append_printf(text, "%s# %s is not set\n", indent, setting->name);
    } else {
      g_string_append_printf(text, "%s%s = %s;%s\n", indent, setting->name, value,
                             g_strcmp0(value, preset) == 0 ? "  # default" : "");
    }
  }
  settings_clear(section, presets);
  g_free(presets);
}

static void append_section(GString *text, SectionId id, const Config *config)
{
  const Section *section = &settings_sections[id];
  const GPtrArray *objects = settings_array(config, id);

  g_string_append_printf(text, "\n%s = %s\n", section->name, section->is_list ? "(" : "{");
  for (guint i = 0; i < objects->len; i++) {
    char *const *object = g_ptr_array_index(objects, i);
    if (section->is_list) {
      g_string_append(text, "  {\n");
    } else {
      g_string_append_printf(text, "  %s = {\n", *object);
    }
    append_settings(text, id, "    ", object);
    g_string_append_printf(text, "  }%s\n",
                           !section->is_list ? ";" : i + 1 < objects->len ? "," : "");
  }
  g_string_append(text, section->is_list ? ");\n" : "};\n");
}

char *config_to_text(const Config *config)
{
  GString *text = g_string_new(NULL);

  append_settings(text, SECTION_GLOBAL, "", config);
  for (SectionId id = SECTION_RELAYS; id <= SECTION_CHANNELS; id++) {
    append_section(text, id, config);
  }
  return g_string_free(text, FALSE);
}

char *config_reference(void)
{
  GString *text = g_string_new(NULL);

  for (const Setting *setting = settings_table; setting->name != NULL; setting++) {
    const char *unset = setting->is_required ? "required" : "-";
    g_autofree char *type = value_type(setting->kind, &setting->range);
    g_string_append_printf(text, "%s\t%s\t%s\t%s\t%s\n", settings_sections[setting->section].name,
                           setting->name, type, setting->preset != NULL ? setting->preset : unset,
                           setting->help);
  }
  return g_string_free(text, FALSE);
}
