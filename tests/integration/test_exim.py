# SPDX-License-Identifier: Apache-2.0
"""Exim of Debian 12: what it says at RCPT, and after the final dot."""

import pytest

from servers.cut import Cut
from servers.exim import Exim
from station import wait_until
from test_postfix import SOON, add_settings, address, latest, names
from test_relay import (PASSWORD, USER, Authority, addresses, assert_nobody_paid,
                        assert_password_is_nowhere, events, login, relay_at, send, station_for,
                        wait_trouble, write_secret)
from test_settle import rests


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_everyone_gets_one_copy(servers, stations):
    exim = servers(Exim, users=names(200))
    station = station_for(stations, relay_at(exim.port, "connections = 6;"), contacts=200)
    send(station)
    station.wait_done()
    exim.wait_delivered(addresses(200))
    assert_nobody_paid(station)
    assert all("OK id=" in fact["text"] for fact in latest(station).values())


def test_starttls_and_password(servers, stations, authority, tmp_path):
    """Exim's TLS is GnuTLS. The password is wrong at first."""
    exim = servers(Exim, users=names(50), certificate=authority.certify(),
                   password=(USER, PASSWORD))
    secret = write_secret(tmp_path / "secret", "wrong")
    station = station_for(stations, relay_at(
        exim.port, f'connections = 3; tls = "required"; ca_file = "{authority.file}"; '
        f'{login(secret)}'), contacts=50)
    send(station)
    wait_trouble(station, "535", "Incorrect authentication data")
    write_secret(secret)
    station.wait_done()
    exim.wait_delivered(addresses(50))
    assert_nobody_paid(station)
    assert_password_is_nowhere(station)
    assert exim.log.count("A=plain") == 50 and exim.log.count("X=TLS1.") == 50


def test_relaying_is_not_permitted(servers, stations):
    """550 relay not permitted, until Exim knows us: nobody bounces by that."""
    exim = servers(Exim, users=names(5), at_rcpt="""
  deny   message = relay not permitted
         condition = ${if !exists{/mail/c1}}
""")
    station = station_for(stations, relay_at(exim.port))
    send(station)
    wait_trouble(station, "550", "relay not permitted")
    assert "bounced" not in events(station)
    exim.root.own("mail/c1", "mail")
    station.wait_done()
    exim.wait_delivered(addresses(5))
    assert_nobody_paid(station)


def test_refusals_at_rcpt_and_after_the_dot(servers, stations):
    exim = servers(Exim, users=names(10, without=[3]), at_rcpt="""
  deny   message = 5.7.1 Not for c1
         local_parts = c1
  defer  message = 4.2.1 Not now for c2
         local_parts = c2
         condition = ${if !exists{/mail/c2/open}}
""", at_data="""
  deny   message = 5.7.1 Not what c4 reads
         condition = ${if eq{$recipients}{c4@example.org}}
  defer  message = 4.7.1 Not now what c5 reads
         condition = ${if eq{$recipients}{c5@example.org}}
         condition = ${if !exists{/mail/c5/open}}
""")
    station = station_for(stations, relay_at(exim.port, "connections = 2;"), contacts=10)
    add_settings(station, SOON)
    send(station)
    wait_until(lambda: events(station)["deferred"] >= 2, lambda: station.report("two deferred"))
    exim.wait_delivered({address(i) for i in (6, 7, 8, 9, 10)})
    found = {(fact["address"], fact["state"], fact["stage"], fact["code"], fact["status"])
             for fact in station.facts() if fact["state"] in ("bounced", "deferred")}
    assert found == {(address(1), "bounced", "rcpt", 550, "5.7.1"),
                     (address(2), "deferred", "rcpt", 451, "4.2.1"),
                     (address(3), "bounced", "rcpt", 550, "5.1.1"),
                     (address(4), "bounced", "dot", 550, "5.7.1"),
                     (address(5), "deferred", "dot", 451, "4.7.1")}
    for name in ("c2", "c5"):
        exim.root.own(f"mail/{name}", "mail")
        exim.root.write(f"mail/{name}/open", "")
    station.wait_done()
    exim.wait_delivered({address(i) for i in (2, 5, 6, 7, 8, 9, 10)})
    assert events(station)["sent"] == 7 and events(station)["bounced"] == 3


def test_too_many_connections(servers, stations):
    """421 without a further code: Exim takes two connections from a host at a time."""
    exim = servers(Exim, users=names(100), settings="smtp_accept_max_per_host = 2\n")
    station = station_for(stations, relay_at(exim.port, "connections = 8;"), contacts=100)
    send(station)
    station.wait_done()
    exim.wait_delivered(addresses(100))
    exim.wait_logged("too many connections from that IP address")
    assert_nobody_paid(station)


def test_messages_per_connection(servers, stations):
    """421 at MAIL when the connection has had its share."""
    exim = servers(Exim, users=names(60), settings="smtp_accept_max_per_connection = 4\n")
    station = station_for(stations, relay_at(exim.port, "connections = 3;"), contacts=60)
    send(station)
    station.wait_done()
    exim.wait_delivered(addresses(60))
    assert_nobody_paid(station)


def test_settle_from_the_log(servers, stations):
    exim = servers(Exim, users=names(8))
    cut = servers(Cut, port=exim.port, after=2, before=1)
    station = station_for(stations, relay_at(cut.port, "connections = 3;"), contacts=8)
    send(station)
    release, = station.queued()
    wait_until(lambda: rests(station, release), lambda: station.report("doubts are left"))
    output = station.run("settle", release, "--from-log", str(exim.log_path)).stdout
    assert "2 settled as sent, 0 to be sent again, 1 still in doubt" in output
    station.run("settle", release, "--resend")
    station.wait_done()
    exim.wait_delivered(addresses(8))
