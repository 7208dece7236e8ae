/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everything that a stranger can make large has its cap here. Sizes are in
 * bytes, times in seconds, unless the name says otherwise. A cap that is hit
 * is an error that names the cap, never a silent cut. */

enum {
  /* The spool. */
  LIMIT_NAME = 200,              /* a dropped file's name */
  LIMIT_BUNDLE_FILES = 500,      /* files in one bundle */
  LIMIT_BUNDLE_DEPTH = 4,        /* folders within folders in a bundle */
  LIMIT_BUNDLE_SIZE = 64 << 20,  /* default of max_bundle_size */

  /* A release's text. */
  LIMIT_TEXT_SIZE = 2 << 20,     /* one Markdown file */
  LIMIT_FRONT_MATTER_KEYS = 100,
  LIMIT_TAGS = 2000,             /* merge tags in one text */
  LIMIT_TAG_DEPTH = 20,          /* sections within sections */
  LIMIT_HEADER_VALUE = 10000,    /* a merged header value before it is encoded */

  /* Lists. */
  LIMIT_CSV_COLUMNS = 200,
  LIMIT_CSV_CELL = 64 << 10,
  LIMIT_LIST_SIZE = 1 << 30,     /* a list's file */

  /* Addresses: RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4. */
  LIMIT_ADDRESS = 254,
  LIMIT_LOCAL_PART = 64,
  LIMIT_DOMAIN = 253,

  /* SMTP: replies are bounded although RFC 5321 bounds only their lines. */
  LIMIT_REPLY_LINE = 16 << 10,
  LIMIT_REPLY_LINES = 500,
  LIMIT_REPLY_TEXT_KEPT = 500,   /* of a reply's text in the journal */

  /* The journal. */
  LIMIT_JOURNAL_LINE = 8 << 10,
  LIMIT_REPORT_FINDINGS = 500,   /* findings kept of one check */

  /* The control socket. */
  LIMIT_CONTROL_REQUEST = 64 << 10,
  LIMIT_CONTROL_CLIENTS = 64,
};
