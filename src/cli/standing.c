/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/standing.h"

#include "base/clock.h"
#include "cli/terminal.h"

static gint64 estimate_end(const Standing *standing, gint64 now_ms)
{
  guint32 left = standing_count(standing, CONTACT_DUE) +
                 standing_count(standing, CONTACT_INTENDED) +
                 standing_count(standing, CONTACT_DEFERRED);

  return standing->rate > 0 && left > 0 ? now_ms + (gint64)(left / standing->rate * 1000) : 0;
}

/* What the daemon says goes before what we made out ourselves, unless the release has
 * reached done/ meanwhile. */
static void take_live(Standing *standing, const Live *live)
{
  const Summary *summary = standing->summary;
  LiveRelease release;

  if (!summary->archived && live_release(live, summary->id, &release)) {
    standing->state = g_strdup(release.state);
    standing->reason = g_strdup(release.reason);
    standing->rate = release.rate;
  } else if (live_is_absent(live) && summary->state == RELEASE_SENDING) {
    standing->state = g_strdup("waiting");
    standing->reason = g_strdup("nothing is sent while datelined does not run");
  } else {
    standing->state = g_strdup(release_state_name(summary->state));
    standing->reason = g_strdup(summary->reason);
  }
}

Standing *standing_read(const char *spool, const char *id, const Live *live, GError **error)
{
  gint64 now_ms = clock_wall_ms();
  Summary *summary = releases_read(spool, id, now_ms, error);

  if (summary == NULL) {
    return NULL;
  }
  Standing *standing = g_new0(Standing, 1);
  standing->summary = summary;
  take_live(standing, live);
  standing->eta_ms = estimate_end(standing, now_ms);
  return standing;
}

void standing_free(Standing *standing)
{
  summary_free(standing->summary);
  g_free(standing->state);
  g_free(standing->reason);
  g_free(standing);
}

guint32 standing_count(const Standing *standing, ContactState state)
{
  const Ledger *ledger = standing->summary->ledger;

  return ledger != NULL ? ledger_count(ledger, state) : 0;
}

guint32 standing_contacts(const Standing *standing)
{
  const Ledger *ledger = standing->summary->ledger;

  return ledger != NULL ? ledger_length(ledger) : 0;
}

char *standing_time(const Standing *standing)
{
  const Summary *summary = standing->summary;

  if (summary->finished_ms != 0) {
    return moment_to_text(summary->finished_ms);
  }
  if (summary->state == RELEASE_SCHEDULED) {
    g_autofree char *begin = moment_to_text(summary->terms.send_at_ms);
    return g_strconcat("begins ", begin, NULL);
  }
  if (standing->eta_ms != 0) {
    g_autofree char *left = duration_to_text(standing->eta_ms - clock_wall_ms());
    return g_strconcat(left, " left", NULL);
  }
  return g_strdup("-");
}

static void add_counts(JsonBuilder *builder, const Standing *standing)
{
  json_builder_set_member_name(builder, "contacts");
  json_builder_begin_object(builder);
  object_add_number(builder, "all", standing_contacts(standing));
  for (guint state = 0; state < CONTACT_STATES; state++) {
    object_add_number(builder, contact_state_name((ContactState)state),
                      standing_count(standing, (ContactState)state));
  }
  json_builder_end_object(builder);
  object_add_number(builder, "skipped", standing->summary->terms.skipped);
}

static void add_terms(JsonBuilder *builder, const Terms *terms)
{
  object_add_text(builder, "uuid", terms->uuid);
  object_add_text(builder, "channel", terms->channel);
  object_add_text(builder, "name", terms->name);
  object_add_text(builder, "hash", terms->hash);
  object_add_number(builder, "owner", terms->owner);
  object_add_text(builder, "subject", terms->subject);
  object_add_text(builder, "from", terms->from);
  object_add_text(builder, "reply-to", terms->reply_to);
  object_add_text(builder, "return-path", terms->return_path);
  object_add_text(builder, "list-name", terms->list_name);
  object_add_text(builder, "list-id", terms->list_id);
  object_add_text(builder, "language", terms->language);
  object_add_text(builder, "in-doubt", terms->in_doubt == IN_DOUBT_RESEND ? "resend" : "hold");
  object_add_moment(builder, "received", terms->received_ms);
  object_add_moment(builder, "accepted", terms->accepted_ms);
  object_add_moment(builder, "send-at", terms->send_at_ms);
  object_add_moment(builder, "deadline", terms->deadline_ms);
}

void standing_add_members(const Standing *standing, JsonBuilder *builder)
{
  const Summary *summary = standing->summary;

  object_add_text(builder, "id", summary->id);
  object_add_text(builder, "state", standing->state);
  object_add_text(builder, "reason", standing->reason);
  object_add_text(builder, "directory", summary->directory);
  add_terms(builder, &summary->terms);
  object_add_moment(builder, "started", summary->started_ms);
  object_add_moment(builder, "finished", summary->finished_ms);
  object_add_moment(builder, "latest", summary->latest_ms);
  add_counts(builder, standing);
  json_builder_set_member_name(builder, "rate");
  json_builder_add_double_value(builder, standing->rate);
  object_add_moment(builder, "eta", standing->eta_ms);
}
