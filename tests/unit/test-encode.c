/* SPDX-License-Identifier: Apache-2.0 */
#include <gmime/gmime.h>
#include <string.h>

#include "content/encode.h"
#include "content/header.h"

/* --- Quoted-printable --- */

/* What holds for each line that goes into a body. */
static void assert_wire(const GString *encoded)
{
  g_auto(GStrv) lines = g_strsplit(encoded->str, "\r\n", -1);
  g_assert_true(encoded->len == 0 || g_str_has_suffix(encoded->str, "\r\n"));
  for (char **line = lines; *line != NULL; line++) {
    g_assert_cmpuint(strlen(*line), <=, 76);
    g_assert_cmpint(**line, !=, '.');
    g_assert_false(g_str_has_prefix(*line, "From "));
    g_assert_false(g_str_has_suffix(*line, " "));
    for (const char *at = *line; *at != '\0'; at++) {
      g_assert_true(*at >= ' ' && *at <= '~');
    }
  }
}

static char *decode(const GString *encoded)
{
  GMimeEncoding decoder;
  g_mime_encoding_init_decode(&decoder, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
  g_autofree char *out = g_malloc(g_mime_encoding_outlen(&decoder, encoded->len) + 1);
  gsize length = g_mime_encoding_flush(&decoder, encoded->str, encoded->len, out);
  g_autofree char *text = g_strndup(out, length);
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  return g_strjoinv("\n", lines);
}

static void assert_round_trip(const char *text)
{
  g_autoptr(GString) encoded = g_string_new(NULL);
  encode_quoted_printable(encoded, text, strlen(text));
  assert_wire(encoded);
  g_autofree char *decoded = decode(encoded);
  g_assert_cmpstr(decoded, ==, text);
}

static void test_quoted_printable(void)
{
  static const char *const texts[] = {
    "", "a", ".", "..", ".\n.\n", "\n", "\n\n.", "From me", "From", "a \nb \n \n ", "\t\n",
    "=", "a=b=3D", "Zoë", "日本語", "a\rb", "From \nFrom \n.From ", "\xF0\x9F\x8E\x89",
  };
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    assert_round_trip(texts[i]);
  }
}

/* A dot, "From " or a multibyte character at each place where a line may be broken. */
static void test_every_column(void)
{
  static const char *const tails[] = { ".b", "From b", "\xC3\xA4", "=", " \nb", "\n.", "x\n" };
  for (guint columns = 0; columns < 160; columns++) {
    for (guint i = 0; i < G_N_ELEMENTS(tails); i++) {
      g_autofree char *fill = g_strnfill(columns, 'x');
      g_autofree char *text = g_strconcat(fill, tails[i], NULL);
      assert_round_trip(text);
    }
  }
}

static void test_exact(void)
{
  static const struct {
    const char *text, *encoded;
  } cases[] = {
    { "Dear ", "Dear =\r\n" },
    { "a\n", "a\r\n" },
    { "a \n", "a=20\r\n" },
    { ".", "=2E=\r\n" },
    { "From x\n", "=46rom x\r\n" },
    { "ä=", "=C3=A4=3D=\r\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GString) encoded = g_string_new(NULL);
    encode_quoted_printable(encoded, cases[i].text, strlen(cases[i].text));
    g_assert_cmpstr(encoded->str, ==, cases[i].encoded);
  }
}

static void test_random(void)
{
  for (guint round = 0; round < 500; round++) {
    const guint length = (guint)g_test_rand_int_range(0, 400);
    g_autofree char *text = g_malloc(length + 1);
    for (guint i = 0; i < length; i++) {
      static const char some[] = ".=\n F abcrom\xC3\xA4\x01~";
      text[i] = some[g_test_rand_int_range(0, sizeof some - 1)];
    }
    text[length] = '\0';
    assert_round_trip(text);
  }
}

/* --- Values --- */

static void test_values(void)
{
  const Context part = CONTEXT_URL_PART, address = CONTEXT_URL;
  const Context start = CONTEXT_URL | CONTEXT_URL_START;
  const struct {
    const char *value;
    Context context;
    const char *escaped;
  } cases[] = {
    { "a<b>&\"'", 0, "a<b>&\"'" },
    { "a<b>&\"'", CONTEXT_HTML, "a&lt;b&gt;&amp;&quot;&#39;" },
    { "<b>", CONTEXT_HTML | CONTEXT_MARKUP, "<b>" },
    { "a\r\nb\rc\nd\xE2\x80\xA8" "e\xC2\x85" "f", 0, "a\nb\nc\nd\ne\nf" },
    { "a\r\nb\n", CONTEXT_HTML, "a<br>b<br>" },
    { "a\r\nb\n", CONTEXT_HTML | CONTEXT_ONE_LINE, "a b " },
    { "a\tb\x01\x1B\x7F\xC2\x9B", 0, "a b    " },
    { "x\r\nBcc: b@example.org", CONTEXT_ONE_LINE | CONTEXT_HEADER, "x Bcc: b@example.org" },
    { "a\xE2\x80\xAE" "b\xE2\x81\xA6", CONTEXT_ONE_LINE | CONTEXT_HEADER, "ab" },
    { "a\xE2\x80\xAE" "b", 0, "a\xE2\x80\xAE" "b" },
    { "a b/c?d&e=f#g%@:'\"<ä", part, "a%20b%2Fc%3Fd%26e%3Df%23g%25%40%3A%27%22%3C%C3%A4" },
    { "a@b?cc=c", part | CONTEXT_MAILBOX, "a@b%3Fcc%3Dc" },
    { "a b/c?d&e'\"<ä%20", address, "a%20b/c?d&e%27%22%3C%C3%A4%20" },
    { "a&b", address | CONTEXT_HTML, "a&amp;b" },
    { "x\ny", part, "x%20y" },
    { "https://a.org/?b&c", start, "https://a.org/?b&c" },
    { " HTTP://a.org", start, "HTTP://a.org" },
    { "mailto:a@b.org", start, "mailto:a@b.org" },
    { "tel:+322", start, "tel:+322" },
    { "javascript:alert(1)", start, "#" },
    { "\x01javascript:alert(1)", start, "#" },
    { "data:text/html,x", start, "#" },
    { "//example.org", start, "#" },
    { "https://", start, "#" },
    { "", start, "#" },
    { "https://a.org/\" onclick=\"x", start | CONTEXT_HTML, "https://a.org/%22%20onclick=%22x" },
    { "a\xFF\xC3", 0, "a\xEF\xBF\xBD\xEF\xBF\xBD" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    encode_value(out, cases[i].value, cases[i].context);
    g_assert_cmpstr(out->str, ==, cases[i].escaped);
  }
}

/* The fast path must give what the long way gives. */
static void test_holes(void)
{
  static const char *const values[] = { "", "Ann", ".", ".a", "From x", "a=b", "a<b", "a b", "ä",
                                        "x\ny", "a/b", "https://a.org" };
  static const Context contexts[] = { 0, CONTEXT_HTML, CONTEXT_URL_PART, CONTEXT_URL,
                                      CONTEXT_URL | CONTEXT_URL_START,
                                      CONTEXT_HTML | CONTEXT_ONE_LINE };
  g_autoptr(GString) scratch = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(values) * G_N_ELEMENTS(contexts); i++) {
    const char *value = values[i % G_N_ELEMENTS(values)];
    const Context context = contexts[i / G_N_ELEMENTS(values)];
    g_autoptr(GString) hole = g_string_new(NULL), escaped = g_string_new(NULL);
    g_autoptr(GString) expected = g_string_new(NULL);
    encode_hole(hole, scratch, value, context);
    encode_value(escaped, value, context);
    encode_quoted_printable(expected, escaped->str, escaped->len);
    g_assert_cmpstr(hole->str, ==, expected->str);
  }
  for (gsize length = 70; length < 80; length++) {
    g_autofree char *value = g_strnfill(length, 'x');
    g_autoptr(GString) hole = g_string_new(NULL);
    encode_hole(hole, scratch, value, 0);
    assert_wire(hole);
    g_autofree char *decoded = decode(hole);
    g_assert_cmpstr(decoded, ==, value);
  }
}

/* --- Header fields --- */

static void assert_folded(const GString *field, gsize widest)
{
  g_assert_true(g_str_has_suffix(field->str, "\r\n"));
  g_auto(GStrv) lines = g_strsplit(field->str, "\r\n", -1);
  const guint count = g_strv_length(lines) - 1;
  g_assert_cmpstr(lines[count], ==, "");
  for (guint i = 0; i < count; i++) {
    g_assert_cmpuint(strlen(lines[i]), <=, widest);
    g_assert_cmpuint(strspn(lines[i], " "), <, strlen(lines[i]));
    g_assert_true(i == 0 || *lines[i] == ' ');
  }
}

static void test_texts(void)
{
  static const char *const values[] = {
    "News", "=?utf-8?q?x?=", "Grüße", "日本語のとても長い件名、日本語のとても長い件名、日本語の件名",
    "x日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語",
    "a  b   c", "\"quoted\" <x@y>", "100% = sure?", "?= and =?", "\xF0\x9F\x8E\x89 party",
    ("A subject of more than seventy-eight characters that is plain and has to be folded "
     "somewhere, and then perhaps once more, because it does not end for a long while"),
  };
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    g_autoptr(GString) field = g_string_new(NULL);
    header_add_text(field, "Subject", values[i]);
    assert_folded(field, 78);
    g_autofree char *unfolded = g_mime_utils_header_unfold(field->str + strlen("Subject: "));
    g_autofree char *decoded = g_mime_utils_header_decode_text(NULL, unfolded);
    g_assert_cmpstr(decoded, ==, values[i]);
  }
}

static void test_long_texts(void)
{
  for (gsize length = 1; length < 300; length += 7) {
    for (guint kind = 0; kind < 3; kind++) {
      static const char *const units[] = { "x", "ä", "word " };
      g_autoptr(GString) value = g_string_new(NULL), field = g_string_new(NULL);
      while (value->len < length) {
        g_string_append(value, units[kind]);
      }
      g_string_append_c(value, '!');
      header_add_text(field, "Subject", value->str);
      assert_folded(field, 78);
      g_autofree char *unfolded = g_mime_utils_header_unfold(field->str + strlen("Subject: "));
      g_autofree char *decoded = g_mime_utils_header_decode_text(NULL, unfolded);
      g_assert_cmpstr(decoded, ==, value->str);
    }
  }
}

static void test_mailboxes(void)
{
  static const struct {
    const char *name, *field;
  } exact[] = {
    { NULL, "To: <a@example.org>\r\n" },
    { "", "To: <a@example.org>\r\n" },
    { "Ann Lee", "To: Ann Lee <a@example.org>\r\n" },
    { "J. Lee", "To: \"J. Lee\" <a@example.org>\r\n" },
    { "a \"b\" \\c", "To: \"a \\\"b\\\" \\\\c\" <a@example.org>\r\n" },
    { "Zoë", "To: =?UTF-8?Q?Zo=C3=AB?= <a@example.org>\r\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(exact); i++) {
    g_autoptr(GString) field = g_string_new(NULL);
    header_add_mailbox(field, "To", exact[i].name, "a@example.org");
    g_assert_cmpstr(field->str, ==, exact[i].field);
  }
  static const char *const names[] = {
    "Müller, Zoë", "x <b@example.org>,", "=?utf-8?q?x?=", "a, b; c: d", "(comment)",
    "Ein sehr langer Name mit vielen Wörtern, der nicht auf eine einzige Zeile passen kann",
    "A very long name of many plain words that will not fit on one line however one tries it",
  };
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GString) field = g_string_new(NULL);
    header_add_mailbox(field, "To", names[i], "a@example.org");
    assert_folded(field, 78);
    g_autoptr(GObject) list = (GObject *)internet_address_list_parse(
        NULL, field->str + strlen("To: "));
    g_assert_cmpint(internet_address_list_length(INTERNET_ADDRESS_LIST(list)), ==, 1);
    InternetAddress *address =
        internet_address_list_get_address(INTERNET_ADDRESS_LIST(list), 0);
    g_assert_cmpstr(internet_address_get_name(address), ==, names[i]);
    g_assert_cmpstr(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address)), ==,
                    "a@example.org");
  }
}

static void test_parameters(void)
{
  static const char *const names[] = {
    "a.pdf", "two words.pdf", "quote\" back\\slash.pdf", "Übersicht.pdf", "日本語の資料.pdf",
    "=?utf-8?q?x?=.pdf", "100%.pdf", "semi;colon, comma.pdf",
    "a very long plain name of a file, longer than a line of a header ought to be.pdf",
    "ein sehr langer Name einer Datei mit Ümläuten, viel länger als eine Zeile sein düürfte.pdf",
  };
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GString) field = g_string_new("attachment");
    header_add_parameter(field, "filename", names[i]);
    g_autoptr(GObject) parsed =
        (GObject *)g_mime_content_disposition_parse(NULL, field->str);
    g_assert_cmpstr(g_mime_content_disposition_get_parameter(
                        GMIME_CONTENT_DISPOSITION(parsed), "filename"), ==, names[i]);
    g_string_append(field, "\r\n");
    assert_folded(field, 78);
  }
}

static void test_dates(void)
{
  static const struct {
    gint64 wall_ms;
    const char *date;
  } cases[] = {
    { 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
    { G_GINT64_CONSTANT(1795342500999), "Sun, 22 Nov 2026 10:15:00 +0000" },
    { G_GINT64_CONSTANT(1709210096000), "Thu, 29 Feb 2024 12:34:56 +0000" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    char date[HEADER_DATE_SIZE];
    header_format_date(cases[i].wall_ms, date);
    g_assert_cmpstr(date, ==, cases[i].date);
    g_autoptr(GDateTime) parsed = g_mime_utils_header_decode_date(date);
    g_assert_cmpint(g_date_time_to_unix(parsed), ==, cases[i].wall_ms / 1000);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_mime_init();
  g_test_add_func("/encode/quoted-printable", test_quoted_printable);
  g_test_add_func("/encode/every-column", test_every_column);
  g_test_add_func("/encode/exact", test_exact);
  g_test_add_func("/encode/random", test_random);
  g_test_add_func("/encode/values", test_values);
  g_test_add_func("/encode/holes", test_holes);
  g_test_add_func("/encode/texts", test_texts);
  g_test_add_func("/encode/long-texts", test_long_texts);
  g_test_add_func("/encode/mailboxes", test_mailboxes);
  g_test_add_func("/encode/parameters", test_parameters);
  g_test_add_func("/encode/dates", test_dates);
  return g_test_run();
}
