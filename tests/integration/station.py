# SPDX-License-Identifier: Apache-2.0
"""A whole dateline in a temporary folder: configuration, spool, lists, daemon, command."""

import datetime
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("DATELINE_BUILDDIR", pathlib.Path(__file__).parents[2]))
SOURCE = pathlib.Path(__file__).parents[2]

# A command that runs the daemon and the command, as valgrind does.
WRAPPER = shlex.split(os.environ.get("DATELINE_WRAPPER", ""))

# Longer than anything should take on a slow machine under a sanitizer; a condition that
# is not met by then is a failure, not a reason to wait longer.
PATIENCE = 60

# A rate holds over every stretch of a second by the daemon's clock; the journal shows another
# one, and of both only whole milliseconds.
A_SECOND = 0.998


def wait_until(condition, what, patience=PATIENCE):
    """Returns what condition() returns as soon as that is true. what: a text, or a function
    that tells what was there instead."""
    end = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def most_within(moments, seconds):
    """The most of these moments, which are in order, that lie within a half-open stretch."""
    first = most = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


class Station:
    """Paths, settings and the programs on them. Relay settings are written as given."""

    def __init__(self, folder, relay_port, *, relay="", settings="", channel="", lists=None,
                 host="127.0.0.1", settle="100 ms"):
        self.folder = pathlib.Path(folder)
        self.spool = self.folder / "spool"
        self.config = self.folder / "dateline.conf"
        self.log_path = self.folder / "datelined.log"
        self.daemon = None
        self.lists = lists or {"press": "press.csv"}
        self.host = host
        self.settle = settle
        self.spool.mkdir(exist_ok=True)
        # A socket's path has at most 107 bytes; the folders of tests are deep.
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="dateline-"))
        self.configure(relay_port, relay=relay, settings=settings, channel=channel)

    def configure(self, relay_port, *, relay="", settings="", channel=""):
        lists = "".join(f'  {name} = {{ file = "{file}"; }};\n' for name, file in self.lists.items())
        first = next(iter(self.lists))
        self.config.write_text(f"""
spool = "{self.spool}";
runtime = "{self.runtime}";
settle = "{self.settle}";
rescan = "1 s";
{settings}
relays = ( {{ name = "main"; url = "smtp://{self.host}:{relay_port}"; {relay} }} );
lists = {{
{lists}}};
channels = {{
  press = {{ from = "Press Office <press@example.org>"; list = "{first}"; {channel} }};
}};
""")

    def write_list(self, text, name="press.csv"):
        path = self.folder / name
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")
        return path

    def write_contacts(self, count, name="press.csv"):
        rows = [f"c{i}@example.org,Given{i},Outlet {i}" for i in range(1, count + 1)]
        return self.write_list("email,first_name,outlet\n" + "\n".join(rows) + "\n", name)

    # --- The daemon ---

    def start(self, wait=True, wrapper=()):
        log = open(self.log_path, "ab")
        environment = dict(os.environ, G_MESSAGES_DEBUG="", DATELINE_CONFIG=str(self.config))
        self.daemon = subprocess.Popen([*wrapper, *WRAPPER, str(BUILD / "datelined")],
                                       stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       env=environment)
        log.close()
        if wait:
            wait_until(self.answers, "the daemon answers")
        return self.daemon

    def answers(self):
        if self.daemon.poll() is not None:
            raise AssertionError(f"datelined ended with {self.daemon.returncode}:\n{self.log()}")
        return self.live()

    def live(self):
        """What the daemon says of itself over its socket, or None."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(str(self.runtime / "control"))
                client.sendall(b'{"command": "status"}\n')
                return json.loads(client.makefile().readline())
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def stop(self, patience=PATIENCE):
        """A clean stop; returns the exit status."""
        self.daemon.send_signal(signal.SIGTERM)
        status = self.daemon.wait(patience)
        self.daemon = None
        return status

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()
        self.daemon = None

    def reload(self):
        self.daemon.send_signal(signal.SIGHUP)

    def report(self, what):
        """What to know where something did not happen."""
        return f"{what}; the daemon says {self.live()}; its log:\n{self.log()[-3000:]}"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # --- The press officer ---

    def drop(self, name, text, channel=None):
        """Puts a file into the spool as a careful program does: by rename."""
        incoming = self.spool / "incoming"
        if channel:
            incoming = incoming / channel
        incoming.mkdir(parents=True, exist_ok=True)
        hidden = incoming / ("." + name)
        hidden.write_bytes(text if isinstance(text, bytes) else text.encode())
        hidden.rename(incoming / name)

    def queued(self):
        return sorted(p.name for p in (self.spool / "queue").glob("*") if not p.name.endswith(".new"))

    def done(self):
        return sorted(p.name for p in (self.spool / "done").glob("*"))

    def rejected(self):
        return sorted(p for p in (self.spool / "rejected").glob("*") if (p / "REASON.txt").exists())

    def wait_done(self, count=1, patience=PATIENCE):
        wait_until(lambda: len(self.done()) >= count, lambda: self.report(f"{count} finished"), patience)
        return self.done()

    def wait_rejected(self, count=1):
        wait_until(lambda: len(self.rejected()) >= count, lambda: self.report(f"{count} rejected"))
        return [(p / "REASON.txt").read_text() for p in self.rejected()]

    # --- The command ---

    def run(self, *arguments, check=True, **more):
        command = [*WRAPPER, str(BUILD / "dateline"), "--config", str(self.config), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **more)
        if check and result.returncode != 0:
            raise AssertionError(f"dateline {arguments} ended with {result.returncode}:\n"
                                 f"{result.stdout}\n{result.stderr}")
        return result

    def status_json(self, *arguments):
        result = self.run("status", "--json", *arguments, check=False)
        return json.loads(result.stdout) if result.returncode == 0 else {}

    def facts(self, *arguments):
        """The delivery log as dictionaries."""
        output = self.run("log", "--format", "json", *arguments).stdout
        return [json.loads(line) for line in output.splitlines()]

    def journal(self, release):
        """All lines of a release's journal as (event, fields), as written."""
        folders = [self.spool / "queue" / release, self.spool / "done" / release]
        folder = next(f for f in folders if f.exists())
        lines = []
        for path in [folder / "journal", *sorted(folder.glob("journal.[0-9]*"),
                                                 key=lambda p: int(p.suffix[1:]))]:
            if path.exists():
                lines += path.read_text(errors="replace").splitlines()
        return [line.split(" ") for line in lines]

    def begun(self, release, contacts=None):
        """When messages to these contacts, or to all, were begun: what rates count. In seconds."""
        wanted = None if contacts is None else {f"contact={contact}" for contact in contacts}
        return [datetime.datetime.fromisoformat(line[1].replace("Z", "+00:00")).timestamp()
                for line in self.journal(release)
                if line[2:3] == ["intended"] and (wanted is None or line[3] in wanted)]

    def close(self):
        if self.daemon is not None:
            self.kill()
        shutil.rmtree(self.runtime, ignore_errors=True)
