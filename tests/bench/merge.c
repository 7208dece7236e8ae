/* SPDX-License-Identifier: Apache-2.0 */

/* How fast messages are merged, with nothing behind it: no socket, no disk. One row a size:
 * the size of a message on the wire, how long its release took to compile, and how many
 * messages one core merges in a second. */

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/durable.h"
#include "content/message.h"

enum { RUN_US = 1000000, BATCH = 1000, ROWS = 64, ATTACHMENT = 20 << 20 };

static const char *const columns[] = { "first_name", "last_name", "outlet", "city", "role",
                                       "topic", "id", "since", NULL };

static const char head[] =
    "---\nsubject: \"A lighthouse for {{city}}\"\n---\n# A lighthouse of 1861\n\n"
    "Dear {{first_name|colleague}} {{last_name}},\n\n"
    "we have kept a place for {{outlet}}, and one for your {{role}} on {{topic}}.\n"
    "[Sign up](https://example.org/visit?id={{id}}). You read us since {{since}}.\n\n";

static const char sentence[] =
    "The keeper's log, kept without a gap, tells of every ship that passed the point. ";

static void add_rows(char *cells[ROWS][G_N_ELEMENTS(columns) - 1])
{
  static const char *const words[] = { "Ann", "O'Brien", "Zoë", "Müller", "The Daily Gazette",
                                       "日本", "editor", "tides" };
  for (guint row = 0; row < ROWS; row++) {
    for (guint i = 0; i < G_N_ELEMENTS(columns) - 1; i++) {
      cells[row][i] = g_strdup_printf("%s %u", words[(row + i) % G_N_ELEMENTS(words)], row);
    }
  }
}

static char *write_drop(guint size, gboolean attached)
{
  g_autoptr(GError) error = NULL;
  char *folder = g_dir_make_tmp("dateline-merge-XXXXXX", &error);
  g_autoptr(GString) text = g_string_new(head);
  for (guint i = 1; text->len < size; i++) {
    g_string_append_printf(text, "%s%s", sentence, i % 5 == 0 ? "\n\n" : "");
  }
  g_autofree char *release = g_build_filename(folder, "release.md", NULL);
  g_autofree char *attachments = g_build_filename(folder, "attachments", NULL);
  g_autofree char *file = g_build_filename(attachments, "plan.pdf", NULL);
  gboolean good = g_file_set_contents(release, text->str, -1, &error);
  if (good && attached) {
    g_autofree char *bytes = g_malloc0(ATTACHMENT);
    g_mkdir(attachments, 0700);
    good = g_file_set_contents(file, bytes, ATTACHMENT, &error);
  }
  if (!good) {
    g_error("%s", error->message);
  }
  return folder;
}

/* Of the processor, so that others who use it do not count. */
static gint64 processor_us(void)
{
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (gint64)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static Message *compile(const char *folder, double *milliseconds)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(Draft) draft = draft_read(folder, G_MAXINT64, report);
  const MessageOptions options = {
    .uuid = "123e4567-e89b-42d3-a456-426614174000", .from = "Press <press@example.org>",
    .list_name = "press", .list_id = "press.example.org", .language = "en",
  };
  const gint64 begun = processor_us();
  Message *message = message_compile(draft, &options, report);
  *milliseconds = (double)(processor_us() - begun) / 1000;
  if (message == NULL) {
    g_autofree char *findings = report_to_text(report);
    g_error("%s", findings);
  }
  message_bind(message, columns);
  return message;
}

static double merges_a_second(const Message *message, Merge *merge)
{
  static char *cells[ROWS][G_N_ELEMENTS(columns) - 1];
  if (cells[0][0] == NULL) {
    add_rows(cells);
  }
  guint64 count = 0;
  gint64 now;
  const gint64 begun = processor_us();
  do {
    for (guint i = 0; i < BATCH; i++, count++) {
      const MergeInput input = {
        .values = (const char *const *)cells[count % ROWS], .address = "ann@example.org",
        .name = cells[count % ROWS][1], .message_id = "0123456789@example.org",
        .date_ms = G_GINT64_CONSTANT(1795342500000) + (gint64)count,
      };
      message_merge(message, &input, merge);
    }
    now = processor_us();
  } while (now - begun < RUN_US);
  return (double)count * 1e6 / (double)(now - begun);
}

static void measure(const char *what, guint size, gboolean attached)
{
  double milliseconds;
  g_autofree char *folder = write_drop(size, attached);
  g_autoptr(Merge) merge = merge_new();
  g_autoptr(Message) message = compile(folder, &milliseconds);
  const double rate = merges_a_second(message, merge);
  printf("%-22s %10zu bytes  compiled in %7.1f ms  %9.0f messages/s\n", what, merge_size(merge),
         milliseconds, rate);
  durable_remove_tree(folder, NULL);
}

int main(void)
{
  measure("smallest", 0, FALSE);
  measure("10 KB", 2300, FALSE);
  measure("100 KB", 45000, FALSE);
  measure("1 MB", 480000, FALSE);
  measure("10 KB and 20 MB file", 2300, TRUE);
  return 0;
}
