/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/printer.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/cells.h"
#include "cli/object.h"
#include "cli/terminal.h"
#include "delivery/quoting.h"

struct Printer {
  PrintFormat format;
  GString *line;
  JsonBuilder *builder;
  char quoted[LIMIT_JOURNAL_LINE];
};

/* What a column holds: in this order in CSV, under these names there and in JSON. */
typedef enum {
  COLUMN_TIME,
  COLUMN_RELEASE,
  COLUMN_STATE,
  COLUMN_CONTACT,
  COLUMN_ADDRESS,
  COLUMN_LIST,
  COLUMN_LINE,
  COLUMN_FATE,
  COLUMN_RELAY,
  COLUMN_STAGE,
  COLUMN_CODE,
  COLUMN_STATUS,
  COLUMN_TEXT,
  COLUMN_UNTIL,
  COLUMN_FILE,
  COLUMN_COUNT
} Column;

static const struct {
  const char *name;
  gboolean is_number;
} COLUMNS[COLUMN_COUNT] = {
  [COLUMN_TIME] = {"time", FALSE},       [COLUMN_RELEASE] = {"release", FALSE},
  [COLUMN_STATE] = {"state", FALSE},     [COLUMN_CONTACT] = {"contact", TRUE},
  [COLUMN_ADDRESS] = {"address", FALSE}, [COLUMN_LIST] = {"list", FALSE},
  [COLUMN_LINE] = {"line", TRUE},        [COLUMN_FATE] = {"fate", FALSE},
  [COLUMN_RELAY] = {"relay", FALSE},     [COLUMN_STAGE] = {"stage", FALSE},
  [COLUMN_CODE] = {"code", TRUE},        [COLUMN_STATUS] = {"status", FALSE},
  [COLUMN_TEXT] = {"text", FALSE},       [COLUMN_UNTIL] = {"until", FALSE},
  [COLUMN_FILE] = {"file", FALSE},
};

enum { NUMBER_SIZE = 12 };

typedef struct {
  const char *values[COLUMN_COUNT];   /* NULL: none */
  char time[CLOCK_UTC_LENGTH + 1];
  char contact[NUMBER_SIZE], line[NUMBER_SIZE];
} Row;

static void fill_row(Row *row, const Fact *fact)
{
  clock_format_utc(fact->wall_ms, row->time);
  g_snprintf(row->contact, sizeof row->contact, "%u", fact->contact);
  g_snprintf(row->line, sizeof row->line, "%u", fact->line);
  row->values[COLUMN_TIME] = row->time;
  row->values[COLUMN_RELEASE] = fact->release;
  row->values[COLUMN_STATE] = fact->state;
  row->values[COLUMN_CONTACT] = fact->contact != 0 ? row->contact : NULL;
  row->values[COLUMN_ADDRESS] = fact->address;
  row->values[COLUMN_LIST] = fact->list;
  row->values[COLUMN_LINE] = row->line;
  row->values[COLUMN_FATE] = fact->fate;
  row->values[COLUMN_RELAY] = fact->relay;
  row->values[COLUMN_STAGE] = fact->stage;
  row->values[COLUMN_CODE] = fact->code;
  row->values[COLUMN_STATUS] = fact->status;
  row->values[COLUMN_TEXT] = fact->text;
  row->values[COLUMN_UNTIL] = fact->until;
  row->values[COLUMN_FILE] = fact->file;
}

static void print_csv(Printer *printer, const Fact *fact)
{
  Row row = {.values = {NULL}};

  fill_row(&row, fact);
  g_string_truncate(printer->line, 0);
  cells_append(printer->line, row.values, COLUMN_COUNT);
  fputs(printer->line->str, stdout);
}

static void print_json(Printer *printer, const Fact *fact)
{
  Row row = {.values = {NULL}};

  fill_row(&row, fact);
  json_builder_begin_object(printer->builder);
  for (guint i = 0; i < COLUMN_COUNT; i++) {
    guint64 number;
    if (COLUMNS[i].is_number && row.values[i] != NULL &&
        g_ascii_string_to_unsigned(row.values[i], 10, 0, G_MAXUINT32, &number, NULL)) {
      object_add_number(printer->builder, COLUMNS[i].name, number);
    } else {
      object_add_text(printer->builder, COLUMNS[i].name, row.values[i]);
    }
  }
  json_builder_end_object(printer->builder);
  object_print(printer->builder, OBJECT_LINE);
}

/* " key=value", as the journal quotes values: nothing in it is unprintable. */
static void append_pair(Printer *printer, const char *key, const char *value)
{
  char *quoted = printer->quoted;

  if (value != NULL && *value != '\0') {
    char *end = quoting_put_value(quoted, quoted + sizeof printer->quoted - 1, value, TRUE);
    *end = '\0';
    g_string_append_printf(printer->line, " %s=%s", key, quoted);
  }
}

static void print_text(Printer *printer, const Fact *fact)
{
  GString *line = printer->line;
  Style style = style_of_state(fact->state);
  g_autofree char *stamp = moment_to_stamp(fact->wall_ms);
  g_autofree char *place = g_strdup_printf("%s:%u", fact->list, fact->line);

  g_string_printf(line, "%s %s %s%s%s", stamp, fact->release, style_begin(style), fact->state,
                  style_end(style));
  append_pair(printer, "to", fact->address);
  if (fact->contact == 0) {
    append_pair(printer, "row", place);
    append_pair(printer, "file", fact->file);
    append_pair(printer, "fate", fact->fate);
  }
  append_pair(printer, "relay", fact->relay);
  append_pair(printer, "stage", fact->stage);
  append_pair(printer, "code", fact->code);
  append_pair(printer, "status", fact->status);
  append_pair(printer, "text", fact->text);
  append_pair(printer, "until", fact->until);
  g_string_append_c(line, '\n');
  fputs(line->str, stdout);
}

Printer *printer_new(PrintFormat format)
{
  Printer *printer = g_new0(Printer, 1);

  printer->format = format;
  printer->line = g_string_new(NULL);
  printer->builder = json_builder_new();
  for (guint i = 0; format == PRINT_CSV && i < COLUMN_COUNT; i++) {
    printf("%s%s", COLUMNS[i].name, i + 1 < COLUMN_COUNT ? "," : "\n");
  }
  return printer;
}

void printer_free(Printer *printer)
{
  g_string_free(printer->line, TRUE);
  g_object_unref(printer->builder);
  g_free(printer);
}

void printer_print(Printer *printer, const Fact *fact)
{
  static void (*const printers[])(Printer *printer, const Fact *fact) = {
    [PRINT_TEXT] = print_text, [PRINT_JSON] = print_json, [PRINT_CSV] = print_csv,
  };

  printers[printer->format](printer, fact);
}
