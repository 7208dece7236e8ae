# SPDX-License-Identifier: Apache-2.0
"""More at once than anybody should ask for, and an hour of everything: nothing is missed, and
memory, descriptors and files do not grow."""

import os
import pathlib
import random
import time

from ground import NEWS, Ground, everything_rests, wait_until

PATIENCE = 3600


def status_kb(pid, key):
    line = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith(key + ":"))
    return int(line.split()[1])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def stage(ground, contacts, **more):
    sink = ground.sink("--threads", "1")
    station = ground.station(sink.port, relay="connections = 32;", **more)
    station.write_contacts(contacts)
    station.start()
    return sink, station


def news(number):
    return NEWS.replace("News", f"News {number}").replace("the news", f"news {number}")


def wait_messages(sink, station, count):
    wait_until(lambda: sink.totals()["messages"] >= count,
               lambda: station.report(f"{count} messages; there are {sink.totals()}"), PATIENCE)


def many_releases(count):
    """count releases of 5,000 dropped at once."""
    contacts = 5000
    with Ground("load") as ground:
        sink, station = stage(ground, contacts)
        begin = time.monotonic()
        for number in range(count):
            station.drop(f"news{number}.md", news(number), channel="press")
        dropped = time.monotonic() - begin
        station.wait_done(count, PATIENCE)
        took, peak = time.monotonic() - begin, status_kb(station.daemon.pid, "VmHWM")
        assert station.stop() == 0
        sink.stop()
        ids = [record.message_id for record in sink.records()]
        assert len(ids) == len(set(ids)) == count * contacts, f"{len(ids)} messages, {len(set(ids))} different"
        return f"{count} releases of {contacts} dropped in {dropped:.1f} s: each copy once, " \
               f"in {took:.0f} s, at most {peak // 1024} MB resident"


def many_files(count):
    """count drops lie in the spool when the daemon starts."""
    with Ground("load") as ground:
        sink = ground.sink()
        station = ground.station(sink.port)
        station.write_contacts(1)
        folder = station.spool / "incoming" / "press"
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"n{number}.md").write_text(news(number))
        begin = time.monotonic()
        station.start()
        station.wait_done(count, PATIENCE)
        took, peak = time.monotonic() - begin, status_kb(station.daemon.pid, "VmHWM")
        assert station.stop() == 0
        sink.stop()
        ids = [record.message_id for record in sink.records()]
        assert len(ids) == len(set(ids)) == count, f"{len(ids)} messages, {len(set(ids))} different"
        return f"{count} files in the spool: each sent once, in {took:.0f} s, " \
               f"at most {peak // 1024} MB resident"


def long_list(count):
    with Ground("load") as ground:
        sink, station = stage(ground, count)
        begin = time.monotonic()
        station.drop("news.md", NEWS, channel="press")
        station.wait_done(1, PATIENCE)
        took, peak = time.monotonic() - begin, status_kb(station.daemon.pid, "VmHWM")
        assert station.stop() == 0
        assert sink.stop()["messages"] == count
        return f"a list of {count}: each sent once, in {took:.0f} s, at most {peak // 1024} MB resident"


class Levels:
    """What must not grow, from the first look to the last."""

    def __init__(self, station):
        self.station = station
        self.first = self.look()

    def look(self):
        pid = self.station.daemon.pid
        return {"kB resident": status_kb(pid, "VmRSS"), "descriptors": descriptors(pid),
                "files in queue/": len(list((self.station.spool / "queue").rglob("*")))}

    def judge(self):
        last = self.look()
        for what, slack in (("kB resident", 8192), ("descriptors", 4), ("files in queue/", 0)):
            assert last[what] <= self.first[what] + slack, f"{what} grew: {self.first} to {last}"
        return ", ".join(f"{what} {self.first[what]} to {last[what]}" for what in last)


def soak(seconds):
    """Releases one after the other at a bounded rate, to a relay that defers, bounces, resets and
    closes; the first tenth warms up."""
    contacts = 200
    with Ground("soak") as ground:
        sink = ground.sink(faults=['at=rcpt every=17 reply="451 4.3.0 later"', "at=mail every=501 reset",
                                   'at=rcpt every=23 reply="550 5.1.1 nobody"', "at=quit every=3 close"])
        station = ground.station(sink.port, relay='connections = 8; rate = "500/s";',
                                 settings='retry_first = "100 ms"; retry_max = "1 s";',
                                 channel='in_doubt = "resend";')
        station.write_contacts(contacts)
        station.start()
        levels, releases, begin = None, 0, time.monotonic()
        while time.monotonic() < begin + seconds:
            for _ in range(random.randint(1, 3)):
                station.drop(f"news{releases}.md", news(releases), channel="press")
                releases += 1
            if random.random() < 0.2:
                station.reload()
            station.wait_done(releases, PATIENCE)
            wait_until(lambda: everything_rests(station), lambda: station.report("rest"))
            if levels is None and time.monotonic() > begin + seconds / 10:
                levels = Levels(station)
        told = levels.judge()
        assert station.stop() == 0
        return f"{releases} releases of {contacts} in {seconds} s: {told}"
