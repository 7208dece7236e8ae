/* SPDX-License-Identifier: Apache-2.0 */

/* The language of the rules. A rule is a line of words; a word is a name, or a
 * name and a value: `at=rcpt match=*@slow.example reply="450 4.2.0 try later"`.
 * All the words are in one table, from which they are read and checked. */

#include "sink/rule.h"

#include <string.h>

enum {
  MAX_COUNT = 1000000000,
  MAX_GARBAGE = 64 << 20,
  MAX_LINES = 100000,
  MAX_WAIT = 24 * 60 * 60 * 1000,  /* milliseconds */
};

typedef enum {
  KIND_STAGE,
  KIND_TEXT,
  KIND_NUMBER,
  KIND_TIME,
  KIND_YES_NO,
  KIND_FLAG,    /* no value; sets its slot to max */
  KIND_ENDING,  /* no value; sets the ending to max */
} Kind;

#define AT(stage) (1u << (stage))

static const guint anywhere = AT(STAGE_COUNT) - 1;
static const guint has_recipients = AT(STAGE_RCPT) | AT(STAGE_DATA) | AT(STAGE_BODY) |
                                    AT(STAGE_BDAT) | AT(STAGE_DOT);
static const guint has_sender = has_recipients | AT(STAGE_MAIL);

typedef struct {
  const char *name;
  Kind kind;
  gboolean acts;       /* an action, not a condition */
  const guint *stages; /* where it has a meaning */
  gsize slot;          /* offset in Rule */
  guint max;
} Word;

static const guint at_data = AT(STAGE_DATA);
static const guint at_dot = AT(STAGE_DOT) | AT(STAGE_BDAT);

#define SLOT(member) G_STRUCT_OFFSET(Rule, member)

static const Word words[] = {
  {"at", KIND_STAGE, FALSE, &anywhere, SLOT(stage), 0},
  {"match", KIND_TEXT, FALSE, &has_recipients, SLOT(match), 0},
  {"from", KIND_TEXT, FALSE, &has_sender, SLOT(from), 0},
  {"connection", KIND_NUMBER, FALSE, &anywhere, SLOT(connection), MAX_COUNT},
  {"message", KIND_NUMBER, FALSE, &has_sender, SLOT(message), MAX_COUNT},
  {"crowd", KIND_NUMBER, FALSE, &anywhere, SLOT(crowd), MAX_COUNT},
  {"tls", KIND_YES_NO, FALSE, &anywhere, SLOT(tls), 0},
  {"every", KIND_NUMBER, FALSE, &anywhere, SLOT(every), MAX_COUNT},
  {"first", KIND_NUMBER, FALSE, &anywhere, SLOT(first), MAX_COUNT},
  {"after", KIND_NUMBER, FALSE, &anywhere, SLOT(after), MAX_COUNT},
  {"limit", KIND_NUMBER, FALSE, &anywhere, SLOT(limit), MAX_COUNT},
  {"once", KIND_FLAG, FALSE, &anywhere, SLOT(limit), 1},
  {"reply", KIND_TEXT, TRUE, &anywhere, SLOT(fault.reply), 0},
  {"then", KIND_TEXT, TRUE, &anywhere, SLOT(fault.then), 0},
  {"delay", KIND_TIME, TRUE, &anywhere, SLOT(fault.delay), MAX_WAIT},
  {"pause", KIND_TIME, TRUE, &anywhere, SLOT(fault.pause), MAX_WAIT},
  {"lines", KIND_NUMBER, TRUE, &anywhere, SLOT(fault.lines), MAX_LINES},
  {"split", KIND_NUMBER, TRUE, &anywhere, SLOT(fault.split), MAX_COUNT},
  {"garbage", KIND_NUMBER, TRUE, &anywhere, SLOT(fault.garbage), MAX_GARBAGE},
  {"cut", KIND_NUMBER, TRUE, &anywhere, SLOT(fault.cut), MAX_COUNT},
  {"close", KIND_ENDING, TRUE, &anywhere, SLOT(fault.ending), ENDING_CLOSE},
  {"reset", KIND_ENDING, TRUE, &anywhere, SLOT(fault.ending), ENDING_RESET},
  {"hang", KIND_ENDING, TRUE, &anywhere, SLOT(fault.ending), ENDING_HANG},
  {"accept-anyway", KIND_FLAG, TRUE, &at_data, SLOT(fault.accept_anyway), TRUE},
  {"close-after-accept", KIND_FLAG, TRUE, &at_dot, SLOT(fault.close_after_accept), TRUE},
};

static const char *const stage_names[STAGE_COUNT] = {
  [STAGE_CONNECT] = "connect", [STAGE_EHLO] = "ehlo", [STAGE_HELO] = "helo",
  [STAGE_STARTTLS] = "starttls", [STAGE_AUTH] = "auth", [STAGE_MAIL] = "mail",
  [STAGE_RCPT] = "rcpt", [STAGE_DATA] = "data", [STAGE_BODY] = "body", [STAGE_BDAT] = "bdat",
  [STAGE_DOT] = "dot", [STAGE_RSET] = "rset", [STAGE_QUIT] = "quit", [STAGE_NOOP] = "noop",
};

/* A line that is being read, and what has been found in it. */
typedef struct {
  const char *origin;
  guint line;
  const char *text;
  const char *cursor;
  guint columns[G_N_ELEMENTS(words)];  /* where each word stands, 0 if it does not */
  GString *problems;
  gboolean failed;
} Reader;

G_GNUC_PRINTF(3, 4)
static void complain(Reader *reader, guint column, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_string_append_printf(reader->problems, "%s:%u:%u: ", reader->origin, reader->line, column);
  g_string_append_vprintf(reader->problems, format, arguments);
  g_string_append_c(reader->problems, '\n');
  va_end(arguments);
  reader->failed = TRUE;
}

static guint column_of(const Reader *reader, const char *place)
{
  return (guint)(place - reader->text) + 1;
}

void rule_free(Rule *rule)
{
  if (rule == NULL) {
    return;
  }
  g_free(rule->match);
  g_free(rule->from);
  g_free(rule->fault.reply);
  g_free(rule->fault.then);
  g_free(rule);
}

static gboolean is_blank(char octet)
{
  return octet == ' ' || octet == '\t' || octet == '\r';
}

/* Reads one escape after its backslash; -1 if there is no such escape. */
static int read_escape(const char **cursor)
{
  char letter = **cursor;
  if (letter == 'x') {
    int high = g_ascii_xdigit_value((*cursor)[1]);
    int low = high < 0 ? -1 : g_ascii_xdigit_value((*cursor)[2]);
    *cursor += low < 0 ? 0 : 3;
    return low < 0 || high + low == 0 ? -1 : high * 16 + low;
  }
  static const char letters[] = "rn\"\\", octets[] = "\r\n\"\\";
  const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
  if (found == NULL) {
    return -1;
  }
  (*cursor)++;
  return octets[found - letters];
}

/* Reads a value in quotes; the cursor stands behind the first quote. */
static char *read_quoted(Reader *reader)
{
  const char *start = reader->cursor - 1;
  g_autoptr(GString) value = g_string_new(NULL);
  while (*reader->cursor != '"') {
    const char *here = reader->cursor;
    if (*here == '\0') {
      complain(reader, column_of(reader, start), "this quote is never closed");
      return NULL;
    }
    reader->cursor++;
    int octet = *here;
    if (*here == '\\') {
      octet = read_escape(&reader->cursor);
      if (octet < 0) {
        complain(reader, column_of(reader, here),
                 "unknown escape; there are \\r \\n \\\" \\\\ and \\x01 to \\xff");
        return NULL;
      }
    }
    g_string_append_c(value, (char)octet);
  }
  reader->cursor++;
  if (*reader->cursor != '\0' && !is_blank(*reader->cursor)) {
    complain(reader, column_of(reader, reader->cursor), "a blank must follow the closing quote");
    return NULL;
  }
  return g_string_free(g_steal_pointer(&value), FALSE);
}

static char *read_bare(Reader *reader)
{
  const char *start = reader->cursor;
  while (*reader->cursor != '\0' && !is_blank(*reader->cursor)) {
    reader->cursor++;
  }
  return g_strndup(start, (gsize)(reader->cursor - start));
}

static gboolean set_stage(Reader *reader, Rule *rule, guint column, const char *value)
{
  for (guint i = 0; i < STAGE_COUNT; i++) {
    if (strcmp(stage_names[i], value) == 0) {
      rule->stage = (Stage)i;
      return TRUE;
    }
  }
  g_autoptr(GString) known = g_string_new(NULL);
  for (guint i = 0; i < STAGE_COUNT; i++) {
    g_string_append_printf(known, " %s", stage_names[i]);
  }
  complain(reader, column, "unknown stage \"%s\"; there are%s", value, known->str);
  return FALSE;
}

/* Reads a number that may be followed by one of the units, of which each has its factor. */
static gboolean read_number(const char *value, const char *unit, guint factor, guint max,
                            guint *number)
{
  char *end;
  guint64 read = g_ascii_strtoull(value, &end, 10);
  if (!g_ascii_isdigit(value[0]) || strcmp(end, unit) != 0 || read == 0 || read > max / factor) {
    return FALSE;
  }
  *number = (guint)read * factor;
  return TRUE;
}

static gboolean read_time(const char *value, guint max, guint *milliseconds)
{
  return read_number(value, "ms", 1, max, milliseconds) ||
         read_number(value, "s", 1000, max, milliseconds) ||
         read_number(value, "m", 60000, max, milliseconds);
}

static void set_value(Reader *reader, Rule *rule, const Word *word, guint column, char *value)
{
  guint *number = &G_STRUCT_MEMBER(guint, rule, word->slot);
  switch (word->kind) {
  case KIND_STAGE:
    set_stage(reader, rule, column, value);
    break;
  case KIND_TEXT:
    G_STRUCT_MEMBER(char *, rule, word->slot) = g_strdup(value);
    break;
  case KIND_NUMBER:
    if (!read_number(value, "", 1, word->max, number)) {
      complain(reader, column, "%s=%s: expected a number from 1 to %u", word->name, value,
               word->max);
    }
    break;
  case KIND_TIME:
    if (!read_time(value, word->max, number)) {
      complain(reader, column, "%s=%s: expected a time such as 500ms, 2s or 1m, at most a day",
               word->name, value);
    }
    break;
  case KIND_YES_NO:
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
      complain(reader, column, "%s=%s: expected yes or no", word->name, value);
    }
    rule->tls = strcmp(value, "yes") == 0 ? TLS_WITH : TLS_WITHOUT;
    break;
  case KIND_FLAG:
  case KIND_ENDING:
    g_assert_not_reached();
  }
}

static const Word *find_word(Reader *reader, const char *name, gsize length, guint column)
{
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    if (strlen(words[i].name) == length && strncmp(words[i].name, name, length) == 0) {
      return &words[i];
    }
  }
  g_autoptr(GString) known = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    g_string_append_printf(known, " %s", words[i].name);
  }
  complain(reader, column, "unknown word \"%.*s\"; there are%s", (int)length, name, known->str);
  return NULL;
}

/* A word that says the same thing as this one and stands in the line already, or NULL:
 * itself, or another with the same slot, as close and hang. */
static const Word *find_rival(const Reader *reader, const Word *word)
{
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    if (words[i].slot == word->slot && reader->columns[i] > 0) {
      return &words[i];
    }
  }
  return NULL;
}

/* Reads one word with its value. Returns FALSE when the rest of the line cannot be read. */
static gboolean read_word(Reader *reader, Rule *rule)
{
  const char *name = reader->cursor;
  gsize length = strcspn(name, "= \t\r");
  guint column = column_of(reader, name);
  reader->cursor += length;
  gboolean has_value = *reader->cursor == '=';
  reader->cursor += has_value ? 1 : 0;
  guint value_column = column_of(reader, reader->cursor);
  gboolean quoted = has_value && *reader->cursor == '"';
  reader->cursor += quoted ? 1 : 0;
  g_autofree char *value = quoted ? read_quoted(reader) : read_bare(reader);
  if (value == NULL) {
    return FALSE;
  }
  const Word *word = find_word(reader, name, length, column);
  if (word == NULL) {
    return TRUE;
  }
  const Word *rival = find_rival(reader, word);
  gboolean takes_value = word->kind != KIND_FLAG && word->kind != KIND_ENDING;
  if (rival != NULL) {
    complain(reader, column, "%s does not go with the %s in column %u", word->name, rival->name,
             reader->columns[rival - words]);
  } else if (takes_value && (!has_value || *value == '\0')) {
    complain(reader, column, "%s needs a value: %s=…", word->name, word->name);
  } else if (!takes_value && has_value) {
    complain(reader, value_column, "%s takes no value", word->name);
  } else if (takes_value) {
    set_value(reader, rule, word, value_column, value);
  } else {
    G_STRUCT_MEMBER(guint, rule, word->slot) = word->max;
  }
  reader->columns[word - words] = column;
  return TRUE;
}

/* What can be said only when the whole line has been read. */
static void check_rule(Reader *reader, Rule *rule)
{
  gboolean acts = FALSE;
  if (reader->columns[0] == 0) {
    complain(reader, 1, "the rule does not say when: at=…");
    return;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    if (reader->columns[i] > 0 && (*words[i].stages & AT(rule->stage)) == 0) {
      complain(reader, reader->columns[i], "%s has no meaning at=%s", words[i].name,
               stage_names[rule->stage]);
    }
    acts |= words[i].acts && reader->columns[i] > 0;
  }
  if (!acts) {
    complain(reader, 1, "the rule does not say what to do: reply=…, delay=…, close, …");
  }
  if (rule->fault.close_after_accept && rule->fault.ending != ENDING_NONE) {
    complain(reader, 1, "close-after-accept goes with no other ending");
  }
  if (rule->stage == STAGE_BODY) {
    rule->fault.mark = rule->after;
    rule->after = 0;
  }
}

Rule *rule_parse(const char *origin, guint line, const char *text, GString *problems)
{
  Reader reader = {.origin = origin, .line = line, .text = text, .cursor = text,
                   .problems = problems};
  Rule *rule = g_new0(Rule, 1);
  guint count = 0;
  gboolean readable = TRUE;
  while (readable) {
    while (is_blank(*reader.cursor)) {
      reader.cursor++;
    }
    if (*reader.cursor == '\0' || *reader.cursor == '#') {
      break;
    }
    readable = read_word(&reader, rule);
    count++;
  }
  if (count > 0 && !reader.failed) {
    check_rule(&reader, rule);
  }
  if (count == 0 || reader.failed) {
    rule_free(rule);
    return NULL;
  }
  return rule;
}
