# SPDX-License-Identifier: Apache-2.0
"""A disk that does not answer: syncs that do not return until the test lets them."""

import collections
import re
import threading
import time

import pytest

from station import BUILD, PATIENCE, wait_until

LIBRARY = BUILD / "tests" / "integration" / "hang.so"
RELEASE = "---\nsubject: News\n---\nDear {{first_name}} of {{outlet}},\n\nthe news.\n"
SILENT = "the disk has not answered"


class Manager:
    """A service manager that takes down what it is told, and never acts upon it."""

    def __init__(self, notices):
        self.status, self.fed = [""], 0
        self._next = notices
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                notice = self._next()
            except TimeoutError:
                continue
            except OSError:
                return
            if "STATUS" in notice:
                self.status.append(notice["STATUS"])
            self.fed += "WATCHDOG" in notice

    def wait_fed(self):
        before = self.fed
        wait_until(lambda: self.fed > before, "the watchdog is fed")

    def is_hungry(self, seconds):
        """Whether nobody feeds it for so long: that time is what is measured."""
        before = self.fed
        time.sleep(seconds)
        return self.fed == before


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """The file that lets the disk hang; for daemons that are started from now on."""
    assert LIBRARY.exists(), "make check TESTS= builds it"
    monkeypatch.setenv("DATELINE_HANG", str(tmp_path / "hang"))
    yield tmp_path / "hang"
    (tmp_path / "hang").unlink(missing_ok=True)


def start(station):
    return station.start(wrapper=["env", f"LD_PRELOAD={LIBRARY}"])


def reached(sink):
    return collections.Counter(r for record in sink.records() for r in record.recipients)


def test_a_hung_disk_is_told_and_waited_for(sinks, stations, notices, disk, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    manager = Manager(notices)
    sink = sinks("--delay", "20", maildir=False)
    station = stations(sink.port, relay="connections = 2;")
    station.write_contacts(200)
    start(station)
    manager.wait_fed()
    station.drop("news.md", RELEASE)
    sink.wait_for(20)
    disk.touch()
    wait_until(lambda: manager.status[-1].startswith(SILENT), lambda: manager.status)
    before = len(sink.records())
    assert before < 200
    assert manager.is_hungry(2)
    live = station.live()
    assert live["disk-hangs-since"] and SILENT in live["releases"][0]["reason"]
    assert SILENT in station.run("status").stdout
    assert station.status_json()["daemon"]["disk-hangs-since"]
    assert len(sink.records()) == before and station.daemon.poll() is None
    disk.unlink()
    manager.wait_fed()
    station.wait_done()
    assert reached(sink) == {f"c{i}@example.org": 1 for i in range(1, 201)}
    wait_until(lambda: SILENT not in manager.status[-1], lambda: manager.status)
    assert station.log().count(SILENT) == 1
    assert int(re.search(r"the disk answers again after (\d+) s", station.log())[1]) >= 12
    assert station.live()["disk-hangs-since"] is None


def test_stopped_while_the_disk_hangs(sinks, stations, disk):
    sink = sinks("--delay", "20", maildir=False)
    station = stations(sink.port, relay="connections = 2;")
    station.write_contacts(200)
    start(station)
    station.drop("news.md", RELEASE)
    sink.wait_for(20)
    disk.touch()
    wait_until(lambda: SILENT in station.log(), "the log tells of it")
    station.daemon.terminate()
    wait_until(lambda: "stopping" in station.log(), "it stops")
    disk.unlink()
    assert station.daemon.wait(PATIENCE) == 0
    station.daemon = None
    station.start()
    wait_until(lambda: station.done() or "in-doubt" in str(station.live()), "the end")
    assert max(reached(sink).values()) == 1
