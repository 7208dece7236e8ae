/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* A mail address as SMTP carries it: RFC 5321 section 4.1.2 (Mailbox), RFC 6531 for
 * local parts that are not ASCII. The domain is an A-label domain (UTS 46,
 * non-transitional, through libidn2), lower case, with a dot; or an address literal. */
typedef struct {
  char *mailbox;      /* local@domain, as it goes into RCPT TO */
  char *key;          /* for comparing: mailbox with the local part unquoted and case-folded,
                         its accents decomposed; not for sending */
  gboolean needs_smtputf8;  /* the local part is not ASCII */
} Address;

/* What is wrong is said in error (ADDRESS_ERROR) with what was found, quoted and
 * with control characters made visible; what may have been meant is suggested.
 * Surrounding blanks are taken off; nothing else is repaired silently. */
gboolean address_parse(const char *text, Address *address, GError **error);
/* The same, where blanks around text are not to be taken off. */
gboolean address_parse_exact(const char *text, Address *address, GError **error);
void address_clear(Address *address);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Address, address_clear)

/* "Press Office <press@example.org>" (RFC 5322 section 3.4, one mailbox) into its
 * display name (NULL without; name may be NULL) and address. */
gboolean mailbox_parse(const char *text, char **name, Address *address, GError **error);

#define ADDRESS_ERROR (address_error_quark())
GQuark address_error_quark(void);
typedef enum { ADDRESS_ERROR_SYNTAX, ADDRESS_ERROR_DOMAIN, ADDRESS_ERROR_LENGTH } AddressError;
