/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notice.h"

/* Never changed once published; made by "systemd-id128 new". */
static const struct {
  const char *id;
  GLogLevelFlags level;
} notices[NOTICES] = {
  [NOTICE_STARTED]         = { "4f20bbf2e90c45ba933aef6663a421f2", G_LOG_LEVEL_MESSAGE },
  [NOTICE_STOPPED]         = { "f858f699a9c24e76bb6af880b44e5b69", G_LOG_LEVEL_MESSAGE },
  [NOTICE_RELOADED]        = { "a3e144f644374afa8224c9b4adbefb71", G_LOG_LEVEL_MESSAGE },
  [NOTICE_RELOAD_REFUSED]  = { "aeeaa62aefe743cea326ebdaf1ab102b", G_LOG_LEVEL_WARNING },
  [NOTICE_ACCEPTED]        = { "1aaf454286c24fb48983e28f00975629", G_LOG_LEVEL_MESSAGE },
  [NOTICE_REFUSED]         = { "107f392f01e443d8a8b72e287ab786d7", G_LOG_LEVEL_MESSAGE },
  [NOTICE_STATE]           = { "fbf649fc0bbf43618f27de9c07b464b8", G_LOG_LEVEL_MESSAGE },
  [NOTICE_HELD]            = { "715fbd90b24e48a2987db344cf668653", G_LOG_LEVEL_WARNING },
  [NOTICE_IN_DOUBT]        = { "7a4319f5c2ca43ecb51e5aeb9f0f6597", G_LOG_LEVEL_WARNING },
  [NOTICE_JOURNAL_TROUBLE] = { "4259e49dbcec46f08030d25a9f65f09e", G_LOG_LEVEL_WARNING },
  [NOTICE_JOURNAL_WORKS]   = { "775c0b09ca8e47d585d5cc1fd52d7c1f", G_LOG_LEVEL_MESSAGE },
  [NOTICE_RELAY_TROUBLE]   = { "a390c2e948f341b7b497b566cc2ed08b", G_LOG_LEVEL_WARNING },
  [NOTICE_RELAY_WORKS]     = { "910412fa9e36406b88a30e690fda0cc1", G_LOG_LEVEL_MESSAGE },
  [NOTICE_DISK_HANGS]      = { "41b357756f2346d4b3adc653df2fa23f", G_LOG_LEVEL_WARNING },
  [NOTICE_DISK_ANSWERS]    = { "9fa90220d5dd40a8824a86bc3dea779c", G_LOG_LEVEL_MESSAGE },
};

const char *notice_id(Notice what)
{
  return notices[what].id;
}

/* syslog(3)'s, as GLib maps them. */
static const char *priority(GLogLevelFlags level)
{
  return level == G_LOG_LEVEL_WARNING ? "4" : "5";
}

void notice(Notice what, NoticeFields fields, const char *format, ...)
{
  const GLogLevelFlags level = notices[what].level;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *message = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  const GLogField all[] = {
    { "MESSAGE", message, -1 },
    { "PRIORITY", priority(level), -1 },
    { "GLIB_DOMAIN", G_LOG_DOMAIN, -1 },
    { "MESSAGE_ID", notices[what].id, -1 },
    { "DATELINE_RELEASE", fields.release, -1 },
    { "DATELINE_STATE", fields.state, -1 },
    { "DATELINE_RELAY", fields.relay, -1 },
    { "DATELINE_REASON", fields.reason, -1 },
  };
  GLogField given[G_N_ELEMENTS(all)];
  gsize count = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
    if (all[i].value != NULL)
      given[count++] = all[i];
  g_log_structured_array(level, given, count);
}
