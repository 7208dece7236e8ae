/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/body.h"

#include <string.h>

static void pass_on(BodyReceiver receiver, gpointer data, const char *from, const char *to)
{
  if (to > from) {
    receiver(data, from, (gsize)(to - from));
  }
}

/* Looks for the first line of the text that begins with a dot, and returns that
 * dot, or NULL. *state tells what went before the text, and then how it ends. */
static const char *find_dot(BodyState *state, const char *text, const char *end)
{
  gboolean after_cr = *state == BODY_CR;
  for (const char *cursor = text; cursor < end;) {
    const char *feed = memchr(cursor, '\n', (gsize)(end - cursor));
    if (feed == NULL) {
      break;
    }
    cursor = feed + 1;
    gboolean ends_line = feed > text ? feed[-1] == '\r' : after_cr;
    if (ends_line && cursor == end) {
      *state = BODY_LINE;
      return NULL;
    }
    if (ends_line && *cursor == '.') {
      return cursor;
    }
  }
  *state = end[-1] == '\r' ? BODY_CR : BODY_TEXT;
  return NULL;
}

gsize body_read(BodyState *state, const char *octets, gsize length, BodyReceiver receiver,
                gpointer data)
{
  const char *cursor = octets;
  const char *end = octets + length;
  while (cursor < end && *state != BODY_END) {
    switch (*state) {
    case BODY_LINE:
      if (*cursor == '.') {
        *state = BODY_DOT;
        cursor++;
      } else {
        *state = BODY_TEXT;
      }
      break;
    case BODY_DOT:
      if (*cursor == '\r') {
        *state = BODY_DOT_CR;
        cursor++;
      } else {
        *state = BODY_TEXT;
      }
      break;
    case BODY_DOT_CR:
      if (*cursor == '\n') {
        *state = BODY_END;
        cursor++;
      } else {
        receiver(data, "\r", 1);
        *state = BODY_CR;
      }
      break;
    case BODY_CR:
    case BODY_TEXT: {
      const char *dot = find_dot(state, cursor, end);
      const char *stop = dot != NULL ? dot : end;
      pass_on(receiver, data, cursor, stop);
      cursor = dot != NULL ? dot + 1 : end;
      *state = dot != NULL ? BODY_DOT : *state;
      break;
    }
    case BODY_END:
      break;
    }
  }
  return (gsize)(cursor - octets);
}
