/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "config/config.h"
#include "config/credential.h"

typedef struct {
  char *folder;
  char *path;
} Fixture;

static void set_up(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->folder = g_dir_make_tmp("test-credential-XXXXXX", NULL);
  fixture->path = g_build_filename(fixture->folder, "password", NULL);
  g_unsetenv("CREDENTIALS_DIRECTORY");
}

static void tear_down(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true(durable_remove_tree(fixture->folder, NULL));
  g_free(fixture->folder);
  g_free(fixture->path);
}

static void write_secret(const Fixture *fixture, const char *secret, gssize length, mode_t mode)
{
  g_assert_true(g_file_set_contents(fixture->path, secret, length, NULL));
  g_assert_cmpint(g_chmod(fixture->path, mode), ==, 0);
}

static void assert_refused(const char *credential, const char *says)
{
  g_autoptr(GError) error = NULL;

  g_assert_null(credential_read(credential, &error));
  g_assert_error(error, CONFIG_ERROR, CONFIG_ERROR_CREDENTIAL);
  if (strstr(error->message, says) == NULL) {
    g_error("\"%s\" does not say \"%s\"", error->message, says);
  }
  g_assert_null(strstr(error->message, "hunter2"));
}

static void test_contents(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *content, *secret;
  } cases[] = {
    {"hunter2", "hunter2"}, {"hunter2\n", "hunter2"}, {"hunter2\r\n", "hunter2"},
    {" hunter2 \n", " hunter2 "}, {"p\xc3\xa4ss\n", "p\xc3\xa4ss"}, {"\xff\n", "\xff"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    write_secret(fixture, cases[i].content, -1, 0600);
    char *secret = credential_read(fixture->path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(secret, ==, cases[i].secret);
    credential_free(secret);
  }
  credential_free(NULL);
}

static void test_bad_contents(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *content;
    gssize length;
    const char *says;
  } cases[] = {
    {"", 0, "is empty"},
    {"\n", 1, "is empty"},
    {"hunter2\n\n", 9, "more than one line"},
    {"hunter2\nother", 13, "more than one line"},
    {"hunter2\rother", 13, "more than one line"},
    {"hunter2\0other", 13, "is not text"},
    {"\0", 1, "is not text"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    write_secret(fixture, cases[i].content, cases[i].length, 0600);
    assert_refused(fixture->path, cases[i].says);
  }
}

#define PEM(kind) "-----BEGIN " kind "-----\nhunter2\n-----END " kind "-----\n"

static void test_keys(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *content;
    gssize length;
    const char *says;   /* NULL: it is good */
  } cases[] = {
    {PEM("PRIVATE KEY"), -1, NULL},
    {"Bag Attributes\n" PEM("EC PRIVATE KEY"), -1, NULL},
    {PEM("ENCRYPTED PRIVATE KEY"), -1, "locked by a passphrase"},
    {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", -1, "locked by a passphrase"},
    {PEM("CERTIFICATE"), -1, "is not a private key in PEM"},
    {"", 0, "is not a private key in PEM"},
    {PEM("PRIVATE KEY") "\0hunter2", sizeof PEM("PRIVATE KEY") + 7, "is not a private key in PEM"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    write_secret(fixture, cases[i].content, cases[i].length, 0600);
    char *key = credential_read_key(fixture->path, &error);
    if (cases[i].says == NULL) {
      g_assert_cmpstr(key, ==, cases[i].content);
    } else {
      g_assert_error(error, CONFIG_ERROR, CONFIG_ERROR_CREDENTIAL);
      g_assert_nonnull(strstr(error->message, cases[i].says));
      g_assert_null(strstr(error->message, "hunter2"));
    }
    credential_free(key);
  }
  write_secret(fixture, PEM("PRIVATE KEY"), -1, 0640);
  g_assert_null(credential_read_key(fixture->path, NULL));
}

static void test_longest(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *longest = g_strnfill(16384, 'x');
  g_autofree char *longer = g_strnfill(16385, 'x');
  g_autoptr(GError) error = NULL;

  write_secret(fixture, longest, -1, 0600);
  char *secret = credential_read(fixture->path, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(secret, ==, longest);
  credential_free(secret);
  write_secret(fixture, longer, -1, 0600);
  assert_refused(fixture->path, "is longer than 16384 bytes");
}

static void test_modes(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const mode_t wrong[] = {0644, 0640, 0604, 0620, 0601};
  static const mode_t right[] = {0600, 0400};

  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    write_secret(fixture, "hunter2", -1, wrong[i]);
    assert_refused(fixture->path, "run: chmod 0600 ");
  }
  for (guint i = 0; i < G_N_ELEMENTS(right); i++) {
    write_secret(fixture, "hunter2", -1, right[i]);
    char *secret = credential_read(fixture->path, NULL);
    g_assert_cmpstr(secret, ==, "hunter2");
    credential_free(secret);
  }
}

/* Only root can give a file away, to see that it is refused. */
static void test_owner(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  write_secret(fixture, "hunter2", -1, 0600);
  if (chown(fixture->path, 12345, (gid_t)-1) != 0) {
    g_test_skip("needs root");
    return;
  }
  assert_refused(fixture->path, "belongs to the user 12345; it must belong to root or to the user");
}

static void test_not_files(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *link = g_build_filename(fixture->folder, "link", NULL);
  g_autofree char *fifo = g_build_filename(fixture->folder, "fifo", NULL);
  g_autofree char *none = g_build_filename(fixture->folder, "none", NULL);

  write_secret(fixture, "hunter2", -1, 0600);
  g_assert_cmpint(symlink(fixture->path, link), ==, 0);
  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  assert_refused(link, "it is a symbolic link");
  assert_refused(fifo, "is not a regular file");
  assert_refused(fixture->folder, "is not a regular file");
  assert_refused(none, "cannot open");
}

static void test_systemd(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  assert_refused("password", "write LoadCredential=password:FILE into the unit");
  g_setenv("CREDENTIALS_DIRECTORY", fixture->folder, TRUE);
  assert_refused("password", "cannot open");
  assert_refused("../password", "neither the name of a credential nor an absolute path");
  assert_refused("..", "neither the name of a credential nor an absolute path");
  assert_refused("", "neither the name of a credential nor an absolute path");

  /* As systemd makes it for a service with a user of its own: an ACL sets the mask. */
  write_secret(fixture, "hunter2\n", -1, 0440);
  g_autoptr(GError) error = NULL;
  char *secret = credential_read("password", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(secret, ==, "hunter2");
  credential_free(secret);
}

#define ADD(name, function) \
  g_test_add("/credential/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("contents", test_contents);
  ADD("bad-contents", test_bad_contents);
  ADD("keys", test_keys);
  ADD("longest", test_longest);
  ADD("modes", test_modes);
  ADD("owner", test_owner);
  ADD("not-files", test_not_files);
  ADD("systemd", test_systemd);
  return g_test_run();
}
