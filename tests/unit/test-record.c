/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/limits.h"
#include "delivery/record.h"

#define WALL_MS G_GINT64_CONSTANT(1795342500123)   /* 2026-11-22T10:15:00.123Z */

static char memory[LIMIT_JOURNAL_LINE];
static RecordWriter writer;
static RecordClock parse_clock;

/* A sent line with one field; its length with the LF, 0 if it is refused. */
static gsize write_field(const char *key, const char *value)
{
  record_begin(&writer, memory, 17, WALL_MS, EVENT_SENT, 5);
  record_add(&writer, key, value);
  return record_end(&writer);
}

/* Parses a copy that ends where its memory ends, so that a sanitizer sees each step too
 * far. The caller frees *copy, into which the record points. */
static gboolean parse_copy(const char *line, gsize length, char **copy, Record *record,
                           const char **why)
{
  *copy = g_memdup2(line, length);
  return record_parse(*copy, length, &parse_clock, record, why);
}

static void assert_line_is_clean(const char *line, gsize length)
{
  g_assert_cmpint(line[length - 1], ==, '\n');
  g_assert_true(g_utf8_validate_len(line, length, NULL));
  for (const char *at = line; at < line + length - 1; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at);
    g_assert_false(g_unichar_iscntrl(character));
    g_assert_false(character >= 0x2028 && character <= 0x202e);
    g_assert_false(character >= 0x2066 && character <= 0x2069);
  }
}

static void assert_round_trip(const char *value)
{
  gsize length = write_field("stage", value);
  g_autofree char *copy = NULL;
  const char *why = NULL;
  Record record;

  g_assert_cmpuint(length, >, 0);
  assert_line_is_clean(memory, length);
  g_assert_true(parse_copy(memory, length - 1, &copy, &record, &why));
  g_assert_null(why);
  g_assert_cmpuint(record.sequence, ==, 17);
  g_assert_cmpint(record.wall_ms, ==, WALL_MS);
  g_assert_cmpint(record.event, ==, EVENT_SENT);
  g_assert_cmpuint(record.contact, ==, 5);
  g_assert_cmpuint(record.n_fields, ==, 1);
  g_assert_cmpstr(record.fields[0].key, ==, "stage");
  g_assert_cmpstr(record_get(&record, "stage"), ==, value);
}

static void test_example(void)
{
  record_begin(&writer, memory, 17, WALL_MS, EVENT_SENT, 5);
  record_add(&writer, "code", "250");
  record_add(&writer, "text", "2.0.0 Ok");
  gsize length = record_end(&writer);
  const char *expected = "17 2026-11-22T10:15:00.123Z sent contact=5 code=250 "
                         "text=\"2.0.0 Ok\" crc=";

  g_assert_cmpuint(length, ==, strlen(expected) + 8 + 1);
  g_assert_true(memcmp(memory, expected, strlen(expected)) == 0);
}

static void test_seal(void)
{
  char line[64] = "123456789";

  g_assert_cmpuint(record_seal(line, 9), ==, 9 + RECORD_SEAL_LENGTH + 1);
  g_assert_cmpstr(line, ==, "123456789 crc=e3069283\n");
}

static void test_events(void)
{
  for (guint i = 0; i < EVENT_COUNT; i++) {
    Event event = (Event)i, found;
    guint32 contact = event_has_contact(event) ? G_MAXUINT32 : 0;
    g_autofree char *copy = NULL;
    const char *why;
    Record record;

    g_assert_true(event_from_name(event_name(event), strlen(event_name(event)), &found));
    g_assert_cmpint(found, ==, event);
    g_assert_false(event_from_name(event_name(event), strlen(event_name(event)) - 1, &found));
    record_begin(&writer, memory, i + 1, WALL_MS, event, contact);
    gsize length = record_end(&writer);
    g_assert_true(parse_copy(memory, length - 1, &copy, &record, &why));
    g_assert_cmpint(record.event, ==, event);
    g_assert_cmpuint(record.contact, ==, contact);
    g_assert_cmpuint(record.n_fields, ==, 0);

    record_begin(&writer, memory, i + 1, WALL_MS, event, contact == 0 ? 1 : 0);
    g_assert_cmpuint(record_end(&writer), ==, 0);
  }
}

static void test_every_byte(void)
{
  char all[256];

  for (int byte = 1; byte < 256; byte++) {
    char alone[] = {(char)byte, '\0'}, within[] = {'a', (char)byte, 'z', '\0'};
    assert_round_trip(alone);
    assert_round_trip(within);
    all[byte - 1] = (char)byte;
  }
  all[255] = '\0';
  assert_round_trip(all);
}

static void test_every_pair(void)
{
  for (int first = 1; first < 256; first++) {
    for (int second = 1; second < 256; second += first < 0x80 ? 17 : 1) {
      char pair[] = {(char)first, (char)second, '\0'};
      assert_round_trip(pair);
    }
  }
}

static void test_values(void)
{
  static const struct { const char *value, *written; } CASES[] = {
    {"", "stage=\"\" "},
    {"main", "stage=main "},
    {"2026-11-22T10:15:00.123Z", "stage=2026-11-22T10:15:00.123Z "},
    {"a b", "stage=\"a b\" "},
    {"a=b", "stage=\"a=b\" "},
    {"a\"b\\c", "stage=\"a\\\"b\\\\c\" "},
    {"a\r\nb\tc", "stage=\"a\\r\\nb\\tc\" "},
    {"\x1b[2J\x7f", "stage=\"\\x1b[2J\\x7f\" "},
    {"K\u00f6ln\u2026\U0001f600", "stage=K\u00f6ln\u2026\U0001f600 "},
    {"K\u00f6ln Rhein", "stage=\"K\u00f6ln Rhein\" "},
    {"\u00a0", "stage=\u00a0 "},
    {"a\xc2\x85", "stage=\"a\\xc2\\x85\" "},
    {"a\u2028\u202e\u2066", "stage=\"a\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa6\" "},
    {"caf\xe9", "stage=\"caf\\xe9\" "},
    {"\xed\xa0\x80", "stage=\"\\xed\\xa0\\x80\" "},
    {"\xc0\x80", "stage=\"\\xc0\\x80\" "},
    {"\xf0\x9f\x98", "stage=\"\\xf0\\x9f\\x98\" "},
  };

  for (guint i = 0; i < G_N_ELEMENTS(CASES); i++) {
    gsize length = write_field("stage", CASES[i].value);
    g_autofree char *line = g_strndup(memory, length);
    g_assert_nonnull(strstr(line, CASES[i].written));
    assert_round_trip(CASES[i].value);
  }
}

static void test_times(void)
{
  static const struct { gint64 ms; const char *text; } CASES[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {999, "1970-01-01T00:00:00.999Z"},
    {1000, "1970-01-01T00:00:01.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {-1000, "1969-12-31T23:59:59.000Z"},
    {WALL_MS, "2026-11-22T10:15:00.123Z"},
    {WALL_MS + 7, "2026-11-22T10:15:00.130Z"},
    {WALL_MS - 123, "2026-11-22T10:15:00.000Z"},
    {WALL_MS - 124, "2026-11-22T10:14:59.999Z"},
    {G_GINT64_CONSTANT(253402300799999), "9999-12-31T23:59:59.999Z"},
  };

  for (guint i = 0; i < 2 * G_N_ELEMENTS(CASES); i++) {
    guint n = i % G_N_ELEMENTS(CASES);
    g_autofree char *copy = NULL;
    const char *why;
    Record record;

    record_begin(&writer, memory, 1, CASES[n].ms, EVENT_STARTED, 0);
    gsize length = record_end(&writer);
    g_assert_true(memcmp(memory + 2, CASES[n].text, CLOCK_UTC_LENGTH) == 0);
    g_assert_true(parse_copy(memory, length - 1, &copy, &record, &why));
    g_assert_cmpint(record.wall_ms, ==, CASES[n].ms);
  }
}

static void test_every_bit(void)
{
  record_begin(&writer, memory, 4711, WALL_MS, EVENT_DEFERRED, 123456);
  record_add(&writer, "stage", "rcpt");
  record_add(&writer, "code", "451");
  record_add(&writer, "text", "4.7.1 \"Greylisted\",\r\ncome\\back K\u00f6ln");
  record_add(&writer, "until", "2026-11-22T10:30:00.000Z");
  gsize length = record_end(&writer) - 1;

  for (gsize bit = 0; bit < length * 8; bit++) {
    g_autofree char *copy = NULL;
    g_autofree char *flipped = g_memdup2(memory, length);
    const char *why = NULL;
    Record record;

    flipped[bit / 8] = (char)(flipped[bit / 8] ^ (1 << bit % 8));
    g_assert_false(parse_copy(flipped, length, &copy, &record, &why));
    g_assert_nonnull(why);
    g_assert_true(memcmp(copy, flipped, length) == 0);
  }
}

static void test_every_truncation(void)
{
  gsize length = write_field("text", "a crc=12345678 is in the text") - 1;

  for (gsize shorter = 0; shorter < length; shorter++) {
    g_autofree char *copy = NULL;
    const char *why;
    Record record;
    g_assert_false(parse_copy(memory, shorter, &copy, &record, &why));
  }
}

/* What is behind the sequence number; each with its right CRC. */
static void test_refused(void)
{
  static const struct { const char *body, *why; } CASES[] = {
    {"x", "sequence"},
    {"0 2026-11-22T10:15:00.123Z started", "sequence"},
    {"01 2026-11-22T10:15:00.123Z started", "sequence"},
    {"-1 2026-11-22T10:15:00.123Z started", "sequence"},
    {" 1 2026-11-22T10:15:00.123Z started", "sequence"},
    {"12345678901234567890 2026-11-22T10:15:00.123Z started", "sequence"},
    {"1", "time"},
    {"1 2026-11-22T10:15:00.123Z", "time"},
    {"1  2026-11-22T10:15:00.123Z started", "time"},
    {"1 2026-11-22T10:15:00.12xZ started", "time"},
    {"1 2026-11-22T10:15:00.1234 started", "time"},
    {"1 2026-11-22t10:15:00.123Z started", "time"},
    {"1 2026-02-30T10:15:00.123Z started", "time"},
    {"1 2026-11-22T10:15:00.123Z ", "event"},
    {"1 2026-11-22T10:15:00.123Z start", "event"},
    {"1 2026-11-22T10:15:00.123Z startedd", "event"},
    {"1 2026-11-22T10:15:00.123Z Started", "event"},
    {"1 2026-11-22T10:15:00.123Z started ", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started  a=b", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started a", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started =b", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started A=b", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started 1=b", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started a_b=b", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started\ta=b", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started a=b\tc=d", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started a=b=c", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\"c=d", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started contact=1", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started crc=1", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z started a=", "empty"},
    {"1 2026-11-22T10:15:00.123Z started a= b=c", "empty"},
    {"1 2026-11-22T10:15:00.123Z started a=\"", "does not end"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b", "does not end"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\tc\"", "control"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\\", "\\ before"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\\q\"", "\\ before"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\\x", "\\ before"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\\x1", "\\ before"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\\x1B\"", "\\ before"},
    {"1 2026-11-22T10:15:00.123Z started a=\"b\\x00\"", "\\ before"},
    {"1 2026-11-22T10:15:00.123Z sent", "contact"},
    {"1 2026-11-22T10:15:00.123Z sent code=250 contact=1", "contact"},
    {"1 2026-11-22T10:15:00.123Z sent contact=", "contact"},
    {"1 2026-11-22T10:15:00.123Z sent contact=0", "contact"},
    {"1 2026-11-22T10:15:00.123Z sent contact=01", "contact"},
    {"1 2026-11-22T10:15:00.123Z sent contact=4294967296", "contact"},
    {"1 2026-11-22T10:15:00.123Z sent contact=\"1\"", "contact"},
    {"1 2026-11-22T10:15:00.123Z sent contact=1 contact=2", "form key=value"},
    {"1 2026-11-22T10:15:00.123Z sent contact=1x", "form key=value"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autofree char *copy = NULL;
    const char *why = NULL;
    Record record;

    gsize length = record_seal(strcpy(memory, CASES[i].body), strlen(CASES[i].body));
    g_assert_false(parse_copy(memory, length - 1, &copy, &record, &why));
    g_test_message("%s: %s", CASES[i].body, why);
    g_assert_nonnull(strstr(why, CASES[i].why));
  }
}

static void test_nul(void)
{
  static const char BODY[] = "1 2026-11-22T10:15:00.123Z started a=b\0c";
  g_autofree char *copy = NULL;
  const char *why = NULL;
  Record record;

  memcpy(memory, BODY, sizeof BODY - 1);
  gsize length = record_seal(memory, sizeof BODY - 1);
  g_assert_false(parse_copy(memory, length - 1, &copy, &record, &why));
}

static void test_bad_keys(void)
{
  static const char *const KEYS[] = {
    "", "A", "1a", "-a", "a_b", "a b", "a=", "a\n", "k\u00f6", "contact", "crc",
  };

  for (guint i = 0; i < G_N_ELEMENTS(KEYS); i++) {
    g_assert_cmpuint(write_field(KEYS[i], "x"), ==, 0);
  }
  g_assert_cmpuint(write_field("a-1", "x"), >, 0);
}

/* A text is cut between characters and says so; the fields behind it have their room. */
static void test_cut_text(void)
{
  static const char *const UNITS[] = {"x", "x ", "\u00f6", "\u20ac", "\U0001f600", "\x01",
                                      "\"", "\u2028", "\xff", "x\u20ac"};

  for (guint i = 0; i < G_N_ELEMENTS(UNITS); i++) {
    for (gsize shift = 0; shift < 13; shift++) {
      g_autoptr(GString) value = g_string_new(NULL);
      g_autofree char *copy = NULL;
      const char *why;
      Record record;

      g_string_set_size(value, shift);
      memset(value->str, 'a', shift);
      while (value->len < 20000) {
        g_string_append(value, UNITS[i]);
      }
      record_begin(&writer, memory, 17, WALL_MS, EVENT_SENT, 5);
      record_add(&writer, "text", value->str);
      record_add(&writer, "until", "2026-11-22T10:15:00.123Z");
      gsize length = record_end(&writer);
      g_assert_cmpuint(length, >, RECORD_TEXT_LIMIT);
      assert_line_is_clean(memory, length);
      g_assert_true(parse_copy(memory, length - 1, &copy, &record, &why));
      const char *text = record_get(&record, "text");
      g_assert_true(g_str_has_suffix(text, "\u2026"));
      gsize kept = strlen(text) - strlen("\u2026");
      g_assert_true(memcmp(text, value->str, kept) == 0);
      g_assert_true(!g_utf8_validate(value->str, -1, NULL) || g_utf8_validate(text, -1, NULL));
      g_assert_cmpstr(record_get(&record, "until"), ==, "2026-11-22T10:15:00.123Z");
    }
  }
}

/* Anything else is never cut: the line is refused as a whole, at the very byte. */
static void test_too_long(void)
{
  const gsize head = strlen("17 2026-11-22T10:15:00.123Z sent contact=5 stage=");
  const gsize room = LIMIT_JOURNAL_LINE - head - RECORD_SEAL_LENGTH - 1;
  g_autofree char *value = g_strnfill(room + 1, 'x');

  g_assert_cmpuint(write_field("stage", value), ==, 0);
  value[room] = '\0';
  g_assert_cmpuint(write_field("stage", value), ==, LIMIT_JOURNAL_LINE);
  assert_round_trip(value);
  value[room - 1] = ' ';
  g_assert_cmpuint(write_field("stage", value), ==, 0);
}

static void test_too_many_fields(void)
{
  record_begin(&writer, memory, 17, WALL_MS, EVENT_ACCEPTED, 0);
  for (int i = 0; i < RECORD_MAX_FIELDS; i++) {
    record_add(&writer, "key", "x");
  }
  gsize length = record_end(&writer);
  g_autofree char *copy = NULL;
  const char *why;
  Record record;
  g_assert_true(parse_copy(memory, length - 1, &copy, &record, &why));
  g_assert_cmpuint(record.n_fields, ==, RECORD_MAX_FIELDS);

  record_add(&writer, "key", "x");
  g_assert_cmpuint(record_end(&writer), ==, 0);
  g_autofree char *longer = NULL;
  gsize body = length - 1 - RECORD_SEAL_LENGTH;
  memcpy(memory + body, " key=x", 6);
  length = record_seal(memory, body + 6);
  g_assert_false(parse_copy(memory, length - 1, &longer, &record, &why));
  g_assert_nonnull(strstr(why, "too many"));
}

static void test_get(void)
{
  record_begin(&writer, memory, 17, WALL_MS, EVENT_DEFERRED, 5);
  record_add(&writer, "code", "451");
  record_add(&writer, "text", "451 ");
  record_add(&writer, "until", "2026-11-22T10:15:00.123Z");
  gsize length = record_end(&writer);
  g_autofree char *copy = NULL;
  const char *why;
  Record record;
  gint64 ms = 0;

  g_assert_true(parse_copy(memory, length - 1, &copy, &record, &why));
  g_assert_null(record_get(&record, "contact"));
  g_assert_null(record_get(&record, "cod"));
  g_assert_cmpint(record_get_number(&record, "code", -1), ==, 451);
  g_assert_cmpint(record_get_number(&record, "text", -1), ==, -1);
  g_assert_cmpint(record_get_number(&record, "none", -1), ==, -1);
  g_assert_true(record_get_time(&record, "until", &ms));
  g_assert_cmpint(ms, ==, WALL_MS);
  g_assert_false(record_get_time(&record, "code", &ms));
  g_assert_false(record_get_time(&record, "none", &ms));
}

/* Lines with random harm and their right CRC: what is taken must be written again as a
 * line that says the same. */
static void test_random(void)
{
  static const char BODY[] = "17 2026-11-22T10:15:00.123Z deferred contact=5 stage=rcpt code=451 "
                             "text=\"4.7.1 \\\"Grey\\x1b\\\\ K\u00f6ln\" status=4.7.1";
  g_autoptr(GRand) random = g_rand_new_with_seed(20261122);
  guint taken = 0;

  for (int round = 0; round < 200000; round++) {
    gsize length = strlen(BODY);
    g_autofree char *copy = NULL, *again = NULL;
    const char *why;
    Record record, second;

    memcpy(memory, BODY, length);
    for (int i = g_rand_int_range(random, 1, 4); i > 0; i--) {
      memory[g_rand_int_range(random, 0, (gint32)length)] =
          g_rand_boolean(random) ? " \"\\=xn\t"[g_rand_int_range(random, 0, 8)]
                                 : (char)g_rand_int_range(random, 0, 256);
    }
    length = (gsize)g_rand_int_range(random, 0, (gint32)length + 1);
    length = record_seal(memory, length);
    if (!parse_copy(memory, length - 1, &copy, &record, &why)) {
      continue;
    }
    taken++;
    record_begin(&writer, memory, record.sequence, record.wall_ms, record.event, record.contact);
    for (guint i = 0; i < record.n_fields; i++) {
      record_add(&writer, record.fields[i].key, record.fields[i].value);
    }
    length = record_end(&writer);
    g_assert_cmpuint(length, >, 0);
    assert_line_is_clean(memory, length);
    g_assert_true(parse_copy(memory, length - 1, &again, &second, &why));
    g_assert_cmpuint(second.n_fields, ==, record.n_fields);
    for (guint i = 0; i < record.n_fields; i++) {
      g_assert_cmpstr(second.fields[i].value, ==, record.fields[i].value);
    }
  }
  g_assert_cmpuint(taken, >, 1000);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/record/example", test_example);
  g_test_add_func("/record/seal", test_seal);
  g_test_add_func("/record/events", test_events);
  g_test_add_func("/record/every-byte", test_every_byte);
  g_test_add_func("/record/every-pair", test_every_pair);
  g_test_add_func("/record/values", test_values);
  g_test_add_func("/record/times", test_times);
  g_test_add_func("/record/every-bit", test_every_bit);
  g_test_add_func("/record/every-truncation", test_every_truncation);
  g_test_add_func("/record/refused", test_refused);
  g_test_add_func("/record/nul", test_nul);
  g_test_add_func("/record/bad-keys", test_bad_keys);
  g_test_add_func("/record/cut-text", test_cut_text);
  g_test_add_func("/record/too-long", test_too_long);
  g_test_add_func("/record/too-many-fields", test_too_many_fields);
  g_test_add_func("/record/get", test_get);
  g_test_add_func("/record/random", test_random);
  return g_test_run();
}
