/* SPDX-License-Identifier: Apache-2.0 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/durable.h"
#include "delivery/evidence.h"
#include "delivery/logfile.h"
#include "delivery/relaylog.h"

/* 2026-11-22T10:15:00Z; the tests run in UTC. */
static const gint64 NEAR_MS = G_GINT64_CONSTANT(1795342500000);
enum { HOUR_MS = 3600 * 1000 };

#define ID "0f7a2c1e-9a1b-5c3d-8e2f-aabbccddeeff@example.org"
#define EXIM "2026-11-22 10:15:00 1tEabc-0001Xy-2B "
#define POSTFIX "Nov 22 10:15:00 mail postfix/"

/* --- Lines --- */

typedef struct {
  const char *line;
  const char *relay;   /* NULL: it is no line of a relay */
  RelayLogKind kind;
  const char *queue_id, *message_id, *address;
} Sample;

static const Sample SAMPLES[] = {
  {POSTFIX "cleanup[1234]: 4F2A61C0D9: message-id=<" ID ">", "Postfix", RELAY_LOG_COMING,
   "4F2A61C0D9", ID, NULL},
  {"2026-11-22T11:15:00.000123+01:00 mail postfix/cleanup[1]: 4Xy12N3zQtz9rxS: message-id=<" ID ">",
   "Postfix", RELAY_LOG_COMING, "4Xy12N3zQtz9rxS", ID, NULL},
  {"<22>Nov 22 10:15:00 mail postfix-out/cleanup[1]: 4F2A61C0D9: message-id=" ID, "Postfix",
   RELAY_LOG_COMING, "4F2A61C0D9", ID, NULL},
  {POSTFIX "cleanup[1234]: 4F2A61C0D9: message-id=<>", "Postfix", RELAY_LOG_COMING, "4F2A61C0D9",
   NULL, NULL},
  {POSTFIX "cleanup[1]: 4F2A61C0D9: resent-message-id=<" ID ">", "Postfix", RELAY_LOG_OTHER, NULL,
   NULL, NULL},
  {POSTFIX "qmgr[77]: 4F2A61C0D9: from=<press@example.org>, size=2219, nrcpt=1 (queue active)",
   "Postfix", RELAY_LOG_QUEUED, "4F2A61C0D9", NULL, NULL},
  {POSTFIX "qmgr[77]: 4F2A61C0D9: removed", "Postfix", RELAY_LOG_QUEUED, "4F2A61C0D9", NULL, NULL},
  {POSTFIX "smtp[81]: 4F2A61C0D9: to=<c1@example.org>, relay=mx.example.org[192.0.2.7]:25, "
   "delay=0.4, delays=0.1/0/0.2/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 77)",
   "Postfix", RELAY_LOG_QUEUED, "4F2A61C0D9", NULL, NULL},
  {POSTFIX "lmtp[81]: 4F2A61C0D9: to=<c1@example.org>, orig_to=<x@example.org>, relay=none, "
   "delay=3, delays=3/0/0/0, dsn=4.4.1, status=deferred (connection refused)", "Postfix",
   RELAY_LOG_QUEUED, "4F2A61C0D9", NULL, NULL},
  {POSTFIX "local[81]: 4F2A61C0D9: to=<c1@example.org>, relay=local, delay=0, dsn=5.1.1, "
   "status=bounced (unknown user: \"c1\")", "Postfix", RELAY_LOG_QUEUED, "4F2A61C0D9", NULL, NULL},
  {POSTFIX "smtpd[9]: 4F2A61C0D9: client=desk.example.org[192.0.2.1]", "Postfix", RELAY_LOG_OTHER,
   NULL, NULL, NULL},
  {POSTFIX "submission/smtpd[9]: disconnect from desk.example.org[192.0.2.1]", "Postfix",
   RELAY_LOG_OTHER, NULL, NULL, NULL},
  /* What another server said must not pass for a line of ours. */
  {POSTFIX "smtpd[9]: warning: " POSTFIX "cleanup[1]: 4F2A61C0D9: message-id=<" ID ">", "Postfix",
   RELAY_LOG_OTHER, NULL, NULL, NULL},
  {"2026-11-22 10:15:00 1tEabc-000000012Bc-2BxY <= press@example.org "
   "H=desk.example.org [192.0.2.1] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no S=2301 "
   "id=" ID " for c1@example.org", "Exim", RELAY_LOG_TAKEN, NULL, ID, NULL},
  {"2026-11-22 10:15:00.250 +0000 [4711] 1tEabc-0001Xy-2B <= press@example.org "
   "H=(desk) [192.0.2.1] P=esmtp S=2301 M8S=0 RT=0.1s id=" ID " "
   "T=\"News id=other@example.org\" for c1@example.org", "Exim", RELAY_LOG_TAKEN, NULL, ID, NULL},
  {"Nov 22 10:15:00 mail exim[4711]: 1tEabc-0001Xy-2B <= press@example.org U=press P=local S=2301 "
   "id=" ID, "Exim", RELAY_LOG_TAKEN, NULL, ID, NULL},
  {EXIM "=> c1@example.org R=dnslookup T=remote_smtp "
   "H=mx.example.org [192.0.2.7] C=\"250 id=" ID "\"", "Exim", RELAY_LOG_OTHER, NULL, NULL, NULL},
  {EXIM "<= <> R=1tEaaa-0001Xx-1A U=exim P=local S=900", "Exim",
   RELAY_LOG_OTHER, NULL, NULL, NULL},
  {"Nov 22 10:15:00 mail smtpd[75295]: 5df87c9c42abeddb smtp envelope evpid=f6e94209918f7e7b "
   "from=<press@example.org> to=<C1@example.org>", "OpenSMTPD", RELAY_LOG_FOR_ADDRESS, NULL, NULL,
   "C1@example.org"},
  {"Nov 22 10:15:00 mail smtpd[75295]: 5df87c9b982c840c mta delivery evpid=f6e94209918f7e7b "
   "from=<press@example.org> to=<c1@example.org> rcpt=<-> source=\"192.0.2.1\" "
   "relay=\"192.0.2.7 (mx.example.org)\" delay=0s result=\"Ok\" stat=\"250 2.0.0 Ok\"",
   "OpenSMTPD", RELAY_LOG_FOR_ADDRESS, NULL, NULL, "c1@example.org"},
  {"Nov 22 10:15:00 mail smtpd[75295]: 5df87c9b982c840c mta delivery evpid=f6e94209918f7e7b "
   "from=<press@example.org> to=<c1@example.org> rcpt=<-> source=\"-\" relay=\"-\" delay=0s "
   "result=\"TempFail\" stat=\"421 later\"", "OpenSMTPD", RELAY_LOG_FOR_ADDRESS, NULL, NULL,
   "c1@example.org"},
  {"Nov 22 10:15:00 mail smtpd[75295]: 5df87c9c42abeddb smtp message msgid=f6e94209 size=802 "
   "nrcpt=1 proto=ESMTP", NULL, RELAY_LOG_OTHER, NULL, NULL, NULL},
  {"Nov 22 10:15:00 mail sshd[1]: message-id=<" ID ">", NULL, RELAY_LOG_OTHER, NULL, NULL, NULL},
  {"Xyz 22 10:15:00 mail postfix/qmgr[77]: 4F2A61C0D9: removed", NULL, RELAY_LOG_OTHER, NULL, NULL,
   NULL},
  {"2026-13-45 10:15:00 1tEabc-0001Xy-2B <= a@example.org P=local S=1 id=" ID, NULL,
   RELAY_LOG_OTHER, NULL, NULL, NULL},
  {"", NULL, RELAY_LOG_OTHER, NULL, NULL, NULL},
  {"\xff\xfe: message-id=<\xc3", NULL, RELAY_LOG_OTHER, NULL, NULL, NULL},
};

static void test_lines(void)
{
  for (guint i = 0; i < G_N_ELEMENTS(SAMPLES); i++) {
    const Sample *sample = &SAMPLES[i];
    g_auto(RelayLogEntry) entry = {.relay = NULL};
    gboolean known = relay_log_parse(sample->line, strlen(sample->line), NEAR_MS, &entry);

    g_test_message("sample %u", i);
    g_assert_cmpint(known, ==, sample->relay != NULL);
    g_assert_cmpstr(entry.relay, ==, sample->relay);
    g_assert_cmpstr(entry.queue_id, ==, sample->queue_id);
    g_assert_cmpstr(entry.message_id, ==, sample->message_id);
    g_assert_cmpstr(entry.address, ==, sample->address);
    if (known) {
      g_assert_cmpint(entry.kind, ==, sample->kind);
      g_assert_cmpint(ABS(entry.wall_ms - NEAR_MS), <, 1000);
    }
  }
}

static void check_time(const char *line, gint64 expected_ms)
{
  g_auto(RelayLogEntry) entry = {.relay = NULL};

  g_assert_true(relay_log_parse(line, strlen(line), NEAR_MS, &entry));
  g_assert_cmpint(entry.wall_ms, ==, expected_ms);
}

static void test_years_are_found(void)
{
  check_time("Nov 22 10:15:00 mail postfix/qmgr[7]: 4F2A61C0D9: removed", NEAR_MS);
  check_time("Jan  2 10:15:00 mail postfix/qmgr[7]: 4F2A61C0D9: removed",
             NEAR_MS + 41 * 24 * (gint64)HOUR_MS);
  check_time("Jul  1 10:15:00 mail postfix/qmgr[7]: 4F2A61C0D9: removed",
             NEAR_MS - 144 * 24 * (gint64)HOUR_MS);
}

/* --- Files --- */

typedef struct {
  char *folder;
  char *path;
} Fixture;

static void set_up(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  fixture->folder = g_dir_make_tmp("dateline-relaylog-XXXXXX", &error);
  g_assert_no_error(error);
  fixture->path = g_build_filename(fixture->folder, "mail.log", NULL);
}

static void tear_down(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GError *error = NULL;

  durable_remove_tree(fixture->folder, &error);
  g_assert_no_error(error);
  g_free(fixture->folder);
  g_free(fixture->path);
}

static void write_file(const Fixture *fixture, const void *bytes, gsize length)
{
  GError *error = NULL;

  g_file_set_contents(fixture->path, bytes, (gssize)length, &error);
  g_assert_no_error(error);
}

static GBytes *pack(const char *text)
{
  GError *error = NULL;
  g_autoptr(GConverter) packer =
    G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
  gsize size = strlen(text) + 1000, used, length;
  g_autofree char *packed = g_malloc(size);

  g_assert_cmpint(g_converter_convert(packer, text, strlen(text), packed, size,
                                      G_CONVERTER_INPUT_AT_END, &used, &length, &error), ==,
                  G_CONVERTER_FINISHED);
  g_assert_no_error(error);
  return g_bytes_new(packed, length);
}

/* The file's lines, each followed by "|", or what is wrong with it behind them. */
static char *lines_of(const Fixture *fixture, guint64 *passed_over)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LogFile) file = log_file_open(fixture->path, &error);
  GString *all = g_string_new(NULL);
  LogFileResult result = LOG_FILE_FAILED;
  const char *line;
  gsize length;

  while (file != NULL && (result = log_file_next(file, &line, &length, &error)) ==
                             LOG_FILE_GOT_LINE) {
    g_string_append_len(all, line, (gssize)length);
    g_string_append_c(all, '|');
  }
  g_assert_cmpint(result == LOG_FILE_FAILED, ==, error != NULL);
  if (error != NULL) {
    g_assert_nonnull(strstr(error->message, fixture->path));
    g_string_append(all, error->message);
  }
  *passed_over = file != NULL ? log_file_passed_over(file) : 0;
  return g_string_free(all, FALSE);
}

static void check_lines(const Fixture *fixture, const char *text, const char *expected)
{
  guint64 passed_over;

  write_file(fixture, text, strlen(text));
  g_autofree char *plain = lines_of(fixture, &passed_over);
  g_assert_cmpstr(plain, ==, expected);
  g_assert_cmpuint(passed_over, ==, 0);
  g_autoptr(GBytes) packed = pack(text);
  write_file(fixture, g_bytes_get_data(packed, NULL), g_bytes_get_size(packed));
  g_autofree char *unpacked = lines_of(fixture, &passed_over);
  g_assert_cmpstr(unpacked, ==, expected);
}

static void test_lines_of_files(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  check_lines(fixture, "", "");
  check_lines(fixture, "\n", "|");
  check_lines(fixture, "a\r\nb\n\nc", "a|b||c|");
}

static void test_long_lines(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  guint64 passed_over;

  for (gsize length = LOG_FILE_LINE - 1; length <= LOG_FILE_LINE + 2; length++) {
    g_autofree char *line = g_strnfill(length, 'x');
    g_autofree char *text = g_strdup_printf("a\n%s\nb\n%s", line, line);
    write_file(fixture, text, strlen(text));
    g_autofree char *lines = lines_of(fixture, &passed_over);
    gboolean fits = length <= LOG_FILE_LINE;
    g_assert_cmpuint(passed_over, ==, fits ? 0 : 2);
    g_assert_cmpuint(strlen(lines), ==, fits ? 2 * length + 6 : 4);
  }
  g_autofree char *huge = g_strnfill(1 << 20, 'x');
  g_autofree char *text = g_strconcat("a\n", huge, "\nb\n", NULL);
  write_file(fixture, text, strlen(text));
  g_autofree char *lines = lines_of(fixture, &passed_over);
  g_assert_cmpstr(lines, ==, "a|b|");
}

static void test_nul_bytes(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  const char *line;
  gsize length;

  write_file(fixture, "a\0b\nc\n", 6);
  g_autoptr(LogFile) file = log_file_open(fixture->path, &error);
  g_assert_no_error(error);
  g_assert_cmpint(log_file_next(file, &line, &length, &error), ==, LOG_FILE_GOT_LINE);
  g_assert_cmpuint(length, ==, 3);
  g_assert_cmpint(memcmp(line, "a\0b", 3), ==, 0);
  g_assert_cmpint(log_file_next(file, &line, &length, &error), ==, LOG_FILE_GOT_LINE);
  g_assert_cmpstr(line, ==, "c");
  g_assert_cmpuint(log_file_number(file), ==, 2);
}

/* gzip(1) and logrotate(8) may put packed parts one behind the other. */
static void test_packed_in_parts(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  guint64 passed_over;
  g_autoptr(GBytes) first = pack("a\nb"), second = pack("c\nd\n");
  g_autoptr(GByteArray) both = g_byte_array_new();

  g_byte_array_append(both, g_bytes_get_data(first, NULL), (guint)g_bytes_get_size(first));
  g_byte_array_append(both, g_bytes_get_data(second, NULL), (guint)g_bytes_get_size(second));
  write_file(fixture, both->data, both->len);
  g_autofree char *lines = lines_of(fixture, &passed_over);
  g_assert_cmpstr(lines, ==, "a|bc|d|");
}

static void test_packed_and_cut_off(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  guint64 passed_over;
  g_autoptr(GBytes) packed = pack("a\nb\n");

  for (gsize length = 2; length < g_bytes_get_size(packed); length++) {
    write_file(fixture, g_bytes_get_data(packed, NULL), length);
    g_autofree char *lines = lines_of(fixture, &passed_over);
    g_assert_nonnull(strstr(lines, "cut off"));
  }
}

static void test_not_for_us(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  guint64 passed_over;

  write_file(fixture, "\xfd" "7zXZ\0....", 10);
  g_autofree char *packed = lines_of(fixture, &passed_over);
  g_assert_nonnull(strstr(packed, "xzcat"));
  g_assert_cmpint(g_unlink(fixture->path), ==, 0);
  g_autofree char *missing = lines_of(fixture, &passed_over);
  g_assert_nonnull(strstr(missing, "cannot read"));
  g_assert_cmpint(g_mkdir(fixture->path, 0700), ==, 0);
  g_autofree char *folder = lines_of(fixture, &passed_over);
  g_assert_nonnull(strstr(folder, "cannot read"));
}

/* --- Evidence --- */

/* One message, intended at NEAR_MS and in doubt an hour later, held against a log. */
#define TOKEN "d1abcdefgh10123456789"

static Evidence *look_in(const Fixture *fixture, const char *text)
{
  GError *error = NULL;
  Evidence *evidence = evidence_new();

  write_file(fixture, text, strlen(text));
  guint number = evidence_seek(evidence, ID, "C1@example.org", TOKEN, NEAR_MS,
                               NEAR_MS + HOUR_MS);
  g_assert_cmpuint(number, ==, 0);
  evidence_read(evidence, fixture->path, &error);
  g_assert_no_error(error);
  return evidence;
}

static void check_grade(const Fixture *fixture, const char *text, EvidenceGrade grade,
                        guint64 number)
{
  g_autoptr(Evidence) evidence = look_in(fixture, text);
  const EvidenceFinding *finding = evidence_finding(evidence, 0);

  g_test_message("%s", text);
  g_assert_cmpint(finding->grade, ==, grade);
  g_assert_cmpuint(finding->number, ==, number);
  g_assert_cmpstr(finding->file, ==, grade != EVIDENCE_NONE ? fixture->path : NULL);
}

static void test_grades(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
#define COMING POSTFIX "cleanup[1]: 4F2A61C0D9: message-id=<" ID ">\n"
#define OTHER_COMING POSTFIX "cleanup[1]: 4F2A61C0D9: message-id=<other@example.org>\n"
#define QUEUED POSTFIX "qmgr[7]: 4F2A61C0D9: from=<p@example.org>, size=9, nrcpt=1 (queue active)\n"
#define EARLIER "Nov 22 10:14:58 mail postfix/qmgr[7]: 4F2A61C0D9: removed\n"
  check_grade(fixture, "nothing\n", EVIDENCE_NONE, 0);
  check_grade(fixture, OTHER_COMING QUEUED, EVIDENCE_NONE, 0);
  check_grade(fixture, COMING, EVIDENCE_BEGUN, 1);
  check_grade(fixture, "\n" COMING "\n" QUEUED EARLIER, EVIDENCE_TAKEN, 4);
  check_grade(fixture, QUEUED COMING, EVIDENCE_BEGUN, 2);
  check_grade(fixture, COMING EARLIER, EVIDENCE_BEGUN, 1);
  check_grade(fixture, COMING OTHER_COMING QUEUED, EVIDENCE_BEGUN, 1);
  check_grade(fixture, EXIM "<= p@example.org P=esmtp S=9 id=" ID "\n", EVIDENCE_TAKEN, 1);
}

#define ENVELOPE(time) time " mail smtpd[7]: 5df87c9c42abeddb smtp envelope " \
                       "evpid=f6e94209918f7e7b from=<p@example.org> to=<c1@Example.org>\n"

static void test_address_is_a_hint(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  check_grade(fixture, ENVELOPE("Nov 22 10:15:01"), EVIDENCE_HINT, 1);
  check_grade(fixture, ENVELOPE("Nov 22 10:13:00"), EVIDENCE_NONE, 0);
  check_grade(fixture, ENVELOPE("Nov 24 10:15:00"), EVIDENCE_NONE, 0);
}

#define DELIVERY(time, delay) time " mail smtpd[7]: 5df87c9c42abeddb mda delivery " \
                              "evpid=f6e94209918f7e7b from=<p@example.org> " \
                              "to=<c1@example.org> rcpt=<c1@example.org> user=c1 " \
                              "delay=" delay " result=Ok stat=Delivered\n"

/* A delivery tells when the relay took the message that it is about. */
static void test_delivery_dates_back(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  check_grade(fixture, DELIVERY("Nov 22 10:15:01", "0s"), EVIDENCE_HINT, 1);
  check_grade(fixture, DELIVERY("Nov 24 12:35:11", "2d2h20m10s"), EVIDENCE_HINT, 1);
  check_grade(fixture, DELIVERY("Nov 24 12:35:11", "0s"), EVIDENCE_NONE, 0);
  check_grade(fixture, DELIVERY("Nov 22 10:15:01", "1h"), EVIDENCE_NONE, 0);
  check_grade(fixture, DELIVERY("Nov 22 10:15:01", "999999999999999999d"), EVIDENCE_NONE, 0);
  check_grade(fixture, DELIVERY("Nov 22 10:15:01", "1h9"), EVIDENCE_NONE, 0);
  check_grade(fixture, DELIVERY("Nov 22 10:15:01", "hh"), EVIDENCE_HINT, 1);
}

#define FROM(sender) "Nov 24 10:15:00 mail smtpd[7]: 5df87c9c42abeddb smtp envelope " \
                     "evpid=f6e94209918f7e7b from=<" sender "> to=<c1@example.org>\n"

/* Whenever that was. */
static void test_return_path_is_proof(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  check_grade(fixture, FROM("bounces+" TOKEN "@example.org"), EVIDENCE_TAKEN, 1);
  check_grade(fixture, FROM("bounces+D1ABCDEFGH10123456789@example.org"), EVIDENCE_TAKEN, 1);
  check_grade(fixture, FROM("bounces+d1abcdefgh20123456789@example.org"), EVIDENCE_NONE, 0);
  check_grade(fixture, FROM("bounces+d1abcdefgh10123456780@example.org"), EVIDENCE_NONE, 0);
  check_grade(fixture, FROM("p@example.org"), EVIDENCE_NONE, 0);
  check_grade(fixture, FROM(""), EVIDENCE_NONE, 0);
}

static void check_covers(const Fixture *fixture, const char *text, gboolean covers)
{
  g_autoptr(Evidence) evidence = look_in(fixture, text);

  g_test_message("%s", text);
  g_assert_cmpint(evidence_covers(evidence, 0), ==, covers);
}

static void test_coverage(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
#define AT(time) time " mail postfix/smtpd[9]: connect from unknown[192.0.2.1]\n"
  check_covers(fixture, "", FALSE);
  check_covers(fixture, AT("Nov 22 10:14:00"), FALSE);
  check_covers(fixture, AT("Nov 22 11:16:00"), FALSE);
  check_covers(fixture, AT("Nov 22 10:14:00") AT("Nov 22 11:16:00"), TRUE);
  check_covers(fixture, AT("Nov 22 10:14:01") AT("Nov 22 11:16:00"), FALSE);
  check_covers(fixture, AT("Nov 22 10:14:00") AT("Nov 22 11:15:59"), FALSE);
  /* A relay that does not tell Message-IDs proves nothing by its silence. */
  check_covers(fixture, ENVELOPE("Nov 22 10:00:00") ENVELOPE("Nov 22 12:00:00"), FALSE);
}

/* The same person in several releases: each copy is looked for by itself. */
static void test_same_address(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char log[] = FROM("bounces+" TOKEN "@example.org");
  g_autoptr(GError) error = NULL;
  g_autoptr(Evidence) evidence = evidence_new();
  guint first = evidence_seek(evidence, ID, "c1@example.org", TOKEN, NEAR_MS, NEAR_MS);
  guint second = evidence_seek(evidence, "other@example.org", "C1@example.org", "", NEAR_MS,
                               NEAR_MS);

  write_file(fixture, log, strlen(log));
  g_assert_true(evidence_read(evidence, fixture->path, &error));
  g_assert_cmpint(evidence_finding(evidence, first)->grade, ==, EVIDENCE_TAKEN);
  g_assert_cmpint(evidence_finding(evidence, second)->grade, <, EVIDENCE_TAKEN);
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/relaylog/lines", test_lines);
  g_test_add_func("/relaylog/years-are-found", test_years_are_found);
#define ADD(path, test) g_test_add(path, Fixture, NULL, set_up, test, tear_down)
  ADD("/logfile/lines", test_lines_of_files);
  ADD("/logfile/long-lines", test_long_lines);
  ADD("/logfile/nul-bytes", test_nul_bytes);
  ADD("/logfile/packed-in-parts", test_packed_in_parts);
  ADD("/logfile/packed-and-cut-off", test_packed_and_cut_off);
  ADD("/logfile/not-for-us", test_not_for_us);
  ADD("/evidence/grades", test_grades);
  ADD("/evidence/address-is-a-hint", test_address_is_a_hint);
  ADD("/evidence/delivery-dates-back", test_delivery_dates_back);
  ADD("/evidence/return-path-is-proof", test_return_path_is_proof);
  ADD("/evidence/coverage", test_coverage);
  ADD("/evidence/same-address", test_same_address);
  return g_test_run();
}
