/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/envelope.h"

#include <string.h>

enum {
  ENVID_LENGTH = 100,   /* of what is told, RFC 3461 section 4.4 */
  ORCPT_LENGTH = 500,   /* of the parameter's value, RFC 3461 section 4.2 */
};

guint envelope_extension(const char *keyword, const RelaySettings *relay)
{
  if (g_ascii_strcasecmp(keyword, "SIZE") == 0)
    return ENVELOPE_SIZE;
  if (g_ascii_strcasecmp(keyword, "DSN") == 0 && relay->dsn == DSN_AUTO)
    return ENVELOPE_DSN;
  return 0;
}

/* --- Encodings --- */

/* What both encodings leave as it is: ASCII that can be seen, but for "+" and "=". */
static gboolean is_plain(char octet)
{
  return g_ascii_isgraph(octet) && octet != '+' && octet != '=';
}

/* xtext, RFC 3461 section 4. */
static void append_xtext(GString *line, const char *text)
{
  for (; *text != '\0'; text++) {
    if (is_plain(*text))
      g_string_append_c(line, *text);
    else
      g_string_append_printf(line, "+%02X", (guchar)*text);
  }
}

/* utf-8-addr-unitext, RFC 6533 section 3: beyond ASCII as it is. */
static void append_unitext(GString *line, const char *text)
{
  for (; *text != '\0'; text++) {
    if ((*text & 0x80) != 0 || (is_plain(*text) && *text != '\\'))
      g_string_append_c(line, *text);
    else
      g_string_append_printf(line, "\\x{%02X}", (guchar)*text);
  }
}

/* --- Parameters --- */

static void append_notify(GString *line, guint set)
{
  static const struct {
    DsnNotify occasion;
    const char *keyword;
  } keywords[] = {
    { DSN_NEVER, "NEVER" }, { DSN_SUCCESS, "SUCCESS" },
    { DSN_FAILURE, "FAILURE" }, { DSN_DELAY, "DELAY" },
  };
  const char *before = " NOTIFY=";
  for (guint i = 0; i < G_N_ELEMENTS(keywords); i++) {
    if ((set & keywords[i].occasion) == 0)
      continue;
    g_string_append(line, before);
    g_string_append(line, keywords[i].keyword);
    before = ",";
  }
}

static void append_orcpt(GString *line, const char *mailbox)
{
  gsize before = line->len;
  g_string_append(line, " ORCPT=");
  gsize value = line->len;
  if (g_str_is_ascii(mailbox)) {
    g_string_append(line, "rfc822;");
    append_xtext(line, mailbox);
  } else {
    g_string_append(line, "utf-8;");
    append_unitext(line, mailbox);
  }
  if (line->len - value > ORCPT_LENGTH)
    g_string_truncate(line, before);
}

static void append_envelope_id(GString *line, Job *job)
{
  const char *id = job->envelope_id != NULL ? job->envelope_id(job) : NULL;
  if (id == NULL || strlen(id) > ENVID_LENGTH)
    return;
  g_string_append(line, " ENVID=");
  append_xtext(line, id);
}

/* Nobody can be told anything about a message with the null return path. */
static gboolean may_be_reported(const Job *job, guint extensions)
{
  return (extensions & ENVELOPE_DSN) != 0 && *job->return_path != '\0';
}

/* --- Commands --- */

void envelope_write_mail(GString *line, Job *job, guint extensions)
{
  g_string_assign(line, "MAIL FROM:<");
  g_string_append(line, job->return_path);
  g_string_append_c(line, '>');
  if ((extensions & ENVELOPE_SIZE) != 0)
    g_string_append_printf(line, " SIZE=%" G_GUINT64_FORMAT, job->size);
  if (job->needs_smtputf8)
    g_string_append(line, " SMTPUTF8");
  if (may_be_reported(job, extensions)) {
    g_string_append(line, job->dsn_return == DSN_FULL ? " RET=FULL" : " RET=HDRS");
    append_envelope_id(line, job);
  }
  g_string_append(line, "\r\n");
}

void envelope_write_rcpt(GString *line, const Job *job, guint extensions)
{
  g_string_assign(line, "RCPT TO:<");
  g_string_append(line, job->mailbox);
  g_string_append_c(line, '>');
  if (may_be_reported(job, extensions)) {
    append_notify(line, job->dsn_notify);
    append_orcpt(line, job->mailbox);
  }
  g_string_append(line, "\r\n");
}
