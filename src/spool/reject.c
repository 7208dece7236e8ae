/* SPDX-License-Identifier: Apache-2.0 */

/* The refusal of a drop. The reason is written into the claim's drop/ folder, beside the
 * drop itself, and that folder then becomes rejected/<id> by one rename: nobody ever
 * finds one without the other. */
#include "spool/claim.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/durable.h"
#include "base/names.h"
#include "spool/folders.h"

/* The second name is for a drop that is itself called like the first. */
static const char *const reason_names[] = {"REASON.txt", "REASON-2.txt"};

/* A reason that an earlier attempt left is replaced; what was dropped never is. */
static char *reason_path(const Claim *claim, const char *drop)
{
  g_autofree char *path = g_build_filename(drop, reason_names[0], NULL);
  struct stat status;
  gboolean is_dropped = claim->name != NULL ? g_str_equal(claim->name, reason_names[0])
                                            : lstat(path, &status) == 0;

  return is_dropped ? g_build_filename(drop, reason_names[1], NULL) : g_steal_pointer(&path);
}

static gboolean is_folder(const Claim *claim, const char *drop)
{
  g_autofree char *path = g_build_filename(drop, claim->name, NULL);
  struct stat status;

  return claim->name != NULL && lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Of a list of whom not to mail, what could be understood was taken. */
static gboolean is_suppressions(const Claim *claim)
{
  return g_strcmp0(claim->channel, SPOOL_SUPPRESSIONS) == 0;
}

static void add_advice(const Claim *claim, const char *drop, GString *text)
{
  if (is_suppressions(claim)) {
    g_string_append(text, "Mend these lines and drop them again. All others are heeded from now on, "
                          "and stay so.");
    return;
  }
  g_string_append(text, is_folder(claim, drop)
                            ? "Mend the files in the folder and drop the folder again."
                            : "Mend the file and drop it again.");
  g_string_append(text, " Nobody has received anything of it.");
}

/* For a press officer: what happened, why, what to do; the rest is for whoever they ask. */
static char *reason_text(const Claim *claim, const char *drop, const Report *report)
{
  g_autofree char *name = text_make_visible(claim->name != NULL ? claim->name : claim->id);
  g_autofree char *findings = report_to_text(report);
  char now[CLOCK_UTC_LENGTH + 1];
  GString *text = g_string_new(NULL);

  clock_format_utc(clock_wall_ms(), now);
  g_string_append_printf(text, "%s was not %s.\n\n", name,
                         is_suppressions(claim) ? "wholly taken" : "sent");
  if (*findings != '\0') {
    g_string_append_printf(text, "%s\n", findings);
  }
  add_advice(claim, drop, text);
  g_string_append_printf(text, "\nWhat you dropped is beside this note, as it was.\n\nNumber %s, ",
                         claim->id);
  if (claim->channel != NULL && !is_suppressions(claim)) {
    g_string_append_printf(text, "channel %s, ", claim->channel);
  }
  g_string_append_printf(text, "refused at %s.\n", now);
  return g_string_free(text, FALSE);
}

static gboolean write_reason(const Claim *claim, const char *drop, const Report *report,
                             GError **error)
{
  g_autofree char *path = reason_path(claim, drop);
  g_autofree char *text = reason_text(claim, drop, report);

  return durable_write_file(path, text, strlen(text), error);
}

/* Whoever may look into rejected/ may look into what lies there. */
static void permit_readers(const Config *config, const char *drop)
{
  g_autofree char *rejected = spool_path(config, SPOOL_REJECTED, NULL);
  autofd folder = open(drop, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  autofd model = open(rejected, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (folder >= 0 && model >= 0) {
    spool_permit_like(folder, model);
  }
}

gboolean claim_reject(const Config *config, Claim *claim, const Report *report, GError **error)
{
  g_autofree char *drop = claim_path(claim, CLAIM_DROP);
  g_autofree char *target = spool_path(config, SPOOL_REJECTED, claim->id);

  permit_readers(config, drop);
  if (!write_reason(claim, drop, report, error) || !durable_rename(drop, target, error)) {
    return FALSE;
  }
  /* What is left is only ours; if it stays now, the next start clears it away. */
  g_autoptr(GError) trouble = NULL;
  if (!durable_remove_tree(claim->directory, &trouble)) {
    g_warning("%s was refused, but: %s", claim->id, trouble->message);
  }
  return TRUE;
}
