/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <string.h>

#include "base/durable.h"
#include "config/config.h"
#include "config/mechanism.h"
#include "config/senders.h"
#include "config/settings.h"

typedef struct {
  char *folder;
  char *path;
} Fixture;

static void set_up(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->folder = g_dir_make_tmp("test-config-XXXXXX", NULL);
  fixture->path = g_build_filename(fixture->folder, "t.conf", NULL);
}

static void tear_down(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true(durable_remove_tree(fixture->folder, NULL));
  g_free(fixture->folder);
  g_free(fixture->path);
}

static void write_file(const Fixture *fixture, const char *name, const char *content, gssize length)
{
  g_autofree char *path = g_build_filename(fixture->folder, name, NULL);

  g_assert_true(g_file_set_contents(path, content, length, NULL));
}

/* Loads content; what is found is in *findings, the folder's path cut out of it. */
static Config *load(const Fixture *fixture, const char *content, gssize length, char **findings)
{
  g_autoptr(Report) report = report_new();

  write_file(fixture, "t.conf", content, length);
  Config *config = config_load(fixture->path, report);
  g_assert_true((config == NULL) == report_failed(report));

  g_autofree char *text = report_to_text(report);
  g_autofree char *prefix = g_strconcat(fixture->folder, "/", NULL);
  g_auto(GStrv) parts = g_strsplit(text, prefix, -1);
  *findings = g_strjoinv("", parts);
  return config;
}

static Config *load_good(const Fixture *fixture, const char *content)
{
  g_autofree char *findings = NULL;
  Config *config = load(fixture, content, -1, &findings);

  g_assert_cmpstr(findings, ==, "");
  return config;
}

static void assert_mistakes(const Fixture *fixture, const char *content, gssize length,
                            const char *expected)
{
  g_autofree char *findings = NULL;
  g_autoptr(Config) config = load(fixture, content, length, &findings);

  g_assert_cmpstr(findings, ==, expected);
  g_assert_null(config);
}

#define RELAYS "relays = ( { url = \"smtp://mail.example.org\"; } );\n"
#define CHANNELS "channels = { press = { }; };\n"
#define LINE_3(text) RELAYS CHANNELS text
#define RELAY_1(text) "relays = ( { url = \"smtp://mail.example.org\"; " text " } );\n" CHANNELS
#define CHANNEL_2(text) RELAYS "channels = { press = { " text " }; };\n"

static void test_defaults(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Config) config = load_good(fixture, RELAYS CHANNELS);

  g_assert_cmpstr(config->path, ==, fixture->path);
  g_assert_cmpstr(config->spool, ==, "/var/spool/dateline");
  g_assert_cmpstr(config->runtime, ==, "/run/dateline");
  g_assert_cmpint(config->settle_ms, ==, 2000);
  g_assert_cmpint(config->rescan_ms, ==, 30000);
  g_assert_cmpuint(config->max_bundle_size, ==, 64 << 20);
  g_assert_cmpint(config->retry_first_ms, ==, 300000);
  g_assert_cmpint(config->retry_max_ms, ==, 7200000);
  g_assert_cmpint(config->max_age_ms, ==, 172800000);
  g_assert_cmpuint(config->relays->len, ==, 1);
  g_assert_cmpuint(config->lists->len, ==, 0);

  const RelaySettings *relay = config_relay(config, "main");
  g_assert_cmpstr(relay->url, ==, "smtp://mail.example.org");
  g_assert_cmpstr(relay->host, ==, "mail.example.org");
  g_assert_cmpuint(relay->tls, ==, TLS_REQUIRED);
  g_assert_null(relay->ca_file);
  g_assert_null(relay->tls_key_pin);
  g_assert_null(relay->client_certificate);
  g_assert_null(relay->proxy);
  g_assert_null(relay->source_address);
  g_assert_null(relay->oauth_token_url);
  g_assert_cmpuint(relay->auth, ==, 0);
  g_assert_null(relay->username);
  g_assert_null(relay->credential);
  g_assert_null(relay->helo);
  g_assert_cmpuint(relay->priority, ==, 10);
  g_assert_cmpuint(relay->weight, ==, 1);
  g_assert_null(relay->senders);
  g_assert_cmpuint(relay->connections, ==, 10);
  g_assert_cmpuint(relay->per_connection, ==, 0);
  g_assert_cmpuint(relay->depth, ==, 0);
  g_assert_cmpuint(relay->rate.length, ==, 0);
  g_assert_cmpint(relay->connect_timeout_ms, ==, 30000);
  g_assert_cmpint(relay->reply_timeout_ms, ==, 300000);
  g_assert_cmpint(relay->dot_timeout_ms, ==, 600000);
  g_assert_cmpint(relay->idle_ms, ==, 5000);
  g_assert_cmpuint(relay->dsn, ==, DSN_AUTO);

  const ChannelSettings *channel = config_channel(config, NULL);
  g_assert_cmpstr(channel->name, ==, "press");
  g_assert_null(channel->from);
  g_assert_null(channel->reply_to);
  g_assert_null(channel->return_path);
  g_assert_cmpuint(channel->dsn_notify, ==, DSN_FAILURE);
  g_assert_cmpuint(channel->dsn_return, ==, DSN_HEADERS);
  g_assert_cmpstr(channel->lists[0], ==, NULL);
  g_assert_cmpstr(channel->language, ==, "en");
  g_assert_cmpuint(channel->missing, ==, MISSING_REFUSE);
  g_assert_cmpuint(channel->in_doubt, ==, IN_DOUBT_HOLD);
  g_assert_cmpuint(channel->max_recipients, ==, 0);
}

#define PIN "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static const char everything[] =
  "channels = {\n"
  "  press = { from = \"Press Office <press@example.org>\"; reply_to = \"media@example.org\";\n"
  "    return_path = \"bounces@example.org\"; list = \"press\"; dsn_notify = \"never\"; };\n"
  "  embassy-1 = { list = [ \"press\", \"embassies\" ]; language = \"fr-BE\";\n"
  "    missing = \"skip\"; in_doubt = \"resend\"; max_recipients = 500;\n"
  "    return_path = \"b+{token}@B\xc3\xbc" "cher.example\"; dsn_return = \"full\";\n"
  "    dsn_notify = \"success , delay\";\n"
  "    rate = \"100/h\"; hours = \"Mon-Fri 08:00-18:00 Europe/Brussels; Sat 9:00-12:00 Z\"; };\n"
  "};\n"
  "lists = {\n"
  "  press = { file = \"press.csv\"; address_column = \"E-Mail \\\"work\\\" \\\\\";\n"
  "    columns = [ \"first_name=Ruf name\", \" beat = a=b \" ]; encoding = \"KOI8-R\";\n"
  "    title = \"Übung\"; };\n"
  "  embassies = { file = \"lists/../press.csv\"; };\n"
  "};\n"
  "relays = (\n"
  "  { url = \"SMTPS://M\xc3\xbcnchen.example:465/\"; username = \"press\";\n"
  "    credential = \"main-password\"; rate = \"600 / min\"; connections = 0x20;\n"
  "    ca_file = \"ca.pem\"; helo = \"[192.0.2.1]\"; idle = 0; connect_timeout = 1.5;\n"
  "    dsn = \"off\"; },\n"
  "  { name = \"spare\"; url = \"smtp://[::1]:2525\"; rate = \"5000/day,20/s , 600/min\";\n"
  "    per_connection = 200; depth = 8; proxy = \"SOCKS5H://Proxy.B\xc3\xbc" "cher.example:1080/\";\n"
  "    proxy_username = \"p\"; proxy_credential = \"/p\"; username = \"u@example.org\";\n"
  "    source_address = \"2001:db8::1\"; auth = [ \"xoauth2\", \"OAUTHBEARER\" ];\n"
  "    oauth_token_url = \"https://login.example/a%2Fb/token?x=y%20z\";\n"
  "    oauth_client_id = \"id\"; oauth_refresh_credential = \"refresh\"; tls = \"required\";\n"
  "    oauth_scope = \"https://mail.example/\"; client_certificate = \"c.pem\";\n"
  "    client_key = \"client-key\"; tls_key_pin = \"" PIN ";" PIN "\"; },\n"
  "  { name = \"third\"; url = \"smtp://127.0.0.2\"; tls = \"opportunistic\"; }\n"
  ");\n"
  "domains = (\n"
  "  { match = [ \"GMAIL.com\", \"*.B\xc3\xbc" "cher.example\", \"*.xx\" ]; connections = 2;\n"
  "    rate = \"20/s\"; },\n"
  "  { match = \"example.org\"; }\n"
  ");\n"
  "spool = \"spool\"; runtime = \"/tmp/run/\"; settle = \"500 ms\"; rescan = 10;\n"
  "max_bundle_size = \"1.5 MiB\"; retry_first = \"2 minutes\"; retry_max = \"1.5 h\";\n"
  "max_age = \"48 h\";\n";

static void test_everything(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *list = g_build_filename(fixture->folder, "press.csv", NULL);
  g_autofree char *spool = g_build_filename(fixture->folder, "spool", NULL);
  g_autofree char *ca_file = g_build_filename(fixture->folder, "ca.pem", NULL);
  write_file(fixture, "press.csv", "email\n", -1);
  g_autoptr(Config) config = load_good(fixture, everything);

  g_assert_cmpstr(config->spool, ==, spool);
  g_assert_cmpstr(config->runtime, ==, "/tmp/run");
  g_assert_cmpint(config->settle_ms, ==, 500);
  g_assert_cmpint(config->rescan_ms, ==, 10000);
  g_assert_cmpuint(config->max_bundle_size, ==, 3 << 19);
  g_assert_cmpint(config->retry_first_ms, ==, 120000);
  g_assert_cmpint(config->retry_max_ms, ==, 5400000);
  g_assert_cmpint(config->max_age_ms, ==, 172800000);

  g_assert_cmpuint(config->relays->len, ==, 3);
  const RelaySettings *main_relay = g_ptr_array_index(config->relays, 0);
  g_assert_cmpstr(main_relay->name, ==, "main");
  g_assert_cmpstr(main_relay->url, ==, "smtps://xn--mnchen-3ya.example:465");
  g_assert_cmpstr(main_relay->host, ==, "xn--mnchen-3ya.example");
  g_assert_cmpuint(main_relay->tls, ==, TLS_REQUIRED);
  g_assert_cmpstr(main_relay->ca_file, ==, ca_file);
  g_assert_cmpstr(main_relay->username, ==, "press");
  g_assert_cmpstr(main_relay->credential, ==, "main-password");
  g_assert_cmpstr(main_relay->helo, ==, "[192.0.2.1]");
  g_assert_cmpuint(main_relay->connections, ==, 32);
  g_assert_cmpuint(main_relay->rate.length, ==, 1);
  g_assert_cmpuint(main_relay->rate.budgets[0].count, ==, 600);
  g_assert_cmpint(main_relay->rate.budgets[0].period_ms, ==, 60000);
  g_assert_cmpint(main_relay->idle_ms, ==, 0);
  g_assert_cmpint(main_relay->connect_timeout_ms, ==, 1500);
  g_assert_cmpuint(main_relay->dsn, ==, DSN_OFF);

  const RelaySettings *spare = config_relay(config, "spare");
  g_assert_cmpstr(spare->url, ==, "smtp://[::1]:2525");
  g_assert_cmpstr(spare->host, ==, "::1");
  g_assert_cmpuint(spare->tls, ==, TLS_REQUIRED);
  g_assert_cmpstr(spare->proxy, ==, "socks5h://proxy.xn--bcher-kva.example:1080");
  g_assert_cmpstr(spare->source_address, ==, "2001:db8::1");
  g_assert_cmpstr(spare->oauth_token_url, ==, "https://login.example/a%2Fb/token?x=y%20z");
  g_assert_cmpstr(spare->client_key, ==, "client-key");
  g_assert_cmpstr(spare->tls_key_pin, ==, PIN ";" PIN);
  g_assert_true(relay_takes_token(spare));
  g_autofree char *login_options = relay_login_options(spare);
  g_assert_cmpstr(login_options, ==, "AUTH=XOAUTH2;AUTH=OAUTHBEARER");
  g_assert_cmpuint(spare->rate.length, ==, 3);
  g_assert_cmpint(spare->rate.budgets[0].period_ms, ==, 1000);
  g_assert_cmpint(spare->rate.budgets[1].period_ms, ==, 60000);
  g_assert_cmpuint(spare->rate.budgets[1].count, ==, 600);
  g_assert_cmpint(spare->rate.budgets[2].period_ms, ==, 86400000);
  g_assert_cmpuint(spare->per_connection, ==, 200);
  g_assert_cmpuint(spare->depth, ==, 8);
  g_assert_cmpuint(config_relay(config, "third")->tls, ==, TLS_OPPORTUNISTIC);
  g_assert_null(config_relay(config, "fourth"));

  g_assert_cmpuint(config->domains->len, ==, 2);
  const DomainSettings *domains = g_ptr_array_index(config->domains, 0);
  g_assert_true(g_strv_equal((const char *const *)domains->match,
                             (const char *const[]){"gmail.com", "*.xn--bcher-kva.example", "*.xx",
                                                   NULL}));
  g_assert_cmpuint(domains->connections, ==, 2);
  g_assert_cmpuint(domains->rate.budgets[0].count, ==, 20);
  domains = g_ptr_array_index(config->domains, 1);
  g_assert_cmpstr(domains->name, ==, "example.org");
  g_assert_cmpuint(domains->connections, ==, 4);
  g_assert_cmpuint(domains->rate.length, ==, 0);

  g_assert_cmpstr(config_list(config, "press")->file, ==, list);
  g_assert_cmpstr(config_list(config, "press")->address_column, ==, "E-Mail \"work\" \\");
  g_assert_cmpstr(config_list(config, "press")->title, ==, "Übung");
  g_assert_cmpstr(config_list(config, "press")->columns[0], ==, "first_name=Ruf name");
  g_assert_cmpstr(config_list(config, "press")->columns[1], ==, "beat=a=b");
  g_assert_null(config_list(config, "press")->columns[2]);
  g_assert_cmpstr(config_list(config, "press")->encoding, ==, "KOI8-R");
  g_assert_null(config_list(config, "embassies")->columns);
  g_assert_cmpstr(config_list(config, "embassies")->file, ==, list);
  g_assert_null(config_list(config, "embassy"));

  const ChannelSettings *press = config_channel(config, NULL);
  g_assert_true(press == config_channel(config, "press"));
  g_assert_cmpstr(press->from, ==, "Press Office <press@example.org>");
  g_assert_cmpstr(press->reply_to, ==, "media@example.org");
  g_assert_cmpstr(press->return_path, ==, "bounces@example.org");
  g_assert_cmpuint(press->dsn_notify, ==, DSN_NEVER);
  g_assert_cmpuint(g_strv_length(press->lists), ==, 1);
  const ChannelSettings *embassy = config_channel(config, "embassy-1");
  g_assert_true(g_strv_equal((const char *const *)embassy->lists,
                             (const char *const[]){"press", "embassies", NULL}));
  g_assert_cmpstr(embassy->language, ==, "fr-BE");
  g_assert_cmpstr(embassy->return_path, ==, "b+{token}@xn--bcher-kva.example");
  g_assert_cmpuint(embassy->dsn_notify, ==, DSN_SUCCESS | DSN_DELAY);
  g_assert_cmpuint(embassy->dsn_return, ==, DSN_FULL);
  g_assert_cmpuint(embassy->missing, ==, MISSING_SKIP);
  g_assert_cmpuint(embassy->in_doubt, ==, IN_DOUBT_RESEND);
  g_assert_cmpuint(embassy->max_recipients, ==, 500);
  g_assert_cmpint(embassy->rate.budgets[0].period_ms, ==, 3600000);
  g_assert_cmpstr(embassy->hours, ==,
                  "Mon-Fri 08:00-18:00 Europe/Brussels; Sat 9:00-12:00 Z");
  g_assert_null(press->hours);
  g_assert_null(config_channel(config, "nobody"));
}

/* What is printed is loaded to the same settings, and marks the defaults. */
static void test_round_trip(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  write_file(fixture, "press.csv", "email\n", -1);
  g_autoptr(Config) config = load_good(fixture, everything);
  g_autofree char *text = config_to_text(config);
  g_autoptr(Config) again = load_good(fixture, text);
  g_autofree char *text_again = config_to_text(again);

  g_assert_cmpstr(text_again, ==, text);
  g_assert_nonnull(strstr(text, "\nsettle = \"500 ms\";\n"));
  g_assert_nonnull(strstr(text, "\nmax_age = \"2 d\";  # default\n"));
  g_assert_nonnull(strstr(text, "\n    connections = 32;\n"));
  g_assert_nonnull(strstr(text, "\n    rate = \"600/min\";\n"));
  g_assert_nonnull(strstr(text, "\n    rate = \"20/s, 600/min, 5000/d\";\n"));
  g_assert_nonnull(strstr(text, "\n    list = [\"press\", \"embassies\"];\n"));
  g_assert_nonnull(strstr(text, "\n    # from is not set\n"));
}

#define LOGIN "username = \"u\"; credential = \"c\"; "
#define OAUTH "username = \"u\"; oauth_token_url = \"https://login.example/token\"; " \
              "oauth_client_id = \"i\"; "

static const struct {
  const char *content;
  const char *findings;
} mistakes[] = {
  /* libconfig's grammar. */
  {"a = ;", "t.conf:1: error: syntax error; often a \";\", a bracket or a quotation mark is "
            "missing here or in the line above\n"},
  {LINE_3("settle = 1;\nsettle = 2;"), "t.conf:4: error: duplicate setting name\n"},
  {RELAYS "channels = { a = {}; a = {}; };", "t.conf:2: error: duplicate setting name\n"},
  {LINE_3("@include \"none.conf\""), "t.conf:3: error: cannot open include file\n"},

  /* What libconfig would not mention. */
  {LINE_3("/* x\n*/ spool = \"/* # \\\" \"; # 99999999999 /*\n// \"/*\nsettle = 99999999999;"),
   "t.conf:6: error: the number 99999999999 is too large; write it with a unit, as in \"5 GiB\"\n"},
  {LINE_3("max_bundle_size = 0x100000001;\n/* to the end"),
   "t.conf:3: error: the number 0x100000001 is too large; write it with a unit, as in \"5 GiB\"\n"
   "t.conf:4: error: the comment that begins here has no end; expected */\n"},
  {LINE_3("spool = \"/a;\nsettle = \"2 s\";\n"),
   "t.conf:4: error: the text that begins here has no closing quotation mark, or one before it "
   "has none\n"},
  {LINE_3("spool = \"\xff\";"),
   "t.conf:3: error: the file is not UTF-8 text: found the byte 0xff\n"},

  /* What is there, and what is missing. */
  {"", "t.conf: error: relays: there is none; write at least relays = ( { url = "
       "\"smtp://mail.example.org:587\"; } );\n"
       "t.conf: error: channels: there is none; write at least channels = { press = { from = "
       "\"Press Office <press@example.org>\"; }; };\n"},
  {"relays = ( );\n" CHANNELS, "t.conf:1: error: relays: there is none; write at least relays = ( "
                               "{ url = \"smtp://mail.example.org:587\"; } );\n"},
  {"relays = ( { } );\n" CHANNELS,
   "t.conf:1: error: the relay has no url; expected \"smtp://HOST\" or \"smtps://HOST\", with "
   "\":PORT\" or without\n"},
  {LINE_3("lists = { press = { file = \"t.conf\"; columns = \"beat\"; }; };"),
   "t.conf:3: error: columns: found \"beat\", expected \"FIELD = COLUMN\", or an array of these\n"},
  {LINE_3("lists = { press = { file = \"t.conf\"; encoding = \"UTF-9\"; }; };"),
   "t.conf:3: error: encoding: \"UTF-9\" is no encoding that iconv knows (see iconv --list)\n"},
  {LINE_3("lists = { press = { }; };"),
   "t.conf:3: error: the list has no file; expected a path in quotation marks\n"},
  {"relays = { url = \"smtp://a\"; };\n" CHANNELS,
   "t.conf:1: error: relays: found a group, expected a list of groups: ( { … }, { … } );\n"},
  {"relays = ( 5, { url = \"smtp://a\"; } );\n" CHANNELS,
   "t.conf:1: error: found a whole number, expected a relay: { … }\n"},
  {RELAYS "channels = ( { } );",
   "t.conf:2: error: channels: found a list, expected named groups: { NAME = { … }; };\n"},
  {RELAYS "channels = { a = 1; };", "t.conf:2: error: found a whole number, expected a channel: "
                                    "{ … }\n"},
  {RELAYS "channels = { a*b = { }; };",
   "t.conf:2: error: \"a*b\" cannot be the name of a channel; expected a name of at most 64 "
   "letters, digits, \"-\" and \"_\"\n"},

  /* Unknown settings. */
  {LINE_3("setle = 1;"), "t.conf:3: error: unknown setting \"setle\"; did you mean \"settle\"?\n"},
  {LINE_3("list = { };"), "t.conf:3: error: unknown setting \"list\"; did you mean \"lists\"?\n"},
  {RELAY_1("conections = 1;"),
   "t.conf:1: error: unknown setting \"conections\"; did you mean \"connections\"?\n"},
  {LINE_3("username = \"x\";"),
   "t.conf:3: error: \"username\" must stand in a relay, not at the top level\n"},
  {CHANNEL_2("spool = \"x\";"),
   "t.conf:2: error: \"spool\" must stand at the top level, not in a channel\n"},
  {CHANNEL_2("approval = true;"), "t.conf:2: error: unknown setting \"approval\" in a channel\n"},
  {LINE_3("domain = ( );"),
   "t.conf:3: error: unknown setting \"domain\"; did you mean \"domains\"?\n"},

  /* Wrong types. */
  {LINE_3("settle = true;"), "t.conf:3: error: settle: found true or false, expected a number of "
                             "seconds, or \"500 ms\", \"30 s\", \"10 min\", \"2 h\", \"5 d\"\n"},
  {LINE_3("spool = 5;"), "t.conf:3: error: spool: found a whole number, expected a path in "
                         "quotation marks\n"},
  {RELAY_1("connections = \"5\";"),
   "t.conf:1: error: connections: found a text, expected a whole number\n"},
  {RELAY_1("connections = 1.5;"),
   "t.conf:1: error: connections: found a number with a fraction, expected a whole number\n"},
  {CHANNEL_2("list = { };"), "t.conf:2: error: list: found a group, expected a text, or several as "
                             "in [\"a\", \"b\"]\n"},
  {CHANNEL_2("list = [ 1 ];"), "t.conf:2: error: list: found a whole number within, expected a "
                               "text, or several as in [\"a\", \"b\"]\n"},
  {RELAY_1("rate = 600;"), "t.conf:1: error: rate: found a whole number, expected a rate such as "
                           "\"20/s\", \"600/min\", \"5000/d\", several of them as in \"20/s, "
                              "5000/d\", or \"none\"\n"},

  /* Values. */
  {RELAY_1("connections = 0;"),
   "t.conf:1: error: connections: 0 is out of range; expected 1 to 1000\n"},
  {RELAY_1("connections = -1;"),
   "t.conf:1: error: connections: -1 is out of range; expected 1 to 1000\n"},
  {LINE_3("settle = 0;"), "t.conf:3: error: settle: 0 is out of range; expected 10 ms to 1 h\n"},
  {LINE_3("settle = \"99999999999999999999 d\";"),
   "t.conf:3: error: settle: 99999999999999999999 d is out of range; expected 10 ms to 1 h\n"},
  {LINE_3("max_bundle_size = \"5 GiB\";"),
   "t.conf:3: error: max_bundle_size: 5 GiB is out of range; expected 1 KiB to 4 GiB\n"},
  {LINE_3("settle = \"2 m\";"),
   "t.conf:3: error: settle: found \"2 m\", expected a number of seconds, or \"500 ms\", "
   "\"30 s\", \"10 min\", \"2 h\", \"5 d\"\n"},
  {LINE_3("settle = \"1e3\";"),
   "t.conf:3: error: settle: found \"1e3\", expected a number of seconds, or \"500 ms\", "
   "\"30 s\", \"10 min\", \"2 h\", \"5 d\"\n"},
  {RELAY_1("rate = \"0/s\";"), "t.conf:1: error: rate: found \"0/s\", expected a rate such as "
                               "\"20/s\", \"600/min\", \"5000/d\", several of them as in \"20/s, "
                              "5000/d\", or \"none\"\n"},
  {RELAY_1("rate = \"20\";"), "t.conf:1: error: rate: found \"20\", expected a rate such as "
                              "\"20/s\", \"600/min\", \"5000/d\", several of them as in \"20/s, "
                              "5000/d\", or \"none\"\n"},
  {RELAY_1("tls = \"yes\";"),
   "t.conf:1: error: tls: found \"yes\", expected one of none, opportunistic, required\n"},
  {RELAY_1("helo = \"a b\";"), "t.conf:1: error: helo: found \"a b\", expected the name of a host, "
                               "such as \"mail.example.org\"\n"},
  {RELAY_1("name = \"a b\";"),
   "t.conf:1: error: name: found \"a b\", expected a name of at most 64 letters, digits, \"-\" and "
   "\"_\"\n"},
  {CHANNEL_2("language = \"english please\";"),
   "t.conf:2: error: language: found \"english please\", expected the tag of a language, such as "
   "\"en\" or \"fr-BE\"\n"},
  {LINE_3("spool = \"\";"),
   "t.conf:3: error: spool: the text is empty; leave the setting out or fill it\n"},
  {RELAY_1("username = \"x\\r\\nDATA\"; credential = \"c\";"),
   "t.conf:1: error: username: \"x\\r\\nDATA\" has control characters or is not UTF-8\n"},
  {RELAY_1("helo = \"\\xff\";"),
   "t.conf:1: error: helo: \"\\xff\" has control characters or is not UTF-8\n"},

  /* What does not fit together. */
  {LINE_3("retry_first = \"3 h\";"),
   "t.conf:3: error: retry_first is longer than retry_max; it must not be\n"},
  {"relays = ( { url = \"smtp://a\"; },\n { url = \"smtp://b\"; } );\n" CHANNELS,
   "t.conf:2: error: name: \"main\" is the name of a relay above; give each its own\n"},
  {RELAY_1("username = \"x\";"),
   "t.conf:1: error: relay \"main\" has a username and no credential; a login needs both\n"},
  {RELAY_1("credential = \"x\";"),
   "t.conf:1: error: relay \"main\" has a credential and no username; a login needs both\n"},
  {RELAY_1("username = \"x\"; credential = \"a/b\";"),
   "t.conf:1: error: credential: \"a/b\" is neither a name without \"/\" nor an absolute path\n"},
  {RELAY_1("\nusername = \"x\"; credential = \"y\";\n tls = \"none\";"),
   "t.conf:3: error: tls: with \"none\" the password goes to mail.example.org in the clear; write "
   "\"required\"\n"},
  {"relays = ( { url = \"smtps://localhost\"; tls = \"none\"; } );\n" CHANNELS,
   "t.conf:1: error: tls: smtps:// is TLS from the first byte; write \"required\", or smtp:// in "
   "url\n"},
  {RELAYS "channels = { press = { list = [ \"press\",\n\"embasies\", \"x\" ]; }; };\n"
   "lists = { press = { file = \"/dev/null\"; }; embassies = { file = \"t.conf\"; }; };",
   "t.conf:2: error: list: there is no list \"embasies\"; did you mean \"embassies\"?\n"
   "t.conf:2: error: list: there is no list \"x\"; write it into lists = { … };\n"
   "t.conf:4: warning: file: there is no file /dev/null; releases to the list \"press\" will be "
   "refused\n"},

  /* Keys, proxies and tokens. */
  {RELAY_1("tls_key_pin = \"sha256//abc=\";"),
   "t.conf:1: error: tls_key_pin: found \"sha256//abc=\", expected \"sha256//\" and the SHA-256 of "
   "a public key in base64, several with \";\" between\n"},
  {RELAY_1("\ntls_key_pin = \"" PIN "\"; tls = \"opportunistic\";"),
   "t.conf:2: error: tls_key_pin: where TLS may fail, a key is no protection; write tls = "
   "\"required\"\n"},
  {"relays = ( { url = \"smtp://localhost\"; tls_key_pin = \"" PIN "\"; } );\n" CHANNELS,
   "t.conf:1: error: tls_key_pin: where TLS may fail, a key is no protection; write tls = "
   "\"required\"\n"},
  {RELAY_1("\nclient_certificate = \"c\";"),
   "t.conf:2: error: client_certificate: without client_key it makes no sense\n"},
  {RELAY_1("client_key = \"c\";"),
   "t.conf:1: error: client_key: without client_certificate it makes no sense\n"},
  {RELAY_1("client_key = \"a/b\"; client_certificate = \"c\"; tls = \"none\";"),
   "t.conf:1: error: client_key: \"a/b\" is neither a name without \"/\" nor an absolute path\n"
   "t.conf:1: error: client_certificate: without TLS it is shown to nobody; write tls = "
   "\"required\"\n"},
  {RELAY_1("proxy = \"ftp://a:1\";"),
   "t.conf:1: error: proxy: found \"ftp://a:1\", expected \"socks5://HOST:PORT\", "
   "\"socks5h://HOST:PORT\" or \"http://HOST:PORT\"\n"},
  {RELAY_1("proxy = \"socks5://a\";"),
   "t.conf:1: error: proxy: found \"socks5://a\", expected \"socks5://HOST:PORT\", "
   "\"socks5h://HOST:PORT\" or \"http://HOST:PORT\"\n"},
  {RELAY_1("proxy = \"http://me:hunter2@a:3128\";"),
   "t.conf:1: error: proxy: the URL has a user name or password in it; use the settings "
   "proxy_username and proxy_credential\n"},
  {RELAY_1("proxy_username = \"p\";"),
   "t.conf:1: error: proxy_username: without proxy it makes no sense\n"
   "t.conf:1: error: proxy_username: without proxy_credential it makes no sense\n"},
  {RELAY_1("source_address = \"example.org\";"),
   "t.conf:1: error: source_address: found \"example.org\", expected an IP address, such as "
   "\"192.0.2.1\" or \"2001:db8::1\"\n"},
  {RELAY_1("auth = \"any\"; source_address = \"::\";\nauth2 = 1;"),
   "t.conf:2: error: unknown setting \"auth2\"; did you mean \"auth\"?\n"},
  {CHANNEL_2("dsn_notify = [ \"failure\", \"never\" ];"),
   "t.conf:2: error: dsn_notify: \"never\" stands beside other words; it must stand alone\n"},
  {CHANNEL_2("dsn_notify = \"failure,bounce\";"),
   "t.conf:2: error: dsn_notify: found \"bounce\", expected one of default, never, failure, "
   "delay, success\n"},
  {RELAY_1("auth = \"PLAIN\";"), "t.conf:1: error: auth: without username it makes no sense\n"},
  {RELAY_1(LOGIN "auth = [ \"PLAIN\", \"SECRET\" ];"),
   "t.conf:1: error: auth: found \"SECRET\", expected one of any, PLAIN, LOGIN, CRAM-MD5, "
   "DIGEST-MD5, NTLM, XOAUTH2, OAUTHBEARER\n"},
  {RELAY_1(LOGIN "auth = [ \"PLAIN\", \"XOAUTH2\" ];"),
   "t.conf:1: error: auth: some of these take a password and some a token; a login has one of the "
   "two\n"},
  {RELAY_1(OAUTH "\nauth = \"LOGIN\"; oauth_client_credential = \"s\";"),
   "t.conf:2: error: auth: nothing here takes the token of oauth_token_url; expected \"XOAUTH2\" "
   "or \"OAUTHBEARER\"\n"},
  {RELAY_1("\n" OAUTH),
   "t.conf:2: error: oauth_token_url: nothing to show there; expected oauth_refresh_credential, "
   "oauth_client_credential or both\n"},
  {RELAY_1(OAUTH "oauth_client_credential = \"s\"; credential = \"c\";"),
   "t.conf:1: error: credential: a login takes a password or, with oauth_token_url, a token; leave "
   "one of the two out\n"},
  {RELAY_1("oauth_client_id = \"i\"; oauth_client_credential = \"s\"; oauth_scope = \"x\";"),
   "t.conf:1: error: oauth_client_id: without oauth_token_url it makes no sense\n"
   "t.conf:1: error: oauth_client_credential: without oauth_token_url it makes no sense\n"
   "t.conf:1: error: oauth_scope: without oauth_token_url it makes no sense\n"},
  {RELAY_1("oauth_token_url = \"https://a/\"; oauth_refresh_credential = \"r\";"),
   "t.conf:1: error: oauth_token_url: without username it makes no sense\n"
   "t.conf:1: error: oauth_token_url: without oauth_client_id it makes no sense\n"},
  {RELAY_1("username = \"u\"; oauth_client_id = \"i\"; oauth_refresh_credential = \"r\";\n"
           "oauth_token_url = \"http://login.example/\";"),
   "t.conf:2: error: oauth_token_url: with http:// secrets go to login.example in the clear; write "
   "https://\n"},
  {RELAY_1("oauth_token_url = \"https://me:hunter2@login.example/\";"),
   "t.conf:1: error: oauth_token_url: the URL has a user name or password in it; it must not\n"
   "t.conf:1: error: oauth_token_url: without username it makes no sense\n"
   "t.conf:1: error: oauth_token_url: without oauth_client_id it makes no sense\n"},
  {RELAY_1(OAUTH "oauth_client_credential = \"s\";\ntls = \"none\";"),
   "t.conf:2: error: tls: with \"none\" the password goes to mail.example.org in the clear; write "
   "\"required\"\n"},
  /* What is called localhost behind a proxy is not this machine. */
  {"relays = ( { url = \"smtp://localhost\"; " LOGIN "proxy = \"http://a:1\";\ntls = \"none\"; } );"
   CHANNELS,
   "t.conf:2: error: tls: with \"none\" the password goes to localhost in the clear; write "
   "\"required\"\n"},

  {LINE_3("domains = ( { match = [ \"A.org\", \"*.b.org\" ]; },\n { match = [ \"b.org\",\n"
          "\"a.ORG\" ]; },\n { match = [ ]; },\n { rate = \"1/s\"; } );"),
   "t.conf:4: error: match: \"a.org\" stands here or above already; each domain counts once\n"
   "t.conf:6: error: match: there is none; expected a domain, or several as in [\"gmail.com\", "
   "\"*.example\"]\n"
   "t.conf:7: error: the group of domains has no match; expected a domain, or several as in "
   "[\"gmail.com\", \"*.example\"]\n"},
  {LINE_3("domains = ( { match = [ \"a@b.org\", \"*\", \"a*.org\" ]; } );"),
   "t.conf:3: error: match: found \"a@b.org\", expected a domain, or several as in "
   "[\"gmail.com\", \"*.example\"]\n"
   "t.conf:3: error: match: found \"*\", expected a domain, or several as in "
   "[\"gmail.com\", \"*.example\"]\n"
   "t.conf:3: error: match: found \"a*.org\", expected a domain, or several as in "
   "[\"gmail.com\", \"*.example\"]\n"},
  {CHANNEL_2("hours = \"Mon 8-18\";"),
   "t.conf:2: error: hours: found \"Mon 8-18\", expected days, times and a time zone, such as "
   "\"Mon-Fri 08:00-18:00 Europe/Brussels\"\n"},
  {RELAY_1("rate = \"20/s, 30/s\";"), "t.conf:1: error: rate: found \"20/s, 30/s\", expected a "
   "rate such as \"20/s\", \"600/min\", \"5000/d\", several of them as in \"20/s, 5000/d\", or "
   "\"none\"\n"},

  /* Everything at once. */
  {"settle = 0;\nrelays = (\n  { url = \"http://a\"; colour = 1; }\n);\nchannels = {\n"
   "  a = { from = \"\"; };\n  b = {\n    missing = \"no\"; }; };\nspol = 1;",
   "t.conf:1: error: settle: 0 is out of range; expected 10 ms to 1 h\n"
   "t.conf:3: error: url: found \"http://a\", expected \"smtp://HOST\" or \"smtps://HOST\", with "
   "\":PORT\" or without\n"
   "t.conf:3: error: unknown setting \"colour\" in a relay\n"
   "t.conf:6: error: from: the text is empty; leave the setting out or fill it\n"
   "t.conf:8: error: missing: found \"no\", expected one of refuse, skip, blank\n"
   "t.conf:9: error: unknown setting \"spol\"; did you mean \"spool\"?\n"},
};

static void test_mistakes(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++) {
    assert_mistakes(fixture, mistakes[i].content, -1, mistakes[i].findings);
  }
}

static void test_bad_urls(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const urls[] = {
    "mail.example.org", "http://a", "smtp:a", "smtp://", "smtp://:25", "smtp://a:0", "smtp://a:x",
    "smtp://a:99999", "smtp://a/b", "smtp://a?b", "smtp://a#b", "smtp://a b", "smtp://a%20b",
    "smtp://a%0d%0ab", "smtp://[::1", "smtp://a;b", "//a"};

  for (guint i = 0; i < G_N_ELEMENTS(urls); i++) {
    g_autofree char *content = g_strdup_printf("relays = ( { url = \"%s\"; } );\n" CHANNELS,
                                               urls[i]);
    g_autofree char *expected = g_strdup_printf(
        "t.conf:1: error: url: found \"%s\", expected \"smtp://HOST\" or \"smtps://HOST\", with "
        "\":PORT\" or without\n", urls[i]);
    assert_mistakes(fixture, content, -1, expected);
  }
}

/* A password in the wrong place must not end up in a log as well. */
static void test_password_in_url(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const schemes[] = {"smtp", "http"};

  for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
    g_autofree char *content = g_strdup_printf(
        "relays = ( { url = \"%s://me:hunter2@a\"; } );\n" CHANNELS, schemes[i]);
    assert_mistakes(fixture, content, -1,
                    "t.conf:1: error: url: the URL has a user name or password in it; use the "
                    "settings username and credential\n");
  }
}

static void test_bad_mailboxes(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const settings[] = {
    "from = \"Press Office\";", "from = \"a@b@c\";", "reply_to = \"<>\";",
    "return_path = \"Press <press@example.org>\";"};

  for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
    g_autofree char *findings = NULL;
    g_autofree char *content = g_strdup_printf(CHANNEL_2("\n%s\n"), settings[i]);
    g_autofree char *name = g_strndup(settings[i], strcspn(settings[i], " "));
    g_autofree char *start = g_strdup_printf("t.conf:3: error: %s: ", name);
    g_autoptr(Config) config = load(fixture, content, -1, &findings);
    g_assert_null(config);
    g_assert_true(g_str_has_prefix(findings, start));
  }
}

static void test_return_paths(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *path, *found;
  } cases[] = {
    {"b+{token}+{token}@example.org", "stands in it twice"},
    {"b@{token}.example.org", "must stand before the @"},
    {"{token}", "must stand before the @"},
    {"b{token}@example.org", "touches {token}"},
    {"b+{token}1@example.org", "touches {token}"},
    {"b+{contact}@example.org", "nothing but {token} may stand in braces"},
    {"b+{token@example.org", "nothing but {token} may stand in braces"},
    {"b+{{token}}@example.org", "nothing but {token} may stand in braces"},
    {"d1000000001zzzzzzzzzz-{token}@example.org", "looks like a token itself"},
    {"b {token}@example.org", "is not a mail address"},
    /* 64 with a token of the longest, and one more. */
    {"thirty-six-characters-and-a-plus----+{token}@example.org", NULL},
    {"thirty-seven-characters-and-a-plus---+{token}@example.org",
     "with a token in place of {token}, "},
    {"\\\"b {token}\\\"@example.org", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *findings = NULL;
    g_autofree char *content = g_strdup_printf(CHANNEL_2("return_path = \"%s\";"), cases[i].path);
    g_autoptr(Config) config = load(fixture, content, -1, &findings);
    g_test_message("%s", cases[i].path);
    if (cases[i].found == NULL) {
      g_assert_cmpstr(findings, ==, "");
      g_assert_nonnull(config);
    } else {
      g_assert_null(config);
      g_assert_nonnull(strstr(findings, cases[i].found));
    }
  }
}

static void test_warnings(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *findings = NULL;
  g_autoptr(Config) config = load(fixture,
      RELAY_1("username = \"x\"; credential = \"y\"; tls = \"opportunistic\";")
      "lists = { press = { file = \"none.csv\"; }; };", -1, &findings);

  g_assert_cmpstr(findings, ==,
                  "t.conf:1: warning: tls: with \"opportunistic\" whoever stands between here and "
                  "mail.example.org can have the password in the clear; better is \"required\"\n"
                  "t.conf:3: warning: file: there is no file none.csv; releases to the list "
                  "\"press\" will be refused\n");
  g_assert_nonnull(config);
}

/* A login without TLS is fine where nobody can listen. */
static void test_loopback(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const hosts[] = {"localhost", "LocalHost:2525", "127.0.0.1:25", "127.9.9.9",
                                      "[::1]:25"};

  for (guint i = 0; i < G_N_ELEMENTS(hosts); i++) {
    g_autofree char *content = g_strdup_printf(
        "relays = ( { url = \"smtp://%s\"; username = \"x\"; credential = \"/y\"; } );\n" CHANNELS,
        hosts[i]);
    g_autoptr(Config) config = load_good(fixture, content);
    g_assert_cmpuint(config_relay(config, "main")->tls, ==, TLS_NONE);
  }
  g_autoptr(Config) other = load_good(fixture, "relays = ( { url = \"smtp://127.example.org\"; } );"
                                      CHANNELS);
  g_assert_cmpuint(config_relay(other, "main")->tls, ==, TLS_REQUIRED);
}

/* Of "any", only what takes the secret that there is: a token is never sent as a password. */
static void test_mechanisms(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct {
    const char *settings;
    gboolean token;
    const char *options;
  } cases[] = {
    {LOGIN, FALSE, "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5;AUTH=DIGEST-MD5;AUTH=NTLM"},
    {LOGIN "auth = \"any\";", FALSE,
     "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5;AUTH=DIGEST-MD5;AUTH=NTLM"},
    {LOGIN "auth = [\"login\", \"PLAIN\"];", FALSE, "AUTH=PLAIN;AUTH=LOGIN"},
    {LOGIN "auth = \"XOAUTH2\";", TRUE, "AUTH=XOAUTH2"},
    {OAUTH "oauth_refresh_credential = \"r\";", TRUE, "AUTH=XOAUTH2;AUTH=OAUTHBEARER"},
    {OAUTH "oauth_client_credential = \"s\"; auth = \"OAUTHBEARER\";", TRUE, "AUTH=OAUTHBEARER"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *content = g_strdup_printf(
        "relays = ( { url = \"smtp://mail.example.org\"; %s } );\n" CHANNELS, cases[i].settings);
    g_autoptr(Config) config = load_good(fixture, content);
    g_autofree char *options = relay_login_options(config_relay(config, "main"));
    g_assert_cmpstr(options, ==, cases[i].options);
    g_assert_true(relay_takes_token(config_relay(config, "main")) == cases[i].token);
  }
}

static gboolean takes(const Config *config, const char *address)
{
  g_auto(Address) sender = {0};

  g_assert_true(address_parse(address, &sender, NULL));
  return relay_takes(config_relay(config, "main"), &sender);
}

static void test_senders(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_auto(Address) stranger = {0};
  g_autoptr(Config) everybody = load_good(fixture, RELAYS CHANNELS);
  g_autoptr(Config) config = load_good(fixture, RELAY_1(
      "senders = [ \"Example.ORG\", \"*.bücher.example\", \"Desk@a.example\" ];"));
  g_autofree char *text = config_to_text(config);

  g_assert_true(takes(everybody, "x@y.example"));
  g_assert_true(takes(config, "press@example.org"));
  g_assert_false(takes(config, "press@asia.example.org"));
  g_assert_false(takes(config, "press@badexample.org"));
  g_assert_true(takes(config, "x@a.bücher.example"));
  g_assert_false(takes(config, "x@xn--bcher-kva.example"));
  g_assert_true(takes(config, "desk@A.example"));
  g_assert_false(takes(config, "press@a.example"));
  g_assert_nonnull(strstr(text, "senders = [\"example.org\", \"*.xn--bcher-kva.example\", "
                          "\"desk@a.example\"];"));

  g_assert_true(address_parse("x@y.example", &stranger, NULL));
  g_assert_null(config_refuses_sender(everybody, &stranger));
  g_autofree char *refusal = config_refuses_sender(config, &stranger);
  g_assert_true(g_str_has_prefix(refusal, "no relay takes mail from x@y.example (asked: main); "));
}

static void test_bad_senders(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const patterns[] = {"a b", "*", "*.", "**.a.example", "a.*.example",
                                         "@a.example", "Desk <desk@a.example>", ".a.example"};

  for (guint i = 0; i < G_N_ELEMENTS(patterns); i++) {
    g_autofree char *content = g_strdup_printf(RELAY_1("senders = \"%s\";"), patterns[i]);
    g_autofree char *expected = g_strdup_printf(
        "t.conf:1: error: senders: found \"%s\", expected an address, a domain or "
        "\"*.DOMAIN\", or several in [ ]\n", patterns[i]);
    assert_mistakes(fixture, content, -1, expected);
  }
  assert_mistakes(fixture, RELAY_1("senders = [];"), -1,
                  "t.conf:1: error: senders: the list is empty, so that the relay would take "
                  "nobody's mail; fill it or leave the setting out\n");
}

static void test_nul(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char content[] = RELAYS CHANNELS "settle = 1;\0 settle = 0;";

  assert_mistakes(fixture, content, sizeof content - 1,
                  "t.conf:3: error: the file is not UTF-8 text: found the byte 0x00\n");
}

/* Included files are found beside the file, and named where they are wrong. */
static void test_include(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  write_file(fixture, "more.conf", "\nsettle = 1;\n", -1);
  g_autoptr(Config) config = load_good(fixture, LINE_3("@include \"more.conf\"\n"));
  g_assert_cmpint(config->settle_ms, ==, 1000);

  write_file(fixture, "more.conf", "\nsettle = 0;\n", -1);
  assert_mistakes(fixture, LINE_3("@include \"more.conf\"\n"), -1,
                  "more.conf:2: error: settle: 0 is out of range; expected 10 ms to 1 h\n");
}

static void test_unreadable(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Report) report = report_new();

  g_assert_null(config_load(fixture->path, report));
  g_assert_null(config_load(fixture->folder, report));
  g_assert_cmpuint(report_count(report, FINDING_ERROR), ==, 2);
}

/* Whoever holds an old Config keeps it. */
/* A struct changed in any one setting is no longer equal, whatever kind that is. */
static void test_equal(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Config) config = load_good(fixture, RELAYS CHANNELS);
  g_autoptr(Config) again = load_good(fixture, RELAYS CHANNELS);
  RelaySettings *one = config->relays->pdata[0], *other = again->relays->pdata[0];

  g_assert_true(settings_equal(SECTION_RELAYS, one, other));
  other->weight++;
  g_assert_false(settings_equal(SECTION_RELAYS, one, other));
  other->weight--;
  other->rate = (Rate){1, {{7, 1000}}};
  g_assert_false(settings_equal(SECTION_RELAYS, one, other));
  one->rate = other->rate;
  g_assert_true(settings_equal(SECTION_RELAYS, one, other));
  other->senders = g_strsplit("example.org", ",", -1);
  g_assert_false(settings_equal(SECTION_RELAYS, one, other));
}

static void test_references(Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  Config *config = load_good(fixture, RELAYS CHANNELS);
  Config *held = config_ref(config);

  g_assert_true(held == config);
  config_unref(config);
  g_assert_cmpstr(config_channel(held, NULL)->name, ==, "press");
  config_unref(held);
}

static void test_default_path(G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_setenv("DATELINE_CONFIG", "/a/b.conf", TRUE);
  g_assert_cmpstr(config_default_path(), ==, "/a/b.conf");
  g_setenv("DATELINE_CONFIG", "", TRUE);
  g_assert_cmpstr(config_default_path(), ==, DATELINE_SYSCONFDIR "/dateline.conf");
  g_unsetenv("DATELINE_CONFIG");
  g_assert_cmpstr(config_default_path(), ==, DATELINE_SYSCONFDIR "/dateline.conf");
}

/* The example loads, only its list is not there; it shows every setting, and those
 * that are commented out at their defaults. */
static void test_example(G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr(Report) report = report_new();
  g_autoptr(Config) config = config_load(EXAMPLE, report);
  g_autofree char *example = NULL;
  g_autofree char *reference = config_reference();

  g_assert_nonnull(config);
  g_assert_cmpuint(report_count(report, FINDING_WARNING), ==, 1);
  g_assert_true(g_file_get_contents(EXAMPLE, &example, NULL, NULL));
  g_auto(GStrv) rows = g_strsplit(reference, "\n", -1);
  for (guint i = 0; *rows[i] != '\0'; i++) {
    g_auto(GStrv) cells = g_strsplit(rows[i], "\t", -1);
    g_assert_cmpuint(g_strv_length(cells), ==, 5);
    g_autofree char *pattern = g_strdup_printf("^ *#?%s = ", cells[1]);
    if (!g_regex_match_simple(pattern, example, G_REGEX_MULTILINE, 0)) {
      g_error("the example does not show %s", cells[1]);
    }
    g_autofree char *commented = g_strdup_printf("^ *#%s = ", cells[1]);
    g_autofree char *at_default = g_strdup_printf("^ *#%s = \"?\\Q%s\\E\"?;$", cells[1], cells[3]);
    if (!g_str_equal(cells[3], "-") && !g_str_equal(cells[3], "required") &&
        g_regex_match_simple(commented, example, G_REGEX_MULTILINE, 0) &&
        !g_regex_match_simple(at_default, example, G_REGEX_MULTILINE, 0)) {
      g_error("the example shows another default than %s = %s", cells[1], cells[3]);
    }
  }
}

static void test_reference(G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *reference = config_reference();

  g_assert_nonnull(strstr(reference, "global\tsettle\tduration, 10 ms to 1 h\t2 s\thow long"));
  g_assert_nonnull(strstr(reference, "\nrelays\turl\turl\trequired\tsmtp://"));
  g_assert_nonnull(strstr(reference, "\nrelays\ttls\tnone | opportunistic | required\trequired\t"));
  g_assert_nonnull(strstr(reference, "\nrelays\tauth\tany | PLAIN | LOGIN | "));
  g_assert_nonnull(strstr(reference, "\nrelays\tconnections\tinteger, 1 to 1000\t10\t"));
  g_assert_nonnull(strstr(reference, "\nchannels\tfrom\tmailbox\t-\t"));
}

#define ADD(name, function) \
  g_test_add("/config/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("defaults", test_defaults);
  ADD("equal", test_equal);
  ADD("everything", test_everything);
  ADD("round-trip", test_round_trip);
  ADD("mistakes", test_mistakes);
  ADD("bad-urls", test_bad_urls);
  ADD("password-in-url", test_password_in_url);
  ADD("bad-mailboxes", test_bad_mailboxes);
  ADD("return-paths", test_return_paths);
  ADD("warnings", test_warnings);
  ADD("loopback", test_loopback);
  ADD("mechanisms", test_mechanisms);
  ADD("senders", test_senders);
  ADD("bad-senders", test_bad_senders);
  ADD("nul", test_nul);
  ADD("include", test_include);
  ADD("unreadable", test_unreadable);
  ADD("references", test_references);
  ADD("default-path", test_default_path);
  ADD("example", test_example);
  ADD("reference", test_reference);
  return g_test_run();
}
