# SPDX-License-Identifier: Apache-2.0
"""The rates behind the graphs: every sender over connections, and over latency."""

import dataclasses
import statistics
import sys

import machine
import ours
import peers
from workload import Load

CONNECTIONS = [1, 2, 4, 8, 16, 32, 64, 128]
LATENCIES = [0, 1, 5, 20, 50]  # milliseconds


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str
    send: object
    top: int          # messages a second that it may reach here
    trips: int        # a message, for the reply of which it waits
    depth: int = 0


CONTESTANTS = [
    Contestant("dateline", ours.send, 60000, 1),
    Contestant("smtp-source", peers.smtp_source, 25000, 4),
    Contestant("smtplib", peers.smtplib, 3600, 4),
    Contestant("nodemailer", peers.nodemailer, 1400, 4),
]
DEEP = Contestant("dateline, depth 8", ours.send, 60000, 1, 8)


def load_of(contestant, connections, latency, seconds):
    """As many messages as it may send in so many seconds."""
    least = 1 / contestant.top
    each = 8 * least + contestant.trips * latency / 1000 / max(contestant.depth, 1)
    rate = min(contestant.top, connections / each)
    messages = max(int(rate * seconds), 4 * connections)
    return Load(messages, connections=connections, latency=latency, depth=contestant.depth)


def rate_at(contestant, connections, latency, seconds):
    """None where it cannot be had."""
    try:
        rate = contestant.send(load_of(contestant, connections, latency, seconds)).rate
    except (machine.Unavailable, machine.Failed) as error:
        print(f"{contestant.name}: {error}", file=sys.stderr)
        return None
    print(f"{contestant.name}, connections: {connections}, {latency} ms: {rate:.0f}/s",
          file=sys.stderr, flush=True)
    return rate


def measure(contestants, steps, options):
    """(name, medians) of each contestant with a rate; steps: (connections, latency). At each
    step they take turns."""
    found = {contestant: [] for contestant in contestants}
    for connections, latency in steps:
        rounds = [[rate_at(one, connections, latency, 0.2 if options.quick else 4)
                   for one in contestants] for _ in range(min(options.rounds, 3))]
        for contestant, rates in zip(contestants, zip(*rounds)):
            found[contestant].append(None if None in rates else statistics.median(rates))
    return [(one.name, medians) for one, medians in found.items() if any(medians)]


def over_connections(options):
    return measure(CONTESTANTS, [(count, 0) for count in CONNECTIONS], options)


def over_latency(options):
    """Over 32 connections."""
    return measure([CONTESTANTS[0], DEEP, *CONTESTANTS[1:]],
                   [(32, latency) for latency in LATENCIES], options)
