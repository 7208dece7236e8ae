/* SPDX-License-Identifier: Apache-2.0 */

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "contacts/list.h"

/* --- A list in a folder of its own. --- */

typedef struct {
  char *folder;
  char *path;
  Report *report;
  List *list;
} Fixture;

static void set_up(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->folder = g_dir_make_tmp("test-list-XXXXXX", NULL);
  g_assert_nonnull(f->folder);
  f->path = g_build_filename(f->folder, "press.csv", NULL);
  f->report = report_new();
}

static void tear_down(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  list_close(f->list);
  report_free(f->report);
  g_remove(f->path);
  g_assert_cmpint(g_rmdir(f->folder), ==, 0);
  g_free(f->path);
  g_free(f->folder);
}

/* (Re)opens the list with that content. */
static gboolean open_bytes(Fixture *f, const char *content, gsize length, const char *column)
{
  char name[] = "press";
  ListSettings settings = {.name = name, .file = f->path, .address_column = (char *)column};
  g_clear_pointer(&f->list, list_close);
  report_free(f->report);
  f->report = report_new();
  g_assert_true(g_file_set_contents(f->path, content, (gssize)length, NULL));
  f->list = list_open(&settings, f->report);
  g_assert_true((f->list == NULL) == report_failed(f->report));
  return f->list != NULL;
}

static gboolean open_text(Fixture *f, const char *content)
{
  return open_bytes(f, content, strlen(content), NULL);
}

/* What is left of the list as text: "line:cell|cell|cell" a row, "line!flaw" where it has
 * one, at last "end" or "failed: message". */
static char *read_all(Fixture *f)
{
  GString *text = g_string_new(NULL);
  ListRow row;
  ListResult result;
  g_autoptr(GError) error = NULL;
  guint n = g_strv_length((char **)list_columns(f->list));
  while ((result = list_next(f->list, &row, &error)) == LIST_ROW) {
    if (row.flaw) {
      g_string_append_printf(text, "%u!%s\n", row.line, row.flaw);
      continue;
    }
    g_string_append_printf(text, "%u", row.line);
    for (guint i = 0; i < n; i++) {
      g_string_append_printf(text, "%c%s", i == 0 ? ':' : '|', row.cells[i]);
    }
    g_string_append_c(text, '\n');
  }
  g_assert_true((result == LIST_FAILED) == (error != NULL));
  g_string_append(text, error ? "failed: " : "end");
  g_string_append(text, error ? error->message : "");
  return g_string_free(text, FALSE);
}

static void assert_reads_bytes(Fixture *f, const char *content, gsize length, const char *expected)
{
  g_assert_true(open_bytes(f, content, length, NULL));
  g_autofree char *text = read_all(f);
  g_assert_cmpstr(text, ==, expected);
}

static void assert_reads(Fixture *f, const char *content, const char *expected)
{
  assert_reads_bytes(f, content, strlen(content), expected);
}

static void assert_says(Fixture *f, const char *says)
{
  g_autofree char *text = report_to_text(f->report);
  if (!strstr(text, says)) {
    g_error("the report does not say \"%s\":\n%s", says, text);
  }
}

static void assert_refused(Fixture *f, const char *content, const char *says)
{
  g_assert_false(open_text(f, content));
  assert_says(f, says);
}

/* --- Dialects. --- */

static void test_dialects(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const SAME[] = {
    "email,name\na@b.org,Jane\nc@d.org,Joe\n",
    "email,name\na@b.org,Jane\nc@d.org,Joe",
    "email,name\r\na@b.org,Jane\r\nc@d.org,Joe\r\n",
    "email,name\ra@b.org,Jane\rc@d.org,Joe\r",
    "email;name\na@b.org;Jane\nc@d.org;Joe\n",
    "email\tname\na@b.org\tJane\nc@d.org\tJoe\n",
    "\"email\",\"name\"\n\"a@b.org\",\"Jane\"\n\"c@d.org\",\"Joe\"\n",
    " email , name \n a@b.org ,\tJane \n\"c@d.org\" , \"Joe\"\n",
    "\ufeffemail,name\na@b.org,Jane\nc@d.org,Joe\n",
    "email,name,\na@b.org,Jane,\nc@d.org,Joe,,,\n",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(SAME); i++) {
    assert_reads(f, SAME[i], "2:a@b.org|Jane\n3:c@d.org|Joe\nend");
    g_assert_cmpstr(list_columns(f->list)[0], ==, "email");
    g_assert_cmpstr(list_columns(f->list)[1], ==, "name");
    g_assert_null(list_columns(f->list)[2]);
    g_assert_cmpuint(list_address_column(f->list), ==, 0);
  }
  g_assert_cmpstr(list_name(f->list), ==, "press");
  g_assert_cmpstr(list_file(f->list), ==, "press.csv");
}

static void test_delimiters(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  /* The most frequent one in the header, outside quotation marks. */
  assert_reads(f, "email;\"a,b,c\"\na@b.org;1,2,3\n", "2:a@b.org|1,2,3\nend");
  assert_reads(f, "email\n\"a@b.org\"\n", "2:a@b.org\nend");
  /* A first line "sep=" is believed, and counted. */
  assert_reads(f, "sep=;\nemail;a,b,c\na@b.org;1,2\n", "3:a@b.org|1,2\nend");
  assert_reads(f, "email|a;b\na@b.org|1,2,3\n", "2:a@b.org|1,2,3\nend");
  assert_reads(f, "SEP=|\r\nemail|a,b;c\r\na@b.org|1\r\n", "3:a@b.org|1\nend");
  assert_reads(f, "sep=\t\nemail\ta,b,c\na@b.org\t1\n", "3:a@b.org|1\nend");
  assert_reads(f, "\ufeffsep=;\nemail;a,b,c\na@b.org;1\n", "3:a@b.org|1\nend");
  /* A column may be called so. */
  assert_reads(f, "sep=x,email\n1,a@b.org\n", "2:1|a@b.org\nend");
}

static void test_quotation(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_reads(f, "email,note\na@b.org,\"a \"\"quoted\"\" word, and a comma\"\n",
               "2:a@b.org|a \"quoted\" word, and a comma\nend");
  assert_reads(f, "email,note\na@b.org,\"  kept  \"\n", "2:a@b.org|  kept  \nend");
  assert_reads(f, "email,note\na@b.org,Jane \"JJ\" Doe\nc@d.org,6\" 7\"\n",
               "2:a@b.org|Jane \"JJ\" Doe\n3:c@d.org|6\" 7\"\nend");
  assert_reads(f, "email,note\na@b.org,\"\"\n", "2:a@b.org|\nend");
  /* A blank makes the mark an ordinary character, but where all delimiters are followed by one. */
  assert_reads(f, "email,note\na@b.org, \"x\"\n", "2:a@b.org|\"x\"\nend");
  assert_reads(f, "email, note\na@b.org,  \"x, y\" \nc@d.org, z\n",
               "2:a@b.org|x, y\n3:c@d.org|z\nend");
}

/* Marks that do not match spoil their own row only. */
static void test_misplaced_quotation(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const CELLS[] = {
    "\"Jane \"JJ\" Doe\"", "\"Jane\" Doe", "\"Jane\"\tDoe ", "\"Jane\" \"Doe\"", "\"\" \"   ",
    "\"Jane\" \" ", "\"\"\"\" \"", "\"a\"b\"c", "\"Jane\".",
  };
  const char *flaw = "cell 2 goes on after its closing quotation mark; a quotation mark inside "
                     "quotation marks is written twice";
  for (gsize i = 0; i < G_N_ELEMENTS(CELLS); i++) {
    g_autofree char *content = g_strdup_printf("email,note,b\na@b.org,%s,1\n\"c@d.org\",%s\n"
                                               "e@f.org,\"x\",\"\"\"\"\n", CELLS[i], CELLS[i]);
    g_autofree char *expected = g_strdup_printf("2!%s\n3!%s\n4:e@f.org|x|\"\nend", flaw, flaw);
    assert_reads(f, content, expected);
  }
}

/* --- Lines. --- */

static void test_lines(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_reads(f, "\n \n\nemail,note\n\n\t\na@b.org,1\n,\n\"\",\"\"\n\nc@d.org,2\n\n",
               "7:a@b.org|1\n11:c@d.org|2\nend");
  assert_reads(f, "email,note\na@b.org,\"one\n\ntwo\"\nc@d.org,\"\nx\n\"\n\ne@f.org,y\n",
               "2:a@b.org|one\n\ntwo\n5:c@d.org|\nx\n\n9:e@f.org|y\nend");
  assert_reads(f, "email,note\r\na@b.org,\"one\r\ntwo\"\r\n\r\nc@d.org,x\r\n",
               "2:a@b.org|one\r\ntwo\n5:c@d.org|x\nend");
  assert_reads(f, "email,note\ra@b.org,\"one\rtwo\"\r\rc@d.org,x\r",
               "2:a@b.org|one\rtwo\n5:c@d.org|x\nend");
  assert_reads(f, "\"e\nmail\",\"email\"\n1,a@b.org\n", "3:1|a@b.org\nend");
}

/* Wherever the file is cut into blocks, lines and cells are the same. */
static void test_blocks(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (gsize pad = (64 << 10) - 60; pad < 64 << 10; pad++) {
    g_autofree char *filler = g_strnfill(pad - 20, 'x');
    g_autofree char *content = g_strconcat("email,note\r\na@b.org,", filler, "\r\n"
                                           "c@d.org,\"Ü\"\"\r\n\"\r\n"
                                           "\r\n e@f.org ,\"z\" \r\n", NULL);
    g_autofree char *expected = g_strconcat("2:a@b.org|", filler, "\n3:c@d.org|Ü\"\r\n\n"
                                            "6:e@f.org|z\nend", NULL);
    assert_reads(f, content, expected);
  }
}

/* --- Encodings. --- */

static const struct {
  const char *encoding;
  const char *name;     /* repeated, so that uchardet has something to judge */
} ENCODINGS[] = {
  {"WINDOWS-1252", "Élise Müller à la carte – “déjà vu” où l’été"},
  {"WINDOWS-1251", "Журнал новостей, редакция и пресс-центр"},
  {"KOI8-R", "Журнал новостей, редакция и пресс-центр"},
  {"SHIFT_JIS", "日本語の新聞記者、編集部とテレビ"},
  {"GB18030", "新闻发布会的记者和编辑名单，国家电视台"},
  {"BIG5", "新聞發布會的記者和編輯名單，國家電視台"},
  {"EUC-KR", "대한민국 신문 기자와 편집부의 명단"},
};

static void test_encoding(Fixture *f, const char *encoding, const char *name)
{
  g_autoptr(GString) text = g_string_new("number;email;name\n");
  g_autoptr(GString) expected = g_string_new(NULL);
  for (guint line = 2; line < 42; line++) {
    g_string_append_printf(text, "%u;r%u@example.org;\"%s\"\n", line, line, name);
    g_string_append_printf(expected, "%u:%u|r%u@example.org|%s\n", line, line, line, name);
  }
  g_string_append(expected, "end");
  gsize length;
  g_autofree char *content = g_convert(text->str, -1, encoding, "UTF-8", NULL, &length, NULL);
  g_assert_nonnull(content);
  assert_reads_bytes(f, content, length, expected->str);
  assert_says(f, "press.csv is not UTF-8; it was read as ");
  g_assert_cmpuint(report_count(f->report, FINDING_WARNING), ==, 1);
}

static void test_encodings(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS(ENCODINGS); i++) {
    test_encoding(f, ENCODINGS[i].encoding, ENCODINGS[i].name);
  }
}

static void test_unicode_marks(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *encoding, *mark;
    gsize mark_length;
  } MARKS[] = {
    {"UTF-16LE", "\xff\xfe", 2},
    {"UTF-16BE", "\xfe\xff", 2},
    {"UTF-32LE", "\xff\xfe\0\0", 4},
    {"UTF-32BE", "\0\0\xfe\xff", 4},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(MARKS); i++) {
    gsize length;
    g_autofree char *text = g_convert("email\tname\r\na@b.org\tÉlise 🙂\r\n", -1,
                                      MARKS[i].encoding, "UTF-8", NULL, &length, NULL);
    g_autoptr(GByteArray) content = g_byte_array_new();
    g_byte_array_append(content, (const guint8 *)MARKS[i].mark, (guint)MARKS[i].mark_length);
    g_byte_array_append(content, (const guint8 *)text, (guint)length);
    assert_reads_bytes(f, (const char *)content->data, content->len, "2:a@b.org|Élise 🙂\nend");
    assert_says(f, "as its first bytes say");
    /* Torn in the middle of a character. */
    g_assert_false(open_bytes(f, (const char *)content->data, content->len - 1, NULL));
    assert_says(f, "press.csv cannot be used: after line 1: ");
  }
}

/* Lists of a few names, in which uchardet sees all sorts of languages. */
static void test_short_lists(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *name, *encoding;
  } NAMES[] = {
    {"São", "WINDOWS-1252"}, {"Nuñez", "WINDOWS-1252"}, {"Håkan", "WINDOWS-1252"},
    {"Søren", "WINDOWS-1252"}, {"Françoise", "WINDOWS-1252"}, {"Zoë", "WINDOWS-1252"},
    {"naïve", "WINDOWS-1252"}, {"Ægir", "WINDOWS-1252"}, {"Günther", "WINDOWS-1252"},
    {"João Peña", "WINDOWS-1252"}, {"Bjørn Åge", "WINDOWS-1252"}, {"Renée", "WINDOWS-1252"},
    {"“it’s” – 10 €", "WINDOWS-1252"}, {"Céline Dœuff", "WINDOWS-1252"},
    {"Łódź", "WINDOWS-1250"}, {"Nováková Věra", "WINDOWS-1250"}, {"Dvořák", "WINDOWS-1250"},
    {"İstanbul", "WINDOWS-1254"}, {"Иван Петров", "WINDOWS-1251"},
    {"Γιώργος Παπαδόπουλος", "WINDOWS-1253"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++) {
    gsize length;
    g_autofree char *text = g_strdup_printf("email,name\na@b.org,%s\nc@d.org,Joe\n",
                                            NAMES[i].name);
    g_autofree char *content = g_convert(text, -1, NAMES[i].encoding, "UTF-8", NULL, &length,
                                         NULL);
    g_test_message("%s", NAMES[i].name);
    g_autofree char *expected = g_strdup_printf("2:a@b.org|%s\n3:c@d.org|Joe\nend",
                                                NAMES[i].name);
    assert_reads_bytes(f, content, length, expected);
  }
}

static void test_unmarked_utf16(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const ENCODINGS_16[] = {"UTF-16LE", "UTF-16BE"};
  for (gsize i = 0; i < G_N_ELEMENTS(ENCODINGS_16); i++) {
    gsize length;
    g_autofree char *content = g_convert("email,name\r\na@b.org,日本 Élise\r\n", -1,
                                         ENCODINGS_16[i], "UTF-8", NULL, &length, NULL);
    assert_reads_bytes(f, content, length, "2:a@b.org|日本 Élise\nend");
    assert_says(f, ENCODINGS_16[i]);
  }
}

/* The first accent stands far behind what uchardet is shown of a file at its start. */
static void test_late_accent(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GString) content = g_string_new("email,name\n");
  while (content->len < 600 << 10) {
    g_string_append(content, "somebody@example.org,Somebody\n");
  }
  g_string_append(content, "late@example.org,\"\xc9lise d\xe9j\xe0 l'\xe9t\xe9, "
                           "en fran\xe7" "ais\"\n");
  g_assert_true(open_bytes(f, content->str, content->len, NULL));
  g_autofree char *text = read_all(f);
  g_assert_true(g_str_has_suffix(text, ":late@example.org|Élise déjà l'été, en français\nend"));
  assert_says(f, "is not UTF-8");
}

/* One broken byte does not make Windows-1252 of a UTF-8 file. */
static void test_damaged_utf8(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  const char *flaw = "3!cell 2 holds the byte \\xe9, which is not UTF-8\n";
  g_autofree char *expected = g_strconcat("2:a@b.org|Élise Müller\n", flaw,
                                          "4:e@f.org|Ünal\nend", NULL);
  assert_reads(f, "email,name\na@b.org,Élise Müller\nc@d.org,Ren\xe9\ne@f.org,Ünal\n", expected);
  assert_says(f, "press.csv is UTF-8 with 1 damaged byte");
  assert_reads(f, "\ufeffemail,name\na@b.org,Ren\xe9\n",
               "2!cell 2 holds the byte \\xe9, which is not UTF-8\nend");
  g_assert_cmpuint(report_length(f->report), ==, 0);
}

/* --- Flaws. --- */

static void test_cell_counts(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_reads(f, "email,a,b\na@b.org\nb@b.org,1\nc@b.org,1,\nd@b.org,1,2,,\ne@b.org,1,2,3\n"
               "f@b.org,1,2,,4\ng@b.org,1,2\n",
               "2!the row has 1 cell; 3 are expected\n"
               "3!the row has 2 cells; 3 are expected\n"
               "4:c@b.org|1|\n"
               "5:d@b.org|1|2\n"
               "6!the row has 4 cells; 3 are expected\n"
               "7!the row has 5 cells; 3 are expected\n"
               "8:g@b.org|1|2\nend");
  /* Nameless columns at the end of the header may be filled, or missing. */
  assert_reads(f, "email,a,,\na@b.org,1\nb@b.org,1,2,3\nc@b.org,1,2,3,4\n",
               "2:a@b.org|1\n3:b@b.org|1\n4!the row has 5 cells; 2 are expected\nend");
}

static void test_nul(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char CONTENT[] = "email,name\na@b.org,Ja\0ne\nc@d.org,\"\0\"\ne@f.org,x\n\0\n";
  assert_reads_bytes(f, CONTENT, sizeof CONTENT - 1,
                     "2!cell 2 holds a NUL\n3!cell 2 holds a NUL\n4:e@f.org|x\n"
                     "5!cell 1 holds a NUL\nend");
}

static void test_long_cells(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    gsize length;
    gboolean taken;
  } LENGTHS[] = {
    {LIMIT_CSV_CELL, TRUE},
    {LIMIT_CSV_CELL + 1, FALSE},
    {3 * LIMIT_CSV_CELL, FALSE},
    {20 << 20, FALSE},
  };
  for (gsize i = 0; i < 4 * G_N_ELEMENTS(LENGTHS); i++) {
    const char *quote = i & 1 ? "\"" : "";
    g_autofree char *cell = g_strnfill(LENGTHS[i / 4].length, i & 2 ? 'x' : '.');
    g_autofree char *content = g_strdup_printf("email,note\na@b.org,%s%s%s\nc@d.org,y\n", quote,
                                               cell, quote);
    g_autofree char *expected =
      LENGTHS[i / 4].taken
        ? g_strdup_printf("2:a@b.org|%s\n3:c@d.org|y\nend", cell)
        : g_strdup_printf("2!cell 2 has more than %d bytes\n3:c@d.org|y\nend", LIMIT_CSV_CELL);
    assert_reads(f, content, expected);
  }
  /* Nothing but blanks, and quotation marks: they are taken off again at the end. */
  g_autofree char *blanks = g_strnfill(1 << 20, ' ');
  g_autofree char *content = g_strconcat("email,note\na@b.org,x", blanks, "\nb@b.org,\"x\"",
                                         blanks, "\nc@d.org,y\n", NULL);
  g_autofree char *flaw = g_strdup_printf("cell 2 has more than %d bytes", LIMIT_CSV_CELL);
  g_autofree char *expected = g_strdup_printf("2!%s\n3!%s\n4:c@d.org|y\nend", flaw, flaw);
  assert_reads(f, content, expected);
}

static void test_unclosed_quotation(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_reads(f, "email,note\na@b.org,x\nc@d.org,\"open\ne@f.org,y\n",
               "2:a@b.org|x\nfailed: press.csv: line 3: the quotation mark of a cell that "
               "begins here is never closed");
  /* In a row that began two lines before. */
  assert_reads(f, "email,note,b\na@b.org,\"1\n2\n3\",\"open\n\n",
               "failed: press.csv: line 4: the quotation mark of a cell that begins here is "
               "never closed");
  assert_reads(f, "email,note\na@b.org,\"", "failed: press.csv: line 2: the quotation mark of a "
               "cell that begins here is never closed");
  g_autofree char *rest = g_strnfill(20 << 20, '\n');
  g_autofree char *content = g_strconcat("email,note\na@b.org,\"x", rest, NULL);
  assert_reads(f, content, "failed: press.csv: line 2: the quotation mark of a cell that begins "
               "here is never closed");
}

/* --- The header. --- */

static void test_bad_headers(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_refused(f, "", "press.csv: error: the list is empty");
  assert_refused(f, "\n\r\n  \n;;;\n", "press.csv: error: the list is empty");
  assert_refused(f, "sep=;\n", "press.csv: error: the list is empty");
  assert_refused(f, "\ufeff", "press.csv: error: the list is empty");
  assert_refused(f, "who,where\n1,2\n", "no column is known to hold mail addresses");
  assert_refused(f, "who,where\n1,2\n", "there are: \"who\", \"where\"");
  assert_refused(f, "a@b.org,Jane\nc@d.org,Joe\n", "press.csv:1: error: the first line holds a "
                                                    "mail address");
  assert_refused(f, "\nemail,Name,x,NAME\n", "press.csv:2: error: columns 2 and 4 have the same "
                                             "name, \"NAME\"");
  assert_refused(f, "email,first_name,First-Name\n", "columns 2 and 3 have the same name");
  assert_refused(f, "\ufeffemail,\"na\xff\"\n", "the byte \\xff");
  assert_refused(f, "email,\"name\n", "press.csv: error: line 1: the quotation mark");
}

static void test_header_width(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GString) header = g_string_new("email");
  for (guint i = 2; i <= LIMIT_CSV_COLUMNS; i++) {
    g_string_append_printf(header, ",c%u", i);
  }
  g_assert_true(open_text(f, header->str));
  g_assert_cmpint(list_column(f->list, "c200"), ==, LIMIT_CSV_COLUMNS - 1);
  g_string_append(header, ",more");
  assert_refused(f, header->str, "201 columns; at most 200 are allowed");
  g_autofree char *wide = g_strnfill(1 << 20, ',');
  g_autofree char *content = g_strconcat("email", wide, "\na@b.org", wide, "x\nc@d.org\n", NULL);
  g_assert_true(open_text(f, content));
}

static void test_nameless_columns(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  assert_reads(f, "email,,name,\na@b.org,1,Jane,2\n", "2:a@b.org|1|Jane\nend");
  assert_says(f, "press.csv:1: warning: columns 2, 4 without a name");
  g_assert_cmpint(list_column(f->list, ""), ==, -1);
  g_assert_cmpint(list_column(f->list, "name"), ==, 2);
}

static void test_address_column(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *header;
    guint column;
  } HEADERS[] = {
    {"name,EMAIL", 1},
    {"E-Mail,name", 0},
    {"Address,E-mail", 1},
    {"name,Email_Address", 1},
    {"nom,Courriel", 1},
    {"nom,ADRESSE ÉLECTRONIQUE", 1},
    {"nom,adresse e\u0301lectronique", 1},
    {"nombre,Correo Electrónico", 1},
    {"nama,Surel", 1},
    {"mail,email", 1},
    {"x,address", 1},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(HEADERS); i++) {
    g_assert_true(open_text(f, HEADERS[i].header));
    g_assert_cmpuint(list_address_column(f->list), ==, HEADERS[i].column);
  }
  const char *content = "email,private_mail\n";
  g_assert_true(open_bytes(f, content, strlen(content), "Private Mail"));
  g_assert_cmpuint(list_address_column(f->list), ==, 1);
  g_assert_cmpint(list_column(f->list, "email"), ==, 0);
  g_assert_cmpint(list_column(f->list, "courriel"), ==, 1);
  g_assert_false(open_bytes(f, content, strlen(content), "work mail"));
  assert_says(f, "no column is called \"work mail\", which address_column of list \"press\" names; "
                 "there are: \"email\", \"private_mail\"");
}

static void test_column_names(void)
{
  g_assert_true(column_name_equal("First_Name", "first name"));
  g_assert_true(column_name_equal("first-name", "FIRST_NAME"));
  g_assert_true(column_name_equal(" PRÉNOM ", "pre\u0301nom"));
  g_assert_true(column_name_equal("STRASSE", "Straße"));
  g_assert_false(column_name_equal("firstname", "first name"));
  g_assert_false(column_name_equal("\xff", "\xff"));
}

/* --- Files that cannot be used. --- */

static void test_unusable_files(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  char name[] = "press";
  ListSettings settings = {.name = name, .file = f->path};
  g_assert_null(list_open(&settings, f->report));
  assert_says(f, "press.csv cannot be used: it cannot be opened: ");
  g_assert_cmpint(g_mkdir(f->path, 0700), ==, 0);
  g_assert_null(list_open(&settings, f->report));
  assert_says(f, "press.csv cannot be used: it is not a regular file");
  g_rmdir(f->path);
  g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
  g_assert_null(list_open(&settings, f->report));
  g_assert_cmpuint(report_count(f->report, FINDING_ERROR), ==, 3);
  g_unlink(f->path);
  g_assert_true(g_file_set_contents(f->path, "email\n", -1, NULL));
  g_assert_cmpint(truncate(f->path, (off_t)LIMIT_LIST_SIZE + 1), ==, 0);
  g_assert_null(list_open(&settings, f->report));
  assert_says(f, "it has 1073741825 bytes; at most 1073741824 are allowed");
}

/* Bytes of every kind: never more than an error, and no text that is not UTF-8. */
static void test_noise(Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const char LETTERS[] = "\"\"\",,;\t\r\n\n \0xyz@.\xc3\xa9\xff\x80";
  for (guint round = 0; round < 300; round++) {
    g_autoptr(GString) content = g_string_new("email,a\n");
    for (guint n = (guint)g_test_rand_int_range(0, 400); n > 0; n--) {
      g_string_append_c(content, LETTERS[g_test_rand_int_range(0, sizeof LETTERS - 1)]);
    }
    if (open_bytes(f, content->str, content->len, NULL)) {
      g_autofree char *text = read_all(f);
      g_assert_true(g_utf8_validate(text, -1, NULL));
    }
  }
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("/list/dialects", test_dialects);
  ADD("/list/delimiters", test_delimiters);
  ADD("/list/quotation", test_quotation);
  ADD("/list/misplaced-quotation", test_misplaced_quotation);
  ADD("/list/lines", test_lines);
  ADD("/list/blocks", test_blocks);
  ADD("/list/encodings", test_encodings);
  ADD("/list/unicode-marks", test_unicode_marks);
  ADD("/list/short-lists", test_short_lists);
  ADD("/list/unmarked-utf16", test_unmarked_utf16);
  ADD("/list/late-accent", test_late_accent);
  ADD("/list/damaged-utf8", test_damaged_utf8);
  ADD("/list/cell-counts", test_cell_counts);
  ADD("/list/nul", test_nul);
  ADD("/list/long-cells", test_long_cells);
  ADD("/list/unclosed-quotation", test_unclosed_quotation);
  ADD("/list/bad-headers", test_bad_headers);
  ADD("/list/header-width", test_header_width);
  ADD("/list/nameless-columns", test_nameless_columns);
  ADD("/list/address-column", test_address_column);
  g_test_add_func("/list/column-names", test_column_names);
  ADD("/list/unusable-files", test_unusable_files);
  ADD("/list/noise", test_noise);
  return g_test_run();
}
