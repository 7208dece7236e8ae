/* SPDX-License-Identifier: Apache-2.0 */
#include "config/value.h"

#include <string.h>

#include "base/address.h"
#include "base/hours.h"
#include "config/config.h"
#include "config/number.h"
#include "config/returnpath.h"
#include "config/senders.h"

enum { NAME_LENGTH = 64 };

typedef struct {
  const Range *range;
  const char *folder;
  GError **error;
} Reading;

/* Reads one kind. FALSE without error means that text is not what the kind's
 * description says. */
typedef gboolean ReadValue(const Reading *reading, const char *text, gpointer field);
typedef char *WriteValue(const Range *range, gconstpointer field);

static gboolean G_GNUC_PRINTF(2, 3) refuse(const Reading *reading, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_propagate_error(reading->error, g_error_new_valist(CONFIG_ERROR, CONFIG_ERROR_VALUE, format,
                                                       arguments));
  va_end(arguments);
  return FALSE;
}

/* --- Texts. --- */

static gboolean set_string(gpointer field, char *value)
{
  char **string = field;

  g_free(*string);
  *string = value;
  return TRUE;
}

static gboolean set_if_matches(gpointer field, const char *pattern, const char *text)
{
  return g_regex_match_simple(pattern, text, G_REGEX_DOLLAR_ENDONLY, 0) &&
         set_string(field, g_strdup(text));
}

static gboolean read_text(G_GNUC_UNUSED const Reading *reading, const char *text, gpointer field)
{
  return set_string(field, g_strdup(text));
}

gboolean value_is_name(const char *text)
{
  return strlen(text) <= NAME_LENGTH &&
         g_regex_match_simple("^[A-Za-z0-9][A-Za-z0-9_-]*$", text, G_REGEX_DOLLAR_ENDONLY, 0);
}

static gboolean read_name(G_GNUC_UNUSED const Reading *reading, const char *text, gpointer field)
{
  return value_is_name(text) && set_string(field, g_strdup(text));
}

static gboolean read_host(G_GNUC_UNUSED const Reading *reading, const char *text, gpointer field)
{
  return set_if_matches(field, "^([A-Za-z0-9._-]+|\\[[A-Za-z0-9.:]+\\])$", text);
}

static gboolean read_language(G_GNUC_UNUSED const Reading *reading, const char *text,
                              gpointer field)
{
  return set_if_matches(field, "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", text);
}

static gboolean read_path(const Reading *reading, const char *text, gpointer field)
{
  return set_string(field, g_canonicalize_filename(text, reading->folder));
}

/* In ASCII (RFC 5890), for which libcurl does not depend on the locale. */
static char *read_url_host(const char *host)
{
  g_autofree char *ascii = host != NULL ? g_hostname_to_ascii(host) : NULL;

  return ascii != NULL && (g_hostname_is_ip_address(ascii) ||
                           g_regex_match_simple("^[a-z0-9._-]+$", ascii, G_REGEX_CASELESS, 0))
             ? g_steal_pointer(&ascii)
             : NULL;
}

/* What a URL says of where to connect to, and nothing else. */
static gboolean set_origin(gpointer field, GUri *uri, const char *host)
{
  return set_string(field, g_uri_join(G_URI_FLAGS_NONE, g_uri_get_scheme(uri), NULL, host,
                                      g_uri_get_port(uri), "", NULL, NULL));
}

static gboolean read_url(const Reading *reading, const char *text, gpointer field)
{
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);

  if (uri == NULL) {
    return FALSE;
  }
  if (g_uri_get_userinfo(uri) != NULL) { /* not quoted: it may hold a password */
    return refuse(reading, "the URL has a user name or password in it; use the settings username "
                  "and credential");
  }
  g_autofree char *host = read_url_host(g_uri_get_host(uri));
  gboolean is_smtp = g_regex_match_simple("^smtps?$", g_uri_get_scheme(uri), 0, 0);
  gboolean goes_on = strlen(g_uri_get_path(uri)) > strlen("/") || g_uri_get_query(uri) != NULL ||
                     g_uri_get_fragment(uri) != NULL;
  if (host == NULL || !is_smtp || goes_on || g_uri_get_port(uri) == 0) {
    return FALSE;
  }
  return set_origin(field, uri, host);
}

static gboolean read_proxy(const Reading *reading, const char *text, gpointer field)
{
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
  g_autofree char *host = uri != NULL ? read_url_host(g_uri_get_host(uri)) : NULL;

  if (uri != NULL && g_uri_get_userinfo(uri) != NULL) { /* not quoted, as above */
    return refuse(reading, "the URL has a user name or password in it; use the settings "
                  "proxy_username and proxy_credential");
  }
  if (host == NULL || g_uri_get_port(uri) <= 0 || strlen(g_uri_get_path(uri)) > strlen("/") ||
      !g_regex_match_simple("^(socks5h?|http)://[^?#]*$", text, G_REGEX_CASELESS, 0)) {
    return FALSE;
  }
  return set_origin(field, uri, host);
}

static gboolean read_web(const Reading *reading, const char *text, gpointer field)
{
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL);
  g_autofree char *host = uri != NULL ? read_url_host(g_uri_get_host(uri)) : NULL;

  if (uri != NULL && g_uri_get_userinfo(uri) != NULL) {
    return refuse(reading, "the URL has a user name or password in it; it must not");
  }
  return host != NULL && g_uri_get_port(uri) != 0 && g_uri_get_fragment(uri) == NULL &&
         g_regex_match_simple("^https?$", g_uri_get_scheme(uri), 0, 0) &&
         set_string(field, g_uri_join(G_URI_FLAGS_ENCODED, g_uri_get_scheme(uri), NULL, host,
                                      g_uri_get_port(uri), g_uri_get_path(uri),
                                      g_uri_get_query(uri), NULL));
}

static gboolean read_ip(G_GNUC_UNUSED const Reading *reading, const char *text, gpointer field)
{
  return g_hostname_is_ip_address(text) && set_string(field, g_strdup(text));
}

static gboolean read_pin(G_GNUC_UNUSED const Reading *reading, const char *text, gpointer field)
{
  static const char one[] = "sha256//[A-Za-z0-9+/]{43}=";
  g_autofree char *pattern = g_strdup_printf("^%s(;%s)*$", one, one);

  return set_if_matches(field, pattern, text);
}

static gboolean read_credential(const Reading *reading, const char *text, gpointer field)
{
  if (strchr(text, '/') != NULL && !g_path_is_absolute(text)) {
    return refuse(reading, "\"%s\" is neither a name without \"/\" nor an absolute path", text);
  }
  return set_string(field, g_strdup(text));
}

static gboolean read_mailbox(const Reading *reading, const char *text, gpointer field)
{
  g_auto(Address) address = {0};
  g_autofree char *name = NULL;

  return mailbox_parse(text, &name, &address, reading->error) &&
         set_string(field, g_strdup(text));
}

static gboolean read_address(const Reading *reading, const char *text, gpointer field)
{
  g_auto(Address) address = {0};

  return address_parse(text, &address, reading->error) &&
         set_string(field, g_steal_pointer(&address.mailbox));
}

static gboolean read_return_path(const Reading *reading, const char *text, gpointer field)
{
  char *path = return_path_read(text, reading->error);

  return path != NULL && set_string(field, path);
}

static gboolean read_hours(const Reading *reading, const char *text, gpointer field)
{
  g_autoptr(Hours) hours = hours_parse(text, reading->error);

  return hours != NULL && set_string(field, g_strdup(text));
}

static gboolean read_texts(G_GNUC_UNUSED const Reading *reading, const char *text, gpointer field)
{
  char ***texts = field;
  guint length = *texts != NULL ? g_strv_length(*texts) : 0;

  *texts = g_renew(char *, *texts, length + 2);
  (*texts)[length] = g_strdup(text);
  (*texts)[length + 1] = NULL;
  return TRUE;
}

static gboolean read_senders(const Reading *reading, const char *text, gpointer field)
{
  g_autofree char *pattern = sender_pattern_read(text);

  return pattern != NULL && read_texts(reading, pattern, field);
}

static gboolean read_columns(const Reading *reading, const char *text, gpointer field)
{
  g_auto(GStrv) sides = g_strsplit(text, "=", 2);

  if (g_strv_length(sides) < 2 || *g_strstrip(sides[0]) == '\0' || *g_strstrip(sides[1]) == '\0') {
    return FALSE;
  }
  g_autofree char *mapping = g_strjoin("=", sides[0], sides[1], NULL);
  return read_texts(reading, mapping, field);
}

static gboolean read_encoding(const Reading *reading, const char *text, gpointer field)
{
  GIConv converter = g_iconv_open("UTF-8", text);

  if (converter == (GIConv)-1) {
    return refuse(reading, "\"%s\" is no encoding that iconv knows (see iconv --list)", text);
  }
  g_iconv_close(converter);
  return set_string(field, g_strdup(text));
}

static gboolean read_domains(const Reading *reading, const char *text, gpointer field)
{
  g_autofree char *pattern = domain_pattern_read(text);

  return pattern != NULL && read_texts(reading, pattern, field);
}

/* Control characters never come this far, so libconfig needs only these escaped. */
static char *quote(const char *text)
{
  GString *quoted = g_string_new("\"");

  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') {
      g_string_append_c(quoted, '\\');
    }
    g_string_append_c(quoted, *text);
  }
  g_string_append_c(quoted, '"');
  return g_string_free(quoted, FALSE);
}

static char *write_text(G_GNUC_UNUSED const Range *range, gconstpointer field)
{
  const char *text = *(char *const *)field;

  return text != NULL ? quote(text) : NULL;
}

static char *write_texts(G_GNUC_UNUSED const Range *range, gconstpointer field)
{
  char *const *texts = *(char **const *)field;
  GString *array = g_string_new("[");

  for (guint i = 0; texts != NULL && texts[i] != NULL; i++) {
    g_autofree char *quoted = quote(texts[i]);
    g_string_append_printf(array, "%s%s", i > 0 ? ", " : "", quoted);
  }
  g_string_append_c(array, ']');
  return g_string_free(array, FALSE);
}

static char *write_senders(const Range *range, gconstpointer field)
{
  return *(char **const *)field != NULL ? write_texts(range, field) : NULL;
}

static void clear_text(gpointer field)
{
  g_clear_pointer((char **)field, g_free);
}

static void clear_texts(gpointer field)
{
  g_clear_pointer((char ***)field, g_strfreev);
}

static void clear_words(gpointer field)
{
  *(guint *)field = 0;
}

/* --- Words and numbers. --- */

G_STATIC_ASSERT(sizeof(TlsMode) == sizeof(guint) && sizeof(MissingPolicy) == sizeof(guint) &&
                sizeof(InDoubtPolicy) == sizeof(guint) && sizeof(DsnMode) == sizeof(guint) &&
                sizeof(DsnReturn) == sizeof(guint));

static gboolean read_word(const Reading *reading, const char *text, gpointer field)
{
  const char *const *words = reading->range->words;

  for (guint i = 0; words[i] != NULL; i++) {
    if (g_str_equal(words[i], text)) {
      *(guint *)field = i;
      return TRUE;
    }
  }
  g_autofree char *all = g_strjoinv(", ", (char **)words);
  return refuse(reading, "found \"%s\", expected one of %s", text, all);
}

static gboolean read_switch(G_GNUC_UNUSED const Reading *reading, const char *text,
                            gpointer field)
{
  *(gboolean *)field = g_str_equal(text, "true");
  return *(gboolean *)field || g_str_equal(text, "false");
}

static gboolean add_word(const Reading *reading, const char *text, guint *set)
{
  const char *const *words = reading->range->words;
  guint word;
  g_autofree char *upper = g_ascii_strup(text, -1);

  if (g_strv_contains(words, upper)) {
    text = upper;
  }
  if (!read_word(reading, text, &word)) {
    return FALSE;
  }
  if (word > 0) {
    *set |= 1u << (word - 1);
  }
  return TRUE;
}

static gboolean read_words(const Reading *reading, const char *text, gpointer field)
{
  g_auto(GStrv) words = g_strsplit(text, ",", -1);
  guint set = *(guint *)field;

  for (guint i = 0; words[i] != NULL; i++) {
    if (!add_word(reading, g_strstrip(words[i]), &set)) {
      return FALSE;
    }
  }
  *(guint *)field = set;
  return TRUE;
}

static gboolean read_number(const Reading *reading, const char *text, const Unit *units,
                            const char *bare, gint64 *number)
{
  const Range *range = reading->range;
  double exact;

  if (!number_read(text, units, bare, &exact)) {
    return FALSE;
  }
  if (exact < (double)range->minimum || exact > (double)range->maximum) {
    g_autofree char *minimum = number_write(range->minimum, units);
    g_autofree char *maximum = number_write(range->maximum, units);
    return refuse(reading, "%s is out of range; expected %s to %s", text, minimum, maximum);
  }
  *number = (gint64)(exact + 0.5);
  return TRUE;
}

static gboolean read_integer(const Reading *reading, const char *text, gpointer field)
{
  gint64 number;

  if (!read_number(reading, text, number_no_units, "", &number)) {
    return FALSE;
  }
  *(guint *)field = (guint)number;
  return TRUE;
}

static gboolean read_duration(const Reading *reading, const char *text, gpointer field)
{
  return read_number(reading, text, number_time_units, "s", field);
}

static gboolean read_size(const Reading *reading, const char *text, gpointer field)
{
  gint64 number;

  if (!read_number(reading, text, number_size_units, "B", &number)) {
    return FALSE;
  }
  *(guint64 *)field = (guint64)number;
  return TRUE;
}

static gboolean read_rate(G_GNUC_UNUSED const Reading *reading, const char *text, gpointer field)
{
  return rate_read(text, field);
}

static char *write_word(const Range *range, gconstpointer field)
{
  return quote(range->words[*(const guint *)field]);
}

static char *write_words(const Range *range, gconstpointer field)
{
  guint set = *(const guint *)field;
  g_autoptr(GStrvBuilder) words = g_strv_builder_new();

  if (set == 0) {
    return quote(range->words[0]);
  }
  for (guint i = 0; range->words[i + 1] != NULL; i++) {
    if ((set & 1u << i) != 0) {
      g_strv_builder_add(words, range->words[i + 1]);
    }
  }
  g_auto(GStrv) array = g_strv_builder_end(words);
  return write_texts(range, &array);
}

static char *write_switch(G_GNUC_UNUSED const Range *range, gconstpointer field)
{
  return g_strdup(*(const gboolean *)field ? "true" : "false");
}

static char *write_integer(G_GNUC_UNUSED const Range *range, gconstpointer field)
{
  return number_write(*(const guint *)field, number_no_units);
}

static char *write_duration(G_GNUC_UNUSED const Range *range, gconstpointer field)
{
  g_autofree char *number = number_write(*(const gint64 *)field, number_time_units);

  return quote(number);
}

static char *write_size(G_GNUC_UNUSED const Range *range, gconstpointer field)
{
  g_autofree char *number = number_write((gint64)(*(const guint64 *)field), number_size_units);

  return quote(number);
}

static char *write_rate(G_GNUC_UNUSED const Range *range, gconstpointer field)
{
  g_autofree char *rate = rate_write(field);

  return quote(rate);
}

/* --- The table of kinds. --- */

enum { NUMBER_OR_TEXT = WRITTEN_AS_STRING | WRITTEN_AS_INTEGER | WRITTEN_AS_FRACTION };

static const struct {
  const char *name;
  guint forms;
  ReadValue *read;
  WriteValue *write;
  void (*clear)(gpointer field);  /* NULL: nothing to free */
  const Unit *units;              /* NULL: no number with a range */
  const char *description;
} kinds[] = {
  [KIND_TEXT] = {"text", WRITTEN_AS_STRING, read_text, write_text, clear_text, NULL,
                 "a text in quotation marks"},
  [KIND_NAME] = {"name", WRITTEN_AS_STRING, read_name, write_text, clear_text, NULL,
                 "a name of at most 64 letters, digits, \"-\" and \"_\""},
  [KIND_HOST] = {"host", WRITTEN_AS_STRING, read_host, write_text, clear_text, NULL,
                 "the name of a host, such as \"mail.example.org\""},
  [KIND_LANGUAGE] = {"language", WRITTEN_AS_STRING, read_language, write_text, clear_text, NULL,
                     "the tag of a language, such as \"en\" or \"fr-BE\""},
  [KIND_PATH] = {"path", WRITTEN_AS_STRING, read_path, write_text, clear_text, NULL,
                 "a path in quotation marks"},
  [KIND_URL] = {"url", WRITTEN_AS_STRING, read_url, write_text, clear_text, NULL,
                "\"smtp://HOST\" or \"smtps://HOST\", with \":PORT\" or without"},
  [KIND_PROXY] = {"proxy", WRITTEN_AS_STRING, read_proxy, write_text, clear_text, NULL,
                  "\"socks5://HOST:PORT\", \"socks5h://HOST:PORT\" or \"http://HOST:PORT\""},
  [KIND_WEB] = {"web url", WRITTEN_AS_STRING, read_web, write_text, clear_text, NULL,
                "\"https://HOST/PATH\""},
  [KIND_IP] = {"ip address", WRITTEN_AS_STRING, read_ip, write_text, clear_text, NULL,
               "an IP address, such as \"192.0.2.1\" or \"2001:db8::1\""},
  [KIND_PIN] = {"pin", WRITTEN_AS_STRING, read_pin, write_text, clear_text, NULL,
                "\"sha256//\" and the SHA-256 of a public key in base64, several with \";\" "
                "between"},
  [KIND_CREDENTIAL] = {"credential", WRITTEN_AS_STRING, read_credential, write_text, clear_text,
                       NULL, "the name of a credential, or an absolute path"},
  [KIND_MAILBOX] = {"mailbox", WRITTEN_AS_STRING, read_mailbox, write_text, clear_text, NULL,
                    "a mailbox, such as \"Press Office <press@example.org>\""},
  [KIND_ADDRESS] = {"address", WRITTEN_AS_STRING, read_address, write_text, clear_text, NULL,
                    "an address, such as \"press@example.org\""},
  [KIND_RETURN_PATH] = {"return path", WRITTEN_AS_STRING, read_return_path, write_text, clear_text,
                        NULL, "an address, such as \"bounces@example.org\" or "
                        "\"bounces+{token}@example.org\""},
  [KIND_COLUMNS] = {"columns", WRITTEN_AS_STRING | WRITTEN_AS_ARRAY, read_columns, write_senders,
                    clear_texts, NULL, "\"FIELD = COLUMN\", or an array of these"},
  [KIND_ENCODING] = {"encoding", WRITTEN_AS_STRING, read_encoding, write_text, clear_text, NULL,
                     "the name of an encoding, such as \"WINDOWS-1250\""},
  [KIND_TEXTS] = {"texts", WRITTEN_AS_STRING | WRITTEN_AS_ARRAY, read_texts, write_texts,
                  clear_texts, NULL, "a text, or several as in [\"a\", \"b\"]"},
  [KIND_SENDERS] = {"senders", WRITTEN_AS_STRING | WRITTEN_AS_ARRAY, read_senders, write_senders,
                    clear_texts, NULL, "an address, a domain or \"*.DOMAIN\", or several in [ ]"},
  [KIND_DOMAINS] = {"domains", WRITTEN_AS_STRING | WRITTEN_AS_ARRAY, read_domains, write_texts,
                    clear_texts, NULL,
                    "a domain, or several as in [\"gmail.com\", \"*.example\"]"},
  [KIND_WORD] = {"word", WRITTEN_AS_STRING, read_word, write_word, NULL, NULL,
                 "a word in quotation marks"},
  [KIND_WORDS] = {"words", WRITTEN_AS_STRING | WRITTEN_AS_ARRAY, read_words, write_words,
                  clear_words, NULL, "a word in quotation marks, or several as in [\"a\", \"b\"]"},
  [KIND_SWITCH] = {"switch", WRITTEN_AS_SWITCH, read_switch, write_switch, NULL, NULL,
                   "true or false, without quotation marks"},
  [KIND_INTEGER] = {"integer", WRITTEN_AS_INTEGER, read_integer, write_integer, NULL,
                    number_no_units, "a whole number"},
  [KIND_DURATION] = {"duration", NUMBER_OR_TEXT, read_duration, write_duration, NULL,
                     number_time_units,
                     "a number of seconds, or \"500 ms\", \"30 s\", \"10 min\", \"2 h\", \"5 d\""},
  [KIND_SIZE] = {"size", NUMBER_OR_TEXT, read_size, write_size, NULL, number_size_units,
                 "a number of bytes, or \"100 KiB\", \"64 MiB\", \"2 GiB\""},
  [KIND_RATE] = {"rate", WRITTEN_AS_STRING, read_rate, write_rate, NULL, NULL,
                 "a rate such as \"20/s\", \"600/min\", \"5000/d\", several of them as in "
                 "\"20/s, 5000/d\", or \"none\""},
  [KIND_HOURS] = {"hours", WRITTEN_AS_STRING, read_hours, write_text, clear_text, NULL,
                  "hours such as \"Mon-Fri 08:00-18:00 Europe/Brussels\""},
};

guint value_forms(Kind kind)
{
  return kinds[kind].forms;
}

const char *value_description(Kind kind)
{
  return kinds[kind].description;
}

char *value_type(Kind kind, const Range *range)
{
  const Unit *units = kinds[kind].units;

  if (range->words != NULL) {
    return g_strjoinv(" | ", (char **)range->words);
  }
  if (units == NULL) {
    return g_strdup(kinds[kind].name);
  }
  g_autofree char *minimum = number_write(range->minimum, units);
  g_autofree char *maximum = number_write(range->maximum, units);
  return g_strdup_printf("%s, %s to %s", kinds[kind].name, minimum, maximum);
}

gboolean value_read(Kind kind, const Range *range, const char *folder, const char *text,
                    gpointer field, GError **error)
{
  GError *reason = NULL;
  Reading reading = {.range = range, .folder = folder, .error = &reason};

  if (kinds[kind].read(&reading, text, field)) {
    return TRUE;
  }
  if (reason == NULL) {
    refuse(&reading, "found \"%s\", expected %s", text, kinds[kind].description);
  }
  g_propagate_error(error, reason);
  return FALSE;
}

char *value_write(Kind kind, const Range *range, gconstpointer field)
{
  return kinds[kind].write(range, field);
}

void value_clear(Kind kind, gpointer field)
{
  if (kinds[kind].clear != NULL) {
    kinds[kind].clear(field);
  }
}
