# SPDX-License-Identifier: Apache-2.0
"""A client that talks to dateline-sink octet by octet, and what its tests share."""

import base64
import socket

from sink import PATIENCE

HEADER = b"From: a@example.org\r\nMessage-ID: <1@example.org>\r\n\r\n"
MAIL = ("MAIL FROM:<s@example.org>", 250)
RCPT = ("RCPT TO:<r@example.org>", 250)


class Talk:
    """A client that says what it is told, octet for octet."""

    def __init__(self, sink, greet=True, hello=None):
        self.socket = socket.create_connection(("127.0.0.1", sink.port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if greet:
            assert self.code() == 220
        if hello:
            assert self.ask(hello) == 250

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets.encode() if isinstance(octets, str) else octets)

    def line(self):
        """The next line without its CRLF; None when the server has closed."""
        while b"\r\n" not in self.buffer:
            octets = self.socket.recv(65536)
            if not octets:
                return None
            self.buffer += octets
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "surrogateescape")

    def reply(self):
        """The lines of the next reply."""
        lines = [self.line()]
        while lines[-1] is not None and lines[-1][3:4] == "-":
            lines.append(self.line())
        return lines

    def code(self):
        last = self.reply()[-1]
        return None if last is None else int(last[:3])

    def ask(self, line):
        self.send(line + "\r\n")
        return self.code()

    def closed(self):
        """Reads up to the end; TRUE if nothing more was said."""
        return self.line() is None and self.buffer == b""

    def envelope(self, recipient="r@example.org"):
        """Up to the 354; the codes."""
        self.send(f"MAIL FROM:<s@example.org>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n")
        return [self.code(), self.code(), self.code()]

    def deliver(self, recipient="r@example.org", body=HEADER + b"hello\r\n"):
        """A whole message; the last code."""
        codes = self.envelope(recipient)
        if codes[2] != 354:
            return codes[2]
        self.send(body + b".\r\n")
        return self.code()

    def silent(self, seconds):
        """Whether nothing comes in that time, and the connection stays open."""
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(65536)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


def talk(sink, hello="EHLO client.example"):
    """A client that has been greeted and has said hello."""
    return Talk(sink, hello=hello)


def b64(text):
    return base64.b64encode(text.encode()).decode()
