# SPDX-License-Identifier: Apache-2.0
"""dateline-sink for tests: start it, read what it kept, stop it.

    with Sink(tmp_path, faults=['at=dot every=3 reply="451 4.3.0 oops"']) as sink:
        ...send to ("127.0.0.1", sink.port)...
        assert [r.recipients for r in sink.records()] == [["a@example.org"]]

The program is looked for in the folder that DATELINE_BUILDDIR names, else in the
root of the sources.
"""

import collections
import contextlib
import email
import email.policy
import os
import pathlib
import random
import re
import select
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds for what should take none

Record = collections.namedtuple(
    "Record", "time connection sender recipients size message_id")


def program(name):
    """The path of a built program."""
    return pathlib.Path(os.environ.get("DATELINE_BUILDDIR", ROOT)) / name


class HeldPort:
    """The number of a free TCP port that nobody else who asks for one here gets, in whatever process, as long
    as this object lives, even while no server listens there. The kernel gives out none of these
    numbers of its own accord, neither for port 0 nor for connections."""

    FIRST, LAST = 20000, 32000

    def __init__(self):
        for self.number in random.sample(range(self.FIRST, self.LAST), 1000):
            self._holder = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError), socket.socket() as free:
                self._holder.bind(f"\0dateline-test-port-{self.number}")
                free.bind(("127.0.0.1", self.number))
                return
            self._holder.close()
        raise RuntimeError("no port is free")

    def __del__(self):
        self._holder.close()


def _unescape(text):
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)


class Sink:
    """One running dateline-sink, with its record and Maildir below `directory`.

    `arguments` are further options; `faults` are rules. With maildir=False
    message bodies are only counted. `prefix` is a command that runs the sink. A
    Sink that has been stopped can be started again: it keeps its port, appends
    to its record and counts anew.
    """

    def __init__(self, directory, *arguments, faults=(), maildir=True, record=True,
                 prefix=(), address="127.0.0.1"):
        self.directory = pathlib.Path(directory)
        self.record_file = self.directory / "record"
        self.maildir = self.directory / "maildir"
        self._held = HeldPort()
        self.port = self._held.number
        self.process = None
        self._stdout = b""
        self._options = [str(argument) for argument in arguments]
        self._options += ["--record", str(self.record_file)] if record else []
        self._options += ["--maildir", str(self.maildir)] if maildir else ["--count"]
        self.faults = list(faults)
        self.prefix = list(prefix)
        self.address = address

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.stop()

    def start(self):
        """Returns when the sink listens, on self.port."""
        assert self.process is None, "this sink runs already"
        command = [*self.prefix, str(program("dateline-sink"))]
        command += ["--listen", f"{self.address}:{self.port}", *self._options]
        for fault in self.faults:
            command += ["--fault", fault]
        self._stdout = b""
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        line = self._read_line()
        prefix = f"listening on {self.address}:"
        if not line.startswith(prefix):
            self.stop()
            raise RuntimeError(f"dateline-sink did not listen: {line!r}")
        assert int(line[len(prefix):]) == self.port
        return self

    def stop(self):
        """Ends the sink, and returns its totals as a dictionary."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            rest, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        assert process.returncode == 0, f"dateline-sink ended with {process.returncode}"
        return self._parse_totals((self._stdout + rest).decode().splitlines()[-1])

    def kill(self):
        """Ends the sink as a crash would."""
        process, self.process = self.process, None
        process.kill()
        process.communicate()

    def totals(self):
        """What the sink has counted so far, as a dictionary."""
        self.process.send_signal(signal.SIGUSR1)
        return self._parse_totals(self._read_line())

    def records(self):
        """The accepted messages, in the order of their acceptance."""
        if not self.record_file.exists():
            return []
        records = []
        whole = self.record_file.read_text(encoding="utf-8").rpartition("\n")[0]
        for line in whole.splitlines():
            moment, connection, sender, recipients, size, message_id = line.split("\t")
            addresses = recipients.split(",") if recipients else []
            records.append(Record(
                moment, int(connection), "" if sender == "<>" else _unescape(sender),
                [_unescape(address) for address in addresses], int(size),
                None if message_id == "-" else _unescape(message_id)))
        return records

    def message_files(self):
        """The bytes of the Maildir's files, in the order of their acceptance."""
        def place(path):
            connection, message = path.name.split("_")[1].split(".")[0].split("-")
            return path.stat().st_mtime_ns, int(connection), int(message)
        return [path.read_bytes() for path in sorted(self.maildir.glob("new/*"), key=place)]

    def messages(self):
        """The messages of the Maildir, parsed."""
        return [email.message_from_bytes(octets, policy=email.policy.SMTP)
                for octets in self.message_files()]

    def wait_for(self, count):
        """Returns the records as soon as there are so many."""
        deadline = time.monotonic() + PATIENCE
        while len(self.records()) < count:
            assert time.monotonic() < deadline, f"{len(self.records())} of {count} messages came"
            time.sleep(0.01)
        return self.records()

    @staticmethod
    def _parse_totals(line):
        return {name: int(value) for name, value in (word.split("=") for word in line.split())}

    def _read_line(self):
        deadline = time.monotonic() + PATIENCE
        stream = self.process.stdout.fileno()
        while b"\n" not in self._stdout:
            left = max(0, deadline - time.monotonic())
            ready, _, _ = select.select([stream], [], [], left)
            octets = os.read(stream, 4096) if ready else b""
            if not octets:
                return self._stdout.decode()
            self._stdout += octets
        line, self._stdout = self._stdout.split(b"\n", 1)
        return line.decode()
