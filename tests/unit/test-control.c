/* SPDX-License-Identifier: Apache-2.0 */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/limits.h"
#include "control/client.h"
#include "control/server.h"

/* Server and raw clients live in the test's thread; control_call(), which blocks, gets a
 * thread of its own. */
typedef struct {
  char *folder;
  char *path;
  ControlServer *server;
  guint handled;
} Fixture;

static JsonNode *handle(const char *command, JsonObject *request, gint64 uid, gpointer data,
                        GError **error)
{
  Fixture *fixture = data;

  fixture->handled++;
  g_assert_cmpint(uid, ==, getuid());
  if (!g_str_equal(command, "echo")) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "unknown command \"%s\"", command);
    return NULL;
  }
  JsonNode *reply = json_node_new(JSON_NODE_OBJECT);
  json_node_set_object(reply, request);
  return reply;
}

static void set_up(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  fixture->folder = g_dir_make_tmp("dateline-control-XXXXXX", &error);
  g_assert_no_error(error);
  fixture->path = g_build_filename(fixture->folder, "control", NULL);
  fixture->server = control_server_new(fixture->path, handle, fixture, &error);
  g_assert_no_error(error);
}

static void tear_down(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  g_clear_pointer(&fixture->server, control_server_free);
  while (g_main_context_iteration(NULL, FALSE)) {
    continue;
  }
  g_assert_false(g_file_test(fixture->path, G_FILE_TEST_EXISTS));
  durable_remove_tree(fixture->folder, &error);
  g_assert_no_error(error);
  g_free(fixture->folder);
  g_free(fixture->path);
}

/* --- control_call() --- */

typedef struct {
  const char *path;
  JsonNode *request, *reply;
  GError *error;
  gint done;
} Call;

static gpointer run_call(gpointer data)
{
  Call *call = data;

  call->reply = control_call(call->path, call->request, &call->error);
  g_atomic_int_set(&call->done, 1);
  g_main_context_wakeup(NULL);
  return NULL;
}

static JsonNode *call(const char *path, JsonNode *request, GError **error)
{
  Call data = {.path = path, .request = request};
  GThread *thread = g_thread_new("call", run_call, &data);

  while (!g_atomic_int_get(&data.done)) {
    g_main_context_iteration(NULL, TRUE);
  }
  g_thread_join(thread);
  json_node_unref(request);
  if (data.error != NULL) {
    g_propagate_error(error, data.error);
  }
  return data.reply;
}

static void test_call(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  JsonNode *request = control_request("echo");

  json_object_set_string_member(json_node_get_object(request), "name", "Übung \n \"2\"");
  g_autoptr(JsonNode) reply = call(fixture->path, request, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(json_object_get_string_member(json_node_get_object(reply), "name"), ==,
                  "Übung \n \"2\"");
  g_assert_cmpuint(fixture->handled, ==, 1);
}

static void test_call_refused(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  g_assert_null(call(fixture->path, control_request("fly"), &error));
  g_assert_error(error, CONTROL_ERROR, CONTROL_ERROR_REFUSED);
  g_assert_nonnull(strstr(error->message, "unknown command \"fly\""));
  g_error_free(error);
}

static void test_nobody(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *nowhere = g_build_filename(fixture->folder, "nowhere", NULL);

  g_assert_null(call(nowhere, control_request("echo"), &error));
  g_assert_error(error, CONTROL_ERROR, CONTROL_ERROR_NOT_RUNNING);
  g_assert_nonnull(strstr(error->message, nowhere));
  g_error_free(error);
}

/* A daemon may pass on what a relay said, in whatever encoding. */
static void test_reply_is_made_valid(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *line = NULL;
  g_autoptr(JsonNode) node = control_error_reply("bo\xee" "te pleine", NULL);

  (void)fixture;
  line = control_line_write(node);
  g_autoptr(JsonNode) again = control_line_read(line, strlen(line) - 1, &error);
  g_assert_no_error(error);
  g_assert_nonnull(again);
  g_assert_true(g_utf8_validate(line, -1, NULL));
  g_assert_true(g_str_has_suffix(line, "\n"));
}

/* What json-glib takes for JSON, and is none; brackets that its parser would see, and a count
 * of brackets would not, come first. */
static void test_no_json(G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *line, *why;
  } lines[] = {
    {"{/*\"*/\"a\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}", "not JSON"},
    {"{'\"':[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}", "not JSON"},
    {"{\\\"a\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}", "not JSON"},
    {"// \"\n{}", "no JSON object"},
    {"var a = {};", "no JSON object"},
    {"1 {}", "no JSON object"},
    {"{\"a\":1} {\"a\":2}", "follows the object"},
    {"{} x", "follows the object"},
    {"{},", "follows the object"},
    {"{\"a", "not JSON"},
    {"[]", "no JSON object"},
    {"", "no JSON object"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(control_line_read(lines[i].line, strlen(lines[i].line), &error));
    g_assert_error(error, CONTROL_ERROR, CONTROL_ERROR_FORMAT);
    g_assert_nonnull(strstr(error->message, lines[i].why));
  }
}

/* --- Raw clients --- */

static GSocket *connect_to(const Fixture *fixture)
{
  GError *error = NULL;
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(fixture->path);
  GSocket *socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_DEFAULT, &error);

  g_assert_no_error(error);
  g_socket_connect(socket, address, NULL, &error);
  g_assert_no_error(error);
  g_socket_set_blocking(socket, FALSE);
  return socket;
}

/* Sends all, with the loop running while the server has to make room. FALSE where it has
 * hung up. */
static gboolean send_all(GSocket *socket, const char *bytes, gsize length)
{
  gsize sent = 0;

  while (sent < length) {
    g_autoptr(GError) error = NULL;
    gssize part = g_socket_send(socket, bytes + sent, length - sent, NULL, &error);
    if (part < 0 && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
      return FALSE;
    }
    sent += (gsize)MAX(part, 0);
    g_main_context_iteration(NULL, FALSE);
  }
  return TRUE;
}

/* Up to the next LF, which is left out, or to the end: *ended tells. */
static char *receive(GSocket *socket, gboolean *ended)
{
  GString *line = g_string_new(NULL);
  char byte = '\0';

  *ended = FALSE;
  while (byte != '\n' && !*ended) {
    g_autoptr(GError) error = NULL;
    gssize got = g_socket_receive(socket, &byte, 1, NULL, &error);
    if (got > 0) {
      g_string_append_c(line, byte);
    } else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
      g_main_context_iteration(NULL, FALSE);
      g_thread_yield();
    } else {
      *ended = TRUE;
    }
  }
  if (byte == '\n') {
    g_string_truncate(line, line->len - 1);
  }
  return g_string_free(line, FALSE);
}

static void assert_refused(GSocket *socket, const char *expected)
{
  gboolean ended;
  GError *error = NULL;
  g_autofree char *line = receive(socket, &ended);
  g_autoptr(JsonNode) reply = control_line_read(line, strlen(line), &error);

  g_assert_no_error(error);
  JsonObject *object = json_object_get_object_member(json_node_get_object(reply), "error");
  g_assert_nonnull(object);
  const char *message = json_object_get_string_member(object, "message");
  if (strstr(message, expected) == NULL) {
    g_error("\"%s\" is not in \"%s\"", expected, message);
  }
}

static void assert_echo(GSocket *socket, const char *mark)
{
  gboolean ended;
  g_autofree char *line = receive(socket, &ended);

  g_assert_nonnull(strstr(line, mark));
}

static void assert_closed(GSocket *socket)
{
  gboolean ended;
  g_autofree char *line = receive(socket, &ended);

  g_assert_true(ended);
  g_assert_cmpstr(line, ==, "");
}

static void test_garbage(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *bytes;
    gsize length;
    const char *expected;
  } rows[] = {
    {"\n", 1, "no JSON object"},
    {"hello\n", 6, "not JSON"},
    {"\x00\x01\xff\n", 4, "not JSON"},
    {"{\"command\":\"ec\0ho\"}\n", 20, "not JSON"},
    {"[]\n", 3, "no JSON object"},
    {"{\"command\":", 11, NULL},
    {"7}\n", 3, "names no command"},
    {"{}\n", 3, "names no command"},
    {"{\"command\":null}\n", 17, "names no command"},
    {"{\"command\":{}}\n", 15, "names no command"},
    {"{\"command\":\"\"}\n", 15, "unknown command"},
  };
  g_autoptr(GSocket) socket = connect_to(fixture);

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_assert_true(send_all(socket, rows[i].bytes, rows[i].length));
    if (rows[i].expected != NULL) {
      assert_refused(socket, rows[i].expected);
    }
  }
  /* None of it has confused the server about where the next line begins. */
  const char *good = "{\"command\":\"echo\",\"n\":1}\n";
  g_assert_true(send_all(socket, good, strlen(good)));
  assert_echo(socket, "\"n\":1");
}

/* A parser that calls itself would run out of stack. */
static void test_deep(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GSocket) socket = connect_to(fixture);
  GString *deep = g_string_new("{\"command\":\"echo\",\"x\":");

  for (guint i = 0; i < LIMIT_CONTROL_REQUEST / 2; i++) {
    g_string_append_c(deep, '[');
  }
  g_string_append_c(deep, '\n');
  g_assert_true(send_all(socket, deep->str, deep->len));
  assert_refused(socket, "levels deep");
  /* Brackets in texts are no levels. */
  g_string_assign(deep, "{\"command\":\"echo\",\"x\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[\",\"n\":2}\n");
  g_assert_true(send_all(socket, deep->str, deep->len));
  assert_echo(socket, "\"n\":2");
  g_string_free(deep, TRUE);
}

static void test_oversized(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GSocket) endless = connect_to(fixture);
  g_autoptr(GSocket) exact = connect_to(fixture);
  g_autoptr(GSocket) over = connect_to(fixture);
  g_autofree char *blanks = g_strnfill(LIMIT_CONTROL_REQUEST + 2, ' ');
  static const char request[] = "{\"command\":\"echo\",\"n\":3}";

  /* No line break ever: the rest may be refused at any time. */
  for (guint i = 0; i < 4 && send_all(endless, blanks, LIMIT_CONTROL_REQUEST); i++) {
    continue;
  }
  memcpy(blanks, request, strlen(request));
  blanks[LIMIT_CONTROL_REQUEST] = '\n';
  g_assert_true(send_all(exact, blanks, LIMIT_CONTROL_REQUEST + 1));
  assert_echo(exact, "\"n\":3");
  blanks[LIMIT_CONTROL_REQUEST] = ' ';
  blanks[LIMIT_CONTROL_REQUEST + 1] = '\n';
  g_assert_true(send_all(over, blanks, LIMIT_CONTROL_REQUEST + 2));
  assert_refused(over, "longer than 65536 bytes");
  assert_closed(over);
}

/* Whoever says nothing, or a byte now and then, is dropped; others are served meanwhile. */
static void test_silent(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  control_server_set_patience(fixture->server, 300);
  g_autoptr(GSocket) silent = connect_to(fixture);
  g_autoptr(GSocket) slow = connect_to(fixture);
  const char *request = "{\"command\":\"echo\",\"n\":4}\n";
  gint64 begin = g_get_monotonic_time();
  gboolean alive = TRUE;

  while (alive && g_get_monotonic_time() - begin < 5 * G_USEC_PER_SEC) {
    g_autoptr(GError) error = NULL;
    char byte;
    g_autoptr(GSocket) quick = connect_to(fixture);
    g_assert_true(send_all(quick, request, strlen(request)));
    assert_echo(quick, "\"n\":4");
    send_all(slow, " ", 1);
    alive = g_socket_receive(slow, &byte, 1, NULL, &error) < 0 &&
            g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  }
  g_assert_false(alive);
  assert_closed(silent);
}

static void test_two_clients(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GSocket) one = connect_to(fixture);
  g_autoptr(GSocket) two = connect_to(fixture);
  const char *half = "{\"command\":\"echo\",";

  g_assert_true(send_all(one, half, strlen(half)));
  g_assert_true(send_all(two, half, strlen(half)));
  /* Two requests in one go, the second in pieces. */
  const char *rest = "\"n\":21}\n{\"command\":\"echo\",\"n\"";
  g_assert_true(send_all(two, rest, strlen(rest)));
  assert_echo(two, "\"n\":21");
  g_assert_true(send_all(two, ":22}\n", 5));
  assert_echo(two, "\"n\":22");
  g_assert_true(send_all(one, "\"n\":11}\n", 8));
  assert_echo(one, "\"n\":11");
}

static void test_too_many(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GSocket *sockets[LIMIT_CONTROL_CLIENTS];
  const char *request = "{\"command\":\"echo\",\"n\":5}\n";

  for (guint i = 0; i < G_N_ELEMENTS(sockets); i++) {
    sockets[i] = connect_to(fixture);
    g_assert_true(send_all(sockets[i], request, strlen(request)));
    assert_echo(sockets[i], "\"n\":5");
  }
  g_autoptr(GSocket) late = connect_to(fixture);
  assert_refused(late, "64 clients");
  assert_closed(late);
  g_object_unref(sockets[0]);
  /* One left: there is room again as soon as the server has noticed. */
  gboolean served = FALSE;
  while (!served) {
    g_autoptr(GSocket) again = connect_to(fixture);
    gboolean ended;
    send_all(again, request, strlen(request));
    g_autofree char *line = receive(again, &ended);
    served = strstr(line, "\"n\":5") != NULL;
  }
  for (guint i = 1; i < G_N_ELEMENTS(sockets); i++) {
    g_object_unref(sockets[i]);
  }
}

/* --- The socket --- */

static void test_permissions(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  struct stat status;

  g_assert_cmpint(g_lstat(fixture->path, &status), ==, 0);
  g_assert_true(S_ISSOCK(status.st_mode));
  g_assert_cmpuint(status.st_mode & 07777, ==, 0660);
}

static void test_second_daemon(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  g_assert_null(control_server_new(fixture->path, handle, fixture, &error));
  g_assert_error(error, CONTROL_ERROR, CONTROL_ERROR_RUNNING);
  g_assert_nonnull(strstr(error->message, "datelined is already running"));
  g_clear_error(&error);
  g_autoptr(JsonNode) reply = call(fixture->path, control_request("echo"), &error);
  g_assert_no_error(error);
  g_assert_nonnull(reply);
}

/* A daemon that died leaves its socket behind. */
static void test_stale(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *path = g_build_filename(fixture->folder, "stale", NULL);
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
  GSocket *dead = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                               G_SOCKET_PROTOCOL_DEFAULT, &error);

  g_socket_bind(dead, address, FALSE, &error);
  g_assert_no_error(error);
  g_object_unref(dead);
  g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
  ControlServer *server = control_server_new(path, handle, fixture, &error);
  g_assert_no_error(error);
  g_autoptr(JsonNode) reply = call(path, control_request("echo"), &error);
  g_assert_no_error(error);
  g_assert_nonnull(reply);
  control_server_free(server);
}

static void test_not_a_socket(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *path = g_build_filename(fixture->folder, "file", NULL);
  g_autofree char *content = NULL;

  g_file_set_contents(path, "mine", -1, &error);
  g_assert_no_error(error);
  g_assert_null(control_server_new(path, handle, fixture, &error));
  g_assert_error(error, CONTROL_ERROR, CONTROL_ERROR_SOCKET);
  g_clear_error(&error);
  g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
  g_assert_cmpstr(content, ==, "mine");
}

static void test_long_path(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *name = g_strnfill(120, 'x');
  g_autofree char *path = g_build_filename(fixture->folder, name, NULL);

  g_assert_null(control_server_new(path, handle, fixture, &error));
  g_assert_error(error, CONTROL_ERROR, CONTROL_ERROR_SOCKET);
  g_assert_nonnull(strstr(error->message, "too long"));
  g_clear_error(&error);
}

static void test_free_with_clients(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GSocket) waiting = connect_to(fixture);
  const char *request = "{\"command\":\"echo\",\"n\":6}\n";

  g_assert_true(send_all(waiting, request, strlen(request)));
  assert_echo(waiting, "\"n\":6");
  g_clear_pointer(&fixture->server, control_server_free);
  assert_closed(waiting);
}

#define ADD(name, function) \
  g_test_add("/control/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("call", test_call);
  ADD("call-refused", test_call_refused);
  ADD("nobody", test_nobody);
  ADD("reply-is-made-valid", test_reply_is_made_valid);
  ADD("garbage", test_garbage);
  ADD("deep", test_deep);
  ADD("no-json", test_no_json);
  ADD("oversized", test_oversized);
  ADD("silent", test_silent);
  ADD("two-clients", test_two_clients);
  ADD("too-many", test_too_many);
  ADD("permissions", test_permissions);
  ADD("second-daemon", test_second_daemon);
  ADD("stale", test_stale);
  ADD("not-a-socket", test_not_a_socket);
  ADD("long-path", test_long_path);
  ADD("free-with-clients", test_free_with_clients);
  return g_test_run();
}
