/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/reply.h"

#include <string.h>

#include "base/limits.h"

typedef struct {
  const char *input;
  guint code;
  const char *status;
  const char *text;
} Sample;

static const Sample samples[] = {
  { "250 Ok\r\n", 250, "", "Ok" },
  { "250\r\n", 250, "", "" },
  { "250 2.0.0 Ok: queued as 4F2\r\n", 250, "2.0.0", "Ok: queued as 4F2" },
  { "550 5.1.1 <a@example.org>: no such user\r\n", 550, "5.1.1", "<a@example.org>: no such user" },
  { "250-mail.example.org\r\n250-PIPELINING\r\n250 SIZE 1000\r\n", 250, "",
    "mail.example.org\nPIPELINING\nSIZE 1000" },
  { "450-4.7.1 first\r\n450 4.7.1 second\r\n", 450, "4.7.1", "first\nsecond" },
  { "250 5.1.1 another class is text\r\n", 250, "", "5.1.1 another class is text" },
  { "421 4.3.2000 too many digits\r\n", 421, "", "4.3.2000 too many digits" },
  { "421 4.3.\r\n", 421, "", "4.3." },
  { "354 Go\n", 354, "", "Go" },
};

static void assert_sample(const Sample *sample, const Reply *reply)
{
  g_assert_cmpuint(reply->code, ==, sample->code);
  g_assert_cmpstr(reply->status, ==, sample->status);
  g_assert_cmpstr(reply->text, ==, sample->text);
}

/* Every sample whole, and cut in two at every byte. */
static void test_samples(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    gsize length = strlen(samples[i].input);
    for (gsize cut = 0; cut < length; cut++) {
      Reply reply;
      g_autoptr(ReplyReader) reader = reply_reader_new();
      reply_reader_feed(reader, samples[i].input, cut);
      g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_NONE);
      reply_reader_feed(reader, samples[i].input + cut, length - cut);
      g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_COMPLETE);
      assert_sample(&samples[i], &reply);
      g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_NONE);
    }
  }
}

static void test_several_in_one_packet(void)
{
  Reply reply;
  g_autoptr(ReplyReader) reader = reply_reader_new();
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++)
    reply_reader_feed(reader, samples[i].input, strlen(samples[i].input));
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_COMPLETE);
    assert_sample(&samples[i], &reply);
  }
  g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_NONE);
}

static void test_garbage(void)
{
  static const char *const garbage[] = {
    "hello\r\n", "\r\n", "25\r\n", "199 x\r\n", "600 x\r\n", "250x\r\n", "HTTP/1.1 400 Bad\r\n",
    "250-one\r\ntwo\r\n",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(garbage); i++) {
    Reply reply;
    g_autoptr(ReplyReader) reader = reply_reader_new();
    reply_reader_feed(reader, garbage[i], strlen(garbage[i]));
    g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_BROKEN);
    g_assert_nonnull(reply.text);
  }
}

static void test_endless(void)
{
  Reply reply;
  g_autofree char *line = g_strnfill(LIMIT_REPLY_LINE + 1, 'x');
  g_autoptr(ReplyReader) reader = reply_reader_new();
  reply_reader_feed(reader, line, LIMIT_REPLY_LINE + 1);
  g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_BROKEN);

  g_autoptr(ReplyReader) other = reply_reader_new();
  ReplyResult result = REPLY_NONE;
  for (guint i = 0; i <= LIMIT_REPLY_LINES && result == REPLY_NONE; i++) {
    reply_reader_feed(other, "250-more\r\n", 10);
    result = reply_reader_next(other, &reply);
  }
  g_assert_cmpint(result, ==, REPLY_BROKEN);
}

/* The longest line there may be, and one that is longer, whatever comes with them. */
static void test_long_lines(void)
{
  g_autofree char *longest = g_strnfill(LIMIT_REPLY_LINE - strlen("250 "), 'x');
  g_autofree char *good = g_strconcat("250 ", longest, "\n250 next\n", NULL);
  g_autofree char *bad = g_strconcat("250 x", longest, "\n250 next\n", NULL);
  for (gsize piece = 1; piece < 2 * LIMIT_REPLY_LINE; piece *= 8) {
    Reply reply;
    ReplyResult result = REPLY_NONE;
    g_autoptr(ReplyReader) reader = reply_reader_new();
    for (gsize at = 0; result == REPLY_NONE; at += piece) {
      reply_reader_feed(reader, bad + at, MIN(piece, strlen(bad) - at));
      result = reply_reader_next(reader, &reply);
    }
    g_assert_cmpint(result, ==, REPLY_BROKEN);
  }
  Reply reply;
  g_autoptr(ReplyReader) reader = reply_reader_new();
  reply_reader_feed(reader, good, strlen(good));
  g_assert_cmpint(reply_reader_next(reader, &reply), ==, REPLY_COMPLETE);
  g_assert_cmpstr(reply.text, ==, longest);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/reply/samples", test_samples);
  g_test_add_func("/reply/several", test_several_in_one_packet);
  g_test_add_func("/reply/garbage", test_garbage);
  g_test_add_func("/reply/endless", test_endless);
  g_test_add_func("/reply/long-lines", test_long_lines);
  return g_test_run();
}
