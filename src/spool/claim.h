/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "spool/drop.h"

/* What the files about claims share. The names in queue/<id>.new: */
#define CLAIM_SUFFIX ".new"
#define CLAIM_TICKET "claim"   /* see ticket.h */
#define CLAIM_DROP "drop"
#define CLAIM_SOURCE "source"

/* The claim in queue/<id>.new, of which nothing is known yet but its id. */
Claim *claim_at(const Config *config, const char *id);

/* What the claim's folder holds under name. Caller frees. */
char *claim_path(const Claim *claim, const char *name);

/* Looks who owns the drop, and copies it from drop/ to source/, which must not exist.
 * FALSE with error is our own trouble; the drop's own faults are in report. */
gboolean claim_copy(const Config *config, Claim *claim, Report *report, GError **error);
