/* SPDX-License-Identifier: Apache-2.0 */

/* What a crash left in queue/, brought back to one of the places that claim.c lists. */
#include "spool/claim.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "base/durable.h"
#include "base/names.h"
#include "spool/folders.h"
#include "spool/ticket.h"

/* Removes all of the folder but what keep names (NULL-terminated). */
static gboolean remove_all_but(const char *folder, const char *const *keep, GError **error)
{
  g_autoptr(DIR) names = folder_open(AT_FDCWD, folder);
  const char *name;

  if (names == NULL) {
    return spool_fail(error, NULL, "open folder %s", folder);
  }
  while ((name = folder_next(names)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!g_strv_contains(keep, name) && !durable_remove_tree(path, error)) {
      return FALSE;
    }
  }
  return errno == 0 || spool_fail(error, NULL, "read folder %s", folder);
}

/* TRUE also where nobody can tell: what cannot be read is not thrown away. */
static gboolean holds_anything(const char *folder)
{
  g_autoptr(DIR) names = folder_open(AT_FDCWD, folder);

  if (names == NULL) {
    return errno != ENOENT;
  }
  return folder_next(names) != NULL || errno != 0;
}

/* FALSE where nobody can tell. */
static gboolean look_for(const char *folder, const char *name, gboolean *there, GError **error)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  struct stat status;

  *there = lstat(path, &status) == 0;
  return *there || errno == ENOENT || spool_fail(error, NULL, "look for %s", path);
}

static gboolean remove_from(const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  gboolean there;

  return look_for(folder, name, &there, error) && (!there || durable_remove_tree(path, error));
}

/* Nothing but the drop and the ticket survives; all the rest can be made again. */
static gboolean begin_anew(const Config *config, Claim *claim, const char *drop, Report *report,
                           GError **error)
{
  const char *const kept[] = {CLAIM_TICKET, CLAIM_DROP, NULL};
  const char *const dropped[] = {claim->name, NULL};

  return remove_all_but(claim->directory, kept, error) && remove_all_but(drop, dropped, error) &&
         claim_copy(config, claim, report, error);
}

/* Nothing that the ticket says is believed, so that no file of the drop's is taken for
 * one of ours. */
static gboolean reject_damaged(const Config *config, const char *id, GError **error)
{
  g_autoptr(Claim) claim = claim_at(config, id);
  g_autoptr(Report) report = report_new();

  report_error(report, NULL, 0, 0,
               "the note of who dropped this, and where, was damaged while the daemon or the "
               "machine stopped; nothing is wrong with the file itself, so drop it again");
  return claim_reject(config, claim, report, error);
}

/* FALSE where nobody can tell whether the ticket is whole and its drop is there. */
static gboolean read_ticket(Claim *claim, const char *drop, gboolean *whole, GError **error)
{
  GError *failure = NULL;

  *whole = ticket_read(claim, &failure);
  if (failure != NULL) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  return !*whole || look_for(drop, claim->name, whole, error);
}

/* Sets *claim where there is one to go on with. */
static gboolean recover_claim(const Config *config, const char *id, Claim **claim, Report *report,
                              GError **error)
{
  g_autoptr(Claim) found = claim_at(config, id);
  g_autofree char *drop = claim_path(found, CLAIM_DROP);
  gboolean whole;

  if (!holds_anything(drop)) {
    return durable_remove_tree(found->directory, error);
  }
  if (!read_ticket(found, drop, &whole, error)) {
    return FALSE;
  }
  if (!whole) {
    return reject_damaged(config, id, error);
  }
  if (!begin_anew(config, found, drop, report, error)) {
    return FALSE;
  }
  *claim = g_steal_pointer(&found);
  return TRUE;
}

/* An accepted release from which claim_tidy() did not come to remove these. */
static gboolean clear_accepted(const Config *config, const char *id, GError **error)
{
  g_autofree char *release = spool_path(config, SPOOL_QUEUE, id);

  return remove_from(release, CLAIM_DROP, error) && remove_from(release, CLAIM_TICKET, error);
}

/* One that cannot be recovered now stays as it is for the next time, and does not keep
 * the others from being recovered. */
static void recover_name(const Config *config, const char *name, GPtrArray *claims,
                         GHashTable *reports, ClaimStays stays, gpointer data)
{
  g_autofree char *id = g_str_has_suffix(name, CLAIM_SUFFIX)
                            ? g_strndup(name, strlen(name) - strlen(CLAIM_SUFFIX))
                            : NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(Report) report = report_new();
  Claim *claim = NULL;

  if (id == NULL && release_id_is_valid(name) && !clear_accepted(config, name, &error)) {
    g_warning("release %s keeps what it no longer needs: %s", name, error->message);
  }
  if (id == NULL || !release_id_is_valid(id)) {
    return;
  }
  if (!recover_claim(config, id, &claim, report, &error)) {
    stays(id, error, data);
  } else if (claim != NULL) {
    g_ptr_array_add(claims, claim);
    g_hash_table_insert(reports, claim, g_steal_pointer(&report));
  }
}

static int compare_age(gconstpointer a, gconstpointer b)
{
  const Claim *left = *(Claim *const *)a, *right = *(Claim *const *)b;

  if (left->claimed_ms != right->claimed_ms) {
    return left->claimed_ms < right->claimed_ms ? -1 : 1;
  }
  return strcmp(left->id, right->id);
}

/* All names first: recovering changes the folder. */
static GPtrArray *read_queue(const Config *config, GError **error)
{
  g_autofree char *queue = spool_path(config, SPOOL_QUEUE, NULL);
  g_autoptr(DIR) folder = folder_open(AT_FDCWD, queue);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  const char *name;

  if (folder != NULL) {
    while ((name = folder_next(folder)) != NULL) {
      g_ptr_array_add(names, g_strdup(name));
    }
  }
  if (errno != 0) {
    spool_fail(error, NULL, "read folder %s", queue);
    return NULL;
  }
  return g_steal_pointer(&names);
}

GPtrArray *claim_recover(const Config *config, ClaimStays stays, gpointer data,
                         GPtrArray **reports, GError **error)
{
  g_autoptr(GPtrArray) names = read_queue(config, error);
  g_autoptr(GHashTable) report_of = g_hash_table_new(NULL, NULL);

  *reports = NULL;
  if (names == NULL) {
    return NULL;
  }
  GPtrArray *claims = g_ptr_array_new_with_free_func((GDestroyNotify)claim_free);
  for (guint i = 0; i < names->len; i++) {
    recover_name(config, g_ptr_array_index(names, i), claims, report_of, stays, data);
  }
  g_ptr_array_sort(claims, compare_age);
  *reports = g_ptr_array_new_with_free_func((GDestroyNotify)report_free);
  for (guint i = 0; i < claims->len; i++) {
    g_ptr_array_add(*reports, g_hash_table_lookup(report_of, g_ptr_array_index(claims, i)));
  }
  return claims;
}
