/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "delivery/journal.h"

/* Reads a release's journal, all segments as one, also while the daemon writes it.
 *
 * - What is behind the last LF of a segment is torn: passed over, noted. Where its CRC is
 *   right it is a whole line all the same. NUL bytes at a segment's end, which some file
 *   systems leave after a power failure, are passed over.
 * - A line that was seen in an earlier segment is passed over, if it is the same.
 * - A line that cannot be read is passed over with all behind it in its segment if the
 *   next segment begins with a number that leaves no gap: then the writer has found the
 *   segment bad by itself, and written everything again.
 *
 * A gap in the numbers, a different line under a known number, or any other line that
 * cannot be read is damage: JOURNAL_ERROR_DAMAGED with segment and line. Damage is never
 * guessed at. */

typedef struct JournalReader JournalReader;

/* An error where there is no journal. */
JournalReader *journal_reader_open(const char *directory, GError **error);
void journal_reader_close(JournalReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalReader, journal_reader_close)

typedef enum {
  READ_RECORD,
  READ_END,      /* nothing more at present; call again later to follow */
  READ_FAILED,   /* so will every later call */
} ReadResult;

/* record points into the reader's memory and is good until the next call. */
ReadResult journal_reader_next(JournalReader *reader, Record *record, GError **error);

/* After READ_END: what journal_continue() needs to know. */
guint journal_reader_segment(const JournalReader *reader);
gboolean journal_reader_whole(const JournalReader *reader);
guint64 journal_reader_sequence(const JournalReader *reader);   /* of the last line; 0: none */
guint journal_reader_torn(const JournalReader *reader);         /* ends passed over so far */
