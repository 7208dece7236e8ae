/* SPDX-License-Identifier: Apache-2.0 */

/* dateline send: puts a copy into the spool as the daemon wants it. It grows in a folder
 * whose name begins with a dot, which the daemon passes over; only when it is complete, on
 * disk and open to the daemon does it get its name, by one rename(2). */

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/durable.h"
#include "base/names.h"
#include "cli/command.h"
#include "control/client.h"
#include "spool/copy.h"
#include "spool/folders.h"
#include "spool/watch.h"

enum { FILE_MODE = 0640, FOLDER_MODE = 0770 };

typedef struct {
  const Config *config;
  const char *channel;   /* NULL: the default one, in incoming/ itself */
  char *source;          /* absolute */
  char *name;
  char *folder;          /* of the spool, into which it goes */
} Parcel;

static int refuse(GError **error, int otherwise)
{
  int status = complain_error(*error, otherwise);

  g_clear_error(error);
  return status;
}

/* --- Before anything is copied --- */

static int check_name(const Parcel *parcel)
{
  const char *why;

  if (!g_file_test(parcel->source, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK)) {
    complain("there is no file %s", parcel->source);
    return EX_NOINPUT;
  }
  if (!name_is_safe(parcel->name, &why)) {
    complain("the name \"%s\" cannot be used: %s; rename it", parcel->name, why);
    return EX_DATAERR;
  }
  if (!watch_name_is_ready(parcel->name)) {
    complain("the name \"%s\" means something unfinished, which the daemon passes over; rename it",
             parcel->name);
    return EX_DATAERR;
  }
  return EX_OK;
}

static int check_place(const Parcel *parcel)
{
  struct stat status;
  GError *error = NULL;
  autofd folder = spool_open_incoming(parcel->config, parcel->channel);

  if (folder < 0) {
    spool_fail(&error, errno == ENOENT ? "has datelined ever run with this configuration?" : NULL,
               "open %s", parcel->folder);
    return refuse(&error, EX_CANTCREAT);
  }
  if (fstatat(folder, parcel->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return EX_OK;
  }
  if (parcel->channel == NULL && spool_is_channel_folder(parcel->config, folder, parcel->name)) {
    complain("\"%s\" is a channel's folder in %s; rename yours, or choose the channel with \"-c "
             "%s\"", parcel->name, parcel->folder, parcel->name);
  } else {
    complain("there is a \"%s\" in %s already, which the daemon has not taken yet; wait, or rename "
             "yours and send that", parcel->name, parcel->folder);
  }
  return EX_CANTCREAT;
}

/* --- The copy --- */

static gboolean copy_source(const Parcel *parcel, const char *into, Report *report, GError **error)
{
  g_autofree char *parent = g_path_get_dirname(parcel->source);
  autofd from = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  autofd to = open(into, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (from < 0 || to < 0) {
    return spool_fail(error, NULL, "open %s", from < 0 ? parent : into);
  }
  return copy_drop(from, parcel->name, to, parcel->config->max_bundle_size, report, error);
}

static gboolean permit_entry(const FTSENT *entry, gid_t group, GError **error)
{
  gboolean folder = entry->fts_info == FTS_D;

  if (entry->fts_info != FTS_D && entry->fts_info != FTS_F) {
    return TRUE;
  }
  /* Usually it has the group already, by the set-group-ID bit of the spool's folder; where
   * it cannot be given, the permissions are still the best there are. */
  if (chown(entry->fts_accpath, (uid_t)-1, group) != 0) {
    g_debug("the group of %s stays as it is: %s", entry->fts_path, g_strerror(errno));
  }
  return chmod(entry->fts_accpath, folder ? FOLDER_MODE : FILE_MODE) == 0 ||
         spool_fail(error, NULL, "set the permissions of %s", entry->fts_path);
}

/* To move a folder away and to remove what is in it, the daemon must be able to write to it.
 * Nobody else can come near the copy before it is renamed. */
static gboolean permit_daemon(const Parcel *parcel, const char *copy, GError **error)
{
  struct stat model;
  char *paths[] = {(char *)copy, NULL};
  gboolean permitted = TRUE;
  FTSENT *entry;

  if (stat(parcel->folder, &model) != 0) {
    return spool_fail(error, NULL, "look at %s", parcel->folder);
  }
  FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  if (walk == NULL) {
    return spool_fail(error, NULL, "look at %s", copy);
  }
  while (permitted && (entry = fts_read(walk)) != NULL) {
    permitted = permit_entry(entry, model.st_gid, error);
  }
  fts_close(walk);
  return permitted;
}

static int put(const Parcel *parcel, const char *workspace)
{
  g_autoptr(Report) report = report_new();
  g_autofree char *copy = g_build_filename(workspace, parcel->name, NULL);
  g_autofree char *target = g_build_filename(parcel->folder, parcel->name, NULL);
  GError *error = NULL;

  if (!copy_source(parcel, workspace, report, &error)) {
    return refuse(&error, EX_CANTCREAT);
  }
  if (report_failed(report)) {
    g_autofree char *findings = report_to_text(report);
    fputs(findings, stderr);
    complain("%s was not sent", parcel->name);
    return EX_DATAERR;
  }
  if (!permit_daemon(parcel, copy, &error) || !durable_rename(copy, target, &error)) {
    return refuse(&error, EX_CANTCREAT);
  }
  return EX_OK;
}

static int put_in_workspace(const Parcel *parcel)
{
  GError *error = NULL;
  g_autofree char *workspace = g_build_filename(parcel->folder, ".send-XXXXXX", NULL);

  if (g_mkdtemp(workspace) == NULL) {
    spool_fail(&error, NULL, "write into %s", parcel->folder);
    return refuse(&error, EX_CANTCREAT);
  }
  int status = put(parcel, workspace);
  if (!durable_remove_tree(workspace, &error)) {
    complain("%s", error->message);
    g_clear_error(&error);
  }
  return status;
}

/* --- Afterwards --- */

static void tell(const Parcel *parcel)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *socket = g_build_filename(parcel->config->runtime, "control", NULL);
  g_autofree char *rejected = spool_path(parcel->config, SPOOL_REJECTED, NULL);
  g_autofree char *slug = name_to_slug(parcel->name);
  g_autoptr(JsonNode) request = control_request("rescan");
  g_autoptr(JsonNode) reply = control_call(socket, request, &error);
  const ChannelSettings *channel = config_channel(parcel->config, parcel->channel);

  printf("%s is in the spool, for the channel %s.\n", parcel->name, channel->name);
  if (reply == NULL) {
    complain("%s", error->message);
    printf("It waits in %s until datelined takes it.\n", parcel->folder);
    return;
  }
  printf("datelined looks at it now: \"dateline status %s\" tells what becomes of it.\n"
         "If there are mistakes in it, nobody gets it, and it lies in %s with the reasons in "
         "REASON.txt.\n", slug, rejected);
}

static int send_parcel(const Parcel *parcel)
{
  int status = check_name(parcel);

  if (status == EX_OK) {
    status = check_place(parcel);
  }
  if (status == EX_OK) {
    status = put_in_workspace(parcel);
  }
  if (status == EX_OK) {
    tell(parcel);
  }
  return status;
}

static int run(Invocation *invocation)
{
  g_autofree char *channel = NULL;
  const GOptionEntry entries[] = {
    {"channel", 'c', 0, G_OPTION_ARG_FILENAME, &channel, "Instead of the first channel", "CHANNEL"},
    G_OPTION_ENTRY_NULL,
  };
  int status;

  if (!command_options(invocation, entries, 1, 1)) {
    return EX_USAGE;
  }
  g_autoptr(Config) config = command_config(invocation, &status);
  if (config == NULL) {
    return status;
  }
  if (!command_check_channel(config, channel)) {
    return EX_USAGE;
  }
  Parcel parcel = {.config = config, .channel = channel};
  parcel.source = g_canonicalize_filename(invocation->arguments[0], NULL);
  parcel.name = g_path_get_basename(parcel.source);
  parcel.folder = spool_path(config, SPOOL_INCOMING, channel);
  status = send_parcel(&parcel);
  g_free(parcel.source);
  g_free(parcel.name);
  g_free(parcel.folder);
  return status;
}

const Command send_command = {
  .name = "send",
  .arguments = "FILE",
  .help = "Put a release into the spool",
  .example = "  dateline send -c press jakarta.md\n",
  .run = run,
};
