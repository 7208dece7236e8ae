# SPDX-License-Identifier: Apache-2.0
"""Releases made by hand, from what the manual says of their files: journal and roster."""

import sqlite3

EPOCH = "2026-11-22T10:15:"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sealed(line):
    data = line if isinstance(line, bytes) else line.encode()
    return data + b" crc=%08x\n" % crc32c(data)


def moment(second):
    return f"2026-11-22T10:{15 + second // 60:02}:{second % 60:02}.000Z"


class Forge:
    """One release in `folder` ("queue" or "done"), for as many recipients as addresses.
    `skipped` are rows (line, fate, address, reason)."""

    def __init__(self, station, folder, release, addresses, skipped=(), subject="News",
                 hash="0" * 64, **terms):
        self.path = station.spool / folder / release
        for name in ("incoming", "queue", "done", "rejected"):
            (station.spool / name).mkdir(exist_ok=True)
        self.path.mkdir()
        self.sequence = 0
        self.journal = self.path / "journal"
        self.journal.write_bytes(sealed("dateline-journal 1"))
        self._write_roster(addresses, skipped)
        more = "".join(f" {key.replace('_', '-')}={value}" for key, value in terms.items())
        self.add("received uuid=6d1c0f0e-5d35-4c64-8d5e-000000000001 channel=press "
                 f"name=news.md owner=0 hash={hash}")
        self.add(f'accepted recipients={len(addresses)} skipped={len(skipped)} subject="{subject}" '
                 "from=press@example.org return-path=press@example.org list-name=press "
                 "list-id=press.example.org language=en in-doubt=hold" + more)

    def _write_roster(self, addresses, skipped):
        roster = sqlite3.connect(self.path / "roster.db")
        roster.executescript("""
            CREATE TABLE lists(list INTEGER PRIMARY KEY, name TEXT NOT NULL,
                               file TEXT NOT NULL) STRICT;
            CREATE TABLE fields(field INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
            CREATE TABLE skipped(list INTEGER NOT NULL, line INTEGER NOT NULL, fate TEXT NOT NULL,
                                 address TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
            CREATE TABLE recipients(contact INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
                                    mailbox TEXT NOT NULL, smtputf8 INTEGER NOT NULL, name TEXT,
                                    list INTEGER NOT NULL, line INTEGER NOT NULL) STRICT;
            INSERT INTO lists VALUES(1, 'press', 'press.csv');
            PRAGMA application_id = 1684828787;
            PRAGMA user_version = 1;""")
        roster.executemany("INSERT INTO recipients VALUES(?, ?, ?, 0, NULL, 1, ?)",
                           [(i, a.lower(), a, i + 1) for i, a in enumerate(addresses, 1)])
        roster.executemany("INSERT INTO skipped VALUES(1, ?, ?, ?, ?)", skipped)
        roster.commit()
        roster.close()

    def add(self, event, second=None):
        """A line more; its time is as many seconds after 10:15 as its number, or second."""
        self.sequence += 1
        at = moment(self.sequence if second is None else second)
        with self.journal.open("ab") as journal:
            journal.write(sealed(f"{self.sequence} {at} {event}"))
        return self

    def intend(self, *contacts):
        for contact in contacts:
            self.add(f"intended contact={contact} relay=main")
        return self

    def send(self, *contacts):
        for contact in contacts:
            self.intend(contact)
            self.add(f'sent contact={contact} code=250 status=2.0.0 text="Ok: queued"')
        return self

    def bounce(self, contact, text="no such user"):
        self.intend(contact)
        return self.add(f'bounced contact={contact} stage=rcpt code=550 status=5.1.1 text="{text}"')

    def defer(self, contact, until="2099-01-01T00:00:00.000Z"):
        self.intend(contact)
        return self.add(f'deferred contact={contact} stage=rcpt code=451 text="greylisted" '
                        f'until={until}')

    def doubt(self, contact):
        self.intend(contact)
        return self.add(f'in-doubt contact={contact} stage=dot text="the connection broke"')
