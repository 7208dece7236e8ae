# SPDX-License-Identifier: Apache-2.0
"""The Debian package on a real systemd: from installation to purge.

DATELINE_PACKAGE names the package, such as tools/package leaves in build/debian.
"""

import json
import os
import pathlib
import shutil

import pytest

import container
from container import Container, NoBoot
from station import wait_until
from test_lists import write_xlsx

PACKAGE = os.environ.get("DATELINE_PACKAGE") or ""

CONFIGURATION = """
settle = "200 ms";
rescan = "1 s";
relays = ( { name = "main"; url = "smtp://127.0.0.1:2525"; username = "press";
             credential = "main-password"; } );
lists = { press = { file = "LIST"; }; };
channels = { press = { from = "Press Office <press@example.org>"; list = "press"; };
MORE };
"""

SPOOL = "/var/spool/dateline"


class System(Container):
    """A container with what its administrator does."""

    def configure(self, contacts="press.csv", more=""):
        self.write("/etc/dateline/dateline.conf",
                   CONFIGURATION.replace("LIST", contacts).replace("MORE", more))

    def drop_in(self, name, text):
        self.write(f"/etc/systemd/system/datelined.service.d/{name}.conf", text)
        self.run("systemctl", "daemon-reload")

    def show(self, key, unit="datelined"):
        return self.output("systemctl", "show", "--property", key, "--value", unit)

    def sink(self, *arguments):
        """Starts the relay; what it was given before stays in /tmp/record."""
        self.run("systemctl", "stop", "sink", check=False)
        self.run("systemd-run", "--unit=sink", "--collect", "dateline-sink", "--auth", "press:secret",
                 "--record", "/tmp/record", *arguments)

    def received(self):
        lines = self.run("cat", "/tmp/record", check=False).stdout.splitlines()
        return [line.split("\t")[3] for line in lines]

    def queue(self, folder):
        return self.output("ls", f"{SPOOL}/{folder}").split()

    def logged(self, **fields):
        output = self.output("journalctl", "--output=json", "--unit=datelined",
                             *(f"{key}={value}" for key, value in fields.items()))
        return [json.loads(line) for line in output.splitlines()]

    def as_alice(self, *command):
        return self.run("runuser", "-u", "alice", "--", *command)


@pytest.fixture
def system(tmp_path):
    reason = container.missing()
    if not PACKAGE:
        reason = reason or "DATELINE_PACKAGE names no package; tools/package makes one"
    if reason:
        pytest.skip(reason)
    try:
        made = System(tmp_path)
    except NoBoot as error:
        pytest.skip(f"systemd does not boot in a container here: {error}")
    yield made
    made.close()


def message_id(what):
    """By the first words of its entry in the catalog."""
    catalog = pathlib.Path(__file__).parents[2] / "systemd" / "dateline.catalog"
    entries = catalog.read_text().split("\n-- ")[1:]
    return next(entry[:32] for entry in entries if entry[33:].startswith(f"Subject: {what}"))


def install(system):
    system.copy(PACKAGE, "/root/dateline.deb")
    system.run("dpkg", "--install", "/root/dateline.deb")
    assert system.run("systemctl", "is-enabled", "datelined", check=False).stdout == "disabled\n"
    assert system.run("systemctl", "is-active", "datelined", check=False).stdout == "inactive\n"
    assert system.output("stat", "--format=%a %U %G", f"{SPOOL}/incoming") == "2770 dateline dateline"
    assert system.output("stat", "--format=%a %U %G", "/etc/dateline") == "750 root dateline"
    for unit in ("datelined.service", "datelined@one.service"):
        system.run("systemd-analyze", "verify", "--man=no", unit)
        system.run("systemd-analyze", "security", "--threshold=12", unit)
    system.run("useradd", "--groups=dateline", "--create-home", "alice")


def start(system, folder):
    system.sink()
    contacts = {1: ["Email", "Name"], 2: ["jane@example.org", "Jane"], 3: ["joe@example.org", "Joe"]}
    if shutil.which("ssconvert"):
        write_xlsx(folder / "press.xlsx", contacts)
        system.copy(folder / "press.xlsx", "/etc/dateline/press.xlsx")
    system.write("/etc/dateline/press.csv", "".join(f"{','.join(row)}\n" for row in contacts.values()))
    system.configure("press.xlsx" if shutil.which("ssconvert") else "press.csv")
    system.write("/etc/dateline/main-password", "secret\n", "600")
    system.drop_in("credential", "[Service]\nLoadCredential=main-password:/etc/dateline/main-password\n"
                   "RestartSec=100ms\n[Unit]\nStartLimitIntervalSec=0\n")
    system.run("systemctl", "enable", "--now", "datelined")
    status = system.output("cat", f"/proc/{system.show('MainPID')}/status").splitlines()
    facts = dict(line.split(":\t", 1) for line in status)
    assert (int(facts["CapEff"], 16), facts["NoNewPrivs"], facts["Seccomp"]) == (0, "1", "2")
    assert facts["Uid"].split()[0] == system.output("id", "--user", "dateline")
    assert system.show("StatusText") == "waiting for drops"


def send(system):
    """A file by the command, and a folder copied by hand: owned by somebody else, no capability."""
    system.write("/home/alice/news.md", "# News\n\nText for {{name}}.\n")
    system.write("/home/alice/more/release.md", "# More\n\nText for {{name}}.\n")
    system.run("chown", "-R", "alice:alice", "/home/alice")
    system.run("chmod", "-R", "g+rwX", "/home/alice/more")
    system.as_alice("dateline", "send", "/home/alice/news.md")
    system.as_alice("sh", "-c", f"umask 002; cp -r /home/alice/more {SPOOL}/incoming/")
    wait_until(lambda: len(system.queue("done")) == 2,
               lambda: system.output("journalctl", "--unit=datelined", "--lines=30"))
    assert sorted(system.received()) == ["jane@example.org"] * 2 + ["joe@example.org"] * 2
    release = next(name for name in system.queue("done") if name.endswith("news"))
    (accepted,) = system.logged(MESSAGE_ID=message_id("A release was accepted"),
                                DATELINE_RELEASE=release)
    assert accepted["PRIORITY"] == "5" and "accepted for 2 recipients" in accepted["MESSAGE"]
    states = [line["DATELINE_STATE"] for line in
              system.logged(MESSAGE_ID=message_id("Release @DATELINE_RELEASE@ is @DATELINE_STATE@"),
                            DATELINE_RELEASE=release)]
    assert states == ["sending", "finished"]
    told = system.output("journalctl", "--catalog", f"DATELINE_RELEASE={release}")
    assert f"Subject: A release was accepted: {release}" in told


def reload(system):
    process = system.show("MainPID")
    system.configure(more='  embassies = { from = "press@example.org"; list = "press"; };')
    system.run("systemctl", "reload", "datelined")
    assert system.output("stat", "--format=%a %G", f"{SPOOL}/incoming/embassies") == "2770 dateline"
    system.write("/etc/dateline/dateline.conf", 'spol = "/nowhere";\n')
    system.run("systemctl", "reload", "datelined")
    wait_until(lambda: system.logged(MESSAGE_ID=message_id("The settings stay")), "it is logged")
    (refused,) = system.logged(MESSAGE_ID=message_id("The settings stay"))
    assert refused["PRIORITY"] == "4" and "has mistakes" in refused["DATELINE_REASON"]
    assert (system.show("MainPID"), system.show("ActiveState")) == (process, "active")
    system.configure()
    system.run("systemctl", "reload", "datelined")


def restarted(system, before):
    """Waits until systemd has a new process that is ready."""
    wait_until(lambda: system.show("MainPID") not in ("0", before)
               and system.show("ActiveState") == "active", "it is started again")
    wait_until(lambda: system.run("dateline", "status", check=False).returncode == 0, "it answers")


def freeze_and_kill(system):
    system.drop_in("watchdog", "[Service]\nWatchdogSec=2s\n")
    system.run("systemctl", "restart", "datelined")
    process = system.show("MainPID")
    system.run("kill", "-STOP", process)
    restarted(system, process)
    assert "Watchdog timeout" in system.output("journalctl", "--unit=datelined")
    process = system.show("MainPID")
    system.run("kill", "-KILL", process)
    restarted(system, process)
    system.drop_in("watchdog", "")
    system.run("systemctl", "restart", "datelined")


def stop_in_mid_release(system):
    count = 60
    system.run("rm", "/tmp/record")
    system.sink("--delay", "50")
    system.write("/etc/dateline/press.csv",
                 "email\n" + "".join(f"c{i}@example.org\n" for i in range(count)))
    system.configure()
    system.run("systemctl", "reload", "datelined")
    system.write(f"{SPOOL}/incoming/.slow.md", "# Slow\n\nText.\n")
    system.run("mv", f"{SPOOL}/incoming/.slow.md", f"{SPOOL}/incoming/slow.md")
    wait_until(lambda: len(system.received()) >= 5, "it sends")
    system.run("systemctl", "stop", "datelined")
    assert system.show("Result") == "success"
    assert len(system.received()) < count and len(system.queue("queue")) == 1
    system.run("systemctl", "start", "datelined")
    wait_until(lambda: not system.queue("queue"), "the rest is sent")
    assert sorted(system.received()) == sorted(f"c{i}@example.org" for i in range(count))


def add_instance(system):
    """By the words of datelined(8)."""
    system.run("sh", "-c", r"""
        cd /etc/dateline && cp -p dateline.conf embassy.conf
        echo 'spool = "/var/spool/dateline-embassy"; runtime = "/run/dateline-embassy";' >>embassy.conf
        sed 's|/var/spool/dateline|&-embassy|' /usr/lib/tmpfiles.d/dateline.conf \
          >/etc/tmpfiles.d/dateline-embassy.conf
        systemd-tmpfiles --create dateline-embassy.conf""")
    system.run("systemctl", "start", "datelined@embassy")
    system.run("dateline", "--config", "/etc/dateline/embassy.conf", "status")


def upgrade(system):
    processes = [system.show("MainPID", unit) for unit in ("datelined", "datelined@embassy")]
    system.run("dpkg", "--install", "/root/dateline.deb")
    for before, unit in zip(processes, ("datelined", "datelined@embassy")):
        assert system.show("ActiveState", unit) == "active"
        assert system.show("MainPID", unit) != before, f"{unit} runs the new version"


def remove_and_purge(system):
    system.run("dpkg", "--remove", "dateline")
    assert system.run("pgrep", "-x", "datelined", check=False).stdout == ""
    assert "spol" not in system.output("cat", "/etc/dateline/dateline.conf")
    assert len(system.queue("done")) == 3
    system.run("dpkg", "--purge", "dateline")
    left = existing(system, SPOOL, "/var/lib/dateline", "/etc/dateline/dateline.conf",
                   "/run/dateline")
    assert left == []
    assert existing(system, "/etc/dateline/press.csv") != [], "lists are their owner's"


def existing(system, *paths):
    return [path for path in paths if system.run("test", "-e", path, check=False).returncode == 0]


def test_from_installation_to_purge(system, tmp_path):
    install(system)
    start(system, tmp_path)
    send(system)
    reload(system)
    freeze_and_kill(system)
    stop_in_mid_release(system)
    add_instance(system)
    upgrade(system)
    remove_and_purge(system)
