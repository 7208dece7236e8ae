# SPDX-License-Identifier: Apache-2.0
"""A disk in trouble in the middle of a release: sending stops before the ability to record is
lost, the status says why, and all goes on by itself when the disk does."""

import signal
import subprocess
import time

import points
from ground import NEWS, Ground, everything_rests, judge, wait_until

CONTACTS = 600
CONNECTIONS = 4
FROZEN = 13       # seconds; after ten without an answer from the disk the status says so


def stage(ground, wrapper=(), image=None):
    sink = ground.sink("--delay", "5")
    station = ground.station(sink.port, relay=f"connections = {CONNECTIONS};")
    if image is not None:
        ground.mount("-o", "loop", image, station.spool)
    station.write_contacts(CONTACTS)
    station.start(wrapper=wrapper(station) if wrapper else ())
    return sink, station


def under_way(sink, station):
    station.drop("news.md", NEWS, channel="press")
    wait_until(lambda: len(sink.records()) >= CONTACTS // 10, lambda: station.report("a tenth"))


def reason(station):
    releases = (station.live() or {"releases": []})["releases"]
    return releases[0]["reason"] if releases else None


def stands_still(sink):
    """Sending has stopped: what was durable and out has arrived, and nothing follows."""
    time.sleep(0.3)
    before = len(sink.records())
    time.sleep(1)
    assert len(sink.records()) == before, "messages leave while nothing can be recorded"
    assert before < CONTACTS, "the release ended before the trouble began"


def assert_all_sent(sink, station):
    wait_until(lambda: everything_rests(station), lambda: station.report("the end"), 120)
    assert station.stop() == 0, "the daemon did not stop in peace"
    sink.stop()
    states = judge(station, sink.records(), station.done()[0], CONNECTIONS)
    assert states == {"sent": CONTACTS}, f"{states} although the daemon lived"


def out_of_inodes(ground):
    """A drop that cannot be taken stays where it is until it can."""
    sink, station = stage(ground, image=ground.image("ext4", 16, "-N", "64"))
    under_way(sink, station)
    (station.spool / "incoming" / ".late.md").write_text(NEWS.replace("News", "Late news"))
    ballast, number = station.spool / "ballast", 0
    ballast.mkdir()
    try:
        while True:
            (ballast / str(number)).touch()
            number += 1
    except OSError:
        pass
    (station.spool / "incoming" / ".late.md").rename(station.spool / "incoming" / "late.md")
    wait_until(lambda: "late.md cannot be taken out of the spool" in station.log(),
               lambda: station.report("the log tells of it"))
    wait_until(lambda: len(station.done()) == 1, lambda: station.report("the first release"))
    first = {r.message_id for r in sink.records()}
    assert len(first) == len(sink.records()) == CONTACTS
    for path in ballast.iterdir():
        path.unlink()
    station.wait_done(2)
    everybody = [r.message_id for r in sink.records()]
    assert len(everybody) == len(set(everybody)) == 2 * CONTACTS
    return f"{number} empty files; the late drop waited, then went out"


def frozen(ground):
    """A guard thaws it, whatever becomes of the experiment."""
    sink, station = stage(ground, image=ground.image("ext4", 32))
    under_way(sink, station)
    guard = subprocess.Popen(["sh", "-c", f"fsfreeze --freeze {station.spool}; sleep {FROZEN}; "
                              f"fsfreeze --unfreeze {station.spool}"])
    try:
        stands_still(sink)
        told = wait_until(lambda: "has not answered" in (reason(station) or "") and reason(station),
                          lambda: station.report("the status tells of it"), FROZEN + 5)
        assert guard.poll() is None, "it was thawed before the status told of it"
    finally:
        guard.wait()
    assert_all_sent(sink, station)
    return f'frozen for {FROZEN} s: "{told}"'


def dead_for_a_while(ground):
    """Every call that concerns the spool fails with EIO for a while."""
    def wrapper(station):
        # The drop has been taken up after about 500 calls; each message takes several more.
        return points.injected(station, "--at", "700", "--fault", "dead")
    sink, station = stage(ground, wrapper)
    station.drop("news.md", NEWS, channel="press")
    told = wait_until(lambda: reason(station), lambda: station.report("a reason"))
    stands_still(sink)
    station.daemon.send_signal(signal.SIGUSR1)
    assert_all_sent(sink, station)
    return f'"{told}"'


def no_reads_at_the_start(ground):
    """What the daemon is to go on with cannot be read, one file of it after the other: symbolic
    links that lead nowhere but to themselves, and a folder for SQLite, fail as disks do."""
    sink, station = stage(ground)
    under_way(sink, station)
    assert station.stop() == 0, "the daemon did not stop in peace"
    folder, = (station.spool / "queue").iterdir()
    told = []
    for name in "journal", "roster.db", "source":
        (folder / name).rename(folder / "aside")
        if name == "roster.db":
            (folder / name).mkdir()
        else:
            (folder / name).symlink_to(name)
        station.start()
        told.append(wait_until(lambda: reason(station), lambda: station.report("a reason")))
        stands_still(sink)
        if name == "roster.db":
            (folder / name).rmdir()
        else:
            (folder / name).unlink()
        (folder / "aside").rename(folder / name)
        if name != "source":
            wait_until(lambda: reason(station) is None, lambda: station.report("it goes on"))
            assert station.stop() == 0, "the daemon did not stop in peace"
    assert_all_sent(sink, station)
    return " ".join(f'"{text}"' for text in told)


def lost_roster(ground, *fault):
    """A station whose roster does not fit SQLite's cache, so that it is read while it is sent, and
    faults at calls that concern the roster alone."""
    sink = ground.sink("--delay", "5")
    station = ground.station(sink.port, relay=f"connections = {CONNECTIONS};")
    station.write_list("email,first_name,outlet\n" + "".join(
        f"c{i}@example.org,Given{i},{'Outlet ' * 60}{i}\n" for i in range(CONTACTS)))
    station.start(wrapper=points.injected(station, "--only", "roster.db", *fault))
    station.drop("news.md", NEWS, channel="press")
    return sink, station


def roster_dead_for_a_while(ground):
    """The roster alone cannot be read any more in the middle of the release."""
    sink, station = lost_roster(ground)
    wait_until(lambda: len(sink.records()) >= CONTACTS, lambda: station.report("a clean run"))
    calls = len((station.folder / "struck").read_text().splitlines())
    assert station.stop() == 0, "the daemon did not stop in peace"
    sink, station = lost_roster(ground, "--at", str(calls - 10), "--fault", "dead")
    told = wait_until(lambda: reason(station), lambda: station.report("a reason"))
    assert "roster.db" in told and station.live()["releases"][0]["state"] == "paused"
    stands_still(sink)
    station.daemon.send_signal(signal.SIGUSR1)
    assert_all_sent(sink, station)
    return f'"{told}"'


TRIES = {"inodes": out_of_inodes, "frozen": frozen, "dead": dead_for_a_while,
         "dead-roster": roster_dead_for_a_while, "unread": no_reads_at_the_start}


def try_one(name):
    with Ground(f"disk-{name}") as ground:
        return f"{name}: {TRIES[name](ground)}"
