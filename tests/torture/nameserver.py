# SPDX-License-Identifier: Apache-2.0
"""nameserver.py FILE: answers every question of the DNS on 127.0.0.1:53 with what FILE holds at
that moment: an IPv4 address, "SERVFAIL", "NXDOMAIN" or "silent"."""

import pathlib
import socket
import struct
import sys

CODES = {"SERVFAIL": 2, "NXDOMAIN": 3}


def answer(question, said):
    """Questions for anything but an IPv4 address are answered with nothing."""
    number = question[:2]
    end = question.index(b"\0", 12) + 5
    kind = struct.unpack("!H", question[end - 4:end - 2])[0]
    address = b"" if said in CODES or kind != 1 else (
        b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(said))
    head = struct.pack("!HHHHH", 0x8180 | CODES.get(said, 0), 1, bool(address), 0, 0)
    return number + head + question[12:end] + address


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    print("ready", flush=True)
    while True:
        question, asker = server.recvfrom(4096)
        said = pathlib.Path(sys.argv[1]).read_text().strip()
        if said != "silent":
            server.sendto(answer(question, said), asker)


main()
