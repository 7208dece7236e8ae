# SPDX-License-Identifier: Apache-2.0
"""A server in a root folder of its own.

These servers have users, spools and sockets at places that are compiled in, and their Debian
packages exclude each other. So `tools/setup servers` only unpacks the packages, below PACKAGES,
and each test copies what its server needs, with the libraries that ldd names, into a new root
folder and changes into that by chroot: everything is at its usual place, and nothing of it is
shared with the machine or with another test but the loopback interface. There are no device
nodes in it, since they may need a privilege more: regular files take their places.
"""

import collections
import email
import functools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from sink import HeldPort
from station import PATIENCE, wait_until

PACKAGES = pathlib.Path(os.environ.get("DATELINE_SERVERS", "/var/cache/dateline-servers"))
OWNER = 5000    # of the mailboxes
DOMAIN = "example.org"


def unpacked(package):
    """The folder with the package's files; where there is none the test is skipped."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to change into the server's own root folder")
    folder = PACKAGES / package
    if not folder.is_dir():
        pytest.skip(f"needs {folder}, which tools/setup servers makes")
    return folder


@functools.lru_cache(None)
def libraries(package, programs):
    """Where the libraries of these programs are: {path in the root: path on the machine}."""
    top = unpacked(package)
    own = [f"{top}/usr/lib/{name}" for name in ("postfix", "dovecot", "dovecot/modules/old-stats")]
    result = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True,
                            env=dict(os.environ, LD_LIBRARY_PATH=":".join(own)))
    missing = sorted(set(re.findall(r"(\S+) => not found", result.stdout)))
    if missing:
        pytest.skip(f"{package} needs {', '.join(missing)}, which tools/setup servers installs")
    paths = set(re.findall(r"(?:=> |^\t)(/\S+) \(0x", result.stdout, re.M))
    return {path.removeprefix(str(top)).lstrip("/"): path for path in paths}


class Root:
    """The root folder. `users` are {name: number}; each has a group of its name and number."""

    FILES = {
        "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\n",
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        "etc/services": "smtp 25/tcp\n",
        "etc/mailname": f"relay.{DOMAIN}\n",
        "dev/null": "",
    }

    def __init__(self, users):
        # Not below tmp_path: the server's users must get there.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dateline-root-"))
        self.folder.chmod(0o755)
        self.watchers = []
        self.users = {"root": 0, "mail": OWNER, "nobody": 65534, **users}
        for name in ("usr/lib", "usr/lib64", "usr/bin", "usr/sbin", "etc", "dev", "run", "mail",
                     "var/log", "tmp", "root"):
            (self.folder / name).mkdir(parents=True)
        for name, target in (("lib", "usr/lib"), ("lib64", "usr/lib64"), ("bin", "usr/bin"),
                             ("sbin", "usr/sbin"), ("var/run", "../run")):
            (self.folder / name).symlink_to(target)
        for name, text in self.FILES.items():
            self.write(name, text)
        self.write("etc/passwd", "".join(f"{name}:x:{number}:{number}::/mail:/bin/sh\n"
                                         for name, number in self.users.items()))
        self.write("etc/group", "".join(f"{name}:x:{number}:\n"
                                        for name, number in self.users.items()))
        for name in ("dev/urandom", "dev/random"):
            (self.folder / name).write_bytes(os.urandom(4096))
        for name in ("dev/null", "tmp", "var/log"):
            (self.folder / name).chmod(0o1777)
        self.own("mail", "mail")

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def own(self, name, user, mode=0o755, group=None):
        """A folder or file that belongs to the user; a folder is made if it is not there."""
        path = self.folder / name
        if not path.exists():
            path.mkdir(parents=True)
        os.chown(path, self.users[user], self.users[group or user])
        path.chmod(mode)
        return path

    def bring(self, package, *names):
        """Programs, or folders of programs, from a package, with their libraries."""
        top = unpacked(package)
        programs = []
        for name in names:
            source, target = top / name, self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
                programs += [path for path in sorted(source.rglob("*")) if is_program(path)]
            else:
                shutil.copy2(source, target)
                programs.append(source)
        self.bring_libraries(libraries(package, tuple(programs)))

    def bring_shell(self):
        shutil.copy2("/bin/sh", self.folder / "bin/sh")
        self.bring_libraries(libraries("", ("/bin/sh",)))

    def bring_libraries(self, found):
        for name, source in found.items():
            target = self.folder / name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    def popen(self, *arguments, **more):
        """It ends with the tests, even if these are killed: then the watcher reads no more.
        (A parent's death is signalled to no process that has changed its user meanwhile.)"""
        process = subprocess.Popen(["chroot", str(self.folder), *arguments],
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   env={"PATH": "/usr/sbin:/usr/bin"}, **more)
        self.watchers.append(subprocess.Popen(
            ["sh", "-c", 'read -r _; kill "$1"', "sh", str(process.pid)],
            stdin=subprocess.PIPE, start_new_session=True))
        return process

    def processes(self):
        """Of those that changed into this root, or into a folder below it."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                root = os.readlink(f"/proc/{entry}/root") if entry.isdigit() else ""
            except OSError:
                continue
            if root == str(self.folder) or root.startswith(f"{self.folder}/"):
                found.append(int(entry))
        return found

    def end_processes(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.processes():
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + (5 if number == signal.SIGTERM else PATIENCE)
            while self.processes() and time.monotonic() < end:
                time.sleep(0.02)
        assert not self.processes()

    def close(self):
        for watcher in self.watchers:
            watcher.kill()
            watcher.communicate()
        self.end_processes()
        shutil.rmtree(self.folder)


def is_program(path):
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def encrypted(password):
    """As crypt(3) has it."""
    return subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, text=True,
                          capture_output=True, check=True).stdout.strip()


class Syslog:
    """Receives what programs in the root tell syslog(3), and writes it as rsyslogd does."""

    FORM = re.compile(rb"(?s)<\d+>(\w{3} [ \d]\d \d\d:\d\d:\d\d) (.*)")

    def __init__(self, root, name="var/log/mail"):
        self.path = root.folder / name
        self.path.touch()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(root.folder / "dev/log"))
        os.chmod(root.folder / "dev/log", 0o666)
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        with open(self.path, "ab", buffering=0) as file:
            while octets := self._socket.recv(65536):
                stamp, text = self.FORM.fullmatch(octets.rstrip(b"\n\0")).groups()
                file.write(stamp + b" relay " + text + b"\n")

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


class Server:
    """What all of them can do. A kind of server makes self.root and self.log_path, and says how
    it is started. It stores messages in Maildirs, mail/NAME in the root for NAME@example.org."""

    name = None

    def __init__(self, root):
        self.root = root
        self._held = HeldPort()
        self.port = self._held.number
        self.log_path = root.folder / "var/log/mail"
        self.output = root.folder / "var/log/output"
        self.process = None

    def start(self, *arguments):
        with open(self.output, "ab") as output:
            self.process = self.root.popen(*arguments, stdout=output, stderr=output)
        wait_until(self.greets, lambda: f"{self.name} greets; it says:\n{self.log}")
        return self

    def greets(self):
        if self.process.poll() is not None:
            pytest.skip(f"{self.name} does not run here: {self.log}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
                greeting = client.recv(1000)
                client.sendall(b"QUIT\r\n")
                client.recv(1000)
                return greeting.startswith(b"220")
        except OSError:
            return False

    @property
    def log(self):
        return "".join(path.read_text(errors="replace") for path in (self.output, self.log_path)
                       if path.exists())

    def letters(self):
        """The messages that were stored: {address: [message]}."""
        return {f"{folder.name}@{DOMAIN}": [email.message_from_bytes(path.read_bytes())
                                            for path in sorted((folder / "new").glob("*"))]
                for folder in sorted((self.root.folder / "mail").glob("*"))}

    def delivered(self):
        """How often each address got a message."""
        return collections.Counter({f"{folder.name}@{DOMAIN}": len(os.listdir(folder / "new"))
                                    for folder in (self.root.folder / "mail").glob("*")
                                    if (folder / "new").is_dir()})

    def wait_logged(self, words):
        """The log may be written by another process than the one that it tells of."""
        wait_until(lambda: words in self.log, lambda: f"{words!r} in the log: {self.log[-5000:]}")

    def wait_delivered(self, wanted):
        """Until each of these addresses has exactly one message, and no other has any."""
        wanted = collections.Counter(wanted)
        wait_until(lambda: self.delivered().total() >= wanted.total(),
                   lambda: f"{wanted} delivered; {self.delivered()} were; {self.log[-5000:]}")
        assert self.delivered() == wanted

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.root.close()
