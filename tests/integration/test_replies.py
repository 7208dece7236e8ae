# SPDX-License-Identifier: Apache-2.0
"""Every reply at every stage: what becomes of the contacts, judged by the sink's record and
the release's journal.

A fault is laid once, for whoever comes along or for one chosen contact, with PIPELINING and
without. EXPECTED says what must become of the contact that it hits; for everybody else, and
always, hold the promises in judge(). The faults of one stage run side by side, each with a
sink and a daemon of its own: they spend their time waiting.
"""

import collections
import concurrent.futures
import re
import sqlite3
import time

import pytest

from sink import Sink
from station import PATIENCE, Station, wait_until

CONTACTS = 6
CHOSEN = "c3@example.org"
AT_ONCE = 16
RELEASE = "# News\n\nText.\n"

# What becomes of the contact that a fault hits.
KEPT = "kept"            # sent in the end; nothing was held against it
DEFERRED = "deferred"    # sent in the end; it cost an attempt
BOUNCED = "bounced"
DOUBT = "in-doubt"
PAUSED = "paused"        # the same for every contact: the release pauses, nobody is charged

# The reply that each stage wants.
PROPER = {"connect": "220", "ehlo": "250", "starttls": "220", "auth": "235", "mail": "250",
          "rcpt": "250", "data": "354", "dot": "250", "rset": "250", "quit": "221"}

LONG = "x" * 10000

# A contact's events at rest: every intent has its outcome.
COMPLETE = re.compile(r"(intended (withdrawn|deferred) )*intended (sent|bounced|in-doubt)")


def faults_at(stage):
    """What can go wrong, as the sink's actions, by name."""
    proper = PROPER.get(stage)
    faults = {
        "450": 'reply="450 not now"',
        "451 4.3.0": 'reply="451 4.3.0 trouble of our own"',
        "452": 'reply="452 no room"',
        "452 4.2.2": 'reply="452 4.2.2 mailbox full"',
        "552": 'reply="552 exceeded storage allocation"',
        "421": 'reply="421 going down"',
        "421 close": 'reply="421 4.3.2 going down" close',
        "503": 'reply="503 5.5.1 bad sequence"',
        "535": 'reply="535 5.7.8 who are you"',
        "550": 'reply="550 no"',
        "554 5.7.1": 'reply="554 5.7.1 spam"',
        "552 5.3.4": 'reply="552 5.3.4 too large"',
        "451 long": f'reply="451 4.3.0 {LONG}"',
        "550 long": f'reply="550 {LONG}"',
        "550 lines": 'reply="550 no" lines=100',
        "550 split": 'reply="550 5.1.1 no" split=1',
        "3xx": 'reply="334 nonsense"',
        "2xx": 'reply="299 nonsense"',
        "garbage": "garbage=200",
        "half": 'reply="250 2.0.0 ok" cut=5 close',
        "close": "close",
        "reset": "reset",
        "hang": "hang",
    }
    if proper is not None:
        faults["long"] = f'reply="{proper} {LONG}"'
        faults["lines"] = "lines=100"
        faults["split"] = "split=1"
    return faults


RELAY_TROUBLE = dict.fromkeys(
    ["451 4.3.0", "451 long", "452", "421", "421 close", "503", "535", "3xx", "garbage", "half",
     "close", "reset", "hang", "long", "lines", "split"], KEPT)
REFUSED = dict.fromkeys(["550", "552", "554 5.7.1", "550 long", "550 lines", "550 split"],
                        BOUNCED)
PUT_OFF = dict.fromkeys(["450", "452 4.2.2"], DEFERRED)

# Before a recipient is named nothing can be held against one. What speaks against the sender
# or the size pauses the release. Once the final dot has left, no answer is a doubt.
EVERYTHING_KEPT = collections.defaultdict(lambda: KEPT)
EXPECTED = {
    **dict.fromkeys(["connect", "ehlo", "starttls", "auth", "rset", "quit"], EVERYTHING_KEPT),
    "mail": {**RELAY_TROUBLE, **dict.fromkeys([*REFUSED, "552 5.3.4"], PAUSED),
             **dict.fromkeys([*PUT_OFF, "2xx"], KEPT)},
    "rcpt": {**RELAY_TROUBLE, **REFUSED, **PUT_OFF, "552 5.3.4": PAUSED, "2xx": KEPT},
    "data": {**RELAY_TROUBLE, **REFUSED, **PUT_OFF, "552 5.3.4": PAUSED, "2xx": KEPT},
    "dot": {**RELAY_TROUBLE, **REFUSED, **PUT_OFF, "552 5.3.4": PAUSED, "2xx": KEPT,
            **dict.fromkeys(["3xx", "garbage", "half", "close", "reset", "hang"], DOUBT)},
}
# A small message has left as a whole, with its dot, before anything can be said about it.
EXPECTED["body"] = EXPECTED["dot"]

# A message that does not fit into the sockets' buffers: without its dot nobody can have it.
EXPECTED_LARGE = {"450": DEFERRED, "451 4.3.0": KEPT, "421": KEPT, "550": BOUNCED,
                  "552 5.3.4": PAUSED, "2xx": KEPT, "3xx": KEPT, "garbage": KEPT, "reset": KEPT,
                  "hang": KEPT}


class Run:
    """One release through one sink with its faults. Use as a context."""

    def __init__(self, folder, faults, *, sink=(), relay="connections = 2;", contacts=CONTACTS,
                 retry="50 ms", **more):
        self.folder = folder
        for name in ("sink", "station"):
            (folder / name).mkdir(parents=True)
        self.contacts = contacts
        self.sink = Sink(folder / "sink", *sink, faults=faults, maildir=False)
        self.options = dict(more, relay=relay,
                            settings=f'retry_first = "{retry}"; retry_max = "{retry}";')

    def __enter__(self):
        self.sink.start()
        self.station = Station(self.folder / "station", self.sink.port, **self.options)
        self.station.write_contacts(self.contacts)
        self.station.start()
        return self

    def __exit__(self, *_):
        self.station.close()
        if self.sink.process is not None:
            self.sink.stop()

    def rest(self, *states):
        """Waits until the release is done, or rests in one of these states."""
        end = time.monotonic() + PATIENCE
        while not self.station.done():
            live = self.station.live()
            for found in (release["state"] for release in live["releases"]):
                if found in (*states, "held"):
                    return found
            assert time.monotonic() < end, f"not within {PATIENCE} s; journal:\n{self.text()}"
            time.sleep(0.1)      # many look at once
        return "done"

    def release(self):
        return (self.station.done() or self.station.queued() or [None])[0]

    def text(self):
        release = self.release()
        lines = self.station.journal(release) if release else []
        return "\n".join(" ".join(line)[:200] for line in lines)

    def histories(self):
        """What the journal says of each address: its events in their order."""
        release = self.release()
        folder = next(f for f in (self.station.spool / "done" / release,
                                  self.station.spool / "queue" / release) if f.exists())
        with sqlite3.connect(f"file:{folder}/roster.db?immutable=1", uri=True) as roster:
            addresses = dict(roster.execute("SELECT contact, mailbox FROM recipients"))
        histories = {address: [] for address in addresses.values()}
        for line in self.station.journal(release):
            contact = re.fullmatch(r"contact=(\d+)", line[3]) if len(line) > 3 else None
            if contact:
                histories[addresses[int(contact[1])]].append(line[2])
        return histories

    def accepted(self):
        return collections.Counter(r for record in self.sink.records() for r in record.recipients)


def charges(history):
    """What was held against a contact."""
    return [event for event in history if event in ("deferred", "bounced", "in-doubt", "expired")]


def judge_promises(run):
    """Nobody is forgotten, nobody is mailed twice, and nobody is said to be what they are not."""
    histories, accepted = run.histories(), run.accepted()
    assert len(histories) == run.contacts
    for address, history in histories.items():
        last = history[-1]
        assert COMPLETE.fullmatch(" ".join(history)), f"{address}: {history}"
        assert accepted[address] <= 1, f"{address} was mailed twice"
        if accepted[address]:
            assert last in ("sent", "in-doubt"), f"{address} was accepted and is {last}"
        else:
            assert last in ("bounced", "in-doubt"), f"{address} was not accepted and is {last}"
    return histories


def judge(run, aim, fate, others=()):
    """The promises, and the fate of whom the fault hit: aim is an address, or None for any one.
    others are those who may be bounced besides."""
    histories = judge_promises(run)
    blamed = {a: charges(h) for a, h in histories.items() if charges(h) and a not in others}
    wanted = [] if fate in (KEPT, PAUSED) else [[fate]]
    assert list(blamed.values()) == wanted, f"held against contacts: {blamed}"
    if aim is not None:
        assert set(blamed) <= {aim}, f"the fault hit {aim}, but {blamed}"


def judge_flight(run, aim, fate, doubts):
    """The same where several messages are under way on a connection: doubts is how many
    contacts may be in doubt, at least and at most."""
    histories = judge_promises(run)
    blamed = {a: charges(h) for a, h in histories.items() if charges(h)}
    in_doubt = {a for a, held in blamed.items() if held == [DOUBT]}
    least, most = doubts
    assert least <= len(in_doubt) <= most, f"held against contacts: {blamed}"
    hit = {a: held for a, held in blamed.items() if a not in in_doubt}
    wanted = [] if fate in (KEPT, PAUSED, DOUBT) else [[fate]]
    assert list(hit.values()) == wanted, f"held against contacts: {blamed}"
    if aim is not None:
        assert set(hit) <= {aim} and (fate != DOUBT or aim in in_doubt), f"{aim}, but {blamed}"


def run_case(folder, fault, fate, *, aim=None, faults=(), others=(), release=RELEASE, attach=None,
             doubts=None, **more):
    """doubts: see judge_flight(); None where there is no flight."""
    with Run(folder, [fault, *faults], **more) as run:
        if attach is None:
            run.station.drop("news.md", release)
        else:
            drop_bundle(run.station, release, attach)
        if fate == PAUSED:
            assert run.rest("paused", "in-doubt") == "paused"
            tolerated = ([], [DOUBT] if doubts else [])
            assert all(charges(h) in tolerated for a, h in run.histories().items()
                       if a not in others)
            assert run.station.stop() == 0
            run.station.start()
        end = run.rest("paused", "in-doubt")
        in_doubt = "in-doubt" if fate == DOUBT else "done"
        assert end in ((in_doubt,) if doubts is None else ("in-doubt", "done")), f"it ends {end}"
        assert run.station.stop() == 0
        if doubts is None:
            judge(run, aim, fate, others)
        else:
            judge_flight(run, aim, fate, doubts)
        assert "Sanitizer" not in run.station.log()


def drop_bundle(station, release, attachment):
    folder = station.folder / "news"
    (folder / "attachments").mkdir(parents=True)
    (folder / "release.md").write_text(release)
    (folder / "attachments" / "film.bin").write_bytes(attachment)
    folder.rename(station.spool / "incoming" / "news")


def run_all(tmp_path, cases):
    """Runs (name, keywords of run_case) side by side; every failure is told."""
    def one(numbered):
        number, (name, case) = numbered
        begin = time.monotonic()
        try:
            run_case(tmp_path / f"case{number}", **case)
        except Exception as failure:           # told below, with its name
            return f"--- {name} ({case['fault'][:60]}): {type(failure).__name__}: {failure}"
        finally:
            print(f"{name}: {time.monotonic() - begin:.1f} s")
        return None

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        failures = [f for f in pool.map(one, enumerate(cases)) if f is not None]
    assert not failures, "\n".join(failures)


def impatience(stage, name):
    """Short timeouts where a timeout is what is tried, and longer than a busy machine keeps others
    waiting. libcurl, which opens the door, passes
    over lines that are no replies."""
    opening = stage in ("connect", "ehlo", "starttls", "auth")
    if name == "hang" or (name in ("garbage", "3xx") and opening):
        return 'connect_timeout = "2 s"; reply_timeout = "2 s"; dot_timeout = "2 s";'
    return ""


# Enough where libcurl is in charge.
SOME = ("450", "554 5.7.1", "2xx", "close", "hang", "split")


# --- Before, between and after the envelopes ---

def options_of(stage, folder):
    """What it takes to get to a stage: options of the sink, settings of the relay, further
    faults, and who is bounced by them."""
    if stage == "auth":
        secret = folder / "secret"
        secret.write_text("secret\n")
        secret.chmod(0o600)
        return (["--auth", "press:secret"], f'username = "press"; credential = "{secret}";', [], [])
    if stage == "starttls":
        ca = folder / "ca.pem"
        return (["--write-ca", str(ca)], f'tls = "required"; ca_file = "{ca}";', [], [])
    if stage == "quit":
        return [], "per_connection = 2;", [], []
    if stage == "rset":
        refused = ["c2@example.org", "c5@example.org"]
        return [], "", [f'at=rcpt match={a} reply="550 no"' for a in refused], refused
    return [], "", [], []


@pytest.mark.parametrize("stage,pipelining", [
    ("connect", True), ("ehlo", True), ("starttls", True), ("auth", True), ("quit", True),
    ("mail", True), ("mail", False), ("rset", True), ("rset", False)])
def test_the_relay_s_trouble(tmp_path, stage, pipelining):
    cases = []
    for number, (name, action) in enumerate(faults_at(stage).items()):
        folder = tmp_path / f"options{number}"
        folder.mkdir()
        if stage == "starttls" and name not in SOME:
            continue
        sink, relay, faults, others = options_of(stage, folder)
        if not pipelining:
            sink = [*sink, "--no-extension", "PIPELINING"]
        cases.append((name, dict(fault=f"at={stage} once {action}", fate=EXPECTED[stage][name],
                                 faults=faults, others=others, sink=sink,
                                 relay=f"connections = 2; {relay} {impatience(stage, name)}")))
    run_all(tmp_path, cases)


# --- One message ---

@pytest.mark.parametrize("aim", [None, CHOSEN], ids=["anybody", "chosen"])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "one by one"])
@pytest.mark.parametrize("stage", ["rcpt", "data", "body", "dot"])
def test_a_message(tmp_path, stage, pipelining, aim):
    cases = []
    for name, action in faults_at(stage).items():
        if stage == "body" and name == "2xx":
            continue      # a lie: it is said of a message that is not taken
        if stage == "body" and "reply" in action and "close" not in action:
            action += " close"
        where = f"match={aim}" if aim else ""
        cases.append((name, dict(
            fault=f"at={stage} once {where} {action}", fate=EXPECTED[stage][name], aim=aim,
            sink=[] if pipelining else ["--no-extension", "PIPELINING"],
            relay=f"connections = 2; {impatience(stage, name)}")))
    run_all(tmp_path, cases)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "one by one"])
def test_a_message_whose_dot_has_not_left(tmp_path, pipelining):
    """The first message of a connection, while the buffers are small; the sink reads no more."""
    aim = "c1@example.org"
    cases = []
    for name, fate in EXPECTED_LARGE.items():
        action = faults_at("body")[name] + ("" if name in ("reset", "hang") else " hang")
        cases.append((name, dict(
            fault=f"at=body once after=1000 match={aim} {action}", fate=fate, aim=aim,
            contacts=2, sink=[] if pipelining else ["--no-extension", "PIPELINING"],
            attach=bytes(12 << 20), relay=f"connections = 1; {impatience('body', name)}")))
    run_all(tmp_path, cases)


# --- Messages in flight, with CHUNKING ---

# The connection ends, and nothing tells how far the relay has come: whatever was sent whole is
# in doubt. After a refusal, and after a 421, the relay is heard out or has taken its leave.
CUTS = ("3xx", "garbage", "half", "close", "reset", "hang")


def fate_in_flight(stage, name, depth):
    """What becomes of whom the fault hits, and how many may be in doubt."""
    if name in CUTS:
        return (KEPT, (0, depth + 1)) if stage == "rset" else (DOUBT, (1, depth + 1))
    table = EXPECTED["dot" if stage in ("bdat", "body") else stage]
    # The relay closes behind what it says in the middle of a body.
    cut = stage == "body" and not name.startswith("421")
    return table[name], (0, depth if cut else 0)


@pytest.mark.parametrize("stage,aim", [
    ("mail", None), ("rset", None), ("rcpt", None), ("rcpt", CHOSEN), ("bdat", None),
    ("bdat", CHOSEN), ("body", CHOSEN)])
@pytest.mark.parametrize("depth", [1, 8])
def test_a_flight(tmp_path, depth, stage, aim):
    cases = []
    for name, action in faults_at("dot" if stage == "bdat" else stage).items():
        if stage == "body" and name == "2xx":
            continue
        if stage == "body" and "reply" in action and "close" not in action:
            action += " close"
        where = f"match={aim}" if aim else ""
        fate, doubts = fate_in_flight(stage, name, depth)
        cases.append((name, dict(
            fault=f"at={stage} once {where} {action}", fate=fate, aim=aim, doubts=doubts,
            sink=["--strict"],
            relay=f"connections = 2; depth = {depth}; {impatience(stage, name)}")))
    run_all(tmp_path, cases)


# --- What follows from a refusal, and from trouble ---

@pytest.mark.parametrize("stage,refusal", [("rcpt", "550 5.1.1 no"), ("rcpt", "450 4.2.0 later")])
@pytest.mark.parametrize("reply", ["503 5.5.1 valid RCPT must precede DATA",
                                   "554 5.5.1 no valid recipients", "451 4.3.0 odd", "530 odd"])
def test_what_follows_a_refusal_is_no_trouble(tmp_path, stage, refusal, reply):
    """With PIPELINING the DATA behind a refused RCPT is refused too, each server in its way."""
    # By name: a second attempt may come before the last of the first ones.
    everybody = [f"c{i}@example.org" for i in range(1, CONTACTS + 1)]
    faults = [f'at={stage} once match={who} reply="{refusal}"' for who in everybody]
    faults += ['at=data match=* reply="354 there are recipients"', f'at=data reply="{reply}"']
    with Run(tmp_path / "run", faults, relay="connections = 1;") as run:
        run.station.drop("news.md", RELEASE)
        assert run.rest("in-doubt", "paused") == "done"
        fate = "bounced" if refusal.startswith("5") else "deferred"
        assert [charges(h) for h in run.histories().values()] == [[fate]] * CONTACTS
        assert run.sink.stop()["connections"] == 1, "the connection was given up"


@pytest.mark.parametrize("stage", ["connect", "mail"])
def test_many_connections_in_trouble_at_once_are_one_trouble(tmp_path, stage):
    """A relay that is away for a moment is tried again after a moment."""
    faults = [f'at={stage} first=2 reply="421 4.3.2 not now" close']
    with Run(tmp_path / "run", faults, contacts=40, relay="connections = 8;") as run:
        run.station.drop("news.md", RELEASE)
        assert run.rest("in-doubt", "paused") == "done"
        judge(run, None, KEPT)


def test_a_contact_that_makes_the_relay_stumble(tmp_path):
    """The fourth time, while others get through, it is its own fault."""
    aim = "c1@example.org"
    run_all(tmp_path, [(f"{times} times", dict(
        fault=f'at=rcpt match={aim} limit={times} reply="421 4.3.2 no" close', fate=fate, aim=aim,
        contacts=120, sink=["--delay", "20"])) for times, fate in [(3, KEPT), (4, DEFERRED)]])


@pytest.mark.parametrize("action", ['reply="451 4.3.0 no"', "close"])
def test_a_contact_that_always_makes_the_relay_stumble_stalls_nobody(tmp_path, action):
    """Not even where there is one connection, and it is the first."""
    stumbling = "c1@example.org"
    with Run(tmp_path / "run", [f"at=rcpt match={stumbling} {action}"], contacts=40,
             relay="connections = 1;", retry="1 min") as run:
        run.station.drop("news.md", RELEASE)
        records = run.sink.wait_for(39)
        assert len({r.recipients[0] for r in records}) == len(records) == 39
        histories = run.histories()
        assert not any(charges(h) for a, h in histories.items() if a != stumbling)
        assert "sent" not in histories[stumbling]


def test_a_closed_port_costs_nothing(tmp_path):
    with Run(tmp_path / "run", []) as run:
        run.sink.stop()
        run.station.drop("news.md", RELEASE)
        wait_until(lambda: any(r.get("trouble") for r in run.station.live()["relays"]),
                   "the trouble is told")
        run.sink.start()
        assert run.rest("in-doubt", "paused") == "done"
        judge(run, None, KEPT)


@pytest.mark.parametrize("action", ["close-after-accept", "close", "garbage=100"])
def test_doubt_that_is_resent(tmp_path, action):
    """The policy says so: better twice than never."""
    faults = [f"at=dot once match={CHOSEN} {action}"]
    with Run(tmp_path / "run", faults, channel='in_doubt = "resend";') as run:
        run.station.drop("news.md", RELEASE)
        assert run.rest("in-doubt", "paused") == "done"
        accepted = run.accepted()
        histories = run.histories()
        assert all(h[-1] == "sent" and accepted[a] >= 1 for a, h in histories.items())
        assert {a for a, n in accepted.items() if n > 1} <= {CHOSEN}
        assert "in-doubt" in histories[CHOSEN] and "settled" in histories[CHOSEN]


@pytest.mark.parametrize("stage,extra", [
    ("connect", "250 and another"), ("mail", "250 2.0.0 and another"),
    ("rcpt", "250 2.0.0 and another"), ("rcpt", "421 4.3.2 going down"),
    ("data", "250 taken already"), ("data", "554 5.7.1 never mind"),
    ("dot", "250 and another"), ("dot", "421 4.3.2 going down")])
def test_a_reply_that_nobody_asked_for(tmp_path, stage, extra):
    """Out of step: the connection is given up; nobody is sent twice or said to be sent."""
    faults = [f'at={stage} once then="{extra}" close']
    with Run(tmp_path / "run", faults, relay="connections = 1;") as run:
        run.station.drop("news.md", RELEASE)
        run.rest("in-doubt", "paused")
        histories, accepted = run.histories(), run.accepted()
        for address, history in histories.items():
            assert accepted[address] <= 1
            if accepted[address]:
                assert history[-1] in ("sent", "in-doubt"), (address, history)
            else:
                assert history[-1] in ("bounced", "in-doubt"), (address, history)
        assert sum(len(charges(h)) for h in histories.values()) <= 1
