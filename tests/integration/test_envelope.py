# SPDX-License-Identifier: Apache-2.0
"""What MAIL and RCPT say, judged by what servers received: the parameters of the extensions
that a relay offers, and return paths by which a bounce finds its contact."""

import re

import pytest

from forge import Forge
from servers.postfix import Postfix
from sink import HeldPort
from station import wait_until
from test_relay import Authority

# What aiosmtpd has to say about servers without TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")

RELEASE = "---\nsubject: News\n---\nDear reader,\n\nthe news.\n"
VERP = 'return_path = "bounces+{token}@example.org";'
TOKEN = re.compile(r"d1[0-9a-hjkmnp-tv-z]{19,25}")


def send(station, contacts=3):
    if isinstance(contacts, int):
        station.write_contacts(contacts)
    else:
        station.write_list("email\n" + "".join(f"{line}\n" for line in contacts))
    station.start()
    station.drop("news.md", RELEASE)
    return station.wait_done()[0]


def envelopes(sink):
    """What followed MAIL and RCPT, by recipient."""
    found = {}
    for octets in sink.message_files():
        header = octets.decode().partition("\r\n\r\n")[0].split("\r\n")
        fields = dict(line.split(": ", 1) for line in header if ": " in line)
        found[fields["Delivered-To"]] = (fields["X-Sink-Mail"], fields["X-Sink-Rcpt"])
    return found


def without_token(text):
    return TOKEN.sub("TOKEN", text)


# --- Parameters ---

def test_reports_are_asked_for(sinks, stations):
    sink = sinks("--strict")
    station = stations(sink.port)
    release = send(station)
    found = envelopes(sink)
    assert len(found) == 3
    for address, (mail, rcpt) in found.items():
        assert re.fullmatch(r"FROM:<press@example.org> SIZE=\d+ RET=HDRS ENVID=TOKEN",
                            without_token(mail))
        assert rcpt == f"TO:<{address}> NOTIFY=FAILURE ORCPT=rfc822;{address}"
        fact, = station.facts("--latest", "--token", TOKEN.search(mail)[0])
        assert (fact["release"], fact["address"], fact["state"]) == (release, address, "sent")


@pytest.mark.parametrize("arguments, relay", [
    (["--no-extension", "DSN"], ""),
    (["--extensions", "PIPELINING,SIZE,X-DSN"], ""),
    (["--extensions", "SIZE"], ""),
    ([], 'dsn = "off";'),
])
def test_no_parameters_where_not_offered_or_switched_off(sinks, stations, arguments, relay):
    sink = sinks("--strict", *arguments)
    send(stations(sink.port, relay=relay))
    for address, (mail, rcpt) in envelopes(sink).items():
        assert re.fullmatch(r"FROM:<press@example.org> SIZE=\d+", mail)
        assert rcpt == f"TO:<{address}>"


@pytest.mark.parametrize("channel, ret, notify", [
    ('dsn_notify = "failure,delay"; dsn_return = "full";', "FULL", " NOTIFY=FAILURE,DELAY"),
    ('dsn_notify = [ "success", "failure" ];', "HDRS", " NOTIFY=SUCCESS,FAILURE"),
    ('dsn_notify = "never";', "HDRS", " NOTIFY=NEVER"),
    ('dsn_notify = "default";', "HDRS", ""),
])
def test_settings_of_reports(sinks, stations, channel, ret, notify):
    sink = sinks("--strict")
    send(stations(sink.port, channel=channel), 1)
    (address, (mail, rcpt)), = envelopes(sink).items()
    assert f" RET={ret} " in mail
    assert rcpt == f"TO:<{address}>{notify} ORCPT=rfc822;{address}"


def test_terms_of_reports_stay_with_the_release(sinks, stations):
    """The configuration changes between acceptance and sending."""
    sink = sinks("--strict")
    station = stations(sink.port, channel='dsn_notify = "delay"; ' + VERP)
    station.write_contacts(1)
    sink.stop()
    station.start()
    station.drop("news.md", RELEASE)
    wait_until(station.queued, "the release is accepted")
    assert station.stop() == 0
    station.configure(sink.port)
    sink.start()
    station.start()
    station.wait_done()
    (_, (mail, rcpt)), = envelopes(sink).items()
    assert without_token(mail).startswith("FROM:<bounces+TOKEN@example.org> ")
    assert " NOTIFY=DELAY " in rcpt


def test_hostile_addresses(sinks, stations):
    sink = sinks("--strict")
    station = stations(sink.port, channel=VERP)
    send(station, ["a+b=c@example.org", '"""x > y""@example.org"', '"""a\\\\+b""@example.org"',
                   "büro+ü=1@example.org"])
    found = {address: rcpt for address, (_, rcpt) in envelopes(sink).items()}
    assert found == {
        address: f"TO:<{address}> NOTIFY=FAILURE ORCPT={original}" for address, original in [
            ("a+b=c@example.org", "rfc822;a+2Bb+3Dc@example.org"),
            ('"x > y"@example.org', 'rfc822;"x+20>+20y"@example.org'),
            ('"a\\\\+b"@example.org', 'rfc822;"a\\\\+2Bb"@example.org'),
            ("büro+ü=1@example.org", "utf-8;büro\\x{2B}ü\\x{3D}1@example.org"),
        ]}


def test_what_is_offered_before_tls_does_not_count(stations, tmp_path):
    """DSN is offered in the clear only; aiosmtpd refuses its parameters."""
    controller = pytest.importorskip("aiosmtpd.controller")
    authority = Authority(tmp_path)
    taken = []

    class Handler:
        async def handle_EHLO(self, server, session, envelope, hostname, responses):
            session.host_name = hostname
            in_tls = server.transport.get_extra_info("cipher") is not None
            return responses if in_tls else [responses[0], "250-DSN", *responses[1:]]

        async def handle_DATA(self, server, session, envelope):
            taken.append((envelope.mail_options, envelope.rcpt_options))
            return "250 2.0.0 taken"

    port = HeldPort()
    server = controller.Controller(Handler(), hostname="127.0.0.1", port=port.number,
                                   tls_context=authority.server_context(), require_starttls=True)
    server.start()
    try:
        send(stations(port.number, relay=f'tls = "required"; ca_file = "{authority.file}";'))
    finally:
        server.stop()
    assert len(taken) == 3
    assert all("RET" not in str(mail) and rcpt == [] for mail, rcpt in taken)


def test_journal_from_before_there_were_tokens(sinks, stations):
    sink = sinks("--strict")
    station = stations(sink.port, channel=VERP)
    forged = Forge(station, "queue", "20261122-101500-news", ["c1@example.org"])
    (forged.path / "source").mkdir()
    (forged.path / "source" / "news.md").write_text("# News\n\nText.\n")
    station.start()
    station.wait_done()
    (_, (mail, rcpt)), = envelopes(sink).items()
    assert re.fullmatch(r"FROM:<press@example.org> SIZE=\d+ RET=HDRS", mail)
    assert rcpt == "TO:<c1@example.org> ORCPT=rfc822;c1@example.org"


# --- Return paths ---

def test_each_contact_has_its_own_return_path(sinks, stations):
    sink = sinks("--strict", "--no-extension", "DSN")
    station = stations(sink.port, channel=VERP, relay="connections = 4;")
    release = send(station, 300)
    senders = {record.sender for record in sink.records()}
    assert len({sender.lower() for sender in senders}) == 300
    for record in sink.records()[::60]:
        local = record.sender.partition("@")[0]
        assert re.fullmatch(rf"bounces\+{TOKEN.pattern}", local) and len(local) <= 64
        for text in (record.sender, record.sender.upper(), f"<{record.sender}>"):
            facts = station.facts("--token", text)
            assert {fact["address"] for fact in facts} == set(record.recipients)
            assert {fact["release"] for fact in facts} == {release}


def test_same_return_path_after_a_crash(sinks, stations):
    """The relay took the message, the daemon never learns it, and another copy is sent."""
    sink = sinks("--strict", faults=["at=dot once delay=1m"])
    station = stations(sink.port, channel=VERP + ' in_doubt = "resend";')
    station.write_contacts(5)
    station.start()
    station.drop("news.md", RELEASE)
    sink.wait_for(1)
    station.kill()
    station.start()
    station.wait_done()
    senders, copies = {}, 0
    for record in sink.records():
        senders.setdefault(record.recipients[0], set()).add(record.sender)
        copies += 1
    assert len(senders) == 5 and copies > 5
    assert all(len(own) == 1 for own in senders.values())
    assert len(set.union(*senders.values())) == 5


def test_tokens_tell_releases_apart(sinks, stations):
    sink = sinks("--strict")
    station = stations(sink.port, channel=VERP)
    first = send(station, 1)
    station.drop("more.md", RELEASE.replace("news.", "more news."))
    second, = set(station.wait_done(2)) - {first}
    found = [{fact["release"] for fact in station.facts("--token", record.sender)}
             for record in sink.records()]
    assert found == [{first}, {second}]


def test_token_that_nobody_made(sinks, stations):
    sink = sinks()
    station = stations(sink.port, channel=VERP)
    release = send(station, 1)
    token = TOKEN.search(sink.records()[0].sender)[0]
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    for text, said in [(forged, "no release in the spool has made"), ("c1@example.org", "no token")]:
        result = station.run("log", "--token", text, check=False)
        assert result.returncode != 0 and result.stdout == "" and said in result.stderr
    for more in (["--address", "c1"], [release]):
        assert station.run("log", "--token", token, *more, check=False).returncode == 64


def test_return_path_without_room_is_refused(sinks, stations):
    station = stations(sinks().port,
                       channel='return_path = "' + "x" * 40 + '+{token}@example.org";')
    result = station.run("config", "check", check=False)
    assert result.returncode != 0
    assert "at most 64 are allowed" in result.stdout + result.stderr


# --- Postfix: a bounce goes all the way round ---

@pytest.fixture
def bouncer(servers, sinks):
    """Hands mail on to a server that knows nobody, and returns.example's to the second sink."""
    nobody_is_there, returns = sinks(faults=['at=rcpt reply="550 5.1.1 nobody"']), sinks()
    server = servers(Postfix, users=[], settings=f"""
virtual_mailbox_domains =
default_transport = smtp:[127.0.0.1]:{nobody_is_there.port}
transport_maps = inline:{{ returns.example=smtp:[127.0.0.1]:{returns.port} }}
""")
    return server, returns


def test_bounce_finds_its_contact(bouncer, stations):
    server, returns = bouncer
    station = stations(server.port, channel='return_path = "b+{token}@returns.example";')
    release = send(station, ["a+b=c@example.org", "d@example.org"])
    returns.wait_for(2)
    found = set()
    for report in returns.messages():
        token = report["Delivered-To"]
        status, = (part for part in report.walk()
                   if part.get_content_type() == "message/delivery-status")
        message, recipient = status.get_payload()[:2]
        for text in (token, message["Original-Envelope-Id"]):
            fact, = station.facts("--latest", "--token", text)
            assert fact["release"] == release
            assert recipient["Original-Recipient"] == f"rfc822;{fact['address']}"
        found.add(fact["address"])
    assert found == {"a+b=c@example.org", "d@example.org"}
