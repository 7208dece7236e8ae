# SPDX-License-Identifier: Apache-2.0
"""A small day from its beginning to its end. tools/check runs it under ThreadSanitizer and under
valgrind, too: hence few contacts, and of every part a little."""

import os

from station import wait_until

CONTACTS = int(os.environ.get("DATELINE_CONTACTS", "200"))
NEWS = "---\nsubject: News\n---\nDear {{first_name|colleague}} of {{outlet}},\n\n**the news**.\n"


def drop_bundle(station, name):
    """A release with a picture attached."""
    folder = station.folder / name
    (folder / "attachments").mkdir(parents=True)
    (folder / "release.md").write_text(NEWS)
    (folder / "attachments" / "picture.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    folder.rename(station.spool / "incoming" / name)


def test_a_small_day(sinks, stations):
    refused = CONTACTS // 10
    sink = sinks("--delay", "5", faults=[
        'at=rcpt match=c*0@example.org reply="550 5.1.1 no such mailbox"',
        'at=dot every=13 first=5 reply="451 4.3.0 later"'])
    station = stations(sink.port, relay='connections = 4; rate = "100000/h";',
                       settings='retry_first = "10 ms"; retry_max = "10 ms";')
    station.write_contacts(CONTACTS)
    station.start()
    drop_bundle(station, "bundle")
    wait_until(station.queued, "the bundle is accepted")
    station.reload()
    wait_until(lambda: "settings read anew" in station.log(), "the settings are read")
    station.drop("second.md", NEWS.replace("News", "Second"))
    station.drop("wrong.md", "---\nsubjct: News\n---\n{{nobody}}\n")
    assert station.status_json()
    station.wait_rejected()
    station.wait_done(2)
    assert station.stop(patience=60) == 0

    assert len(sink.records()) == 2 * (CONTACTS - refused)
    for release in ("bundle", "second"):
        states = [fact["state"] for fact in station.facts("--latest", release)]
        assert states.count("sent") == CONTACTS - refused
        assert len(states) == CONTACTS

    station.start()     # the budget is told what was sent
    release = station.folder / "later.md"
    release.write_text(NEWS)
    assert "Given1" in station.run("preview", str(release)).stdout
    station.run("check", str(release))
    assert "second" in station.run("status", "second").stdout
    station.drop("later.md", NEWS.replace("News", "Later"))
    wait_until(station.queued, "the third release is accepted")
    assert station.stop(patience=60) == 0     # most likely in the middle of it
    station.start()
    station.wait_done(3)
    assert station.stop(patience=60) == 0
    assert len(sink.records()) == 3 * (CONTACTS - refused)
