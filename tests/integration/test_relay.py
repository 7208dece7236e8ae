# SPDX-License-Identifier: Apache-2.0
"""Relays as they are: encrypted, guarded by passwords, slow, broken, replaced.

One of the servers was written by others: aiosmtpd. What was delivered is judged by the
servers' own records; whatever a relay does wrong must not cost a contact an attempt.
"""

import collections
import datetime
import pathlib
import re
import ssl
import subprocess

import pytest

from sink import HeldPort
from station import A_SECOND, most_within, wait_until

# What aiosmtpd has to say about servers without TLS, which are the point of some tests.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")

RELEASE = "---\nsubject: News\n---\nDear {{first_name}} of {{outlet}},\n\nthe news.\n"
USER, PASSWORD = "press", "correct horse: ü\\\"'%$#"
NOT_A_FAULT = {"accepted", "received", "opened", "started", "intended", "withdrawn", "sent",
               "finished", "dateline-journal"}


# --- Certificates and passwords ---

def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
RSA_KEY = ["-newkey", "rsa:2048", "-nodes"]


class Authority:
    """A certificate authority that was made a moment ago."""

    def __init__(self, folder):
        self.folder = folder
        self.file, self._key = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", *KEY, "-keyout", self._key, "-out", self.file,
                "-subj", "/CN=Test CA", "-days", "2")

    def certify(self, host="IP:127.0.0.1", kind=KEY):
        """(key, certificate) for a server of that name."""
        key, certificate = self.folder / "server.key", self.folder / "server.pem"
        openssl("req", "-x509", *kind, "-keyout", key, "-out", certificate, "-subj", "/CN=Server",
                "-CA", self.file, "-CAkey", self._key, "-days", "2",
                "-addext", f"subjectAltName={host}", "-addext", "basicConstraints=CA:FALSE")
        return key, certificate

    def server_context(self, host="IP:127.0.0.1"):
        """For a server whose certificate says that it is `host`."""
        key, certificate = self.certify(host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def write_secret(path, text=PASSWORD, mode=0o600):
    path.touch(mode=0o600)
    path.write_text(text + "\n", encoding="utf-8")
    path.chmod(mode)
    return path


def login(credential):
    return f'username = "{USER}"; credential = "{credential}";'


def assert_password_is_nowhere(station):
    """Neither in the log, nor in anything in the spool, nor visible to other users."""
    secret = PASSWORD.encode()
    assert secret not in pathlib.Path(f"/proc/{station.daemon.pid}/cmdline").read_bytes()
    for path in [station.log_path, *station.spool.rglob("*")]:
        assert not path.is_file() or secret not in path.read_bytes(), path


# --- aiosmtpd ---

Letter = collections.namedtuple("Letter", "recipients encrypted user")


class Clerk:
    """aiosmtpd in a thread. `mechanisms` are offered, `context` is for STARTTLS, or, if
    `wrapped`, for TLS from the first byte."""

    def __init__(self, *, context=None, wrapped=False, mechanisms=("PLAIN", "LOGIN")):
        controller = pytest.importorskip("aiosmtpd.controller")
        smtp = pytest.importorskip("aiosmtpd.smtp")
        self._result = smtp.AuthResult
        self.letters, self.logins = [], []
        self._held = HeldPort()
        self.port = self._held.number
        options = {"ssl_context" if wrapped else "tls_context": context} if context else {}
        if mechanisms:
            # It offers no AUTH on a wrapped connection if that has to be encrypted.
            options.update(authenticator=self._authenticate, auth_required=True,
                           auth_require_tls=context is not None and not wrapped,
                           auth_exclude_mechanism={"PLAIN", "LOGIN"} - set(mechanisms))
        else:
            options.update(auth_exclude_mechanism={"PLAIN", "LOGIN"}, auth_require_tls=False)
        self._controller = controller.Controller(self, hostname="127.0.0.1", port=self.port,
                                                 require_starttls=bool(context) and not wrapped,
                                                 **options)

    def _authenticate(self, server, session, envelope, mechanism, data):
        self.logins.append(mechanism)
        good = data.login == USER.encode() and data.password == PASSWORD.encode()
        return self._result(success=good, handled=False, auth_data=data.login)

    async def handle_DATA(self, server, session, envelope):
        user = (session.auth_data or b"").decode()
        encrypted = server.transport.get_extra_info("cipher") is not None
        self.letters.append(Letter(list(envelope.rcpt_tos), encrypted, user))
        return "250 2.0.0 taken"

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()

    def reached(self):
        return [recipient for letter in self.letters for recipient in letter.recipients]


# --- Stations ---

def set_relays(station, *relays):
    """Each relay is the text of its group."""
    group = ", ".join("{ " + relay + " }" for relay in relays)
    text = re.sub(r"relays = \(.*?\);\n", lambda _: f"relays = ( {group} );\n",
                  station.config.read_text(), flags=re.S)
    station.config.write_text(text)


def station_for(stations, *relays, contacts=5):
    station = stations(1)
    set_relays(station, *relays)
    station.write_contacts(contacts)
    return station


def send(station):
    station.start()
    station.drop("news.md", RELEASE)
    wait_until(lambda: station.queued() or station.done(), "the release is accepted")


def relay_at(port, more="", scheme="smtp", name="main"):
    return f'name = "{name}"; url = "{scheme}://127.0.0.1:{port}"; {more}'


def wait_trouble(station, *words):
    """Returns the trouble that the daemon reports as soon as it has all these words in it."""
    said = [None]

    def has_words():
        said[0] = station.live()["relays"][0]["trouble"]
        return said[0] is not None and all(word in said[0] for word in words)

    try:
        wait_until(has_words, f"trouble with {words}")
    except AssertionError:
        raise AssertionError(f"{words} expected, the trouble is: {said[0]}\n{station.log()}")
    return said[0]


def addresses(count):
    return sorted(f"c{i}@example.org" for i in range(1, count + 1))


def events(station, release=None):
    release = release or (station.queued() + station.done())[0]
    return collections.Counter(line[0] if line[0] == "dateline-journal" else line[2]
                               for line in station.journal(release))


def assert_nobody_paid(station):
    """No contact has lost an attempt: nobody was deferred, bounced or put in doubt."""
    assert set(events(station)) <= NOT_A_FAULT, events(station)


def reached(*sinks):
    return sorted(r for sink in sinks for record in sink.records() for r in record.recipients)


def count_reached(sinks):
    return sum(len(record.recipients) for sink in sinks for record in sink.records())


# --- Everything right ---

@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_encrypted_and_authenticated(stations, authority, tmp_path, scheme, mechanism):
    secret = write_secret(tmp_path / "secret")
    with Clerk(context=authority.server_context(), wrapped=scheme == "smtps",
               mechanisms=[mechanism]) as clerk:
        station = station_for(stations, relay_at(
            clerk.port, f'tls = "required"; ca_file = "{authority.file}"; {login(secret)}', scheme))
        send(station)
        station.wait_done()
        assert sorted(clerk.reached()) == addresses(5)
        assert all(letter.encrypted and letter.user == USER for letter in clerk.letters)
        assert set(clerk.logins) == {mechanism}
        assert_nobody_paid(station)
        assert_password_is_nowhere(station)


def test_credential_from_the_service_manager(stations, authority, tmp_path, monkeypatch):
    write_secret(tmp_path / "main-password")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with Clerk(context=authority.server_context()) as clerk:
        station = station_for(stations, relay_at(
            clerk.port, f'tls = "required"; ca_file = "{authority.file}"; '
            f'{login("main-password")}'))
        send(station)
        station.wait_done()
        assert sorted(clerk.reached()) == addresses(5)


def test_the_sink_saw_tls_and_the_user(sinks, stations, tmp_path):
    authority_file = tmp_path / "ca.pem"
    sink = sinks("--auth", f"{USER}:{PASSWORD}", "--write-ca", authority_file,
                 faults=['at=mail tls=no reply="530 5.7.0 STARTTLS first"'])
    station = station_for(stations, relay_at(
        sink.port, f'tls = "required"; ca_file = "{authority_file}"; '
        f'{login(write_secret(tmp_path / "secret"))}'), contacts=200)
    send(station)
    station.wait_done()
    assert reached(sink) == addresses(200)
    for message in sink.messages():
        assert message["X-Sink-TLS"] in ("TLSv1.2", "TLSv1.3")
        assert message["X-Sink-User"] == USER
    assert_password_is_nowhere(station)


# --- Passwords ---

def test_wrong_password_corrected(stations, authority, tmp_path):
    secret = write_secret(tmp_path / "secret", "wrong")
    with Clerk(context=authority.server_context()) as clerk:
        station = station_for(stations, relay_at(
            clerk.port, f'tls = "required"; ca_file = "{authority.file}"; {login(secret)}'))
        send(station)
        wait_trouble(station, "535", "5.7.8", "Authentication credentials invalid")
        assert station.live()["relays"][0]["next-try"] is not None
        assert set(events(station)) <= {"dateline-journal", "received", "accepted", "opened"}
        write_secret(secret)
        station.wait_done()
        assert sorted(clerk.reached()) == addresses(5)
        assert station.live()["relays"][0]["trouble"] is None
        assert_nobody_paid(station)
        assert_password_is_nowhere(station)


def test_credential_missing_then_open_to_others_then_right(sinks, stations, tmp_path):
    sink = sinks("--auth", f"{USER}:{PASSWORD}")
    secret = tmp_path / "secret"
    station = station_for(stations, relay_at(sink.port, login(secret)))
    send(station)
    wait_trouble(station, str(secret), "No such file or directory")
    write_secret(secret, mode=0o644)
    wait_trouble(station, str(secret), "chmod 0600")
    assert sink.totals()["connections"] == 0
    secret.chmod(0o600)
    station.wait_done()
    assert reached(sink) == addresses(5)
    assert_nobody_paid(station)


def test_credential_without_service_manager(sinks, stations, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    sink = sinks("--auth", f"{USER}:{PASSWORD}")
    station = station_for(stations, relay_at(sink.port, login("main-password")))
    send(station)
    wait_trouble(station, "main-password", "CREDENTIALS_DIRECTORY", "LoadCredential=")
    assert sink.totals()["connections"] == 0


def test_server_without_auth(sinks, stations, tmp_path):
    sink = sinks()
    station = station_for(stations, relay_at(sink.port, login(write_secret(tmp_path / "secret"))))
    send(station)
    wait_trouble(station, "offers no AUTH", "username")
    assert sink.records() == []
    assert_nobody_paid(station)


def test_server_without_mechanisms(stations, tmp_path):
    """It says AUTH, and behind it nothing."""
    with Clerk(mechanisms=()) as clerk:
        station = station_for(stations, relay_at(
            clerk.port, login(write_secret(tmp_path / "secret"))))
        send(station)
        assert "\n" not in wait_trouble(station, "Login denied", "AUTH")
        assert clerk.letters == []
        assert_nobody_paid(station)


def test_words_that_are_no_text(sinks, stations):
    """What a relay says may be anything; it is shown all the same."""
    sink = sinks(faults=['at=mail first=1 reply="451 4.3.0 caf\\xe9 \\x1b[31m"'])
    station = station_for(stations, relay_at(sink.port, "connections = 1;"))
    send(station)
    said = wait_trouble(station, "451", "4.3.0", "caf")
    assert said.isprintable()
    station.wait_done()
    assert reached(sink) == addresses(5)
    assert_nobody_paid(station)


# --- Encryption that cannot be had ---

def send_in_vain(station, clerk, *words):
    """The relay is in trouble, and has been told neither the password nor a message."""
    send(station)
    said = wait_trouble(station, *words)
    assert clerk.logins == [] and clerk.letters == []
    assert set(events(station)) <= {"dateline-journal", "received", "accepted", "opened"}
    return said


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_unknown_authority(stations, authority, tmp_path, scheme):
    with Clerk(context=authority.server_context(), wrapped=scheme == "smtps") as clerk:
        station = station_for(stations, relay_at(
            clerk.port, f'tls = "required"; {login(write_secret(tmp_path / "secret"))}', scheme))
        send_in_vain(station, clerk, "certificate")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_wrong_host_name(stations, authority, tmp_path, scheme):
    context = authority.server_context("DNS:elsewhere.example")
    with Clerk(context=context, wrapped=scheme == "smtps") as clerk:
        station = station_for(stations, relay_at(
            clerk.port, f'tls = "required"; ca_file = "{authority.file}"; '
            f'{login(write_secret(tmp_path / "secret"))}', scheme))
        send_in_vain(station, clerk, "127.0.0.1")


def test_server_without_starttls(stations, tmp_path):
    with Clerk() as clerk:
        station = station_for(stations, relay_at(
            clerk.port, f'tls = "required"; {login(write_secret(tmp_path / "secret"))}'))
        send_in_vain(station, clerk, "STARTTLS")


# --- Relays that are away, slow or dumb ---

def test_closed_port_opens(sinks, stations):
    """With as many connections as there are, the waits grow by tries and not by connections."""
    sink = sinks()
    sink.stop()
    station = station_for(stations, relay_at(sink.port, "connections = 20;"), contacts=50)
    send(station)
    wait_trouble(station, "127.0.0.1")
    assert_nobody_paid(station)
    sink.start()
    station.wait_done(patience=15)
    assert reached(sink) == addresses(50)
    assert_nobody_paid(station)


def test_relay_that_goes_away_in_the_middle(sinks, stations):
    sink = sinks("--delay", "10", maildir=False)
    station = station_for(stations, relay_at(sink.port, "connections = 4;"), contacts=200)
    send(station)
    sink.wait_for(20)
    sink.stop()
    wait_trouble(station, "127.0.0.1")
    sink.start()
    wait_until(lambda: station.done() or "in-doubt" in str(station.live()["releases"]),
               "the end")
    counts = events(station)
    assert counts["deferred"] == counts["bounced"] == 0
    assert len(reached(sink)) == len(set(reached(sink)))
    assert 200 - counts["in-doubt"] <= len(reached(sink)) and counts["in-doubt"] <= 8


def test_relay_that_takes_its_time(sinks, stations):
    sink = sinks(faults=["at=connect delay=1s", "at=ehlo delay=500ms", "at=dot delay=700ms"])
    station = station_for(stations, relay_at(
        sink.port, 'connect_timeout = "5 s"; reply_timeout = "5 s"; dot_timeout = "5 s";'))
    send(station)
    station.wait_done()
    assert reached(sink) == addresses(5)
    assert_nobody_paid(station)
    assert "next try" not in station.log()


def test_relay_that_hangs_in_its_greeting(sinks, stations):
    sink = sinks(faults=["at=connect first=1 hang"])
    station = station_for(stations, relay_at(
        sink.port, 'connections = 1; connect_timeout = "2 s";'))
    send(station)
    wait_trouble(station, "time")
    station.wait_done()
    assert reached(sink) == addresses(5)
    assert sink.totals()["connections"] == 2
    assert_nobody_paid(station)


# --- Limits ---

def test_messages_per_connection(sinks, stations):
    sink = sinks()
    station = station_for(stations, relay_at(sink.port, "connections = 3; per_connection = 7;"),
                          contacts=100)
    send(station)
    station.wait_done()
    assert reached(sink) == addresses(100)
    assert max(collections.Counter(r.connection for r in sink.records()).values()) == 7
    assert sink.totals()["connections"] >= 15
    assert_nobody_paid(station)


def test_connections(sinks, stations):
    sink = sinks("--delay", "5", maildir=False)
    station = station_for(stations, relay_at(sink.port, "connections = 3;"), contacts=200)
    send(station)
    station.wait_done()
    assert reached(sink) == addresses(200)
    assert sink.totals()["peak-connections"] == 3


@pytest.mark.parametrize("extensions", ["PIPELINING,ENHANCEDSTATUSCODES", "ENHANCEDSTATUSCODES"])
def test_rate(sinks, stations, extensions):
    sink = sinks("--extensions", extensions)
    station = station_for(stations, relay_at(sink.port, 'connections = 5; rate = "20/s";'),
                          contacts=70)
    send(station)
    station.wait_done()
    assert reached(sink) == addresses(70)
    begun = station.begun(station.done()[0])
    assert len(begun) == 70 and most_within(begun, A_SECOND) <= 20
    assert begun[-1] - begun[0] < 30, "the budget is not used"
    # Two messages of each connection may be under way, and arrive closer together than they began.
    arrived = [datetime.datetime.fromisoformat(record.time.rstrip("Z")).timestamp()
               for record in sink.records()]
    assert most_within(sorted(arrived), 1) <= 20 + 2 * 5


# --- SMTPUTF8 ---

INTERNATIONAL = "email\nа.пушкин@example.org\nplain@example.org\n"


def test_smtputf8(sinks, stations):
    sink = sinks()
    station = station_for(stations, relay_at(sink.port))
    station.write_list(INTERNATIONAL)
    send_plain(station)
    assert reached(sink) == ["plain@example.org", "а.пушкин@example.org"]
    for message in sink.messages():
        international = "пушкин" in str(message["Delivered-To"])
        assert ("SMTPUTF8" in (message["X-Sink-Mail"] or "")) == international


def test_server_without_smtputf8(sinks, stations):
    sink = sinks("--no-extension", "SMTPUTF8")
    station = station_for(stations, relay_at(sink.port))
    station.write_list(INTERNATIONAL)
    send_plain(station)
    assert reached(sink) == ["plain@example.org"]
    facts = {fact["address"]: fact for fact in station.facts("--latest")}
    assert facts["plain@example.org"]["state"] == "sent"
    assert facts["а.пушкин@example.org"]["state"] == "bounced"
    assert "SMTPUTF8" in facts["а.пушкин@example.org"]["text"]


def send_plain(station):
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    station.wait_done()


# --- More than one relay ---

def test_two_relays(sinks, stations):
    first, second = (sinks("--delay", "5", maildir=False) for _ in range(2))
    station = station_for(stations, relay_at(first.port, "connections = 2;", name="first"),
                          relay_at(second.port, "connections = 2;", name="second"), contacts=200)
    send(station)
    station.wait_done()
    assert reached(first, second) == addresses(200)
    assert first.records() and second.records()
    assert_nobody_paid(station)


def test_second_relay_takes_over(sinks, stations):
    absent, present = (sinks(maildir=False) for _ in range(2))
    absent.stop()
    station = station_for(stations, relay_at(absent.port, name="absent"),
                          relay_at(present.port, name="present"), contacts=50)
    send(station)
    station.wait_done(patience=15)
    assert reached(present) == addresses(50)
    assert_nobody_paid(station)


def test_reload_moves_a_release_to_another_port(sinks, stations):
    former, latter = (sinks("--delay", "10", maildir=False) for _ in range(2))
    station = station_for(stations, relay_at(former.port, "connections = 3;"), contacts=300)
    send(station)
    former.wait_for(50)
    set_relays(station, relay_at(latter.port, "connections = 3;"))
    station.reload()
    latter.wait_for(1)
    station.wait_done()
    assert reached(former, latter) == addresses(300)
    assert len(former.records()) >= 50 and len(latter.records()) >= 100
    assert_nobody_paid(station)
