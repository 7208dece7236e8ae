# SPDX-License-Identifier: Apache-2.0
"""The security of the connection: pinned keys, client certificates, proxies, source addresses,
tokens, and that no secret gets out of the daemon by any of it."""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import re
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.parse

import pytest

from station import Station
from test_relay import (KEY, PASSWORD, RELEASE, USER, Authority, Clerk, addresses,
                        assert_nobody_paid, events, login, openssl, reached, relay_at, send,
                        set_relays, station_for, wait_trouble, write_secret)

CLIENT_SECRET, REFRESH_TOKEN = "GOCSPX-a client's secret", "1//0refresh-token"
TOKEN, OTHER_TOKEN = "ya29.A0-token_of/today+==", "ya29.A0-another_token"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def assert_nowhere(station, *secrets):
    """Neither in the log, nor in the spool, nor in what the daemon says of itself."""
    texts = [json.dumps(station.live(), ensure_ascii=False).encode()]
    texts += [pathlib.Path(f"/proc/{station.daemon.pid}/cmdline").read_bytes()]
    texts += [path.read_bytes() for path in [station.log_path, *station.spool.rglob("*")]
              if path.is_file()]
    for secret in secrets:
        octets = secret.encode()
        forms = [octets, base64.b64encode(octets), urllib.parse.quote(secret, "").encode()]
        assert not [form for form in forms for text in texts if form in text]


# --- Keys of servers ---

def key_pin(certificate):
    """As the manual says to find it out."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-pubkey", "-noout"], check=True,
                         capture_output=True).stdout
    octets = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, check=True,
                            capture_output=True).stdout
    return "sha256//" + base64.b64encode(hashlib.sha256(octets).digest()).decode()


WRONG_PIN = "sha256//" + base64.b64encode(hashlib.sha256(b"another").digest()).decode()


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_key_pin(sinks, stations, tmp_path, scheme):
    certificate = tmp_path / "ca.pem"
    sink = sinks("--write-ca", certificate, *["--tls-wrapped"] * (scheme == "smtps"))
    settings = f'tls = "required"; ca_file = "{certificate}"; tls_key_pin = "%s";'
    station = station_for(stations, relay_at(sink.port, settings % WRONG_PIN, scheme))
    send(station)
    wait_trouble(station, "public key")
    assert sink.records() == []
    pins = f"{WRONG_PIN};{key_pin(certificate)}"
    set_relays(station, relay_at(sink.port, settings % pins, scheme))
    station.reload()
    station.wait_done()
    assert reached(sink) == addresses(5)
    assert {message["X-Sink-TLS"] for message in sink.messages()} <= {"TLSv1.2", "TLSv1.3"}
    assert_nobody_paid(station)


# --- Certificates of ours ---

class Client:
    """A certificate that an authority gave to the press office."""

    def __init__(self, folder, authority, *options):
        self.key, self.certificate = folder / "client.key", folder / "client.pem"
        openssl("req", "-x509", *KEY, *options, "-keyout", self.key, "-out", self.certificate,
                "-subj", "/CN=press", "-CA", authority.file, "-CAkey", authority.folder / "ca.key",
                "-days", "2", "-addext", "basicConstraints=CA:FALSE")
        self.key.chmod(0o600)

    def settings(self):
        return f'client_certificate = "{self.certificate}"; client_key = "{self.key}";'


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_client_certificate(stations, authority, tmp_path, scheme):
    context = authority.server_context()
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    client = Client(tmp_path, authority)
    encrypted = f'tls = "required"; ca_file = "{authority.file}"; '
    with Clerk(context=context, wrapped=scheme == "smtps", mechanisms=()) as clerk:
        station = station_for(stations, relay_at(clerk.port, encrypted, scheme))
        send(station)
        wait_trouble(station)
        assert clerk.letters == []
        client.key.chmod(0o644)
        set_relays(station, relay_at(clerk.port, encrypted + client.settings(), scheme))
        station.reload()
        wait_trouble(station, str(client.key), "chmod 0600")
        client.key.chmod(0o600)
        station.wait_done()
        assert sorted(clerk.reached()) == addresses(5)
        assert_nobody_paid(station)
        assert_nowhere(station, client.key.read_text().splitlines()[1])


def test_client_key_from_the_service_manager(stations, authority, tmp_path, monkeypatch):
    context = authority.server_context()
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    client = Client(tmp_path, authority)
    client.key.rename(tmp_path / "press-key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with Clerk(context=context, mechanisms=()) as clerk:
        station = station_for(stations, relay_at(
            clerk.port, f'tls = "required"; ca_file = "{authority.file}"; '
            f'client_certificate = "{client.certificate}"; client_key = "press-key";'))
        send(station)
        station.wait_done()
        assert sorted(clerk.reached()) == addresses(5)


def test_client_key_with_passphrase(sinks, stations, authority, tmp_path):
    """Nobody is there to type it, and nothing may wait for that."""
    sink = sinks("--write-ca", tmp_path / "sink.pem")
    client = Client(tmp_path, authority)
    plain = client.key.rename(tmp_path / "plain.key")
    openssl("pkey", "-in", plain, "-aes128", "-passout", "pass:x", "-out", client.key)
    client.key.chmod(0o600)
    station = station_for(stations, relay_at(
        sink.port, f'tls = "required"; ca_file = "{tmp_path / "sink.pem"}"; {client.settings()}'))
    send(station)
    wait_trouble(station, str(client.key), "passphrase")
    assert sink.totals()["connections"] == 0


# --- Proxies ---

class Proxy:
    """Passes connections on. `handshake` reads what the client wants from its socket, and returns
    the address that it wants to get to and the answer to it, or None."""

    def __init__(self):
        self.wanted, self.logins = [], []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        try:
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, client):
        with client:
            try:
                wanted, answer = self.handshake(client)
                if wanted is None:
                    return
                self.wanted.append(wanted)
                with socket.create_connection(("127.0.0.1", wanted[1])) as server:
                    client.sendall(answer)
                    self._pass_on(client, server)
            except OSError:
                pass

    @staticmethod
    def _pass_on(client, server):
        other = {client: server, server: client}
        while True:
            for readable in select.select([client, server], [], [])[0]:
                octets = readable.recv(65536)
                if not octets:
                    return
                other[readable].sendall(octets)


def read_exactly(client, count):
    octets = b""
    while len(octets) < count:
        more = client.recv(count - len(octets))
        if not more:
            raise ConnectionError
        octets += more
    return octets


class Socks(Proxy):
    """RFC 1928 with RFC 1929."""
    scheme = "socks5h"

    def handshake(self, client):
        _, count = read_exactly(client, 2)
        methods = read_exactly(client, count)
        method = 2 if 2 in methods else 0
        client.sendall(bytes([5, method]))
        if method == 2:
            user = read_exactly(client, read_exactly(client, 2)[1])
            password = read_exactly(client, read_exactly(client, 1)[0])
            self.logins.append((user.decode(), password.decode()))
            good = password.decode() == PASSWORD
            client.sendall(bytes([1, 0 if good else 1]))
            if not good:
                return None, b""
        kind = read_exactly(client, 4)[3]
        host = (socket.inet_ntoa(read_exactly(client, 4)) if kind == 1 else
                read_exactly(client, read_exactly(client, 1)[0]).decode())
        port = int.from_bytes(read_exactly(client, 2), "big")
        return (host, port), bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])


class Tunnel(Proxy):
    """HTTP CONNECT, RFC 9110 section 9.3.6. What it answers looks like SMTP, to confuse."""
    scheme = "http"

    def handshake(self, client):
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += read_exactly(client, 1)
        login = re.search(rb"(?mi)^Proxy-Authorization: Basic (\S+)", request)
        if login:
            self.logins.append(tuple(base64.b64decode(login[1]).decode().split(":", 1)))
            if self.logins[-1][1] != PASSWORD:
                client.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n"
                               b"Content-Length: 0\r\n\r\n")
                return None, b""
        host, port = re.match(rb"CONNECT (\S+):(\d+) ", request).groups()
        return (host.decode(), int(port)), b"HTTP/1.1 200 OK\r\n250 AUTH X\r\n\r\n"


@pytest.mark.parametrize("kind", [Socks, Tunnel])
@pytest.mark.parametrize("encrypted", [False, True])
def test_proxy(sinks, stations, tmp_path, kind, encrypted):
    """The name of the relay is known to the proxy only."""
    certificate = tmp_path / "ca.pem"
    sink = sinks("--write-ca", certificate) if encrypted else sinks()
    tls = f'tls = "required"; ca_file = "{certificate}";' if encrypted else 'tls = "none";'
    host = "localhost" if encrypted else "relay.invalid"
    with kind() as proxy:
        station = station_for(stations, (
            f'name = "main"; url = "smtp://{host}:{sink.port}"; '
            f'proxy = "{kind.scheme}://127.0.0.1:{proxy.port}"; {tls}'), contacts=50)
        send(station)
        station.wait_done()
        assert reached(sink) == addresses(50)
        assert set(proxy.wanted) == {(host, sink.port)} and proxy.logins == []
        assert_nobody_paid(station)


@pytest.mark.parametrize("kind", [Socks, Tunnel])
def test_proxy_with_password(sinks, stations, tmp_path, kind):
    sink = sinks()
    secret = write_secret(tmp_path / "proxy", "wrong-password")
    with kind() as proxy:
        station = station_for(stations, relay_at(
            sink.port, f'tls = "none"; proxy = "{kind.scheme}://127.0.0.1:{proxy.port}"; '
            f'proxy_username = "{USER}"; proxy_credential = "{secret}";'))
        send(station)
        wait_trouble(station)
        assert sink.totals()["connections"] == 0
        write_secret(secret)
        station.wait_done()
        assert reached(sink) == addresses(5)
        assert proxy.logins[-1] == (USER, PASSWORD)
        assert_nobody_paid(station)
        assert_nowhere(station, "wrong-password", PASSWORD)


def test_proxy_that_is_away(sinks, stations):
    sink = sinks()
    with Socks() as proxy:
        pass
    station = station_for(stations, relay_at(
        sink.port, f'tls = "none"; proxy = "socks5://127.0.0.1:{proxy.port}";'))
    send(station)
    wait_trouble(station, "127.0.0.1", str(proxy.port))
    assert sink.totals()["connections"] == 0
    assert_nobody_paid(station)


def test_proxies_of_the_environment_do_not_count(sinks, stations, monkeypatch):
    sink = sinks()
    for name in ("all_proxy", "ALL_PROXY", "smtp_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    station = station_for(stations, relay_at(sink.port))
    send(station)
    station.wait_done()
    assert reached(sink) == addresses(5)


# --- The address of ours ---

@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_source_address(stations, host):
    peers = []

    class Porter(Clerk):
        async def handle_DATA(self, server, session, envelope):
            peers.append(session.peer[0])
            return await super().handle_DATA(server, session, envelope)

    with Porter(mechanisms=()) as clerk:
        station = station_for(stations, f'name = "main"; url = "smtp://{host}:{clerk.port}"; '
                              'source_address = "127.0.0.2";')
        send(station)
        station.wait_done()
        assert sorted(clerk.reached()) == addresses(5)
        assert set(peers) == {"127.0.0.2"}


def test_source_address_of_somebody_else(sinks, stations):
    sink = sinks()
    station = station_for(stations, relay_at(sink.port, 'source_address = "192.0.2.1";'))
    send(station)
    wait_trouble(station, "source_address 192.0.2.1", "Cannot assign requested address")
    assert sink.totals()["connections"] == 0


# --- Mechanisms ---

def test_mechanism_that_is_not_offered(stations, tmp_path):
    with Clerk(mechanisms=["LOGIN"]) as clerk:
        secret = write_secret(tmp_path / "secret")
        station = station_for(stations, relay_at(clerk.port, login(secret) + 'auth = "PLAIN";'))
        send(station)
        wait_trouble(station, "Login denied")
        assert clerk.logins == []
        set_relays(station, relay_at(clerk.port, login(secret) + 'auth = ["PLAIN", "LOGIN"];'))
        station.reload()
        station.wait_done()
        assert set(clerk.logins) == {"LOGIN"}


# --- Tokens ---

class TokenServer:
    """Grants the tokens of a list, the last one again and again. It notes each request's form."""

    def __init__(self, *tokens, lifetime=3600):
        self.tokens, self.lifetime = list(tokens), lifetime
        self.forms = []
        self.refusal = None     # a body, for the status 400
        self.rotates = False    # each refresh token is good for a single use
        self.valid = REFRESH_TOKEN
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = server.answer(dict(urllib.parse.parse_qsl(body)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, form):
        self.forms.append(form)
        if self.refusal is not None:
            return 400, json.dumps(self.refusal).encode()
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        grant = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        if self.rotates and form["refresh_token"] != self.valid:
            return 400, json.dumps({"error": "invalid_grant"}).encode()
        if self.rotates:
            self.valid = grant["refresh_token"] = f"{REFRESH_TOKEN}-{len(self.forms)}"
        return 200, json.dumps(grant).encode()


class Keys:
    """The files with the client secret and the refresh token."""

    def __init__(self, folder):
        self.client = write_secret(folder / "client-secret", CLIENT_SECRET)
        self.refresh = write_secret(folder / "refresh-token", REFRESH_TOKEN)

    def settings(self, port, more="", refresh=True):
        grant = f'oauth_refresh_credential = "{self.refresh}"; ' if refresh else ""
        return (f'username = "{USER}"; oauth_token_url = "http://127.0.0.1:{port}/token"; '
                f'oauth_client_id = "dateline"; oauth_client_credential = "{self.client}"; '
                f'oauth_scope = "https://mail.example/"; {grant}{more}')


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path)


def assert_no_token_anywhere(station):
    assert_nowhere(station, TOKEN, OTHER_TOKEN, CLIENT_SECRET, REFRESH_TOKEN)


@pytest.mark.parametrize("refresh", [True, False])
def test_grants(sinks, stations, keys, refresh):
    sink = sinks("--auth", f"{USER}:{TOKEN}")
    with TokenServer(TOKEN) as server:
        station = station_for(stations, relay_at(
            sink.port, keys.settings(server.port, refresh=refresh)), contacts=100)
        send(station)
        station.wait_done()
        assert reached(sink) == addresses(100)
        assert {message["X-Sink-User"] for message in sink.messages()} == {USER}
        grant = ({"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN} if refresh
                 else {"grant_type": "client_credentials"})
        assert server.forms == [{"client_id": "dateline", "client_secret": CLIENT_SECRET,
                                 "scope": "https://mail.example/", **grant}]
        assert_nobody_paid(station)
        assert_no_token_anywhere(station)


def test_refresh_tokens_of_a_single_use(sinks, stations, keys):
    """The newest is found again by the next process, and is nobody else's to read."""
    sink = sinks("--auth", f"{USER}:{TOKEN}")
    with TokenServer(TOKEN) as server:
        server.rotates = True
        station = station_for(stations, relay_at(sink.port, keys.settings(server.port)))
        for times in range(1, 4):
            station.start()
            station.drop(f"news{times}.md", f"# News {times}\n\nText.\n")
            station.wait_done(times)
            assert station.stop() == 0
        assert [form["refresh_token"] for form in server.forms] == [
            REFRESH_TOKEN, f"{REFRESH_TOKEN}-1", f"{REFRESH_TOKEN}-2"]
        kept, = (station.spool / "tokens").iterdir()
        assert kept.stat().st_mode & 0o777 == 0o600 and kept.read_text() == server.valid
        assert REFRESH_TOKEN not in station.log() and TOKEN not in station.log()


def test_oauthbearer(stations, keys):
    """RFC 7628, against a server that was written by others."""
    said = []

    class Bouncer(Clerk):
        async def auth_OAUTHBEARER(self, server, arguments):
            said.append(await server.challenge_auth(""))
            good = f"auth=Bearer {TOKEN}\1".encode() in said[-1]
            return self._result(success=good, handled=False, auth_data=USER.encode())

    with TokenServer(TOKEN) as server, Bouncer(mechanisms=["PLAIN"]) as clerk:
        station = station_for(stations, relay_at(
            clerk.port, keys.settings(server.port, 'auth = "OAUTHBEARER";')))
        send(station)
        station.wait_done()
        assert sorted(clerk.reached()) == addresses(5)
        assert clerk.logins == []
        assert re.fullmatch(f"n,a={USER},\1host=127.0.0.1\1port={clerk.port}\1auth=Bearer .*\1\1",
                            said[0].decode())


def test_expiry_in_the_middle(sinks, stations, keys):
    """Each connection takes a token that is good; those that are open go on without one."""
    sink = sinks("--auth", f"{USER}:{TOKEN}", "--delay", "5", maildir=False)
    with TokenServer(TOKEN, lifetime=1) as server:
        station = station_for(stations, relay_at(
            sink.port, keys.settings(server.port, "connections = 2; per_connection = 20;")),
            contacts=300)
        send(station)
        station.wait_done()
        assert reached(sink) == addresses(300)
        assert 2 <= len(server.forms) < sink.totals()["connections"]
        assert_nobody_paid(station)
        assert "next try" not in station.log()


def test_token_that_is_refused_once(sinks, stations, keys):
    """Somebody revoked it. However many connections it was shown to, one new one is fetched."""
    sink = sinks("--auth", f"{USER}:{TOKEN}")
    with TokenServer(OTHER_TOKEN, TOKEN) as server:
        station = station_for(stations, relay_at(sink.port, keys.settings(server.port)),
                              contacts=50)
        send(station)
        station.wait_done()
        assert reached(sink) == addresses(50)
        assert len(server.forms) == 2
        assert_nobody_paid(station)
        assert "next try" not in station.log()
        assert_no_token_anywhere(station)


@pytest.mark.parametrize("explains", [True, False])
def test_token_that_is_always_refused(sinks, stations, keys, explains):
    """Both ways of servers to say so: with an explanation in a challenge, and without."""
    faults = [] if explains else ['at=auth first=3 reply="535 5.7.3 Authentication unsuccessful"']
    tokens = [OTHER_TOKEN] * 3 if explains else []
    sink = sinks("--auth", f"{USER}:{TOKEN}", faults=faults)
    with TokenServer(*tokens, TOKEN) as server:
        station = station_for(stations, relay_at(sink.port, keys.settings(server.port,
                                                                          "connections = 1;")))
        send(station)
        wait_trouble(station, '"status":"401"' if explains else "535 5.7.3")
        assert len(server.forms) == 2
        assert set(events(station)) <= {"dateline-journal", "received", "accepted", "opened"}
        assert_no_token_anywhere(station)
        station.wait_done()
        assert reached(sink) == addresses(5)
        assert_nobody_paid(station)


def test_token_server_that_refuses(sinks, stations, keys):
    sink = sinks("--auth", f"{USER}:{TOKEN}")
    with TokenServer(TOKEN) as server:
        description = f"Token {REFRESH_TOKEN} of {CLIENT_SECRET}: revoked."
        server.refusal = {"error": "invalid_grant", "error_description": description}
        station = station_for(stations, relay_at(sink.port, keys.settings(server.port)))
        send(station)
        wait_trouble(station, "no token from 127.0.0.1", "invalid_grant: Token … of …: revoked.")
        assert sink.totals()["connections"] == 0
        assert_no_token_anywhere(station)
        server.refusal = None
        station.wait_done()
        assert reached(sink) == addresses(5)
        assert station.live()["relays"][0]["trouble"] is None
        assert_nobody_paid(station)
        assert_no_token_anywhere(station)


def test_token_server_that_is_away(sinks, stations, keys):
    sink = sinks("--auth", f"{USER}:{TOKEN}")
    with TokenServer(TOKEN) as away:
        pass
    station = station_for(stations, relay_at(sink.port, keys.settings(away.port)))
    send(station)
    wait_trouble(station, "no token from 127.0.0.1", str(away.port))
    assert sink.totals()["connections"] == 0
    with TokenServer(TOKEN) as server:
        set_relays(station, relay_at(sink.port, keys.settings(server.port)))
        station.reload()
        station.wait_done()
    assert reached(sink) == addresses(5)
    assert_nobody_paid(station)


def test_token_server_that_goes_away_in_the_middle(sinks, stations, keys):
    """There is no token for further connections: those that are open do the work."""
    sink = sinks("--auth", f"{USER}:{TOKEN}", "--delay", "20", maildir=False,
                 faults=['at=mail connection=2 message=15 reply="421 4.3.2 bye" close'])
    with TokenServer(TOKEN, lifetime=1) as server:
        station = station_for(stations, relay_at(
            sink.port, keys.settings(server.port, "connections = 2;")), contacts=100)
        send(station)
        sink.wait_for(5)
        server.refusal = {"error": "server_error"}
        station.wait_done()
    assert reached(sink) == addresses(100)
    assert sink.totals()["connections"] == 2
    assert "no further connection for now: no token from 127.0.0.1: it says: server_error" \
        in station.log()
    assert "next try" not in station.log()
    assert_nobody_paid(station)


def test_credential_that_is_a_token(sinks, stations, tmp_path):
    """Another program keeps it fresh."""
    sink = sinks("--auth", f"{USER}:{TOKEN}")
    station = station_for(stations, relay_at(
        sink.port, login(write_secret(tmp_path / "token", TOKEN)) + 'auth = "XOAUTH2";'))
    send(station)
    station.wait_done()
    assert reached(sink) == addresses(5)
    assert_no_token_anywhere(station)


# --- The memory of the daemon ---

NOBODY = 65534


@pytest.fixture
def folder_of_nobody():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dateline-security-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("open_to_debuggers", [False, True])
def test_memory_is_closed(sinks, folder_of_nobody, monkeypatch, open_to_debuggers):
    """The kernel gives the files in /proc of a process that leaves no core file to root, and so
    keeps its own user from reading its memory. It works all the same."""
    monkeypatch.delenv("DATELINE_DUMPABLE", raising=False)
    if open_to_debuggers:
        monkeypatch.setenv("DATELINE_DUMPABLE", "1")
    sink = sinks()
    station = Station(folder_of_nobody, sink.port)
    try:
        station.write_contacts(5)
        for path in [station.runtime, folder_of_nobody, *folder_of_nobody.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        daemon = station.start(wrapper=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                                        "--clear-groups"])
        process = pathlib.Path(f"/proc/{daemon.pid}")
        if b"__asan_init" in (process / "exe").read_bytes():
            pytest.skip("what the sanitizers trace stays open")
        assert (process / "environ").stat().st_uid == (NOBODY if open_to_debuggers else 0)
        limits = (process / "limits").read_text()
        assert open_to_debuggers or re.search(r"Max core file size +0 +0 ", limits)
        station.drop("news.md", RELEASE)
        os.chown(station.spool / "incoming/news.md", NOBODY, NOBODY)
        station.wait_done()
        assert reached(sink) == addresses(5)
    finally:
        station.close()
