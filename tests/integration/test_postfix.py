# SPDX-License-Identifier: Apache-2.0
"""Postfix, Dovecot and Postgrey of Debian 12, as an organisation sets them up.

What was delivered is judged by the mailboxes that Postfix wrote into, and what became of the
others by dateline's delivery log.
"""

import collections

import pytest

from servers.cut import Cut
from servers.postfix import Postfix, Postgrey
from station import wait_until
from test_relay import (NOT_A_FAULT, PASSWORD, USER, Authority, addresses, assert_nobody_paid,
                        assert_password_is_nowhere, events, login, relay_at, send, set_relays,
                        station_for, wait_trouble, write_secret)
from test_settle import rests

SOON = 'retry_first = "200 ms"; retry_max = "1 s";'


def names(count, without=()):
    return [f"c{i}" for i in range(1, count + 1) if i not in without]


def address(number):
    return f"c{number}@example.org"


def latest(station):
    """What became of each contact."""
    return {fact["address"]: fact for fact in station.facts("--latest")}


def add_settings(station, text):
    station.config.write_text(station.config.read_text() + text)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


# --- Everything right ---

def test_everyone_gets_one_copy(servers, stations):
    """Over connections that Postfix keeps, with PIPELINING."""
    postfix = servers(Postfix, users=names(200))
    station = station_for(stations, relay_at(postfix.port, "connections = 10;"), contacts=200)
    send(station)
    station.wait_done()
    postfix.wait_delivered(addresses(200))
    assert_nobody_paid(station)
    assert all("queued as" in fact["text"] for fact in latest(station).values())
    assert postfix.log.count("connect from") < 60
    letter, = postfix.letters()[address(7)]
    assert b"Given7" in letter.as_bytes() and b"Given8" not in letter.as_bytes()


def test_messages_in_flight(servers, stations):
    """By BDAT, with refused recipients among them: nobody else is touched by that."""
    postfix = servers(Postfix, users=names(200, without=range(5, 201, 7)))
    station = station_for(stations, relay_at(postfix.port, "connections = 4; depth = 8;"),
                          contacts=200)
    send(station)
    station.wait_done()
    reached = [address(i) for i in range(1, 201) if i % 7 != 5]
    postfix.wait_delivered(reached)
    assert all(len(letters) == 1 for letters in postfix.letters().values())
    counts = events(station)
    assert counts["sent"] == len(reached)
    assert counts["bounced"] == 200 - len(reached)
    assert counts["withdrawn"] == 0 and counts["in-doubt"] == 0
    assert postfix.log.count("connect from") < 12
    postfix.wait_logged(" bdat=")
    assert " data=" not in postfix.log


def test_starttls_and_sasl(servers, stations, authority, tmp_path):
    """The password is wrong at first, which is the relay's trouble and nobody else's."""
    postfix = servers(Postfix, users=names(200), certificate=authority.certify(), encrypt=True,
                      password=(USER, PASSWORD))
    secret = write_secret(tmp_path / "secret", "wrong")
    station = station_for(stations, relay_at(
        postfix.port, f'connections = 5; tls = "required"; ca_file = "{authority.file}"; '
        f'{login(secret)}'), contacts=200)
    send(station)
    wait_trouble(station, "535", "5.7.8")
    assert set(events(station)) <= {"dateline-journal", "received", "accepted", "opened"}
    write_secret(secret)
    station.wait_done()
    postfix.wait_delivered(addresses(200))
    assert_nobody_paid(station)
    assert_password_is_nowhere(station)
    postfix.wait_logged(f"sasl_username={USER}")


def test_encryption_is_required(servers, stations, authority):
    """530 5.7.0 Must issue a STARTTLS command first."""
    postfix = servers(Postfix, users=names(5), certificate=authority.certify(), encrypt=True)
    station = station_for(stations, relay_at(postfix.port, 'tls = "none";'))
    send(station)
    wait_trouble(station, "530", "5.7.0")
    set_relays(station, relay_at(postfix.port, f'tls = "required"; ca_file = "{authority.file}";'))
    station.reload()
    station.wait_done()
    postfix.wait_delivered(addresses(5))
    assert_nobody_paid(station)


@pytest.mark.parametrize("settings, words", [
    ("smtpd_client_restrictions = permit_sasl_authenticated, reject\n", "Client host rejected"),
    ("virtual_mailbox_domains =\ndefault_transport = virtual\n"
     "smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n",
     "Relay access denied")])
def test_authentication_is_required(servers, stations, authority, tmp_path, settings, words):
    """Without it Postfix answers 554 5.7.1 to every recipient: nobody bounces by that."""
    postfix = servers(Postfix, users=names(5), certificate=authority.certify(),
                      password=(USER, PASSWORD), settings=settings)
    encrypted = f'tls = "required"; ca_file = "{authority.file}"; '
    station = station_for(stations, relay_at(postfix.port, encrypted))
    send(station)
    wait_trouble(station, "554", "5.7.1", words)
    assert set(events(station)) <= NOT_A_FAULT - {"sent", "finished"}
    set_relays(station, relay_at(postfix.port,
                                 encrypted + login(write_secret(tmp_path / "secret"))))
    station.reload()
    station.wait_done()
    postfix.wait_delivered(addresses(5))
    assert_nobody_paid(station)


def test_one_domain_is_not_relayed_to(servers, stations):
    """That is held against the relay; it keeps nobody else from getting the copy."""
    postfix = servers(Postfix, users=names(30), settings="""
smtpd_recipient_restrictions = check_recipient_access inline:{
  {c2@example.org = 554 5.7.1 Relay access denied} }
""")
    station = station_for(stations, relay_at(postfix.port, "connections = 2;"), contacts=30)
    send(station)
    postfix.wait_delivered(set(addresses(30)) - {address(2)})
    assert events(station)["bounced"] == 0


# --- Recipients ---

def test_unknown_users(servers, stations):
    """Some among many, within the same connections: 550 5.1.1 User unknown."""
    unknown = range(3, 201, 10)
    postfix = servers(Postfix, users=names(200, without=unknown))
    station = station_for(stations, relay_at(postfix.port, "connections = 4;"), contacts=200)
    send(station)
    station.wait_done()
    postfix.wait_delivered(set(addresses(200)) - {address(i) for i in unknown})
    bounced = {who: fact for who, fact in latest(station).items() if fact["state"] == "bounced"}
    assert set(bounced) == {address(i) for i in unknown}
    assert {(fact["stage"], fact["code"], fact["status"]) for fact in bounced.values()} \
        == {("rcpt", 550, "5.1.1")}
    assert "User unknown" in bounced[address(3)]["text"]
    assert events(station)["sent"] == 180 and events(station)["deferred"] == 0


def test_restrictions(servers, stations):
    """Refused for good, refused for now, and taken, in one connection."""
    postfix = servers(Postfix, users=names(9), settings="""
smtpd_recipient_restrictions = check_recipient_access inline:{
  {c2@example.org = REJECT not this one}
  {c4@example.org = 450 4.2.1 Mailbox is being moved}
  {c6@example.org = 550 5.2.0 Gone} }
""")
    station = station_for(stations, relay_at(postfix.port, "connections = 1;"), contacts=9)
    send(station)
    wait_until(lambda: events(station)["sent"] == 6, lambda: station.report("six sent"))
    postfix.wait_delivered(set(addresses(9)) - {address(2), address(4), address(6)})
    wait_until(lambda: events(station)["deferred"] == 1, lambda: station.report("one deferred"))
    facts = latest(station)
    assert [(facts[address(i)]["state"], facts[address(i)]["code"], facts[address(i)]["status"])
            for i in (2, 4, 6)] == [("bounced", 554, "5.7.1"), ("deferred", 450, "4.2.1"),
                                    ("bounced", 550, "5.2.0")]


def test_greylisting(servers, stations):
    """Postgrey wants each recipient to be tried again: once deferred, then delivered."""
    postgrey = servers(Postgrey)
    postfix = servers(Postfix, users=names(20), settings=(
        f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{postgrey.port}\n"))
    station = station_for(stations, relay_at(postfix.port, "connections = 3;"), contacts=20)
    add_settings(station, 'retry_first = "1500 ms"; retry_max = "3 s";')
    send(station)
    station.wait_done()
    postfix.wait_delivered(addresses(20))
    deferred = [fact for fact in station.facts() if fact["state"] == "deferred"]
    assert collections.Counter(fact["address"] for fact in deferred) >= \
        collections.Counter(addresses(20))
    assert {(fact["stage"], fact["code"], fact["status"]) for fact in deferred} \
        == {("rcpt", 450, "4.2.0")}
    assert "Come back in a moment" in deferred[0]["text"]
    assert events(station)["sent"] == 20 and events(station)["bounced"] == 0


# --- Limits ---

@pytest.mark.parametrize("told", [True, False])
def test_message_size_limit(servers, stations, told):
    """552 5.3.4, or the SIZE that is offered: the release waits, and nobody has lost anything.
    The limit raised, it goes on after its pause, or as here when the daemon starts again."""
    hidden = "" if told else "smtpd_discard_ehlo_keywords = size\n"
    postfix = servers(Postfix, users=names(20),
                      settings="message_size_limit = 4000\nmax_idle = 1s\n" + hidden)
    station = station_for(stations, relay_at(postfix.port, "connections = 2;"), contacts=20)
    add_settings(station, SOON)
    station.start()
    station.drop("news.md", "---\nsubject: News\n---\n" + "Much to tell. " * 1000)
    wait_until(lambda: station.live()["releases"] and
               station.live()["releases"][0]["state"] == "paused", "the pause")
    reason = station.live()["releases"][0]["reason"]
    assert ("SIZE" if told else "message file too big") in reason
    assert postfix.delivered().total() == 0
    assert_nobody_paid(station)
    postfix.reconfigure("message_size_limit = 100000\n" + hidden)
    station.stop()
    station.start()
    station.wait_done()
    postfix.wait_delivered(addresses(20))
    assert_nobody_paid(station)


def test_too_many_connections(servers, stations):
    """421 4.7.0, by anvil: dateline makes do with the two that there may be."""
    postfix = servers(Postfix, users=names(200), settings=
                      "smtpd_client_connection_count_limit = 2\n"
                      "smtpd_client_event_limit_exceptions =\n")
    station = station_for(stations, relay_at(postfix.port, "connections = 10;"), contacts=200)
    send(station)
    station.wait_done()
    postfix.wait_delivered(addresses(200))
    postfix.wait_logged("Connection concurrency limit exceeded")
    assert_nobody_paid(station)


def test_errors_hang_up(servers, stations):
    """After as many errors in a row Postfix closes the connection: 421 4.7.0 too many errors."""
    unknown = range(1, 11)
    postfix = servers(Postfix, users=names(20, without=unknown), settings=
                      "smtpd_hard_error_limit = 3\nsmtpd_soft_error_limit = 2\n")
    station = station_for(stations, relay_at(postfix.port, "connections = 2;"), contacts=20)
    send(station)
    station.wait_done()
    postfix.wait_delivered(set(addresses(20)) - {address(i) for i in unknown})
    counts = events(station)
    assert (counts["sent"], counts["bounced"], counts["deferred"]) == (10, 10, 0)
    postfix.wait_logged("too many errors")


# --- Doubt ---

def test_settle_from_the_log(servers, stations):
    """Two messages of which the reply was lost are found in the log; of the third Postfix saw
    the beginning only."""
    postfix = servers(Postfix, users=names(8))
    cut = servers(Cut, port=postfix.port, after=2, before=1)
    station = station_for(stations, relay_at(cut.port, "connections = 3;"), contacts=8)
    send(station)
    release, = station.queued()
    wait_until(lambda: rests(station, release), lambda: station.report("doubts are left"))
    output = station.run("settle", release, "--from-log", str(postfix.log_path)).stdout
    assert "2 settled as sent, 0 to be sent again, 1 still in doubt" in output
    assert "the relay began to receive it" in output and "Postfix log" in output
    station.run("settle", release, "--resend")
    station.wait_done()
    postfix.wait_delivered(addresses(8))
