/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"

/* Turns complete drops into accepted releases or rejected drops, and puts away what is
 * finished, one after the other, in a thread of its own, because it reads and syncs files:
 * sending never waits for it. The events come in the main loop. */

typedef struct Intake Intake;

typedef struct {
  void (*accepted)(const char *directory, gpointer data);  /* queue/<id> */
  void (*rejected)(const char *id, gpointer data);         /* in rejected/ */
} IntakeEvents;

/* Reads which content was sent before; FALSE results set error. */
Intake *intake_new(Config *config, const IntakeEvents *events, gpointer data, GError **error);

/* Finishes the drop that is being looked at, and what is to be archived; the other drops stay
 * where they are and are found again at the next start. */
void intake_free(Intake *intake);

/* Holds for drops given from now on. */
void intake_reload(Intake *intake, Config *config);

/* A drop in incoming/. One that is already waiting is not taken twice. */
void intake_take(Intake *intake, const char *path, const char *channel);

/* What an earlier run had claimed but not decided. Call once, before the first take. What can
 * be neither accepted nor rejected, as when the disk is full, is tried again as often as
 * incoming/ is looked through (rescan_ms), and told about when the reason changes. */
void intake_recover(Intake *intake);

/* Moves a finished release to done/; where that fails, it stays in queue/ for the next
 * start. */
void intake_archive(Intake *intake, const char *id);
