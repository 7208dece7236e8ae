# SPDX-License-Identifier: Apache-2.0
"""Promise 1: nobody is forgotten and nobody is silently mailed twice, whatever crashes.

Judged by what the sink accepted, never by the daemon's own records.
"""

import collections
import os
import random
import re
import subprocess
import time

import pytest

from judgement import RELEASE, contacts_of, judge, release_rests
from station import BUILD, wait_until


def run_with_kills(station, sink, contacts, kills, connections, depth=0):
    """Few connections while it is killed, so that the release outlasts it on any machine; many
    afterwards."""
    station.configure(sink.port, relay=f"connections = {connections}; depth = {depth};")
    station.write_contacts(contacts)
    station.start()
    station.drop("news.md", RELEASE)
    wait_until(station.queued, "the release is accepted")
    release = station.queued()[0]
    for number in range(kills):
        if number % 2 == 0:
            wait_until(station.answers, "the daemon sends again")
        time.sleep(random.uniform(0, 0.1))       # the moment is what is tried
        station.kill()
        if station.done():
            break
        station.start(wait=False)
    station.kill()
    station.configure(sink.port, relay=f"connections = 40; depth = {depth};")
    station.start()
    wait_until(lambda: station.done() or release_rests(station, release), "the end", 120)
    assert station.stop() == 0
    each = depth + 1 if depth else 2
    doubtful = judge(station, sink.records(), release, connections, each=each)["in-doubt"]
    assert len(contacts_of(station, release)) == contacts
    opened = sum(len(line) > 2 and line[2] == "opened" for line in station.journal(release))
    print(f"{opened} runs, {doubtful} of {contacts} in doubt")
    assert opened >= kills / 2, "the release ended before it was killed often enough"


def test_200_sigkills(sinks, stations):
    sink = sinks("--delay", "5", maildir=False)
    run_with_kills(stations(sink.port), sink, 20000, 200, connections=2)


def test_sigkills_with_messages_in_flight(sinks, stations):
    sink = sinks("--latency", "50", maildir=False)
    run_with_kills(stations(sink.port), sink, 8000, 40, connections=2, depth=4)


def test_resend_policy_forgets_nobody(sinks, stations):
    sink = sinks("--delay", "3", maildir=False)
    station = stations(sink.port, relay="connections = 4;", channel='in_doubt = "resend";')
    station.write_contacts(2000)
    station.start()
    station.drop("news.md", RELEASE)
    wait_until(station.queued, "the release is accepted")
    for _ in range(20):
        time.sleep(random.uniform(0, 0.1))
        station.kill()
        station.start(wait=False)
    station.kill()
    station.start()
    release = station.wait_done()[0]
    accepted = collections.Counter(r for record in sink.records() for r in record.recipients)
    assert set(accepted) == set(contacts_of(station, release).values())


def test_policy_after_a_crash_between_doubt_and_settlement(sinks, stations):
    """A journal that ends in the doubt itself: the policy still settles it."""
    sink = sinks(maildir=False)
    station = stations(sink.port, channel='in_doubt = "resend";')
    station.write_contacts(3)
    station.start()
    station.drop("news.md", "---\nsend-at: 2031-01-01 10:00 UTC\n---\n# News\n\nText.\n")
    wait_until(station.queued, "the release is accepted")
    release = station.queued()[0]
    assert station.stop() == 0
    journal = station.spool / "queue" / release / "journal"
    lines = [line for line in journal.read_bytes().splitlines(keepends=True) if b" opened " not in line]
    lines[-1] = sealed(re.sub(rb" send-at=\S+| crc=\S+|\n", b"", lines[-1]))
    stamp = b"2026-01-01T00:00:00.000Z"
    lines.append(sealed(b"3 " + stamp + b" intended contact=2 relay=main"))
    lines.append(sealed(b"4 " + stamp + b" in-doubt contact=2 stage=crash text=x"))
    journal.write_bytes(b"".join(lines))
    station.start()
    station.wait_done()
    assert sorted(r.recipients[0] for r in sink.records()) == [f"c{i}@example.org" for i in (1, 2, 3)]


def sealed(line):
    """The line with its CRC-32C and LF; bit by bit, as the manual describes it."""
    crc = 0xFFFFFFFF
    for octet in line:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return line + b" crc=%08x\n" % (crc ^ 0xFFFFFFFF)


def test_resend_policy_is_bounded(sinks, stations):
    """A relay that takes every message and never says so gets four copies, not one a second."""
    sink = sinks(maildir=False, faults=["at=dot close-after-accept"])
    station = stations(sink.port, channel='in_doubt = "resend";',
                       settings='retry_first = "50 ms"; retry_max = "100 ms";')
    station.write_contacts(1)
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    wait_until(lambda: station.queued() and release_rests(station, station.queued()[0]), "the end")
    assert len(sink.records()) == 4


@pytest.mark.parametrize("wait,depth", [("--delay", 0), ("--latency", 8)])
def test_clean_stop_leaves_no_doubt(sinks, stations, wait, depth):
    sink = sinks(wait, "20", maildir=False)
    station = stations(sink.port, relay=f"connections = 4; depth = {depth};")
    station.write_contacts(500)
    station.start()
    station.drop("news.md", RELEASE)
    for count in (20, 60, 120):
        sink.wait_for(count)
        begin = time.monotonic()
        assert station.stop() == 0
        assert time.monotonic() - begin < 10
        station.start()
    release = station.wait_done()[0]
    assert judge(station, sink.records(), release, 4)["in-doubt"] == 0
    assert sum(line[2] == "in-doubt" for line in station.journal(release) if len(line) > 2) == 0


def test_a_second_daemon_is_refused(sinks, stations):
    sink = sinks()
    station = stations(sink.port)
    station.write_contacts(1)
    station.start()
    environment = dict(os.environ, DATELINE_CONFIG=str(station.config))
    second = subprocess.run([str(BUILD / "datelined")], capture_output=True, text=True,
                            env=environment, timeout=20)
    assert second.returncode != 0
    assert "another datelined works on" in second.stderr


def test_sends_again_soon_after_a_sigkill(sinks, stations):
    sink = sinks("--delay", "5", maildir=False)
    station = stations(sink.port, relay="connections = 4;")
    station.write_contacts(5000)
    station.start()
    station.drop("news.md", RELEASE)
    sink.wait_for(100)
    station.kill()
    before = len(sink.records())
    station.start()
    wait_until(lambda: len(sink.records()) > before, "it sends again", patience=10)


def test_stopped_while_a_release_is_read(sinks, stations):
    """Reading takes its time where the contacts are sorted by their domains."""
    sink = sinks(maildir=False)
    limit = 'domains = ( { match = "example.org"; connections = 2; rate = "500000/day"; } );'
    station = stations(sink.port, settings=limit)
    station.write_contacts(100000)
    station.start()
    station.drop("news.md", RELEASE.replace("subject", "send-at: 2099-11-25 09:00\nsubject", 1))
    wait_until(lambda: station.live()["releases"], "it is accepted")
    for _ in range(3):
        assert station.stop() == 0
        station.start()
    wait_until(lambda: [r["state"] for r in station.live()["releases"]] == ["scheduled"], "it is read")
    assert "held" not in station.log() and station.stop() == 0
