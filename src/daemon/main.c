/* SPDX-License-Identifier: Apache-2.0 */

/* datelined: takes press releases out of a spool folder and sends each to its list. This
 * file is the process: options, signals, the service manager. */

#include <errno.h>
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/notice.h"
#include "daemon/daemon.h"

typedef struct {
  GMainLoop *loop;
  char *config_path;
  Daemon *daemon;
} Process;

/* To the journal with its priority, or to a terminal or a file as plain lines. */
static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                  gpointer data)
{
  if (g_log_writer_default_would_drop(level, G_LOG_DOMAIN))
    return G_LOG_WRITER_HANDLED;
  if (g_log_writer_is_journald(STDERR_FILENO))
    return g_log_writer_journald(level, fields, n_fields, data);
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal(fields[i].key, "MESSAGE"))
      fprintf(stderr, "datelined: %s\n", (const char *)fields[i].value);
  return G_LOG_WRITER_HANDLED;
}

/* Passwords and tokens pass through the memory of this process: it leaves no core file, and
 * other processes of its user can neither trace it nor read its memory. The sanitizers look
 * for leaks by tracing, so that what is built with them stays open. */
static void guard_memory(void)
{
  const struct rlimit none = { 0, 0 };
  const char *open = g_getenv("DATELINE_DUMPABLE");
#ifdef __has_feature
  const gboolean traced = __has_feature(address_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
  const gboolean traced = TRUE;
#else
  const gboolean traced = FALSE;
#endif
  if (traced || g_strcmp0(open, "1") == 0)
    return;
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
    g_warning("what is in memory is not kept from core files: %s", g_strerror(errno));
}

static Config *load_config(const char *path)
{
  g_autoptr(Report) report = report_new();
  Config *config = config_load(path, report);
  if (report_length(report) > 0) {
    g_autofree char *findings = report_to_text(report);
    g_autofree char *stripped = g_strchomp(g_strdup(findings));
    if (config == NULL)
      g_critical("%s", stripped);
    else
      g_warning("%s", stripped);
  }
  return config;
}

static void G_GNUC_PRINTF(1, 2) refuse_reload(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *reason = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  notice(NOTICE_RELOAD_REFUSED, (NoticeFields){ .reason = reason },
         "%s: the settings stay as they were", reason);
}

/* A bad file leaves everything as it was. */
static gboolean on_hangup(gpointer data)
{
  Process *process = data;
  g_autoptr(GError) error = NULL;
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
  g_autoptr(Config) config = load_config(process->config_path);
  if (config == NULL)
    refuse_reload("%s has mistakes", process->config_path);
  else if (!daemon_reload(process->daemon, config, &error))
    refuse_reload("%s", error->message);
  else
    notice(NOTICE_RELOADED, (NoticeFields){ 0 }, "settings read anew from %s",
           process->config_path);
  sd_notify(0, "READY=1");
  return G_SOURCE_CONTINUE;
}

static gboolean on_terminate(gpointer data)
{
  Process *process = data;
  g_message("stopping");
  daemon_stop(process->daemon);
  return G_SOURCE_CONTINUE;
}

static void on_stopped(gpointer data)
{
  Process *process = data;
  g_main_loop_quit(process->loop);
}

static int run(Process *process)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Config) config = load_config(process->config_path);
  if (config == NULL)
    return EX_CONFIG;
  process->loop = g_main_loop_new(NULL, FALSE);
  process->daemon = daemon_new(config, on_stopped, process, &error);
  if (process->daemon == NULL) {
    g_critical("cannot start: %s", error->message);
    g_main_loop_unref(process->loop);
    return EX_UNAVAILABLE;
  }
  guint sources[] = {
    g_unix_signal_add(SIGHUP, on_hangup, process),
    g_unix_signal_add(SIGTERM, on_terminate, process),
    g_unix_signal_add(SIGINT, on_terminate, process),
  };
  notice(NOTICE_STARTED, (NoticeFields){ 0 }, "datelined %s works on %s", DATELINE_VERSION,
         config->spool);
  sd_notify(0, "READY=1");
  g_main_loop_run(process->loop);
  for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
    g_source_remove(sources[i]);
  daemon_free(process->daemon);
  g_main_loop_unref(process->loop);
  notice(NOTICE_STOPPED, (NoticeFields){ 0 }, "stopped");
  return EX_OK;
}

int main(int argc, char **argv)
{
  g_autofree char *config_path = NULL;
  gboolean version = FALSE;
  const GOptionEntry options[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path, "Read the settings from FILE",
      "FILE" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and exit", NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(GOptionContext) context = g_option_context_new(NULL);
  setlocale(LC_ALL, "");
  signal(SIGPIPE, SIG_IGN);
  g_log_set_writer_func(write_log, NULL, NULL);
  g_option_context_set_summary(context, "Sends what is dropped into the spool; see datelined(8).");
  g_option_context_add_main_entries(context, options, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
    fprintf(stderr, "datelined: %s; see datelined --help\n",
            error != NULL ? error->message : "there are no arguments but options");
    return EX_USAGE;
  }
  if (version) {
    printf("datelined %s\n", DATELINE_VERSION);
    return EX_OK;
  }
  guard_memory();
  Process process = { .config_path = g_strdup(config_path != NULL ? config_path
                                                                  : config_default_path()) };
  int status = run(&process);
  g_free(process.config_path);
  return status;
}
