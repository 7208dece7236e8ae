/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/letter.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  MAX_HEADER = 64 << 10,     /* where the Message-ID is looked for */
  WRITE_SIZE = 256 << 10,    /* text gathers up to this before it is written to the file */
  MAX_LINE = 998,            /* RFC 5321 section 4.5.3.1.6, without CRLF */
};

struct Letter {
  Store *store;
  gboolean strict;
  guint64 size, max_size;

  GString *header;           /* what of the header has come, if there is a record */
  gboolean header_open;
  GString *line;             /* of the record; working space */

  int file;                  /* in the Maildir's tmp/, or -1 */
  char *name;                /* of the file, or NULL */
  GByteArray *text;          /* not yet written to it */
  GError *failure;           /* the first one with the file */

  gboolean eight_bit;        /* permitted */
  const char *flaw;
  guint column;
  char last;                 /* octet */
};

Letter *letter_new(Store *store, gboolean strict)
{
  Letter *letter = g_new0(Letter, 1);
  letter->store = store;
  letter->strict = strict;
  letter->header = g_string_new(NULL);
  letter->line = g_string_new(NULL);
  letter->text = g_byte_array_new();
  letter->file = -1;
  return letter;
}

void letter_free(Letter *letter)
{
  if (letter == NULL) {
    return;
  }
  letter_discard(letter);
  g_string_free(letter->header, TRUE);
  g_string_free(letter->line, TRUE);
  g_byte_array_unref(letter->text);
  g_free(letter);
}

static void letter_write(Letter *letter)
{
  gsize done = 0;
  while (done < letter->text->len && letter->failure == NULL) {
    ssize_t written = write(letter->file, letter->text->data + done, letter->text->len - done);
    if (written >= 0) {
      done += (gsize)written;
    } else if (errno != EINTR) {
      int code = errno;
      g_set_error(&letter->failure, G_IO_ERROR, (int)g_io_error_from_errno(code), "writing %s: %s",
                  letter->name, g_strerror(code));
    }
  }
  g_byte_array_set_size(letter->text, 0);
}

static void letter_append(Letter *letter, const char *octets, gsize length)
{
  if (letter->text->len + length > WRITE_SIZE) {
    letter_write(letter);
  }
  g_byte_array_append(letter->text, (const guint8 *)octets, (guint)length);
}

static void append_trace(Letter *letter, const Envelope *envelope)
{
  g_autoptr(GString) trace = g_string_new(NULL);
  g_string_append_printf(trace, "Return-Path: <%s>\r\n", envelope->sender);
  for (const char *address = envelope->recipients; *address != '\0';
       address += strlen(address) + 1) {
    g_string_append_printf(trace, "Delivered-To: %s\r\n", address);
  }
  g_string_append(trace, envelope->trace);
  letter_append(letter, trace->str, trace->len);
}

void letter_begin(Letter *letter, const Envelope *envelope, guint64 max_size)
{
  letter_discard(letter);
  letter->size = 0;
  letter->max_size = max_size;
  letter->header_open = store_has_record(letter->store);
  letter->eight_bit = envelope->eight_bit;
  letter->flaw = NULL;
  letter->column = 0;
  letter->last = '\n';
  if (store_has_maildir(letter->store)) {
    letter->file = store_create(letter->store, envelope->unique, &letter->name, &letter->failure);
    append_trace(letter, envelope);
  }
}

/* Keeps the header until its empty line has come. */
static void letter_add_header(Letter *letter, const char *octets, gsize length)
{
  static const char blank[] = "\r\n\r\n";
  const char *found = memmem(octets, length, blank, 4);
  gsize wanted = found != NULL ? (gsize)(found + 4 - octets) : length;
  gsize overlap = MIN(letter->header->len, 3);
  gsize added = MIN(wanted, MAX_HEADER - letter->header->len);
  g_string_append_len(letter->header, octets, (gssize)added);
  const char *seam = letter->header->str + letter->header->len - added - overlap;
  letter->header_open = found == NULL && letter->header->len < MAX_HEADER &&
                        memmem(seam, added + overlap, blank, 4) == NULL;
}

/* A character's place in its line is counted up to MAX_LINE; the CR may stand one further. */
static void letter_check(Letter *letter, const char *octets, gsize length)
{
  for (gsize i = 0; i < length && letter->flaw == NULL; i++) {
    char octet = octets[i];
    letter->column = octet == '\n' ? 0 : letter->column + 1;
    if ((octet == '\n') != (letter->last == '\r')) {
      letter->flaw = "a CR or LF stands alone";
    } else if (octet == '\0') {
      letter->flaw = "there is a NUL";
    } else if ((octet & 0x80) != 0 && !letter->eight_bit) {
      letter->flaw = "8-bit octets were not declared with BODY=8BITMIME";
    } else if (letter->column > MAX_LINE && octet != '\r') {
      letter->flaw = "a line has more than 998 octets";
    }
    letter->last = octet;
  }
}

void letter_add(Letter *letter, const char *octets, gsize length)
{
  gboolean fits = length <= letter->max_size && letter->size <= letter->max_size - length;
  if (fits && letter->header_open) {
    letter_add_header(letter, octets, length);
  }
  if (fits && letter->strict) {
    letter_check(letter, octets, length);
  }
  if (fits && letter->file >= 0) {
    letter_append(letter, octets, length);
  }
  letter->size += length;
}

guint64 letter_size(const Letter *letter)
{
  return letter->size;
}

const char *letter_flaw(const Letter *letter)
{
  gboolean torn = letter->flaw == NULL && letter->last == '\r';
  return torn ? "the text ends in a CR" : letter->flaw;
}

/* The end of a field's value, which may be folded. */
static char *find_field_end(char *value)
{
  char *end = strstr(value, "\r\n");
  while (end != NULL && (end[2] == ' ' || end[2] == '\t')) {
    end = strstr(end + 2, "\r\n");
  }
  return end != NULL ? end : value + strlen(value);
}

/* The value of the Message-ID field, unfolded, borrowed from the header, which it
 * spoils; "-" if there is none. */
static const char *letter_message_id(Letter *letter)
{
  static const char name[] = "Message-ID:";
  char *line = letter->header->str;
  while (*line != '\r' && *line != '\0') {
    char *end = find_field_end(line);
    if (g_ascii_strncasecmp(line, name, sizeof name - 1) == 0) {
      *end = '\0';
      char *value = g_strstrip(g_strdelimit(line + sizeof name - 1, "\r\n\t", ' '));
      return *value != '\0' ? value : "-";
    }
    line = *end != '\0' ? end + 2 : end;
  }
  return "-";
}

/* A field of the record: what would make the line ambiguous is written as \xHH. */
static void append_field(GString *line, const char *text, const char *special)
{
  for (const char *cursor = text; *cursor != '\0'; cursor++) {
    guchar octet = (guchar)*cursor;
    if (octet < ' ' || octet == 0x7f || octet == '\\' || strchr(special, octet) != NULL) {
      g_string_append_printf(line, "\\x%02x", octet);
    } else {
      g_string_append_c(line, *cursor);
    }
  }
}

static void append_time(GString *line)
{
  gint64 now = g_get_real_time();
  time_t seconds = (time_t)(now / G_USEC_PER_SEC);
  struct tm utc;
  gmtime_r(&seconds, &utc);
  g_string_append_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900,
                         utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                         (int)(now % G_USEC_PER_SEC));
}

static gboolean letter_record(Letter *letter, const Envelope *envelope, GError **error)
{
  GString *line = letter->line;
  g_string_truncate(line, 0);
  append_time(line);
  g_string_append_printf(line, "\t%" G_GUINT64_FORMAT "\t", envelope->connection);
  append_field(line, *envelope->sender != '\0' ? envelope->sender : "<>", "");
  g_string_append_c(line, '\t');
  for (const char *address = envelope->recipients; *address != '\0';
       address += strlen(address) + 1) {
    if (address != envelope->recipients) {
      g_string_append_c(line, ',');
    }
    append_field(line, address, ",");
  }
  g_string_append_printf(line, "\t%" G_GUINT64_FORMAT "\t", letter->size);
  append_field(line, letter_message_id(letter), "");
  g_string_append_c(line, '\n');
  return store_record(letter->store, line, error);
}

static gboolean letter_deliver(Letter *letter, GError **error)
{
  if (letter->file >= 0) {
    letter_write(letter);
    close(letter->file);
    letter->file = -1;
  }
  if (letter->failure != NULL) {
    g_propagate_error(error, g_steal_pointer(&letter->failure));
    return FALSE;
  }
  return store_deliver(letter->store, letter->name, error);
}

gboolean letter_keep(Letter *letter, const Envelope *envelope, GError **error)
{
  gboolean kept =
      (!store_has_maildir(letter->store) || letter_deliver(letter, error)) &&
      (!store_has_record(letter->store) || letter_record(letter, envelope, error));
  if (kept) {
    g_clear_pointer(&letter->name, g_free);
  }
  letter_discard(letter);
  return kept;
}

void letter_discard(Letter *letter)
{
  if (letter->file >= 0) {
    close(letter->file);
    letter->file = -1;
  }
  if (letter->name != NULL) {
    store_remove(letter->store, letter->name);
    g_clear_pointer(&letter->name, g_free);
  }
  g_clear_error(&letter->failure);
  g_string_truncate(letter->header, 0);
  g_byte_array_set_size(letter->text, 0);
}
