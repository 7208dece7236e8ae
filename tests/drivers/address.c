/* SPDX-License-Identifier: Apache-2.0 */

/* address: reads one candidate a line from stdin, and prints for each "valid", a tab and the
 * address as it would go into RCPT TO, or "invalid", a tab and the reason. It is there to hold
 * the code that judges addresses against other people's lists of good and bad ones.
 * base/address.h says what is taken and why. A line is judged as it is, up to its LF or
 * CRLF: blanks at its edges are part of the candidate. */

#include <stdio.h>
#include <string.h>

#include "base/address.h"

static void judge(const char *text, gsize length)
{
  g_auto(Address) address = {0};
  g_autoptr(GError) error = NULL;
  if (strlen(text) != length) {
    printf("invalid\tthe line holds a NUL\n");
  } else if (address_parse_exact(text, &address, &error)) {
    printf("valid\t%s\n", address.mailbox);
  } else {
    printf("invalid\t%s\n", error->message);
  }
}

int main(void)
{
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  while ((length = getline(&line, &size, stdin)) >= 0) {
    if (length > 0 && line[length - 1] == '\n') {
      line[--length] = '\0';
    }
    if (length > 0 && line[length - 1] == '\r') {
      line[--length] = '\0';
    }
    judge(line, (gsize)length);
  }
  g_free(line);
  return ferror(stdin) ? 1 : 0;
}
