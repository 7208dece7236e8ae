/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/standing.h"

/* Prints all about one release, for people. */
void details_print(const Standing *standing);

/* Adds the fates of the lists' rows as member "rows"; null where the roster cannot be read. */
void details_add_rows(const Standing *standing, JsonBuilder *builder);
