# SPDX-License-Identifier: Apache-2.0
"""dateline-sink misbehaves exactly as its rules say."""

import os
import re
import smtplib
import ssl
import time

import pytest

from sink import PATIENCE
from talk import HEADER, MAIL, RCPT, Talk, b64, talk

# Of a rule: the codes of six messages on one connection, None for one that ended in silence.
COUNTING = [
    ("at=dot every=3 reply=\"451 4.3.0 oops\"", [250, 250, 451, 250, 250, 451]),
    ("at=dot first=2 reply=\"451 4.3.0 oops\"", [451, 451, 250, 250, 250, 250]),
    ("at=dot after=4 reply=\"451 4.3.0 oops\"", [250, 250, 250, 250, 451, 451]),
    ("at=dot limit=1 reply=\"451 4.3.0 oops\"", [451, 250, 250, 250, 250, 250]),
    ("at=dot once reply=\"451 4.3.0 oops\"", [451, 250, 250, 250, 250, 250]),
    ("at=dot after=1 every=2 limit=2 reply=\"451 4.3.0 oops\"", [250, 250, 451, 250, 451, 250]),
    ("at=dot after=1 first=3 reply=\"451 4.3.0 oops\"", [250, 451, 451, 451, 250, 250]),
    ("at=dot match=*2@EXAMPLE.org reply=\"550 5.1.1 no\"", [250, 550, 250, 250, 250, 250]),
    ("at=dot match=*[24]@* every=2 reply=\"550 5.1.1 no\"", [250, 250, 250, 550, 250, 250]),
    ("at=dot from=x@* reply=\"550 5.1.1 no\"", [250] * 6),
    ("at=dot from=s@example.org once reply=\"550 5.1.1 no\"", [550, 250, 250, 250, 250, 250]),
    ("at=dot connection=2 reply=\"550 5.1.1 no\"", [250] * 6),
    ("at=dot connection=1 reply=\"550 5.1.1 no\"", [550] * 6),
    ("at=mail message=3 reply=\"421 4.7.0 too many\" limit=2", [250, 250, 503, 503, 250, 250]),
    ("at=dot message=3 reply=\"451 4.3.0 oops\"", [250, 250, 451, 250, 250, 250]),
    ("at=data every=2 reply=\"451 4.3.0 oops\"", [250, 451, 250, 451, 250, 451]),
    ("at=dot every=4 reply=\"250 ok, strange text\"", [250] * 6),
]


@pytest.mark.parametrize("rule, codes", COUNTING)
def test_rules_count(sinks, rule, codes):
    sink = sinks(faults=[rule])
    with talk(sink) as client:
        answers = []
        for i in range(1, 7):
            answers.append(client.deliver(f"r{i}@example.org"))
            assert client.ask("RSET") == 250
    assert answers == codes
    accepted = [f"r{i}@example.org" for i, code in enumerate(codes, 1) if code == 250]
    assert [r.recipients for r in sink.records()] == [[address] for address in accepted]
    assert len(sink.messages()) == len(accepted)
    assert sink.stop()["messages"] == len(accepted)


def test_crowd(sinks):
    sink = sinks(faults=['at=connect crowd=2 reply="421 4.7.0 too many connections" close'])
    clients = [Talk(sink), Talk(sink)]
    with Talk(sink, greet=False) as client:
        assert [client.code(), client.code()] == [421, None]
    for client in clients:
        assert client.ask("QUIT") == 221
        assert client.closed()
    with Talk(sink) as client:
        assert client.ask("NOOP") == 250


def test_counting_is_over_the_whole_server(sinks):
    sink = sinks(faults=['at=dot every=3 reply="451 4.3.0 oops"'])
    codes = []
    for _ in range(6):
        with talk(sink) as client:
            codes.append(client.deliver())
    assert codes == [250, 250, 451, 250, 250, 451]


def test_first_rule_wins_and_later_ones_count_what_reaches_them(sinks):
    sink = sinks(faults=['at=dot every=2 reply="451 4.3.0 one"',
                         'at=dot every=2 reply="452 4.3.1 two"'])
    with talk(sink) as client:
        assert [client.deliver() for _ in range(8)] == [250, 451, 452, 451, 250, 451, 452, 451]


# Of a rule: what the client says, and the codes it gets; None is the connection's end.
STAGES = [
    ('at=connect reply="554 5.3.2 go away" close', [], [554, None]),
    ('at=connect reply="554 5.3.2 go away"', ["EHLO x", "NOOP", "QUIT"],
     [554, 503, 503, 221, None]),
    ("at=connect close", [], [None]),
    ('at=ehlo reply="502 no"', ["EHLO x", "HELO x", MAIL[0]], [220, 502, 250, 250]),
    ('at=helo reply="550 no" close', ["HELO x"], [220, 550, None]),
    ('at=mail reply="421 4.7.0 too fast" close', ["EHLO x", MAIL[0]], [220, 250, 421, None]),
    ('at=mail reply="451 4.3.0 no"', ["EHLO x", MAIL[0], RCPT[0]], [220, 250, 451, 503]),
    ('at=rcpt reply="450 4.2.0 later"', ["EHLO x", MAIL[0], RCPT[0], "DATA"],
     [220, 250, 250, 450, 554]),
    ('at=rcpt match=a@* reply="450 4.2.0 later"',
     ["EHLO x", MAIL[0], "RCPT TO:<a@example.org>", RCPT[0], "DATA"],
     [220, 250, 250, 450, 250, 354]),
    ("at=data close", ["EHLO x", MAIL[0], RCPT[0], "DATA"], [220, 250, 250, 250, None]),
    ('at=rset reply="421 4.3.2 shutting down" close', ["EHLO x", "RSET"], [220, 250, 421, None]),
    ('at=noop reply="500 what?"', ["NOOP", "NOOP"], [220, 500, 500]),
    ("at=quit close", ["QUIT"], [220, None]),
    ('at=quit reply="500 stay"', ["QUIT", "NOOP"], [220, 500, 250]),
    ('at=noop pause=10ms then="421 4.4.2 idle too long" close', ["NOOP"], [220, 250, 421, None]),
    ('at=noop then="250 twice"', ["NOOP", "NOOP"], [220, 250, 250, 250]),
    ("at=noop once pause=10ms close", ["NOOP"], [220, 250, None]),
]


@pytest.mark.parametrize("rule, said, codes", STAGES)
def test_stage(sinks, rule, said, codes):
    sink = sinks(faults=[rule])
    with Talk(sink, greet=False) as client:
        answers = [client.code()]
        for line in said:
            answers.append(client.ask(line))
        while len(answers) < len(codes):
            answers.append(client.code())
        assert answers == codes
    assert sink.records() == []


# Of a rule about the end of a message: what comes back, octet for octet, and whether the
# message is accepted.
ENDINGS = [
    ('at=dot reply="451 4.3.0 oops"', rb"451 4\.3\.0 oops\r\n", False),
    ('at=dot reply="250 ok" close', rb"250 ok\r\n", True),
    ('at=dot reply="250 bare\\nfeed" close', rb"250 bare\nfeed\r\n", True),
    ('at=dot reply="250-a\\r\\n250 b" close', rb"250-a\r\n250 b\r\n", True),
    ('at=dot reply="\\x32\\x35\\x30 \\"\\\\\\"" close', rb'250 "\\"\r\n', True),
    ('at=dot reply="2xx ok" close', rb"2xx ok\r\n", False),
    ('at=dot reply="354 what" close', rb"354 what\r\n", False),
    ("at=dot close", rb"", False),
    ("at=dot close-after-accept", rb"", True),
    ("at=dot cut=6 close", rb"250 2\.", True),
    ('at=dot reply="451 4.3.0 oops" cut=2 close', rb"45", False),
    ("at=dot split=1 close", rb"250 2\.0\.0 accepted as 1-1\r\n", True),
    ("at=dot lines=3 close",
     rb"250-2\.0\.0 accepted as 1-1\r\n250-line 2 of 3\r\n250 line 3 of 3\r\n", True),
    ('at=dot reply="451 no" lines=2 close', rb"451-no\r\n451 line 2 of 2\r\n", False),
    ('at=dot reply="250" lines=2 close', rb"250-\r\n250 line 2 of 2\r\n", True),
    ("at=dot garbage=100 close", rb"[^\n]{100}\r\n", False),
    ('at=dot garbage=10240 reply="250 ok" close', rb"[^\n]{10240}\r\n250 ok\r\n", True),
    ("at=dot delay=10ms close", rb"", False),
    ('at=dot delay=10ms split=7 lines=100 reply="250 ok" close',
     rb"250-ok\r\n(250-line \d+ of 100\r\n){98}250 line 100 of 100\r\n", True),
    ('at=dot then="421 4.3.2 bye" close', rb"250 2[^\n]*\n421 4\.3\.2 bye\r\n", True),
]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("rule, pattern, accepted", ENDINGS)
def test_ending(sinks, rule, pattern, accepted, chunked):
    sink = sinks(faults=[rule])
    with talk(sink) as client:
        if chunked:
            client.send("MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nBDAT 2 LAST\r\nxx")
            assert [client.code(), client.code()] == [250, 250]
        else:
            assert client.envelope()[2] == 354
            client.send(HEADER + b".\r\n")
        if "close" not in rule:
            client.send("QUIT\r\n")
            pattern += rb"221[^\n]*\n"
        answer = client.buffer
        while octets := client.socket.recv(65536):
            answer += octets
    assert re.fullmatch(pattern, answer, re.DOTALL), answer
    assert len(sink.records()) == len(sink.messages()) == accepted
    totals = sink.stop()
    assert totals["messages"] == accepted


def test_split_arrives_in_pieces(sinks):
    with talk(sinks(faults=["at=noop split=1 lines=60"])) as client:
        client.send("NOOP\r\n")
        pieces = []
        while b"250 line 60 of 60\r\n" not in b"".join(pieces):
            pieces.append(client.socket.recv(4096))
        assert len(pieces) > 5


def test_reset_is_a_reset(sinks):
    sink = sinks(faults=["at=rcpt connection=2 reset"])
    for number in 1, 2, 3:
        with talk(sink) as client:
            client.ask(MAIL[0])
            if number == 2:
                with pytest.raises(ConnectionResetError):
                    client.ask(RCPT[0])
            else:
                assert client.ask(RCPT[0]) == 250


@pytest.mark.parametrize("rule", [
    "at=data once hang", "at=dot once hang", "at=body after=5 once hang"])
def test_hang(sinks, rule):
    sink = sinks(faults=[rule])
    with talk(sink) as client, talk(sink) as other:
        client.send("MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nDATA\r\n")
        assert [client.code(), client.code()] == [250, 250]
        if "data" not in rule:
            assert client.code() == 354
            client.send(HEADER + b".\r\n")
        assert client.silent(0.2)
        assert other.deliver() == 250
    assert len(sink.records()) == 1
    assert sink.stop()["peak-connections"] == 2


def sockets_of(sink):
    """The sockets that the sink has open, its listening one among them."""
    names = []
    for entry in os.listdir(f"/proc/{sink.process.pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{sink.process.pid}/fd/{entry}"))
        except FileNotFoundError:
            pass
    return [name for name in names if name.startswith("socket:")]


def test_hung_connection_ends_with_its_client(sinks):
    sink = sinks(faults=["at=noop hang"])
    with talk(sink) as client:
        client.send("NOOP\r\n")
        assert client.silent(0.05)
        assert len(sockets_of(sink)) == 2
    deadline = time.monotonic() + PATIENCE
    while len(sockets_of(sink)) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("rule, ends", [
    ("at=body after=4096 close", True),
    ('at=body after=4096 reply="421 4.3.2 shutting down" close', True),
    ('at=body after=4096 reply="421 4.3.2 too early"', False),
    ("at=body after=4096 delay=10ms", False),
])
@pytest.mark.parametrize("chunked", [False, True])
def test_middle_of_body(sinks, rule, ends, chunked):
    sink = sinks(faults=[rule])
    with talk(sink) as client:
        if chunked:
            client.send("MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\n"
                        "BDAT 100000 LAST\r\n")
            codes = [client.code(), client.code()]
        else:
            codes = client.envelope()
        assert codes[:2] == [250, 250]
        text = b"x" * 4094 + b"\r\n"
        client.send(text[:4095])
        if "reply" in rule:
            assert client.silent(0.05)
        client.send(text[4095:] if chunked else text[4095:] + b"y")
        if "reply" in rule:
            assert client.code() == 421
        if ends:
            assert client.closed()
        else:
            client.send(b"x" * (100000 - 4096) if chunked else b"\r\n.\r\n")
            assert client.code() == 250
    assert len(sink.records()) == (not ends)


def test_message_shorter_than_the_mark(sinks):
    sink = sinks(faults=["at=body after=4096 close"])
    with talk(sink) as client:
        assert client.deliver() == 250
        assert client.envelope()[2] == 354
        client.send(b"x" * 5000)
        assert client.closed()
    assert len(sink.records()) == 1


def test_reset_in_the_body(sinks):
    sink = sinks(faults=["at=body after=100000 reset"])
    with talk(sink) as client:
        assert client.envelope()[2] == 354
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:
                client.send(b"x" * 65536)
    assert sink.records() == []


@pytest.mark.parametrize("rule", [
    "at=data accept-anyway", 'at=data accept-anyway reply="354 come"'])
def test_accept_anyway(sinks, rule):
    sink = sinks(faults=['at=rcpt reply="550 5.1.1 no"', rule])
    with talk(sink) as client:
        assert client.envelope() == [250, 550, 354]
        client.send(b".\r\n")
        assert client.code() == 554
        assert client.envelope() == [250, 550, 354]
    assert sink.records() == []
    assert sink.stop()["refused-recipients"] == 2


def test_nobody_is_a_recipient_and_yet_it_is_accepted(sinks):
    sink = sinks(faults=['at=rcpt reply="550 5.1.1 no"', "at=data accept-anyway",
                         'at=dot reply="250 ok"'])
    with talk(sink) as client:
        assert client.envelope() == [250, 550, 354]
        client.send(b".\r\n")
        assert client.code() == 250
    assert [(r.recipients, r.size) for r in sink.records()] == [([], 0)]


def test_chunk_rules(sinks):
    sink = sinks(faults=['at=bdat once reply="451 4.3.0 no"',
                         "at=bdat after=1 once close-after-accept"])
    for answers in ([250, 250, 451], [250, 250, 250], [250, 250, None]):
        with talk(sink) as client:
            client.send("MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nBDAT 2 LAST\r\nxx")
            assert [client.code() for _ in answers] == answers
    assert len(sink.records()) == 2


@pytest.mark.parametrize("strict", [True, False])
def test_a_refused_chunk(sinks, strict):
    """A server that says that it has taken what it refused the recipients of; and what may
    follow."""
    sink = sinks(*["--strict"] * strict,
                 faults=['at=rcpt reply="550 no"', 'at=bdat once reply="250 2.0.0 taken"'])
    chunk = "MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nBDAT 2 LAST\r\nxx"
    with talk(sink) as client:
        client.send(chunk)
        assert [client.code() for _ in range(3)] == [250, 550, 250]
        client.send(chunk)
        behind = [503, 503, 554] if strict else [250, 550, 554]
        assert [client.code() for _ in range(3)] == behind
        assert client.ask("RSET") == 250
        client.send(chunk)
        assert [client.code() for _ in range(3)] == [250, 550, 554]
    assert sink.records() == []


@pytest.mark.parametrize("arguments, faults", [
    (["--delay", "60"], []),
    ([], ["at=noop delay=60ms"]),
])
def test_delay(sinks, arguments, faults):
    """Each reply waits, and those behind a delayed one wait for it too."""
    sink = sinks(*arguments, faults=faults)
    with talk(sink) as client:
        begin = time.monotonic()
        client.send("NOOP\r\nNOOP\r\nRSET\r\n")
        codes = [client.code() for _ in range(3)]
        assert codes == [250, 250, 250]
        assert time.monotonic() - begin > 0.115


def test_latency(sinks):
    """Replies travel side by side, and one that is under way holds up nobody."""
    sink = sinks("--latency", "500")
    with talk(sink) as client:
        begin = time.monotonic()
        client.send("NOOP\r\n" * 20)
        client.send("MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nBDAT 2 LAST\r\nxx")
        assert [client.code() for _ in range(23)] == [250] * 23
        assert 0.5 <= time.monotonic() - begin < 0.5 * 23
        client.send("QUIT\r\n")
        assert client.code() == 221 and client.closed()


def test_latency_ends_with_a_handshake(sinks, tmp_path):
    sink = sinks("--latency", "20", "--write-ca", str(tmp_path / "ca.pem"))
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=PATIENCE) as client:
        assert client.starttls()[0] == 220
        assert client.noop()[0] == 250


def test_replies_before_a_delayed_one_leave_at_once(sinks):
    with talk(sinks(faults=["at=noop delay=60m"])) as client:
        client.send("RSET\r\nRSET\r\nNOOP\r\nRSET\r\n")
        assert [client.code(), client.code()] == [250, 250]
        assert client.silent(0.05)


def test_delay_of_a_message_keeps_it_first(sinks):
    sink = sinks(faults=["at=dot delay=60m"])
    with talk(sink) as client:
        assert client.envelope()[2] == 354
        client.send(HEADER + b".\r\n")
        sink.wait_for(1)
        assert client.silent(0.05)


@pytest.mark.parametrize("rule, code", [
    ('at=starttls reply="454 4.7.0 no TLS today"', 454),
    ("at=starttls close", None),
])
def test_starttls_faults(sinks, rule, code):
    with talk(sinks("--extensions", "STARTTLS", faults=[rule])) as client:
        assert client.ask("STARTTLS") == code
        assert code is None or client.ask("NOOP") == 250


def test_reply_smuggled_into_starttls(sinks):
    with talk(sinks("--extensions", "STARTTLS",
                    faults=['at=starttls reply="220 go\\r\\n250 injected"'])) as client:
        assert client.ask("STARTTLS") == 220
        assert client.line() == "250 injected"
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(client.socket) as secure:
            secure.sendall(b"NOOP\r\n")
            assert secure.recv(4096).startswith(b"250")


@pytest.mark.parametrize("ending", ["close", "hang", "reset"])
def test_auth_faults(sinks, ending):
    sink = sinks("--auth", "user:pass", faults=['at=auth once reply="454 4.7.0 later"',
                                                f"at=auth once {ending}"])
    with talk(sink) as client:
        line = "AUTH PLAIN " + b64("\0user\0pass")
        assert client.ask(line) == 454
        assert client.ask(MAIL[0]) == 530
        client.send(line + "\r\n")
        if ending == "close":
            assert client.closed()
        elif ending == "hang":
            assert client.silent(0.05)
        else:
            with pytest.raises(ConnectionResetError):
                client.line()
    with talk(sink) as client:
        assert client.ask(line) == 235


def test_last_reply_survives_what_the_client_still_sends(sinks):
    sink = sinks(faults=['at=mail reply="421 4.7.0 too fast" close'])
    for _ in range(20):
        with talk(sink) as client:
            client.send("MAIL FROM:<a@b>\r\n" + "NOOP\r\n" * 5000)
            assert client.code() == 421
            assert client.closed()


def test_script_file(sinks, tmp_path):
    script = tmp_path / "rules"
    script.write_text('# a comment\n\n  at=noop once reply="250 a # b"  # another\n'
                      'at=noop once reply="250 second"\r\n')
    with talk(sinks("--script", script, faults=['at=noop reply="250 third"'])) as client:
        for text in "250 a # b", "250 second", "250 third":
            client.send("NOOP\r\n")
            assert client.line() == text
