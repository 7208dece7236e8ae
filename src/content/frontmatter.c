/* SPDX-License-Identifier: Apache-2.0 */
#include "content/frontmatter.h"

#include <string.h>
#include <yaml.h>
#include "base/address.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/names.h"

/* libyaml takes time by the square of how deeply lists are nested, and knows no cap of its
 * own: two megabytes of brackets would keep the daemon busy for hours. */
enum { YAML_SIZE_MAX = 16 << 10 };

typedef struct {
  const char *file;
  guint first_line;         /* of the YAML in the file */
  const char *yaml;
  yaml_document_t *document;
  FrontMatter *front;
  Report *report;
} Reader;

/* A key with one of its values, which are texts. */
typedef struct {
  const char *key;
  const char *value;
  guint line;
} Entry;

static G_GNUC_PRINTF(3, 4) void fail(Reader *reader, guint line, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_error(reader->report, reader->file, line, 0, "%s", text);
}

static guint line_of(const Reader *reader, yaml_mark_t mark)
{
  return reader->first_line + (guint)mark.line;
}

/* --- Keys --- */

static void take_subject(Reader *reader, const Entry *entry)
{
  reader->front->subject = g_strdup(entry->value);
  reader->front->subject_line = entry->line;
}

static void take_mailbox(Reader *reader, const Entry *entry, char **mailbox)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL;
  g_auto(Address) address = { 0 };
  if (mailbox_parse(entry->value, &name, &address, &error)) {
    *mailbox = g_strdup(entry->value);
  } else {
    fail(reader, entry->line, "%s: %s", entry->key, error->message);
  }
}

static void take_from(Reader *reader, const Entry *entry)
{
  take_mailbox(reader, entry, &reader->front->from);
}

static void take_reply_to(Reader *reader, const Entry *entry)
{
  take_mailbox(reader, entry, &reader->front->reply_to);
}

static void append_text(GStrv *texts, const char *text)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  if (*texts != NULL) {
    g_strv_builder_addv(builder, (const char **)*texts);
  }
  g_strv_builder_add(builder, text);
  g_strfreev(*texts);
  *texts = g_strv_builder_end(builder);
}

static void take_list(Reader *reader, const Entry *entry)
{
  GStrv known = reader->front->lists;
  if (known != NULL && g_strv_contains((const char *const *)known, entry->value)) {
    report_warning(reader->report, reader->file, entry->line, 0,
                   "the list \"%s\" is named twice; it counts once", entry->value);
    return;
  }
  append_text(&reader->front->lists, entry->value);
}

static void take_where(Reader *reader, const Entry *entry)
{
  reader->front->where = g_strdup(entry->value);
  reader->front->where_line = entry->line;
}

static void take_exclude(Reader *reader, const Entry *entry)
{
  append_text(&reader->front->exclude, entry->value);
  reader->front->exclude_line = entry->line;
}

static gboolean take_moment(Reader *reader, const Entry *entry, gint64 *moment, char **zone)
{
  g_autoptr(GError) error = NULL;
  if (clock_parse_moment(entry->value, moment, zone, &error)) {
    return TRUE;
  }
  fail(reader, entry->line, "%s: %s", entry->key, error->message);
  return FALSE;
}

static void take_send_at(Reader *reader, const Entry *entry)
{
  take_moment(reader, entry, &reader->front->send_at_ms, NULL);
}

static void take_not_after(Reader *reader, const Entry *entry)
{
  take_moment(reader, entry, &reader->front->not_after_ms, NULL);
}

/* "23 November 2026, 12:00 (Asia/Jakarta)", in English whatever the locale. A zone without
 * a name that the world knows is shown as its distance from UTC. */
static char *moment_to_text(gint64 moment_ms, const char *zone_name)
{
  static const char *const months[] = { "January", "February", "March", "April", "May", "June",
                                        "July", "August", "September", "October", "November",
                                        "December" };
  g_autoptr(GTimeZone) zone = zone_name == NULL ? g_time_zone_new_local()
                                                : g_time_zone_new_identifier(zone_name);
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(moment_ms / 1000);
  g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
  const char *identifier = g_time_zone_get_identifier(zone);
  const gboolean named = strchr(identifier, '/') != NULL && *identifier != '/';
  const gboolean is_utc = g_date_time_get_utc_offset(local) == 0;
  g_autofree char *offset = g_date_time_format(local, is_utc ? "UTC" : "UTC%:z");
  g_autofree char *time = g_date_time_format(local, "%Y, %H:%M");
  return g_strdup_printf("%d %s %s (%s)", g_date_time_get_day_of_month(local),
                         months[g_date_time_get_month(local) - 1], time,
                         named ? identifier : offset);
}

static void take_embargo(Reader *reader, const Entry *entry)
{
  g_autofree char *zone = NULL;
  if (take_moment(reader, entry, &reader->front->embargo_ms, &zone)) {
    reader->front->embargo_line = entry->line;
    reader->front->embargo_text = moment_to_text(reader->front->embargo_ms, zone);
  }
}

gboolean language_is_plausible(const char *language)
{
  return g_regex_match_simple("^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", language, 0, 0);
}

static void take_language(Reader *reader, const Entry *entry)
{
  if (language_is_plausible(entry->value)) {
    reader->front->language = g_strdup(entry->value);
  } else {
    fail(reader, entry->line, "language: \"%s\" is no language tag; write one such as \"en\", "
         "\"id\" or \"pt-BR\"", entry->value);
  }
}

static void take_missing(Reader *reader, const Entry *entry)
{
  static const char *const policies[] = { [MISSING_REFUSE] = "refuse", [MISSING_SKIP] = "skip",
                                          [MISSING_BLANK] = "blank" };
  for (guint i = 0; i < G_N_ELEMENTS(policies); i++) {
    if (strcmp(policies[i], entry->value) == 0) {
      reader->front->missing = (MissingPolicy)i;
      reader->front->has_missing = TRUE;
      return;
    }
  }
  fail(reader, entry->line, "missing: \"%s\" is not one of refuse, skip and blank", entry->value);
}

static void take_resend(Reader *reader, const Entry *entry)
{
  reader->front->resend = strcmp(entry->value, "true") == 0 || strcmp(entry->value, "yes") == 0;
  if (!reader->front->resend && strcmp(entry->value, "false") != 0 &&
      strcmp(entry->value, "no") != 0) {
    fail(reader, entry->line, "resend: \"%s\" is neither true nor false", entry->value);
  }
}

static void take_priority(Reader *reader, const Entry *entry)
{
  reader->front->urgent = strcmp(entry->value, "urgent") == 0;
  if (!reader->front->urgent && strcmp(entry->value, "normal") != 0) {
    fail(reader, entry->line, "priority: \"%s\" is neither normal nor urgent", entry->value);
  }
}

static const struct {
  const char *name;
  void (*take)(Reader *reader, const Entry *entry);   /* NULL: known, but not built yet */
  gboolean many;                                      /* a sequence of texts will do, too */
} keys[] = {
  { "subject", take_subject, FALSE },
  { "from", take_from, FALSE },
  { "reply-to", take_reply_to, FALSE },
  { "list", take_list, TRUE },
  { "where", take_where, FALSE },
  { "exclude", take_exclude, TRUE },
  { "send-at", take_send_at, FALSE },
  { "embargo", take_embargo, FALSE },
  { "not-after", take_not_after, FALSE },
  { "language", take_language, FALSE },
  { "missing", take_missing, FALSE },
  { "resend", take_resend, FALSE },
  { "priority", take_priority, FALSE },
  { "attach", NULL, TRUE },
  { "notify", NULL, TRUE },
  { "test", NULL, TRUE },
};

/* --- YAML --- */

static void refuse_key(Reader *reader, guint line, const char *key)
{
  const char *names[G_N_ELEMENTS(keys) + 1] = { NULL };
  for (guint i = 0, count = 0; i < G_N_ELEMENTS(keys); i++) {
    if (keys[i].take != NULL) {
      names[count++] = keys[i].name;
    }
  }
  g_autofree char *shown = text_make_visible(key);
  const char *nearest = nearest_word(key, names);
  g_autofree char *known = g_strjoinv(", ", (char **)names);
  if (nearest != NULL) {
    fail(reader, line, "unknown key \"%s\" (did you mean \"%s\"?)", shown, nearest);
  } else {
    fail(reader, line, "unknown key \"%s\"; known are: %s", shown, known);
  }
}

static gboolean has_control_character(const char *text)
{
  for (; *text != '\0'; text = g_utf8_next_char(text)) {
    if (g_unichar_iscntrl(g_utf8_get_char(text))) {
      return TRUE;
    }
  }
  return FALSE;
}

/* The text of node, blanks around it removed, or NULL after a finding. */
static char *read_text(Reader *reader, const char *key, const yaml_node_t *node)
{
  const guint line = line_of(reader, node->start_mark);
  if (node->type != YAML_SCALAR_NODE) {
    gboolean is_tag = node->type == YAML_MAPPING_NODE;
    fail(reader, line, is_tag ? "%s: a value that begins with \"{\" must stand in quotes: "
                                "%s: \"{{field}} ...\""
                              : "%s: this is a list; write one text: %s: ...", key, key);
    return NULL;
  }
  const char *value = (const char *)node->data.scalar.value;
  g_autofree char *text = g_strstrip(g_strdup(value));
  if (strlen(value) != node->data.scalar.length || has_control_character(text)) {
    fail(reader, line, "%s: the value holds a line break or another control character; write it "
         "on one line", key);
    return NULL;
  }
  if (*text == '\0') {
    fail(reader, line, "%s: there is no value; give one or leave the line out", key);
    return NULL;
  }
  return g_steal_pointer(&text);
}

static void take_value(Reader *reader, guint index, const yaml_node_t *node)
{
  g_autofree char *value = read_text(reader, keys[index].name, node);
  if (value != NULL) {
    const Entry entry = { keys[index].name, value, line_of(reader, node->start_mark) };
    keys[index].take(reader, &entry);
  }
}

static void take_key(Reader *reader, guint index, const yaml_node_t *node)
{
  if (keys[index].take == NULL) {
    fail(reader, line_of(reader, node->start_mark), "\"%s\" is not supported by this version; "
         "the release was not taken", keys[index].name);
  } else if (keys[index].many && node->type == YAML_SEQUENCE_NODE) {
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
      take_value(reader, index, yaml_document_get_node(reader->document, *item));
    }
  } else {
    take_value(reader, index, node);
  }
}

static void read_pair(Reader *reader, const yaml_node_pair_t *pair, guint *seen)
{
  const yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
  const yaml_node_t *value = yaml_document_get_node(reader->document, pair->value);
  const guint line = line_of(reader, key->start_mark);
  if (key->type != YAML_SCALAR_NODE) {
    fail(reader, line, "a key is one word, such as \"subject\"; a text with braces must stand in "
         "quotes");
    return;
  }
  const char *name = (const char *)key->data.scalar.value;
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
    if (strcmp(keys[i].name, name) == 0) {
      if (seen[i] > 0) {
        fail(reader, line, "the key \"%s\" was given in line %u already", name, seen[i]);
      } else {
        seen[i] = line;
        take_key(reader, i, value);
      }
      return;
    }
  }
  refuse_key(reader, line, name);
}

static void read_document(Reader *reader)
{
  guint seen[G_N_ELEMENTS(keys)] = { 0 };   /* the line of each key */
  const yaml_node_t *root = yaml_document_get_root_node(reader->document);
  if (root == NULL ||
      (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0)) {
    return;
  }
  if (root->type != YAML_MAPPING_NODE) {
    fail(reader, line_of(reader, root->start_mark),
         "front matter is made of lines such as \"subject: Our news\"");
    return;
  }
  const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
  if (root->data.mapping.pairs.top - pair > LIMIT_FRONT_MATTER_KEYS) {
    fail(reader, reader->first_line, "more than %d keys in the front matter",
         LIMIT_FRONT_MATTER_KEYS);
    return;
  }
  for (; pair < root->data.mapping.pairs.top; pair++) {
    read_pair(reader, pair, seen);
  }
}

static gboolean has_tag(char **lines, gsize line)
{
  return line < g_strv_length(lines) && strstr(lines[line], "{{") != NULL;
}

/* A quote that is never closed is a problem of the line where it was opened. */
static void report_yaml_error(Reader *reader, const yaml_parser_t *parser)
{
  g_auto(GStrv) lines = g_strsplit(reader->yaml, "\n", -1);
  const char *problem = parser->problem != NULL ? parser->problem : "out of memory";
  const gboolean is_open = strstr(problem, "end of stream") != NULL;
  const gsize line = is_open ? parser->context_mark.line : parser->problem_mark.line;
  const char *hint = "";
  if (has_tag(lines, line) || has_tag(lines, parser->context_mark.line)) {
    hint = "; a value with merge tags must stand in quotes: subject: \"{{field}} ...\"";
  } else if (strstr(problem, "mapping values") != NULL) {
    hint = "; a value that holds \": \" must stand in quotes";
  } else if (is_open) {
    hint = "; is a quote missing?";
  }
  fail(reader, reader->first_line + (guint)line, "the front matter cannot be read as YAML: %s%s",
       problem, hint);
}

static void read_yaml(Reader *reader)
{
  yaml_parser_t parser;
  yaml_document_t document;
  yaml_parser_initialize(&parser);
  yaml_parser_set_input_string(&parser, (const guchar *)reader->yaml, strlen(reader->yaml));
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  if (yaml_parser_load(&parser, &document)) {
    reader->document = &document;
    read_document(reader);
    yaml_document_delete(&document);
  } else {
    report_yaml_error(reader, &parser);
  }
  yaml_parser_delete(&parser);
}

/* --- Where it stands --- */

static gboolean is_fence(const char *line, const char *mark)
{
  return g_str_has_prefix(line, mark) &&
         strspn(line + strlen(mark), " \t") == strcspn(line + strlen(mark), "\n");
}

static const char *next_line(const char *line)
{
  line += strcspn(line, "\n");
  return *line == '\n' ? line + 1 : line;
}

/* Whether times make sense together. */
static void check_times(Reader *reader)
{
  const FrontMatter *front = reader->front;
  if (front->not_after_ms != 0 && front->not_after_ms <= front->send_at_ms) {
    fail(reader, reader->first_line, "not-after is not later than send-at: nothing could be sent");
  }
}

void front_matter_read(const char *text, const char *file, FrontMatter *front,
                       const char **body, guint *body_line, Report *report)
{
  guint line = 1;
  const char *start = text;
  *front = (FrontMatter){ 0 };
  *body = text;
  *body_line = 1;
  for (; *start != '\0' && strspn(start, " \t") == strcspn(start, "\n"); line++) {
    start = next_line(start);
  }
  if (!is_fence(start, "---")) {
    return;
  }
  const char *yaml = next_line(start), *end = yaml;
  guint end_line = line + 1;
  for (; *end != '\0' && !is_fence(end, "---") && !is_fence(end, "..."); end_line++) {
    end = next_line(end);
  }
  if (*end == '\0') {
    report_error(report, file, line, 0, "the front matter that begins here never ends; write "
                 "\"---\" on a line of its own behind it, or \"***\" here if a rule is meant");
    return;
  }
  g_autofree char *copy = g_strndup(yaml, (gsize)(end - yaml));
  Reader reader = { .file = file, .first_line = line + 1, .yaml = copy, .front = front,
                    .report = report };
  if (strlen(copy) <= YAML_SIZE_MAX) {
    read_yaml(&reader);
    check_times(&reader);
  } else {
    fail(&reader, line, "the front matter that begins here has more than %d bytes; is a \"---\" "
         "missing behind it?", YAML_SIZE_MAX);
  }
  *body = next_line(end);
  *body_line = end_line + 1;
}

void front_matter_clear(FrontMatter *front)
{
  g_free(front->subject);
  g_free(front->from);
  g_free(front->reply_to);
  g_strfreev(front->lists);
  g_free(front->where);
  g_strfreev(front->exclude);
  g_free(front->embargo_text);
  g_free(front->language);
  *front = (FrontMatter){ 0 };
}
