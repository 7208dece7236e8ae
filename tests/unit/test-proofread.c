/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "content.h"
#include "content/galley.h"
#include "content/proofread.h"

static const gint64 noon_ms = G_GINT64_CONSTANT(1795348800000);   /* 2026-11-22T12:00:00Z */

static Report *read_in(const char *language, const char *markdown)
{
  g_autoptr(Report) mistakes = report_new();
  g_autoptr(Draft) draft = content_draft(markdown, mistakes);
  Report *report = report_new();
  const ProofreadOptions options = { .now_ms = noon_ms, .language = language,
                                     .level = FINDING_WARNING };
  g_assert_false(report_failed(mistakes));
  proofread(draft, &options, report);
  return report;
}

/* A body whose one finding, if text is not NULL, stands at this place of it. */
typedef struct {
  const char *body;
  guint line, column;
  const char *text;
} Case;

static void assert_case(const char *language, const Case *expected)
{
  static const char front[] = "---\nsubject: A subject\n---\n";
  g_autofree char *markdown = g_strconcat(front, expected->body, "\n", NULL);
  g_autoptr(Report) report = read_in(language, markdown);
  g_autofree char *findings = report_to_text(report);
  g_test_message("%s\n%s", expected->body, findings);
  if (expected->text == NULL) {
    g_assert_cmpstr(findings, ==, "");
    return;
  }
  g_assert_cmpuint(report_length(report), ==, 1);
  const Finding *finding = report_get(report, 0);
  g_assert_nonnull(strstr(finding->text, expected->text));
  g_assert_cmpuint(finding->line, ==, expected->line + 3);
  g_assert_cmpuint(finding->column, ==, expected->column);
  g_assert_cmpstr(finding->file, ==, "release.md");
  g_assert_true(finding->level == FINDING_WARNING);
}

#define assert_cases(language, cases) \
  do { \
    for (guint case_number = 0; case_number < G_N_ELEMENTS(cases); case_number++) { \
      assert_case(language, &cases[case_number]); \
    } \
  } while (0)

static void test_links(void)
{
  static const Case cases[] = {
    { "See [the map](#).", 1, 5, "the link \"the map\" leads nowhere: its address is \"#\"" },
    { "See [the map]().", 1, 5, "it has no address" },
    { "- see\n- [the\n  map](#top)", 2, 3, "its address is \"#top\"" },
    { "a \\* b &amp; [c](#)", 1, 14, "leads nowhere" },
    { "| a |\n|---|\n| [b](#) |", 3, 3, "leads nowhere" },
    { "é {{naïve}} [b](#)", 1, 13, "leads nowhere" },
    { "[x](https://example.org/news)", 1, 1, "example.org is a name for examples" },
    { "[x](https://www.example.com)", 1, 1, "www.example.com" },
    { "[x](https://press.example)", 1, 1, "press.example" },
    { "[x](http://host.invalid/)", 1, 1, "host.invalid" },
    { "[x](https://example.de/a)", 1, 1, "example.de" },
    { "Ask press@example.net now.", 1, 5, "example.net" },
    { "Go to www.example.com now.", 1, 7, "www.example.com" },
    { "[x](mailto:)", 0, 0, NULL },
    { "[x](https://ardskerry.org/example.org)", 0, 0, NULL },
    { "[x](https://examples.org) [x](https://example.ardskerry.org)", 0, 0, NULL },
    { "[x]({{url}}) [x](https://{{host}}/) [x](https://a.org/#top)", 0, 0, NULL },
    { "[x](tel:+3225550100) a@b.org www.b.org", 0, 0, NULL },
    { "`[x](#)`\n\n    [x](#)\n\n\\[x](#)", 0, 0, NULL },
  };
  assert_cases("en", cases);
}

static void test_pictures(void)
{
  static const Case cases[] = {
    { "a ![](boat.jpg)", 1, 3, "the picture boat.jpg has no text" },
    { "![  ](boat.jpg)", 1, 1, "![the text](boat.jpg)" },
    { "![The boat](boat.jpg) ![{{name}}](boat.jpg) ![*boat*](boat.jpg)", 0, 0, NULL },
  };
  assert_cases("en", cases);
}

static void test_tears(void)
{
  static const Case cases[] = {
    { "The keeper walked slowly\n\ndown to the pier.", 3, 1,
      "stops without punctuation in line 4" },
    { "It was built by the people of Ardskerry\n\n\n\nand their neighbours.", 5, 1, "torn" },
    { "It was, the *keeper said*\n\n**more** than a lamp.", 3, 3, "torn" },
    { "> It was kept by a family\n>\n> for a century.", 3, 3, "torn" },
    { "It was kept for many years in the\n\nsea.", 3, 1, "torn" },
    /* It ends. */
    { "The keeper walked slowly.\n\ndown to the pier.", 0, 0, NULL },
    { "The keepers whom we know are:\n\ntwo brothers and a dog.", 0, 0, NULL },
    { "Sehr geehrte Frau Minister Anders,\n\nwir laden Sie ein.", 0, 0, NULL },
    { "The keeper walked slowly …\n\nand stopped.", 0, 0, NULL },
    /* It begins anew. */
    { "The keeper walked slowly\n\nDown to the pier.", 0, 0, NULL },
    { "The new keeper uses a phone\n\niPhone users will know it.", 0, 0, NULL },
    { "Ask the press office of Ardskerry\n\ntel. +32 2 555 01 00", 0, 0, NULL },
    { "Ask the press office of Ardskerry\n\nemail: keeper@ardskerry.org", 0, 0, NULL },
    { "Ask the press office of Ardskerry\n\nkeeper@ardskerry.org", 0, 0, NULL },
    { "Ask the press office of Ardskerry\n\n[the keeper](mailto:keeper@ardskerry.org)",
      0, 0, NULL },
    { "Ask the press office of Ardskerry\n\nwww.ardskerry.org", 0, 0, NULL },
    { "Ask the press office of Ardskerry\n\n`make` it.", 0, 0, NULL },
    { "Ask the press office of Ardskerry\n\n1.5 million see it.", 0, 0, NULL },
    { "海岸の灯台が修復された\n\n光が戻った", 0, 0, NULL },
    /* No two paragraphs of a text. */
    { "**About the trust of Ardskerry**\n\nadidas is its sponsor.", 0, 0, NULL },
    { "# The trust of Ardskerry island\n\nand more.", 0, 0, NULL },
    { "The keepers of the lamp\n\n- and a dog\n\nand more.", 0, 0, NULL },
    { "- the keepers of the lamp\n- and a dog\n- the dog", 0, 0, NULL },
    { "Kind regards\n\nthe keepers", 0, 0, NULL },
    { "The keepers of the lamp\n\n---\n\nand more.", 0, 0, NULL },
    { "We invite {{name}} and also {{name}}\n\nto the pier.", 0, 0, NULL },
    { "We invite you all again{{#on}}.{{/on}}\n\nto the pier.", 0, 0, NULL },
    { "We invite you all again\n\n{{name}} to the pier.", 0, 0, NULL },
    { "We invite you all again\n\n{{#on}}to{{/on}} the pier.", 0, 0, NULL },
    { "We invite you all again\n\n{{> contacts}}\n\nto the pier.", 0, 0, NULL },
  };
  assert_cases("en", cases);
}

static void test_quotations(void)
{
  static const Case cases[] = {
    { "He said: \"It burns,” and left.", 1, 20, "opens with \" in line 4 and closes with ” here" },
    { "He said: “It burns,\" and left.", 1, 20, "write ” here" },
    { "Er sagte: „Es brennt\" und ging.", 1, 21, "opens with „" },
    { "Er sagte: \"Es brennt“ und ging.", 1, 21, "closes with “" },
    { "Il dit : « Elle brûle” et partit.", 1, 22, "opens with «" },
    { "He said: “It burns, and left.", 1, 10, "with “ is never closed; write ”" },
    { "He said: \"It burns, and left.\n\n- a\n- b", 1, 10, "never closed" },
    { "He said: \"It burns.\n\nThe keeper said: \"No.\"", 1, 10, "never closed" },
    { "It burns,” he said.", 1, 10, "closes nothing; write “" },
    { "It burns\", he said.", 1, 9, "closes nothing" },
    { "| a |\n|---|\n| “b |", 3, 3, "never closed" },
    { "She said: “He called it “the lamp” once.", 1, 11, "never closed" },
    { "He said: \"It\nburns *and burns,*” and left.", 2, 19, "opens with \" in line 4" },
    { "We said: \"It burns \\* a &amp; b,” and left.", 1, 33, "closes with ”" },
    { "He said: \"It\n\n\nburns,” and left.", 4, 7, "opens with \" in line 4" },
    { "「灯台", 1, 1, "never closed" },
  };
  assert_cases("en", cases);
}

static void test_good_quotations(void)
{
  static const Case cases[] = {
    { "“It burns,” he said. \"It burns,\" she said. (“It burns.”)", 0, 0, NULL },
    { "\"It burns,\" he said, \"and burns.\" \"Does it?\" — \"It does!\"", 0, 0, NULL },
    { "“He said \"it\" and left,” she said. \"He said “it” and left,\" she said.", 0, 0, NULL },
    { "“He said ‘it’ and ’tis,” don’t 'you' think, the keepers' lamp", 0, 0, NULL },
    { "„Es brennt“, sagte er. („Es brennt.“) „Es brennt –“ sie ging.", 0, 0, NULL },
    { "„Ona płonie”, powiedział. ”Den brinner”, sa han. »Den brinner», sa han.", 0, 0, NULL },
    { "« Elle brûle », dit-il. «Arde», dijo. »Es brennt«, sagte er. «\u202fOui\u00a0»",
      0, 0, NULL },
    { "« Elle “brûle” », dit-il. L’« eau » et l'« air ». « Mot »… « Mot ». L’“eau” et d'\"eau\".",
      0, 0, NULL },
    { "「灯台は『光』だ」と言った。", 0, 0, NULL },
    { "A 27\" screen, a 5'6\" man, a 3\"x5\" card, \"a 5\" pipe\", \"since 1861\"", 0, 0, NULL },
    { "\"… and then,\" he said. \"I will—\" he said. “I will—” he said. “’90s”", 0, 0, NULL },
    { "“[The lamp] burns,” “$5,” “#lamp,” “(yes)” and “@keeper”", 0, 0, NULL },
    { "**“It burns,”** he said, *\"it\"* and \"[it](https://a.org)\".", 0, 0, NULL },
    { "`\"it`\n\n    “it\n\nand \\`", 0, 0, NULL },
    { "צה\"ל and \"צה\"ל\"", 0, 0, NULL },
    /* Several paragraphs. */
    { "He said: “It burns.\n\n“It always burned.\n\n“It will.”", 0, 0, NULL },
    { "He said: \"It burns.\n\n\"It always burned.\"", 0, 0, NULL },
    { "« Elle brûle.\n\n» Elle brûlait.\n\n« Toujours. »", 0, 0, NULL },
    { "Er sagte: „Es brennt.\n\nEs brannte immer.“", 0, 0, NULL },
    { "> “It burns.\n>\n> “It will.”", 0, 0, NULL },
    { "“It burns\n> for all.”", 0, 0, NULL },
    /* Tags. */
    { "“{{quote}}” and \"{{quote|nothing}}\" {{#on}}“yes{{/on}}{{^on}}“no{{/on}}”", 0, 0, NULL },
    { "{{#on}}\n“It burns.”\n{{/on}}", 0, 0, NULL },
    { "<a title=\"x\">“it”</a> and [it](https://a.org \"the lamp\")", 0, 0, NULL },
  };
  assert_cases("en", cases);
}

static void test_doubled(void)
{
  static const Case cases[] = {
    { "It is the the lamp.", 1, 11, "the word \"the\" stands here twice" },
    { "The the lamp.", 1, 5, "\"the\"" },
    { "It burns in\nin the dark.", 2, 1, "\"in\"" },
    { "The workshop *workshop* is open.", 1, 15, "\"workshop\"" },
    { "# A lamp lamp", 1, 10, "\"lamp\"" },
    { "He had had it, and knew that that is what it is is.", 0, 0, NULL },
    { "No, no. The, the. The; the. The / the. the-the. It's 's.", 0, 0, NULL },
    { "Baden Baden, New New York, Duran Duran, the The Times, THE THE", 0, 0, NULL },
    { "A a, 1 1, 2026 2026, b b, anak-anak anak, well-known known", 0, 0, NULL },
    { "the\\\nthe, the  \nthe, the `the` the, the {{x}} the, the{{#x}} the{{/x}}", 0, 0, NULL },
    { "very very bright\n\nbright\n\nbright", 0, 0, NULL },
    { "- bright\n- bright\n\n| lamp | lamp |\n|---|---|\n| lamp | lamp |", 0, 0, NULL },
    { "[lamp](https://a.org/lamp) a@lamp.org lamp.org", 0, 0, NULL },
  };
  static const Case german[] = {
    { "Das ist und und bleibt.", 1, 13, "\"und\"" },
    { "Die, die die Lampe sehen, sehen das das Land.", 0, 0, NULL },
  };
  static const Case turkish[] = { { "Yavaş yavaş ve adım adım", 0, 0, NULL } };
  static const Case french[] = { { "Nous nous levons et vous vous levez de de bonne heure.", 1, 40,
                                   "\"de\"" } };
  assert_cases("en", cases);
  assert_cases("de-AT", german);
  assert_cases("tr", turkish);
  assert_cases("fr", french);
}

static void test_placeholders(void)
{
  static const Case cases[] = {
    { "TODO: ask the keeper", 1, 1, "\"TODO\" was left over" },
    { "It costs XXX euros.", 1, 10, "\"XXX\" was left over" },
    { "Call xxxx now.", 1, 6, "\"xxxx\"" },
    { "Lorem ipsum dolor. Lorem ipsum.", 1, 1, "\"Lorem\" is filler" },
    { "Dear [name],", 1, 6, "\"[name]\" looks like a placeholder" },
    { "said [First name, Title] today", 1, 6, "placeholder" },
    { "in [CITY] today", 1, 4, "placeholder" },
    { "said [insert quote here]", 1, 6, "placeholder" },
    { "at [your organisation]", 1, 4, "placeholder" },
    { "| a |\n|---|\n| [date] |", 3, 3, "placeholder" },
    { "“We love this [city] and [the company],” “[t]hey [sic] […] [...] said [1] [a].”",
      0, 0, NULL },
    { "todo es XXL, XXXI, Todoist, florem, axxx, TODOS", 0, 0, NULL },
    { "[name](https://a.org) `[name]` [x] [personal data] [name changed] [the name]",
      0, 0, NULL },
    { "[name]\n\n[name]: https://a.org", 0, 0, NULL },
    { "{{name}} and [{{name}}] and \\{name\\} [] [ ]", 0, 0, NULL },
  };
  static const Case spanish[] = { { "ES TODO LO QUE HAY", 0, 0, NULL },
                                  { "TODO: preguntar", 1, 1, "TODO" } };
  assert_cases("en", cases);
  assert_cases("es", spanish);
}

static void test_placedate(void)
{
  static const Case cases[] = {
    { "JAKARTA, 6 June 2024 – It burns.", 1, 10, "dated 6 June 2024, more than a week" },
    { "**Jakarta, 6 June 2024:** It burns.", 1, 12, "6 June 2024" },
    { "Washington, D.C., Jan. 5, 2026 -- It burns.", 1, 19, "Jan. 5, 2026" },
    { "Bruxelles, le 1er mai 2025 – Elle brûle.", 0, 0, NULL },
    { "Bruxelles, 1er mai 2025 – Elle brûle.", 1, 12, "1er mai 2025" },
    { "Frankfurt am Main, 3. März 2026 – Es brennt.", 1, 20, "3. März 2026" },
    { "Santiago de Chile, 3 de marzo de 2026. – Arde.", 1, 20, "3 de marzo de 2026" },
    { "BRUSSELS (2025-11-22) – It burns.", 1, 11, "2025-11-22" },
    { "Wien, 22.11.2025 – Es brennt.", 1, 7, "22.11.2025" },
    { "Brussels, 31 November 2026 – It burns.", 1, 11, "there is no such day" },
    { "BRUSSELS, March 3 – It burns.", 1, 11, "March 3" },
    { "# Title\n\nPress release\n\n- point\n\nOslo, 1 May 2026: It burns.", 7, 7, "1 May 2026" },
    /* Near. */
    { "JAKARTA, 21 November 2026 – It burns.", 0, 0, NULL },
    { "JAKARTA, Sunday, 22 November: It burns.", 0, 0, NULL },
    { "BRUSSELS, Nov. 27 – It burns.", 0, 0, NULL },
    { "Oslo, 22/11/2026 – It burns.", 0, 0, NULL },
    { "Oslo, 11/22/2026 – It burns.", 0, 0, NULL },
    /* Not of this release. */
    { "On Monday, 6 June 2024 – the day of the storm – it burned.", 0, 0, NULL },
    { "In Oslo, 6 June 2024 – the day of the storm – is remembered.", 0, 0, NULL },
    { "Oslo, 12 December 2027", 0, 0, NULL },
    { "It burned in Oslo, 6 June 2024: a storm.", 0, 0, NULL },
    { "# Oslo, 6 June 2024 – It burns.", 0, 0, NULL },
    { "- Oslo, 6 June 2024 – It burned.", 0, 0, NULL },
    { "Oslo, 6 Keepers – It burns.", 0, 0, NULL },
    { "Oslo, {{date}} – It burns.", 0, 0, NULL },
  };
  assert_cases("en", cases);
}

static void assert_found(const char *markdown, guint line, guint column, const char *text)
{
  g_autoptr(Report) report = read_in("en", markdown);
  g_autofree char *findings = report_to_text(report);
  g_test_message("%s\n%s", markdown, findings);
  g_assert_cmpuint(report_length(report), ==, text != NULL ? 1 : 0);
  if (text != NULL) {
    g_assert_nonnull(strstr(report_get(report, 0)->text, text));
    g_assert_cmpuint(report_get(report, 0)->line, ==, line);
    g_assert_cmpuint(report_get(report, 0)->column, ==, column);
  }
}

#define FIFTY "It burns, it burns, it burns, it burns, it burns, "

static void test_subject(void)
{
  assert_found("---\nsubject: " FIFTY FIFTY "\n---\nx\n", 2, 0, "has 99 characters");
  assert_found("# " FIFTY FIFTY "\n", 1, 3, "has 99 characters");
  assert_found("---\nsubject: " FIFTY "{{a_very_long_name_of_a_column|with a fallback}}\n---\nx\n",
               0, 0, NULL);
  assert_found("---\nsubject: A subject\n---\n# " FIFTY FIFTY "\n", 0, 0, NULL);
  assert_found("---\nsubject: THE LIGHTHOUSE BURNS\n---\nx\n", 2, 0, "in capitals");
  assert_found("# THE LIGHTHOUSE *BURNS*\n", 1, 3, "in capitals");
  assert_found("# NATO, UNESCO\n", 0, 0, NULL);
  assert_found("# THE LIGHTHOUSE OF {{city}} burns\n", 0, 0, NULL);
  assert_found("# 海岸の灯台が修復された 海岸の灯台が修復された\n", 0, 0, NULL);
}

static void test_embargo(void)
{
  assert_found("---\nsubject: x\nembargo: 2026-11-22 11:00 Z\n---\nx\n", 3, 0,
               "ends on 22 November 2026, 11:00 (UTC)");
  assert_found("---\nsubject: x\nembargo: 2026-11-22 13:00 Z\n---\nx\n", 0, 0, NULL);
  assert_found("---\nsubject: x\nembargo: 2026-12-22 13:00 Z\n---\nOslo, 22 December 2026 – x\n",
               0, 0, NULL);
}

/* A partial is read as a text of its own, however often it is used. */
static void test_partials(void)
{
  g_autoptr(Report) report = report_new();
  char *folder = content_folder();
  g_autofree char *path = g_build_filename(folder, "lamp", NULL);
  content_write(folder, "lamp/release.md", "# The\n\nlamp {{> a}} “it\n\n{{> a}}\n\n{{> b}}\n", -1);
  content_write(folder, "lamp/partials/a.md", "It is the the lamp.\n\n{{> b}}\n", -1);
  content_write(folder, "lamp/partials/b.md", "“It burns,\" and {{> a}}\n", -1);
  g_autoptr(Draft) draft = draft_read(path, 1 << 20, report);
  content_remove(folder);
  const ProofreadOptions options = { .now_ms = noon_ms, .level = FINDING_ERROR };
  proofread(draft, &options, report);
  g_autofree char *findings = report_to_text(report);
  g_test_message("%s", findings);
  g_assert_cmpuint(report_count(report, FINDING_ERROR), ==, 2);
  g_assert_cmpstr(report_get(report, 0)->file, ==, "lamp/partials/a.md");
  g_assert_cmpstr(report_get(report, 1)->file, ==, "lamp/partials/b.md");
}

/* Whatever is in a text, reading it ends, and what is shown of it is whole. */
static void test_hostile(void)
{
  static const char *const pieces[] = {
    "\"", "“", "”", "[", "](#)", "![", "]()", "*", "**", "\n", "\n\n", "> ", "- ", "|", "\n|-|\n",
    "`", "the ", "X", "\x01", "\x02", "\x03", "\v", "{{a}}", "{{#a}}", "{{/a}}", "&quot;", "\\",
    "é", "\u202e", "Oslo, 6 June 2024 – ", "<a>", "a@example.org ", "[name]", "lorem ",
  };
  g_autoptr(GRand) random = g_rand_new_with_seed(20261122);
  for (guint round = 0; round < 3000; round++) {
    g_autoptr(GString) text = g_string_new("---\nsubject: x\n---\na");
    const guint count = (guint)g_rand_int_range(random, 1, 40);
    for (guint i = 0; i < count; i++) {
      g_string_append(text, pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
    }
    g_autoptr(Report) report = read_in("en", text->str);
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    for (guint i = 0; i < report_length(report); i++) {
      g_assert_true(g_utf8_validate(report_get(report, i)->text, -1, NULL));
      g_assert_cmpuint(report_get(report, i)->line, <=, g_strv_length(lines));
    }
  }
}

static void test_deep(void)
{
  g_autoptr(GString) text = g_string_new("x ");
  for (guint i = 0; i < 20000; i++) {
    g_string_append(text, i % 2 == 0 ? "*a **" : "![");
  }
  g_autoptr(Galley) galley = galley_new(text->str, "x.md", 1);
  g_assert_cmpuint(galley_passages(galley)->len, >, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/proofread/links", test_links);
  g_test_add_func("/proofread/pictures", test_pictures);
  g_test_add_func("/proofread/tears", test_tears);
  g_test_add_func("/proofread/quotations", test_quotations);
  g_test_add_func("/proofread/good-quotations", test_good_quotations);
  g_test_add_func("/proofread/doubled", test_doubled);
  g_test_add_func("/proofread/placeholders", test_placeholders);
  g_test_add_func("/proofread/placedate", test_placedate);
  g_test_add_func("/proofread/subject", test_subject);
  g_test_add_func("/proofread/embargo", test_embargo);
  g_test_add_func("/proofread/partials", test_partials);
  g_test_add_func("/proofread/hostile", test_hostile);
  g_test_add_func("/proofread/deep", test_deep);
  return g_test_run();
}
