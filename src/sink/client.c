/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/client.h"

#include <string.h>

#include "sink/conversation.h"

enum {
  MAX_COMMAND = 2048,    /* RFC 5321's 512 and what the extensions add */
  MAX_RESPONSE = 12288,  /* RFC 4954 section 4 */
};

Client *client_new(Service *service, Outlet *outlet, guint64 number)
{
  Client *client = g_new0(Client, 1);
  client->service = service;
  client->outlet = outlet;
  client->number = number;
  client->name = g_string_new(NULL);
  client->reply = g_string_new(NULL);
  client->scratch = g_string_new(NULL);
  client->letter = letter_new(service->store, service->strict);
  transaction_init(&client->transaction);
  return client;
}

void client_free(Client *client)
{
  if (client == NULL) {
    return;
  }
  transaction_clear(&client->transaction);
  letter_free(client->letter);
  auth_free(client->auth);
  g_string_free(client->name, TRUE);
  g_string_free(client->reply, TRUE);
  g_string_free(client->scratch, TRUE);
  g_free(client->tls);
  g_free(client->user);
  g_free(client);
}

const Fault *client_consult(Client *client, Stage stage, const char *recipients)
{
  const Transaction *transaction = &client->transaction;
  gboolean begun = transaction->unique[0] != '\0';
  Situation situation = {
    .connection = client->number,
    .open = totals_get(&client->service->totals, TOTAL_OPEN),
    .message = client->messages + (begun ? 0 : 1),
    .tls = client->tls != NULL,
    .sender = transaction->sender.address,
    .recipients = recipients,
  };
  return script_consult(client->service->script, stage, &situation);
}

/* Replies are written with their enhanced status code, "250 2.1.0 ok", which is taken
 * out where it has not been offered (RFC 2034). */
static const char *without_status(Client *client, const char *reply)
{
  gboolean offered = client->extended && extensions_offer(client->service->extensions,
                                                          EXTENSION_ENHANCEDSTATUSCODES);
  gboolean has_status = strlen(reply) > 9 && reply[4] == reply[0] && reply[5] == '.' &&
                        reply[7] == '.' && reply[9] == ' ';
  if (offered || !has_status) {
    return reply;
  }
  g_string_truncate(client->scratch, 0);
  g_string_append_len(client->scratch, reply, 4);
  g_string_append(client->scratch, reply + 10);
  return client->scratch->str;
}

void client_reply(Client *client, const Fault *fault, const char *proper)
{
  const char *shown = proper != NULL ? without_status(client, proper) : NULL;
  if (fault == NULL && client->service->delay == 0) {
    outlet_add(client->outlet, shown, strlen(shown));
    outlet_add(client->outlet, "\r\n", 2);
    return;
  }
  g_autofree char *text = g_strdup(shown);
  fault_deliver(fault, text, client->service->delay, client->scratch, client->outlet);
}

void client_say(Client *client, const char *reply)
{
  client_reply(client, NULL, reply);
}

char client_answer(Client *client, Stage stage, const char *proper)
{
  const Fault *fault = client_consult(client, stage, "");
  client_reply(client, fault, proper);
  return fault_verdict(fault, proper);
}

void client_refuse_haste(Client *client)
{
  client_say(client, "554 5.5.0 you sent more than may stand before this reply; goodbye");
  outlet_set_ending(client->outlet, ENDING_CLOSE);
}

void client_greet(Client *client)
{
  char verdict = client_answer(client, STAGE_CONNECT, "220 localhost ESMTP dateline-sink");
  client->turned_away = verdict == '4' || verdict == '5';
}

/* RFC 3207 section 4.2: nothing that was said before TLS counts. */
void client_secure(Client *client, const char *protocol)
{
  transaction_reset(client);
  client->greeted = FALSE;
  client->extended = FALSE;
  g_clear_pointer(&client->user, g_free);
  g_free(client->tls);
  client->tls = g_strdup(protocol);
}

static void say_hello(Client *client, char *argument, gboolean extended)
{
  if (*argument == '\0') {
    client_say(client, "501 5.5.4 expected the client's name");
    return;
  }
  const Service *service = client->service;
  const char *hello = client->tls != NULL ? service->hello_tls : service->hello;
  char verdict = client_answer(client, extended ? STAGE_EHLO : STAGE_HELO,
                               extended ? hello : "250 localhost");
  if (verdict == '2') {
    transaction_reset(client);
    client->greeted = TRUE;
    client->extended = extended;
    g_string_assign(client->name, argument);
  }
}

static void on_ehlo(Client *client, char *argument)
{
  say_hello(client, argument, TRUE);
}

static void on_helo(Client *client, char *argument)
{
  say_hello(client, argument, FALSE);
}

static void on_starttls(Client *client, char *argument G_GNUC_UNUSED)
{
  if (!extensions_offer(client->service->extensions, EXTENSION_STARTTLS)) {
    client_say(client, "502 5.5.1 STARTTLS is not offered");
  } else if (client->tls != NULL) {
    client_say(client, "503 5.5.1 TLS is there already");
  } else if (client->more) {
    client_say(client, "503 5.5.1 nothing may be sent behind STARTTLS before the reply");
  } else if (client_answer(client, STAGE_STARTTLS, "220 2.0.0 go ahead") == '2') {
    outlet_set_ending(client->outlet, ENDING_HANDSHAKE);
  }
}

/* After each step of AUTH: passes its reply on, and draws the conclusion at the end. */
static void follow_auth(Client *client)
{
  if (auth_state(client->auth) == AUTH_CHALLENGE) {
    client->mode = MODE_RESPONSE;
    client_say(client, auth_reply(client->auth));
    return;
  }
  client->mode = MODE_COMMAND;
  if (client_answer(client, STAGE_AUTH, auth_reply(client->auth)) == '2') {
    const char *user = auth_user(client->auth);
    client->user = g_strdup(user != NULL ? user : "");
  }
  g_clear_pointer(&client->auth, auth_free);
}

static void on_auth(Client *client, char *argument)
{
  if (!extensions_offer(client->service->extensions, EXTENSION_AUTH)) {
    client_say(client, "502 5.5.1 AUTH is not offered");
  } else if (client->user != NULL) {
    client_say(client, "503 5.5.1 you are authenticated already");
  } else {
    client->auth = auth_new(argument, &client->service->credential, client->service->extensions);
    if (client->auth == NULL) {
      client_say(client, "504 5.5.4 this mechanism is not offered");
    } else {
      follow_auth(client);
    }
  }
}

static void on_rset(Client *client, char *argument G_GNUC_UNUSED)
{
  if (client_answer(client, STAGE_RSET, "250 2.0.0 forgotten") == '2') {
    transaction_reset(client);
  }
}

static void on_noop(Client *client, char *argument G_GNUC_UNUSED)
{
  client_answer(client, STAGE_NOOP, "250 2.0.0 nothing done");
}

static void on_quit(Client *client, char *argument G_GNUC_UNUSED)
{
  if (client_answer(client, STAGE_QUIT, "221 2.0.0 goodbye") == '2') {
    outlet_set_ending(client->outlet, ENDING_QUIT);
  }
}

static void on_vrfy(Client *client, char *argument G_GNUC_UNUSED)
{
  client_say(client, "252 2.1.5 try it and see");
}

static void on_help(Client *client, char *argument G_GNUC_UNUSED)
{
  client_say(client, "214 2.0.0 see dateline-sink(1)");
}

static void on_unsupported(Client *client, char *argument G_GNUC_UNUSED)
{
  client_say(client, "502 5.5.1 this command is not supported here");
}

enum {
  AFTER_HELLO = 1,      /* only after EHLO or HELO */
  OUTSIDE = 2,          /* not inside a mail transaction */
  NO_ARGUMENT = 4,
  LAST_OF_GROUP = 8,    /* nothing may be sent behind it before the reply (RFC 2920) */
};

typedef struct {
  const char *verb;
  void (*handle)(Client *client, char *argument);
  guint rules;
} Command;

static const Command commands[] = {
  {"MAIL", transaction_mail, AFTER_HELLO | OUTSIDE},
  {"RCPT", transaction_rcpt, AFTER_HELLO},
  {"DATA", transaction_data, AFTER_HELLO | NO_ARGUMENT | LAST_OF_GROUP},
  {"BDAT", transaction_bdat, 0},
  {"RSET", on_rset, NO_ARGUMENT},
  {"NOOP", on_noop, LAST_OF_GROUP},
  {"QUIT", on_quit, NO_ARGUMENT | LAST_OF_GROUP},
  {"EHLO", on_ehlo, LAST_OF_GROUP},
  {"HELO", on_helo, LAST_OF_GROUP},
  {"STARTTLS", on_starttls, AFTER_HELLO | OUTSIDE | NO_ARGUMENT | LAST_OF_GROUP},
  {"AUTH", on_auth, AFTER_HELLO | OUTSIDE | LAST_OF_GROUP},
  {"VRFY", on_vrfy, LAST_OF_GROUP},
  {"HELP", on_help, 0},
  {"EXPN", on_unsupported, LAST_OF_GROUP},
  {"ETRN", on_unsupported, 0},
  {"TURN", on_unsupported, LAST_OF_GROUP},
};

static const Command *find_command(const char *line, gsize length)
{
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
    if (g_ascii_strncasecmp(commands[i].verb, line, length) == 0 &&
        commands[i].verb[length] == '\0') {
      return &commands[i];
    }
  }
  return NULL;
}

/* The reply that refuses the command at this point, or NULL. */
static const char *check_order(const Client *client, const Command *command, const char *argument)
{
  if (client->turned_away && command->handle != on_quit) {
    return "503 5.5.1 there is no service here; say QUIT";
  }
  if ((command->rules & NO_ARGUMENT) != 0 && *argument != '\0') {
    return "501 5.5.4 this command takes no argument";
  }
  if ((command->rules & AFTER_HELLO) != 0 && !client->greeted) {
    return "503 5.5.1 say EHLO or HELO first";
  }
  if ((command->rules & OUTSIDE) != 0 && client->transaction.open) {
    return "503 5.5.1 not inside a mail transaction";
  }
  return NULL;
}

static gboolean is_hasty(const Client *client, const Command *command)
{
  return client->service->strict && client->more && command->handle != transaction_bdat &&
         ((command->rules & LAST_OF_GROUP) != 0 ||
          !extensions_offer(client->service->extensions, EXTENSION_PIPELINING));
}

static void handle_command(Client *client, char *line)
{
  gsize length = strcspn(line, " ");
  char *argument = line + length + strspn(line + length, " ");
  const Command *command = find_command(line, length);
  if (command == NULL) {
    client_say(client, "500 5.5.1 this command is unknown");
    return;
  }
  if (is_hasty(client, command)) {
    client_refuse_haste(client);
    return;
  }
  g_strchomp(argument);
  const char *problem = check_order(client, command, argument);
  if (problem != NULL && command->handle != transaction_bdat) {
    client_say(client, problem);
  } else {
    command->handle(client, argument);
  }
}

/* A line without its line end, which was CRLF if proper. */
static void handle_line(Client *client, char *line, gsize length, gboolean proper)
{
  if (!proper) {
    client_say(client, "500 5.5.2 a line ends in CRLF");
  } else if (memchr(line, '\0', length) != NULL || memchr(line, '\r', length) != NULL) {
    client_say(client, "500 5.5.2 there is a NUL or a CR in this line");
  } else if (client->mode == MODE_RESPONSE) {
    auth_respond(client->auth, line);
    follow_auth(client);
  } else {
    handle_command(client, line);
  }
}

static gsize take_line(Client *client, char *octets, gsize length)
{
  gsize max = client->mode == MODE_RESPONSE ? MAX_RESPONSE : MAX_COMMAND;
  char *feed = memchr(octets, '\n', length);
  gsize used = feed != NULL ? (gsize)(feed + 1 - octets) : length;
  client->more = used < length;
  if (feed == NULL) {
    client->skipping |= length > max;
    return client->skipping ? length : 0;
  }
  if (client->skipping || used > max) {
    client->skipping = FALSE;
    client->mode = MODE_COMMAND;
    g_clear_pointer(&client->auth, auth_free);
    client_say(client, "500 5.5.2 this line is too long");
    return used;
  }
  gboolean proper = feed > octets && feed[-1] == '\r';
  char *end = proper ? feed - 1 : feed;
  *end = '\0';
  handle_line(client, octets, (gsize)(end - octets), proper);
  return used;
}

gsize client_take(Client *client, char *octets, gsize length)
{
  gsize done = 0;
  while (done < length && !outlet_is_busy(client->outlet)) {
    char *input = octets + done;
    gsize left = length - done;
    gsize used = client->mode == MODE_BODY    ? transaction_take_body(client, input, left)
                 : client->mode == MODE_CHUNK ? transaction_take_chunk(client, input, left)
                                              : take_line(client, input, left);
    if (used == 0 && (client->mode == MODE_COMMAND || client->mode == MODE_RESPONSE)) {
      break;
    }
    done += used;
  }
  return done;
}
