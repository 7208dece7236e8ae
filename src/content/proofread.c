/* SPDX-License-Identifier: Apache-2.0 */
#include "content/proofread.h"

#include <string.h>
#include "content/proof.h"

enum {
  SUBJECT_MAX = 78,       /* characters, of which many mail programs show less */
  QUOTED_MAX = 60,        /* characters of the text in a message */
  CAPITALS_MIN = 12,      /* letters; fewer may be an abbreviation */
  WEEK_MS = 7 * 24 * 60 * 60 * 1000,
};

/* --- Noting --- */

static void note(const Proof *proof, Place place, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void note(const Proof *proof, Place place, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  report_add(proof->report, proof->level, galley_file(proof->galley), place.line, place.column,
             text);
}

void proof_note(const Proof *proof, const Passage *passage, gsize offset, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  note(proof, galley_place(proof->galley, passage, offset), "%s", text);
}

/* A text for a message, shortened where it is long; its tags are dots. Caller frees. */
static char *quote(const char *text)
{
  const glong length = g_utf8_strlen(text, -1);
  g_autofree char *start = g_utf8_substring(text, 0, MIN(length, QUOTED_MAX));
  g_autoptr(GString) out = g_string_new(NULL);
  for (const char *at = start; *at != '\0'; at++) {
    const gboolean tag = *at == GALLEY_VALUE || *at == GALLEY_TAG;
    if (!tag) {
      g_string_append_c(out, *at);
    } else if (at == start || at[-1] != *at) {
      g_string_append(out, "…");
    }
  }
  g_string_append(out, length > QUOTED_MAX ? "…" : "");
  return g_strdup(out->str);
}

/* --- Links --- */

/* The host of an address, or NULL. */
static char *host_of(const char *address)
{
  static const char mailto[] = "mailto:";
  if (g_ascii_strncasecmp(address, mailto, strlen(mailto)) == 0) {
    const char *at = strchr(address, '@');
    return at != NULL ? g_strndup(at + 1, strcspn(at + 1, "?,")) : NULL;
  }
  g_autoptr(GUri) uri = g_uri_parse(address, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED,
                                    NULL);
  return uri != NULL ? g_strdup(g_uri_get_host(uri)) : NULL;
}

/* RFC 2606 and RFC 6761 keep these for examples, and "example.eu" is meant as one. */
static gboolean is_example(const char *host)
{
  static const char *const reserved[] = { "example", "invalid", "test", "localhost", NULL };
  g_autofree char *lower = g_ascii_strdown(host, -1);
  g_auto(GStrv) labels = g_strsplit(lower, ".", -1);
  const guint count = g_strv_length(labels);
  if (count == 0) {
    return FALSE;
  }
  return g_strv_contains(reserved, labels[count - 1]) ||
         (count > 1 && strcmp(labels[count - 2], "example") == 0);
}

/* What is wrong with a link's address, or NULL. Caller frees. */
static char *fault_of(const char *address)
{
  if (*address == '\0') {
    return g_strdup("it has no address");
  }
  if (*address == '#') {
    return g_strdup_printf("its address is \"%s\"", address);
  }
  g_autofree char *host = host_of(address);
  if (host == NULL || strchr(host, GALLEY_VALUE) != NULL || strchr(host, GALLEY_TAG) != NULL) {
    return NULL;
  }
  if (*host == '\0') {
    return g_strdup_printf("its address is only \"%s\"", address);
  }
  return is_example(host) ? g_strdup_printf("%s is a name for examples", host) : NULL;
}

static void look_at_links(const Proof *proof)
{
  const GPtrArray *links = galley_links(proof->galley);
  for (guint i = 0; i < links->len; i++) {
    const GalleyLink *link = links->pdata[i];
    g_autofree char *fault = fault_of(link->address);
    if (fault != NULL) {
      g_autofree char *text = quote(link->text);
      note(proof, link->place, "the link \"%s\" leads nowhere: %s; write where it shall lead, or "
           "take the link away", text, fault);
    }
  }
}

static void look_at_pictures(const Proof *proof)
{
  const GPtrArray *pictures = galley_pictures(proof->galley);
  for (guint i = 0; i < pictures->len; i++) {
    const GalleyLink *picture = pictures->pdata[i];
    if (*picture->text == '\0') {
      g_autofree char *file = quote(picture->address);
      note(proof, picture->place, "the picture %s has no text for those who do not see it; write "
           "what it shows: ![the text](%s)", file, file);
    }
  }
}

/* --- Subject and embargo --- */

/* Characters that are there whatever the values. */
static glong constant_length(const char *subject)
{
  glong length = 0;
  for (const char *at = subject; *at != '\0'; at = g_utf8_next_char(at)) {
    length += *at != GALLEY_VALUE && *at != GALLEY_TAG ? 1 : 0;
  }
  return length;
}

/* Several words with no letter in lower case. */
static gboolean is_in_capitals(const char *subject)
{
  guint letters = 0;
  for (const char *at = subject; *at != '\0'; at = g_utf8_next_char(at)) {
    const gunichar c = g_utf8_get_char(at);
    if (g_unichar_islower(c)) {
      return FALSE;
    }
    letters += g_unichar_isupper(c) ? 1 : 0;
  }
  return letters >= CAPITALS_MIN && strchr(subject, ' ') != NULL;
}

static void look_at_subject(const Proof *proof, const char *subject, Place place)
{
  const glong length = constant_length(subject);
  if (length > SUBJECT_MAX) {
    note(proof, place, "the subject has %ld characters, and few mail programs show more than "
         "%d; write a shorter one as \"subject: …\" at the top", length, SUBJECT_MAX);
  }
  if (is_in_capitals(subject)) {
    note(proof, place, "the subject is all in capitals, which looks like spam; write it as a "
         "sentence");
  }
}

/* The first heading, which is the subject where no other is given. */
static void look_at_heading(const Proof *proof)
{
  const GPtrArray *passages = galley_passages(proof->galley);
  for (guint i = 0; i < passages->len; i++) {
    const Passage *passage = passages->pdata[i];
    if (passage->kind == PASSAGE_HEADING && passage->begin < passage->end) {
      g_autofree char *text = g_strndup(passage->text->str + passage->begin,
                                        passage->end - passage->begin);
      look_at_subject(proof, text, galley_place(proof->galley, passage, passage->begin));
      return;
    }
  }
}

static void look_at_front_matter(const Proof *proof, const Draft *draft,
                                 const ProofreadOptions *options)
{
  const FrontMatter *front = draft_front_matter(draft);
  const Place embargo = { front->embargo_line, 0 }, subject = { front->subject_line, 0 };
  const gint64 begin_ms = MAX(options->now_ms, options->send_at_ms);
  if (front->embargo_ms != 0 && front->embargo_ms <= begin_ms) {
    note(proof, embargo, "the embargo will have passed when the release is sent: it ends on %s; "
         "correct it, or take the line away", front->embargo_text);
  }
  if (front->subject == NULL) {
    look_at_heading(proof);
    return;
  }
  g_autofree char *masked = galley_mask(front->subject);
  if (masked != NULL) {
    look_at_subject(proof, masked, subject);
  }
}

/* --- The texts --- */

static void read_galley(const Proof *proof)
{
  look_at_links(proof);
  look_at_pictures(proof);
  proof_slips(proof);
  proof_quotations(proof);
}

/* Each partial once, those that partials use included. */
static void read_partials(const Proof *proof, const Draft *draft, GHashTable *seen)
{
  const GPtrArray *names = galley_partials(proof->galley);
  for (guint i = 0; i < names->len; i++) {
    const char *file, *text = draft_partial(draft, names->pdata[i], &file);
    if (text == NULL || !g_hash_table_add(seen, (gpointer)text)) {
      continue;
    }
    g_autoptr(Galley) galley = galley_new(text, file, 1);
    if (galley != NULL) {
      Proof partial = *proof;
      partial.galley = galley;
      read_galley(&partial);
      read_partials(&partial, draft, seen);
    }
  }
}

void proofread(const Draft *draft, const ProofreadOptions *options, Report *report)
{
  const FrontMatter *front = draft_front_matter(draft);
  g_autoptr(Galley) galley = galley_new(draft_text(draft), draft_text_name(draft),
                                        draft_text_line(draft));
  if (galley == NULL) {
    return;
  }
  const gint64 last_ms = MAX(MAX(options->now_ms, options->send_at_ms), front->embargo_ms);
  const Proof proof = {
    .galley = galley, .language = options->language != NULL ? options->language : "en",
    .first_ms = options->now_ms - WEEK_MS, .last_ms = last_ms + WEEK_MS,
    .level = options->level, .report = report,
  };
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  look_at_front_matter(&proof, draft, options);
  proof_placedate(&proof);
  read_galley(&proof);
  read_partials(&proof, draft, seen);
}
