/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "contacts/linereader.h"
#include "contacts/list.h"
#include "contacts/rowbuffer.h"
#include "contacts/rowformats.h"

typedef enum {
  CARD_EMAIL,
  CARD_NAME,
  CARD_FIRST_NAME,
  CARD_LAST_NAME,
  CARD_PREFIX,
  CARD_ORGANIZATION,
  CARD_TITLE,
  CARD_ROLE,
  CARD_LANGUAGE,
  CARD_TIMEZONE,
  CARD_CATEGORIES,
  CARD_CITY,
  CARD_COUNTRY,
  CARD_CELLS,
} CardCell;

static const char *const COLUMNS[CARD_CELLS] = {
  "email", "name", "first_name", "last_name", "prefix", "organization", "title", "role",
  "language", "timezone", "categories", "city", "country",
};

/* What properties become cells. */
static const struct {
  const char *name;
  int component;     /* from 0, of those that ";" separates; -1: there are none */
  CardCell cell;
} PROPERTIES[] = {
  {"EMAIL", -1, CARD_EMAIL},         {"FN", -1, CARD_NAME},
  {"N", 0, CARD_LAST_NAME},          {"N", 1, CARD_FIRST_NAME},
  {"N", 3, CARD_PREFIX},             {"ORG", 0, CARD_ORGANIZATION},
  {"TITLE", -1, CARD_TITLE},         {"ROLE", -1, CARD_ROLE},
  {"LANG", -1, CARD_LANGUAGE},       {"TZ", -1, CARD_TIMEZONE},
  {"CATEGORIES", -1, CARD_CATEGORIES},
  {"ADR", 3, CARD_CITY},             {"ADR", 6, CARD_COUNTRY},
};

enum {
  RANK_UNMARKED = 101,  /* after PREF=100 */
  RANK_NONE = 102,
};

typedef struct {
  RowReader base;
  LineReader *lines;
  GString *property;       /* unfolded */
  guint property_line;
  char *ahead;             /* the line after it, or NULL */
  guint ahead_line;
  gboolean is_begun;
  char *cells[CARD_CELLS];
  guint ranks[CARD_CELLS]; /* of the properties that they are from; the least wins */
  RowBuffer row;
} VcardReader;

/* --- Lines. --- */

static ListResult read_ahead(VcardReader *reader, GError **error)
{
  const char *line;
  g_clear_pointer(&reader->ahead, g_free);
  ListResult result = line_reader_next(reader->lines, &line, &reader->ahead_line, error);
  if (result == LIST_ROW) {
    reader->ahead = g_strdup(line);
  }
  return result;
}

/* The next property with its folded lines. */
static ListResult next_property(VcardReader *reader, GError **error)
{
  ListResult result = LIST_ROW;
  if (!reader->ahead && (result = read_ahead(reader, error)) != LIST_ROW) {
    return result;
  }
  g_string_assign(reader->property, reader->ahead);
  reader->property_line = reader->ahead_line;
  while ((result = read_ahead(reader, error)) == LIST_ROW &&
         (*reader->ahead == ' ' || *reader->ahead == '\t')) {
    if (reader->property->len <= LIMIT_CSV_CELL) {
      g_string_append(reader->property, reader->ahead + 1);
    }
  }
  return result == LIST_FAILED ? LIST_FAILED : LIST_ROW;
}

/* --- Properties. --- */

/* Where the value begins after the colon; quoted parameters may hold one. */
static char *find_value(char *property)
{
  gboolean quoted = FALSE;
  for (char *p = property; *p; p++) {
    quoted ^= *p == '"';
    if (*p == ':' && !quoted) {
      return p;
    }
  }
  return NULL;
}

static guint find_rank(char **parameters)
{
  guint rank = RANK_UNMARKED;
  for (char **parameter = parameters; *parameter; parameter++) {
    g_autofree char *lower = g_ascii_strdown(*parameter, -1);
    if (g_str_has_prefix(lower, "pref=")) {
      rank = MIN(rank, CLAMP((guint)g_ascii_strtoull(lower + 5, NULL, 10), 1, 100));
    } else if (g_regex_match_simple("^(type=.*\\b)?pref\\b", lower, 0, 0)) {
      rank = 1;
    }
  }
  return rank;
}

static gboolean is_quoted_printable(char **parameters)
{
  for (char **parameter = parameters; *parameter; parameter++) {
    const char *value = strchr(*parameter, '=');
    if (g_ascii_strcasecmp(value ? value + 1 : *parameter, "quoted-printable") == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

/* The component of value, without its escapes. Of a list, ", " stands between its items. */
static char *take_component(const char *value, int component, gboolean is_list)
{
  GString *text = g_string_new(NULL);
  for (int at = 0; *value; value++) {
    if (*value == ';' && component >= 0) {
      at++;
    } else if (component >= 0 && at != component) {
      value += *value == '\\' && value[1];
    } else if (*value == '\\' && value[1]) {
      value++;
      g_string_append_c(text, g_ascii_tolower(*value) == 'n' ? '\n' : *value);
    } else {
      g_string_append(text, *value == ',' && is_list ? ", " : (char[]){*value, '\0'});
    }
  }
  return g_strstrip(g_string_free(text, FALSE));
}

static void take_value(VcardReader *reader, const char *name, const char *value, guint rank)
{
  for (gsize i = 0; i < G_N_ELEMENTS(PROPERTIES); i++) {
    CardCell cell = PROPERTIES[i].cell;
    if (g_ascii_strcasecmp(PROPERTIES[i].name, name) == 0 && rank < reader->ranks[cell]) {
      g_free(reader->cells[cell]);
      reader->cells[cell] =
        take_component(value, PROPERTIES[i].component, cell == CARD_CATEGORIES);
      reader->ranks[cell] = *reader->cells[cell] ? rank : RANK_NONE;
    }
  }
}

/* The name of a property that was split at ";", without its group. */
static const char *property_name(char **parameters)
{
  const char *dot = *parameters ? strchr(*parameters, '.') : NULL;
  return dot ? dot + 1 : *parameters ? *parameters : "";
}

static gboolean is_known(const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS(PROPERTIES); i++) {
    if (g_ascii_strcasecmp(PROPERTIES[i].name, name) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

static void take_property(VcardReader *reader)
{
  char *colon = find_value(reader->property->str);
  if (!colon) {
    return;
  }
  *colon = '\0';
  g_auto(GStrv) parameters = g_strsplit(reader->property->str, ";", -1);
  const char *name = property_name(parameters);
  if (is_known(name) && is_quoted_printable(parameters)) {
    row_buffer_flaw(&reader->row, "%s of the card is quoted-printable, as in vCard 2.1; "
                    "export it as vCard 3.0 or 4.0", name);
  } else {
    take_value(reader, name, colon + 1, find_rank(parameters));
  }
}

/* --- Cards. --- */

static gboolean is_line(const VcardReader *reader, const char *what)
{
  g_autofree char *text = g_strstrip(g_strdup(reader->property->str));
  return g_ascii_strcasecmp(text, what) == 0;
}

static void begin_card(VcardReader *reader)
{
  row_buffer_begin(&reader->row, reader->property_line);
  for (guint i = 0; i < CARD_CELLS; i++) {
    g_clear_pointer(&reader->cells[i], g_free);
    reader->ranks[i] = RANK_NONE;
  }
}

static ListResult fail_at(guint line, const char *what, GError **error)
{
  g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST, "line %u: %s", line, what);
  return LIST_FAILED;
}

static ListResult read_card(VcardReader *reader, GError **error)
{
  ListResult result;
  guint begin = reader->property_line;
  begin_card(reader);
  while ((result = next_property(reader, error)) == LIST_ROW && !is_line(reader, "END:VCARD")) {
    if (is_line(reader, "BEGIN:VCARD")) {
      break;
    }
    take_property(reader);
  }
  if (result == LIST_FAILED) {
    return result;
  }
  if (result == LIST_END || is_line(reader, "BEGIN:VCARD")) {
    return fail_at(begin, "the card that begins here has no END:VCARD", error);
  }
  for (guint i = 0; i < CARD_CELLS; i++) {
    row_buffer_add(&reader->row, reader->cells[i] ? reader->cells[i] : "");
  }
  return LIST_ROW;
}

static ListResult vcard_next(RowReader *base, FileRow *row, GError **error)
{
  VcardReader *reader = (VcardReader *)base;
  ListResult result = LIST_ROW;
  if (!reader->is_begun) {
    row_buffer_begin(&reader->row, 1);
    for (guint i = 0; i < CARD_CELLS; i++) {
      row_buffer_add(&reader->row, COLUMNS[i]);
    }
    reader->is_begun = TRUE;
  } else {
    do {
      result = next_property(reader, error);
    } while (result == LIST_ROW && is_line(reader, ""));
    if (result == LIST_ROW && !is_line(reader, "BEGIN:VCARD")) {
      return fail_at(reader->property_line, "BEGIN:VCARD is expected here", error);
    }
    result = result == LIST_ROW ? read_card(reader, error) : result;
  }
  if (result == LIST_ROW) {
    row_buffer_finish(&reader->row, row);
  }
  return result;
}

/* --- The file. --- */

static gboolean vcard_is_it(const char *head)
{
  return g_regex_match_simple("^\\s*BEGIN:VCARD\\s*$", head, G_REGEX_CASELESS | G_REGEX_MULTILINE,
                              0);
}

static void vcard_close(RowReader *base)
{
  VcardReader *reader = (VcardReader *)base;
  begin_card(reader);
  line_reader_close(reader->lines);
  g_string_free(reader->property, TRUE);
  g_free(reader->ahead);
  row_buffer_clear(&reader->row);
  g_free(reader);
}

static RowReader *vcard_open(const char *path, const char *encoding, GError **error)
{
  LineReader *lines = line_reader_open(path, encoding, error);
  if (!lines) {
    return NULL;
  }
  VcardReader *reader = g_new0(VcardReader, 1);
  reader->lines = lines;
  reader->property = g_string_new(NULL);
  row_buffer_init(&reader->row);
  return &reader->base;
}

static const char *vcard_remark(const RowReader *base)
{
  return line_reader_remark(((const VcardReader *)base)->lines);
}

const RowFormat vcard_format = {
  .name = "vCard",
  .suffixes = ".vcf .vcard",
  .is_it = vcard_is_it,
  .open = vcard_open,
  .next = vcard_next,
  .remark = vcard_remark,
  .close = vcard_close,
};
