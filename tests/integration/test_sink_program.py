# SPDX-License-Identifier: Apache-2.0
"""dateline-sink as a program: its options, and many clients at once."""

import random
import resource
import socket
import struct
import subprocess
import threading
import time

import pytest

from sink import PATIENCE, Sink, program
from talk import HEADER, Talk, talk


# --- The command line ---

def run(*arguments):
    return subprocess.run([program("dateline-sink"), *arguments], capture_output=True, text=True,
                          timeout=PATIENCE)


@pytest.mark.parametrize("rule, message", [
    ("at=dot evry=2 close", '--fault 1:1:8: unknown word "evry"'),
    ("at=dots close", '--fault 1:1:4: unknown stage "dots"'),
    ("close", "--fault 1:1:1: the rule does not say when"),
    ("at=dot every=2", "--fault 1:1:1: the rule does not say what to do"),
    ("at=dot close hang", "--fault 1:1:14: hang does not go with the close in column 8"),
    ("at=dot every=0 close", "--fault 1:1:14: every=0: expected a number"),
    ("at=dot every=-1 close", "--fault 1:1:14: every=-1: expected a number"),
    ("at=dot every=99999999999 close", "--fault 1:1:14: every=99999999999: expected a number"),
    ("at=dot every close", "--fault 1:1:8: every needs a value"),
    ("at=dot close=1", "--fault 1:1:14: close takes no value"),
    ("at=dot at=rcpt close", "--fault 1:1:8: at does not go with the at in column 1"),
    ("at=dot once limit=2 close once",
     "--fault 1:1:13: limit does not go with the once in column 8"),
    ("at=dot limit=2 once close", "--fault 1:1:16: once does not go with the limit in column 8"),
    ("at=dot close close", "--fault 1:1:14: close does not go with the close"),
    ("at=dot delay=5 close", "--fault 1:1:14: delay=5: expected a time"),
    ("at=dot delay=25h close", "--fault 1:1:14: delay=25h: expected a time"),
    ('at=dot reply="250 ok', "--fault 1:1:14: this quote is never closed"),
    ('at=dot reply="\\q"', "--fault 1:1:15: unknown escape"),
    ('at=dot reply="\\x0"', "--fault 1:1:15: unknown escape"),
    ('at=dot reply="\\x00"', "--fault 1:1:15: unknown escape"),
    ('at=dot reply="\\', "--fault 1:1:15: unknown escape"),
    ('at=dot reply="250"close', "--fault 1:1:19: a blank must follow"),
    ("at=mail match=* close", "--fault 1:1:9: match has no meaning at=mail"),
    ("at=ehlo from=* close", "--fault 1:1:9: from has no meaning at=ehlo"),
    ("at=dot accept-anyway", "--fault 1:1:8: accept-anyway has no meaning at=dot"),
    ("at=rcpt close-after-accept", "--fault 1:1:9: close-after-accept has no meaning at=rcpt"),
    ("at=dot tls=maybe close", "--fault 1:1:12: tls=maybe: expected yes or no"),
    ("at=dot close\nat=dot reset hang",
     "--fault 1:2:14: hang does not go with the reset in column 8"),
    ("at=dot =x close", '--fault 1:1:8: unknown word ""'),
])
def test_wrong_rules_are_explained(rule, message):
    result = run("--listen", "0", "--fault", rule)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_all_wrong_rules_are_named(tmp_path):
    script = tmp_path / "rules"
    script.write_text("at=dot close\nat=dot\nat=dot evry=1 foo close\n")
    result = run("--listen", "0", "--script", script, "--fault", "at=x")
    assert result.returncode == 2
    assert [f"{script}:2:1:", f"{script}:3:8:", f"{script}:3:15:", "--fault 1:1:4:"] == [
        " ".join(line.split(" ")[:2 if line.startswith("--") else 1])
        for line in result.stderr.splitlines()[1:]]


@pytest.mark.parametrize("arguments, status, message", [
    (["--listen", "0.0.0.0:0"], 2, "loopback addresses only"),
    (["--listen", "[::]:0"], 2, "loopback addresses only"),
    (["--listen", "192.0.2.1:0"], 2, "loopback addresses only"),
    (["--listen", "example.org:25"], 2, "expected an IP address"),
    (["--listen", "127.0.0.1:99999"], 2, "--listen"),
    (["--listen", ""], 2, "--listen"),
    (["--count", "--maildir", "x"], 2, "--count"),
    (["--tls-cert", "x"], 2, "--tls-key"),
    (["--listen", "0", "--tls-cert", "/nowhere", "--tls-key", "/nowhere"], 1, "/nowhere"),
    (["--auth", "user"], 2, "USER:PASSWORD"),
    (["--threads", "0"], 2, "--threads"),
    (["--delay", "-1"], 2, "--delay"),
    (["--latency", "-1"], 2, "--latency"),
    (["--extensions", "PIPELINNING"], 2, 'unknown extension "PIPELINNING"'),
    (["--extensions", "SIZE=big"], 2, "SIZE=big"),
    (["--extensions", "DSN=1"], 2, "DSN takes no value"),
    (["--no-extension", "FOO"], 2, 'unknown extension "FOO"'),
    (["--script", "/nowhere"], 1, "/nowhere"),
    (["--record", "/nowhere/x"], 1, "/nowhere"),
    (["--maildir", "/proc/nowhere"], 1, "/proc/nowhere"),
    (["--write-ca", "x", "--no-extension", "STARTTLS"], 2, "--write-ca"),
    (["word"], 2, "no arguments"),
    (["--frob"], 2, "--frob"),
])
def test_wrong_options_are_explained(tmp_path, arguments, status, message):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (status, "")
    assert message in result.stderr


def test_port_in_use(sinks):
    result = run("--listen", f"127.0.0.1:{sinks().port}")
    assert result.returncode == 1
    assert "in use" in result.stderr


def test_version():
    assert run("--version").stdout.startswith("dateline-sink ")


def test_port_file(sinks, tmp_path):
    file = tmp_path / "port"
    sink = sinks("--port-file", file)
    assert file.read_text() == f"{sink.port}\n"


def test_ipv6(tmp_path):
    process = subprocess.Popen([program("dateline-sink"), "--listen", "[::1]:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        if not line and "address" in process.stderr.readline():
            pytest.skip("there is no IPv6 here")
        assert line.startswith("listening on [::1]:")
        with socket.create_connection(("::1", int(line.split(":")[-1])), PATIENCE) as client:
            assert client.recv(4096).startswith(b"220 ")
    finally:
        process.terminate()
        process.communicate()


# --- Many at once ---

def test_totals_at_any_time(sinks):
    sink = sinks(maildir=False)
    assert sink.totals()["messages"] == 0
    with talk(sink) as client:
        client.deliver()
        assert sink.totals() == {"connections": 1, "messages": 1, "refused-recipients": 0,
                                 "octets": len(HEADER) + 7, "peak-connections": 1}


@pytest.mark.parametrize("threads", [1, 4])
def test_the_record_is_what_the_clients_were_told(sinks, threads):
    """Clients on many connections, rules of many kinds: nobody missing, nobody twice."""
    sink = sinks("--threads", threads, faults=[
        'at=rcpt every=17 reply="450 4.2.0 later"', 'at=dot every=7 reply="451 4.3.0 oops"',
        'at=dot every=31 reply="250 ok" close', "at=dot every=13 close", "at=dot every=11 split=3",
        "at=dot every=5 lines=20", "at=mail every=41 reset", "at=data every=43 close",
    ])
    told, lock = [], threading.Lock()

    def work(worker):
        client = None
        for i in range(60):
            address = f"w{worker}m{i}@example.org"
            try:
                client = client or talk(sink)
                code = client.deliver(address)
            except ConnectionResetError:
                code = None
            if code == 250:
                with lock:
                    told.append(address)
                # A rule may close the connection behind the reply.
            try:
                if client.ask("RSET") != 250:
                    raise ConnectionResetError
            except (ConnectionResetError, BrokenPipeError):
                client.socket.close()
                client = None
        if client:
            client.socket.close()

    workers = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    kept = [r.recipients[0] for r in sink.records()]
    assert sorted(kept) == sorted(told)
    assert len(set(kept)) == len(kept) > 300
    assert sorted(str(m["Delivered-To"]) for m in sink.messages()) == sorted(told)
    assert sink.stop()["messages"] == len(told)


def test_connections_are_numbered_in_order_over_threads(sinks):
    sink = sinks("--threads", "3", maildir=False)
    clients = [talk(sink) for _ in range(9)]
    for number, client in enumerate(clients, 1):
        assert client.deliver(f"c{number}@example.org") == 250
        client.socket.close()
    assert [(r.connection, r.recipients) for r in sink.records()] == [
        (n, [f"c{n}@example.org"]) for n in range(1, 10)]


def test_more_than_a_thousand_connections(sinks):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 1500
    if hard < count + 100:
        pytest.skip("the hard limit on descriptors is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        sink = sinks("--threads", "2", maildir=False)
        clients = [Talk(sink) for _ in range(count)]
        for client in clients[::100]:
            assert client.ask("HELO x") == 250
            assert client.deliver() == 250
        assert sink.totals()["peak-connections"] == count
        for client in clients:
            client.socket.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sink.stop()["messages"] == 15


def test_descriptors_run_out_and_come_back(tmp_path):
    """A client that finds no descriptor waits, and is served once there is one."""
    limit = 40
    sink = Sink(tmp_path, maildir=False, prefix=["prlimit", f"--nofile={limit}:{limit}"])
    clients = []
    with sink:
        while len(clients) < limit:
            client = Talk(sink, greet=False)
            clients.append(client)
        assert clients[-1].silent(0.3)
        for client in clients[:10]:
            client.socket.close()
        assert clients[-1].code() == 220
        for client in clients:
            client.socket.close()


def test_hostile_octets_do_no_harm(sinks):
    sink = sinks("--auth", "a:b", "--extensions", "PIPELINING,CHUNKING,AUTH", maildir=False)
    source = random.Random(7)
    words = [b"MAIL FROM:<", b"a@b", b">", b"RCPT TO:<", b"\r\n", b"\n", b"\0", b"BDAT ",
             b"99999999", b"AUTH PLAIN ", b"=", b"AGEAYg==", b"DATA\r\n", b".\r\n",
             b"EHLO x\r\n", b"\"", b"\\", b" SIZE=", b"\xff\xfe", b"AUTH LOGIN\r\n", b"*",
             b"RSET\r\n"]
    for _ in range(200):
        with Talk(sink) as client:
            octets = b"".join(source.choice(words) for _ in range(source.randrange(200)))
            try:
                client.send(octets)
                client.socket.shutdown(socket.SHUT_WR)
                while client.socket.recv(65536):
                    pass
            except OSError:
                pass
    with talk(sink) as client:
        assert client.ask("NOOP") == 250


def test_linger_is_bounded(sinks):
    """A server that has closed does not listen for ever to a client that goes on."""
    sink = sinks(faults=["at=noop close"])
    with talk(sink) as client:
        client.send("NOOP\r\n")
        assert client.closed()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                client.send("x" * 100)
                time.sleep(0.05)
