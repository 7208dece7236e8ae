/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"
#include "content/galley.h"

/* What the rules of proofreading share (proofread.h): the text before them, and where to
 * note what they found. Each rule would rather miss a mistake than see one that is none. */

typedef struct {
  const Galley *galley;
  const char *language;   /* BCP 47, of the text */
  gint64 first_ms, last_ms;   /* the days that a dateline may tell lie between, wall clock */
  FindingLevel level;
  Report *report;
} Proof;

/* A finding about the character at offset of passage. */
void proof_note(const Proof *proof, const Passage *passage, gsize offset, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Quotation marks that do not match (quotations.c). */
void proof_quotations(const Proof *proof);
/* Torn paragraphs, doubled words, leftover placeholders (slips.c). */
void proof_slips(const Proof *proof);
/* "CITY, 21 November 2026 – …" of another time (placedate.c). */
void proof_placedate(const Proof *proof);
