# SPDX-License-Identifier: Apache-2.0
"""OpenSMTPD of Debian 12."""

import re
import smtplib
import ssl

import pytest

from servers.cut import Cut
from servers.opensmtpd import OpenSmtpd
from station import wait_until
from test_postfix import address, latest, names
from test_relay import (PASSWORD, RSA_KEY, USER, Authority, addresses, assert_nobody_paid,
                        assert_password_is_nowhere, events, login, relay_at, send, station_for,
                        wait_trouble, write_secret)
from test_settle import rests


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_everyone_gets_one_copy(servers, stations):
    """OpenSMTPD offers no PIPELINING."""
    server = servers(OpenSmtpd, users=names(200))
    station = station_for(stations, relay_at(server.port, "connections = 6;"), contacts=200)
    send(station)
    station.wait_done()
    server.wait_delivered(addresses(200))
    assert_nobody_paid(station)
    assert all("Message accepted for delivery" in fact["text"]
               for fact in latest(station).values())


def test_refusals(servers, stations):
    """Its 550 has no further code; what it refuses for now, a filter refuses here."""
    server = servers(OpenSmtpd, users=names(9, without=[2]), settings="""
table later { "c4@example.org" }
filter later phase rcpt-to match rcpt-to <later> reject "450 4.2.1 Not now"
""", listen="filter later")
    station = station_for(stations, relay_at(server.port, "connections = 1;"), contacts=9)
    send(station)
    wait_until(lambda: events(station)["sent"] == 7 and events(station)["deferred"] == 1,
               lambda: station.report("seven sent, one deferred"))
    server.wait_delivered(set(addresses(9)) - {address(2), address(4)})
    facts = latest(station)
    assert [(facts[address(i)]["state"], facts[address(i)]["stage"], facts[address(i)]["code"],
             facts[address(i)]["status"]) for i in (2, 4)] \
        == [("bounced", "rcpt", 550, None), ("deferred", "rcpt", 450, "4.2.1")]
    assert "Invalid recipient" in facts[address(2)]["text"]


def shakes_hands(port, authority):
    with smtplib.SMTP("127.0.0.1", port) as client:
        try:
            return client.starttls(context=ssl.create_default_context(cafile=authority.file))
        except OSError:
            return None


def test_starttls_and_password(servers, stations, authority, tmp_path):
    server = servers(OpenSmtpd, users=names(20), certificate=authority.certify(kind=RSA_KEY),
                     password=(USER, PASSWORD))
    if not shakes_hands(server.port, authority):
        pytest.skip("this OpenSMTPD cannot do TLS: 6.8.0 cannot with OpenSSL 3, which Debian 12 "
                    "builds it with, and without TLS it offers no AUTH")
    secret = write_secret(tmp_path / "secret", "wrong")
    station = station_for(stations, relay_at(
        server.port, f'tls = "required"; ca_file = "{authority.file}"; {login(secret)}'),
        contacts=20)
    send(station)
    wait_trouble(station, "535")
    write_secret(secret)
    station.wait_done()
    server.wait_delivered(addresses(20))
    assert_nobody_paid(station)
    assert_password_is_nowhere(station)


def with_doubts(servers, stations, channel=""):
    """Two messages of eight were taken without a word, of a third the server got no end."""
    server = servers(OpenSmtpd, users=names(8))
    cut = servers(Cut, port=server.port, after=2, before=1)
    station = stations(cut.port, relay="connections = 3;", channel=channel)
    station.write_contacts(8)
    send(station)
    release, = station.queued()
    wait_until(lambda: rests(station, release), lambda: station.report("doubts are left"))
    output = station.run("settle", release, "--from-log", str(server.log_path)).stdout
    return server, station, release, output


def resend(server, station, release):
    station.run("settle", release, "--resend")
    station.wait_done()
    server.wait_delivered(addresses(8))


def test_settle_from_the_log(servers, stations):
    """It tells who got a message from whom, and not which message."""
    server, station, release, output = with_doubts(servers, stations)
    assert output.count("perhaps it was taken") == 2 and output.count("OpenSMTPD log ") == 2
    assert "0 settled as sent, 0 to be sent again, 3 still in doubt" in output
    for who in re.findall(r"^(\S+) in-doubt: perhaps .* smtp envelope ", output, re.M):
        station.run("settle", release, "--sent", "--address", who)
    resend(server, station, release)


def test_settle_from_the_log_by_return_paths(servers, stations):
    server, station, release, output = with_doubts(
        servers, stations, channel='return_path = "bounces+{token}@example.org";')
    assert "2 settled as sent, 0 to be sent again, 1 still in doubt" in output
    resend(server, station, release)
