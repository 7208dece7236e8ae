/* SPDX-License-Identifier: Apache-2.0 */

/* The token of a relay, fetched from a token server that runs in a thread of the test and
 * says what it is told to. */

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/durable.h"
#include "smtp/token.h"
#include "smtp/tokenreply.h"

#define CLIENT_SECRET "client secret+&=%"
#define REFRESH_TOKEN "1//refresh~token"

/* --- What an answer means --- */

#define GRANT(more) "{\"access_token\":\"ya29.a-b_c~d+e/f==\"" more "}"

static void test_good_replies(void)
{
  static const struct {
    const char *body;
    gint64 lifetime_ms;
  } cases[] = {
    { GRANT(",\"token_type\":\"Bearer\",\"expires_in\":3599"), 3599000 },
    { GRANT(",\"token_type\":\"bearer\",\"expires_in\":\"3600\""), 3600000 },
    { GRANT(",\"expires_in\":1.5e3,\"refresh_token\":\"other\""), 1500000 },
    { GRANT(""), 300000 },
    { GRANT(",\"expires_in\":null"), 300000 },
    { GRANT(",\"expires_in\":9223372036854775807"), G_GINT64_CONSTANT(2592000000) },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(TokenReply) reply = { 0 };
    g_assert_true(token_reply_read(200, cases[i].body, strlen(cases[i].body), &reply, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(reply.access_token, ==, "ya29.a-b_c~d+e/f==");
    g_assert_cmpint(reply.lifetime_ms, ==, cases[i].lifetime_ms);
  }
}

static void test_bad_replies(void)
{
  static const struct {
    long status;
    const char *body, *says;
  } cases[] = {
    { 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Expired.\\r\\nTrace 1\"}",
      "it says: invalid_grant: Expired.  Trace 1" },
    { 401, "{\"error\":\"invalid_client\"}", "it says: invalid_client" },
    { 400, "{\"error\":\"x\",\"error_description\":\"\\u001b[31m\\u202e\"}",
      "it says: x: \\x1b[31m\\u202e" },
    { 400, "{\"error\":{\"code\":1}}", "HTTP status 400 and no reason" },
    { 302, "", "HTTP status 302 and no reason" },
    { 502, "<html>Bad Gateway</html>", "HTTP status 502 and no reason" },
    { 200, "", "is not a JSON object" },
    { 200, "[1]", "is not a JSON object" },
    { 200, "\xff\xfe", "is not a JSON object" },
    { 200, "{\"access_token\":\"hunter2", "is not a JSON object" },
    { 200, "{}", "has no access_token" },
    { 200, "{\"access_token\":\"\"}", "has no access_token" },
    { 200, "{\"access_token\":5}", "has no access_token" },
    { 200, "{\"access_token\":[\"hunter2\"]}", "has no access_token" },
    { 200, "{\"access_token\":\"hunter2\\r\\nRSET\"}", "characters that none has" },
    { 200, "{\"access_token\":\"hunter2\\u0001auth=\"}", "characters that none has" },
    { 200, "{\"access_token\":\"hunter2\\u0000\"}", NULL },
    { 200, "{\"access_token\":\"hunter2\",\"token_type\":\"mac\"}", "not of the type Bearer" },
    { 200, "{\"access_token\":\"hunter2\",\"expires_in\":0}", "expires_in" },
    { 200, "{\"access_token\":\"hunter2\",\"expires_in\":-5}", "expires_in" },
    { 200, "{\"access_token\":\"hunter2\",\"expires_in\":-1e300}", "expires_in" },
    { 200, "{\"access_token\":\"hunter2\",\"expires_in\":\"soon\"}", "expires_in" },
    { 200, "{\"access_token\":\"hunter2\",\"expires_in\":true}", "expires_in" },
    { 200, "{\"access_token\":\"hunter2\",\"expires_in\":{}}", "expires_in" },
    { 200, "{\"access_token\":\"hunter2\",\"refresh_token\":5}", "refresh_token" },
    { 200, "{\"access_token\":\"hunter2\",\"refresh_token\":[\"hunter2\"]}", "refresh_token" },
    { 200, "{\"access_token\":\"hunter2\",\"refresh_token\":\"hunter2\\n\"}", "refresh_token" },
    { 200, "{\"access_token\":\"hunter2\",\"refresh_token\":\"hunt\u00e9r2\"}", "refresh_token" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(TokenReply) reply = { 0 };
    gboolean good = token_reply_read(cases[i].status, cases[i].body, strlen(cases[i].body), &reply,
                                     &error);
    if (cases[i].says == NULL)
      continue;   /* what the parser makes of it; it must only not break */
    g_assert_false(good);
    g_assert_error(error, SMTP_ERROR, SMTP_ERROR_TOKEN);
    if (strstr(error->message, cases[i].says) == NULL)
      g_error("\"%s\" does not say \"%s\"", error->message, cases[i].says);
    g_assert_null(strstr(error->message, "hunter2"));
    g_assert_null(reply.access_token);
  }
}

/* --- A token server --- */

typedef struct {
  char *folder;
  RelaySettings relay;
  GSocketService *service;
  GMutex mutex;
  GMutex gate;           /* locked: no answers are given */
  GCond idle;
  guint busy;            /* connections that are being served */
  GQueue answers;        /* char *, HTTP responses; when there are no more, it hangs up */
  GPtrArray *requests;   /* char *, header and body */
  Connector *connector;
  char *tokens;          /* folder of refresh tokens */
  Token *token;
  guint ready, failed;
  char *reason;
} Fixture;

static char *read_request(GInputStream *input)
{
  g_autoptr(GString) request = g_string_new(NULL);
  char buffer[4096];
  gssize got;
  while ((got = g_input_stream_read(input, buffer, sizeof buffer, NULL, NULL)) > 0) {
    g_string_append_len(request, buffer, got);
    const char *length = strstr(request->str, "Content-Length: ");
    const char *body = strstr(request->str, "\r\n\r\n");
    if (length != NULL && body != NULL && strlen(body + 4) >= strtoul(length + 16, NULL, 10))
      break;
  }
  return g_string_free(g_steal_pointer(&request), FALSE);
}

static gboolean on_run(GThreadedSocketService *service, GSocketConnection *connection,
                       GObject *source, gpointer data)
{
  Fixture *fixture = data;
  (void)service;
  (void)source;
  char *request = read_request(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
  g_mutex_lock(&fixture->gate);
  g_mutex_unlock(&fixture->gate);
  g_mutex_lock(&fixture->mutex);
  g_ptr_array_add(fixture->requests, request);
  g_autofree char *answer = g_queue_pop_head(&fixture->answers);
  g_mutex_unlock(&fixture->mutex);
  if (answer != NULL)
    g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), answer,
                              strlen(answer), NULL, NULL, NULL);
  g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
  g_mutex_lock(&fixture->mutex);
  if (--fixture->busy == 0)
    g_cond_signal(&fixture->idle);
  g_mutex_unlock(&fixture->mutex);
  return TRUE;
}

/* Before the thread is there that on_run() is called in. */
static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer data)
{
  Fixture *fixture = data;
  (void)service;
  (void)connection;
  (void)source;
  g_mutex_lock(&fixture->mutex);
  fixture->busy++;
  g_mutex_unlock(&fixture->mutex);
  return FALSE;
}

static void will_answer(Fixture *fixture, int status, const char *body)
{
  g_mutex_lock(&fixture->mutex);
  g_queue_push_tail(&fixture->answers, g_strdup_printf(
    "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
    strlen(body), body));
  g_mutex_unlock(&fixture->mutex);
}

static guint requests(Fixture *fixture)
{
  g_mutex_lock(&fixture->mutex);
  guint count = fixture->requests->len;
  g_mutex_unlock(&fixture->mutex);
  return count;
}

static void on_ready(gpointer host)
{
  ((Fixture *)host)->ready++;
}

static void on_failed(gpointer host, const char *reason)
{
  Fixture *fixture = host;
  fixture->failed++;
  g_free(fixture->reason);
  fixture->reason = g_strdup(reason);
}

static char *write_secret(const Fixture *fixture, const char *name, const char *secret)
{
  char *path = g_build_filename(fixture->folder, name, NULL);
  g_assert_true(g_file_set_contents_full(path, secret, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                         NULL));
  return path;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
  static const TokenEvents events = { on_ready, on_failed };
  const gboolean refreshes = GPOINTER_TO_INT(data);
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) any_port = g_inet_socket_address_new(loopback, 0);
  g_autoptr(GSocketAddress) address = NULL;

  fixture->folder = g_dir_make_tmp("test-token-XXXXXX", NULL);
  g_mutex_init(&fixture->mutex);
  g_mutex_init(&fixture->gate);
  g_cond_init(&fixture->idle);
  fixture->requests = g_ptr_array_new_with_free_func(g_free);
  fixture->service = g_threaded_socket_service_new(2);
  g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(fixture->service), any_port,
                                              G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                              &address, NULL));
  g_signal_connect(fixture->service, "incoming", G_CALLBACK(on_incoming), fixture);
  g_signal_connect(fixture->service, "run", G_CALLBACK(on_run), fixture);
  fixture->relay.name = (char *)"main";
  fixture->relay.connect_timeout_ms = 5000;
  fixture->relay.oauth_client_id = (char *)"me & you";
  fixture->relay.oauth_token_url = g_strdup_printf(
    "http://127.0.0.1:%u/token", g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address)));
  fixture->relay.oauth_client_credential = write_secret(fixture, "client", CLIENT_SECRET "\n");
  if (refreshes)
    fixture->relay.oauth_refresh_credential = write_secret(fixture, "refresh", REFRESH_TOKEN);
  fixture->relay.oauth_scope = (char *)"https://mail.example/ x";
  fixture->connector = connector_new(NULL, NULL);
  fixture->tokens = g_build_filename(fixture->folder, "tokens", NULL);
  fixture->token = token_new(fixture->connector, &fixture->relay, fixture->tokens, &events,
                             fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
  (void)data;
  token_free(fixture->token);
  connector_free(fixture->connector);
  g_socket_service_stop(fixture->service);
  g_socket_listener_close(G_SOCKET_LISTENER(fixture->service));
  g_object_unref(fixture->service);
  g_mutex_lock(&fixture->mutex);
  while (fixture->busy > 0)
    g_cond_wait(&fixture->idle, &fixture->mutex);
  g_mutex_unlock(&fixture->mutex);
  g_assert_true(durable_remove_tree(fixture->folder, NULL));
  g_queue_clear_full(&fixture->answers, g_free);
  g_ptr_array_unref(fixture->requests);
  g_mutex_clear(&fixture->mutex);
  g_mutex_clear(&fixture->gate);
  g_cond_clear(&fixture->idle);
  g_free(fixture->relay.oauth_token_url);
  g_free(fixture->relay.oauth_client_credential);
  g_free(fixture->relay.oauth_refresh_credential);
  g_free(fixture->tokens);
  g_free(fixture->folder);
  g_free(fixture->reason);
}

/* Asks for the token, which is not there, and awaits what becomes of it. */
static void fetch(Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  guint serial, before = fixture->ready + fixture->failed;
  g_assert_null(token_get(fixture->token, &serial, &error));
  g_assert_no_error(error);
  while (fixture->ready + fixture->failed == before)
    g_main_context_iteration(NULL, TRUE);
}

static guint assert_token(Fixture *fixture, const char *expected)
{
  guint serial = 0;
  g_assert_cmpstr(token_get(fixture->token, &serial, NULL), ==, expected);
  return serial;
}

static void assert_failed(Fixture *fixture, const char *says)
{
  g_assert_cmpuint(fixture->failed, ==, 1);
  if (strstr(fixture->reason, says) == NULL)
    g_error("\"%s\" does not say \"%s\"", fixture->reason, says);
  g_assert_null(strstr(fixture->reason, CLIENT_SECRET));
  g_assert_null(strstr(fixture->reason, REFRESH_TOKEN));
}

#define TOKEN(name, seconds) \
  "{\"access_token\":\"" name "\",\"token_type\":\"Bearer\",\"expires_in\":" #seconds "}"

static void test_client_credentials(Fixture *fixture, gconstpointer data)
{
  (void)data;
  will_answer(fixture, 200, TOKEN("first", 3600));
  fetch(fixture);
  g_assert_cmpuint(assert_token(fixture, "first"), ==, assert_token(fixture, "first"));
  g_assert_cmpuint(requests(fixture), ==, 1);
  const char *request = fixture->requests->pdata[0];
  g_assert_true(g_str_has_prefix(request, "POST /token HTTP/1.1\r\n"));
  g_assert_nonnull(strstr(request, "Content-Type: application/x-www-form-urlencoded\r\n"));
  g_assert_cmpstr(strstr(request, "\r\n\r\n") + 4, ==,
                  "grant_type=client_credentials&client_id=me%20%26%20you&"
                  "client_secret=client%20secret%2B%26%3D%25&"
                  "scope=https%3A%2F%2Fmail.example%2F%20x");
}

static void test_refresh_token(Fixture *fixture, gconstpointer data)
{
  (void)data;
  will_answer(fixture, 200, TOKEN("first", 3600));
  fetch(fixture);
  assert_token(fixture, "first");
  g_assert_cmpstr(strstr(fixture->requests->pdata[0], "\r\n\r\n") + 4, ==,
                  "grant_type=refresh_token&client_id=me%20%26%20you&"
                  "client_secret=client%20secret%2B%26%3D%25&refresh_token=1%2F%2Frefresh~token&"
                  "scope=https%3A%2F%2Fmail.example%2F%20x");
}

/* --- Refresh tokens that are replaced --- */

#define ROTATION(name, refresh) \
  "{\"access_token\":\"" name "\",\"expires_in\":3600,\"refresh_token\":" refresh "}"

static GString *warnings;   /* since the last assert_warned() */

static GLogWriterOutput note_warning(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                     gpointer data)
{
  (void)data;
  if ((level & G_LOG_LEVEL_WARNING) == 0)
    return g_log_writer_default(level, fields, n_fields, NULL);
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal(fields[i].key, "MESSAGE"))
      g_string_append(warnings, fields[i].value);
  return G_LOG_WRITER_HANDLED;
}

static void assert_warned(const char *says)
{
  g_assert_nonnull(strstr(warnings->str, says));
  g_assert_null(strstr(warnings->str, "second"));
  g_assert_null(strstr(warnings->str, REFRESH_TOKEN));
  g_string_truncate(warnings, 0);
}

/* The daemon starts anew: nothing is left but what is on disk. */
static void start_anew(Fixture *fixture)
{
  static const TokenEvents events = { on_ready, on_failed };
  token_free(fixture->token);
  fixture->token = token_new(fixture->connector, &fixture->relay, fixture->tokens, &events,
                             fixture);
}

/* Fetches another token, by this refresh token. */
static void fetch_by(Fixture *fixture, const char *refresh, const char *answer)
{
  guint serial = 0, number = requests(fixture);
  g_autofree char *field = g_strdup_printf("&refresh_token=%s&", refresh);
  will_answer(fixture, 200, answer);
  if (token_get(fixture->token, &serial, NULL) != NULL)
    token_refused(fixture->token, serial);
  token_accepted(fixture->token, serial);
  fetch(fixture);
  g_assert_cmpuint(requests(fixture), ==, number + 1);
  if (strstr(fixture->requests->pdata[number], field) == NULL)
    g_error("\"%s\" is not by %s", (char *)fixture->requests->pdata[number], refresh);
}

static void assert_kept(const Fixture *fixture, guint expected)
{
  guint files = 0;
  const char *name;
  g_autoptr(GDir) entries = g_dir_open(fixture->tokens, 0, NULL);
  while (entries != NULL && (name = g_dir_read_name(entries)) != NULL) {
    GStatBuf status;
    g_autofree char *path = g_build_filename(fixture->tokens, name, NULL);
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 07777, ==, 0600);
    files++;
  }
  g_assert_cmpuint(files, ==, expected);
}

#define FROM_SETTINGS "1%2F%2Frefresh~token"

static void test_rotation(Fixture *fixture, gconstpointer data)
{
  (void)data;
  fetch_by(fixture, FROM_SETTINGS, ROTATION("a", "\"second token\""));
  fetch_by(fixture, "second%20token", ROTATION("b", "\"third\""));
  start_anew(fixture);
  fetch_by(fixture, "third", ROTATION("c", "\"third\""));
  fetch_by(fixture, "third", ROTATION("d", "null"));
  fetch_by(fixture, "third", ROTATION("e", "\"\""));
  assert_kept(fixture, 1);

  /* Another credential counts at once; the former one goes back to where it had come. */
  g_free(write_secret(fixture, "refresh", "new one"));
  fetch_by(fixture, "new%20one", ROTATION("f", "\"newer\""));
  fetch_by(fixture, "newer", TOKEN("g", 3600));
  g_free(write_secret(fixture, "refresh", REFRESH_TOKEN "\n"));
  fetch_by(fixture, "third", TOKEN("h", 3600));
  fixture->relay.oauth_client_id = (char *)"somebody else";
  fetch_by(fixture, FROM_SETTINGS, TOKEN("i", 3600));
  assert_kept(fixture, 2);
}

/* Where it cannot be written it is in memory, until it can. */
static void test_rotation_without_disk(Fixture *fixture, gconstpointer data)
{
  (void)data;
  g_assert_true(g_file_set_contents(fixture->tokens, "in the way", -1, NULL));
  fetch_by(fixture, FROM_SETTINGS, ROTATION("a", "\"second\""));
  assert_warned("in memory only");
  fetch_by(fixture, "second", TOKEN("b", 3600));
  assert_warned("Not a directory");
  g_assert_cmpint(g_unlink(fixture->tokens), ==, 0);
  fetch_by(fixture, "second", TOKEN("c", 3600));
  start_anew(fixture);
  fetch_by(fixture, "second", TOKEN("d", 3600));
}

/* A file that others may read, or that is torn, is not trusted. */
static void test_rotation_with_bad_file(Fixture *fixture, gconstpointer data)
{
  const char *name;
  (void)data;
  fetch_by(fixture, FROM_SETTINGS, ROTATION("a", "\"second\""));
  g_autoptr(GDir) entries = g_dir_open(fixture->tokens, 0, NULL);
  name = g_dir_read_name(entries);
  g_autofree char *path = g_build_filename(fixture->tokens, name, NULL);
  g_assert_cmpint(g_chmod(path, 0640), ==, 0);
  fetch_by(fixture, FROM_SETTINGS, TOKEN("b", 3600));
  assert_warned("0640");
  g_assert_true(g_file_set_contents_full(path, "", 0, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  g_assert_cmpint(g_chmod(path, 0600), ==, 0);
  fetch_by(fixture, FROM_SETTINGS, ROTATION("c", "\"third\""));
  assert_warned("is empty");
  fetch_by(fixture, "third", TOKEN("d", 3600));
}

/* Whoever asks meanwhile waits for the same one. */
static void test_one_at_a_time(Fixture *fixture, gconstpointer data)
{
  guint serial;
  (void)data;
  will_answer(fixture, 200, TOKEN("first", 3600));
  will_answer(fixture, 200, TOKEN("second", 3600));
  for (guint i = 0; i < 10; i++)
    g_assert_null(token_get(fixture->token, &serial, NULL));
  fetch(fixture);
  assert_token(fixture, "first");
  g_assert_cmpuint(requests(fixture), ==, 1);
  g_assert_cmpuint(fixture->ready, ==, 1);
}

/* A minute before the end there is a new one; of a short life half is used. */
static void test_expiry(Fixture *fixture, gconstpointer data)
{
  guint serial;
  (void)data;
  will_answer(fixture, 200, TOKEN("first", 1));
  will_answer(fixture, 200, TOKEN("second", 3600));
  fetch(fixture);
  guint first = assert_token(fixture, "first");
  while (token_get(fixture->token, &serial, NULL) != NULL)
    g_usleep(10 * 1000);
  fetch(fixture);
  g_assert_cmpuint(assert_token(fixture, "second"), !=, first);
  g_assert_cmpuint(requests(fixture), ==, 2);
}

static void test_refused(Fixture *fixture, gconstpointer data)
{
  (void)data;
  for (guint i = 0; i < 4; i++)
    will_answer(fixture, 200, TOKEN("same", 3600));
  fetch(fixture);
  guint first = assert_token(fixture, "same");
  /* Fetched anew once, however many connections were refused with it. */
  g_assert_true(token_refused(fixture->token, first));
  g_assert_true(token_refused(fixture->token, first));
  fetch(fixture);
  guint second = assert_token(fixture, "same");
  g_assert_true(token_refused(fixture->token, first));
  g_assert_cmpuint(assert_token(fixture, "same"), ==, second);
  /* An old connection with the first one says nothing about the second. */
  token_accepted(fixture->token, first);
  g_assert_false(token_refused(fixture->token, second));
  fetch(fixture);
  guint third = assert_token(fixture, "same");
  token_accepted(fixture->token, third);
  g_assert_true(token_refused(fixture->token, third));
  fetch(fixture);
  assert_token(fixture, "same");
  g_assert_cmpuint(requests(fixture), ==, 4);
}

static void test_server_refuses(Fixture *fixture, gconstpointer data)
{
  (void)data;
  will_answer(fixture, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Not for "
              CLIENT_SECRET " with " REFRESH_TOKEN " today.\"}");
  will_answer(fixture, 200, TOKEN("first", 3600));
  fetch(fixture);
  assert_failed(fixture,
                "no token from 127.0.0.1: it says: invalid_grant: Not for … with … today.");
  fetch(fixture);
  assert_token(fixture, "first");
}

static void test_long_words(Fixture *fixture, gconstpointer data)
{
  g_autofree char *long_text = g_strnfill(5000, 'x');
  g_autofree char *body = g_strdup_printf("{\"error\":\"é%s\"}", long_text);
  (void)data;
  will_answer(fixture, 400, body);
  fetch(fixture);
  assert_failed(fixture, "xxx");
  g_assert_cmpuint(strlen(fixture->reason), <, 600);
  g_assert_true(g_utf8_validate(fixture->reason, -1, NULL));
}

static void test_too_long(Fixture *fixture, gconstpointer data)
{
  g_autofree char *body = g_strnfill(TOKEN_REPLY_LARGEST + 1, ' ');
  (void)data;
  will_answer(fixture, 200, body);
  fetch(fixture);
  assert_failed(fixture, "longer than 65536 bytes");
}

static void test_hangs_up(Fixture *fixture, gconstpointer data)
{
  (void)data;
  fetch(fixture);
  assert_failed(fixture, "no token from 127.0.0.1: ");
}

static void test_takes_its_time(Fixture *fixture, gconstpointer data)
{
  (void)data;
  fixture->relay.connect_timeout_ms = 300;
  g_mutex_lock(&fixture->gate);
  fetch(fixture);
  g_mutex_unlock(&fixture->gate);
  assert_failed(fixture, "timed out");
}

static void test_no_secret(Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  guint serial;
  (void)data;
  g_assert_cmpint(g_chmod(fixture->relay.oauth_client_credential, 0644), ==, 0);
  g_assert_null(token_get(fixture->token, &serial, &error));
  g_assert_error(error, CONFIG_ERROR, CONFIG_ERROR_CREDENTIAL);
  g_assert_cmpuint(requests(fixture), ==, 0);
}

/* A pool is gone before the answer has come. */
static void test_freed_in_the_middle(Fixture *fixture, gconstpointer data)
{
  guint serial;
  (void)data;
  g_mutex_lock(&fixture->gate);
  g_assert_null(token_get(fixture->token, &serial, NULL));
  g_clear_pointer(&fixture->token, token_free);
  g_mutex_unlock(&fixture->gate);
  g_assert_cmpuint(fixture->ready + fixture->failed, ==, 0);
}

#define ADD(name, refreshes, function) \
  g_test_add("/token/" name, Fixture, GINT_TO_POINTER(refreshes), set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_log_set_always_fatal(G_LOG_FATAL_MASK);
  g_log_set_writer_func(note_warning, NULL, NULL);
  warnings = g_string_new(NULL);
  g_test_add_func("/token/good-replies", test_good_replies);
  g_test_add_func("/token/bad-replies", test_bad_replies);
  ADD("client-credentials", FALSE, test_client_credentials);
  ADD("refresh-token", TRUE, test_refresh_token);
  ADD("rotation", TRUE, test_rotation);
  ADD("rotation-without-disk", TRUE, test_rotation_without_disk);
  ADD("rotation-with-bad-file", TRUE, test_rotation_with_bad_file);
  ADD("one-at-a-time", TRUE, test_one_at_a_time);
  ADD("expiry", FALSE, test_expiry);
  ADD("refused", FALSE, test_refused);
  ADD("server-refuses", TRUE, test_server_refuses);
  ADD("long-words", TRUE, test_long_words);
  ADD("too-long", FALSE, test_too_long);
  ADD("hangs-up", FALSE, test_hangs_up);
  ADD("takes-its-time", FALSE, test_takes_its_time);
  ADD("no-secret", FALSE, test_no_secret);
  ADD("freed-in-the-middle", FALSE, test_freed_in_the_middle);
  int result = g_test_run();
  g_string_free(warnings, TRUE);
  return result;
}
