/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/fault.h"

#include <string.h>

enum { SPLIT_GAP = 1 };  /* milliseconds between packets, so that they stay packets */

static const Fault no_fault;

/* An ending on its own takes the place of the reply; anything else that says how the
 * reply is to look puts the ending behind it. */
static gboolean fault_is_silent(const Fault *fault)
{
  gboolean shapes_reply = fault->reply != NULL || fault->then != NULL || fault->pause > 0 ||
                          fault->lines > 0 || fault->split > 0 || fault->garbage > 0 ||
                          fault->cut > 0;
  return fault->close_after_accept || (fault->ending != ENDING_NONE && !shapes_reply);
}

/* The reply proper to be sent, or NULL for none. */
static const char *fault_text(const Fault *fault, const char *proper)
{
  if (fault->reply != NULL) {
    return fault->reply;
  }
  return fault_is_silent(fault) || fault->garbage > 0 ? NULL : proper;
}

char fault_verdict(const Fault *fault, const char *proper)
{
  const char *text = proper;
  if (fault != NULL && !fault->close_after_accept) {
    text = fault_text(fault, proper);
  }
  gboolean is_reply = text != NULL && text[0] >= '2' && text[0] <= '5' &&
                      g_ascii_isdigit(text[1]) && g_ascii_isdigit(text[2]);
  return is_reply ? text[0] : '\0';
}

/* Noise is the same in every run, and holds every octet but LF, which would end its line. */
static void append_noise(GString *out, guint length)
{
  guint32 state = 2463534242u;
  for (guint i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    char octet = (char)(state & 0xff);
    g_string_append_c(out, octet == '\n' ? '\v' : octet);
  }
  g_string_append(out, "\r\n");
}

/* Fills the reply at out's end, which begins at start, up to so many lines. */
static void append_filler(GString *out, gsize start, guint lines)
{
  guint present = 1;
  gsize last = start;
  for (gsize i = start; i < out->len; i++) {
    if (out->str[i] == '\n') {
      present++;
      last = i + 1;
    }
  }
  if (present >= lines || out->len < last + 3) {
    return;
  }
  char code[4];
  g_strlcpy(code, out->str + last, sizeof code);
  if (out->len == last + 3) {
    g_string_append_c(out, ' ');
  }
  out->str[last + 3] = '-';
  for (guint line = present + 1; line <= lines; line++) {
    g_string_append_printf(out, "\r\n%s%cline %u of %u", code, line < lines ? '-' : ' ', line,
                           lines);
  }
}

static void compose(const Fault *fault, const char *proper, GString *out)
{
  g_string_truncate(out, 0);
  if (fault->garbage > 0) {
    append_noise(out, fault->garbage);
  }
  const char *text = fault_text(fault, proper);
  if (text != NULL) {
    gsize start = out->len;
    g_string_append(out, text);
    append_filler(out, start, fault->lines);
    g_string_append(out, "\r\n");
  }
  if (fault->cut > 0 && out->len > fault->cut) {
    g_string_truncate(out, fault->cut);
  }
}

static void add_parcels(Outlet *outlet, guint delay, guint split, const GString *reply)
{
  gsize step = split > 0 ? split : reply->len;
  guint wait = delay;
  gsize done = 0;
  do {
    gsize length = MIN(step, reply->len - done);
    outlet_add_later(outlet, wait, reply->str + done, length);
    done += length;
    wait = SPLIT_GAP;
  } while (done < reply->len);
}

void fault_deliver(const Fault *fault, const char *proper, guint general_delay, GString *scratch,
                   Outlet *outlet)
{
  if (fault == NULL) {
    fault = &no_fault;
  }
  compose(fault, proper, scratch);
  guint delay = fault->delay > 0 ? fault->delay : general_delay;
  if (delay > 0 || fault->split > 0) {
    add_parcels(outlet, delay, fault->split, scratch);
  } else {
    outlet_add(outlet, scratch->str, scratch->len);
  }
  if (fault->then != NULL || fault->pause > 0) {
    g_string_truncate(scratch, 0);
    if (fault->then != NULL) {
      g_string_append_printf(scratch, "%s\r\n", fault->then);
    }
    outlet_add_later(outlet, fault->pause, scratch->str, scratch->len);
  }
  outlet_set_ending(outlet, fault->close_after_accept ? ENDING_CLOSE : fault->ending);
}
