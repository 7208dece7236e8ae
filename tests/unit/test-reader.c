/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "base/limits.h"
#include "delivery/ledger.h"
#include "lines.h"

typedef struct {
  char *folder;
  GString *lines;    /* of the segment that is being made */
  GString *text;     /* what was read */
  JournalReader *reader;
  GError *error;
} Fixture;

static void set_up(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->folder = lines_make_folder();
  f->lines = g_string_new(NULL);
  f->text = g_string_new(NULL);
  lines_add_header(f->lines);
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_clear_pointer(&f->reader, journal_reader_close);
  g_clear_error(&f->error);
  g_string_free(f->lines, TRUE);
  g_string_free(f->text, TRUE);
  lines_remove_folder(f->folder);
}

/* Adds lines first to last, "n" in each. */
static void add(Fixture *f, guint64 first, guint64 last)
{
  for (guint64 n = first; n <= last; n++) {
    g_autofree char *value = g_strdup_printf("%" G_GUINT64_FORMAT, n);
    lines_add(f->lines, n, EVENT_SENT, (guint32)n, value);
  }
}

static void write_segment(Fixture *f, const char *name)
{
  lines_write(f->folder, name, f->lines->str, f->lines->len);
  g_string_truncate(f->lines, 0);
  lines_add_header(f->lines);
}

static void append_bytes(Fixture *f, const char *name, const char *bytes, gsize length)
{
  g_autofree char *path = g_build_filename(f->folder, name, NULL);
  FILE *file = g_fopen(path, "a");

  g_assert_nonnull(file);
  g_assert_cmpuint(fwrite(bytes, 1, length, file), ==, length);
  g_assert_cmpint(fclose(file), ==, 0);
}

static ReadResult read_on(Fixture *f)
{
  if (f->reader == NULL) {
    f->reader = journal_reader_open(f->folder, &f->error);
    g_assert_no_error(f->error);
  }
  g_string_truncate(f->text, 0);
  return lines_read(f->reader, f->text, &f->error);
}

/* Reads on and expects lines first to last, and then the end. */
static void expect(Fixture *f, guint64 first, guint64 last)
{
  g_autoptr(GString) expected = g_string_new(NULL);
  ReadResult result = read_on(f);

  g_assert_no_error(f->error);
  g_assert_cmpint(result, ==, READ_END);
  for (guint64 n = first; n <= last; n++) {
    g_string_append_printf(expected, "%" G_GUINT64_FORMAT " sent %" G_GUINT64_FORMAT
                           " %" G_GUINT64_FORMAT "\n", n, n, n);
  }
  g_assert_cmpstr(f->text->str, ==, expected->str);
  g_assert_cmpuint(journal_reader_sequence(f->reader), ==, last);
}

static void expect_position(Fixture *f, guint segment, gboolean whole, guint torn)
{
  g_assert_cmpuint(journal_reader_segment(f->reader), ==, segment);
  g_assert_cmpint(journal_reader_whole(f->reader), ==, whole);
  g_assert_cmpuint(journal_reader_torn(f->reader), ==, torn);
}

static void expect_failure(Fixture *f, JournalError code, const char *where)
{
  g_assert_cmpint(read_on(f), ==, READ_FAILED);
  g_assert_error(f->error, JOURNAL_ERROR, (int)code);
  g_test_message("%s", f->error->message);
  g_assert_nonnull(strstr(f->error->message, where));
  g_clear_error(&f->error);
  g_assert_cmpint(read_on(f), ==, READ_FAILED);
  g_assert_error(f->error, JOURNAL_ERROR, (int)code);
  g_clear_error(&f->error);
}

static void test_none(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_null(journal_reader_open(f->folder, &f->error));
  g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DISK);
  g_clear_error(&f->error);
  g_assert_null(journal_reader_open("/nonexistent/folder", &f->error));
  g_assert_nonnull(f->error);
}

static void test_simple(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 5);
  write_segment(f, "journal");
  lines_write(f->folder, "journal.new", "x", 1);
  lines_write(f->folder, "journal.02", "x", 1);
  lines_write(f->folder, "journal.1", "x", 1);
  lines_write(f->folder, "journal.2~", "x", 1);
  lines_write(f->folder, "journals", "x", 1);
  expect(f, 1, 5);
  expect_position(f, 1, TRUE, 0);
  expect(f, 6, 5);
}

static void test_no_lines(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  write_segment(f, "journal");
  expect(f, 1, 0);
  expect_position(f, 1, TRUE, 0);
}

static void test_empty_file(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  lines_write(f->folder, "journal", "", 0);
  expect(f, 1, 0);
  expect_position(f, 1, FALSE, 0);
  add(f, 1, 2);
  write_segment(f, "journal.2");
  expect(f, 1, 2);
  expect_position(f, 2, TRUE, 0);
}

/* More than one buffer full, so that lines lie across its end in many ways. */
static void test_large(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 20000);
  write_segment(f, "journal");
  expect(f, 1, 20000);
}

static void test_longest_lines(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *value = g_strnfill(RECORD_TEXT_LIMIT - 10, 'x');

  for (guint64 n = 1; n <= 200; n++) {
    lines_add(f->lines, n, EVENT_SENT, 1, value);
  }
  write_segment(f, "journal");
  g_assert_cmpint(read_on(f), ==, READ_END);
  g_assert_cmpuint(journal_reader_sequence(f->reader), ==, 200);
}

/* Byte by byte, with a look at each: a line is given once, when it is whole. */
static void test_follow(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  guint64 given = 0;

  write_segment(f, "journal");
  add(f, 1, 3);
  gsize header = strcspn(f->lines->str, "\n") + 1;
  for (gsize i = header; i < f->lines->len; i++) {
    append_bytes(f, "journal", f->lines->str + i, 1);
    g_assert_cmpint(read_on(f), ==, READ_END);
    if (f->text->len > 0) {
      given++;
      g_assert_true(i + 2 < f->lines->len ? f->lines->str[i + 1] == '\n' : TRUE);
    }
    g_assert_cmpuint(journal_reader_sequence(f->reader), ==, given);
    g_assert_cmpint(journal_reader_whole(f->reader), ==, f->lines->str[i] == '\n');
  }
  g_assert_cmpuint(given, ==, 3);
}

static void test_follow_segment(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  write_segment(f, "journal");
  expect(f, 1, 3);
  append_bytes(f, "journal", "4 2026", 6);
  expect(f, 4, 3);
  expect_position(f, 1, FALSE, 1);
  add(f, 2, 6);
  write_segment(f, "journal.2");
  expect(f, 4, 6);
  expect_position(f, 2, TRUE, 1);
  add(f, 7, 7);
  write_segment(f, "journal.3");
  expect(f, 7, 7);
  expect_position(f, 3, TRUE, 1);
}

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
static Fixture *writing_late;
static gboolean access_fails;

static void write_late(Fixture *f)
{
  g_string_truncate(f->lines, 0);
  add(f, 4, 5);
  append_bytes(f, "journal", f->lines->str, f->lines->len);
  g_string_truncate(f->lines, 0);
  lines_add_header(f->lines);
  add(f, 6, 7);
  write_segment(f, "journal.2");
}

/* The program is linked with -Wl,--wrap=access: the reader looks for the next segment
 * with it, when it has come to the end of one. */
int __wrap_access(const char *path, int mode)
{
  Fixture *f = g_steal_pointer(&writing_late);

  if (f != NULL) {
    write_late(f);
  }
  if (access_fails) {
    errno = EIO;
    return -1;
  }
  return __real_access(path, mode);
}

/* What came after the last look into a segment is read before the next segment. */
static void test_follow_late(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  write_segment(f, "journal");
  expect(f, 1, 3);
  writing_late = f;
  expect(f, 4, 7);
}

/* Whether there is another segment cannot be told: that is no end of the journal. */
static void test_segment_unknown(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  write_segment(f, "journal");
  add(f, 4, 5);
  write_segment(f, "journal.2");
  expect(f, 1, 5);
  access_fails = TRUE;
  expect_failure(f, JOURNAL_ERROR_DISK, "cannot look for");
  g_clear_pointer(&f->reader, journal_reader_close);
  g_assert_null(journal_reader_open(f->folder, &f->error));
  g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DISK);
  g_clear_error(&f->error);
  access_fails = FALSE;
}

static void test_unfinished(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  g_string_truncate(f->lines, f->lines->len - 1);
  write_segment(f, "journal");
  expect(f, 1, 3);
  expect_position(f, 1, FALSE, 0);
  append_bytes(f, "journal", "\n", 1);
  expect(f, 4, 3);
  expect_position(f, 1, TRUE, 0);
}

static void test_unfinished_then_segment(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  g_string_truncate(f->lines, f->lines->len - 1);
  write_segment(f, "journal");
  add(f, 4, 4);
  write_segment(f, "journal.2");
  expect(f, 1, 4);
  expect_position(f, 2, TRUE, 0);
}

static void test_unfinished_then_more(Fixture *f, gconstpointer data)
{
  add(f, 1, 3);
  g_string_truncate(f->lines, f->lines->len - 1);
  write_segment(f, "journal");
  expect(f, 1, 3);
  append_bytes(f, "journal", data, strlen(data));
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 4");
}

/* The LF of the last line turned into something else. */
static void test_last_line_feed(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  f->lines->str[f->lines->len - 1] = '\x0b';
  write_segment(f, "journal");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 4");
}

static void test_nuls(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const gsize COUNTS[] = {1, 100, LIMIT_JOURNAL_LINE, 256 << 10, 1000000};
  static const gsize CUTS[] = {0, 1, 20};

  for (guint i = 0; i < G_N_ELEMENTS(COUNTS) * G_N_ELEMENTS(CUTS); i++) {
    g_autofree char *nuls = g_malloc0(COUNTS[i % G_N_ELEMENTS(COUNTS)]);
    g_autofree char *second = g_build_filename(f->folder, "journal.2", NULL);
    gsize cut = CUTS[i / G_N_ELEMENTS(COUNTS)];
    add(f, 1, 3);
    g_string_truncate(f->lines, f->lines->len - cut);
    g_string_append_len(f->lines, nuls, (gssize)COUNTS[i % G_N_ELEMENTS(COUNTS)]);
    write_segment(f, "journal");
    expect(f, 1, cut > 1 ? 2 : 3);
    expect_position(f, 1, FALSE, 1);
    add(f, cut > 1 ? 3 : 4, 5);
    write_segment(f, "journal.2");
    expect(f, cut > 1 ? 3 : 4, 5);
    expect_position(f, 2, TRUE, 1);
    g_clear_pointer(&f->reader, journal_reader_close);
    g_assert_cmpint(g_unlink(second), ==, 0);
  }
}

static void test_nuls_then_more(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const gsize COUNTS[] = {1, 5000, 300000};

  for (guint i = 0; i < G_N_ELEMENTS(COUNTS); i++) {
    g_autofree char *nuls = g_malloc0(COUNTS[i]);
    add(f, 1, 3);
    g_string_append_len(f->lines, nuls, (gssize)COUNTS[i]);
    add(f, 4, 5);
    write_segment(f, "journal");
    expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 5");
    g_clear_pointer(&f->reader, journal_reader_close);
  }
}

static void test_too_long(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const gsize LENGTHS[] = {LIMIT_JOURNAL_LINE, 300000};

  for (guint i = 0; i < 2 * G_N_ELEMENTS(LENGTHS); i++) {
    g_autofree char *garbage = g_strnfill(LENGTHS[i / 2], 'x');
    add(f, 1, 2);
    g_string_append(f->lines, garbage);
    g_string_append(f->lines, i % 2 == 0 ? "\n" : "");
    write_segment(f, "journal");
    expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 4");
    g_clear_pointer(&f->reader, journal_reader_close);
  }
}

static void test_repeated(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 10);
  write_segment(f, "journal");
  add(f, 6, 12);
  write_segment(f, "journal.2");
  add(f, 6, 20);
  write_segment(f, "journal.3");
  expect(f, 1, 20);
  expect_position(f, 3, TRUE, 0);
}

static void test_repeated_only(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 10);
  write_segment(f, "journal");
  add(f, 6, 8);
  write_segment(f, "journal.2");
  add(f, 9, 11);
  write_segment(f, "journal.3");
  expect(f, 1, 11);
}

static void test_repeated_in_segment(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  add(f, 3, 4);
  write_segment(f, "journal");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 5");
}

static void test_contradiction(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  write_segment(f, "journal");
  lines_add(f->lines, 3, EVENT_BOUNCED, 3, "3");
  add(f, 4, 4);
  write_segment(f, "journal.2");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 2, line 2");
}

static void test_gap(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  add(f, 5, 6);
  write_segment(f, "journal");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 5");
}

static void test_gap_at_first(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 2, 3);
  write_segment(f, "journal");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 2");
}

static void test_gap_between_segments(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  write_segment(f, "journal");
  add(f, 5, 6);
  write_segment(f, "journal.2");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 2, line 2");
}

static void test_missing_segment(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 3);
  write_segment(f, "journal");
  add(f, 5, 6);
  write_segment(f, "journal.4");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 4, line 2");
}

static void test_missing_first_segment(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 4, 6);
  write_segment(f, "journal.2");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 2, line 2");
}

/* A line in the middle that cannot be read: damage, unless it was all written again. */
static void damage_line_3(Fixture *f)
{
  add(f, 1, 5);
  char *third = strstr(f->lines->str, "\n3 ") + 10;
  *third ^= 1;
  write_segment(f, "journal");
}

static void test_damage(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  damage_line_3(f);
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 4");
}

static void test_damage_made_good(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  damage_line_3(f);
  add(f, 2, 7);
  write_segment(f, "journal.2");
  expect(f, 1, 7);
  expect_position(f, 2, TRUE, 1);
}

static void test_damage_made_good_later(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  damage_line_3(f);
  g_string_append(f->lines, "rubbish\n");
  write_segment(f, "journal.2");
  add(f, 3, 7);
  write_segment(f, "journal.3");
  expect(f, 1, 7);
  expect_position(f, 3, TRUE, 2);
}

static void test_damage_not_made_good(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  damage_line_3(f);
  add(f, 4, 7);
  write_segment(f, "journal.2");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 4");
}

static void test_damage_then_header(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  damage_line_3(f);
  write_segment(f, "journal.2");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 4");
}

typedef struct {
  const char *header;
  JournalError code;
} HeaderCase;

static void test_header(Fixture *f, gconstpointer data)
{
  const HeaderCase *header_case = data;
  char header[64];

  g_string_truncate(f->lines, 0);
  g_strlcpy(header, header_case->header, sizeof header);
  g_string_append_len(f->lines, header, (gssize)record_seal(header, strlen(header)));
  add(f, 1, 2);
  write_segment(f, "journal");
  expect_failure(f, header_case->code, "segment 1, line 1");
}

static void test_header_crc(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add(f, 1, 2);
  f->lines->str[strlen("dateline-journal ")] = '2';
  write_segment(f, "journal");
  expect_failure(f, JOURNAL_ERROR_DAMAGED, "segment 1, line 1");
}

static void test_newer_second_segment(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  char header[64] = "dateline-journal 2 of=tomorrow";

  add(f, 1, 2);
  write_segment(f, "journal");
  gsize length = record_seal(header, strlen(header));
  lines_write(f->folder, "journal.2", header, length);
  expect_failure(f, JOURNAL_ERROR_VERSION, "segment 2, line 1");
}

static void test_link(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename(f->folder, "journal", NULL);

  add(f, 1, 2);
  write_segment(f, "elsewhere");
  g_assert_cmpint(symlink("elsewhere", path), ==, 0);
  g_assert_null(journal_reader_open(f->folder, &f->error));
  g_assert_error(f->error, JOURNAL_ERROR, JOURNAL_ERROR_DISK);
}

int main(int argc, char **argv)
{
  static const struct { const char *name; void (*test)(Fixture *, gconstpointer); } TESTS[] = {
    {"none", test_none},
    {"simple", test_simple},
    {"no-lines", test_no_lines},
    {"empty-file", test_empty_file},
    {"large", test_large},
    {"longest-lines", test_longest_lines},
    {"follow", test_follow},
    {"follow-segment", test_follow_segment},
    {"follow-late", test_follow_late},
    {"segment-unknown", test_segment_unknown},
    {"unfinished", test_unfinished},
    {"unfinished-then-segment", test_unfinished_then_segment},
    {"last-line-feed", test_last_line_feed},
    {"nuls", test_nuls},
    {"nuls-then-more", test_nuls_then_more},
    {"too-long", test_too_long},
    {"repeated", test_repeated},
    {"repeated-only", test_repeated_only},
    {"repeated-in-segment", test_repeated_in_segment},
    {"contradiction", test_contradiction},
    {"gap", test_gap},
    {"gap-at-first", test_gap_at_first},
    {"gap-between-segments", test_gap_between_segments},
    {"missing-segment", test_missing_segment},
    {"missing-first-segment", test_missing_first_segment},
    {"damage", test_damage},
    {"damage-made-good", test_damage_made_good},
    {"damage-made-good-later", test_damage_made_good_later},
    {"damage-not-made-good", test_damage_not_made_good},
    {"damage-then-header", test_damage_then_header},
    {"header-crc", test_header_crc},
    {"newer-second-segment", test_newer_second_segment},
    {"link", test_link},
  };
  static const HeaderCase HEADERS[] = {
    {"dateline-journal 2", JOURNAL_ERROR_VERSION},
    {"dateline-journal 2 more=things", JOURNAL_ERROR_VERSION},
    {"dateline-journal 10", JOURNAL_ERROR_VERSION},
    {"dateline-journal", JOURNAL_ERROR_DAMAGED},
    {"dateline-journals 1", JOURNAL_ERROR_DAMAGED},
    {"another-journal 1", JOURNAL_ERROR_DAMAGED},
    {"", JOURNAL_ERROR_DAMAGED},
  };

  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(TESTS); i++) {
    g_autofree char *path = g_strdup_printf("/reader/%s", TESTS[i].name);
    g_test_add(path, Fixture, NULL, set_up, TESTS[i].test, tear_down);
  }
  g_test_add("/reader/unfinished-then-more", Fixture, "x", set_up, test_unfinished_then_more,
             tear_down);
  g_test_add("/reader/unfinished-then-line", Fixture, "x\n", set_up, test_unfinished_then_more,
             tear_down);
  for (guint i = 0; i < G_N_ELEMENTS(HEADERS); i++) {
    g_autofree char *path = g_strdup_printf("/reader/header/%u", i);
    g_test_add(path, Fixture, &HEADERS[i], set_up, test_header, tear_down);
  }
  return g_test_run();
}
