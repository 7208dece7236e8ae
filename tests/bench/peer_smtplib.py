# SPDX-License-Identifier: Apache-2.0
"""Sends messages with smtplib, a thread a connection, each connection kept.

Arguments: port, connections, messages, bytes of a message. Prints the seconds it took."""

import smtplib
import sys
import threading
import time

port, connections, messages, size = (int(word) for word in sys.argv[1:5])
HEADER = "From: press@example.org\r\nTo: reader@example.org\r\nSubject: The light\r\n\r\n"
LINE = "Officials said on Tuesday that the harbour light would be lit again.\r\n"
MESSAGE = (HEADER + LINE * (size // len(LINE) + 1))[:size - 2] + "\r\n"


def send(count):
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.example.org") as client:
        for _ in range(count):
            client.sendmail("press@example.org", ["reader@example.org"], MESSAGE.encode())


shares = [messages // connections + (i < messages % connections) for i in range(connections)]
threads = [threading.Thread(target=send, args=(share,)) for share in shares if share]
begin = time.monotonic()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(time.monotonic() - begin)
