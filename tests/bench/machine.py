# SPDX-License-Identifier: Apache-2.0
"""The machine that is measured on, and what it tells of processes."""

import os
import pathlib
import platform
import re
import signal
import subprocess
import tempfile
import threading
import time

MEBIBYTE = 1 << 20


def file_system(folder):
    """The type of the file system that holds the folder."""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        if words[2] == wanted:
            return words[words.index("-") + 1]
    return "unknown"


def scratch():
    """Where temporary folders go: a file system on which fdatasync has something to do."""
    for folder in [os.environ.get("TMPDIR"), tempfile.gettempdir(), "/var/tmp", os.getcwd()]:
        if folder and os.access(folder, os.W_OK) and file_system(folder) not in ("tmpfs", "ramfs"):
            return folder
    raise SystemExit("bench: no folder on a disk; name one in TMPDIR")


def temporary():
    return tempfile.TemporaryDirectory(prefix="dateline-bench-", dir=scratch())


def facts():
    """What a reader of the figures has to know, as (name, value)."""
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    release = pathlib.Path("/etc/debian_version")
    system = f"Debian {release.read_text().strip()}" if release.exists() else platform.platform()
    return [
        ("date", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
        ("processor", f"{processor[1] if processor else 'unknown'}, {os.cpu_count()} cores, shared "
                      "by sender and sink"),
        ("memory", f"{memory / MEBIBYTE:.0f} GiB"),
        ("kernel", platform.release()),
        ("system", system),
        ("disk", file_system(scratch())),
    ]


def cpu_clock(pid):
    """The clock of the CPU time of all threads of a process, those that ended too, as
    clock_getcpuclockid(3) makes it. It counts nanoseconds where /proc counts hundredths."""
    return (~pid << 3) | 2


def cpu_of(pid):
    return time.clock_gettime(cpu_clock(pid))


def resident(pid):
    """Bytes in RAM, pages of mapped files among them."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", text)[1]) * 1024


def switches(pid):
    """How often the threads of a process went to sleep; being put aside is none of their doing."""
    total = 0
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        total += sum(int(n) for n in re.findall(r"(?m)^voluntary_ctxt_switches:\s*(\d+)",
                                              status.read_text()))
    return total


class Watcher:
    """Samples a function of time to time, in a thread of its own, as long as the block runs."""

    def __init__(self, look, every=0.2):
        self.look = look
        self.every = every
        self.samples = []  # of (time.time(), value)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._over.wait(self.every):
            try:
                self.samples.append((time.time(), self.look()))
            except (OSError, TypeError):
                return  # the process is gone

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def since(self, moment):
        return [value for when, value in self.samples if when >= moment]


class Failed(Exception):
    """A measurement came to nothing."""


class Unavailable(Exception):
    """A row cannot be measured here: what it takes is not there."""


def run_to_end(command, patience=300, **more):
    """Runs a program; returns what it printed, its seconds, and its CPU seconds. It is ended
    by its pid when the bench is interrupted."""
    with tempfile.TemporaryFile("w+") as complaints:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints,
                                   stdin=subprocess.DEVNULL, text=True, **more)
        alarm = threading.Timer(patience, os.kill, (process.pid, signal.SIGKILL))
        alarm.start()
        try:
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            alarm.cancel()
            process.stdout.close()
        took = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        complaints.seek(0)
        if process.returncode != 0:
            raise Failed(f"{os.path.basename(command[0])} ended with {process.returncode}: "
                         f"{complaints.read().strip()[-300:]}")
    return output, took, usage.ru_utime + usage.ru_stime
