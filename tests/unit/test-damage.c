/* SPDX-License-Identifier: Apache-2.0 */
/* A small journal, damaged in every way that is one bit or one cut: whoever was sent the message
 * is never taken for somebody who was not. */

#include <glib/gstdio.h>
#include <string.h>
#include "delivery/ledger.h"
#include "lines.h"

enum { CONTACTS = 4 };

/* What is in a segment: a line, who it is about. */
static const struct { Event event; guint32 contact; } LINES[] = {
  {EVENT_STARTED, 0}, {EVENT_INTENDED, 1}, {EVENT_INTENDED, 2}, {EVENT_SENT, 1},
  {EVENT_INTENDED, 3}, {EVENT_IN_DOUBT, 2}, {EVENT_SENT, 3}, {EVENT_INTENDED, 4},
};
enum { N_LINES = G_N_ELEMENTS(LINES), SPLIT = 4 };

typedef struct {
  char *folder;
  GString *segments[2];
  gsize ends[N_LINES + 1];   /* of the lines, in one segment that holds all */
} Fixture;

static GString *make_segment(guint first, guint last, gsize *ends)
{
  GString *lines = g_string_new(NULL);

  lines_add_header(lines);
  for (guint i = first; i < last; i++) {
    if (ends != NULL) {
      ends[i] = lines->len;
    }
    lines_add(lines, i + 1, LINES[i].event, LINES[i].contact, "2.0.0 Ok: \"queued\"");
  }
  return lines;
}

static void set_up(Fixture *f, gconstpointer data)
{
  gboolean split = GPOINTER_TO_INT(data) > 1;

  f->folder = lines_make_folder();
  f->segments[0] = make_segment(0, split ? SPLIT : N_LINES, f->ends);
  f->segments[1] = split ? make_segment(SPLIT, N_LINES, NULL) : NULL;
  f->ends[N_LINES] = f->segments[0]->len;
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS(f->segments); i++) {
    if (f->segments[i] != NULL) {
      g_string_free(f->segments[i], TRUE);
    }
  }
  lines_remove_folder(f->folder);
}

static void write_segment(const Fixture *f, guint segment, gsize length)
{
  lines_write(f->folder, segment == 0 ? "journal" : "journal.2", f->segments[segment]->str, length);
}

static void write_all(const Fixture *f)
{
  for (guint i = 0; i < G_N_ELEMENTS(f->segments) && f->segments[i] != NULL; i++) {
    write_segment(f, i, f->segments[i]->len);
  }
}

/* Reads the journal into a ledger. How many lines there were, or -1: it was found damaged. */
static int read_journal(const Fixture *f, Ledger *ledger, gboolean *noticed)
{
  g_autoptr(JournalReader) reader = journal_reader_open(f->folder, NULL);
  Record record;
  ReadResult result = READ_FAILED;
  int lines = 0;

  *noticed = TRUE;
  while (reader != NULL && (result = journal_reader_next(reader, &record, NULL)) == READ_RECORD) {
    lines++;
    if (record.contact != 0 && !ledger_replay(ledger, &record, NULL)) {
      return -1;
    }
  }
  if (result == READ_FAILED) {
    return -1;
  }
  *noticed = journal_reader_torn(reader) > 0 || !journal_reader_whole(reader);
  return lines;
}

static void test_intact(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Ledger) ledger = ledger_new(CONTACTS);
  gboolean noticed;

  write_all(f);
  g_assert_cmpint(read_journal(f, ledger, &noticed), ==, N_LINES);
  g_assert_false(noticed);
  g_assert_cmpint(ledger_state(ledger, 1), ==, CONTACT_SENT);
  g_assert_cmpint(ledger_state(ledger, 4), ==, CONTACT_INTENDED);
}

/* Each bit of each byte, one at a time: damage, wherever it is. */
static void test_every_bit(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  write_all(f);
  for (guint segment = 0; segment < 2 && f->segments[segment] != NULL; segment++) {
    GString *bytes = f->segments[segment];
    for (gsize i = 0; i < 8 * bytes->len; i++) {
      g_autoptr(Ledger) ledger = ledger_new(CONTACTS);
      gboolean noticed;
      bytes->str[i / 8] = (char)(bytes->str[i / 8] ^ (1 << i % 8));
      write_segment(f, segment, bytes->len);
      if (read_journal(f, ledger, &noticed) >= 0) {
        g_error("bit %zu of byte %zu of segment %u went unnoticed", i % 8, i / 8, segment + 1);
      }
      bytes->str[i / 8] = (char)(bytes->str[i / 8] ^ (1 << i % 8));
    }
    write_segment(f, segment, bytes->len);
  }
}

/* Cut off anywhere, the last segment is torn there, and all the whole lines before count. Only a
 * cut between two lines cannot be noticed: it is what the journal was at that moment. */
static void test_every_cut(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  int whole = 0;

  for (gsize length = f->ends[0]; length <= f->segments[0]->len; length++) {
    g_autoptr(Ledger) ledger = ledger_new(CONTACTS);
    gboolean noticed;
    write_segment(f, 0, length);
    /* A line without its LF is a whole one all the same. */
    while (whole < N_LINES && f->ends[whole + 1] <= length + 1) {
      whole++;
    }
    g_assert_cmpint(read_journal(f, ledger, &noticed), ==, whole);
    g_assert_true(noticed != (f->ends[whole] == length));
  }
  g_assert_cmpint(whole, ==, N_LINES);
}

/* Within the first line nothing else can be there. */
static void test_cuts_of_header(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (gsize length = 0; length < f->ends[0]; length++) {
    g_autoptr(Ledger) ledger = ledger_new(CONTACTS);
    gboolean noticed;
    write_segment(f, 0, length);
    g_assert_cmpint(read_journal(f, ledger, &noticed), <=, 0);
    g_assert_true(noticed);
  }
}

/* The first of two segments, cut off: lines are missing before the second, or none. */
static void test_cuts_before_segment(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  write_all(f);
  for (gsize length = 0; length < f->segments[0]->len; length++) {
    g_autoptr(Ledger) ledger = ledger_new(CONTACTS);
    gboolean noticed;
    write_segment(f, 0, length);
    int lines = read_journal(f, ledger, &noticed);
    g_assert_cmpint(lines, ==, length + 1 == f->segments[0]->len ? N_LINES : -1);
  }
}

int main(int argc, char **argv)
{
  gpointer one = GINT_TO_POINTER(1), two = GINT_TO_POINTER(2);

  g_test_init(&argc, &argv, NULL);
  g_test_add("/damage/intact", Fixture, one, set_up, test_intact, tear_down);
  g_test_add("/damage/intact-two-segments", Fixture, two, set_up, test_intact, tear_down);
  g_test_add("/damage/every-bit", Fixture, one, set_up, test_every_bit, tear_down);
  g_test_add("/damage/every-bit-two-segments", Fixture, two, set_up, test_every_bit, tear_down);
  g_test_add("/damage/every-cut", Fixture, one, set_up, test_every_cut, tear_down);
  g_test_add("/damage/cuts-of-header", Fixture, one, set_up, test_cuts_of_header, tear_down);
  g_test_add("/damage/cuts-before-segment", Fixture, two, set_up, test_cuts_before_segment,
             tear_down);
  return g_test_run();
}
