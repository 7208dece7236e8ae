/* SPDX-License-Identifier: Apache-2.0 */

/* The converter reads what strangers may have written. It runs without a shell, in a folder
 * that nobody else may enter, with an environment of two words, and within limits of time,
 * memory and size that timeout and prlimit set; what it writes is read and gone. */

#include "contacts/sheet.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contacts/csvreader.h"
#include "contacts/list.h"
#include "contacts/rowformats.h"

static const char CONVERTER[] = "ssconvert";
static const char CONVERTER_PACKAGE[] = "gnumeric";

/* Seconds of the clock, and bytes. */
#define TIME_LIMIT "60"
#define MEMORY_LIMIT "--as=2147483648"
#define SIZE_LIMIT "--fsize=1073741824"

typedef struct {
  RowReader base;
  RowReader *csv;
  char *remark;
} Sheet;

/* ZIP, which XLSX and ODS are, and the container of old XLS. */
static const struct {
  const char *bytes;
  gsize length;
} SIGNATURES[] = {
  {"PK\003\004", 4},
  {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8},
};

gboolean is_sheet(const char *path)
{
  struct stat status;
  if (g_stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
    return FALSE;
  }
  char head[8] = "";
  FILE *file = fopen(path, "re");
  gsize length = file ? fread(head, 1, sizeof head, file) : 0;
  if (file) {
    fclose(file);
  }
  for (gsize i = 0; i < G_N_ELEMENTS(SIGNATURES); i++) {
    if (length >= SIGNATURES[i].length &&
        memcmp(head, SIGNATURES[i].bytes, SIGNATURES[i].length) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

/* --- Converting. --- */

static gboolean refuse(GError **error, const char *what)
{
  g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST, "%s; save it as CSV, or as a "
              "spreadsheet that %s of the Debian package %s can read", what, CONVERTER,
              CONVERTER_PACKAGE);
  return FALSE;
}

static gboolean run_converter(const char *converter, const char *from, const char *to,
                              const char *folder, GError **error)
{
  const char *argv[] = {"timeout", "--kill-after=5", TIME_LIMIT, "prlimit", MEMORY_LIMIT,
                        SIZE_LIMIT, converter, "--export-type=Gnumeric_stf:stf_csv", from, to,
                        NULL};
  g_autofree char *home = g_strconcat("HOME=", folder, NULL);
  g_autofree char *path = g_strconcat("PATH=", g_getenv("PATH"), NULL);
  char *environment[] = {home, path, (char *)"LC_ALL=C.UTF-8", NULL};
  int status;
  if (!g_spawn_sync(folder, (char **)argv, environment,
                    G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                      G_SPAWN_STDERR_TO_DEV_NULL,
                    NULL, NULL, NULL, NULL, &status, error)) {
    return FALSE;
  }
  return (g_spawn_check_wait_status(status, NULL) && g_file_test(to, G_FILE_TEST_IS_REGULAR)) ||
         refuse(error, "the spreadsheet could not be read within the limits of time and memory, "
                       "or is damaged");
}

/* The converter may have left files of its own. */
static void remove_folder(const char *folder)
{
  GDir *entries = g_dir_open(folder, 0, NULL);
  const char *name;
  while (entries && (name = g_dir_read_name(entries))) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_remove(path) != 0) {
      remove_folder(path);
    }
  }
  g_clear_pointer(&entries, g_dir_close);
  g_rmdir(folder);
}

/* The CSV is open when its file is removed. */
static RowReader *convert(const char *converter, const char *path, GError **error)
{
  g_autofree char *folder = g_dir_make_tmp("dateline-list-XXXXXX", error);
  if (!folder) {
    return NULL;
  }
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  g_autofree char *csv = g_build_filename(folder, "list.csv", NULL);
  RowReader *reader = run_converter(converter, absolute, csv, folder, error)
                        ? csv_format.open(csv, "UTF-8", error)
                        : NULL;
  remove_folder(folder);
  return reader;
}

static void sheet_close(RowReader *base)
{
  Sheet *sheet = (Sheet *)base;
  csv_format.close(sheet->csv);
  g_free(sheet->remark);
  g_free(sheet);
}

static RowReader *sheet_open(const char *path, G_GNUC_UNUSED const char *encoding,
                             GError **error)
{
  g_autofree char *converter = g_find_program_in_path(CONVERTER);
  if (!converter) {
    g_set_error(error, CONTACTS_ERROR, CONTACTS_ERROR_LIST, "it is a spreadsheet, and %s, which "
                "reads it, is not installed; install the Debian package %s, or save it as CSV",
                CONVERTER, CONVERTER_PACKAGE);
    return NULL;
  }
  RowReader *csv = convert(converter, path, error);
  if (!csv) {
    return NULL;
  }
  Sheet *sheet = g_new0(Sheet, 1);
  sheet->csv = csv;
  sheet->remark = g_strdup("is a spreadsheet; its first sheet was read, as it is shown there");
  return &sheet->base;
}

static ListResult sheet_next(RowReader *base, FileRow *row, GError **error)
{
  return csv_format.next(((Sheet *)base)->csv, row, error);
}

static const char *sheet_remark(const RowReader *base)
{
  return ((const Sheet *)base)->remark;
}

const RowFormat sheet_format = {
  .name = "spreadsheet",
  .suffixes = ".xlsx .ods .xls",
  .open = sheet_open,
  .next = sheet_next,
  .remark = sheet_remark,
  .close = sheet_close,
};
