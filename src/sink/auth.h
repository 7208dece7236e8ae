/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sink/extensions.h"

/* The server's side of AUTH (RFC 4954): PLAIN, LOGIN and XOAUTH2. */

typedef struct {
  char *user;      /* NULL, as the password, if there is none */
  char *password;  /* also what XOAUTH2's token must be; NULL takes anything well-formed */
} Credential;

typedef enum {
  AUTH_CHALLENGE,  /* the reply is a challenge; the client's next line is the response */
  AUTH_ACCEPTED,
  AUTH_REFUSED,    /* also when the client cancelled or did not make sense */
} AuthState;

typedef struct Auth Auth;

/* The argument of AUTH, "PLAIN AGEAYg==" for example. NULL if the mechanism is not offered. */
Auth *auth_new(const char *argument, const Credential *credential, const Extensions *extensions);
void auth_free(Auth *auth);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Auth, auth_free)

/* A line in response to a challenge. */
void auth_respond(Auth *auth, const char *line);

AuthState auth_state(const Auth *auth);
const char *auth_reply(const Auth *auth);  /* borrowed; without CRLF */
const char *auth_user(const Auth *auth);   /* borrowed; as the client gave it */
