# SPDX-License-Identifier: Apache-2.0
"""Deaths at random moments, over releases of different shapes.

A death is a SIGKILL, or a power cut: the daemon is stopped, its file system shut down without its
log, the daemon killed, the file system mounted again. (Stopping it first matters: a sync that
was under way when the file system went could otherwise report success for what is lost.)
"""

import collections
import os
import random
import time

from ground import (NEWS, Ground, everything_rests, freeze_process, judge,
                    shut_down_file_system, wait_until)

PATIENCE = 180
DEATHS_OF_A_LIFE = 40       # so that many shapes get their turn


class Shape:
    """What one release, or two, is like."""

    def __init__(self, seed, small):
        chance = random.Random(seed)
        self.connections = chance.choice([1, 2, 4, 8])
        self.contacts = (20 if small else 100) * chance.choice([1, 3, 10]) * self.connections
        self.releases = chance.choice([1, 1, 2])
        self.resend = chance.random() < 0.3
        self.delay = chance.choice([0, 1, 3])
        self.faults = chance.choice([
            [], [], ['at=rcpt every=7 reply="451 4.3.0 later"'],
            ['at=rcpt every=9 reply="550 5.1.1 nobody"', 'at=dot every=11 reply="452 4.2.2 full"'],
            ["at=mail every=40 reset"], ["at=dot every=50 close"]])

    def station(self, ground, sink):
        station = ground.station(
            sink.port, relay=f"connections = {self.connections};",
            settings='retry_first = "20 ms"; retry_max = "100 ms";',
            channel='in_doubt = "resend";' if self.resend else "",
            lists={"press": "press.csv", "radio": "radio.csv"})
        for name in station.lists:
            rows = "".join(f"{name}{i}@example.org,Given{i},Outlet {i}\n" for i in range(self.contacts))
            station.write_list("email,first_name,outlet\n" + rows, f"{name}.csv")
        return station

    def drop(self, station):
        """Each to a list of its own, so that the record tells their copies apart. They are on disk
        when they are dropped, as those of "dateline send" are: nobody can answer for others."""
        for name in list(station.lists)[:self.releases]:
            station.drop(f"{name}.md", NEWS.replace("subject: News", f"subject: News\nlist: {name}"),
                         channel="press")
        for path in [*station.spool.glob("incoming/press/*"), *station.spool.glob("incoming/**/")]:
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)


class PlainDisk:
    """The spool is where everything else is, and a death is SIGKILL alone."""

    def __init__(self, ground, station):
        pass

    def kill(self, station):
        station.kill()


class LoopDisk:
    """The spool is a file system in a file, and a death is a power cut."""

    kind, size_mb, options = None, 0, ()

    def __init__(self, ground, station):
        self.ground = ground
        self.image = ground.image(self.kind, self.size_mb, *self.options)
        self.mount(station)

    def mount(self, station):
        self.ground.mount("-o", "loop", self.image, station.spool)

    def kill(self, station):
        freeze_process(station.daemon)
        shut_down_file_system(station.spool)
        station.kill()
        self.ground.unmount(station.spool)
        self.mount(station)


class Ext4(LoopDisk):
    kind, size_mb, options = "ext4", 64, ()


class Xfs(LoopDisk):
    kind, size_mb, options = "xfs", 320, ()


def judge_all(station, sink, shape):
    states, records = collections.Counter(), sink.records()
    releases = sorted(station.queued() + station.done())
    assert not station.rejected(), "a drop was refused"
    assert len(releases) == shape.releases, f"{shape.releases} drops became {releases}"
    for release in releases:
        states += judge(station, records, release, shape.connections, shape.resend)
    assert sum(states.values()) == shape.contacts * shape.releases
    return states


def one_life(name, disk_kind, seed, kills, small=False):
    """One or two releases from the drop to the end, with at most so many deaths. Returns the
    number of deaths and the states."""
    shape, chance, deaths = Shape(seed, small), random.Random(seed + 1), 0
    with Ground(name) as ground:
        sink = ground.sink("--delay", str(shape.delay), faults=shape.faults)
        station = shape.station(ground, sink)
        disk = disk_kind(ground, station)
        shape.drop(station)
        station.start(wait=False)
        while deaths < kills:
            if chance.random() < 0.5:
                wait_until(station.answers, "the daemon answers")
            time.sleep(chance.uniform(0, 0.08))       # the moment is what is tried
            disk.kill(station)
            deaths += 1
            station.start(wait=False)
            if len(station.done()) == shape.releases:
                break
        wait_until(station.answers, "the daemon answers")
        wait_until(lambda: everything_rests(station), lambda: station.report("the end"), PATIENCE)
        assert station.stop() == 0, "the daemon did not stop in peace"
        sink.stop()
        try:
            return deaths, judge_all(station, sink, shape), shape.releases
        except AssertionError as problem:
            raise AssertionError(f"{problem}; seed {seed}") from problem


def run(name, disk_kind, count, seed=None, small=False):
    seed = seed if seed is not None else int.from_bytes(os.urandom(4), "big")
    deaths, releases, states, problems = 0, 0, collections.Counter(), []
    while deaths < count:
        seed += 2
        try:
            died, ended, made = one_life(name, disk_kind, seed, min(count - deaths, DEATHS_OF_A_LIFE), small)
        except AssertionError as problem:
            problems.append(str(problem))
            died, ended, made = 1, {}, 0
        deaths, releases = deaths + died, releases + made
        states.update(ended)
    told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    return [f"{deaths} deaths over {releases} releases: {told}"], problems
