# SPDX-License-Identifier: Apache-2.0
"""Nobody is forgotten and nobody is silently mailed twice: whether that held for a release.

Judged by what the sink accepted, never by the daemon's own records alone.
"""

import collections
import sqlite3

RELEASE = "---\nsubject: News\n---\nDear {{first_name}} of {{outlet}},\n\nthe news.\n"


def folder_of(station, release):
    return next(f for f in (station.spool / "queue" / release, station.spool / "done" / release)
                if f.exists())


def contacts_of(station, release):
    path = folder_of(station, release) / "roster.db"
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as roster:
        return dict(roster.execute("SELECT contact, mailbox FROM recipients"))


def states_of(station, release):
    """Each contact's state, everybody who ever was in doubt, and for each run of the daemon
    the doubts that it found."""
    states, doubtful, doubts = {}, set(), []
    seen = set()
    for line in station.journal(release):
        if len(line) < 3 or line[0] in seen:      # written again into another segment
            continue
        seen.add(line[0])
        event = line[2]
        if event == "opened":
            doubts.append(0)
        fields = dict(word.split("=", 1) for word in line[3:] if "=" in word)
        if "contact" not in fields:
            continue
        contact = int(fields["contact"])
        states[contact] = fields["as"] if event == "settled" else event
        if event == "in-doubt":
            doubtful.add(contact)
            if fields.get("stage") == "crash" and doubts:
                doubts[-1] += 1
    return states, doubtful, doubts


def judge(station, records, release, connections, resend=False, each=2):
    """Returns how many contacts are in which state. A crash may leave so many doubts of each
    connection. With resend, a contact that was in doubt
    may have got a copy for each doubt and one more, and nobody may end in doubt."""
    addresses = contacts_of(station, release)
    states, doubtful, doubts = states_of(station, release)
    accepted = collections.Counter(r for record in records for r in record.recipients)
    for contact, address in addresses.items():
        state, copies = states.get(contact), accepted[address]
        assert state in ("sent", "in-doubt", "bounced"), f"{address} is {state} in the end"
        assert copies >= 1 or state != "sent", f"{address} is said to be sent and was not"
        resent = resend and contact in doubtful
        assert copies == 0 or state != "bounced" or resent, f"{address} was not refused"
        assert copies <= 1 or resent, f"{address} was mailed {copies} times"
    assert max(doubts, default=0) <= each * connections, f"doubts after a crash: {max(doubts)}"
    return collections.Counter(states.values())


def release_rests(station, release):
    """Whether nothing is left of it but doubts."""
    return any(r["id"] == release and r["state"] == "in-doubt"
               for r in (station.live() or {"releases": []})["releases"])


def everything_rests(station):
    """Whether the daemon has nothing left to do without a person."""
    live = station.live()
    return (live is not None and not list((station.spool / "incoming" / "press").glob("[!.]*"))
            and not list((station.spool / "queue").glob("*.new"))
            and all(r["state"] == "in-doubt" for r in live["releases"])
            and {r["id"] for r in live["releases"]} == set(station.queued()))
