# SPDX-License-Identifier: Apache-2.0
"""A network that fails in the middle of a release: a network namespace with its own loopback, its
own nftables, its own name server."""

import pathlib
import subprocess
import sys
import time

from ground import NEWS, Ground, Impossible, everything_rests, judge, wait_until

CONTACTS = 400
CONNECTIONS = 4
PATIENCE = 180


class Net:
    """A namespace that lives as long as its holder."""

    def __init__(self, ground):
        self.answers = ground.folder / "answers"
        self.answers.write_text("127.0.0.1")
        (ground.folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        setup = (f"ip link set lo up && mount --bind {ground.folder}/resolv.conf /etc/resolv.conf && "
                 "nft add table inet torture && "
                 "nft 'add chain inet torture in { type filter hook input priority 0; }' && "
                 "echo ready && exec sleep infinity")
        try:
            holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", setup],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError as reason:
            raise Impossible("unshare is not here") from reason
        ground.processes.append(holder)
        if holder.stdout.readline() != "ready\n":
            raise Impossible(f"no network namespace: {holder.stderr.read().strip()}")
        self.inside = ["nsenter", "--target", str(holder.pid), "--net", "--mount", "--"]
        names = subprocess.Popen([*self.inside, sys.executable,
                                  str(pathlib.Path(__file__).with_name("nameserver.py")), self.answers],
                                 stdout=subprocess.PIPE, text=True)
        ground.processes.append(names)
        if names.stdout.readline() != "ready\n":
            raise Impossible("no name server on port 53 of the namespace")

    def rule(self, text):
        subprocess.run([*self.inside, "nft", f"add rule inet torture in {text}"], check=True)

    def clear(self):
        subprocess.run([*self.inside, "nft", "flush chain inet torture in"], check=True)


class Scene:
    """A release under way to a relay that has a name."""

    def __init__(self, ground):
        self.net = Net(ground)
        self.ground = ground
        self.sink = ground.sink("--delay", "5", prefix=self.net.inside)
        self.sinks = [self.sink]
        self.station = ground.station(self.sink.port, host="relay.example",
                                      relay=f'connections = {CONNECTIONS}; tls = "none";',
                                      settings='retry_first = "50 ms";')
        self.station.write_contacts(CONTACTS)
        self.station.start(wrapper=self.net.inside)
        self.station.drop("news.md", NEWS)

    def reached(self):
        return sum(len(sink.records()) for sink in self.sinks)

    def wait_progress(self, more):
        goal = min(self.reached() + more, CONTACTS - 20)
        wait_until(lambda: self.reached() >= goal or everything_rests(self.station),
                   lambda: self.station.report(f"{goal} messages"), PATIENCE)

    def trouble(self):
        return self.station.live()["relays"][0]["trouble"]

    def wait_trouble(self, words=""):
        return wait_until(lambda: self.trouble() and words in self.trouble() and self.trouble(),
                          lambda: self.station.report("trouble with the relay"), PATIENCE)


def refused(scene):
    scene.sink.stop()
    told = scene.wait_trouble()
    scene.sink.start()
    return told


def reset(scene):
    """Every packet to the relay is answered with a reset, of old connections as of new ones."""
    scene.net.rule(f"tcp dport {scene.sink.port} reject with tcp reset")
    told = scene.wait_trouble()
    scene.net.clear()
    return told


def dropped(scene):
    """Nothing gets through in either direction for two seconds; what was sent is sent again."""
    scene.net.rule(f"tcp dport {scene.sink.port} drop")
    scene.net.rule(f"tcp sport {scene.sink.port} drop")
    time.sleep(2)
    scene.net.clear()
    return "two seconds of silence"


def half_open(scene):
    """The relay dies while nothing gets through: nobody tells the daemon."""
    scene.net.rule(f"tcp dport {scene.sink.port} drop")
    scene.net.rule(f"tcp sport {scene.sink.port} drop")
    scene.sink.kill()
    time.sleep(1)
    scene.net.clear()
    scene.sink.start()
    return "the relay forgot its connections"


def name_fails(way):
    def fail(scene):
        scene.net.answers.write_text(way)
        scene.sink.stop()
        told = scene.wait_trouble("resolve")
        scene.sink.start()
        scene.net.answers.write_text("127.0.0.1")
        return told
    return fail


def other_address(scene):
    """The relay's name leads elsewhere, and nobody is at the old address."""
    port = scene.sink.port
    other = scene.ground.sink("--delay", "5", prefix=scene.net.inside, address="127.0.0.2", port=port)
    scene.sinks.append(other)
    scene.net.answers.write_text("127.0.0.2")
    scene.sink.stop()
    wait_until(other.records, lambda: scene.station.report("messages at the new address"), PATIENCE)
    return "the rest went to the new address"


TRIES = {"refused": refused, "reset": reset, "dropped": dropped, "half-open": half_open,
         "no-server": name_fails("SERVFAIL"), "no-name": name_fails("NXDOMAIN"),
         "no-answer": name_fails("silent"), "address": other_address}


def try_one(name):
    with Ground(f"net-{name}") as ground:
        scene = Scene(ground)
        scene.wait_progress(40)
        told = TRIES[name](scene)
        wait_until(lambda: everything_rests(scene.station),
                   lambda: scene.station.report("the end"), PATIENCE)
        assert scene.station.stop() == 0, "the daemon did not stop in peace"
        ground.end_sinks()
        releases = scene.station.queued() + scene.station.done()
        records = [record for sink in scene.sinks for record in sink.records()]
        states = judge(scene.station, records, releases[0], CONNECTIONS)
        assert sum(states.values()) == CONTACTS and set(states) <= {"sent", "in-doubt"}
        return f"{name}: {told}; {states['sent']} sent, {states['in-doubt']} in doubt"
