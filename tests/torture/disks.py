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
    """Every call that concerns the spool fails with EIO for a while. A release whose roster could
    not be read then is held until the daemon is started again; any other goes on by itself."""
    def wrapper(station):
        # So many calls come before a tenth of the messages is out, at the least.
        return points.injected(station, "--at", "400", "--fault", "dead")
    sink, station = stage(ground, wrapper)
    station.drop("news.md", NEWS, channel="press")
    told = wait_until(lambda: reason(station), lambda: station.report("a reason"))
    stands_still(sink)
    station.daemon.send_signal(signal.SIGUSR1)
    held = "roster.db" in (reason(station) or "")
    if held:
        assert station.stop() == 0, "the daemon did not stop in peace"
        station.start()
    assert_all_sent(sink, station)
    return f'"{told}"' + (", held until the next start" if held else "")


TRIES = {"inodes": out_of_inodes, "frozen": frozen, "dead": dead_for_a_while}


def try_one(name):
    with Ground(f"disk-{name}") as ground:
        return f"{name}: {TRIES[name](ground)}"
