/* SPDX-License-Identifier: Apache-2.0 */

/* The date that a release tells at the beginning of its text, behind the place: "JAKARTA,
 * 21 November 2026 – …". Copied from the last release, it is the mistake that everybody sees
 * but who made it. Dates elsewhere are of events, and none of our business. */

#include <string.h>
#include "content/proof.h"

enum {
  MONTHS = 12,
  PASSAGES_LOOKED_AT = 8,
  DAY_MS = 24 * 60 * 60 * 1000,
};

/* In lower case, without the dot of what is short. */
static const char *const month_names[MONTHS] = {
  "january|januari|januar|jänner|janvier|enero|gennaio|janeiro|jan",
  "february|februari|februar|février|fevrier|febrero|febbraio|fevereiro|feb",
  "march|märz|mars|marzo|março|maart|maret|mar|mrt",
  "april|avril|abril|aprile|apr",
  "may|mai|mayo|maggio|maio|mei|maj",
  "june|juni|juin|junio|giugno|junho|jun",
  "july|juli|juillet|julio|luglio|julho|jul",
  "august|augustus|augusti|août|aout|agosto|agustus|aug",
  "september|septembre|septiembre|settembre|setembro|sept|sep",
  "october|oktober|octobre|octubre|ottobre|outubro|oct|okt",
  "november|novembre|noviembre|novembro|nopember|nov",
  "december|dezember|décembre|decembre|diciembre|dicembre|dezembro|desember|dec|dez|des",
};

/* A place begins in upper case and may hold such small words; what begins with one of these
 * is a sentence. */
#define PLACE "(?!(?:On|In|By|Since|Until|From|At|Am|Im|Seit|Bis|Vom|Op|Pada)\\b)" \
              "\\p{Lu}[\\p{L}\\p{M}.'’-]*" \
              "(?:,? (?:\\p{Lu}[\\p{L}\\p{M}.'’-]*|de|la|du|del|den|der|am|an|of|the|upon|sur))" \
              "{0,5}"
/* Between place and date, and behind the date, where the text begins. */
#define BEFORE "(?:, ?| ?\\(| ?[–—|/-] ?)"
#define BEHIND "\\)? ?(?:[:–—|]|-{1,2} |\\.? [–—-])"
#define DAY "(?<day>\\d{1,2})(?:\\.|st|nd|rd|th|er)?"
#define MONTH "(?<month>\\p{L}{3,10})\\.?"
#define YEAR "(?<year>\\d{4})"
#define DATED(date) "^" PLACE BEFORE "(?<date>" date ")" BEHIND

static const char *const forms[] = {
  DATED(DAY " (?:de )?" MONTH "(?:,? (?:de |del )?" YEAR ")?"),
  DATED(MONTH " " DAY "(?:, ?" YEAR ")?"),
  DATED(YEAR "-(?<month>\\d{2})-(?<day>\\d{2})"),
  DATED("(?<day>\\d{1,2})[./] ?(?<month>\\d{1,2})[./] ?" YEAR),
};

typedef struct {
  guint day, month, year;   /* year 0: none was written */
  gboolean either;          /* 3/4/2026 may be in March or in April */
  gsize offset;             /* in the passage's text */
  char *text;
} Written;

/* --- Reading --- */

/* 1 to 12, or 0. */
static guint month_of(const char *text)
{
  if (g_ascii_isdigit(*text)) {
    return (guint)g_ascii_strtoull(text, NULL, 10);
  }
  g_autofree char *lower = g_utf8_strdown(text, -1);
  for (guint i = 0; i < MONTHS; i++) {
    g_auto(GStrv) names = g_strsplit(month_names[i], "|", -1);
    if (g_strv_contains((const char *const *)names, lower)) {
      return i + 1;
    }
  }
  return 0;
}

static guint number_of(const GMatchInfo *match, const char *name)
{
  g_autofree char *text = g_match_info_fetch_named(match, name);
  return text != NULL ? (guint)g_ascii_strtoull(text, NULL, 10) : 0;
}

/* FALSE where what looks like a month is none. */
static gboolean take_match(const GMatchInfo *match, const char *subject, Written *written)
{
  int start, end;
  g_autofree char *month = g_match_info_fetch_named(match, "month");
  if (month_of(month) == 0 || !g_match_info_fetch_named_pos(match, "date", &start, &end)) {
    return FALSE;
  }
  *written = (Written){ .day = number_of(match, "day"), .month = month_of(month),
                        .year = number_of(match, "year"), .offset = (gsize)start,
                        .text = g_strndup(subject + start, (gsize)(end - start)) };
  written->either = strchr(written->text, '/') != NULL;
  return TRUE;
}

static gboolean read_date(const Passage *passage, Written *written)
{
  const char *text = passage->text->str + passage->begin;
  for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
    g_autoptr(GRegex) regex = g_regex_new(forms[i], G_REGEX_DUPNAMES, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    if (g_regex_match(regex, text, 0, &match) && take_match(match, text, written)) {
      written->offset += passage->begin;
      return TRUE;
    }
  }
  return FALSE;
}

/* --- Judging --- */

static gboolean is_between(const Proof *proof, guint day, guint month, guint year)
{
  if (!g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year)) {
    return FALSE;
  }
  g_autoptr(GDateTime) date = g_date_time_new_utc((int)year, (int)month, (int)day, 12, 0, 0);
  const gint64 noon_ms = g_date_time_to_unix(date) * 1000;
  return noon_ms >= proof->first_ms - DAY_MS && noon_ms <= proof->last_ms + DAY_MS;
}

/* Without a year, any that the days looked for are in. */
static gboolean is_near(const Proof *proof, const Written *written)
{
  g_autoptr(GDateTime) first = g_date_time_new_from_unix_utc(proof->first_ms / 1000);
  g_autoptr(GDateTime) last = g_date_time_new_from_unix_utc(proof->last_ms / 1000);
  const guint from = written->year > 0 ? written->year : (guint)g_date_time_get_year(first);
  const guint to = written->year > 0 ? written->year : (guint)g_date_time_get_year(last);
  for (guint year = from; year <= to; year++) {
    if (is_between(proof, written->day, written->month, year) ||
        (written->either && is_between(proof, written->month, written->day, year))) {
      return TRUE;
    }
  }
  return FALSE;
}

static void judge(const Proof *proof, const Passage *passage, const Written *written)
{
  const GDateYear leap_year = 2000;
  const GDateYear year = written->year > 0 ? (GDateYear)written->year : leap_year;
  const GDateMonth day_as_month = (GDateMonth)written->day;
  const gboolean swapped = written->either &&
                           g_date_valid_dmy((GDateDay)written->month, day_as_month, year);
  if (!swapped &&
      !g_date_valid_dmy((GDateDay)written->day, (GDateMonth)written->month, year)) {
    proof_note(proof, passage, written->offset, "the text is dated %s, and there is no such day",
               written->text);
  } else if (!is_near(proof, written)) {
    proof_note(proof, passage, written->offset, "the text is dated %s, more than a week from when "
               "it is sent; write the date of that day", written->text);
  }
}

void proof_placedate(const Proof *proof)
{
  const GPtrArray *passages = galley_passages(proof->galley);
  for (guint i = 0; i < MIN(passages->len, PASSAGES_LOOKED_AT); i++) {
    const Passage *passage = passages->pdata[i];
    Written written;
    if (passage->kind == PASSAGE_PARAGRAPH && read_date(passage, &written)) {
      judge(proof, passage, &written);
      g_free(written.text);
      return;
    }
  }
}
