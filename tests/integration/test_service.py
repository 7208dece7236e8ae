# SPDX-License-Identifier: Apache-2.0
"""The daemon as its service manager meets it: sd_notify(3), signals, exit status."""

import os
import subprocess
import time

import pytest

from station import BUILD, wait_until


def await_notice(notices, key, value):
    while True:
        notice = notices()
        if notice.get(key) == value:
            return notice


def test_ready_reload_stop(sinks, stations, notices):
    station = stations(sinks().port)
    station.write_contacts(3)
    station.start(wait=False)
    await_notice(notices, "STATUS", "waiting for drops")
    await_notice(notices, "READY", "1")
    assert station.live()["pid"] == station.daemon.pid, "ready means that the socket answers"
    station.reload()
    assert int(await_notice(notices, "RELOADING", "1")["MONOTONIC_USEC"]) > 0
    await_notice(notices, "READY", "1")
    station.drop("news.md", "# News\n\nText.\n")
    station.wait_done()
    assert station.stop() == 0
    assert not (station.runtime / "control").exists()


def test_stop_is_announced(sinks, stations, notices):
    station = stations(sinks().port)
    station.start(wait=False)
    await_notice(notices, "READY", "1")
    assert station.stop() == 0
    await_notice(notices, "STOPPING", "1")


def test_progress_is_told(sinks, stations, notices):
    station = stations(sinks("--delay", "50").port, relay="connections = 1;")
    station.write_contacts(200)
    station.start(wait=False)
    await_notice(notices, "READY", "1")
    station.drop("news.md", "# News\n\nText.\n")
    while True:
        status = notices().get("STATUS", "")
        if status.startswith("1 release, ") and not status.startswith("1 release, 0 "):
            assert status.endswith(" of 200 sent")
            return


def test_bad_settings_at_start(stations):
    station = stations(1, settings='spol = "/nowhere";\nretry_first = "later";')
    result = subprocess.run([str(BUILD / "datelined"), "--config", str(station.config)],
                            capture_output=True, text=True, timeout=20)
    assert result.returncode == 78
    assert 'did you mean "spool"' in result.stderr and "retry_first" in result.stderr
    assert "dateline.conf:" in result.stderr


@pytest.mark.parametrize("arguments,status", [(["--version"], 0), (["--help"], 0), (["x"], 64),
                                              (["--nonsense"], 64)])
def test_options(arguments, status):
    result = subprocess.run([str(BUILD / "datelined"), *arguments], capture_output=True, text=True,
                            timeout=20)
    assert result.returncode == status
    assert result.stdout if status == 0 else "--help" in result.stderr


def switches(pid):
    """How often the process slept and woke, all threads together."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as status:
            total += sum(int(line.split()[1]) for line in status
                         if line.startswith("voluntary_ctxt_switches"))
    return total


def test_an_idle_daemon_sleeps(sinks, stations):
    """Between two rescans nothing wakes it, also after it has worked."""
    station = stations(sinks().port, relay='idle = "100 ms";')
    station.config.write_text(station.config.read_text().replace('rescan = "1 s"', 'rescan = "3600 s"'))
    station.write_contacts(10)
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    station.wait_done()
    wait_until(lambda: station.live()["relays"][0]["connections"] == 0, "the connections end")
    wait_until(lambda: is_quiet(station.daemon.pid), "the daemon sleeps for a second", 15)


def test_a_scheduled_release_wakes_nobody(sinks, stations, notices):
    station = stations(sinks().port)
    station.config.write_text(station.config.read_text().replace('rescan = "1 s"', 'rescan = "3600 s"'))
    station.write_contacts(10)
    station.start()
    station.drop("news.md", "---\nsubject: News\nsend-at: 2099-11-25 09:00\n---\n# News\n\nText.\n")
    await_notice(notices, "STATUS", "1 release, 0 of 10 sent")
    wait_until(lambda: is_quiet(station.daemon.pid), "the daemon sleeps for a second", 15)


def test_the_rescan_is_all_that_wakes_an_idle_daemon(sinks, stations):
    station = stations(sinks().port)
    station.start()
    pid = station.daemon.pid
    wait_until(lambda: is_quiet(pid, 0.2), "the daemon sleeps", 15)
    before, begin = switches(pid), time.monotonic()
    time.sleep(5)
    rescans = time.monotonic() - begin + 1
    assert switches(pid) - before <= 3 * rescans


def is_quiet(pid, seconds=1):
    """Whether nothing woke the process for so long: that time is what is measured."""
    before = switches(pid)
    time.sleep(seconds)
    return switches(pid) == before
