# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, turn read-only, or are not the one disk that the spool has to be on.

The spool is a small file system of its own; the sink's record is elsewhere, so that it tells
who was reached whatever becomes of the spool.
"""

import collections
import os
import subprocess

import pytest

from station import BUILD, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")

RELEASE = "---\nsubject: News\n---\nDear {{first_name}} of {{outlet}},\n\nthe news.\n"


def system(*command):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if result.returncode != 0:
        raise OSError(f"{command}: {result.stderr.strip()}")


class Disks:
    """Mounts, and unmounts in the end whatever is mounted still, the last one first."""

    def __init__(self):
        self.mounted = []

    def mount(self, *arguments):
        try:
            system("mount", *arguments)
        except OSError as reason:
            pytest.skip(f"cannot mount here: {reason}")
        self.mounted.append(arguments[-1])

    def unmount(self, point, *options):
        self.mounted.remove(point)
        system("umount", *options, point)

    def small(self, point, size="3m"):
        self.mount("-t", "tmpfs", "-o", f"size={size},mode=0755", "none", point)

    def close(self):
        for point in reversed(self.mounted):
            subprocess.run(["umount", "--lazy", str(point)], check=False)


@pytest.fixture
def disks(stations):
    """After the stations in the order of setting up, so before them at the end: a daemon that
    lives still does not keep its disk, which is unmounted lazily."""
    made = Disks()
    yield made
    made.close()


def fill(station, leave=0):
    """Leaves so many bytes, to a page."""
    ballast = station.spool / ".ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))


def make_room(station):
    (station.spool / ".ballast").unlink()


def addresses(count):
    return sorted(f"c{i}@example.org" for i in range(1, count + 1))


def reached(sink):
    return sorted(r for record in sink.records() for r in record.recipients)


def release_of(station):
    releases = (station.live() or {"releases": []})["releases"]
    return releases[0] if releases else {"state": None, "reason": None}


def wait_reason(station, words):
    wait_until(lambda: words in (release_of(station)["reason"] or ""),
               lambda: station.report(f"a reason with {words!r}"))


def await_status(notices, words):
    while words not in notices().get("STATUS", ""):
        pass


def contacts_with(station, release, *events):
    """The contacts with one of these events in the journal, as it is on the disk."""
    found = set()
    for line in station.journal(release):
        if len(line) > 3 and line[2] in events:
            found |= {int(word[8:]) for word in line if word.startswith("contact=")}
    return found


# --- Full while a release is taken up ---

def test_full_before_a_drop_is_claimed(sinks, stations, disks):
    """It stays in incoming/, and a rescan takes it when there is room."""
    sink = sinks(maildir=False)
    station = stations(sink.port)
    disks.small(station.spool)
    station.write_contacts(20)
    station.start()
    (station.spool / "incoming" / ".news.md").write_text(RELEASE)
    fill(station)
    (station.spool / "incoming" / ".news.md").rename(station.spool / "incoming" / "news.md")
    wait_until(lambda: "No space left on device" in station.log(), "the log tells of it")
    assert "news.md cannot be taken out of the spool" in station.log()
    assert station.queued() == station.rejected() == sink.records() == []
    make_room(station)
    station.wait_done()
    assert reached(sink) == addresses(20)
    assert not list((station.spool / "queue").iterdir())


def test_full_while_the_roster_is_built(sinks, stations, disks):
    """It stays in queue/, as a claim, and is taken up when there is room; told once."""
    sink = sinks(maildir=False)
    station = stations(sink.port)
    disks.small(station.spool, "8m")
    station.write_contacts(20000)
    station.start()
    fill(station, leave=256 << 10)
    station.drop("news.md", RELEASE)
    wait_until(lambda: "and is tried again" in station.log(), "the log tells of it")
    told = next(line for line in station.log().splitlines() if "tried again" in line)
    assert "news.md" in told and ("full" in told or "No space left" in told), told
    claims = list((station.spool / "queue").glob("*.new/drop/news.md"))
    assert len(claims) == 1 and claims[0].read_text() == RELEASE
    assert station.queued() == station.rejected() == []
    station.write_contacts(200)
    make_room(station)
    station.wait_done()
    assert reached(sink) == addresses(200)
    assert len(station.done()) == 1 and not list((station.spool / "queue").iterdir())


def test_stopped_while_a_drop_waits_for_room(sinks, stations, disks):
    """The next start takes what was claimed."""
    sink = sinks(maildir=False)
    station = stations(sink.port)
    disks.small(station.spool, "8m")
    station.write_contacts(20000)
    station.start()
    fill(station, leave=256 << 10)
    station.drop("news.md", RELEASE)
    wait_until(lambda: "and is tried again" in station.log(), "the log tells of it")
    assert station.stop() == 0
    make_room(station)
    station.write_contacts(20)
    station.start()
    station.wait_done()
    assert reached(sink) == addresses(20)


# --- Full, or read-only, in the middle of a release ---

# So slow that a release takes many seconds, with two messages a connection under way at any time:
# it must not be over before the disk is in trouble.
SLOWLY = ["--delay", "40"]
FOUR = "connections = 4;"


def send(station, sink, contacts):
    """Returns the release's id when it is under way."""
    station.write_contacts(contacts)
    station.start()
    station.drop("news.md", RELEASE)
    sink.wait_for(20)
    return station.queued()[0]


def hurry(station, sink):
    """For what is left when the trouble is over: at the next start, and now if there is a daemon."""
    station.configure(sink.port, relay="connections = 60;")
    if station.daemon is not None:
        station.reload()


def assert_all_once(station, sink, contacts):
    release = station.wait_done()[0]
    assert reached(sink) == addresses(contacts)
    assert contacts_with(station, release, "sent") == set(range(1, contacts + 1))
    assert not contacts_with(station, release, "in-doubt", "deferred", "bounced")


def test_full_in_the_middle(sinks, stations, disks, notices):
    sink = sinks(*SLOWLY, maildir=False)
    station = stations(sink.port, relay=FOUR)
    disks.small(station.spool)
    release = send(station, sink, 400)
    for time in range(2):
        fill(station)
        wait_reason(station, "No space left on device")
        assert release_of(station)["state"] == "sending"
        assert station.live()["relays"][0]["trouble"] is None
        if time == 0:   # the second time nobody may have been told that it was over
            await_status(notices, "No space left on device")
        before = reached(sink)
        assert len(before) < 400
        intended = contacts_with(station, release, "intended")
        assert set(before) <= {f"c{i}@example.org" for i in intended}
        make_room(station)
        sink.wait_for(len(before) + 20)
        assert release_of(station)["reason"] is None
    hurry(station, sink)
    assert_all_once(station, sink, 400)
    assert station.log().count("until the journal can be written") == 2
    assert station.log().count("the journal can be written again") == 2


def test_killed_while_full(sinks, stations, disks):
    """What could not be recorded is in doubt, two contacts a connection at most."""
    sink = sinks(*SLOWLY, maildir=False)
    station = stations(sink.port, relay=FOUR)
    disks.small(station.spool)
    release = send(station, sink, 400)
    fill(station)
    wait_reason(station, "No space left on device")
    station.kill()
    make_room(station)
    hurry(station, sink)
    station.start()
    wait_until(lambda: station.done() or release_of(station)["state"] == "in-doubt", "the end")
    accepted = collections.Counter(reached(sink))
    doubtful = contacts_with(station, release, "in-doubt")
    assert max(accepted.values()) == 1 and len(doubtful) <= 8
    missing = set(addresses(400)) - set(accepted)
    assert missing <= {f"c{i}@example.org" for i in doubtful}


def test_started_while_full(sinks, stations, disks):
    """The end of its journal is torn, perhaps: it is taken up when there is room."""
    sink = sinks(*SLOWLY, maildir=False)
    station = stations(sink.port, relay=FOUR)
    disks.small(station.spool)
    release = send(station, sink, 400)
    fill(station)
    wait_reason(station, "No space left on device")
    station.kill()
    station.start()
    wait_reason(station, "No space left on device")
    before = reached(sink)
    hurry(station, sink)
    make_room(station)
    wait_until(lambda: station.done() or release_of(station)["state"] == "in-doubt", "the end")
    assert len(reached(sink)) > len(before)
    assert max(collections.Counter(reached(sink)).values()) == 1
    assert len(contacts_with(station, release, "in-doubt")) <= 8


def test_stopped_while_full(sinks, stations, disks):
    """A stop does not wait for room for ever, and a start goes on."""
    sink = sinks(*SLOWLY, maildir=False)
    station = stations(sink.port, relay=FOUR)
    disks.small(station.spool)
    release = send(station, sink, 400)
    fill(station)
    wait_reason(station, "No space left on device")
    assert station.stop() == 0
    assert "No space left on device" in station.log().split("stopping")[-1]
    make_room(station)
    hurry(station, sink)
    station.start()
    wait_until(lambda: station.done() or release_of(station)["state"] == "in-doubt", "the end")
    assert max(collections.Counter(reached(sink)).values()) == 1
    assert len(contacts_with(station, release, "in-doubt")) <= 8


def test_read_only_and_writable_again(sinks, stations, disks):
    """The release's folder turns read-only while the disk is full, when no segment of its
    journal is open, and so while nobody could object."""
    sink = sinks(*SLOWLY, maildir=False)
    station = stations(sink.port, relay=FOUR)
    disks.small(station.spool)
    release = send(station, sink, 400)
    fill(station)
    wait_reason(station, "No space left on device")
    folder = station.spool / "queue" / release
    disks.mount("--bind", folder, folder)
    system("mount", "-o", "remount,bind,ro", folder)
    make_room(station)
    wait_reason(station, "Read-only file system")
    before = reached(sink)
    assert release_of(station)["state"] == "sending" and len(before) < 400
    disks.unmount(folder, "--lazy")
    hurry(station, sink)
    assert_all_once(station, sink, 400)


def test_disk_that_turned_read_only(sinks, stations, disks, tmp_path):
    """As ext4 does by itself after an error: until it is mounted anew nothing is sent."""
    sink = sinks(*SLOWLY, maildir=False)
    station = stations(sink.port, relay=FOUR)
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(24 << 20)
    try:
        system("mkfs.ext4", "-q", image)
    except (OSError, FileNotFoundError) as reason:
        pytest.skip(f"cannot make a file system here: {reason}")
    disks.mount("-o", "loop", image, station.spool)
    release = send(station, sink, 400)
    system("mount", "-o", "remount,abort", station.spool)
    wait_until(lambda: release_of(station)["reason"], "a reason")
    wait_reason(station, "Read-only file system")
    before = reached(sink)
    assert len(before) < 400 and release_of(station)["state"] == "sending"
    assert station.stop() == 0
    # What was durable and on its way then, two messages a connection, may have arrived since.
    late = collections.Counter(reached(sink)) - collections.Counter(before)
    assert late.total() <= 8
    disks.unmount(station.spool)
    disks.mount("-o", "loop", image, station.spool)
    hurry(station, sink)
    station.start()
    wait_until(lambda: station.done() or release_of(station)["state"] == "in-doubt", "the end")
    accepted = collections.Counter(reached(sink))
    doubtful = {f"c{i}@example.org" for i in contacts_with(station, release, "in-doubt")}
    assert max(accepted.values()) == 1
    assert set(addresses(400)) - set(accepted) <= doubtful and len(doubtful) <= 8


# --- More than one disk ---

@pytest.mark.parametrize("folder", ["queue", "done", "incoming/press"])
def test_folder_on_another_file_system(stations, disks, folder):
    station = stations(1)
    station.write_contacts(1)
    station.start()
    assert station.stop() == 0
    disks.small(station.spool / folder)
    started = subprocess.run([BUILD / "datelined", "--config", station.config],
                             capture_output=True, text=True, timeout=20)
    assert started.returncode != 0
    assert str(station.spool / folder) in started.stderr
    assert "keep the whole spool on one file system" in started.stderr
