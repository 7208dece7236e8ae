/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/relaylog.h"

#include <stdio.h>
#include <string.h>

/* Groups: "stamp" is "Nov 22 10:15:00", with blanks and local; "iso" is RFC 3339 or what
 * differs from it in "T" and the zone; "queue", "mid", "from" and "to" are as in RelayLogEntry;
 * "delay" is how long the relay has had the message by then, "1h2m3s". */

#define ISO "(?<iso>\\d{4}-\\d\\d-\\d\\d[ T]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d+)?)"
#define ZONE "(?<zone> ?[-+]\\d\\d:?\\d\\d|Z)?"
#define STAMP "(?<stamp>[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d)(?:\\.\\d+)?"
#define SYSLOG "^(?:<\\d+>)?(?:" ISO ZONE "|" STAMP ") \\S+ "
#define POSTFIX(program) SYSLOG "postfix[^\\s\\[]*/" program "\\[\\d+\\]: "
#define POSTFIX_ID "(?<queue>[0-9A-Za-z]{5,30}): "
#define EXIM "^" ISO ZONE " (?:\\[\\d+\\] )?"
#define EXIM_ID "\\w{6}-\\w{6,11}-\\w{2,4} "
#define EXIM_TAKEN EXIM_ID "<= \\S.*? S=\\d+ (?:[A-Z]\\w*=\\S* )*id=(?<mid>\\S+)"
#define OPENSMTPD SYSLOG "smtpd\\[\\d+\\]: [0-9a-f]{16} "
#define OPENSMTPD_TO "evpid=[0-9a-f]{16} from=<(?<from>[^>]*)> to=<(?<to>[^>]+)>"

/* The first form that fits counts. hint is a part of every line that fits: looking for it
 * is quick. */
static const struct {
  const char *relay;
  RelayLogKind kind;
  const char *hint;
  const char *form;
} FORMS[] = {
  {"Postfix", RELAY_LOG_COMING, ": message-id=",
   POSTFIX("cleanup") POSTFIX_ID "message-id=<?(?<mid>[^>\\s]*)"},
  {"Postfix", RELAY_LOG_QUEUED, "(queue active)",
   POSTFIX("qmgr") POSTFIX_ID "from=<.*>, size=\\d+, nrcpt=\\d+ \\(queue active\\)"},
  {"Postfix", RELAY_LOG_QUEUED, ", status=",
   POSTFIX("[\\w-]+") POSTFIX_ID "to=<.*>, .*\\bstatus=(?:sent|bounced|deferred) \\("},
  {"Postfix", RELAY_LOG_QUEUED, ": removed",
   POSTFIX("qmgr") POSTFIX_ID "removed$"},
  {"Postfix", RELAY_LOG_OTHER, "postfix",
   POSTFIX("[\\w/-]+")},
  {"Exim", RELAY_LOG_TAKEN, " <= ", EXIM EXIM_TAKEN},
  {"Exim", RELAY_LOG_TAKEN, " <= ",
   SYSLOG "exim\\d?\\[\\d+\\]: (?:\\d{4}-\\d\\d-\\d\\d \\S+ )?" EXIM_TAKEN},
  {"Exim", RELAY_LOG_OTHER, "exim", SYSLOG "exim\\d?\\[\\d+\\]: "},
  {"OpenSMTPD", RELAY_LOG_FOR_ADDRESS, " smtp envelope ",
   OPENSMTPD "smtp envelope " OPENSMTPD_TO},
  {"OpenSMTPD", RELAY_LOG_FOR_ADDRESS, " delivery evpid=",
   OPENSMTPD "m[dt]a delivery " OPENSMTPD_TO " .*? delay=(?<delay>[\\ddhms]+) result="},
  {"Exim", RELAY_LOG_OTHER, "-", EXIM "(?:" EXIM_ID "|Start queue run|End queue run)"},
};

/* Longer than what syslog and these relays write. The forms take time by the square of a
 * line's length where a stranger has a hand in it. */
enum { LINE_LENGTH_MAX = 8 << 10 };

static const char *const MONTHS[] = {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

void relay_log_entry_clear(RelayLogEntry *entry)
{
  g_clear_pointer(&entry->queue_id, g_free);
  g_clear_pointer(&entry->message_id, g_free);
  g_clear_pointer(&entry->sender, g_free);
  g_clear_pointer(&entry->address, g_free);
}

/* --- Forms --- */

static GRegex *regex_of(guint index)
{
  static GRegex *compiled[G_N_ELEMENTS(FORMS)];
  g_autoptr(GError) error = NULL;

  if (compiled[index] == NULL) {
    compiled[index] = g_regex_new(FORMS[index].form,
                                  G_REGEX_RAW | G_REGEX_OPTIMIZE | G_REGEX_DOLLAR_ENDONLY, 0,
                                  &error);
    g_assert_no_error(error);
  }
  return compiled[index];
}

/* NULL where the form does not have it, or the line none. */
static char *group(const GMatchInfo *match, const char *name)
{
  char *text = g_match_info_fetch_named(match, name);

  if (text != NULL && *text == '\0') {
    g_clear_pointer(&text, g_free);
  }
  return text;
}

/* --- Times --- */

static gboolean read_iso(const GMatchInfo *match, gint64 *wall_ms)
{
  g_autofree char *iso = group(match, "iso"), *zone = group(match, "zone");
  g_autoptr(GTimeZone) local = g_time_zone_new_local();

  if (iso == NULL) {
    return FALSE;
  }
  g_autofree char *text = g_strconcat(iso, zone != NULL ? g_strstrip(zone) : "", NULL);
  g_autoptr(GDateTime) moment = g_date_time_new_from_iso8601(text, local);
  if (moment == NULL) {
    return FALSE;
  }
  *wall_ms = g_date_time_to_unix(moment) * 1000 + g_date_time_get_microsecond(moment) / 1000;
  return TRUE;
}

static gboolean read_month(const char *name, int *month)
{
  for (guint i = 0; i < G_N_ELEMENTS(MONTHS); i++) {
    if (strncmp(name, MONTHS[i], 3) == 0) {
      *month = (int)i + 1;
      return TRUE;
    }
  }
  return FALSE;
}

/* "Nov 22 10:15:00": the year has to be found. */
static gboolean read_stamp(const GMatchInfo *match, gint64 near_ms, gint64 *wall_ms)
{
  g_autofree char *stamp = group(match, "stamp");
  g_autoptr(GDateTime) near_moment = g_date_time_new_from_unix_local(near_ms / 1000);
  int month, day, hour, minute, second;
  gboolean found = FALSE;

  if (stamp == NULL || near_moment == NULL || !read_month(stamp, &month) ||
      sscanf(stamp + 3, "%d %d:%d:%d", &day, &hour, &minute, &second) != 4) {
    return FALSE;
  }
  for (int year = g_date_time_get_year(near_moment) - 1, last = year + 2; year <= last; year++) {
    g_autoptr(GDateTime) moment = g_date_time_new_local(year, month, day, hour, minute, second);
    gint64 ms = moment != NULL ? g_date_time_to_unix(moment) * 1000 : 0;
    if (moment != NULL && (!found || ABS(ms - near_ms) < ABS(*wall_ms - near_ms))) {
      *wall_ms = ms;
      found = TRUE;
    }
  }
  return found;
}

/* "1d2h3m4s"; 0 where the line tells none. */
static gint64 read_delay(const GMatchInfo *match)
{
  static const char units[] = "smhd";
  static const gint64 unit_ms[] = {1000, 60 * 1000, 60 * 60 * 1000, 24 * 60 * 60 * 1000};
  g_autofree char *delay = group(match, "delay");
  gint64 total = 0;

  for (char *at = delay; at != NULL && g_ascii_isdigit(*at);) {
    gint64 number = g_ascii_strtoll(at, &at, 10), count = MIN(number, 1000 * 1000);
    const char *unit = *at != '\0' ? strchr(units, *at) : NULL;
    total += unit != NULL ? count * unit_ms[unit - units] : 0;
    at += unit != NULL;
  }
  return total;
}

/* --- Lines --- */

static gboolean parse_as(guint index, const char *line, gsize length, gint64 near_ms,
                         RelayLogEntry *entry)
{
  g_autoptr(GMatchInfo) match = NULL;

  if (!g_regex_match_full(regex_of(index), line, (gssize)length, 0, 0, &match, NULL) ||
      (!read_iso(match, &entry->wall_ms) && !read_stamp(match, near_ms, &entry->wall_ms))) {
    return FALSE;
  }
  entry->wall_ms -= read_delay(match);
  entry->relay = FORMS[index].relay;
  entry->kind = FORMS[index].kind;
  entry->queue_id = group(match, "queue");
  entry->message_id = group(match, "mid");
  entry->sender = group(match, "from");
  entry->address = group(match, "to");
  return TRUE;
}

gboolean relay_log_parse(const char *line, gsize length, gint64 near_ms, RelayLogEntry *entry)
{
  *entry = (RelayLogEntry){.relay = NULL};
  for (guint i = 0; i < G_N_ELEMENTS(FORMS) && length <= LINE_LENGTH_MAX; i++) {
    if (memmem(line, length, FORMS[i].hint, strlen(FORMS[i].hint)) != NULL &&
        parse_as(i, line, length, near_ms, entry)) {
      return TRUE;
    }
  }
  return FALSE;
}
