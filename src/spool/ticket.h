/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "spool/drop.h"

/* queue/<id>.new/claim: what a claim must remember across a crash, on disk before the
 * drop is moved. One key=value a line, each key once:
 *
 *   name=jakarta.md                      as dropped; C escapes for what is unprintable
 *   channel=press
 *   claimed=2026-11-22T10:15:00.123Z
 *
 * The owner is not in it. Until the drop was moved it can be exchanged for another one;
 * afterwards its own inode tells who owns it, and nobody can give a file away. */

/* Writes name, channel and claimed_ms of claim, durably, with all names in its folder. */
gboolean ticket_write(const Claim *claim, GError **error);

/* Reads them into claim, of which directory is set. FALSE without error where the file is missing
 * or is not exactly of the form above; with error where it cannot be read. */
gboolean ticket_read(Claim *claim, GError **error);
