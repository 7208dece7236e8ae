/* SPDX-License-Identifier: Apache-2.0 */
#include <gio/gio.h>
#include <string.h>

#include "base/limits.h"
#include "base/report.h"

static void assert_text(const Report *report, const char *expected)
{
  g_autofree char *text = report_to_text(report);

  g_assert_cmpstr(text, ==, expected);
}

static void test_empty(void)
{
  g_autoptr(Report) report = report_new();

  g_assert_false(report_failed(report));
  g_assert_cmpuint(report_length(report), ==, 0);
  assert_text(report, "");
}

static void test_absent_parts_are_left_out(void)
{
  g_autoptr(Report) report = report_new();

  report_error(report, NULL, 0, 0, "nowhere");
  report_error(report, "a.md", 0, 0, "whole %s", "file");
  report_warning(report, "a.md", 4, 0, "line");
  report_error(report, "a.md", 4, 7, "column");
  assert_text(report,
              "error: nowhere\n"
              "a.md: error: whole file\n"
              "a.md:4: warning: line\n"
              "a.md:4:7: error: column\n");
}

static void test_sorted_and_stable(void)
{
  g_autoptr(Report) report = report_new();

  report_error(report, "b.md", 1, 0, "b1");
  report_error(report, "a.md", 10, 0, "a10");
  report_error(report, "a.md", 9, 2, "first of two");
  report_error(report, "a.md", 9, 2, "another of two");
  report_error(report, "a.md", 9, 1, "earlier");
  assert_text(report,
              "a.md:9:1: error: earlier\n"
              "a.md:9:2: error: first of two\n"
              "a.md:9:2: error: another of two\n"
              "a.md:10: error: a10\n"
              "b.md:1: error: b1\n");
  g_assert_cmpstr(report_get(report, 0)->text, ==, "b1");
}

static void test_warnings_refuse_nothing(void)
{
  g_autoptr(Report) report = report_new();

  report_warning(report, "a.md", 1, 1, "hm");
  g_assert_false(report_failed(report));
  report_error(report, "a.md", 1, 1, "no");
  g_assert_true(report_failed(report));
  g_assert_cmpuint(report_count(report, FINDING_WARNING), ==, 1);
  g_assert_cmpuint(report_count(report, FINDING_ERROR), ==, 1);
}

static void test_takes_errors(void)
{
  g_autoptr(Report) report = report_new();
  GError *error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "100% full");

  report_take_error(report, "a.md", 3, &error);
  g_assert_null(error);
  assert_text(report, "a.md:3: error: 100% full\n");
}

/* Nobody's file name or text may forge a finding or reach the terminal raw. */
static void test_hostile_text(void)
{
  g_autoptr(Report) report = report_new();

  report_error(report, "a\nb.md", 1, 0, "found \"%s\"", "x\r\ny: error: \x1b[2J\xff\xe2\x80\xae");
  assert_text(report,
              "a\\nb.md:1: error: found \"x\\r\\ny: error: \\x1b[2J\\xff\\u202e\"\n");
}

/* A flood of warnings must not hide the error that comes last. */
static void test_too_many(void)
{
  g_autoptr(Report) report = report_new();

  for (guint i = 0; i < LIMIT_REPORT_FINDINGS + 7; i++) {
    report_warning(report, "a.csv", i + 1, 0, "odd");
  }
  report_error(report, "a.csv", 1, 0, "wrong");
  g_assert_cmpuint(report_count(report, FINDING_WARNING), ==, LIMIT_REPORT_FINDINGS + 7);
  g_assert_cmpuint(report_length(report), ==, LIMIT_REPORT_FINDINGS + 1);

  g_autofree char *text = report_to_text(report);
  g_assert_nonnull(strstr(text, "a.csv:1: error: wrong\n"));
  g_assert_true(g_str_has_suffix(
      text, "\n7 findings more are not shown; in all: 1 errors, 507 warnings\n"));
}

static void test_trouble(void)
{
  g_autoptr(Report) report = report_new();

  report_error(report, "a", 0, 0, "wrong");
  g_assert_false(report_troubled(report));
  report_trouble(report, "a", "cannot be read: %s", "Input/output error");
  g_assert_true(report_troubled(report));
  g_assert_cmpuint(report_count(report, FINDING_ERROR), ==, 2);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/report/empty", test_empty);
  g_test_add_func("/report/absent-parts", test_absent_parts_are_left_out);
  g_test_add_func("/report/sorted", test_sorted_and_stable);
  g_test_add_func("/report/warnings", test_warnings_refuse_nothing);
  g_test_add_func("/report/takes-errors", test_takes_errors);
  g_test_add_func("/report/hostile-text", test_hostile_text);
  g_test_add_func("/report/too-many", test_too_many);
  g_test_add_func("/report/trouble", test_trouble);
  return g_test_run();
}
