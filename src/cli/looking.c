/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/looking.h"

#include <stdio.h>

#include "base/names.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "delivery/evidence.h"

typedef struct {
  const GPtrArray *doubts;   /* their numbers are those of the evidence */
  Evidence *evidence;
  GPtrArray *sent, *due;     /* Doubt *, borrowed */
  gboolean resend_absent;
} Looking;

/* --- Looking --- */

static Evidence *seek_all(const GPtrArray *doubts)
{
  Evidence *evidence = evidence_new();

  for (guint i = 0; i < doubts->len; i++) {
    const Doubt *doubt = g_ptr_array_index(doubts, i);
    evidence_seek(evidence, doubt->message_id, doubt->address, doubt->token,
                  doubt->intended_ms, doubt->doubt_ms);
  }
  return evidence;
}

static int read_logs(Evidence *evidence, const char *const *paths)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; paths[i] != NULL; i++) {
    if (!evidence_read(evidence, paths[i], &error)) {
      g_prefix_error(&error, "nothing was settled: ");
      return complain_error(error, EX_IOERR);
    }
  }
  if (evidence_understood(evidence) == 0) {
    complain("nothing was settled: there is no line in it that Postfix, Exim or OpenSMTPD would "
             "write; is it the relay's mail log?");
    return EX_DATAERR;
  }
  if (evidence_passed_over(evidence) > 0) {
    complain("warning: lines that were too long to be a relay's were passed over");
  }
  return EX_OK;
}

/* --- Deciding --- */

static gboolean is_absent(const Looking *looking, guint number)
{
  return evidence_finding(looking->evidence, number)->grade == EVIDENCE_NONE;
}

static void decide(Looking *looking)
{
  looking->sent = g_ptr_array_new();
  looking->due = g_ptr_array_new();
  for (guint i = 0; i < looking->doubts->len; i++) {
    Doubt *doubt = g_ptr_array_index(looking->doubts, i);
    if (evidence_finding(looking->evidence, i)->grade == EVIDENCE_TAKEN) {
      g_ptr_array_add(looking->sent, doubt);
    } else if (looking->resend_absent && is_absent(looking, i) &&
               evidence_covers(looking->evidence, i)) {
      g_ptr_array_add(looking->due, doubt);
    }
  }
}

static gboolean have_settled(const Looking *looking, const Config *config, const char *id,
                             GError **error)
{
  if (!doubts_settle(config, id, looking->sent, SETTLE_SENT, "the relay's log shows it", error)) {
    return FALSE;
  }
  if (!doubts_settle(config, id, looking->due, SETTLE_DUE, "the relay's log does not mention it",
                     error)) {
    g_prefix_error(error, "%u settled as sent; to be sent again: ", looking->sent->len);
    return FALSE;
  }
  return TRUE;
}

/* --- Telling --- */

static const char *remark_on_absence(const Looking *looking, guint number)
{
  if (!looking->resend_absent) {
    return "its Message-ID is in none of the logs, which proves nothing";
  }
  if (!evidence_covers(looking->evidence, number)) {
    return "its Message-ID is in none of the logs, but they do not reach from a minute before it "
           "was sent to a minute after it was in doubt, or do not tell Message-IDs";
  }
  return "its Message-ID is in none of the logs";
}

static void print_contact(const Looking *looking, guint number)
{
  static const char *const remarks[] = {
    [EVIDENCE_HINT] = "perhaps it was taken, but this line does not say which message it means: ",
    [EVIDENCE_BEGUN] = "the relay began to receive it, and does not say that it took it: ",
    [EVIDENCE_TAKEN] = "",
  };
  const Doubt *doubt = g_ptr_array_index(looking->doubts, number);
  const EvidenceFinding *finding = evidence_finding(looking->evidence, number);
  gboolean sent = g_ptr_array_find(looking->sent, doubt, NULL);
  gboolean due = g_ptr_array_find(looking->due, doubt, NULL);
  const char *state = sent ? "sent" : due ? "due" : "in-doubt";
  Style style = style_of_state(state);
  g_autofree char *address = text_make_visible(doubt->address);

  printf("%s %s%s%s: ", address, style_begin(style), state, style_end(style));
  if (finding->grade == EVIDENCE_NONE) {
    printf("%s\n", remark_on_absence(looking, number));
    return;
  }
  g_autofree char *file = text_make_visible(finding->file);
  g_autofree char *line = text_make_visible(finding->line);
  printf("%s%s log %s:%" G_GUINT64_FORMAT ": %s\n", remarks[finding->grade], finding->relay, file,
         finding->number, line);
}

static void print_all(const Looking *looking)
{
  guint settled = looking->sent->len + looking->due->len;

  for (guint i = 0; i < looking->doubts->len; i++) {
    print_contact(looking, i);
  }
  printf("\n%u settled as sent, %u to be sent again, %u still in doubt\n", looking->sent->len,
         looking->due->len, looking->doubts->len - settled);
}

int looking_settle(const Config *config, const Summary *summary, const GPtrArray *doubts,
                   const char *const *paths, gboolean resend_absent)
{
  g_autoptr(Evidence) evidence = seek_all(doubts);
  Looking looking = {.doubts = doubts, .evidence = evidence, .resend_absent = resend_absent};
  g_autoptr(GError) error = NULL;
  int status = read_logs(evidence, paths);

  if (status != EX_OK) {
    return status;
  }
  decide(&looking);
  if (have_settled(&looking, config, summary->id, &error)) {
    print_all(&looking);
  } else {
    status = complain_error(error, EX_SOFTWARE);
  }
  g_ptr_array_unref(looking.sent);
  g_ptr_array_unref(looking.due);
  return status;
}
