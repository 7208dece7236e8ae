/* SPDX-License-Identifier: Apache-2.0 */

/* Lists that are no CSV, and how the kind of a file is found out. */

#include <glib/gstdio.h>
#include <string.h>

#include "contacts/list.h"

typedef struct {
  char *folder;
  char *path;
  Report *report;
} Fixture;

static void set_up(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->folder = g_dir_make_tmp("test-formats-XXXXXX", NULL);
  g_assert_nonnull(f->folder);
  f->report = report_new();
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  if (f->path) {
    g_remove(f->path);
  }
  g_assert_cmpint(g_rmdir(f->folder), ==, 0);
  report_free(f->report);
  g_free(f->path);
  g_free(f->folder);
}

static List *open_list(Fixture *f, const char *file, const char *content, gssize length)
{
  char name[] = "press";
  if (f->path) {
    g_remove(f->path);
  }
  g_free(f->path);
  f->path = g_build_filename(f->folder, file, NULL);
  report_free(f->report);
  f->report = report_new();
  g_assert_true(g_file_set_contents(f->path, content, length, NULL));
  ListSettings settings = {.name = name, .file = f->path};
  return list_open(&settings, f->report);
}

/* Each row as "line[column=cell;…]" of what is not empty, or "line!flaw", at last the error. */
static char *read_list(Fixture *f, const char *file, const char *content)
{
  g_autoptr(List) list = open_list(f, file, content, -1);
  g_autoptr(GError) error = NULL;
  GString *text = g_string_new(NULL);
  ListRow row;
  if (!list) {
    g_string_free(text, TRUE);
    return report_to_text(f->report);
  }
  while (list_next(list, &row, &error) == LIST_ROW) {
    g_string_append_printf(text, "%u%c", row.line, row.flaw ? '!' : '[');
    for (guint i = 0; !row.flaw && list_columns(list)[i]; i++) {
      if (*row.cells[i]) {
        g_string_append_printf(text, "%s=%s;", list_columns(list)[i], row.cells[i]);
      }
    }
    g_string_append_printf(text, "%s\n", row.flaw ? row.flaw : "]");
  }
  g_string_append(text, error ? error->message : "");
  return g_string_free(text, FALSE);
}

static void assert_reads(Fixture *f, const char *file, const char *content, const char *expected)
{
  g_autofree char *text = read_list(f, file, content);
  g_assert_cmpstr(text, ==, expected);
}

static void assert_says(Fixture *f, const char *file, const char *content, const char *says)
{
  g_autofree char *text = read_list(f, file, content);
  if (!strstr(text, says)) {
    g_error("\"%s\" does not say \"%s\"", text, says);
  }
}

/* --- Text. --- */

static void test_text(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char CONTENT[] = "# Press\r\n\r\n  jane@example.org \r\nJoe <joe@example.org>\n\n"
                                "#last@example.org\nlast@example.org";
  static const char ROWS[] = "3[email=jane@example.org;]\n4[email=Joe <joe@example.org>;]\n"
                             "7[email=last@example.org;]\n";
  assert_reads(f, "list.txt", CONTENT, ROWS);
  assert_reads(f, "list", CONTENT, ROWS);
  /* A table is a table whatever it is called. */
  assert_reads(f, "list.txt", "Email\tName\nj@example.org\tJane\n",
               "2[Email=j@example.org;Name=Jane;]\n");
  assert_reads(f, "list.txt", "email\nj@example.org\n", "2[email=j@example.org;]\n");
  assert_says(f, "list.csv", "jane@example.org\n", "the first line holds a mail address");
  assert_says(f, "list.txt", "# nothing\n", "no column");
}

/* --- vCard. --- */

static void test_vcard(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_reads(f, "list.vcf",
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jane;;Dr.;\r\nFN:Jane\r\n  Doe\r\n"
    "ORG:Daily\\, The;Desk\r\nitem1.EMAIL;TYPE=INTERNET:home@example.org\r\n"
    "EMAIL;TYPE=INTERNET,PREF:jane@example.org\r\nTITLE:Editor\\; politics\r\n"
    "TZ:Europe/Brussels\r\nCATEGORIES:press,A\\,B,eu\r\nADR;TYPE=work:;;Rue 1;Ville;;1000;BE\r\n"
    "PHOTO;ENCODING=b:AAAA\r\n BBBB\r\nEND:VCARD\r\n\r\n"
    "begin:vcard\nversion:4.0\nfn:Élise\nemail;PREF=2:b@example.org\nemail;pref=1:a@example.org\n"
    "LANG;PREF=2:en\nLANG;PREF=1:fr\nemail:c@example.org\nX-A;B=\"c:d\":e\nend:vcard\n",
    "1[email=jane@example.org;name=Jane Doe;first_name=Jane;last_name=Doe;prefix=Dr.;"
    "organization=Daily, The;title=Editor; politics;timezone=Europe/Brussels;"
    "categories=press, A,B, eu;city=Ville;country=BE;]\n"
    "17[email=a@example.org;name=Élise;language=fr;]\n");
}

static void test_vcard_flaws(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_says(f, "list", "BEGIN:VCARD\nVERSION:2.1\nFN;QUOTED-PRINTABLE:J=C3=BC\n"
                         "EMAIL:a@example.org\nEND:VCARD\nBEGIN:VCARD\nFN:B\n"
                         "EMAIL:b@example.org\nEND:VCARD\n",
              "1!FN of the card is quoted-printable, as in vCard 2.1; export it as vCard 3.0 or "
              "4.0\n6[email=b@example.org;name=B;]\n");
  assert_says(f, "list.vcf", "BEGIN:VCARD\nFN:A\n",
              "line 1: the card that begins here has no END:VCARD");
  assert_says(f, "list.vcf", "BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nEND:VCARD\n", "line 1: the card");
  assert_says(f, "list.vcf", "BEGIN:VCARD\nEMAIL:a@b.org\nEND:VCARD\nnoise\n",
              "line 4: BEGIN:VCARD is expected here");
  /* What is no property is passed over; a card of nothing is a row of nothing. */
  assert_reads(f, "list.vcf", "BEGIN:VCARD\n;;:\n:\n=\nEMAIL;:a@b.org\nEND:VCARD\n",
               "1[email=a@b.org;]\n");
}

/* --- JSON. --- */

static void test_json(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char ROWS[] = "%s[email=a@b.org;name=Jane \"J\" {Doe};age=42;]\n"
                             "%s[email=c@d.org;tags=[\"x\",{\"y\":[1]}];ok=true;]\n";
  static const char FIRST[] = "{\"email\": \"a@b.org\", \"name\": \"Jane \\\"J\\\" {Doe}\", "
                              "\"age\": 42}";
  static const char SECOND[] = "{\"email\":\"c@d.org\",\"name\":null,\"tags\":[\"x\",{\"y\":[1]}],"
                               "\"ok\":true}";
  static const struct {
    const char *file, *frame, *first, *second;
  } FRAMES[] = {
    {"list.json", "[\n%s,\n%s\n]\n", "2", "3"},  {"list.json", "[%s,%s]", "1", "1"},
    {"list.jsonl", "%s\n%s\n", "1", "2"},        {"list", "%s\r\n\r\n%s", "1", "3"},
    {"list.ndjson", "\xef\xbb\xbf%s\n%s\n", "1", "2"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(FRAMES); i++) {
    g_auto(GStrv) frame = g_strsplit(FRAMES[i].frame, "%s", -1);
    g_auto(GStrv) rows = g_strsplit(ROWS, "%s", -1);
    g_autofree char *content = g_strconcat(frame[0], FIRST, frame[1], SECOND, frame[2], NULL);
    g_autofree char *expected = g_strconcat(FRAMES[i].first, rows[1], FRAMES[i].second, rows[2],
                                            NULL);
    assert_reads(f, FRAMES[i].file, content, expected);
  }
}

static void test_json_flaws(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_says(f, "list.json", "[{\"email\": \"a@b.org\"},\n{\"email\": x},\n{\"email\": \"c\"}]",
              "1[email=a@b.org;]\n2!the object is not JSON: ");
  assert_says(f, "list.json", "[{\"email\": \"a@b.org\"}, 5]", "an object, { … }, is expected");
  assert_says(f, "list.json", "[{\"email\": \"a@b.org\"}\n", "the array is not closed");
  assert_says(f, "list.json", "[{\"email\": \"a@b.org\"}] {\"email\": \"\"}", "something follows");
  assert_says(f, "list.json", "{\"email\": \"a@b.org\"}\n{\"email\": \"", "line 2: the object");
  assert_says(f, "list.json", "[]", "the list is empty");
  g_autofree char *deep = g_strnfill(1000, '[');
  g_autofree char *content = g_strconcat("{\"email\": ", deep, NULL);
  assert_says(f, "list.json", content, "is not closed");
}

/* --- Spreadsheets. --- */

static void test_sheet(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_strdup(g_getenv("PATH"));
  g_setenv("PATH", f->folder, TRUE);
  assert_says(f, "list.xlsx", "PK\003\004", "install the Debian package gnumeric");
  assert_says(f, "list.csv", "PK\003\004", "install the Debian package gnumeric");
  g_setenv("PATH", path, TRUE);
  g_autofree char *converter = g_find_program_in_path("ssconvert");
  if (!converter) {
    g_test_skip("ssconvert is not installed");
    return;
  }
  assert_says(f, "list.ods", "PK\003\004 nothing", "or is damaged");
}

/* --- Columns. --- */

static void test_columns(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(List) list = open_list(f, "list.csv", "Электронная почта,Vorname,Prénom 2,Sprache\n",
                                   -1);
  g_assert_nonnull(list);
  g_assert_cmpuint(list_address_column(list), ==, 0);
  g_assert_cmpint(list_column(list, "first_name"), ==, 1);
  g_assert_cmpint(list_column(list, "language"), ==, 3);
  g_assert_cmpint(list_column(list, "last_name"), ==, -1);
  g_assert_cmpint(list_column(list, "email"), ==, 0);
}

static void test_mapping(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  char name[] = "press";
  char mail[] = "email=Kontakt", first[] = "first_name=Ruf=Name", beat[] = "beat=Ressort";
  char *columns[] = {mail, first, beat, NULL};
  list_close(open_list(f, "list.csv", "email,Kontakt,Vorname,Ruf=Name,Ressort\n", -1));
  ListSettings settings = {.name = name, .file = f->path, .columns = columns};
  g_autoptr(List) list = list_open(&settings, f->report);
  g_assert_nonnull(list);
  g_assert_cmpuint(list_address_column(list), ==, 1);
  g_assert_cmpint(list_column(list, "Email"), ==, 1);
  g_assert_cmpint(list_column(list, "First Name"), ==, 3);
  g_assert_cmpint(list_column(list, "vorname"), ==, 2);
  g_assert_cmpint(list_column(list, "beat"), ==, 4);
  g_assert_true(g_file_set_contents(f->path, "email,Vorname\n", -1, NULL));
  g_assert_null(list_open(&settings, f->report));
  g_autofree char *text = report_to_text(f->report);
  g_assert_nonnull(strstr(text, "no column is called \"Kontakt\", which columns of list \"press\" "
                                "names; there are: \"email\", \"Vorname\""));
}

static void test_encoding_setting(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  char name[] = "press", encoding[] = "KOI8-R";
  ListRow row;
  g_autoptr(GError) error = NULL;
  list_close(open_list(f, "list.csv", "email,name\na@b.org,\xe9\xd7\xc1\xce\n", -1));
  report_free(f->report);
  f->report = report_new();
  ListSettings settings = {.name = name, .file = f->path, .encoding = encoding};
  g_autoptr(List) list = list_open(&settings, f->report);
  g_assert_nonnull(list);
  g_assert_cmpuint(report_length(f->report), ==, 0);
  g_assert_cmpint(list_next(list, &row, &error), ==, LIST_ROW);
  g_assert_cmpstr(row.cells[1], ==, "Иван");
}

/* Bytes of every kind: never more than an error. */
static void test_noise(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const FILES[] = {"x.vcf", "x.json", "x.txt", "x.jsonl", "x"};
  static const char *const PIECES[] = {
    "BEGIN:VCARD\n", "END:VCARD\n", "EMAIL", ";PREF=", "1", ":", "a@b.org", "\n ", "\n", "\r", "{",
    "}", "[", "]", "\"email\"", "\"", "\\", ",", "null", "\xff", "\xc3\xa9", ";", "TYPE=pref", " ",
  };
  for (guint round = 0; round < 2000; round++) {
    g_autoptr(GString) content = g_string_new(round & 1 ? "{\"email\":\"\"}\n" : "BEGIN:VCARD\n");
    for (guint n = (guint)g_test_rand_int_range(0, 60); n > 0; n--) {
      g_string_append(content, PIECES[g_test_rand_int_range(0, G_N_ELEMENTS(PIECES))]);
    }
    g_autofree char *text = read_list(f, FILES[round % G_N_ELEMENTS(FILES)], content->str);
    g_assert_true(g_utf8_validate(text, -1, NULL));
  }
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("/formats/text", test_text);
  ADD("/formats/vcard", test_vcard);
  ADD("/formats/vcard-flaws", test_vcard_flaws);
  ADD("/formats/json", test_json);
  ADD("/formats/json-flaws", test_json_flaws);
  ADD("/formats/sheet", test_sheet);
  ADD("/formats/columns", test_columns);
  ADD("/formats/mapping", test_mapping);
  ADD("/formats/encoding-setting", test_encoding_setting);
  ADD("/formats/noise", test_noise);
  return g_test_run();
}
