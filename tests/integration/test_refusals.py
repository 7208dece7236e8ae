# SPDX-License-Identifier: Apache-2.0
"""What cannot be sent is refused with every reason at once, and nothing dropped is lost."""

import os

import pytest

from station import wait_until

GOOD = "email,first_name\na@example.org,A\n"

# name, what is dropped, what REASON.txt must say
CASES = [
    ("empty", b"", "there is no text in it"),
    ("blank", b" \n\n\t\n", "there is no text in it"),
    ("invalid-utf8", b"# News\n\ncaf\xe9\n", "UTF-8"),
    ("nul", b"# News\n\nab\0c\n", "news.md:3:3: error: there is a zero byte"),
    ("unknown-key", b"---\nembrago: 2026-01-01\n---\n# News\n", 'embrago'),
    ("suggestion", b"---\nembrago: 2026-01-01\n---\n# News\n", 'embargo'),
    ("unsupported-key", b"---\nnotify: editor@example.org\n---\n# News\n", "not supported"),
    ("where", b"---\nwhere: \"country = 'ID'\"\n---\n# News\n", "no such column: country"),
    ("unknown-field", b"# News\n\nDear {{firstname_}} {{nmae}}\n", "nmae"),
    ("missing-list", b"---\nlist: pres\n---\n# News\n", 'did you mean "press"'),
    ("open-section", b"# News\n\n{{#a}} never closed\n", "{{#a}}"),
    ("bad-yaml", b"---\nsubject: [unclosed\n---\n# News\n", "news.md:"),
    ("bad-from", b"---\nfrom: nobody at all\n---\n# News\n", "from"),
    ("bad-time", b"---\nsend-at: tomorrow\n---\n# News\n", "send-at"),
    ("past", b"---\nnot-after: 2020-01-01 10:00 Europe/Brussels\n---\n# News\n", "not-after"),
    ("remote-image", b"# News\n\n![x](https://example.org/x.png)\n", "https://example.org/x.png"),
    ("header-injection", b"---\nsubject: \"a\\r\\nBcc: x@example.org\"\n---\n# News\n", "subject"),
]


@pytest.mark.parametrize("name,text,reason", CASES, ids=[c[0] for c in CASES])
def test_refused_release(stations, name, text, reason):
    station = stations(1)
    station.write_list(GOOD)
    station.start()
    station.drop("news.md", text)
    said = station.wait_rejected()[0]
    assert reason in said, said
    assert "there is no subject" not in said, "a mistake that follows from another"
    assert "news.md" in said.splitlines()[0]
    kept = station.rejected()[0] / "news.md"
    assert kept.read_bytes() == text
    assert station.queued() == [] and not list((station.spool / "incoming").glob("*.md"))


LISTS = [
    ("no-address-column", "name,city\nA,B\n", "address"),
    ("header-only", "email,first_name\n", "recipient"),
    ("empty", "", "empty"),
    ("all-invalid", "email,first_name\nnobody,A\n", "recipient"),
    ("missing-value", "email,first_name\na@example.org,A\nb@example.org,\n", "press.csv:3"),
]


@pytest.mark.parametrize("name,text,reason", LISTS, ids=[c[0] for c in LISTS])
def test_refused_list(stations, name, text, reason):
    station = stations(1)
    station.write_list(text)
    station.start()
    station.drop("news.md", "# News\n\nDear {{first_name}}\n")
    assert reason in station.wait_rejected()[0]


def test_missing_list_file(stations):
    station = stations(1)
    station.start()
    station.drop("news.md", "# News\n")
    assert "press.csv" in station.wait_rejected()[0]


def test_all_mistakes_at_once(stations):
    station = stations(1)
    station.write_list(GOOD)
    station.start()
    station.drop("news.md", "---\nembrago: x\nsubjekt: y\nlist: nowhere\n---\n# News\n\n{{#a}}\n")
    said = station.wait_rejected()[0]
    for found in ("news.md:2", "embrago", "news.md:3", "subjekt", "nowhere", "{{#a}}"):
        assert found in said, said


def test_hostile_rows_are_skipped_and_told(sinks, stations):
    sink = sinks()
    station = stations(sink.port)
    station.write_list(b"email,first_name\na@example.org,A\n\"b@example.org\r\nRCPT TO:<x@example.org>\",B\n"
                       b"c\0@example.org,C\nd@example.org,D\n")
    station.start()
    station.drop("news.md", "# News\n\nDear {{first_name}}\n")
    station.wait_done()
    assert sorted(r.recipients[0] for r in sink.records()) == ["a@example.org", "d@example.org"]
    skipped = [f for f in station.facts("--latest") if f["state"] == "skipped"]
    assert len(skipped) == 2


def test_symlink_in_a_bundle(stations, tmp_path):
    station = stations(1)
    station.write_list(GOOD)
    bundle = tmp_path / "bundle"
    (bundle / "attachments").mkdir(parents=True)
    (bundle / "release.md").write_text("# News\n")
    (bundle / "attachments" / "passwd").symlink_to("/etc/passwd")
    station.start()
    bundle.rename(station.spool / "incoming" / "bundle")
    assert "passwd" in station.wait_rejected()[0]
    assert (station.rejected()[0] / "bundle/attachments/passwd").is_symlink()


def test_symlink_as_a_drop(stations):
    station = stations(1)
    station.write_list(GOOD)
    station.start()
    (station.spool / "incoming" / "news.md").symlink_to("/etc/hostname")
    assert "symbolic link" in station.wait_rejected()[0]


def bound_by_permissions():
    """How to run a program for which permissions count, even as root."""
    capabilities = "-dac_override,-dac_read_search"
    return () if os.geteuid() else ("setpriv", "--bounding-set", capabilities,
                                    "--inh-caps", capabilities)


def test_a_file_over_the_limit(stations):
    station = stations(1)
    station.write_list(GOOD)
    station.start()
    hidden = station.spool / "incoming" / ".big"
    with open(hidden, "wb") as big:
        os.truncate(big.fileno(), 1 << 30)
    hidden.rename(station.spool / "incoming" / "big.md")
    said = station.wait_rejected()[0]
    assert "MiB" in said
    assert (station.rejected()[0] / "big.md").stat().st_size == 1 << 30


def test_unreadable_file(stations):
    station = stations(1)
    station.write_list(GOOD)
    station.start(wrapper=bound_by_permissions())
    hidden = station.spool / "incoming" / ".news.md"
    hidden.write_text("# News\n")
    hidden.chmod(0)
    hidden.rename(station.spool / "incoming" / "news.md")
    said = station.wait_rejected()[0]
    assert "cannot be read by the daemon" in said and "chmod" in said


def test_the_same_content_twice(sinks, stations):
    sink = sinks()
    station = stations(sink.port)
    station.write_list(GOOD)
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    first = station.wait_done()[0]
    station.drop("again.md", "# News\n\nText.\n")
    said = station.wait_rejected()[0]
    assert first in said and "resend: true" in said
    assert station.stop() == 0
    station.start()
    station.drop("third.md", "# News\n\nText.\n")
    station.wait_rejected(2)
    assert len(sink.records()) == 1
    station.drop("fourth.md", "---\nresend: true\n---\n# News\n\nText.\n")
    station.wait_done(2)
    assert len(sink.records()) == 2


def test_an_acceptance_that_was_cut_off_is_taken_again(sinks, stations):
    """Claimed, perhaps half worked on, but not accepted: the next start decides it."""
    sink = sinks()
    station = stations(sink.port)
    station.write_list(GOOD)
    station.start()
    assert station.stop() == 0
    folder = station.spool / "queue" / "20260101-100000-news.new"
    (folder / "drop").mkdir(parents=True)
    (folder / "claim").write_text("name=news.md\nchannel=press\nclaimed=2026-01-01T10:00:00.000Z\n")
    (folder / "drop" / "news.md").write_text("# News\n\nText.\n")
    (folder / "roster.db.new").write_text("half")
    (folder / "journal.new").write_text("half")
    station.start()
    station.wait_done()
    wait_until(lambda: len(sink.records()) == 1, "the message")
