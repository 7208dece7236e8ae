# SPDX-License-Identifier: Apache-2.0
"""What else is promised: memory, cost, and how soon things happen."""

import contextlib
import dataclasses
import statistics
import sys
import time

import machine
import ours
from machine import MEBIBYTE, Failed
from office import Office, Sink, counting_sink, seconds, wait_until
from row import Row
from workload import KB, Load, contacts, release

PATIENCE = 900


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is run; --quick has less of everything, and its figures are for a look only."""
    million: int = 1_000_000
    window: int = 60           # seconds
    drops: int = 7
    big: int = 150_000         # contacts of a release that an urgent one overtakes
    urgent: int = 10_000
    rounds: int = 5


def rows():
    return {
        memory: [
            Row("memory-1m", "most resident memory, 1,000,000 recipients, 100 connections", "MB",
                "at most", 64, heavy=True),
            Row("memory-drift", "the same: last quarter of the sending less the first", "MB",
                "at most", 2, heavy=True)],
        cost: [
            Row("cost-level", "CPU a message at 10 k, 100 k and 1 M recipients: the highest by "
                "the lowest", "×", "at most", 1.1, heavy=True)],
        drop: [
            Row("drop-to-wire", "a file's rename into the spool to its first message at the "
                "relay, 1,000 contacts", "ms", "at most", 50)],
        restart: [
            Row("restart", "SIGKILL in the middle of a release of 1,000,000: from the start to "
                "the first new message", "s", "at most", 2)],
        idle: [
            Row("idle-wakeups", "nothing to do: wake-ups besides the rescans", "", "at most", 0),
            Row("idle-memory", "nothing to do: resident memory", "MB", "at most", 15)],
        urgent: [
            Row("urgent", "an urgent release's last message behind two big ones, against alone",
                "×", "at most", 1.2)],
    }


def measure(function, found, sizes):
    """Fills the rows of one measurement; a failure is theirs alone."""
    print(f"{function.__name__} …", file=sys.stderr, flush=True)
    try:
        for row, (value, note) in zip(found, function(sizes)):
            row.set(value, note)
    except machine.Unavailable as error:
        for row in found:
            row.miss(str(error), False)
    except Exception as error:  # whatever it is, the other rows go on
        for row in found:
            row.miss(" ".join(str(error).split())[:300], True)


@contextlib.contextmanager
def watched(office):
    """Starts the daemon and takes samples of its resident bytes, from the first on."""
    daemon = office.start(wait=False)
    with machine.Watcher(lambda: machine.resident(daemon.pid)) as watcher:
        wait_until(office.answers, "the daemon answers")
        yield watcher


def drift(samples):
    quarter = max(len(samples) // 4, 1)
    return statistics.mean(samples[-quarter:]) - statistics.mean(samples[:quarter])


def wait_sending(sink, count=1):
    wait_until(lambda: sink.totals()["messages"] >= count, f"{count} messages sent", PATIENCE)


@contextlib.contextmanager
def sending(folder, sizes, files):
    """A release to a million, dropped as a folder: when its first message has arrived, gives
    (office, sink, watcher, time)."""
    with counting_sink(folder) as sink, \
            Office(folder, sink.port, relay="connections = 100;") as office:
        office.write_list(contacts(sizes.million))
        with watched(office) as watcher:
            office.drop_folder("light", {"release.md": release(10 * KB).encode(), **files})
            wait_sending(sink)
            yield office, sink, watcher, time.time()


def in_megabytes(watcher, begin):
    """Most while the release was accepted, most while it was sent, and the drift of the latter."""
    whole, sent = watcher.since(0), watcher.since(begin)
    accepted = whole[:len(whole) - len(sent)] or whole
    return [octets / MEBIBYTE for octets in (max(accepted), max(sent), drift(sent))]


def memory(sizes):
    with machine.temporary() as folder, sending(folder, sizes, {}) as (office, _, watcher, begin):
        office.wait_done(patience=PATIENCE)
        plain = in_megabytes(watcher, begin)
    film = {"attachments/film.bin": bytes(range(256)) * (10 * MEBIBYTE // 256)}
    with machine.temporary() as folder, \
            sending(folder, sizes, film) as (_, sink, watcher, begin):
        time.sleep(sizes.window)
        heavy, count = in_megabytes(watcher, begin), sink.totals()["messages"]
    told = "{:.1f} while accepted, {:.1f} while sent"
    note = (f"{sizes.million:,} of 10 KB, all sent: {told.format(*plain[:2])}; {sizes.million:,} with "
            f"10 MB attached, sent for {sizes.window} s ({count:,} messages): "
            f"{told.format(*heavy[:2])}")
    drifts = f"without attachment, to the end: {plain[2]:.1f}; with it: {heavy[2]:.1f}"
    return [(max(plain[:2] + heavy[:2]), note), (max(plain[2], heavy[2]), drifts)]


def cost(sizes):
    counts = [max(sizes.million // share, 1) for share in (100, 10, 1)]
    found = {count: [] for count in counts}
    for _ in range(sizes.rounds):
        for count in counts:
            found[count].append(ours.send(Load(count)).cpu * 1e6)
    medians = {count: statistics.median(values) for count, values in found.items()}
    note = ", ".join(f"{count:,}: {value:.1f} µs" for count, value in medians.items())
    return [(max(medians.values()) / min(medians.values()), note)]


def drop(sizes):
    took = []
    with machine.temporary() as folder, Sink(folder, maildir=False) as sink, \
            Office(folder, sink.port, relay="connections = 32; idle = 0;") as office:
        office.write_list(contacts(1000))
        office.start()
        for number in range(1, sizes.drops + 1):
            before = len(sink.records())
            text = release(10 * KB)
            begin = time.time()
            office.drop(f"news{number}.md", text)
            office.wait_done(number)
            first = min(seconds(record.time) for record in sink.records()[before:])
            took.append((first - begin) * 1000)
    note = (f"{sizes.drops} drops, median; from {min(took):.0f} to {max(took):.0f} ms; connections "
            "opened anew; settle as installed")
    return [(statistics.median(took), note)]


def settled_total(sink):
    """The messages at the sink when nothing more arrives of what was in its sockets."""
    total = -1
    while total != sink.totals()["messages"]:
        total = sink.totals()["messages"]
        time.sleep(0.1)
    return total


def restart(sizes):
    with machine.temporary() as folder, counting_sink(folder) as sink, \
            Office(folder, sink.port, relay="connections = 32;") as office:
        office.write_list(contacts(sizes.million))
        office.start()
        office.drop("big.md", release(10 * KB))
        wait_sending(sink, sizes.million // 2)
        office.kill()
        before = settled_total(sink)
        begin = time.monotonic()
        office.start(wait=False)
        wait_sending(sink, before + 1)
        took = time.monotonic() - begin
        if before >= sizes.million:
            raise Failed("all had been sent before the SIGKILL")
    return [(took, f"killed after {before:,} of {sizes.million:,}")]


def idle(sizes):
    with machine.temporary() as folder, counting_sink(folder) as sink, \
            Office(folder, sink.port) as office:
        office.write_list(contacts(1000))
        daemon = office.start()
        time.sleep(3)  # what the start and our question stirred up
        before = machine.switches(daemon.pid)
        time.sleep(sizes.window)
        wakes = machine.switches(daemon.pid) - before
        octets = machine.resident(daemon.pid)
    rescans = sizes.window // 30
    return [(max(wakes - rescans, 0), f"{wakes} in {sizes.window} s, with a rescan every 30 s"),
            (octets / MEBIBYTE, "freshly started, a list of 1,000")]


def urgent_takes(sizes, others):
    """Seconds from the drop of an urgent release to its last message."""
    lists = {"press": "press.csv", "urgent": "urgent.csv"}
    with machine.temporary() as folder, counting_sink(folder) as sink, \
            Office(folder, sink.port, relay="connections = 32;", lists=lists) as office:
        office.write_list(contacts(sizes.big))
        office.write_list(contacts(sizes.urgent, "example.com"), "urgent.csv")
        office.start()
        for number in range(others):
            office.drop(f"big{number}.md", release(10 * KB))
        wait_until(lambda: len(office.queued()) == others, "the big ones are accepted", PATIENCE)
        if others:
            wait_sending(sink, sizes.big // 20)
        text = release(10 * KB, front="priority: urgent\n")
        begin = time.time()
        office.drop("alarm.md", text, channel="urgent")
        names = office.wait_done(patience=PATIENCE)
        if len(names) != 1 or not names[0].endswith("alarm"):
            raise Failed(f"the urgent release was not the first to be done: {names}")
        _, sent = office.moments(names[0])
        return seconds(sent[-1]) - begin


def urgent(sizes):
    alone, behind = [], []
    for _ in range(sizes.rounds):
        alone.append(urgent_takes(sizes, 0))
        behind.append(urgent_takes(sizes, 2))
    values = [statistics.median(times) for times in (alone, behind)]
    note = (f"{sizes.urgent:,} contacts, two of {sizes.big:,}: {values[1]:.2f} s, alone "
            f"{values[0]:.2f} s, acceptance included")
    return [(values[1] / values[0], note)]
