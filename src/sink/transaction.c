/* SPDX-License-Identifier: Apache-2.0 */

/* The mail transaction: MAIL, RCPT, DATA or BDAT, and the message itself. */

#include <string.h>

#include "sink/conversation.h"

enum { MAX_RECIPIENTS = 10000 };  /* of one message */

void transaction_init(Transaction *transaction)
{
  transaction->recipients = g_string_new(NULL);
  transaction->trace = g_string_new(NULL);
}

void transaction_clear(Transaction *transaction)
{
  g_string_free(transaction->recipients, TRUE);
  g_string_free(transaction->trace, TRUE);
}

void transaction_reset(Client *client)
{
  Transaction *transaction = &client->transaction;
  letter_discard(client->letter);
  transaction->open = FALSE;
  transaction->sender.address[0] = '\0';
  g_string_truncate(transaction->recipients, 0);
  transaction->recipient_count = 0;
  g_string_truncate(transaction->trace, 0);
  transaction->unique[0] = '\0';
  transaction->refused_any = FALSE;
  transaction->body_fault = NULL;
  transaction->in_chunks = FALSE;
}

static void add_trace(Client *client, const char *name, const char *value)
{
  if (value != NULL && store_has_maildir(client->service->store)) {
    g_string_append_printf(client->transaction.trace, "%s: %s\r\n", name, value);
  }
}

static const char *check_mail(Client *client, Path *sender, const char *argument)
{
  if (client->service->credential.password != NULL && client->user == NULL) {
    return "530 5.7.0 authenticate first";
  }
  return path_read_sender(sender, argument, client->service->extensions);
}

void transaction_mail(Client *client, char *argument)
{
  Transaction *transaction = &client->transaction;
  const char *problem = check_mail(client, &transaction->sender, argument);
  if (problem != NULL) {
    client_say(client, problem);
    transaction_reset(client);
    return;
  }
  if (client_answer(client, STAGE_MAIL, "250 2.1.0 sender ok") != '2') {
    transaction_reset(client);
    return;
  }
  transaction->open = TRUE;
  add_trace(client, "X-Sink-Helo", client->name->str);
  add_trace(client, "X-Sink-TLS", client->tls);
  add_trace(client, "X-Sink-User", client->user);
  add_trace(client, "X-Sink-Mail", argument);
}

static const char *check_rcpt(Client *client, Path *recipient, const char *argument)
{
  const Transaction *transaction = &client->transaction;
  if (!transaction->open || transaction->in_chunks) {
    return "503 5.5.1 RCPT follows MAIL";
  }
  return path_read_recipient(recipient, argument, client->service->extensions,
                             transaction->sender.utf8);
}

void transaction_rcpt(Client *client, char *argument)
{
  Transaction *transaction = &client->transaction;
  Path recipient;
  const Fault *fault = NULL;
  const char *proper = check_rcpt(client, &recipient, argument);
  gboolean readable = proper == NULL;
  if (readable) {
    gboolean fits = transaction->recipient_count < MAX_RECIPIENTS;
    proper = fits ? "250 2.1.5 recipient ok" : "452 4.5.3 too many recipients";
    fault = client_consult(client, STAGE_RCPT, recipient.address);
  }
  client_reply(client, fault, proper);
  char verdict = fault_verdict(fault, proper);
  if (readable && verdict == '2') {
    g_string_append_len(transaction->recipients, recipient.address,
                        (gssize)strlen(recipient.address) + 1);
    transaction->recipient_count++;
    add_trace(client, "X-Sink-Rcpt", argument);
  } else {
    transaction->refused_any = transaction->open;
    if (verdict == '4' || verdict == '5') {
      totals_add(&client->service->totals, TOTAL_REFUSED_RECIPIENTS, 1);
    }
  }
}

/* Why no message can begin now, or NULL. */
static const char *check_recipients(const Transaction *transaction)
{
  if (transaction->recipients->len > 0) {
    return NULL;
  }
  return transaction->open && transaction->refused_any ? "554 5.5.1 no valid recipients"
                                                       : "503 5.5.1 there is no recipient";
}

static void fill_envelope(const Client *client, Envelope *envelope)
{
  const Transaction *transaction = &client->transaction;
  *envelope = (Envelope){
    .unique = transaction->unique,
    .connection = client->number,
    .sender = transaction->sender.address,
    .recipients = transaction->recipients->str,
    .trace = transaction->trace->str,
    .eight_bit = transaction->sender.eight_bit || transaction->sender.utf8,
  };
}

/* The fault that was laid for the body happens. */
static void spring_body_fault(Client *client)
{
  const Fault *fault = g_steal_pointer(&client->transaction.body_fault);
  client_reply(client, fault, NULL);
}

static void begin_message(Client *client)
{
  Transaction *transaction = &client->transaction;
  Envelope envelope;
  client->messages++;
  g_snprintf(transaction->unique, sizeof transaction->unique, "%" G_GUINT64_FORMAT "-%u",
             client->number, client->messages);
  fill_envelope(client, &envelope);
  letter_begin(client->letter, &envelope, extensions_size(client->service->extensions));
  transaction->received = 0;
  transaction->body_fault = client_consult(client, STAGE_BODY, transaction->recipients->str);
}

void transaction_data(Client *client, char *argument G_GNUC_UNUSED)
{
  static const char go_ahead[] = "354 end the message with <CRLF>.<CRLF>";
  Transaction *transaction = &client->transaction;
  if (!transaction->open || transaction->in_chunks ||
      (transaction->recipients->len == 0 && !transaction->refused_any)) {
    client_say(client, "503 5.5.1 DATA follows MAIL and RCPT");
    return;
  }
  const char *proper = check_recipients(transaction);
  const Fault *fault = client_consult(client, STAGE_DATA, transaction->recipients->str);
  if (proper == NULL || (fault != NULL && fault->accept_anyway)) {
    proper = go_ahead;
  }
  client_reply(client, fault, proper);
  if (fault_verdict(fault, proper) == '3') {
    begin_message(client);
    client->mode = MODE_BODY;
    client->body = BODY_LINE;
  }
}

/* What the message deserves. */
static const char *judge_message(Client *client, GString *reply)
{
  const char *problem = check_recipients(&client->transaction);
  if (problem != NULL) {
    return problem;
  }
  if (letter_size(client->letter) > extensions_size(client->service->extensions)) {
    return "552 5.3.4 the message is larger than SIZE permits";
  }
  if (letter_flaw(client->letter) != NULL) {
    g_string_printf(reply, "554 5.6.0 %s", letter_flaw(client->letter));
    return reply->str;
  }
  g_string_assign(reply, "250 2.0.0 accepted as ");
  g_string_append(reply, client->transaction.unique);
  return reply->str;
}

/* FALSE when the message could not be put away. */
static gboolean keep_message(Client *client)
{
  Envelope envelope;
  g_autoptr(GError) error = NULL;
  guint64 size = letter_size(client->letter);
  fill_envelope(client, &envelope);
  if (!letter_keep(client->letter, &envelope, &error)) {
    g_printerr("dateline-sink: message %s: %s\n", envelope.unique, error->message);
    return FALSE;
  }
  totals_add(&client->service->totals, TOTAL_MESSAGES, 1);
  totals_add(&client->service->totals, TOTAL_OCTETS, size);
  return TRUE;
}

/* The whole message is here. It is kept before the reply can leave. */
static void end_message(Client *client, const Fault *fault)
{
  const char *proper = judge_message(client, client->reply);
  if (fault_verdict(fault, proper) == '2' && !keep_message(client)) {
    fault = NULL;
    proper = "452 4.3.1 the message could not be kept";
  }
  client->mode = MODE_COMMAND;
  client_reply(client, fault, proper);
  transaction_reset(client);
  if (client->service->strict && client->more && !outlet_is_busy(client->outlet) &&
      !extensions_offer(client->service->extensions, EXTENSION_PIPELINING)) {
    client_refuse_haste(client);
  }
}

static void take_text(gpointer data, const char *octets, gsize length)
{
  letter_add(data, octets, length);
}

static gboolean body_fault_is_due(const Transaction *transaction)
{
  return transaction->body_fault != NULL &&
         transaction->received >= transaction->body_fault->mark;
}

/* How much of the input comes before the fault that is laid for the body, if any. */
static gsize before_body_fault(const Transaction *transaction, gsize length)
{
  if (transaction->body_fault == NULL) {
    return length;
  }
  return body_fault_is_due(transaction)
             ? 0
             : (gsize)MIN(length, transaction->body_fault->mark - transaction->received);
}

gsize transaction_take_body(Client *client, const char *octets, gsize length)
{
  Transaction *transaction = &client->transaction;
  gsize allowed = before_body_fault(transaction, length);
  gsize used = body_read(&client->body, octets, allowed, take_text, client->letter);
  transaction->received += used;
  client->more = used < length;
  if (client->body == BODY_END) {
    end_message(client, client_consult(client, STAGE_DOT, transaction->recipients->str));
  } else if (body_fault_is_due(transaction)) {
    spring_body_fault(client);
  }
  return used;
}

/* BDAT size [LAST] */
static gboolean read_chunk_size(Client *client, char *argument)
{
  char *last = strchr(argument, ' ');
  client->chunk_last = last != NULL;
  if (last != NULL) {
    *last = '\0';
    last += 1 + strspn(last + 1, " ");
  }
  return g_ascii_string_to_unsigned(argument, 10, 0, G_MAXINT64, &client->chunk_left, NULL) &&
         (last == NULL || g_ascii_strcasecmp(last, "LAST") == 0);
}

static const char *check_chunk(const Client *client)
{
  if (client->turned_away || !client->greeted) {
    return "503 5.5.1 say EHLO first";
  }
  if (!extensions_offer(client->service->extensions, EXTENSION_CHUNKING)) {
    return "502 5.5.1 CHUNKING is not offered";
  }
  return check_recipients(&client->transaction);
}

/* The state after a refused chunk is nowhere defined (RFC 3030 section 2): with strict, nothing
 * but RSET leads out of it. There is no message here that a script could have accepted. */
static void refuse_chunk(Client *client)
{
  client_reply(client, client_consult(client, STAGE_BDAT, ""), client->chunk_problem);
  transaction_reset(client);
  client->transaction.open = client->service->strict;
  client->transaction.in_chunks = client->service->strict;
}

static void end_chunk(Client *client)
{
  Transaction *transaction = &client->transaction;
  client->mode = MODE_COMMAND;
  if (client->chunk_problem != NULL) {
    refuse_chunk(client);
    return;
  }
  const Fault *fault = client_consult(client, STAGE_BDAT, transaction->recipients->str);
  if (client->chunk_last) {
    end_message(client, fault != NULL ? fault
                                      : client_consult(client, STAGE_DOT,
                                                       transaction->recipients->str));
    return;
  }
  client_reply(client, fault, "250 2.0.0 chunk taken");
  if (fault_verdict(fault, "250") != '2') {
    transaction_reset(client);
  }
}

/* The octets of a refused chunk follow all the same: the client did not wait for the reply. */
void transaction_bdat(Client *client, char *argument)
{
  if (!read_chunk_size(client, argument)) {
    client_say(client, "501 5.5.4 expected BDAT size or BDAT size LAST");
    return;
  }
  client->mode = MODE_CHUNK;
  client->chunk_problem = check_chunk(client);
  if (client->chunk_problem == NULL && !client->transaction.in_chunks) {
    client->transaction.in_chunks = TRUE;
    begin_message(client);
  }
  if (client->chunk_left == 0) {
    end_chunk(client);
  }
}

gsize transaction_take_chunk(Client *client, const char *octets, gsize length)
{
  Transaction *transaction = &client->transaction;
  gsize wanted = (gsize)MIN(length, client->chunk_left);
  gsize used = before_body_fault(transaction, wanted);
  if (client->chunk_problem == NULL) {
    letter_add(client->letter, octets, used);
  }
  transaction->received += used;
  client->chunk_left -= used;
  client->more = used < length;
  if (client->chunk_left == 0) {
    end_chunk(client);
  } else if (body_fault_is_due(transaction)) {
    spring_body_fault(client);
  }
  return used;
}
