# SPDX-License-Identifier: Apache-2.0
"""dateline settle: contacts in doubt, decided by a person or by a relay's log."""

import collections
import datetime
import getpass
import gzip
import json
import os
import re
import socket

import pytest

from station import wait_until

USAGE, DATA, NO_INPUT, UNAVAILABLE = 64, 65, 66, 69
RELEASE = "---\nsubject: News\n---\nDear {{first_name}},\n\nthe news.\n"


def doubtful(sinks, stations, contacts=3, doubts=3, taken=True, **more):
    """A release of which the first contacts are in doubt: the sink took their messages and
    closed without a word, or said nothing at all until the daemon gave up."""
    fault = "close-after-accept" if taken else "hang"
    sink = sinks(faults=[f"at=dot first={doubts} {fault}"])
    station = stations(sink.port, relay=f'connections = {doubts}; dot_timeout = "300 ms";', **more)
    station.write_contacts(contacts)
    station.start()
    station.drop("news.md", RELEASE)
    wait_until(station.queued, "the release is accepted")
    release = station.queued()[0]
    return sink, station, release


def rests(station, release):
    return any(r["id"] == release and r["state"] == "in-doubt" for r in station.live()["releases"])


@pytest.fixture
def in_doubt(sinks, stations):
    """A release that waits for a decision about all of its contacts."""
    def make(**more):
        sink, station, release = doubtful(sinks, stations, **more)
        wait_until(lambda: rests(station, release), "contacts in doubt are left")
        return sink, station, release
    return make


def listed(station, release):
    return json.loads(station.run("settle", release, "--json").stdout)["contacts"]


def fails(station, status, *arguments):
    result = station.run("settle", *arguments, check=False)
    assert result.returncode == status, (arguments, result.stdout, result.stderr)
    assert result.stderr.startswith("dateline: ")
    return result.stderr


def accepted(sink):
    return collections.Counter(r for record in sink.records() for r in record.recipients)


def settled_lines(station, release):
    return [" ".join(line[3:]) for line in station.journal(release)
            if len(line) > 2 and line[2] == "settled"]


# --- The list ---

def test_the_list_tells_by_what_to_look(in_doubt):
    sink, station, release = in_doubt()
    by_address = {record.recipients[0]: record.message_id for record in sink.records()}
    doubts = listed(station, release)
    assert [d["contact"] for d in doubts] == [1, 2, 3]
    for doubt in doubts:
        assert f"<{doubt['message-id']}>" == by_address[doubt["address"]]
        assert doubt["relay"] == "main" and doubt["stage"] == "dot" and doubt["text"]
        assert doubt["intended"] <= doubt["in-doubt"]
    output = station.run("settle", release).stdout
    for doubt in doubts:
        assert doubt["address"] in output and f"<{doubt['message-id']}>" in output
    assert "--sent, --resend or --from-log" in output
    assert "c2@" not in station.run("settle", release, "--address", "c1@").stdout


def test_the_list_needs_no_daemon(in_doubt):
    _, station, release = in_doubt()
    station.stop()
    assert len(listed(station, release)) == 3


def test_what_was_under_way_is_announced(sinks, stations):
    sink = sinks(faults=["at=dot hang"])
    station = stations(sink.port, relay="connections = 1;")
    station.write_contacts(1)
    station.start()
    station.drop("news.md", RELEASE)
    wait_until(station.queued, "the release is accepted")
    release = station.queued()[0]
    wait_until(lambda: any(len(l) > 2 and l[2] == "intended" for l in station.journal(release)),
               "the intent")
    station.kill()
    result = station.run("settle", release)
    assert "no such contact is in doubt" in result.stdout
    assert "1 more will be in doubt" in result.stderr


# --- By hand ---

def test_sent(in_doubt):
    sink, station, release = in_doubt()
    assert "3 contacts settled as sent" in station.run("settle", release, "--sent").stdout
    station.wait_done()
    assert set(accepted(sink).values()) == {1}, "nobody gets a second copy"
    lines = settled_lines(station, release)
    assert len(lines) == 3
    for line in lines:
        assert f"as=sent by={getpass.getuser()} uid={os.getuid()} " in line
    facts = station.facts("--latest", release)
    assert {fact["state"] for fact in facts} == {"sent"}
    assert {fact["text"] for fact in facts} == {f"settled by {getpass.getuser()}"}


def test_resend(in_doubt):
    sink, station, release = in_doubt(taken=False)
    assert "to be sent again" in station.run("settle", release, "--resend").stdout
    station.wait_done()
    assert accepted(sink) == {f"c{i}@example.org": 1 for i in (1, 2, 3)}
    assert {fact["state"] for fact in station.facts("--latest", release)} == {"sent"}


def test_one_by_one(in_doubt):
    sink, station, release = in_doubt(contacts=4, doubts=4)
    station.run("settle", release, "--sent", "--address", "C1@example")
    assert [d["contact"] for d in listed(station, release)] == [2, 3, 4]
    station.run("settle", release, "--resend", "--contact", "3", "--contact", "4")
    wait_until(lambda: accepted(sink)["c4@example.org"] == 2 and rests(station, release),
               "the second copies")
    assert [d["contact"] for d in listed(station, release)] == [2]
    station.run("settle", release, "--sent", "--contact", "2")
    station.wait_done()
    assert accepted(sink) == {"c1@example.org": 1, "c2@example.org": 1, "c3@example.org": 2,
                              "c4@example.org": 2}


def test_while_it_is_being_sent(sinks, stations):
    sink = sinks("--delay", "20", faults=["at=dot first=2 hang"])
    station = stations(sink.port, relay='connections = 1; dot_timeout = "300 ms";')
    station.write_contacts(30)
    station.start()
    station.drop("news.md", RELEASE)
    wait_until(station.queued, "the release is accepted")
    release = station.queued()[0]
    wait_until(lambda: len(listed(station, release)) == 2, "two doubts")
    station.run("settle", release, "--resend")
    station.wait_done()
    assert accepted(sink) == {f"c{i}@example.org": 1 for i in range(1, 31)}


def test_survives_a_crash(in_doubt):
    sink, station, release = in_doubt(contacts=2, doubts=2)
    station.run("settle", release, "--sent", "--contact", "1")
    station.kill()
    station.start()
    assert [d["contact"] for d in listed(station, release)] == [2]
    station.run("settle", release, "--resend")
    station.wait_done()
    assert accepted(sink) == {"c1@example.org": 1, "c2@example.org": 2}


def test_over_its_deadline(sinks, stations):
    sink = sinks(faults=["at=dot first=1 hang"])
    station = stations(sink.port, relay='connections = 1; dot_timeout = "300 ms";')
    station.write_contacts(1)
    station.start()
    deadline = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    front = f"subject: News\nnot-after: {deadline:%F %T}Z\n"
    station.drop("news.md", RELEASE.replace("subject: News\n", front))
    wait_until(station.queued, "the release is accepted")
    release = station.queued()[0]
    wait_until(lambda: rests(station, release), "the doubt")
    wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) > deadline, "the deadline")
    result = station.run("settle", release, "--resend")
    assert "time is over" in result.stderr
    station.wait_done()
    assert not sink.records()
    assert station.facts("--latest", release)[0]["state"] == "expired"


# --- From logs ---

def zone_free(moment):
    """A moment as syslog writes it: local, and without a year."""
    return f"{moment.astimezone():%b} {moment.astimezone().day:2} {moment.astimezone():%H:%M:%S}"


class RelayLog:
    """Makes up what a relay would have logged from two minutes ago to two minutes ahead."""

    def __init__(self):
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.lines = []

    def _postfix(self, text, seconds=0):
        stamp = zone_free(self.now + datetime.timedelta(seconds=seconds))
        self.lines.append(f"{stamp} mail postfix/{text}")
        return self

    def surround(self):
        self._postfix("smtpd[9]: connect from desk[192.0.2.1]", -120)
        return self._postfix("smtpd[9]: disconnect from desk[192.0.2.1]", 120)

    def postfix(self, queue_id, message_id, status="sent"):
        self._postfix(f"cleanup[7]: {queue_id}: message-id=<{message_id}>")
        if status:
            self._postfix(f"qmgr[5]: {queue_id}: from=<press@example.org>, size=900, nrcpt=1 "
                          "(queue active)")
            self._postfix(f"smtp[8]: {queue_id}: to=<x@example.org>, relay=mx[192.0.2.7]:25, "
                          f"delay=1, delays=0/0/1/0, dsn=2.0.0, status={status} (as it says)")
            self._postfix(f"qmgr[5]: {queue_id}: removed")
        return self

    def exim(self, message_id):
        stamp = f"{self.now.astimezone():%F %T}"
        self.lines.append(f"{stamp} 1tEabc-000000012Bc-2BxY <= press@example.org "
                          f"H=desk [192.0.2.1] P=esmtp S=900 id={message_id} for x@example.org")
        return self

    def opensmtpd(self, address):
        self.lines.append(f"{zone_free(self.now)} mail smtpd[6]: 5df87c9c42abeddb smtp envelope "
                          f"evpid=f6e94209918f7e7b from=<press@example.org> to=<{address}>")
        return self

    def text(self):
        return "".join(line + "\n" for line in self.lines)

    def write(self, path):
        path.write_text(self.text())
        return str(path)


def ids_of(station, release):
    return {d["address"]: d["message-id"] for d in listed(station, release)}


def test_from_a_postfix_log(in_doubt):
    sink, station, release = in_doubt()
    ids = ids_of(station, release)
    log = RelayLog().surround()
    log.postfix("4F2A61C0D9", ids["c1@example.org"]).postfix("4F2A61C0DA", ids["c2@example.org"],
                                                             "bounced")
    log.postfix("4F2A61C0DB", ids["c3@example.org"], None)
    output = station.run("settle", release, "--from-log",
                         log.write(station.folder / "mail.log")).stdout
    assert re.search(r"^c1@example.org sent: Postfix log .*mail\.log:4: .*4F2A61C0D9: from=",
                     output, re.M)
    assert re.search(r"^c2@example.org sent: ", output, re.M)
    assert re.search(r"^c3@example.org in-doubt: the relay began to receive it", output, re.M)
    assert "2 settled as sent, 0 to be sent again, 1 still in doubt" in output
    assert list(ids_of(station, release)) == ["c3@example.org"]
    assert all('reason="the relay\'s log shows it"' in line
               for line in settled_lines(station, release))
    station.run("settle", release, "--sent")
    station.wait_done()


def test_from_an_exim_log_on_standard_input(in_doubt):
    _, station, release = in_doubt()
    log = RelayLog()
    for message_id in ids_of(station, release).values():
        log.exim(message_id)
    output = station.run("settle", release, "--from-log", "-", input=log.text()).stdout
    assert "3 settled as sent" in output
    station.wait_done()


def test_from_several_logs_packed_too(in_doubt):
    _, station, release = in_doubt()
    ids = list(ids_of(station, release).values())
    (station.folder / "mail.log.1.gz").write_bytes(
        gzip.compress(RelayLog().postfix("4F2A61C0D9", ids[0]).text().encode()))
    newer = RelayLog().postfix("4F2A61C0D9", ids[1]).postfix("5F2A61C0DA", ids[2])
    newer.write(station.folder / "mail.log")
    station.run("settle", release, "--from-log", str(station.folder / "mail.log.1.gz"),
                str(station.folder / "mail.log"))
    station.wait_done()


def test_an_address_alone_proves_nothing(in_doubt):
    _, station, release = in_doubt()
    path = RelayLog().surround().opensmtpd("c1@example.org").write(station.folder / "maillog")
    output = station.run("settle", release, "--from-log", path, "--absent", "resend",
                         "--contact", "1").stdout
    assert re.search(r"^c1@example.org in-doubt: perhaps .*OpenSMTPD log .*maillog:3: ",
                     output, re.M)
    assert len(listed(station, release)) == 3


def test_absence_proves_nothing_unless_told(in_doubt):
    sink, station, release = in_doubt(taken=False)
    ids = ids_of(station, release)
    log = RelayLog().surround().postfix("4F2A61C0D9", ids["c1@example.org"])
    path = log.write(station.folder / "mail.log")
    output = station.run("settle", release, "--from-log", path).stdout
    assert "1 settled as sent, 0 to be sent again, 2 still in doubt" in output
    assert len(listed(station, release)) == 2
    output = station.run("settle", release, "--from-log", path, "--absent", "resend").stdout
    assert "0 settled as sent, 2 to be sent again, 0 still in doubt" in output
    station.wait_done()
    assert accepted(sink) == {"c2@example.org": 1, "c3@example.org": 1}


def test_absence_from_a_log_that_ends_too_early_proves_nothing_at_all(in_doubt):
    _, station, release = in_doubt()
    path = RelayLog().postfix("4F2A61C0D9", "other@example.org").write(station.folder / "mail.log")
    output = station.run("settle", release, "--from-log", path, "--absent", "resend").stdout
    assert "3 still in doubt" in output and "do not reach" in output
    assert len(listed(station, release)) == 3


def test_logs_that_cannot_be_used(in_doubt):
    _, station, release = in_doubt()
    (station.folder / "web.log").write_text("GET / HTTP/1.1\n")
    assert "no line in it" in fails(station, DATA, release, "--from-log",
                                    str(station.folder / "web.log"))
    assert "nowhere.log" in fails(station, 74, release, "--from-log", "nowhere.log")
    packed = gzip.compress(RelayLog().surround().text().encode())
    (station.folder / "cut.gz").write_bytes(packed[:-4])
    assert "cut off" in fails(station, 74, release, "--from-log", str(station.folder / "cut.gz"),
                              "--absent", "resend")
    assert len(listed(station, release)) == 3


# --- What is refused ---

def test_refusals(in_doubt):
    _, station, release = in_doubt()
    for arguments in ([], [release, "--sent", "--resend"], [release, "--sent", "--from-log", "x"],
                      [release, "--absent", "resend"],
                      [release, "--from-log", "x", "--absent", "x"],
                      [release, "more"], [release, "--sent", "--json"],
                      [release, "--sent", "--contact", "two"],
                      [release, "--sent", "--contact", "1", "--address", "c1"]):
        fails(station, USAGE, *arguments)
    assert "there is no release" in fails(station, NO_INPUT, "nowhere", "--sent")
    assert "contact 9 is not in doubt" in fails(station, NO_INPUT, release, "--sent",
                                                "--contact", "9")
    assert "is in doubt" in fails(station, NO_INPUT, release, "--sent", "--address", "nobody")
    assert len(listed(station, release)) == 3


def test_without_the_daemon(in_doubt):
    _, station, release = in_doubt()
    station.stop()
    for decision in (["--sent"], ["--resend"], ["--from-log", "mail.log"]):
        assert "datelined does not run" in fails(station, UNAVAILABLE, release, *decision)
    assert len(listed(station, release)) == 3


def test_nothing_in_doubt(sinks, stations):
    station = stations(sinks().port)
    station.write_contacts(2)
    station.start()
    station.drop("news.md", RELEASE)
    release = station.wait_done()[0]
    assert "no such contact is in doubt" in station.run("settle", release).stdout
    assert "is in doubt" in fails(station, NO_INPUT, release, "--sent")


def ask(station, **request):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(station.runtime / "control"))
        client.sendall(json.dumps({"command": "settle", **request}).encode() + b"\n")
        return json.loads(client.makefile().readline())


def test_the_daemon_trusts_no_request(in_doubt):
    _, station, release = in_doubt(contacts=4, doubts=3)
    first, second, third = [doubt["contact"] for doubt in listed(station, release)]
    sent = ({1, 2, 3, 4} - {first, second, third}).pop()
    good = {"release": release, "contacts": [first], "as": "sent", "by": "anna"}
    for bad in ({"contacts": []}, {"contacts": "1"}, {"contacts": [0]}, {"contacts": [-1]},
                {"contacts": [5]}, {"contacts": [1 << 40]}, {"contacts": [first, "2"]},
                {"contacts": [first, sent]}, {"contacts": [1.5]}, {"contacts": None},
                {"as": "bounced"}, {"as": 1}, {"by": ""}, {"by": ["anna"]}, {"by": "x" * 501},
                {"reason": 1}, {"release": "20200101-000000-none"}, {"release": None}):
        assert "error" in ask(station, **{**good, **bad}), bad
    assert len(listed(station, release)) == 3
    both = {**good, "contacts": [first, second, first], "by": "\x1b\n" * 200}
    assert ask(station, **both) == {"settled": 2}
    assert [doubt["contact"] for doubt in listed(station, release)] == [third]
    assert ask(station, **{**good, "contacts": [third]}) == {"settled": 1}
    station.wait_done()


def test_the_policy_to_resend_settles_by_itself(sinks, stations):
    sink, station, release = doubtful(sinks, stations, channel='in_doubt = "resend";',
                                      settings='retry_first = "50 ms";')
    station.wait_done()
    assert set(accepted(sink)) == {f"c{i}@example.org" for i in (1, 2, 3)}
    assert sum(accepted(sink).values()) == 6, "each of the three doubts brings a second copy"
    assert all("by=policy" in line for line in settled_lines(station, release))
    assert "no such contact is in doubt" in station.run("settle", release).stdout
