/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/delivery.h"

#include <string.h>

Delivery *delivery_new(gpointer release, guint n_columns)
{
  Delivery *delivery = g_new0(Delivery, 1);
  delivery->release = release;
  delivery->strings = g_string_sized_new(256);
  delivery->values = g_new0(const char *, n_columns + 1);
  delivery->return_path = g_string_sized_new(64);
  return delivery;
}

void delivery_free(Delivery *delivery)
{
  g_string_free(delivery->strings, TRUE);
  g_free(delivery->values);
  g_string_free(delivery->return_path, TRUE);
  g_free(delivery);
}

static void keep(GString *strings, const char *text)
{
  if (text == NULL)
    text = "";
  g_string_append_len(strings, text, (gssize)strlen(text) + 1);
}

/* One buffer, filled first and pointed into afterwards: it may move while it grows. */
void delivery_set_recipient(Delivery *delivery, const RosterRecipient *recipient, guint n_columns)
{
  g_string_truncate(delivery->strings, 0);
  keep(delivery->strings, recipient->mailbox);
  keep(delivery->strings, recipient->name);
  for (guint i = 0; i < n_columns; i++)
    keep(delivery->strings, recipient->values[i]);

  const char *next = delivery->strings->str;
  delivery->job.mailbox = next;
  next += strlen(next) + 1;
  delivery->name = *next != '\0' ? next : NULL;
  for (guint i = 0; i < n_columns; i++) {
    next += strlen(next) + 1;
    delivery->values[i] = next;
  }
  delivery->job.needs_smtputf8 = recipient->needs_smtputf8;
  delivery->contact = recipient->contact;
}

/* Made only where a command asks for it: a token costs a tenth of a message. */
static const char *token(Delivery *delivery)
{
  if (*delivery->token == '\0')
    verp_write_token(delivery->key, delivery->contact, delivery->token);
  return delivery->token;
}

/* The Job is a Delivery's first member. */
static const char *envelope_id(Job *job)
{
  return token((Delivery *)job);
}

void delivery_set_envelope(Delivery *delivery, const Terms *terms, VerpKey *key)
{
  Job *job = &delivery->job;
  job->dsn_notify = terms->dsn_notify;
  job->dsn_return = terms->dsn_return;
  job->return_path = terms->return_path;
  job->envelope_id = key != NULL ? envelope_id : NULL;
  delivery->key = key;
  delivery->token[0] = '\0';
  if (key == NULL || !verp_is_pattern(terms->return_path))
    return;
  verp_write_path(delivery->return_path, terms->return_path, token(delivery));
  job->return_path = delivery->return_path->str;
}

void delivery_message_id(const uuid_t release_uuid, const char *mailbox, const char *from,
                         char buffer[MESSAGE_ID_SIZE])
{
  uuid_t id;
  char text[UUID_STR_LEN];
  const char *at = strrchr(from, '@');
  uuid_generate_sha1(id, release_uuid, mailbox, strlen(mailbox));
  uuid_unparse_lower(id, text);
  g_snprintf(buffer, MESSAGE_ID_SIZE, "%s%s", text, at != NULL ? at : "@localhost");
}

void delivery_merge(const Delivery *delivery, const Message *message, const uuid_t release_uuid,
                    gint64 wall_ms, Merge *merge)
{
  char message_id[MESSAGE_ID_SIZE];
  delivery_message_id(release_uuid, delivery->job.mailbox, message_from_address(message),
                      message_id);
  MergeInput input = { .values = delivery->values, .address = delivery->job.mailbox,
                       .name = delivery->name, .message_id = message_id, .date_ms = wall_ms };
  message_merge(message, &input, merge);
}
