/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include "base/clock.h"

/* One line of a journal:
 *
 *   17 2026-11-22T10:15:00.123Z sent contact=5 code=250 text="2.0.0 Ok" crc=1a2b3c4d
 *
 * sequence number, time (RFC 3339, UTC, milliseconds), event, key=value fields, and
 * the CRC-32C of all bytes before " crc=". A value that is empty or holds a blank,
 * '"', '\\', '=' or anything that is not printable stands in quotes, where '\\' and '"'
 * have a '\\' before them and what is not printable is \n, \r, \t or \xHH a byte.
 * Keys are [a-z][a-z0-9-]*. Lines end in LF and have at most LIMIT_JOURNAL_LINE bytes,
 * LF included. dateline-journal(5) is the reference for other readers.
 *
 * Not printable are: control characters (C0, DEL, C1), the line and paragraph
 * separators, the characters that embed, override or isolate a direction of writing (a
 * reply could feign another line with them), and bytes that are not UTF-8. So a line is always
 * printable UTF-8, whatever a relay answered, and still gives back every byte. */

typedef enum {
  /* The release. */
  EVENT_RECEIVED,    /* uuid= channel= name= owner= hash= */
  EVENT_ACCEPTED,    /* recipients= and the terms (see terms.h) */
  EVENT_OPENED,      /* the daemon took the release up (again): version= */
  EVENT_SCHEDULED,   /* until= */
  EVENT_STARTED,
  EVENT_HELD,        /* reason= ; by a person or by an alarm */
  EVENT_RESUMED,     /* reason= */
  EVENT_FINISHED,    /* sent= bounced= expired= suppressed= */
  EVENT_EXPIRED,     /* reason= ; what was still due is given up */
  /* A contact; contact= is the recipient's number in the roster. */
  EVENT_INTENDED,    /* relay= */
  EVENT_SENT,        /* code= status= text= */
  EVENT_DEFERRED,    /* stage= code= status= text= until= */
  EVENT_BOUNCED,     /* stage= code= status= text= */
  EVENT_IN_DOUBT,    /* stage= text= */
  EVENT_WITHDRAWN,   /* the intent is taken back: no body left. reason= */
  EVENT_SETTLED,     /* as=sent|due by= uid= reason= ; ends in-doubt */
  EVENT_SUPPRESSED,  /* must not be mailed, since acceptance: entry= scope= reason= text= */
  EVENT_COUNT
} Event;

const char *event_name(Event event);
gboolean event_from_name(const char *name, gsize length, Event *event);
gboolean event_has_contact(Event event);

/* The last second that was seen, in both forms: lines of the same second need no
 * calendar. Zeroed at first; for one thread at a time. */
typedef struct {
  gint64 second_ms;
  char text[CLOCK_UTC_LENGTH + 1];
} RecordClock;

/* What a value of the key "text" may take of a line; more is cut between characters
 * and ends in "…". All other fields together have at least the other half. */
enum { RECORD_TEXT_LIMIT = 4 << 10, RECORD_MAX_FIELDS = 40 };

/* --- Writing: record_begin(), record_add() for each field, record_end(). --- */

typedef struct {
  char *begin, *at, *limit;
  guint n_fields;
  gboolean fits;
  RecordClock clock;
} RecordWriter;   /* zeroed at first, then used for any number of lines */

/* memory has LIMIT_JOURNAL_LINE bytes. contact is 0 if, and only if, the event is the
 * release's. */
void record_begin(RecordWriter *writer, char *memory, guint64 sequence, gint64 wall_ms,
                  Event event, guint32 contact);
void record_add(RecordWriter *writer, const char *key, const char *value);

/* Adds the CRC and the LF. Returns the line's length, or 0 if it is no legal line:
 * longer than LIMIT_JOURNAL_LINE, more than RECORD_MAX_FIELDS fields, a key that is not
 * [a-z][a-z0-9-]* or is "contact" or "crc", or a contact where none belongs. */
gsize record_end(RecordWriter *writer);

/* --- Reading. --- */

typedef struct {
  guint64 sequence;
  gint64 wall_ms;
  Event event;
  guint32 contact;     /* 0 where the event is the release's; not among the fields */
  guint32 crc;
  guint n_fields;
  /* Values may hold any byte but NUL: whoever shows them makes them visible. */
  struct { const char *key, *value; } fields[RECORD_MAX_FIELDS];
} Record;

/* Parses one line (without its LF) in place: the record points into it. FALSE with
 * *why (static text) when its form or its CRC is wrong; the line is changed only where
 * its CRC is right, and nothing behind it ever. */
gboolean record_parse(char *line, gsize length, RecordClock *clock, Record *record,
                      const char **why);

/* The seal of a line, also of a segment's first: record_seal() adds " crc=1a2b3c4d" and
 * LF behind length bytes and returns the new length; record_check_seal() looks for it
 * (without the LF) and gives the CRC. */
enum { RECORD_SEAL_LENGTH = 13 };
gsize record_seal(char *line, gsize length);
gboolean record_check_seal(const char *line, gsize length, guint32 *crc);

const char *record_get(const Record *record, const char *key);              /* or NULL */
gint64 record_get_number(const Record *record, const char *key, gint64 otherwise);
/* A time as clock_format_utc() writes it. FALSE where it is missing or something else. */
gboolean record_get_time(const Record *record, const char *key, gint64 *wall_ms);
