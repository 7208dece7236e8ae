/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/facts.h"

/* Prints facts on standard output, a line each. */

typedef enum { PRINT_TEXT, PRINT_JSON, PRINT_CSV } PrintFormat;

typedef struct Printer Printer;

/* CSV begins with a line of column names. */
Printer *printer_new(PrintFormat format);
void printer_free(Printer *printer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Printer, printer_free)

void printer_print(Printer *printer, const Fact *fact);
