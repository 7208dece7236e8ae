/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "content/message.h"
#include "content/template.h"

/* The fields of a message, each once, in the order of their first use. */
typedef struct {
  GPtrArray *list;       /* MessageField * */
  GHashTable *by_key;    /* field_key() -> MessageField * of list */
} Fields;

void fields_init(Fields *fields);
void fields_clear(Fields *fields);
/* Mistakes in the use of names go into report. */
void fields_collect(Fields *fields, const Template *template, Report *report);
