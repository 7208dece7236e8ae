/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/record.h"

#include <string.h>
#include "base/crc32c.h"
#include "base/limits.h"
#include "delivery/quoting.h"

/* Writing and parsing are on the path of every message and of every restart, so both
 * work in memory that is there already: nothing is allocated, digits are made by hand. */

enum {
  SECOND_LENGTH = 20,   /* "2026-11-22T10:15:00." */
  MS_PER_SECOND = 1000,
  NUMBER_DIGITS = 19,   /* every number of so many digits fits into 64 bits */
};

static const char HEX[] = "0123456789abcdef";
static const char SEAL[] = " crc=";

static const struct {
  const char *name;
  guint8 length;
  gboolean has_contact;
} EVENTS[EVENT_COUNT] = {
#define NAME(text) (text), sizeof(text) - 1
  [EVENT_RECEIVED] = {NAME("received"), FALSE},
  [EVENT_ACCEPTED] = {NAME("accepted"), FALSE},
  [EVENT_OPENED] = {NAME("opened"), FALSE},
  [EVENT_SCHEDULED] = {NAME("scheduled"), FALSE},
  [EVENT_STARTED] = {NAME("started"), FALSE},
  [EVENT_HELD] = {NAME("held"), FALSE},
  [EVENT_RESUMED] = {NAME("resumed"), FALSE},
  [EVENT_FINISHED] = {NAME("finished"), FALSE},
  [EVENT_EXPIRED] = {NAME("expired"), FALSE},
  [EVENT_INTENDED] = {NAME("intended"), TRUE},
  [EVENT_SENT] = {NAME("sent"), TRUE},
  [EVENT_DEFERRED] = {NAME("deferred"), TRUE},
  [EVENT_BOUNCED] = {NAME("bounced"), TRUE},
  [EVENT_IN_DOUBT] = {NAME("in-doubt"), TRUE},
  [EVENT_WITHDRAWN] = {NAME("withdrawn"), TRUE},
  [EVENT_SETTLED] = {NAME("settled"), TRUE},
  [EVENT_SUPPRESSED] = {NAME("suppressed"), TRUE},
#undef NAME
};

const char *event_name(Event event)
{
  return EVENTS[event].name;
}

gboolean event_has_contact(Event event)
{
  return EVENTS[event].has_contact;
}

gboolean event_from_name(const char *name, gsize length, Event *event)
{
  for (guint i = 0; i < EVENT_COUNT; i++) {
    if (EVENTS[i].length == length && memcmp(EVENTS[i].name, name, length) == 0) {
      *event = (Event)i;
      return TRUE;
    }
  }
  return FALSE;
}

/* The length of the key at text, 0 if there is none. */
static gsize key_length(const char *text)
{
  gsize length = 0;

  if (!g_ascii_islower(text[0])) {
    return 0;
  }
  while (g_ascii_islower(text[length]) || g_ascii_isdigit(text[length]) || text[length] == '-') {
    length++;
  }
  return length;
}

/* The seal is found by its place and the contact by its own: neither may be a field. */
static gboolean key_is_reserved(const char *key, gsize length)
{
  return (length == 3 && memcmp(key, "crc", length) == 0) ||
         (length == 7 && memcmp(key, "contact", length) == 0);
}

/* --- The seal. --- */

static void put_seal(char *at, guint32 crc)
{
  at = mempcpy(at, SEAL, strlen(SEAL));
  for (int shift = 28; shift >= 0; shift -= 4) {
    *at++ = HEX[(crc >> shift) & 0xf];
  }
}

gsize record_seal(char *line, gsize length)
{
  put_seal(line + length, crc32c(0, line, length));
  line[length + RECORD_SEAL_LENGTH] = '\n';
  return length + RECORD_SEAL_LENGTH + 1;
}

gboolean record_check_seal(const char *line, gsize length, guint32 *crc)
{
  char seal[RECORD_SEAL_LENGTH];

  if (length < RECORD_SEAL_LENGTH) {
    return FALSE;
  }
  *crc = crc32c(0, line, length - RECORD_SEAL_LENGTH);
  put_seal(seal, *crc);
  return memcmp(line + length - RECORD_SEAL_LENGTH, seal, RECORD_SEAL_LENGTH) == 0;
}

/* --- Writing. --- */

static char *put_number(char *at, guint64 number)
{
  char digits[NUMBER_DIGITS + 1];
  gsize i = sizeof digits;

  do {
    digits[--i] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  memcpy(at, digits + i, sizeof digits - i);
  return at + sizeof digits - i;
}

static char *put_time(char *at, RecordClock *clock, gint64 wall_ms)
{
  gint64 ms = wall_ms - clock->second_ms;

  if (ms < 0 || ms >= MS_PER_SECOND || clock->text[0] == '\0') {
    clock_format_utc(wall_ms, clock->text);
    ms = (wall_ms % MS_PER_SECOND + MS_PER_SECOND) % MS_PER_SECOND;
    clock->second_ms = wall_ms - ms;
  }
  memcpy(at, clock->text, CLOCK_UTC_LENGTH);
  at[SECOND_LENGTH] = (char)('0' + ms / 100);
  at[SECOND_LENGTH + 1] = (char)('0' + ms / 10 % 10);
  at[SECOND_LENGTH + 2] = (char)('0' + ms % 10);
  return at + CLOCK_UTC_LENGTH;
}

void record_begin(RecordWriter *writer, char *memory, guint64 sequence, gint64 wall_ms,
                  Event event, guint32 contact)
{
  char *at = put_number(memory, sequence);

  *at++ = ' ';
  at = put_time(at, &writer->clock, wall_ms);
  *at++ = ' ';
  memcpy(at, EVENTS[event].name, EVENTS[event].length);
  at += EVENTS[event].length;
  if (contact != 0) {
    at = put_number(mempcpy(at, " contact=", strlen(" contact=")), contact);
  }
  writer->begin = memory;
  writer->at = at;
  writer->limit = memory + LIMIT_JOURNAL_LINE - RECORD_SEAL_LENGTH - 1;
  writer->n_fields = 0;
  writer->fits = EVENTS[event].has_contact == (contact != 0);
}

void record_add(RecordWriter *writer, const char *key, const char *value)
{
  gsize length = key_length(key);
  gboolean may_cut = g_str_equal(key, "text");

  writer->n_fields++;
  if (!writer->fits || length == 0 || key[length] != '\0' || key_is_reserved(key, length) ||
      writer->n_fields > RECORD_MAX_FIELDS || (gsize)(writer->limit - writer->at) < length + 2) {
    writer->fits = FALSE;
    return;
  }
  char *at = writer->at;
  *at++ = ' ';
  at = mempcpy(at, key, length);
  *at++ = '=';
  const char *end = may_cut ? MIN(writer->limit, at + RECORD_TEXT_LIMIT) : writer->limit;
  char *behind = quoting_put_value(at, end, value, may_cut);
  writer->fits = behind != NULL;
  writer->at = behind != NULL ? behind : writer->at;
}

gsize record_end(RecordWriter *writer)
{
  return writer->fits ? record_seal(writer->begin, (gsize)(writer->at - writer->begin)) : 0;
}

/* --- Reading. Each step moves *at on, or returns what is wrong. --- */

static gboolean parse_number(char **at, guint64 *number)
{
  const char *begin = *at;
  guint64 value = 0;

  while (g_ascii_isdigit(**at) && *at - begin < NUMBER_DIGITS) {
    value = value * 10 + (guint64)(*(*at)++ - '0');
  }
  *number = value;
  return *at > begin && (*begin != '0' || *at - begin == 1) && !g_ascii_isdigit(**at);
}

static gboolean parse_time(const char *text, RecordClock *clock, gint64 *wall_ms)
{
  if (memcmp(text, clock->text, SECOND_LENGTH) != 0) {
    if (!clock_parse_utc(text, CLOCK_UTC_LENGTH, wall_ms)) {
      return FALSE;
    }
    memcpy(clock->text, text, CLOCK_UTC_LENGTH);
    clock->second_ms = *wall_ms - (*wall_ms % MS_PER_SECOND + MS_PER_SECOND) % MS_PER_SECOND;
    return TRUE;
  }
  const char *ms = text + SECOND_LENGTH;
  *wall_ms = clock->second_ms + (ms[0] - '0') * 100 + (ms[1] - '0') * 10 + (ms[2] - '0');
  return g_ascii_isdigit(ms[0]) && g_ascii_isdigit(ms[1]) && g_ascii_isdigit(ms[2]) &&
         ms[3] == 'Z';
}

static const char *parse_head(char **at, const char *end, RecordClock *clock, Record *record)
{
  if (!parse_number(at, &record->sequence) || record->sequence == 0) {
    return "it does not begin with a sequence number";
  }
  if (end - *at < CLOCK_UTC_LENGTH + 2 || (*at)[0] != ' ' ||
      (*at)[CLOCK_UTC_LENGTH + 1] != ' ' || !parse_time(*at + 1, clock, &record->wall_ms)) {
    return "its time is not of the form 2026-11-22T10:15:00.123Z";
  }
  *at += CLOCK_UTC_LENGTH + 2;
  gsize length = key_length(*at);
  if (!event_from_name(*at, length, &record->event)) {
    return "its event is unknown";
  }
  *at += length;
  return NULL;
}

static const char *parse_contact(char **at, Record *record)
{
  guint64 number = 0;

  record->contact = 0;
  if (!event_has_contact(record->event)) {
    return NULL;
  }
  /* The seal's place is behind, so there are bytes enough to compare. */
  if (memcmp(*at, " contact=", strlen(" contact=")) != 0) {
    return "contact= is missing behind its event";
  }
  *at += strlen(" contact=");
  if (!parse_number(at, &number) || number == 0 || number > G_MAXUINT32) {
    return "contact= is not a contact's number";
  }
  record->contact = (guint32)number;
  return NULL;
}

/* *at is at the blank before the key. What ends a value without quotes is made NUL
 * only by the next field or by the end, which both begin with a blank. */
static const char *parse_field(char **at, Record *record)
{
  char *key = *at + 1;
  gsize length = key_length(key);

  if (**at != ' ' || length == 0 || key[length] != '=' || key_is_reserved(key, length)) {
    return "a field is not of the form key=value";
  }
  if (record->n_fields == RECORD_MAX_FIELDS) {
    return "it has too many fields";
  }
  **at = '\0';
  key[length] = '\0';
  *at = key + length + 1;
  record->fields[record->n_fields].key = key;
  return quoting_parse_value(at, &record->fields[record->n_fields++].value);
}

static const char *parse_line(char *line, gsize length, RecordClock *clock, Record *record)
{
  char *at = line;

  if (length >= LIMIT_JOURNAL_LINE) {
    return "it is longer than a line may be";
  }
  if (!record_check_seal(line, length, &record->crc)) {
    return "its CRC is missing or wrong";
  }
  char *end = line + length - RECORD_SEAL_LENGTH;
  *end = '\0';
  record->n_fields = 0;
  const char *problem = parse_head(&at, end, clock, record);
  if (problem == NULL) {
    problem = parse_contact(&at, record);
  }
  while (problem == NULL && at != end) {
    problem = parse_field(&at, record);
  }
  return problem;
}

gboolean record_parse(char *line, gsize length, RecordClock *clock, Record *record,
                      const char **why)
{
  *why = parse_line(line, length, clock, record);
  return *why == NULL;
}

const char *record_get(const Record *record, const char *key)
{
  for (guint i = 0; i < record->n_fields; i++) {
    if (g_str_equal(record->fields[i].key, key)) {
      return record->fields[i].value;
    }
  }
  return NULL;
}

gint64 record_get_number(const Record *record, const char *key, gint64 otherwise)
{
  const char *value = record_get(record, key);
  gint64 number;

  return value != NULL &&
                 g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &number, NULL)
             ? number : otherwise;
}

gboolean record_get_time(const Record *record, const char *key, gint64 *wall_ms)
{
  const char *value = record_get(record, key);

  return value != NULL && clock_parse_utc(value, strlen(value), wall_ms);
}
