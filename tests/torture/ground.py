# SPDX-License-Identifier: Apache-2.0
"""What every experiment stands on: a folder, sinks, stations, mounts; all gone afterwards.

A folder in which a promise did not hold is kept, as evidence.
"""

import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))

from judgement import everything_rests, judge, release_rests                # noqa: E402
from judgement import RELEASE as NEWS                                       # noqa: E402
from sink import Sink                                                       # noqa: E402
from station import BUILD, Station, wait_until                              # noqa: E402

__all__ = ["BUILD", "NEWS", "Ground", "Impossible", "Violation", "everything_rests", "judge",
           "release_rests", "shut_down_file_system", "system", "wait_until"]


class Violation(AssertionError):
    """A promise did not hold."""


class Impossible(Exception):
    """This machine does not allow the experiment."""


def system(*command):
    try:
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    except FileNotFoundError as reason:
        raise Impossible(f"{command[0]} is not here") from reason
    if result.returncode != 0:
        raise Impossible(f"{' '.join(map(str, command))}: {result.stderr.strip()}")
    return result.stdout


def shut_down_file_system(point):
    """What xfs_io -x -c shutdown does, and what a power cut does to a file system: from now on
    nothing reaches its disk, not even its log."""
    fs_ioc_shutdown, without_log = 0x8004587D, 2
    descriptor = os.open(point, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, fs_ioc_shutdown, struct.pack("I", without_log))
    finally:
        os.close(descriptor)


class Ground:
    """One try of an experiment, as a context. In memory, unless a parent is given: what is tried
    is what processes see, and a real disk's syncs would only take time."""

    def __init__(self, name, parent=None):
        memory = pathlib.Path("/dev/shm")
        parent = parent or (memory if os.access(memory, os.W_OK) else None)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"torture-{name}-", dir=parent))
        self.sinks, self.stations, self.mounts, self.processes = [], [], [], []

    def __enter__(self):
        return self

    def sink(self, *arguments, port=None, **more):
        folder = self.folder / f"sink{len(self.sinks)}"
        folder.mkdir()
        self.sinks.append(Sink(folder, *arguments, maildir=False, **more))
        self.sinks[-1].port = port or self.sinks[-1].port
        return self.sinks[-1].start()

    def station(self, port, **more):
        folder = self.folder / f"station{len(self.stations)}"
        folder.mkdir()
        more.setdefault("settle", "10 ms")
        self.stations.append(Station(folder, port, **more))
        return self.stations[-1]

    # --- Disks ---

    def mount(self, *arguments):
        if os.geteuid() != 0:
            raise Impossible("only root may mount")
        system("mount", *arguments)
        self.mounts.append(arguments[-1])

    def unmount(self, point):
        wait_until(lambda: subprocess.run(["umount", str(point)], stderr=subprocess.DEVNULL)
                   .returncode == 0, f"{point} can be unmounted", 20)
        self.mounts.remove(point)

    def image(self, kind, size_mb, *options):
        """A file with a file system, to be mounted with -o loop."""
        image = self.folder / f"image.{kind}"
        with open(image, "wb") as file:
            file.truncate(size_mb << 20)
        system(f"mkfs.{kind}", "-q", *options, image)
        return image

    # --- The end ---

    def end_sinks(self):
        """The records are complete then."""
        for sink in self.sinks:
            if sink.process is not None:
                sink.stop()

    def end(self):
        for station in self.stations:
            station.close()
        self.end_sinks()
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []

    def __exit__(self, kind, problem, trace):
        self.end()
        if kind is not None and issubclass(kind, AssertionError):
            self.keep()
            problem.args = (f"{problem} [evidence: {self.folder}]",)
        for point in reversed(self.mounts):
            subprocess.run(["umount", "--lazy", str(point)], check=False)
        if kind is None or not issubclass(kind, AssertionError):
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self):
        """What lies on a mounted file system is copied, since that goes."""
        for station in self.stations:
            if station.spool in self.mounts:
                shutil.copytree(station.spool, station.folder / "spool.kept", symlinks=True,
                                ignore_dangling_symlinks=True, dirs_exist_ok=True)


def task_states(pid):
    """The state of each thread: R, S, D, T …"""
    states = []
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            states.append(stat.read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return states


def freeze_process(process):
    """Stops all its threads, and returns when the kernel has finished what it did for them."""
    os.kill(process.pid, 19)
    wait_until(lambda: set(task_states(process.pid)) <= {"T", "t", "Z"}, "all threads stand still", 30)


def rest(seconds):
    time.sleep(seconds)
