/* SPDX-License-Identifier: Apache-2.0 */

/* dateline-sink: an SMTP server on loopback that keeps what it is sent, and misbehaves
 * when told to. See dateline-sink(1). */

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/server.h"
#include "sink/tls.h"

enum {
  EXIT_USAGE = 2,
  DEFAULT_PORT = 2525,
  MAX_THREADS = 64,
  MAX_DELAY = 24 * 60 * 60 * 1000,  /* milliseconds */
};

/* The options as they were given. */
typedef struct {
  char *listen, *port_file;
  char *maildir, *record;
  gboolean count;
  char *extensions;
  char **no_extension;
  char *auth;
  char *tls_cert, *tls_key, *write_ca;
  gboolean tls_wrapped;
  char *script;
  char **faults;
  gboolean strict, version;
  int delay, latency, threads;
} Options;

static gboolean usage_error(GError **error, const char *text)
{
  g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, text);
  return FALSE;
}

static GOptionContext *make_context(Options *options)
{
  const GOptionEntry entries[] = {
    {"listen", 'l', 0, G_OPTION_ARG_STRING, &options->listen,
     "Listen there; port 0 takes a free one (default 127.0.0.1:2525)", "ADDRESS:PORT"},
    {"port-file", 0, 0, G_OPTION_ARG_FILENAME, &options->port_file,
     "Write the port's number to FILE", "FILE"},
    {"maildir", 'm', 0, G_OPTION_ARG_FILENAME, &options->maildir,
     "Keep every accepted message in a Maildir", "DIR"},
    {"record", 'r', 0, G_OPTION_ARG_FILENAME, &options->record,
     "Append a line for every accepted message", "FILE"},
    {"count", 0, 0, G_OPTION_ARG_NONE, &options->count,
     "Only count messages; this is so unless --maildir is given", NULL},
    {"extensions", 'e', 0, G_OPTION_ARG_STRING, &options->extensions,
     "Offer these SMTP extensions and no others", "NAME[=VALUE],…"},
    {"no-extension", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->no_extension,
     "Do not offer this extension", "NAME"},
    {"auth", 'a', 0, G_OPTION_ARG_STRING, &options->auth,
     "Take mail only after AUTH with this pair", "USER:PASSWORD"},
    {"tls-cert", 0, 0, G_OPTION_ARG_FILENAME, &options->tls_cert,
     "Offer STARTTLS with this certificate", "FILE"},
    {"tls-key", 0, 0, G_OPTION_ARG_FILENAME, &options->tls_key, "The certificate's key", "FILE"},
    {"tls-wrapped", 0, 0, G_OPTION_ARG_NONE, &options->tls_wrapped,
     "Speak TLS from the first octet on", NULL},
    {"write-ca", 0, 0, G_OPTION_ARG_FILENAME, &options->write_ca,
     "Offer STARTTLS and write the certificate to FILE", "FILE"},
    {"threads", 't', 0, G_OPTION_ARG_INT, &options->threads, "Threads (default 1)", "N"},
    {"script", 's', 0, G_OPTION_ARG_FILENAME, &options->script,
     "Misbehave by the rules in FILE", "FILE"},
    {"fault", 'f', 0, G_OPTION_ARG_STRING_ARRAY, &options->faults, "Misbehave by this rule",
     "RULE"},
    {"delay", 0, 0, G_OPTION_ARG_INT, &options->delay, "Wait before every reply", "MILLISECONDS"},
    {"latency", 0, 0, G_OPTION_ARG_INT, &options->latency,
     "Let every reply be so long under way, as over a long line", "MILLISECONDS"},
    {"strict", 0, 0, G_OPTION_ARG_NONE, &options->strict,
     "Refuse what SMTP forbids even where it can be understood", NULL},
    {"version", 'V', 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL},
    {0},
  };
  GOptionContext *context = g_option_context_new(NULL);
  g_option_context_set_summary(context, "An SMTP server on loopback for trying out, tests and "
                                        "benchmarks. See dateline-sink(1).");
  g_option_context_add_main_entries(context, entries, NULL);
  return context;
}

static void options_clear(Options *options)
{
  char *strings[] = {options->listen, options->port_file, options->maildir, options->record,
                     options->extensions, options->auth, options->tls_cert, options->tls_key,
                     options->write_ca, options->script};
  for (gsize i = 0; i < G_N_ELEMENTS(strings); i++) {
    g_free(strings[i]);
  }
  g_strfreev(options->no_extension);
  g_strfreev(options->faults);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean options_read(Options *options, int argc, char **argv, GError **error)
{
  g_autoptr(GOptionContext) context = make_context(options);
  if (!g_option_context_parse(context, &argc, &argv, error)) {
    return FALSE;
  }
  if (argc > 1) {
    return usage_error(error, "there are only options, no arguments");
  }
  if (options->count && options->maildir != NULL) {
    return usage_error(error, "--count keeps nothing, --maildir everything; give one of them");
  }
  if ((options->tls_cert != NULL) != (options->tls_key != NULL)) {
    return usage_error(error, "--tls-cert and --tls-key go together");
  }
  if (options->auth != NULL && strchr(options->auth, ':') == NULL) {
    return usage_error(error, "--auth: expected USER:PASSWORD");
  }
  if (options->threads < 1 || options->threads > MAX_THREADS) {
    return usage_error(error, "--threads: expected 1 to 64");
  }
  if (options->delay < 0 || options->delay > MAX_DELAY) {
    return usage_error(error, "--delay: expected milliseconds, at most a day");
  }
  if (options->latency < 0 || options->latency > MAX_DELAY) {
    return usage_error(error, "--latency: expected milliseconds, at most a day");
  }
  return TRUE;
}

/* "127.0.0.1:2525", "[::1]:2525", "localhost:2525" or only "2525". */
static GInetSocketAddress *read_address(const char *text, GError **error)
{
  gboolean only_port = *text != '\0' && strspn(text, "0123456789") == strlen(text);
  g_autofree char *whole = only_port ? g_strdup_printf("127.0.0.1:%s", text) : g_strdup(text);
  g_autoptr(GSocketConnectable) parsed = g_network_address_parse(whole, DEFAULT_PORT, NULL);
  GSocketAddress *address = NULL;
  if (parsed != NULL) {
    const char *host = g_network_address_get_hostname(G_NETWORK_ADDRESS(parsed));
    address = g_inet_socket_address_new_from_string(
        strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
        g_network_address_get_port(G_NETWORK_ADDRESS(parsed)));
  }
  if (address == NULL) {
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--listen %s: expected an IP address and a port, such as 127.0.0.1:2525", text);
    return NULL;
  }
  return G_INET_SOCKET_ADDRESS(address);
}

static Script *read_script(const Options *options, GError **error)
{
  g_autoptr(Script) script = script_new();
  g_autoptr(GString) problems = g_string_new(NULL);
  if (options->script != NULL) {
    g_autofree char *text = NULL;
    if (!g_file_get_contents(options->script, &text, NULL, error)) {
      return NULL;
    }
    script_add(script, options->script, text, problems);
  }
  for (guint i = 0; options->faults != NULL && options->faults[i] != NULL; i++) {
    g_autofree char *origin = g_strdup_printf("--fault %u", i + 1);
    script_add(script, origin, options->faults[i], problems);
  }
  if (problems->len > 0) {
    g_string_truncate(problems, problems->len - 1);
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "the rules are not right:\n%s",
                problems->str);
    return NULL;
  }
  return g_steal_pointer(&script);
}

/* What is offered by default depends on what the other options prepare. */
static Extensions *read_extensions(const Options *options, GError **error)
{
  g_autoptr(Extensions) extensions = extensions_new();
  if (options->extensions != NULL && !extensions_set(extensions, options->extensions, error)) {
    return NULL;
  }
  if (options->auth != NULL) {
    extensions_add(extensions, EXTENSION_AUTH);
  }
  if ((options->tls_cert != NULL || options->write_ca != NULL) && !options->tls_wrapped) {
    extensions_add(extensions, EXTENSION_STARTTLS);
  }
  for (guint i = 0; options->no_extension != NULL && options->no_extension[i] != NULL; i++) {
    if (!extensions_remove(extensions, options->no_extension[i], error)) {
      return NULL;
    }
  }
  return g_steal_pointer(&extensions);
}

static gboolean set_up_tls(Service *service, const Options *options, GError **error)
{
  if (!options->tls_wrapped && !extensions_offer(service->extensions, EXTENSION_STARTTLS)) {
    return options->write_ca == NULL ||
           usage_error(error, "--write-ca: there is no certificate without STARTTLS");
  }
  service->tls = tls_context_new(options->tls_cert, options->tls_key, error);
  return service->tls != NULL &&
         (options->write_ca == NULL ||
          tls_write_certificate(service->tls, options->write_ca, error));
}

static void service_free(Service *service)
{
  extensions_free(service->extensions);
  g_free(service->hello);
  g_free(service->hello_tls);
  script_free(service->script);
  store_close(service->store);
  SSL_CTX_free(service->tls);
  g_free(service->credential.user);
  g_free(service->credential.password);
  g_free(service);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

static Service *service_new(const Options *options, GError **error)
{
  g_autoptr(Service) service = g_new0(Service, 1);
  service->strict = options->strict;
  service->delay = (guint)options->delay;
  service->latency = (guint)options->latency;
  service->tls_wrapped = options->tls_wrapped;
  if (options->auth != NULL) {
    const char *colon = strchr(options->auth, ':');
    service->credential.user = g_strndup(options->auth, (gsize)(colon - options->auth));
    service->credential.password = g_strdup(colon + 1);
  }
  service->extensions = read_extensions(options, error);
  service->script = service->extensions != NULL ? read_script(options, error) : NULL;
  service->store =
      service->script != NULL ? store_open(options->maildir, options->record, error) : NULL;
  if (service->store == NULL || !set_up_tls(service, options, error)) {
    return NULL;
  }
  service->hello = extensions_to_reply(service->extensions, options->tls_wrapped);
  service->hello_tls = extensions_to_reply(service->extensions, TRUE);
  return g_steal_pointer(&service);
}

static gboolean announce(const Server *server, GInetSocketAddress *address, const char *port_file,
                         GError **error)
{
  GInetAddress *host = g_inet_socket_address_get_address(address);
  gboolean six = g_inet_address_get_family(host) == G_SOCKET_FAMILY_IPV6;
  g_autofree char *name = g_inet_address_to_string(host);
  g_autofree char *port = g_strdup_printf("%u\n", server_port(server));
  if (port_file != NULL && !g_file_set_contents(port_file, port, -1, error)) {
    return FALSE;
  }
  printf("listening on %s%s%s:%s", six ? "[" : "", name, six ? "]" : "", port);
  fflush(stdout);
  return TRUE;
}

static void wait_for_end(const sigset_t *signals, Totals *totals)
{
  int signal;
  while (sigwait(signals, &signal) != 0 || signal == SIGUSR1) {
    totals_print(totals, stdout);
  }
}

static gboolean serve(const Options *options, GError **error)
{
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
  signal(SIGPIPE, SIG_IGN);
  const char *listen = options->listen != NULL ? options->listen : "127.0.0.1";
  g_autoptr(GInetSocketAddress) address = read_address(listen, error);
  g_autoptr(Service) service = address != NULL ? service_new(options, error) : NULL;
  g_autoptr(Server) server =
      service != NULL ? server_new(service, address, (guint)options->threads, error) : NULL;
  if (server == NULL || !server_start(server, error) ||
      !announce(server, address, options->port_file, error)) {
    return FALSE;
  }
  wait_for_end(&signals, &service->totals);
  g_clear_pointer(&server, server_stop);
  totals_print(&service->totals, stdout);
  return TRUE;
}

int main(int argc, char **argv)
{
  g_auto(Options) options = {.threads = 1};
  g_autoptr(GError) error = NULL;
  setlocale(LC_CTYPE, "C.UTF-8");
  gboolean done = options_read(&options, argc, argv, &error);
  if (done && options.version) {
    printf("dateline-sink %s\n", DATELINE_VERSION);
  } else if (done) {
    done = serve(&options, &error);
  }
  if (!done) {
    g_printerr("dateline-sink: %s\n", error->message);
    return error->domain == G_OPTION_ERROR ? EXIT_USAGE : EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
