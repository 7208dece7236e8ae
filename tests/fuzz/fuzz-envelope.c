/* SPDX-License-Identifier: Apache-2.0 */

/* What goes into the envelope: a return path with a token, a recipient, an ENVID. Each command
 * is one line of a legal length, and what is encoded in it decodes to what it was.
 *
 * An input is: recipient, pattern of return paths, ENVID, a text with a token; its first four
 * bytes are the contact and the next two the extensions and what reports are asked for. */

#include <string.h>

#include "base/address.h"
#include "base/verp.h"
#include "config/returnpath.h"
#include "fuzz.h"
#include "smtp/envelope.h"

/* RFC 5321 section 4.5.3.1.4, and what RFC 1870, RFC 3461 and RFC 6531 add to it. */
enum { HEAD = 6, COMMAND_MAX = 512, PARAMETERS_MAX = 600 };

static void check_line(const GString *line)
{
  g_assert_cmpuint(strlen(line->str), ==, line->len);
  g_assert_cmpuint(line->len, <=, COMMAND_MAX + PARAMETERS_MAX);
  g_assert_cmpuint(strcspn(line->str, "\r\n"), ==, line->len - 2);
  g_assert_true(g_str_has_suffix(line->str, "\r\n"));
  for (gsize i = 0; i < line->len - 2; i++) {
    g_assert_true((guchar)line->str[i] >= ' ' && line->str[i] != 0x7f);
  }
}

/* The value of a parameter among those behind the path, which may hold anything in quotation
 * marks; NULL where it is not there. name: " ORCPT=". */
static char *find_parameter(const GString *line, const char *path, const char *name)
{
  const char *begin = strchr(line->str, '<') + 1;

  g_assert_true(g_str_has_prefix(begin, path));
  begin = strstr(begin + strlen(path), name);
  return begin == NULL ? NULL
                       : g_strndup(begin + strlen(name), strcspn(begin + strlen(name), " \r"));
}

static char *decode_xtext(const char *text)
{
  g_autoptr(GString) decoded = g_string_new(NULL);

  for (; *text != '\0'; text++) {
    g_assert_true(g_ascii_isgraph(*text) && *text != '=');
    if (*text != '+') {
      g_string_append_c(decoded, *text);
      continue;
    }
    g_assert_true(g_ascii_isxdigit(text[1]) && g_ascii_isxdigit(text[2]));
    g_string_append_c(decoded, (char)(g_ascii_xdigit_value(text[1]) * 16 +
                                      g_ascii_xdigit_value(text[2])));
    text += 2;
  }
  return g_string_free(g_steal_pointer(&decoded), FALSE);
}

static const char *envelope_id;

static const char *tell_envelope_id(G_GNUC_UNUSED Job *job)
{
  return envelope_id;
}

static void check_envelope_id(const GString *line, const Job *job)
{
  g_autofree char *value = find_parameter(line, job->return_path, " ENVID=");

  if (value != NULL) {
    g_autofree char *decoded = decode_xtext(value);
    g_assert_cmpstr(decoded, ==, envelope_id);
  }
}

static void check_recipient(const GString *line, const Job *job)
{
  g_autofree char *value = find_parameter(line, job->mailbox, " ORCPT=");

  if (value != NULL && g_str_has_prefix(value, "rfc822;")) {
    g_autofree char *decoded = decode_xtext(value + strlen("rfc822;"));
    g_assert_cmpstr(decoded, ==, job->mailbox);
  }
}

/* The path for this contact, in which the token is found again and believed. */
static void make_path(GString *path, const char *pattern, guint32 contact)
{
  static VerpKey *key;
  char token[VERP_TOKEN_SIZE];
  Verp verp;

  if (key == NULL) {
    key = verp_key_new("secret");
  }
  verp_write_token(key, contact, token);
  g_assert_cmpuint(strlen(token), <=, VERP_TOKEN_LENGTH);
  verp_write_path(path, pattern, token);
  if (strstr(pattern, VERP_PLACEHOLDER) != NULL) {
    g_assert_true(verp_parse(path->str, &verp) && verp.contact == contact &&
                  verp_is_sealed(&verp, key));
  }
  g_assert_true(verp_parse(token, &verp) && verp.contact == contact);
}

/* Whoever does not have the key makes no token that is believed. */
static void check_forgery(const char *text)
{
  g_autoptr(VerpKey) key = verp_key_new("another secret");
  Verp verp;

  g_assert_false(verp_parse(text, &verp) && verp_is_sealed(&verp, key));
}

static void check_commands(Job *job, guint8 options)
{
  g_autoptr(GString) line = g_string_new(NULL);
  guint extensions = (options & 1 ? ENVELOPE_SIZE : 0) | (options & 2 ? ENVELOPE_DSN : 0);

  job->dsn_return = options & 4 ? DSN_FULL : DSN_HEADERS;
  envelope_write_mail(line, job, extensions);
  check_line(line);
  check_envelope_id(line, job);
  envelope_write_rcpt(line, job, extensions);
  check_line(line);
  check_recipient(line, job);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  if (size < HEAD) {
    return 0;
  }
  g_autoptr(GString) input = fuzz_expand(data + HEAD, size - HEAD);
  gsize at = 0;
  guint32 contact;
  const char *mailbox = fuzz_next_field(input, &at), *pattern = fuzz_next_field(input, &at);
  envelope_id = fuzz_next_field(input, &at);
  g_auto(Address) address = { 0 };
  g_autoptr(GString) path = g_string_new(NULL);

  memcpy(&contact, data, sizeof contact);
  contact = MAX(1, GUINT32_FROM_LE(contact));
  check_forgery(fuzz_next_field(input, &at));
  g_autofree char *checked = return_path_read(pattern, NULL);
  make_path(path, checked != NULL ? checked : "", contact);
  if (address_parse(mailbox, &address, NULL)) {
    check_commands(&(Job){ .return_path = path->str, .mailbox = address.mailbox,
                           .needs_smtputf8 = address.needs_smtputf8, .size = contact,
                           .envelope_id = tell_envelope_id, .dsn_notify = data[5] & 0xf },
                   data[4]);
  }
  return 0;
}
