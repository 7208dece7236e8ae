# SPDX-License-Identifier: Apache-2.0
"""Messages a second and CPU a message: rows that set one sender beside another.

Rows of a group share their runs: in each round every sender of the group runs once, so
that whatever else the machine does hits all of them. A row compares medians.
"""

import collections
import dataclasses
import statistics
import sys
import traceback

import machine
import ours
import peers
import workload
from row import Row
from workload import KB, Load

OURS = ours.send

# A sender needs enough messages to be measured for a second or two, not as many as we do.
SHARES = {OURS: 1, peers.smtp_source: 0.5, peers.smtplib: 0.1, peers.nodemailer: 0.05,
          peers.postfix: 0.05}


@dataclasses.dataclass
class Duel:
    """A row: quantity of mine, or how many times that of theirs."""
    row: Row
    group: str
    mine: tuple            # (sender, load)
    theirs: tuple = None
    quantity: str = "rate"


def duels(messages):
    """All of them, for so many messages a run of ours at 10 KB."""
    base = Load(messages)
    more = dataclasses.replace

    def against(name, title, peer, load, **goal):
        return Duel(Row(name, title, "×", **goal), f"{load.size}-{load.connections}",
                    (OURS, load), (peer, load))

    goal = {"sense": "at least", "goal": 2.0}
    small = more(base, size=1 * KB)
    large = more(base, size=100 * KB, messages=max(messages // 4, 100))
    line = {"latency": 50, "connections": 100, "steady": True}
    found = [
        against("rate-10k-32", "messages/s against smtp-source, 10 KB, 32 connections",
                peers.smtp_source, base, **goal),
        against("rate-10k-128", "the same, 128 connections", peers.smtp_source,
                more(base, connections=128), **goal),
        against("rate-1k-32", "the same, 1 KB, 32 connections", peers.smtp_source, small,
                sense="at least", goal=1.8),
        against("rate-100k-32", "the same, 100 KB, 32 connections", peers.smtp_source, large,
                sense="at least", goal=1.2),
        Duel(Row("rate-starttls", "messages/s under STARTTLS against ours in plain, 10 KB", "×",
                 "at least", 0.5), "10240-32", (OURS, more(base, tls=True)), (OURS, base)),
        Duel(Row("cpu-10k-32", "CPU a message against smtp-source, 10 KB, 32 connections", "×",
                 "at most", 0.7), "10240-32", (OURS, base), (peers.smtp_source, base), "cpu"),
        against("rate-nodemailer", "messages/s against nodemailer's pool, 10 KB, 32 connections",
                peers.nodemailer, base),
        against("rate-smtplib", "messages/s against Python's smtplib, 10 KB, 32 connections",
                peers.smtplib, base),
        against("rate-postfix", "messages/s against Postfix relaying its queue, 10 KB, 32 "
                "connections", peers.postfix, base),
        Duel(Row("latency-50-pipelining", "every reply 50 ms under way, 100 connections, "
                 "PIPELINING (the limit is 2,000)", "messages/s", "at least", 1900),
             "latency", (OURS, more(base, messages=messages // 2, chunking=False, **line))),
        Duel(Row("latency-50-chunking", "the same, CHUNKING with depth 8", "messages/s",
                 "at least", 10000), "latency",
             (OURS, more(base, messages=messages * 2, depth=8, **line))),
        Duel(Row("latency-20-500", "every reply 20 ms under way, 500 connections", "messages/s",
                 "at least", 20000), "latency",
             (OURS, more(base, messages=messages * 5 // 2, latency=20, connections=500,
                         steady=True))),
    ]
    return found


def fit(sender, load):
    """The load with as many messages as this sender needs."""
    least = min(load.messages, 4 * load.connections)
    return dataclasses.replace(load, messages=max(int(load.messages * SHARES[sender]), least))


def name_of(sender):
    return "dateline" if sender is OURS else sender.__name__.replace("_", "-")


class Results:
    """Runs by contestant, (sender, load); and why a contestant has none."""

    def __init__(self):
        self.runs = collections.defaultdict(list)
        self.reasons = {}  # (reason, whether ours is to blame)

    def run(self, contestant, number):
        if contestant in self.reasons:
            return
        sender, load = contestant
        try:
            run = sender(fit(sender, load))
        except machine.Unavailable as error:
            self.reasons[contestant] = (str(error), False)
        except Exception as error:  # whatever it is, the other rows go on
            traceback.print_exc(file=sys.stderr)
            self.reasons[contestant] = (f"{name_of(sender)}: {error}".splitlines()[0],
                                        sender is OURS)
        else:
            self.runs[contestant].append(run)
            print(f"round {number}: {name_of(sender)}, {load.size // KB} KB, "
                  f"{load.connections} connections{', TLS' * load.tls}"
                  f"{f', {load.latency} ms' * bool(load.latency)}: {run.rate:.0f}/s",
                  file=sys.stderr, flush=True)

    def median(self, contestant, quantity):
        values = [getattr(run, quantity) for run in self.runs[contestant]]
        return statistics.median(values)


def measure(chosen, rounds):
    """Fills the rows of the chosen duels."""
    results = Results()
    for group in dict.fromkeys(duel.group for duel in chosen):
        contestants = dict.fromkeys(contestant for duel in chosen if duel.group == group
                                    for contestant in (duel.theirs, duel.mine) if contestant)
        for number in range(1, rounds + 1):
            for contestant in contestants:
                results.run(contestant, number)
    for duel in chosen:
        settle(duel, results)


def settle(duel, results):
    contestants = [duel.mine] + ([duel.theirs] if duel.theirs else [])
    for contestant in contestants:
        if contestant in results.reasons:
            duel.row.miss(*results.reasons[contestant])
            return
    values = [results.median(contestant, duel.quantity) for contestant in contestants]
    duel.row.set(values[0] / values[1] if duel.theirs else values[0],
                 explain(duel, contestants, values))


def explain(duel, contestants, values):
    sender, load = duel.mine
    words = [f"{fit(sender, load).messages:,} messages of {workload.wire_size(load.size):,} bytes"]
    for (sender, its), value in zip(contestants, values):
        who = name_of(sender) + (" under TLS" if its.tls else "")
        words.append(f"{who} {value * 1e6:.1f} µs" if duel.quantity == "cpu"
                     else f"{who} {value:,.0f}/s")
    if load.steady:
        words.append("the middle 80 %")
    return "; ".join(words)
