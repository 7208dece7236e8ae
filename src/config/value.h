/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The kinds of values that settings have: how each is written in the file, and
 * how it lies in the structs of config.h (a char * where nothing else is said). */

typedef enum {
  KIND_TEXT,
  KIND_NAME,      /* see value_is_name() */
  KIND_HOST,      /* what may follow EHLO */
  KIND_LANGUAGE,  /* BCP 47 tag */
  KIND_PATH,      /* made absolute, from the folder of the configuration file */
  KIND_URL,       /* smtp://host[:port] or smtps://host[:port], the host in ASCII */
  KIND_PROXY,     /* socks5://host:port, socks5h:// or http://, the host in ASCII */
  KIND_WEB,       /* https://… or http://… */
  KIND_IP,        /* an address */
  KIND_PIN,       /* one or more of sha256//… */
  KIND_CREDENTIAL,  /* see credential.h */
  KIND_MAILBOX,
  KIND_ADDRESS,
  KIND_RETURN_PATH,  /* see returnpath.h */
  KIND_TEXTS,     /* char **; each text that is read is appended */
  KIND_DOMAINS,   /* char **, too; domains as A-labels, "*." before them or not */
  KIND_COLUMNS,   /* char **, each "FIELD=COLUMN"; NULL without any */
  KIND_ENCODING,  /* of text, as iconv calls it */
  KIND_SENDERS,   /* the same, of patterns as in senders.h; NULL without any */
  KIND_WORD,      /* an enum: the place of the word among Range's */
  KIND_WORDS,     /* guint, a set: bit i for Range's word i + 1; the first word for none;
                     several in one text have commas between */
  KIND_SWITCH,    /* gboolean */
  KIND_INTEGER,   /* guint */
  KIND_DURATION,  /* gint64, milliseconds */
  KIND_SIZE,      /* guint64, bytes */
  KIND_RATE,      /* Rate */
  KIND_HOURS,     /* see base/hours.h */
} Kind;

/* What one setting's values are confined to. */
typedef struct {
  const char *const *words;  /* of KIND_WORD, KIND_WORDS */
  gint64 minimum, maximum;   /* of KIND_INTEGER, KIND_DURATION, KIND_SIZE; inclusive */
} Range;

/* How a value may stand in the file; several of them or-ed together. */
typedef enum {
  WRITTEN_AS_STRING = 1 << 0,
  WRITTEN_AS_INTEGER = 1 << 1,
  WRITTEN_AS_FRACTION = 1 << 2,
  WRITTEN_AS_ARRAY = 1 << 3,  /* of strings */
  WRITTEN_AS_SWITCH = 1 << 4,
} Written;

guint value_forms(Kind kind);

/* "a duration: a number of seconds, or with a unit …", to go on after "expected". */
const char *value_description(Kind kind);

/* "duration, 10 ms to 1 h", for the reference. Caller frees. */
char *value_type(Kind kind, const Range *range);

/* Reads text (of a number: its decimal digits) into field, which holds zeros or an
 * earlier value. folder is absolute. Errors (CONFIG_ERROR_VALUE, ADDRESS_ERROR) say
 * what was found and what is expected; field is then unchanged. */
gboolean value_read(Kind kind, const Range *range, const char *folder, const char *text,
                    gpointer field, GError **error);

/* As it stands in the file, quotation marks included; NULL for a text that is not
 * set. Read again it gives the same value. Caller frees. */
char *value_write(Kind kind, const Range *range, gconstpointer field);

void value_clear(Kind kind, gpointer field);

/* Letters, digits, '-' and '_', the first a letter or digit, at most 64 bytes: safe
 * as a folder's name and as a word of the journal. */
gboolean value_is_name(const char *text);
