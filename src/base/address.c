/* SPDX-License-Identifier: Apache-2.0 */

/* The grammar is RFC 5321's, checked character by character, because each refusal
 * has to say what was found. Where the standards leave a choice:
 *   - comments and folding (RFC 5322) belong to header fields, and are no part of an address;
 *   - a domain has a dot (RFC 5321 section 2.3.5 wants it fully qualified) and none at its end,
 *     and its last part is no number (RFC 3696 section 2);
 *   - an address literal is an address: [192.0.2.1], [IPv6:2001:db8::1]; other tags than
 *     IPv6 were never registered;
 *   - labels are letters, digits and hyphens; two hyphens where Punycode has them are
 *     refused in "xn--" only. */

#include "base/address.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "base/limits.h"
#include "base/slip.h"

G_DEFINE_QUARK(address-error-quark, address_error)

/* Only that much of a wrong address is shown. */
enum { SHOWN_CHARACTERS = 80 };

/* UTF-8 takes at most four bytes for what may be one in an A-label domain; what is
 * longer cannot become an address, and Punycode need not be tried on it. */
enum { MAX_TEXT = 4 * LIMIT_ADDRESS };

static gboolean G_GNUC_PRINTF(3, 4)
refuse(GError **error, AddressError code, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_propagate_error(error, g_error_new_valist(ADDRESS_ERROR, (gint)code, format, arguments));
  va_end(arguments);
  return FALSE;
}

/* --- Characters. --- */

/* Characters that can be seen on a screen, and the joiners that Persian and the
 * scripts of India need (libidn2 checks their context in a domain). */
static gboolean is_visible(gunichar c)
{
  if (c < 0x80) {
    return c >= ' ' && c < 0x7f;
  }
  switch (g_unichar_type(c)) {
  case G_UNICODE_CONTROL:
  case G_UNICODE_SURROGATE:
  case G_UNICODE_LINE_SEPARATOR:
  case G_UNICODE_PARAGRAPH_SEPARATOR:
    return FALSE;
  case G_UNICODE_SPACE_SEPARATOR:
    return c == ' ';
  case G_UNICODE_FORMAT:
    return c == 0x200c || c == 0x200d;
  default:
    return TRUE;
  }
}

static gboolean is_blank(gunichar c)
{
  return c == ' ' || c == '\t' || (c >= 0x80 && g_unichar_type(c) == G_UNICODE_SPACE_SEPARATOR);
}

static void append_visible(GString *shown, gunichar c)
{
  if (is_visible(c)) {
    g_string_append_unichar(shown, c);
  } else {
    g_string_append_printf(shown, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
  }
}

/* text as an error message may show it. */
static char *make_visible(const char *text)
{
  GString *shown = g_string_new(NULL);
  guint count = 0;
  while (*text && count++ < SHOWN_CHARACTERS) {
    gunichar c = g_utf8_get_char_validated(text, -1);
    if ((gint32)c < 0) {
      g_string_append_printf(shown, "\\x%02x", (guchar)*text++);
    } else {
      append_visible(shown, c);
      text = g_utf8_next_char(text);
    }
  }
  if (*text) {
    g_string_append(shown, "…");
  }
  return g_string_free(shown, FALSE);
}

static gboolean refuse_character(GError **error, AddressError code, const char *at,
                                 const char *where)
{
  if (*at == ' ') {
    return refuse(error, code, "a blank cannot stand %s", where);
  }
  g_autoptr(GString) shown = g_string_new(NULL);
  append_visible(shown, g_utf8_get_char(at));
  return refuse(error, code, "the character %s cannot stand %s", shown->str, where);
}

static gboolean check_characters(const char *text, GError **error)
{
  const char *bad;
  if (!g_utf8_validate(text, -1, &bad)) {
    return refuse(error, ADDRESS_ERROR_SYNTAX, "the byte \\x%02x is not UTF-8", (guchar)*bad);
  }
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    if (!is_visible(g_utf8_get_char(p))) {
      return refuse_character(error, ADDRESS_ERROR_SYNTAX, p, "in an address");
    }
  }
  return TRUE;
}

/* --- The local part. --- */

/* RFC 5322 section 3.2.3, with RFC 6531 section 3.3. */
static gboolean is_atext(char c)
{
  return g_ascii_isalnum(c) || (guchar)c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static gboolean check_dot_string(const char *local, GError **error)
{
  for (const char *p = local; *p; p++) {
    if (*p == '.' && (p == local || p[-1] == '.' || !p[1])) {
      return refuse(error, ADDRESS_ERROR_SYNTAX,
                    "a dot stands at an edge of the part before the @, or two stand together");
    }
    if (*p != '.' && !is_atext(*p)) {
      return refuse_character(error, ADDRESS_ERROR_SYNTAX, p,
                              "before the @ without quotation marks");
    }
  }
  return TRUE;
}

static gboolean check_quoted_string(const char *local, GError **error)
{
  const char *p = local + 1;
  for (; *p && *p != '"'; p++) {
    if (*p == '\\') {
      p++;
      if (*p < ' ' || *p > '~') {
        return refuse(error, ADDRESS_ERROR_SYNTAX, "nothing that may be quoted stands after a \\");
      }
    }
  }
  if (*p != '"' || p[1]) {
    return refuse(error, ADDRESS_ERROR_SYNTAX,
                  "the quotation marks do not enclose all that stands before the @");
  }
  return TRUE;
}

static gboolean check_local_part(const char *local, GError **error)
{
  gsize length = strlen(local);
  if (length == 0) {
    return refuse(error, ADDRESS_ERROR_SYNTAX, "nothing stands before the @");
  }
  if (length > LIMIT_LOCAL_PART) {
    return refuse(error, ADDRESS_ERROR_LENGTH,
                  "the part before the @ has %" G_GSIZE_FORMAT " bytes; at most %d are allowed",
                  length, LIMIT_LOCAL_PART);
  }
  return *local == '"' ? check_quoted_string(local, error) : check_dot_string(local, error);
}

/* The same mailbox gives the same text, whether or not it is quoted (RFC 5321
 * section 4.1.2) and however its accents are composed. Most local parts are ASCII
 * and take the short way. */
static char *fold_local_part(const char *local)
{
  GString *plain = g_string_new(NULL);
  gboolean quoted = *local == '"';
  for (const char *p = local + quoted; *p && !(quoted && *p == '"'); p++) {
    if (quoted && *p == '\\') {
      p++;
    }
    g_string_append_c(plain, *p);
  }
  if (g_str_is_ascii(plain->str)) {
    return g_string_free(g_string_ascii_down(plain), FALSE);
  }
  g_autofree char *text = g_string_free(plain, FALSE);
  g_autofree char *decomposed = g_utf8_normalize(text, -1, G_NORMALIZE_NFD);
  g_autofree char *folded = g_utf8_casefold(decomposed, -1);
  return g_utf8_normalize(folded, -1, G_NORMALIZE_NFD);
}

/* --- The domain. --- */

/* Some label is Punycode, or claims to be. */
static gboolean has_a_label(const char *domain)
{
  for (const char *label = domain; label; label = strchr(label, '.')) {
    label += *label == '.';
    if (g_ascii_strncasecmp(label, "xn--", 4) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

/* UTS 46. Not with IDN2_USE_STD3_ASCII_RULES: libidn2 then drops characters that are
 * not allowed ("a_b.org" becomes "ab.org") and the mail would go elsewhere; they are
 * kept here, and check_labels() finds them. ASCII domains without A-labels
 * are merely lower-cased, which is what UTS 46 does with them (CheckHyphens false), at a
 * hundredth of the cost. */
static char *domain_to_ascii(const char *domain, GError **error)
{
  if (g_str_is_ascii(domain) && !has_a_label(domain)) {
    return g_ascii_strdown(domain, -1);
  }
  char *converted = NULL;
  int code = idn2_to_ascii_8z(domain, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (code != IDN2_OK) {
    refuse(error, ADDRESS_ERROR_DOMAIN, "the domain %s is not a valid name (%s)", domain,
           idn2_strerror(code));
    return NULL;
  }
  char *ascii = g_strdup(converted);
  idn2_free(converted);
  return ascii;
}

static gboolean check_label(const char *label, gsize length, GError **error)
{
  enum { MAX_LABEL = 63 };  /* RFC 1035 section 2.3.4 */
  if (length == 0) {
    return refuse(error, ADDRESS_ERROR_DOMAIN,
                  "a dot stands at an edge of the domain, or two stand together");
  }
  if (length > MAX_LABEL) {
    return refuse(error, ADDRESS_ERROR_LENGTH,
                  "a part of the domain has %" G_GSIZE_FORMAT " bytes; at most %d are allowed",
                  length, MAX_LABEL);
  }
  for (const char *p = label; p < label + length; p++) {
    if (!g_ascii_isalnum(*p) && *p != '-') {
      return refuse_character(error, ADDRESS_ERROR_DOMAIN, p, "in a domain");
    }
  }
  if (label[0] == '-' || label[length - 1] == '-') {
    return refuse(error, ADDRESS_ERROR_DOMAIN,
                  "a hyphen stands at an edge of a part of the domain");
  }
  return TRUE;
}

/* domain: as domain_to_ascii() gave it. */
static gboolean check_labels(const char *domain, GError **error)
{
  guint count = 0;
  gboolean numeric = TRUE;
  const char *label = domain;
  for (gboolean last = FALSE; !last; count++) {
    gsize length = strcspn(label, ".");
    if (!check_label(label, length, error)) {
      return FALSE;
    }
    last = label[length] == '\0';
    numeric = strspn(label, "0123456789") == length;
    label += length + 1;
  }
  if (count < 2) {
    return refuse(error, ADDRESS_ERROR_DOMAIN, "the domain %s has no dot", domain);
  }
  if (numeric) {
    return refuse(error, ADDRESS_ERROR_DOMAIN, "the domain %s ends in a number, as no name does",
                  domain);
  }
  return TRUE;
}

/* RFC 5321 section 4.1.3: domain, which begins with a bracket, in its one spelling. */
static char *check_literal(const char *domain, GError **error)
{
  static const char TAG[] = "IPv6:";
  gsize length = strlen(domain);
  g_autofree char *inner = length > 2 ? g_strndup(domain + 1, length - 2) : g_strdup("");
  gboolean is_6 = g_ascii_strncasecmp(inner, TAG, strlen(TAG)) == 0;
  int family = is_6 ? AF_INET6 : AF_INET;
  struct in6_addr binary;
  char text[INET6_ADDRSTRLEN];
  if (domain[length - 1] != ']' ||
      inet_pton(family, is_6 ? inner + strlen(TAG) : inner, &binary) != 1 ||
      !inet_ntop(family, &binary, text, sizeof text)) {
    refuse(error, ADDRESS_ERROR_DOMAIN, "what stands in brackets is no IP address, such as "
           "[192.0.2.1] or [IPv6:2001:db8::1]");
    return NULL;
  }
  return g_strconcat("[", is_6 ? TAG : "", text, "]", NULL);
}

static char *check_domain(const char *domain, GError **error)
{
  if (!*domain) {
    refuse(error, ADDRESS_ERROR_DOMAIN, "nothing stands after the @");
    return NULL;
  }
  if (*domain == '[') {
    return check_literal(domain, error);
  }
  if (strchr(domain, '@')) {
    refuse(error, ADDRESS_ERROR_SYNTAX, "it has more than one @; one address is expected");
    return NULL;
  }
  g_autofree char *ascii = domain_to_ascii(domain, error);
  if (!ascii || !check_labels(ascii, error)) {
    return NULL;
  }
  gsize length = strlen(ascii);
  if (length > LIMIT_DOMAIN) {
    refuse(error, ADDRESS_ERROR_LENGTH,
           "the domain has %" G_GSIZE_FORMAT " bytes; at most %d are allowed", length,
           LIMIT_DOMAIN);
    return NULL;
  }
  return g_steal_pointer(&ascii);
}

/* --- The whole. --- */

/* The @ after the local part, or NULL. */
static const char *find_at(const char *text)
{
  if (*text != '"') {
    return strchr(text, '@');
  }
  const char *p = text + 1;
  while (*p && *p != '"') {
    p += *p == '\\' && p[1] ? 2 : 1;
  }
  return strchr(p, '@');
}

static gboolean check_address(const char *text, Address *address, GError **error)
{
  if (!*text) {
    return refuse(error, ADDRESS_ERROR_SYNTAX, "it is empty");
  }
  if (strlen(text) > MAX_TEXT) {
    return refuse(error, ADDRESS_ERROR_LENGTH, "it is longer than an address can be");
  }
  if (!check_characters(text, error)) {
    return FALSE;
  }
  const char *at = find_at(text);
  if (!at) {
    return refuse(error, ADDRESS_ERROR_SYNTAX, "it has no @");
  }
  g_autofree char *local = g_strndup(text, (gsize)(at - text));
  if (!check_local_part(local, error)) {
    return FALSE;
  }
  g_autofree char *domain = check_domain(at + 1, error);
  if (!domain) {
    return FALSE;
  }
  gsize length = strlen(local) + 1 + strlen(domain);
  if (length > LIMIT_ADDRESS) {
    return refuse(error, ADDRESS_ERROR_LENGTH,
                  "it has %" G_GSIZE_FORMAT " bytes; at most %d are allowed", length,
                  LIMIT_ADDRESS);
  }
  g_autofree char *folded = fold_local_part(local);
  address->mailbox = g_strconcat(local, "@", domain, NULL);
  address->key = g_strconcat(folded, "@", domain, NULL);
  address->needs_smtputf8 = !g_str_is_ascii(local);
  return TRUE;
}

/* --- Suggestions. --- */

static gboolean is_address(const char *text)
{
  g_auto(Address) address = {0};
  return check_address(text, &address, NULL);
}

static gboolean has_control(const char *text)
{
  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    if (*p != '\t' && g_unichar_iscntrl(g_utf8_get_char(p))) {
      return TRUE;
    }
  }
  return FALSE;
}

/* Replaces error by a better one where the slip is a known one. A text with control
 * characters is damage or an attack: nothing is guessed about it. */
static void explain_slip(const char *text, GError **error)
{
  if (strlen(text) > MAX_TEXT || !g_utf8_validate(text, -1, NULL) || has_control(text)) {
    return;
  }
  const char *slip;
  g_autofree char *repaired = slip_repair(text, is_address, &slip);
  if (repaired) {
    AddressError code = (AddressError)(*error)->code;
    g_clear_error(error);
    refuse(error, code, "%s; did you mean \"%s\"?", slip, repaired);
  }
}

/* text without its surrounding blanks, those of Unicode too: spreadsheets are full of
 * no-break spaces. */
static char *strip_blanks(const char *text)
{
  if (!g_utf8_validate(text, -1, NULL)) {
    return g_strdup(text);
  }
  while (is_blank(g_utf8_get_char(text))) {
    text = g_utf8_next_char(text);
  }
  const char *end = text + strlen(text);
  for (const char *last; (last = g_utf8_find_prev_char(text, end)) &&
                         is_blank(g_utf8_get_char(last));) {
    end = last;
  }
  return g_strndup(text, (gsize)(end - text));
}

gboolean address_parse(const char *text, Address *address, GError **error)
{
  g_autofree char *stripped = strip_blanks(text);
  return address_parse_exact(stripped, address, error);
}

gboolean address_parse_exact(const char *text, Address *address, GError **error)
{
  g_autoptr(GError) wrong = NULL;
  *address = (Address){0};
  if (check_address(text, address, &wrong)) {
    return TRUE;
  }
  explain_slip(text, &wrong);
  g_autofree char *shown = make_visible(text);
  g_propagate_prefixed_error(error, g_steal_pointer(&wrong), "\"%s\" is not a mail address: ",
                             shown);
  return FALSE;
}

void address_clear(Address *address)
{
  g_clear_pointer(&address->mailbox, g_free);
  g_clear_pointer(&address->key, g_free);
  address->needs_smtputf8 = FALSE;
}

/* --- A mailbox with its display name. --- */

/* A quoted-string's content, or NULL where phrase is not exactly one. */
static char *unquote(const char *phrase)
{
  GString *content = g_string_new(NULL);
  const char *p = phrase + 1;
  for (; *p && *p != '"'; p++) {
    if (*p == '\\' && p[1]) {
      p++;
    }
    g_string_append_c(content, *p);
  }
  gboolean closed = *p == '"' && !p[1];
  return g_string_free(content, !closed);
}

/* phrase: what stands before the <, without surrounding blanks. */
static gboolean parse_display_name(const char *phrase, char **name, GError **error)
{
  if (!check_characters(phrase, error)) {
    return FALSE;
  }
  if (!*phrase || g_str_equal(phrase, "\"\"")) {
    return TRUE;
  }
  if (*phrase == '"') {
    *name = unquote(phrase);
    return *name || refuse(error, ADDRESS_ERROR_SYNTAX,
                           "the quotation marks do not enclose all of the name");
  }
  const char *special = strpbrk(phrase, "()<>[]:;@\\,\"");
  if (special) {
    return refuse(error, ADDRESS_ERROR_SYNTAX,
                  "the character %c in a name needs quotation marks around the name", *special);
  }
  *name = g_strdup(phrase);
  return TRUE;
}

gboolean mailbox_parse(const char *text, char **name, Address *address, GError **error)
{
  if (name)
    *name = NULL;
  *address = (Address){0};
  g_autofree char *stripped = strip_blanks(text);
  char *open = strrchr(stripped, '<');
  if (!open || !g_str_has_suffix(open, ">")) {
    return address_parse(stripped, address, error);
  }
  g_autofree char *before = g_strndup(stripped, (gsize)(open - stripped));
  g_autofree char *phrase = strip_blanks(before);
  g_autofree char *inner = g_strndup(open + 1, strlen(open) - 2);
  g_autofree char *found = NULL;
  g_autoptr(GError) wrong = NULL;
  if (!parse_display_name(phrase, &found, &wrong)) {
    g_autofree char *shown = make_visible(stripped);
    g_propagate_prefixed_error(error, g_steal_pointer(&wrong),
                               "\"%s\" is not a name with a mail address in < >: ", shown);
    return FALSE;
  }
  if (!address_parse(inner, address, error)) {
    return FALSE;
  }
  if (name)
    *name = g_steal_pointer(&found);
  return TRUE;
}
