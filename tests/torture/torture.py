# SPDX-License-Identifier: Apache-2.0
"""Breaks the daemon on purpose, and judges by what dateline-sink accepted.

One paragraph an experiment: what was run, and what was seen. The exit status is 1 if a promise
did not hold; the folder of that try is kept then, and named.
"""

import argparse
import contextlib
import signal
import sys
import time

import clocks
import disks
import kills
import loads
import network
import points
from ground import Impossible


def each_of(module):
    """An experiment of several tries without a number."""
    def run(_count):
        lines, problems = [], []
        for name in module.TRIES:
            try:
                lines.append(module.try_one(name))
            except AssertionError as problem:
                problems.append(f"{name}: {problem}")
        return lines, problems
    return run


def one_of(experiment):
    """An experiment whose number is its size."""
    def run(count):
        try:
            return [experiment(count)], []
        except AssertionError as problem:
            return [], [str(problem)]
    return run


def points_of(name):
    return lambda count: points.run(name, count)


def kills_of(name, disk):
    return lambda count: kills.run(name, disk, count)


# What it is called, how often it is tried in the short form and in the long one (None: every
# point that there is; 0: it has no number), and how.
EXPERIMENTS = {
    **{name: (60, None, points_of(name)) for name in points.BEGINNINGS},
    "kills": (200, 10000, kills_of("kills", kills.PlainDisk)),
    "cuts-ext4": (10, 500, kills_of("cuts-ext4", kills.Ext4)),
    "cuts-xfs": (10, 500, kills_of("cuts-xfs", kills.Xfs)),
    "disk": (0, 0, each_of(disks)),
    "network": (0, 0, each_of(network)),
    "clock": (0, 0, each_of(clocks)),
    "releases": (20, 200, one_of(loads.many_releases)),
    "files": (1000, 100000, one_of(loads.many_files)),
    "list": (100000, 5000000, one_of(loads.long_list)),
    "soak": (60, 3600, one_of(loads.soak)),
}


def read_arguments():
    parser = argparse.ArgumentParser(prog="tools/torture", description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="*", help="of: " + ", ".join(EXPERIMENTS) + "; without: all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--long", action="store_true", help="every point, 10000 deaths, 500 power cuts")
    size.add_argument("--count", type=int, help="so many tries of each experiment")
    arguments = parser.parse_args()
    for name in arguments.name:
        if name not in EXPERIMENTS:
            parser.error(f"there is no experiment {name}; there are {', '.join(EXPERIMENTS)}")
    return arguments


def perform(name, arguments):
    """Whether all promises held."""
    short, long, experiment = EXPERIMENTS[name]
    count = arguments.count or (long if arguments.long else short)
    begin = time.monotonic()
    try:
        lines, problems = experiment(count)
    except Impossible as reason:
        print(f"{name}: not possible here: {reason}", flush=True)
        return True
    verdict = "held" if not problems else f"{len(problems)} VIOLATIONS"
    print(f"{name}: {verdict} ({time.monotonic() - begin:.0f} s)")
    for line in [*lines, *(f"VIOLATION: {problem}" for problem in problems)]:
        print(f"  {line}")
    sys.stdout.flush()
    return not problems


def main():
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))      # so that all is put away
    names = arguments.name or list(EXPERIMENTS)
    with contextlib.suppress(KeyboardInterrupt):
        return 0 if all([perform(name, arguments) for name in names]) else 1
    return 130


if __name__ == "__main__":
    sys.exit(main())
