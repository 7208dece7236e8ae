/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/limits.h"
#include "sink/extensions.h"

/* Reads what follows MAIL and RCPT: a path and its parameters. */

typedef struct {
  char address[LIMIT_ADDRESS + 2];  /* without brackets, with two NULs behind it */
  guint64 size;                     /* of MAIL's SIZE, else 0 */
  gboolean eight_bit;               /* BODY=8BITMIME */
  gboolean utf8;                    /* SMTPUTF8 */
} Path;

/* The argument of MAIL. Returns NULL, or the reply that says what is wrong. */
const char *path_read_sender(Path *path, const char *argument, const Extensions *extensions);

/* The argument of RCPT. utf8: MAIL had SMTPUTF8. */
const char *path_read_recipient(Path *path, const char *argument, const Extensions *extensions,
                                gboolean utf8);
