/* SPDX-License-Identifier: Apache-2.0 */

/* A claim from drop to release. At every moment, crash or not, the drop is in exactly
 * one place, and that place tells what is to be done with it:
 *
 *   incoming/<name>               nothing was claimed; queue/<id>.new may be there, with
 *                                 no drop in it: an attempt that is cleared away
 *   queue/<id>.new/drop/<name>    claimed; source/ may be missing or incomplete and is
 *                                 made anew after a crash
 *   queue/<id>/source             accepted; a drop/ still there is cleared away
 *   rejected/<id>/<name>          refused, and the reason is beside it
 *
 * Each step from one to the next is one rename(2). */
#include "spool/claim.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/durable.h"
#include "base/names.h"
#include "spool/copy.h"
#include "spool/folders.h"
#include "spool/ticket.h"

enum { IDS_TRIED = 9999, DIRECTORY_MODE = 0750 };

void claim_free(Claim *claim)
{
  if (claim == NULL) {
    return;
  }
  g_free(claim->id);
  g_free(claim->directory);
  g_free(claim->source);
  g_free(claim->name);
  g_free(claim->channel);
  g_free(claim);
}

Claim *claim_at(const Config *config, const char *id)
{
  g_autofree char *folder = g_strconcat(id, CLAIM_SUFFIX, NULL);
  Claim *claim = g_new0(Claim, 1);

  claim->id = g_strdup(id);
  claim->directory = spool_path(config, SPOOL_QUEUE, folder);
  return claim;
}

char *claim_path(const Claim *claim, const char *name)
{
  return g_build_filename(claim->directory, name, NULL);
}

/* Splits a path below incoming/ into its channel's folder (NULL: incoming/ itself) and
 * the drop's name. */
static gboolean split_path(const Config *config, const char *path, char **folder, char **name,
                           GError **error)
{
  g_autofree char *incoming = spool_path(config, SPOOL_INCOMING, NULL);
  gsize length = strlen(incoming);
  gboolean is_below = strncmp(path, incoming, length) == 0 && path[length] == '/';
  g_auto(GStrv) parts = g_strsplit(is_below ? path + length + 1 : "", "/", -1);
  guint count = g_strv_length(parts);

  for (guint i = 0; i < count; i++) {
    if (*parts[i] == '\0' || g_str_equal(parts[i], ".") || g_str_equal(parts[i], "..")) {
      count = 0;
    }
  }
  if (count != 1 && count != 2) {
    g_autofree char *visible = text_make_visible(path);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "%s is no drop: drops lie in %s or in a channel's folder there", visible, incoming);
    return FALSE;
  }
  *folder = count == 2 ? g_strdup(parts[0]) : NULL;
  *name = g_strdup(parts[count - 1]);
  return TRUE;
}

/* Opens the folder in which a drop lies and sees that it is one. */
static int open_drop_folder(const Config *config, const char *folder, const char *name,
                            GError **error)
{
  struct stat status;
  autofd incoming = spool_open_incoming(config, folder);

  if (incoming < 0 || fstatat(incoming, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    spool_fail(error, NULL, "claim %s", name);
    return -1;
  }
  if (folder == NULL && spool_is_channel_folder(config, incoming, name)) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR, "%s is a channel's folder, not a drop",
                name);
    return -1;
  }
  return g_steal_fd(&incoming);
}

/* Whether a release, or what may become one, has the id already, wherever it is now. */
static gboolean id_is_taken(const Config *config, const char *id)
{
  for (SpoolFolder folder = SPOOL_QUEUE; folder <= SPOOL_REJECTED; folder++) {
    struct stat status;
    g_autofree char *path = spool_path(config, folder, id);
    if (lstat(path, &status) == 0 || errno != ENOENT) {
      return TRUE;
    }
  }
  return FALSE;
}

/* A claim with an id of its own, and its folder. */
static Claim *make_claim(const Config *config, const char *name, GError **error)
{
  gint64 now = clock_wall_ms();
  g_autofree char *stem = release_id_new(now, name);
  g_autofree char *queue = spool_path(config, SPOOL_QUEUE, NULL);

  for (guint i = 1; i <= IDS_TRIED; i++) {
    g_autofree char *id = i == 1 ? g_strdup(stem) : g_strdup_printf("%s-%u", stem, i);
    g_autoptr(Claim) claim = claim_at(config, id);
    if (id_is_taken(config, id)) {
      continue;
    }
    if (mkdir(claim->directory, DIRECTORY_MODE) == 0) {
      claim->claimed_ms = now;
      return durable_sync_directory(queue, error) ? g_steal_pointer(&claim) : NULL;
    }
    if (errno != EEXIST) {
      spool_fail(error, NULL, "make folder %s", claim->directory);
      return NULL;
    }
  }
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST, "no free id is left for %s", stem);
  return NULL;
}

/* Moves the drop from one open folder into another one, durably. */
static gboolean move_drop(int from, int to, const char *name, GError **error)
{
  static const char other_system[] =
      "incoming/ and queue/ must be on one file system, without mounts inside the spool";
  const char *advice = NULL;

  if (renameat2(from, name, to, name, RENAME_NOREPLACE) != 0) {
    if (errno == EXDEV || errno == EBUSY) {
      advice = other_system;
    } else if (errno == EACCES || errno == EPERM) {
      advice = "the daemon needs write permission for the folder in which it lies and, where a "
               "folder was dropped, for the folder itself (chmod g+w, with the daemon's group)";
    }
    return spool_fail(error, advice, "move %s", name);
  }
  /* The new name first: a crash in between may leave two names, never none. */
  return (fsync(to) == 0 && fsync(from) == 0) || spool_fail(error, NULL, "sync move of %s", name);
}

static int open_own_folder(const char *path, GError **error)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0) {
    spool_fail(error, NULL, "open folder %s", path);
  }
  return fd;
}

gboolean claim_copy(const Config *config, Claim *claim, Report *report, GError **error)
{
  g_autofree char *drop_path = claim_path(claim, CLAIM_DROP);
  g_autofree char *source_path = claim_path(claim, CLAIM_SOURCE);
  struct stat status;

  /* Its name is synced with the journal's; before, nobody relies on it. */
  if (mkdir(source_path, DIRECTORY_MODE) != 0) {
    return spool_fail(error, NULL, "make folder %s", source_path);
  }
  autofd drop = open_own_folder(drop_path, error);
  autofd source = drop >= 0 ? open_own_folder(source_path, error) : -1;
  if (source < 0) {
    return FALSE;
  }
  if (fstatat(drop, claim->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return spool_fail(error, NULL, "look at %s", claim->name);
  }
  claim->owner = status.st_uid;
  g_free(claim->source);
  claim->source = g_build_filename(source_path, claim->name, NULL);
  return copy_drop(drop, claim->name, source, config->max_bundle_size, report, error);
}

/* Undoes what there is of a claim. A drop that was moved goes back; where that fails, it
 * stays claimed, and claim_recover() has it the next time. */
static void abandon_claim(const Claim *claim, int incoming, gboolean moved)
{
  g_autoptr(GError) error = NULL;

  if (moved) {
    g_autofree char *drop_path = claim_path(claim, CLAIM_DROP);
    autofd drop = open_own_folder(drop_path, &error);
    if (drop < 0 || !move_drop(drop, incoming, claim->name, &error)) {
      g_warning("%s stays in %s: %s", claim->name, claim->directory, error->message);
      return;
    }
  }
  if (!durable_remove_tree(claim->directory, &error)) {
    g_warning("an abandoned claim is left behind: %s", error->message);
  }
}

/* Writes down what is about to be claimed, then claims it. */
static gboolean take_drop(const Claim *claim, int incoming, gboolean *moved, GError **error)
{
  g_autofree char *drop_path = claim_path(claim, CLAIM_DROP);

  *moved = FALSE;
  if (mkdir(drop_path, DIRECTORY_MODE) != 0) {
    return spool_fail(error, NULL, "make folder %s", drop_path);
  }
  /* This syncs the folder in which both names are. */
  if (!ticket_write(claim, error)) {
    return FALSE;
  }
  autofd drop = open_own_folder(drop_path, error);
  if (drop < 0) {
    return FALSE;
  }
  gboolean taken = move_drop(incoming, drop, claim->name, error);
  *moved = faccessat(drop, claim->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  return taken;
}

Claim *claim_take(const Config *config, const char *path, const char *channel, Report *report,
                  GError **error)
{
  g_autofree char *folder = NULL;
  g_autofree char *name = NULL;
  gboolean moved;

  if (!split_path(config, path, &folder, &name, error)) {
    return NULL;
  }
  autofd incoming = open_drop_folder(config, folder, name, error);
  g_autoptr(Claim) claim = incoming >= 0 ? make_claim(config, name, error) : NULL;
  if (claim == NULL) {
    return NULL;
  }
  claim->name = g_steal_pointer(&name);
  claim->channel = g_strdup(channel);
  if (!take_drop(claim, incoming, &moved, error) || !claim_copy(config, claim, report, error)) {
    abandon_claim(claim, incoming, moved);
    return NULL;
  }
  return g_steal_pointer(&claim);
}

gboolean claim_accept(const Config *config, Claim *claim, GError **error)
{
  g_autofree char *release = spool_path(config, SPOOL_QUEUE, claim->id);

  if (!durable_rename(claim->directory, release, error)) {
    return FALSE;
  }
  g_free(claim->directory);
  claim->directory = g_strdup(release);
  g_free(claim->source);
  claim->source = g_build_filename(release, CLAIM_SOURCE, claim->name, NULL);
  return TRUE;
}

void claim_tidy(const Claim *claim)
{
  static const char *const settled[] = {CLAIM_DROP, CLAIM_TICKET};

  /* It is accepted, whatever becomes of these. */
  for (guint i = 0; i < G_N_ELEMENTS(settled); i++) {
    g_autofree char *path = claim_path(claim, settled[i]);
    g_autoptr(GError) trouble = NULL;
    if (!durable_remove_tree(path, &trouble)) {
      g_warning("release %s is accepted, but: %s", claim->id, trouble->message);
    }
  }
}
