/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/report.h"

/* What the administrator wrote, as plain values. A Config is immutable once it is
 * loaded and is shared by reference: a reload makes a new one, and whoever still
 * holds the old one keeps it until they let it go. Thread-safe to share.
 *
 * Every setting stands once, in the table of settings.c: name, type, default,
 * range, unit and help. Parsing, `dateline config check`, `dateline config show`
 * and the table in dateline.conf(5) come from it. */

typedef enum { TLS_NONE, TLS_OPPORTUNISTIC, TLS_REQUIRED } TlsMode;

/* HTML in the Markdown of a release. */
typedef enum { HTML_DROP, HTML_PASS } HtmlPolicy;

/* What becomes of a row that has no value for a field used without fallback. */
typedef enum { MISSING_REFUSE, MISSING_SKIP, MISSING_BLANK } MissingPolicy;

/* What becomes of a contact in doubt: a person decides, or another copy is sent. */
typedef enum { IN_DOUBT_HOLD, IN_DOUBT_RESEND } InDoubtPolicy;

/* Whether a relay that offers DSN (RFC 3461) is asked for reports. */
typedef enum { DSN_AUTO, DSN_OFF } DsnMode;

/* On which occasions a report is asked for; DSN_NEVER stands alone. */
typedef enum {
  DSN_NEVER = 1 << 0,
  DSN_FAILURE = 1 << 1,
  DSN_DELAY = 1 << 2,
  DSN_SUCCESS = 1 << 3,
} DsnNotify;

/* What of the message comes back with a report. */
typedef enum { DSN_HEADERS, DSN_FULL } DsnReturn;

/* At most count messages in any stretch of period_ms. */
typedef struct {
  guint count;
  gint64 period_ms;
} Budget;

/* All of these budgets at once, the shortest period first, each period once; none of them:
 * no limit. */
enum { RATE_BUDGETS = 5 };
typedef struct {
  guint length;
  Budget budgets[RATE_BUDGETS];
} Rate;

typedef struct {
  char *name;
  char *url;             /* smtp://host[:port] or smtps://host[:port] */
  char *host;            /* of url, for messages to people */
  TlsMode tls;           /* default: required; none where host is loopback */
  char *ca_file;         /* PEM; NULL: the system's bundle */
  char *tls_key_pin;     /* as libcurl takes it; NULL: any key that is certified */
  char *client_certificate;  /* PEM; NULL: none */
  char *client_key;      /* see credential.h; NULL without client_certificate */
  char *proxy;           /* socks5://, socks5h:// or http://, host:port; NULL: none */
  char *proxy_username;  /* NULL: no login to the proxy */
  char *proxy_credential;  /* see credential.h; NULL without proxy_username */
  char *source_address;  /* IPv4 or IPv6; NULL: the system's choice */
  char *username;        /* NULL: no AUTH */
  char *credential;      /* see credential.h; NULL without username, or with OAuth */
  guint auth;            /* a set of mechanisms, see mechanism.h */
  char *oauth_token_url; /* https, or http on loopback; NULL: no OAuth */
  char *oauth_client_id;
  char *oauth_client_credential;   /* see credential.h, as the next; one of them is set */
  char *oauth_refresh_credential;
  char *oauth_scope;     /* NULL: what the server presumes */
  char *helo;            /* name given in EHLO; NULL: the machine's */
  guint priority;        /* the smaller, the sooner it is used */
  guint weight;          /* its share among those of its priority */
  char **senders;        /* see senders.h; NULL: everybody's mail is taken */
  guint connections;     /* at most, at once */
  guint per_connection;  /* messages before a connection is closed; 0: no limit */
  guint depth;           /* messages sent behind one that waits for its reply; 0: DATA */
  Rate rate;
  gint64 connect_timeout_ms;
  gint64 reply_timeout_ms;  /* MAIL, RCPT, DATA, and each stretch of the body */
  gint64 dot_timeout_ms;    /* the reply to the end of data */
  gint64 idle_ms;           /* how long a connection with nothing to do is kept */
  DsnMode dsn;
} RelaySettings;

/* Domains that are one receiver, with limits of its own. */
typedef struct {
  char *name;            /* the first of match, for messages to people */
  char **match;          /* "gmail.com", or "*.example" for all below example; A-labels */
  guint connections;     /* messages to these domains under way at once, at most */
  Rate rate;
} DomainSettings;

typedef struct {
  char *name;
  char *file;            /* absolute */
  char *address_column;  /* NULL: found by its name */
  char **columns;        /* "FIELD=COLUMN": what fields the columns are; NULL: by their names */
  char *encoding;        /* of a file that is not UTF-8, as iconv calls it; NULL: found out */
  char *title;           /* for List-Id and the footer; NULL: the name */
} ListSettings;

typedef struct {
  char *name;
  char *from;            /* mailbox, RFC 5322 section 3.4; NULL: front matter must say */
  char *reply_to;        /* NULL: none */
  char *return_path;     /* envelope sender, see returnpath.h; NULL: the address of From */
  guint dsn_notify;      /* a set of DsnNotify, see dsn.h */
  DsnReturn dsn_return;
  char **lists;          /* default lists, NULL-terminated, maybe empty */
  char *language;        /* BCP 47 tag of releases that do not say theirs */
  HtmlPolicy html;
  MissingPolicy missing;
  gboolean strict;       /* what proofreading finds is refused */
  InDoubtPolicy in_doubt;
  guint max_recipients;  /* a release to more is refused; 0: no limit */
  Rate rate;             /* of each release */
  char *hours;           /* when releases may be sent, see base/hours.h; NULL: always */
} ChannelSettings;

/* Each contact keeps its group in one byte, where 0 is none. */
enum { DOMAIN_GROUPS = 255 };

typedef struct {
  char *path;            /* of the file that was read */
  char *spool;           /* absolute */
  char *runtime;         /* folder of the control socket, absolute */
  gint64 settle_ms;
  gint64 rescan_ms;
  guint64 max_bundle_size;
  gint64 retry_first_ms; /* before the second attempt; then doubling, with jitter */
  gint64 retry_max_ms;   /* the longest wait between two attempts */
  gint64 max_age_ms;     /* after acceptance, deferred contacts are given up */
  GPtrArray *relays;     /* RelaySettings *, as in the file, at least one */
  GPtrArray *domains;    /* DomainSettings *, at most DOMAIN_GROUPS; the first that fits counts */
  GPtrArray *lists;      /* ListSettings * */
  GPtrArray *channels;   /* ChannelSettings *; the first is the default channel */
} Config;

/* NULL with the reasons in report, which names every mistake with file and line; of
 * mistakes in libconfig's own grammar only the first. Warnings, such as a list whose
 * file is not there yet, are in report although a Config is returned. */
Config *config_load(const char *path, Report *report);
Config *config_ref(Config *config);
void config_unref(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_unref)

const RelaySettings *config_relay(const Config *config, const char *name);
const ListSettings *config_list(const Config *config, const char *name);
/* name NULL: the default channel. */
const ChannelSettings *config_channel(const Config *config, const char *name);

/* The settings in force with the defaults filled in, as a file that could be
 * loaded again; settings at their default carry a comment. Caller frees. */
char *config_to_text(const Config *config);

/* The table of all settings as rows "section<TAB>name<TAB>type<TAB>default<TAB>help",
 * from which the manual's table is checked. The section is "global", "relays",
 * "domains", "lists" or "channels"; the default is "required" where there is none and the
 * setting must stand in the file, "-" where it may be left unset. Caller frees. */
char *config_reference(void);

#define CONFIG_ERROR (config_error_quark())
GQuark config_error_quark(void);
typedef enum { CONFIG_ERROR_VALUE, CONFIG_ERROR_CREDENTIAL } ConfigError;

/* /etc/dateline/dateline.conf, or what $DATELINE_CONFIG says. Borrowed. */
const char *config_default_path(void);
