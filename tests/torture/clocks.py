# SPDX-License-Identifier: Apache-2.0
"""A wall clock that jumps in the middle of a release: hours and days, both ways."""

import os
import struct

from ground import BUILD, NEWS, Ground, Impossible, everything_rests, judge, wait_until

CONTACTS = 400
CONNECTIONS = 4
HOUR, DAY = 3600, 86400
TRIES = {"an hour on": [HOUR], "an hour back": [-HOUR], "a day on": [DAY], "a day back": [-DAY],
         "to and fro": [HOUR, -HOUR, DAY, -DAY, 0]}


def set_shift(path, seconds):
    """In one write of eight bytes, which the daemon sees at once: it has mapped them."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.pwrite(descriptor, struct.pack("q", seconds), 0)
    os.close(descriptor)


def try_one(name):
    """Some contacts are deferred at first, so that moments are kept across the jump."""
    if b"__asan_init" in (BUILD / "datelined").read_bytes():
        raise Impossible("a sanitizer wants to be loaded before everything else")
    with Ground("clock") as ground:
        sink = ground.sink("--delay", "3", faults=['at=rcpt every=5 reply="451 4.3.0 later"'])
        station = ground.station(sink.port, relay=f"connections = {CONNECTIONS};",
                                 settings='retry_first = "200 ms"; retry_max = "1 s";')
        station.write_contacts(CONTACTS)
        shift = ground.folder / "shift"
        set_shift(shift, 0)
        station.start(wrapper=["env", f"LD_PRELOAD={BUILD / 'tests/torture/shiftclock.so'}",
                               f"SHIFTCLOCK={shift}"])
        station.drop("news.md", NEWS, channel="press")
        for number, seconds in enumerate(TRIES[name], 1):
            goal = number * CONTACTS // (len(TRIES[name]) + 2)
            wait_until(lambda goal=goal: len(sink.records()) >= goal,
                       lambda: station.report(f"{goal} messages"))
            set_shift(shift, seconds)
        wait_until(lambda: everything_rests(station), lambda: station.report("the end"))
        assert station.stop() == 0, "the daemon did not stop in peace"
        sink.stop()
        states = judge(station, sink.records(), station.done()[0], CONNECTIONS)
        assert states == {"sent": CONTACTS}, f"{states} after a jump of the clock"
        return f"{name}: {CONTACTS} sent"
