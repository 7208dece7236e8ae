/* SPDX-License-Identifier: Apache-2.0 */
#include "config/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

enum { LONGEST_SECRET = 16 << 10 }; /* a bearer token has a few KiB */

static gboolean G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_propagate_error(error, g_error_new_valist(CONFIG_ERROR, CONFIG_ERROR_CREDENTIAL, format,
                                              arguments));
  va_end(arguments);
  return FALSE;
}

/* Where credential is kept, NULL where that cannot be said. */
static char *find_file(const char *credential, GError **error)
{
  const char *folder = g_getenv("CREDENTIALS_DIRECTORY");

  if (g_path_is_absolute(credential)) {
    return g_strdup(credential);
  }
  if (*credential == '\0' || *credential == '.' || strchr(credential, '/') != NULL) {
    refuse(error, "\"%s\" is neither the name of a credential nor an absolute path", credential);
    return NULL;
  }
  if (folder == NULL) {
    refuse(error, "the credential \"%s\" comes from systemd, which has set no "
           "$CREDENTIALS_DIRECTORY; write LoadCredential=%s:FILE into the unit, or the absolute "
           "path of a file into the configuration", credential, credential);
    return NULL;
  }
  return g_build_filename(folder, credential, NULL);
}

/* What systemd hands over is guarded by its folder, and an access control list on
 * the file shows as rights of the group: there, only the type of the file counts. */
static gboolean check_file(int fd, const char *path, gboolean is_systemd, GError **error)
{
  struct stat status;

  if (fstat(fd, &status) != 0) {
    return refuse(error, "cannot examine %s: %s", path, g_strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return refuse(error, "%s is not a regular file", path);
  }
  if (is_systemd) {
    return TRUE;
  }
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return refuse(error, "%s belongs to the user %u; it must belong to root or to the user %u",
                  path, (guint)status.st_uid, (guint)geteuid());
  }
  if ((status.st_mode & 077) != 0) {
    return refuse(error, "%s has the mode %04o, so that others may use it; run: chmod 0600 %s",
                  path, (guint)status.st_mode & 07777, path);
  }
  return TRUE;
}

/* Reads at most size bytes; the number read, negative with errno set. */
static gssize read_up_to(int fd, char *buffer, gsize size)
{
  gsize length = 0;

  while (length < size) {
    gssize got = read(fd, buffer + length, size - length);
    if (got == 0) {
      break;
    }
    if (got < 0 && errno != EINTR) {
      return -1;
    }
    length += (gsize)MAX(got, 0);
  }
  return (gssize)length;
}

/* What the content must be like; secret has length bytes and a '\0' behind them. */
typedef gboolean CheckSecret(char *secret, gsize length, const char *path, GError **error);

static gboolean check_length(gssize length, const char *path, GError **error)
{
  if (length < 0) {
    return refuse(error, "cannot read %s: %s", path, g_strerror(errno));
  }
  if (length > LONGEST_SECRET) {
    return refuse(error, "%s is longer than %d bytes", path, LONGEST_SECRET);
  }
  return TRUE;
}

/* Takes the newline at the end off. */
static gboolean check_password(char *secret, gsize length, const char *path, GError **error)
{
  if (length > 0 && secret[length - 1] == '\n') {
    secret[--length] = '\0';
  }
  if (length > 0 && secret[length - 1] == '\r') {
    secret[--length] = '\0';
  }
  if (length == 0) {
    return refuse(error, "%s is empty", path);
  }
  if (strlen(secret) != length || strpbrk(secret, "\r\n") != NULL) {
    return refuse(error, "%s has more than one line, or is not text; expected the password alone",
                  path);
  }
  return TRUE;
}

static gboolean check_key(char *secret, gsize length, const char *path, GError **error)
{
  if (strlen(secret) != length || strstr(secret, "PRIVATE KEY-----") == NULL) {
    return refuse(error, "%s is not a private key in PEM", path);
  }
  if (strstr(secret, "ENCRYPTED") != NULL) {
    return refuse(error, "%s is locked by a passphrase, which nobody is there to type; run: "
                  "openssl pkey -in %s -out FILE", path, path);
  }
  return TRUE;
}

static char *read_secret(int fd, const char *path, CheckSecret *check, GError **error)
{
  gsize size = LONGEST_SECRET + 2; /* one byte more than may be, and a '\0' */
  char *secret = g_malloc0(size);

  gssize length = read_up_to(fd, secret, size - 1);
  if (!check_length(length, path, error) || !check(secret, (gsize)length, path, error)) {
    explicit_bzero(secret, size);
    g_free(secret);
    return NULL;
  }
  return secret;
}

static char *read_checked(const char *credential, CheckSecret *check, GError **error)
{
  g_autofree char *path = find_file(credential, error);
  char *secret = NULL;

  if (path == NULL) {
    return NULL;
  }
  /* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    refuse(error, "cannot open %s: %s", path,
           errno == ELOOP ? "it is a symbolic link" : g_strerror(errno));
    return NULL;
  }
  if (check_file(fd, path, !g_path_is_absolute(credential), error)) {
    secret = read_secret(fd, path, check, error);
  }
  close(fd);
  return secret;
}

char *credential_read(const char *credential, GError **error)
{
  return read_checked(credential, check_password, error);
}

char *credential_read_key(const char *credential, GError **error)
{
  return read_checked(credential, check_key, error);
}

gboolean credential_read_if_set(const char *credential, char **secret, GError **error)
{
  if (credential != NULL) {
    *secret = credential_read(credential, error);
  }
  return credential == NULL || *secret != NULL;
}

void credential_free(char *secret)
{
  if (secret != NULL) {
    explicit_bzero(secret, strlen(secret));
    g_free(secret);
  }
}
