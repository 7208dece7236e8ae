/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/terms.h"

#include "base/clock.h"
#include "base/limits.h"
#include "config/dsn.h"
#include "config/number.h"

void terms_clear(Terms *terms)
{
  g_free(terms->uuid);
  g_free(terms->channel);
  g_free(terms->name);
  g_free(terms->hash);
  g_free(terms->subject);
  g_free(terms->from);
  g_free(terms->reply_to);
  g_free(terms->return_path);
  g_free(terms->token_key);
  g_free(terms->list_name);
  g_free(terms->list_id);
  g_free(terms->language);
  g_free(terms->hours);
  *terms = (Terms){ 0 };
}

static void add_moment(RecordWriter *writer, const char *key, gint64 wall_ms)
{
  char text[CLOCK_UTC_LENGTH + 1];
  if (wall_ms == 0)
    return;
  clock_format_utc(wall_ms, text);
  record_add(writer, key, text);
}

static void add_number(RecordWriter *writer, const char *key, guint64 number)
{
  char text[24];
  g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, number);
  record_add(writer, key, text);
}

static void add_text(RecordWriter *writer, const char *key, const char *value)
{
  if (value != NULL)
    record_add(writer, key, value);
}

static void write_received(RecordWriter *writer, const Terms *terms)
{
  add_text(writer, "uuid", terms->uuid);
  add_text(writer, "channel", terms->channel);
  add_text(writer, "name", terms->name);
  add_number(writer, "owner", terms->owner);
  add_text(writer, "hash", terms->hash);
}

static void add_rate(RecordWriter *writer, const char *key, const Rate *rate)
{
  g_autofree char *text = rate_write(rate);
  if (rate->length > 0)
    record_add(writer, key, text);
}

static void write_accepted(RecordWriter *writer, const Terms *terms)
{
  g_autofree char *notify = dsn_notify_write(terms->dsn_notify);
  add_number(writer, "recipients", terms->recipients);
  add_number(writer, "skipped", terms->skipped);
  if (terms->suppressions > 0)
    add_number(writer, "suppressions", terms->suppressions);
  add_text(writer, "subject", terms->subject);
  add_text(writer, "from", terms->from);
  add_text(writer, "reply-to", terms->reply_to);
  add_text(writer, "return-path", terms->return_path);
  add_text(writer, "token-key", terms->token_key);
  add_text(writer, "dsn-notify", notify);
  add_text(writer, "dsn-return", dsn_return_words[terms->dsn_return]);
  add_text(writer, "list-name", terms->list_name);
  add_text(writer, "list-id", terms->list_id);
  add_text(writer, "language", terms->language);
  add_text(writer, "html", terms->html ? "pass" : NULL);
  add_text(writer, "in-doubt", terms->in_doubt == IN_DOUBT_RESEND ? "resend" : "hold");
  add_text(writer, "priority", terms->urgent ? "urgent" : NULL);
  add_rate(writer, "rate", &terms->rate);
  add_text(writer, "hours", terms->hours);
  add_moment(writer, "send-at", terms->send_at_ms);
  add_moment(writer, "deadline", terms->deadline_ms);
}

GString *terms_to_journal(const Terms *terms)
{
  char memory[LIMIT_JOURNAL_LINE];
  RecordWriter writer = { 0 };
  g_autoptr(GString) lines = g_string_new(NULL);
  record_begin(&writer, memory, 1, terms->received_ms, EVENT_RECEIVED, 0);
  write_received(&writer, terms);
  gsize received = record_end(&writer);
  g_string_append_len(lines, memory, (gssize)received);
  record_begin(&writer, memory, 2, terms->accepted_ms, EVENT_ACCEPTED, 0);
  write_accepted(&writer, terms);
  gsize accepted = record_end(&writer);
  g_string_append_len(lines, memory, (gssize)accepted);
  return received > 0 && accepted > 0 ? g_steal_pointer(&lines) : NULL;
}

static void take_text(char **field, const Record *record, const char *key)
{
  g_free(*field);
  *field = g_strdup(record_get(record, key));
}

static void read_received(Terms *terms, const Record *record)
{
  take_text(&terms->uuid, record, "uuid");
  take_text(&terms->channel, record, "channel");
  take_text(&terms->name, record, "name");
  take_text(&terms->hash, record, "hash");
  terms->owner = (guint)record_get_number(record, "owner", 0);
  terms->received_ms = record->wall_ms;
}

/* What is not understood is no limit: a newer version may know more than this one. */
static void take_rate(Rate *rate, const Record *record, const char *key)
{
  const char *text = record_get(record, key);
  *rate = (Rate){ 0 };
  if (text != NULL && !rate_read(text, rate))
    g_warning("the journal has a %s that is not understood: %s", key, text);
}

static void read_accepted(Terms *terms, const Record *record)
{
  take_text(&terms->subject, record, "subject");
  take_text(&terms->from, record, "from");
  take_text(&terms->reply_to, record, "reply-to");
  take_text(&terms->return_path, record, "return-path");
  take_text(&terms->token_key, record, "token-key");
  terms->dsn_notify = dsn_notify_read(record_get(record, "dsn-notify"));
  terms->dsn_return = g_strcmp0(record_get(record, "dsn-return"), "full") == 0 ? DSN_FULL
                                                                             : DSN_HEADERS;
  take_text(&terms->list_name, record, "list-name");
  take_text(&terms->list_id, record, "list-id");
  take_text(&terms->language, record, "language");
  terms->html = g_strcmp0(record_get(record, "html"), "pass") == 0;
  terms->in_doubt = g_strcmp0(record_get(record, "in-doubt"), "resend") == 0 ? IN_DOUBT_RESEND
                                                                             : IN_DOUBT_HOLD;
  terms->urgent = g_strcmp0(record_get(record, "priority"), "urgent") == 0;
  take_rate(&terms->rate, record, "rate");
  take_text(&terms->hours, record, "hours");
  terms->recipients = (guint32)record_get_number(record, "recipients", 0);
  terms->skipped = (guint64)record_get_number(record, "skipped", 0);
  terms->suppressions = (guint64)record_get_number(record, "suppressions", 0);
  terms->accepted_ms = record->wall_ms;
  record_get_time(record, "send-at", &terms->send_at_ms);
  record_get_time(record, "deadline", &terms->deadline_ms);
}

void terms_read(Terms *terms, const Record *record)
{
  if (record->event == EVENT_RECEIVED)
    read_received(terms, record);
  else if (record->event == EVENT_ACCEPTED)
    read_accepted(terms, record);
}
