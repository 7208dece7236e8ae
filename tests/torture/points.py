# SPDX-License-Identifier: Apache-2.0
"""Every crash point: one system call of a small release goes wrong, and each has its turn.

The daemon takes up, sends and files a release of 50 contacts under inject(1); it then runs once
more without a fault, for as long as it takes. The run that meets the fault begins with a fresh
drop, or with what a death left behind: a claim that is half done, or a release half sent.
"""

import collections
import concurrent.futures
import os
import signal
import subprocess
import time

from ground import BUILD, NEWS, Ground, everything_rests, judge, release_rests, wait_until

FAULTS = ("kill", "eio", "enospc", "short", "dead")
CONTACTS = 50
CONNECTIONS = 2
BEGINNINGS = {"points": None, "points-claimed": 0.25, "points-sending": 0.6}
LIMIT = 3         # seconds for the run with the fault: it may wait for a disk that never heals
PATIENCE = 30


def stage(ground):
    sink = ground.sink()
    station = ground.station(sink.port, relay=f"connections = {CONNECTIONS};")
    station.write_contacts(CONTACTS)
    station.drop("news.md", NEWS, channel="press")
    return sink, station


def injected(station, *arguments):
    # Nobody can look for leaks in a program that is traced.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return ["env", f"ASAN_OPTIONS={options}", str(BUILD / "tests/torture/inject"), "--below", str(station.spool),
            "--report", str(station.folder / "struck"), *arguments, "--"]


def is_over(station, ask):
    """The daemon itself is asked seldom, since that is among the calls that are counted."""
    try:
        return station.done() or (ask and any(release_rests(station, release)
                                              for release in station.queued()))
    except (OSError, ValueError):
        return False      # its socket was struck, or it died while it answered


def run_until_over(station):
    """Returns how the daemon ended: it died of the fault, was stopped, or killed where it was
    held up."""
    begin, asked = time.monotonic(), 0
    while station.daemon.poll() is None and time.monotonic() < begin + LIMIT:
        ask = time.monotonic() > max(begin + 0.5, asked + 0.2)
        asked = time.monotonic() if ask else asked
        if is_over(station, ask):
            station.daemon.terminate()
            break
        time.sleep(0.005)
    try:
        station.daemon.wait(10 if station.done() else 0.5)
        return "ended"
    except subprocess.TimeoutExpired:
        return "held up"
    finally:
        station.daemon.send_signal(signal.SIGINT)      # inject(1) ends its program, then itself
        station.daemon.wait(60)
        station.daemon = None


def die_before(station, at):
    """A first run of the daemon, which ends at that call."""
    station.start(wait=False, wrapper=injected(station, "--at", str(at), "--fault", "kill"))
    assert run_until_over(station) == "ended" and not station.done(), "it did not die"


def try_point(number, fault, died_at):
    """Returns what was struck, how that run ended, and the states in the end."""
    with Ground("point") as ground:
        sink, station = stage(ground)
        if died_at:
            die_before(station, died_at)
        station.start(wait=False, wrapper=injected(station, "--at", str(number), "--fault", fault))
        how = run_until_over(station)
        struck = (station.folder / "struck").read_text().split()
        station.start()
        wait_until(lambda: everything_rests(station), lambda: station.report("the end"), PATIENCE)
        assert station.stop() == 0, "the daemon did not stop in peace"
        sink.stop()
        releases = station.queued() + station.done()
        assert not station.rejected(), f"rejected after {struck}"
        assert len(releases) == 1, f"one drop became the releases {releases} after {struck}"
        try:
            states = judge(station, sink.records(), releases[0], CONNECTIONS)
        except AssertionError as problem:
            raise AssertionError(f"{problem}, after {fault} at {struck}") from problem
        assert sum(states.values()) == CONTACTS
        return struck[2] if struck else None, how, states


def list_points(died_at):
    """The calls of a run in which nothing goes wrong: number, thread, name, what it is about."""
    with Ground("point") as ground:
        _, station = stage(ground)
        if died_at:
            die_before(station, died_at)
        station.start(wait=False, wrapper=injected(station))
        assert run_until_over(station) == "ended", station.report("a clean run")
        return (station.folder / "struck").read_text().splitlines()


def spread(points, count):
    """So many of the points, at equal distances."""
    if count is None or count >= len(points):
        return points
    return [points[i * len(points) // count] for i in range(count)]


def run(name="points", count=None, workers=3):
    """count: so many points, spread over all; None: all. Returns lines about what was seen, and
    the violations."""
    died_at = BEGINNINGS[name] and int(BEGINNINGS[name] * len(list_points(None)))
    calls = len(list_points(died_at))
    # A run is never quite like another: a few calls more than the first one made.
    points = spread([(number, fault) for fault in FAULTS for number in range(1, calls + 11)], count)
    seen, doubts, problems = collections.defaultdict(collections.Counter), collections.Counter(), []
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        tries = {pool.submit(try_point, *point, died_at): point for point in points}
        for ended in concurrent.futures.as_completed(tries):
            fault = tries[ended][1]
            try:
                struck, how, states = ended.result()
            except (AssertionError, OSError, subprocess.SubprocessError) as problem:
                problems.append(f"point {tries[ended]}: {problem}")
                continue
            seen[fault]["struck" if struck else "not struck"] += 1
            seen[fault]["held up"] += how == "held up" and struck is not None
            doubts[fault] += states["in-doubt"]
    lines = [f"{calls} calls in a run without a fault"]
    for fault in FAULTS:
        if seen[fault]:
            lines.append(f"{fault}: {seen[fault]['struck']} points, {seen[fault]['held up']} held up "
                         f"until killed, {doubts[fault]} in doubt")
    return lines, problems
