# SPDX-License-Identifier: Apache-2.0
"""dateline-sink keeps exactly what it accepted, and speaks proper SMTP."""

import random
import smtplib
import socket
import ssl
import subprocess
import threading

import pytest

from sink import PATIENCE, Sink
from talk import HEADER, MAIL, RCPT, Talk, b64, talk


# --- What is kept ---

def test_keeps_what_smtplib_sends(sinks):
    sink = sinks()
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        refused = client.sendmail("s@example.org", ["a@example.org", "b@example.org"],
                                  HEADER + b"one\r\n.two\r\n..three\r\n")
    assert refused == {}
    record, = sink.records()
    content = HEADER + b"one\r\n.two\r\n..three\r\n"
    assert record.sender == "s@example.org"
    assert record.recipients == ["a@example.org", "b@example.org"]
    assert record.size == len(content)
    assert record.message_id == "<1@example.org>"
    assert record.connection == 1
    kept, = sink.message_files()
    assert kept.startswith(b"Return-Path: <s@example.org>\r\nDelivered-To: a@example.org\r\n"
                           b"Delivered-To: b@example.org\r\nX-Sink-Helo: ")
    assert kept.endswith(b"\r\n" + content)
    message, = sink.messages()
    assert message["From"] == "a@example.org"
    totals = sink.stop()
    assert totals == {"connections": 1, "messages": 1, "refused-recipients": 0,
                      "octets": len(content), "peak-connections": 1}


def test_envelope_is_kept_with_its_parameters(sinks):
    sink = sinks()
    with talk(sink) as client:
        client.send("MAIL FROM:<> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x\r\n"
                    'RCPT TO:<"a,b\\" c"@example.org> NOTIFY=NEVER\r\n'
                    "RCPT TO:<Postmaster>\r\nDATA\r\n")
        assert [client.code() for _ in range(4)] == [250, 250, 250, 354]
        client.send(b"no header\r\n.\r\n")
        assert client.code() == 250
    record, = sink.records()
    assert record.sender == ""
    assert record.recipients == ['"a,b\\" c"@example.org', "Postmaster"]
    assert record.message_id is None
    kept, = sink.message_files()
    assert b"X-Sink-Mail: FROM:<> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x\r\n" in kept
    assert b'X-Sink-Rcpt: TO:<"a,b\\" c"@example.org> NOTIFY=NEVER\r\n' in kept


def ids(values):
    """Short names, for what is too long or too odd to be one."""
    return [str(i) for i in range(len(values))]


MESSAGE_IDS = [
    (b"Message-ID: <a@b>\r\n", "<a@b>"),
    (b"Subject: x\r\nmessage-id:<a@b>  \r\n", "<a@b>"),
    (b"Message-Id:\r\n <a@b>\r\nSubject: x\r\n", "<a@b>"),
    (b"Message-ID: <a\tb@\\c>\r\n", "<a b@\\c>"),
    (b"Subject: x\r\n Message-ID: <folded@no>\r\n", None),
    (b"Message-ID:\r\n", None),
    (b"Subject: " + b"x" * 200 + b"\r\n" + b"X: y\r\n" * 5000 + b"Message-ID: <far@off>\r\n",
     "<far@off>"),
    (b"X: y\r\n" * 20000 + b"Message-ID: <too@far>\r\n", None),
]


@pytest.mark.parametrize("header, expected", MESSAGE_IDS, ids=ids(MESSAGE_IDS))
def test_message_id(sinks, header, expected):
    sink = sinks(maildir=False)
    with talk(sink) as client:
        assert client.deliver(body=header + b"\r\nMessage-ID: <in@body>\r\n") == 250
    assert sink.records()[0].message_id == expected


def test_message_id_after_empty_header(sinks):
    sink = sinks(maildir=False)
    with talk(sink) as client:
        assert client.deliver(body=b"\r\nMessage-ID: <in@body>\r\n\r\n") == 250
    assert sink.records()[0].message_id is None


TRICKY = [
    b"",
    b"..\r\n",
    b"..\r\n...\r\n",
    b"a\n.\nb\r\n",
    b"a\n.\r\nb\r\n",
    b"a\r.\r\nb\r\n",
    b"a\r.\rb\r\n",
    b"a\r\n..\nb\r\n",
    b"a\r\n..\rb\r\n",
    b"a\r\n..\r\r\nb\r\n",
    b"\r\r\n..x\r\n\r\n",
    b"\0\xff\x80\r\n",
]


def unstuffed(wire):
    return wire[1:].replace(b"\r\n.", b"\r\n") if wire.startswith(b".") \
        else wire.replace(b"\r\n.", b"\r\n")


@pytest.mark.parametrize("wire", TRICKY, ids=ids(TRICKY))
def test_no_octet_is_lost_or_smuggled(sinks, wire):
    """Whole, and octet by octet, so that every cut occurs."""
    sink = sinks()
    with talk(sink) as client:
        assert client.deliver(body=wire) == 250
        assert client.envelope()[2] == 354
        for octet in wire + b".\r\n":
            client.send(bytes([octet]))
        assert client.code() == 250
        assert client.ask("NOOP") == 250
    for kept in sink.message_files():
        assert kept.split(b"X-Sink-Rcpt: TO:<r@example.org>\r\n")[1] == unstuffed(wire)
    assert [r.size for r in sink.records()] == [len(unstuffed(wire))] * 2


def test_big_message(sinks):
    sink = sinks()
    body = random.Random(1).randbytes(3_000_000).replace(b"\r\n.", b"\r\nx") + b"\r\n"
    with talk(sink) as client:
        assert client.deliver(body=body) == 250
    assert sink.message_files()[0].endswith(body)


def test_interrupted_message_is_not_kept(sinks):
    sink = sinks()
    with talk(sink) as client:
        assert client.envelope()[2] == 354
        client.send(HEADER + b"half a line")
    with talk(sink) as client:
        assert client.deliver() == 250
    assert len(sink.records()) == 1
    sink.stop()
    assert len(list(sink.maildir.glob("*/*"))) == 1


def test_disk_trouble_is_a_refusal(sinks, tmp_path):
    sink = sinks()
    (sink.maildir / "new").rmdir()
    with talk(sink) as client:
        assert client.deliver() == 452
    assert sink.records() == []
    assert list(sink.maildir.glob("*/*")) == []


def test_full_record_is_a_refusal(tmp_path):
    with Sink(tmp_path, "--record", "/dev/full", record=False) as sink, talk(sink) as client:
        assert client.deliver() == 452
        assert sink.message_files() == []


def test_restart_appends(sinks):
    sink = sinks()
    port = sink.port
    for _ in range(2):
        with talk(sink) as client:
            assert client.deliver() == 250
            assert client.ask("QUIT") == 221
            assert client.closed()
        sink.stop()
        sink.start()
    assert sink.port == port
    assert len(sink.records()) == len(sink.messages()) == 2


# --- The conversation ---

def test_pipelined_group_is_answered_in_one_packet(sinks):
    sink = sinks()
    with talk(sink) as client:
        client.send("MAIL FROM:<s@example.org>\r\nRCPT TO:<a@example.org>\r\n"
                    "RCPT TO:<b@example.org>\r\nDATA\r\n")
        packet = client.socket.recv(65536)
        assert [line[:3] for line in packet.split(b"\r\n")] == [b"250", b"250", b"250", b"354", b""]
        client.send(HEADER + b".\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<c@example.org>\r\n"
                    b"DATA\r\n")
        packet = client.socket.recv(65536)
        assert [line[:3] for line in packet.split(b"\r\n")] == [b"250", b"250", b"250", b"354", b""]


def test_commands_cut_anywhere(sinks):
    sink = sinks()
    with Talk(sink) as client:
        for octet in b"EHLO x\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nDATA\r\n":
            client.send(bytes([octet]))
        assert [client.code() for _ in range(4)] == [250, 250, 250, 354]


HELLO = ("EHLO x", 250)

SEQUENCES = {
    "mail before hello": [("MAIL FROM:<s@example.org>", 503), HELLO, MAIL],
    "helo": [("HELO x", 250), MAIL, RCPT],
    "hello without name": [("EHLO", 501), ("HELO ", 501)],
    "rcpt before mail": [HELLO, ("RCPT TO:<r@example.org>", 503), MAIL, ("DATA", 503)],
    "data before rcpt": [HELLO, ("DATA", 503), MAIL, ("DATA", 503)],
    "mail twice": [HELLO, MAIL, ("MAIL FROM:<t@example.org>", 503), RCPT],
    "rset": [HELLO, MAIL, RCPT, ("RSET", 250), ("DATA", 503), MAIL],
    "hello resets": [HELLO, MAIL, RCPT, HELLO, ("DATA", 503), MAIL],
    "small ones": [("NOOP", 250), ("NOOP anything", 250), ("VRFY r", 252), ("HELP", 214),
                   ("EXPN x", 502), ("RSET x", 501), ("noop", 250), ("NO", 500), ("", 500)],
    "data with argument": [HELLO, MAIL, RCPT, ("DATA x", 501)],
    "bad auth": [HELLO, ("AUTH PLAIN", 502), ("STARTTLS", 502)],
    "unknown": [("FROBNICATE", 500), ("MAILFROM:<a@b>", 500)],
    "too long": [("NOOP " + "x" * 3000, 500), ("NOOP " + "x" * 300000, 500), ("NOOP", 250)],
    "nul": [("NOOP \0", 500), ("EHLO \rx", 500), ("NOOP", 250)],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence(sinks, name):
    with Talk(sinks()) as client:
        for line, code in SEQUENCES[name]:
            assert client.ask(line) == code, line


def test_bare_line_feed_ends_no_command(sinks):
    with talk(sinks()) as client:
        client.send("NOOP\nNOOP\r\n")
        assert [client.code(), client.code()] == [500, 250]


@pytest.mark.parametrize("argument, code", [
    ("<>", 250),
    ("<a@b> SIZE=10 BODY=7BIT SMTPUTF8 RET=FULL ENVID=abc", 250),
    ("<a@[127.0.0.1]>", 250),
    ("<\u00e9@example.org> SMTPUTF8", 250),
    ("<\u00e9@example.org>", 553),
    ("<a@b> SIZE=52428801", 552),
    ("<a@b> SIZE=x", 501),
    ("<a@b> BODY=BINARYMIME", 501),
    ("<a@b> SMTPUTF8=1", 501),
    ("<a@b> RET=SOME", 501),
    ("<a@b> RET=HDRS RET=HDRS", 501),
    ("<a@b> RET", 501),
    ("<a@b> ENVID=a+2Bb", 250),
    ("<a@b> ENVID=", 501),
    ("<a@b> ENVID=a+2bb", 501),
    ("<a@b> ENVID=a+2", 501),
    ("<a@b> ENVID=a=b", 501),
    ("<a@b> ENVID=" + "+20" * 100, 250),
    ("<a@b> ENVID=" + "x" * 101, 501),
    ("<a@b> AUTH=<>", 555),
    ("<a@b> FOO=1", 555),
    ("<a@b> NOTIFY=NEVER", 555),
    ("<a@b>x", 501),
    (" <a@b>", 501),
    ("a@b", 501),
    ("<a@b", 501),
    ("<a b@c>", 501),
    ("<a>", 501),
    ("<@b>", 501),
    ("<a@>", 501),
    ("<" + "a" * 64 + "@b>", 250),
    ("<" + "a" * 65 + "@b>", 501),
    ("<a@" + "b" * 253 + ">", 501),
])
def test_mail_argument(sinks, argument, code):
    with talk(sinks()) as client:
        assert client.ask("MAIL FROM:" + argument) == code


@pytest.mark.parametrize("argument, code", [
    ("<r@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;r@example.org", 250),
    ("<postmaster>", 250),
    ("<>", 501),
    ("<r>", 501),
    ("<r@example.org> NOTIFY=NEVER,FAILURE", 501),
    ("<r@example.org> NOTIFY=", 501),
    ("<r@example.org> NOTIFY", 501),
    ("<r@example.org> NOTIFY=FAILURE,", 501),
    ("<r@example.org> NOTIFY=FAILURE NOTIFY=DELAY", 501),
    ("<r@example.org> ORCPT=x", 501),
    ("<r@example.org> ORCPT=;x", 501),
    ("<r@example.org> ORCPT=rfc822;", 501),
    ("<r@example.org> ORCPT=rfc822;a+b@example.org", 501),
    ("<r@example.org> ORCPT=rfc822;\u00e9@example.org", 501),
    ("<r@example.org> ORCPT=rfc822;" + "x" * 493, 250),
    ("<r@example.org> ORCPT=rfc822;" + "x" * 494, 501),
    ("<r@example.org> ORCPT=utf-8;\u00e9\\x{2B}@example.org", 250),
    ("<r@example.org> ORCPT=utf-8;\u00e9+2B@example.org", 501),
    ("<r@example.org> ORCPT=utf-8;a\\x{2@example.org", 501),
    ("<r@example.org> ORCPT=utf-8;a\\", 501),
    ("<r@example.org> SIZE=1", 555),
    ("<\u00e9@example.org>", 553),
])
def test_rcpt_argument(sinks, argument, code):
    sink = sinks()
    with talk(sink) as client:
        client.ask(*MAIL[:1])
        assert client.ask("RCPT TO:" + argument) == code
    assert sink.stop()["refused-recipients"] == (0 if code == 250 else 1)


def test_size_is_enforced_on_the_message(sinks):
    sink = sinks("--extensions", "SIZE=100,CHUNKING")
    with talk(sink) as client:
        assert client.deliver(body=b"x" * 98 + b"\r\n") == 250
        assert client.deliver(body=b"x" * 99 + b"\r\n") == 552
        client.send("MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nBDAT 101 LAST\r\n")
        client.send(b"x" * 101)
        assert [client.code(), client.code(), client.code()] == [250, 250, 552]
    assert [r.size for r in sink.records()] == [100]


def test_extensions_are_announced_as_asked(sinks):
    everything = sinks()
    with Talk(everything) as client:
        client.send("EHLO x\r\n")
        assert client.reply() == [
            "250-localhost", "250-PIPELINING", "250-8BITMIME", "250-SIZE 52428800", "250-CHUNKING",
            "250-SMTPUTF8", "250-DSN", "250 ENHANCEDSTATUSCODES"]
        client.send("NOOP\r\n")
        assert client.line().startswith("250 2.0.0 ")
    few = sinks("--extensions", "SIZE=5, DSN,AUTH=PLAIN,X-ODD=1", "--no-extension", "dsn")
    with Talk(few) as client:
        client.send("EHLO x\r\n")
        assert client.reply() == ["250-localhost", "250-SIZE 5", "250-AUTH PLAIN", "250 X-ODD=1"]
        client.send("NOOP\r\n")
        assert client.line() == "250 nothing done"
        assert client.ask("AUTH LOGIN") == 504
    none = sinks("--extensions", "")
    with Talk(none) as client:
        client.send("EHLO x\r\n")
        assert client.reply() == ["250 localhost"]
        assert client.ask("BDAT 0 LAST") == 502


def test_bdat(sinks):
    sink = sinks()
    dots = b"..\r\n.\r\nno stuffing here\r\n"
    with talk(sink) as client:
        client.send(b"MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nBDAT %d\r\n"
                    % len(HEADER) + HEADER + b"BDAT %d LAST\r\n" % len(dots) + dots)
        assert [client.code() for _ in range(4)] == [250] * 4
        client.send(b"MAIL FROM:<s@example.org>\r\nRCPT TO:<r@example.org>\r\nBDAT 3\r\n")
        for octet in b"abcBDAT 0 last\r\n":
            client.send(bytes([octet]))
        assert [client.code() for _ in range(4)] == [250] * 4
    assert [r.size for r in sink.records()] == [len(HEADER + dots), 3]
    assert sink.message_files()[0].endswith(HEADER + dots)
    assert sink.records()[0].message_id == "<1@example.org>"


def test_bdat_out_of_order(sinks):
    sink = sinks()
    with talk(sink) as client:
        client.send("BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n")
        assert [client.code(), client.code()] == [503, 250]
        assert client.ask("BDAT x") == 501
        assert client.ask("BDAT 1 FIRST") == 501
        for line in MAIL[0], RCPT[0]:
            assert client.ask(line) == 250
        client.send("BDAT 1\r\nx")
        assert client.code() == 250
        assert client.ask("DATA") == 503
        assert client.ask(RCPT[0]) == 503
        assert client.ask("BDAT 0 LAST") == 250
    assert len(sink.records()) == 1


def test_replies_wait_for_a_client_that_does_not_read(sinks):
    sink = sinks()
    count = 30000
    with talk(sink) as client:
        writer = threading.Thread(target=client.send, args=("NOOP\r\n" * count,))
        writer.start()
        writer.join(0.5)
        assert all(client.code() == 250 for _ in range(count))
        writer.join()


def test_half_closed_client_is_answered(sinks):
    with Talk(sinks()) as client:
        client.send("EHLO x\r\nNOOP\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.code(), client.code()] == [250, 250]
        assert client.closed()


# --- Strictness ---

TEXTS = [
    ("", HEADER + b"x" * 998 + b"\r\n", 250),
    ("", HEADER + b"x" * 999 + b"\r\n", 554),
    ("", b"a\nb\r\n", 554),
    ("", b"a\rb\r\n", 554),
    ("", b"\n\r\n", 554),
    ("", b"a\0b\r\n", 554),
    ("", b"\xc3\xa9\r\n", 554),
    (" BODY=8BITMIME", b"\xc3\xa9\r\n", 250),
    (" SMTPUTF8", b"\xc3\xa9\r\n", 250),
]


@pytest.mark.parametrize("parameters, body, code", TEXTS, ids=ids(TEXTS))
@pytest.mark.parametrize("strict", [True, False])
def test_strict_about_text(sinks, parameters, body, code, strict):
    sink = sinks(*["--strict"] * strict)
    expected = code if strict else 250
    with talk(sink) as client:
        client.send(f"MAIL FROM:<s@example.org>{parameters}\r\nRCPT TO:<r@example.org>\r\nDATA\r\n")
        assert [client.code() for _ in range(3)] == [250, 250, 354]
        client.send(body + b".\r\n")
        assert client.code() == expected
    assert len(sink.records()) == (expected == 250)


@pytest.mark.parametrize("arguments, sent, codes", [
    ([], "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n", [250, 250, 354]),
    ([], "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\n", [250, 250, 554, None]),
    ([], "NOOP\r\nNOOP\r\n", [554, None]),
    (["--no-extension", "PIPELINING"], "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n", [554, None]),
])
def test_strict_about_haste(sinks, arguments, sent, codes):
    with talk(sinks("--strict", *arguments)) as client:
        client.send(sent)
        assert [client.code() for _ in codes] == codes


def test_strict_about_haste_behind_the_dot(sinks):
    sink = sinks("--strict", "--no-extension", "PIPELINING")
    with talk(sink) as client:
        for line, code in [MAIL, RCPT, ("DATA", 354)]:
            assert client.ask(line) == code
        client.send(HEADER + b".\r\nNOOP\r\n")
        assert [client.code(), client.code(), client.code()] == [250, 554, None]
    assert len(sink.records()) == 1


# --- TLS and AUTH ---

def trusting(file):
    return ssl.create_default_context(cafile=str(file))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_starttls(sinks, tmp_path, host):
    ca = tmp_path / "ca.pem"
    sink = sinks("--write-ca", ca, faults=['at=mail tls=no reply="530 5.7.0 STARTTLS first"'])
    with smtplib.SMTP(host, sink.port) as client:
        client.ehlo()
        assert client.has_extn("STARTTLS")
        assert client.docmd("MAIL", "FROM:<s@example.org>")[0] == 530
        client.starttls(context=trusting(ca))
        assert client.docmd("MAIL", "FROM:<s@example.org>")[0] == 503
        client.ehlo()
        assert not client.has_extn("STARTTLS")
        assert client.docmd("STARTTLS")[0] == 503
        client.sendmail("s@example.org", "r@example.org", HEADER + b"x" * 500_000 + b"\r\n")
    assert b"X-Sink-TLS: TLSv1.3\r\n" in sink.message_files()[0]
    assert sink.records()[0].size == len(HEADER) + 500_002


def test_tls_wrapped(sinks, tmp_path):
    ca = tmp_path / "ca.pem"
    sink = sinks("--tls-wrapped", "--write-ca", ca)
    with smtplib.SMTP_SSL("localhost", sink.port, context=trusting(ca)) as client:
        client.ehlo()
        assert not client.has_extn("STARTTLS")
        client.sendmail("s@example.org", "r@example.org", HEADER)
    with socket.create_connection(("127.0.0.1", sink.port), timeout=PATIENCE) as plain:
        plain.sendall(b"EHLO x\r\nthis is no handshake\r\n")
        plain.recv(4096)
    assert len(sink.records()) == 1


def test_given_certificate(sinks, tmp_path):
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    sink = sinks("--tls-cert", files[0], "--tls-key", files[1])
    with smtplib.SMTP("localhost", sink.port) as client:
        client.starttls(context=trusting(files[0]))


def test_nothing_may_stand_behind_starttls(sinks):
    with talk(sinks("--extensions", "STARTTLS")) as client:
        client.send("STARTTLS\r\nNOOP\r\n")
        assert [client.code(), client.code()] == [503, 250]



def xoauth2(token, user="user"):
    return b64(f"user={user}\1auth=Bearer {token}\1\1")


AUTH = {
    "plain": [("AUTH PLAIN " + b64("\0user\0pass:word"), 235), ("AUTH LOGIN", 503)],
    "plain, asked": [("AUTH PLAIN", 334), (b64("\0user\0pass:word"), 235)],
    "plain, identity": [("auth plain " + b64("me\0user\0pass:word"), 235)],
    "plain, wrong": [("AUTH PLAIN " + b64("\0user\0pass"), 535),
                     ("AUTH PLAIN " + b64("\0user\0pass:word"), 235)],
    "plain, wrong user": [("AUTH PLAIN " + b64("\0userx\0pass:word"), 535)],
    "plain, torn": [("AUTH PLAIN " + b64("user"), 501), ("AUTH PLAIN =", 501),
                    ("AUTH PLAIN " + b64("\0a\0b\0c"), 501)],
    "login": [("AUTH LOGIN", 334), (b64("user"), 334), (b64("pass:word"), 235)],
    "login, user": [("AUTH LOGIN " + b64("user"), 334), (b64("pass:word"), 235)],
    "login, wrong": [("AUTH LOGIN", 334), (b64("user"), 334), (b64("x"), 535)],
    "xoauth2": [("AUTH XOAUTH2 " + xoauth2("pass:word"), 235)],
    "xoauth2, asked": [("AUTH XOAUTH2", 334), (xoauth2("pass:word"), 235)],
    "xoauth2, wrong": [("AUTH XOAUTH2 " + xoauth2("x"), 334), ("", 535)],
    "xoauth2, torn": [("AUTH XOAUTH2 " + b64("user=user"), 501)],
    "cancel": [("AUTH LOGIN", 334), ("*", 501), ("NOOP", 250)],
    "no base64": [("AUTH PLAIN !", 501), ("AUTH LOGIN", 334), ("a", 501), ("NOOP", 250)],
    "too long": [("AUTH LOGIN", 334), ("a" * 20000, 500), ("NOOP", 250)],
    "unknown": [("AUTH CRAM-MD5", 504), ("AUTH", 504)],
    "in transaction": [("AUTH PLAIN " + b64("\0user\0pass:word"), 235), MAIL, ("AUTH PLAIN", 503)],
}


@pytest.mark.parametrize("name", AUTH)
def test_auth(sinks, name):
    with talk(sinks("--auth", "user:pass:word")) as client:
        assert client.ask(MAIL[0]) == 530
        for line, code in AUTH[name]:
            assert client.ask(line) == code, line
        accepted = any(code == 235 for _, code in AUTH[name])
        if name != "in transaction":
            assert client.ask(MAIL[0]) == (250 if accepted else 530)


def test_auth_takes_anything_without_a_pair(sinks):
    sink = sinks("--extensions", "AUTH")
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.login("anybody", "anything")
        client.sendmail("s@example.org", "r@example.org", HEADER)
    assert b"X-Sink-User: anybody\r\n" in sink.message_files()[0]
