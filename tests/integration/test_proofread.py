# SPDX-License-Identifier: Apache-2.0
"""What a press officer is told before a release goes out."""

import json
import pathlib

import pytest

from station import SOURCE

REAL = pathlib.Path(SOURCE).parent / "shared/examples/press-release.md"

RELEASE = """---
subject: The lighthouse
---
See [the map](#).
"""


@pytest.fixture
def desk(stations):
    desk = stations(1)
    desk.write_contacts(2)
    return desk


def check(desk, path):
    result = desk.run("check", "--json", str(path), check=False)
    return result.returncode, json.loads(result.stdout)[0]


def write(desk, text):
    path = desk.folder / "news.md"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.skipif(not REAL.exists(), reason="the real press release is not there")
def test_the_real_release(desk):
    kinds = ["subject has", "is dated", "torn in two", "quotation opens", "leads nowhere",
             "leads nowhere"]
    status, told = check(desk, REAL)
    assert status == 0
    findings = sorted(told["findings"], key=lambda f: (f["line"], f["column"]))
    found = [(f["line"], f["level"]) for f in findings]
    assert found == [(line, "warning") for line in (7, 12, 30, 30, 44, 46)]
    for finding, kind in zip(findings, kinds):
        assert kind in finding["text"] and finding["column"] > 0


def test_strict_refuses(stations, sinks):
    station = stations(sinks().port, channel="strict = true;")
    station.write_contacts(2)
    path = write(station, RELEASE)
    status, told = check(station, path)
    assert status == 65 and not told["ok"]
    assert [(f["line"], f["column"], f["level"]) for f in told["findings"]] == [(4, 5, "error")]
    station.start()
    station.drop("news.md", RELEASE)
    said = station.wait_rejected()[0]
    assert "leads nowhere" in said


def test_a_warning_is_sent(stations, sinks):
    sink = sinks()
    station = stations(sink.port)
    station.write_contacts(2)
    station.start()
    station.drop("news.md", RELEASE)
    station.wait_done()
    assert len(sink.message_files()) == 2


def test_a_partial_is_read(desk):
    folder = desk.folder / "news"
    (folder / "partials").mkdir(parents=True)
    (folder / "release.md").write_text("# The lighthouse\n\n{{> more}}\n")
    (folder / "partials/more.md").write_text("It is the the lamp.\n")
    status, told = check(desk, folder)
    assert status == 0
    assert [(f["file"], f["line"], f["column"]) for f in told["findings"]] == [
        ("news/partials/more.md", 1, 11)]
