/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/path.h"

#include <string.h>

/* RFC 3461 sections 4.4 and 4.2. */
enum { MAX_ENVID = 100, MAX_ORCPT = 500 };

static const char syntax_error[] = "501 5.5.4 expected FROM:<address> or TO:<address>";
static const char address_error[] = "501 5.1.3 this is not an address";
static const char parameter_error[] = "501 5.5.4 a parameter's value makes no sense";

typedef struct {
  const char *text;
  gsize length;
} Slice;

static gboolean slice_is(Slice slice, const char *word)
{
  return slice.length == strlen(word) && g_ascii_strncasecmp(slice.text, word, slice.length) == 0;
}

/* A character that may stand unquoted in a local part (RFC 5321's atext, with the
 * dot), in a domain or in an address literal; the finer grammar is the client's duty. */
static gboolean is_plain(char octet)
{
  return (octet & 0x80) != 0 || (g_ascii_isgraph(octet) && strchr("()<>,;\\\"@", octet) == NULL);
}

/* Length of the local part at the text's beginning, 0 if there is none. */
static gsize local_part_length(const char *text)
{
  gsize length = 0;
  if (*text != '"') {
    while (is_plain(text[length])) {
      length++;
    }
    return length;
  }
  for (length = 1; text[length] != '"'; length++) {
    length += text[length] == '\\' ? 1 : 0;
    if (text[length] == '\0' || g_ascii_iscntrl(text[length])) {
      return 0;
    }
  }
  return length + 1;
}

/* Length of the mailbox at the text's beginning, 0 if there is none. */
static gsize mailbox_length(const char *text)
{
  gsize local = local_part_length(text);
  if (local == 0 || local > LIMIT_LOCAL_PART || text[local] != '@') {
    return 0;
  }
  gsize domain = 0;
  while (is_plain(text[local + 1 + domain])) {
    domain++;
  }
  return domain == 0 ? 0 : local + 1 + domain;
}

/* Reads KEYWORD:<address>; *rest is what follows. */
static const char *read_address(Path *path, const char *argument, const char *keyword,
                                const char *bare_word, const char **rest)
{
  gsize keyword_length = strlen(keyword);
  memset(path, 0, sizeof *path);
  if (g_ascii_strncasecmp(argument, keyword, keyword_length) != 0 ||
      argument[keyword_length] != '<') {
    return syntax_error;
  }
  const char *text = argument + keyword_length + 1;
  gsize bare_length = strlen(bare_word);
  gboolean bare = g_ascii_strncasecmp(text, bare_word, bare_length) == 0 &&
                  text[bare_length] == '>';
  gsize length = bare ? bare_length : mailbox_length(text);
  if ((length == 0 && !bare) || length > LIMIT_ADDRESS || text[length] != '>') {
    return address_error;
  }
  memcpy(path->address, text, length);
  *rest = text + length + 1;
  return **rest == '\0' || **rest == ' ' ? NULL : syntax_error;
}

static gboolean read_size(Path *path, Slice value)
{
  g_autofree char *text = g_strndup(value.text, value.length);
  return g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &path->size, NULL);
}

static gboolean read_body(Path *path, Slice value)
{
  path->eight_bit = slice_is(value, "8BITMIME");
  return path->eight_bit || slice_is(value, "7BIT");
}

static gboolean read_utf8(Path *path, Slice value)
{
  path->utf8 = TRUE;
  return value.text == NULL;
}

static gboolean read_ret(Path *path G_GNUC_UNUSED, Slice value)
{
  return slice_is(value, "FULL") || slice_is(value, "HDRS");
}

/* Octets that stand for one of text at the beginning of an xtext (RFC 3461 section 4), 0 if
 * it is none. */
static gsize xtext_unit(const char *text, gsize length)
{
  if (*text != '+') {
    return g_ascii_isgraph(*text) && *text != '=' ? 1 : 0;
  }
  for (gsize i = 1; i <= 2; i++) {
    if (length < 3 || !g_ascii_isxdigit(text[i]) || g_ascii_islower(text[i])) {
      return 0;
    }
  }
  return 3;
}

/* "\x{2B}", or a character that need not be written so: RFC 6533 section 3. */
static gsize utf8_unit(const char *text, gsize length)
{
  gsize digits = 0;
  if (*text != '\\') {
    return (*text & 0x80) != 0 || (g_ascii_isgraph(*text) && *text != '+' && *text != '=') ? 1 : 0;
  }
  if (length < 4 || text[1] != 'x' || text[2] != '{') {
    return 0;
  }
  while (3 + digits < length && g_ascii_isxdigit(text[3 + digits])) {
    digits++;
  }
  return digits >= 2 && digits <= 6 && 3 + digits < length && text[3 + digits] == '}' ? digits + 4
                                                                                        : 0;
}

/* How many octets or characters a value stands for, 0 if its encoding is wrong. */
static gsize encoded_length(Slice value, gsize (*unit)(const char *text, gsize length))
{
  gsize count = 0;
  while (value.length > 0) {
    gsize used = unit(value.text, value.length);
    if (used == 0) {
      return 0;
    }
    value.text += used;
    value.length -= used;
    count++;
  }
  return count;
}

static gboolean read_envid(Path *path G_GNUC_UNUSED, Slice value)
{
  gsize count = encoded_length(value, xtext_unit);
  return count > 0 && count <= MAX_ENVID;
}

static gboolean read_any(Path *path G_GNUC_UNUSED, Slice value)
{
  return value.length > 0;
}

static gboolean read_notify(Path *path G_GNUC_UNUSED, Slice value)
{
  if (value.length == 0 || slice_is(value, "NEVER")) {
    return value.length > 0;
  }
  while (value.text != NULL) {
    const char *comma = memchr(value.text, ',', value.length);
    Slice item = {value.text, comma != NULL ? (gsize)(comma - value.text) : value.length};
    if (!slice_is(item, "SUCCESS") && !slice_is(item, "FAILURE") && !slice_is(item, "DELAY")) {
      return FALSE;
    }
    value.length -= comma != NULL ? item.length + 1 : 0;
    value.text = comma != NULL ? comma + 1 : NULL;
  }
  return TRUE;
}

static gboolean read_orcpt(Path *path G_GNUC_UNUSED, Slice value)
{
  const char *semicolon = value.length > 0 ? memchr(value.text, ';', value.length) : NULL;
  if (semicolon == NULL || value.length > MAX_ORCPT) {
    return FALSE;
  }
  Slice type = {value.text, (gsize)(semicolon - value.text)};
  Slice address = {semicolon + 1, value.length - type.length - 1};
  gboolean utf8 = slice_is(type, "utf-8");
  return type.length > 0 && encoded_length(address, utf8 ? utf8_unit : xtext_unit) > 0;
}

typedef struct {
  const char *name;
  Extension extension;
  gboolean (*read)(Path *path, Slice value);
} Parameter;

static const Parameter sender_parameters[] = {
  {"SIZE", EXTENSION_SIZE, read_size},
  {"BODY", EXTENSION_8BITMIME, read_body},
  {"SMTPUTF8", EXTENSION_SMTPUTF8, read_utf8},
  {"RET", EXTENSION_DSN, read_ret},
  {"ENVID", EXTENSION_DSN, read_envid},
  {"AUTH", EXTENSION_AUTH, read_any},
  {NULL, 0, NULL},
};

static const Parameter recipient_parameters[] = {
  {"NOTIFY", EXTENSION_DSN, read_notify},
  {"ORCPT", EXTENSION_DSN, read_orcpt},
  {NULL, 0, NULL},
};

/* given: a set of those of known that stood there before; each counts once. */
static const char *read_parameter(Path *path, const Parameter *known, Slice word,
                                  const Extensions *extensions, guint *given)
{
  const char *equals = memchr(word.text, '=', word.length);
  Slice name = {word.text, equals != NULL ? (gsize)(equals - word.text) : word.length};
  Slice value = {equals != NULL ? equals + 1 : NULL,
                 equals != NULL ? word.length - name.length - 1 : 0};
  for (guint bit = 1; known->name != NULL; known++, bit <<= 1) {
    if (slice_is(name, known->name) && extensions_offer(extensions, known->extension)) {
      gboolean again = (*given & bit) != 0;
      *given |= bit;
      return !again && known->read(path, value) ? NULL : parameter_error;
    }
  }
  return "555 5.5.4 a parameter is not known here, or its extension is not offered";
}

static const char *read_parameters(Path *path, const Parameter *known, const char *rest,
                                   const Extensions *extensions)
{
  guint given = 0;
  while (*rest != '\0') {
    rest += strspn(rest, " ");
    Slice word = {rest, strcspn(rest, " ")};
    const char *problem =
        word.length > 0 ? read_parameter(path, known, word, extensions, &given) : NULL;
    if (problem != NULL) {
      return problem;
    }
    rest += word.length;
  }
  return NULL;
}

static const char *check_octets(const Path *path, gboolean utf8)
{
  if (g_str_is_ascii(path->address)) {
    return NULL;
  }
  if (!utf8) {
    return "553 5.6.7 an address beyond ASCII needs SMTPUTF8";
  }
  return g_utf8_validate(path->address, -1, NULL) ? NULL : address_error;
}

const char *path_read_sender(Path *path, const char *argument, const Extensions *extensions)
{
  const char *rest;
  const char *problem = read_address(path, argument, "FROM:", "", &rest);
  if (problem == NULL) {
    problem = read_parameters(path, sender_parameters, rest, extensions);
  }
  if (problem == NULL) {
    problem = check_octets(path, path->utf8);
  }
  if (problem == NULL && path->size > extensions_size(extensions)) {
    problem = "552 5.3.4 the message is larger than SIZE permits";
  }
  return problem;
}

const char *path_read_recipient(Path *path, const char *argument, const Extensions *extensions,
                                gboolean utf8)
{
  const char *rest;
  const char *problem = read_address(path, argument, "TO:", "postmaster", &rest);
  if (problem == NULL) {
    problem = read_parameters(path, recipient_parameters, rest, extensions);
  }
  return problem != NULL ? problem : check_octets(path, utf8);
}
