# SPDX-License-Identifier: Apache-2.0
"""Lists as people have them, from the file to the log of rows that were skipped."""

import json
import os
import shutil
import zipfile

import pytest

from sink import Sink
from station import Station

RELEASE = "---\nsubject: News\n---\nDear {{first_name|colleague}} of {{outlet}},\n\nnews.\n"
# Each kind of list says the same, and one thing that is wrong.
LISTS = {
    "press.csv": "E-Mail;Vorname;Medium\r\njane@example.org;Jürgen;\"Daily; The\"\r\n"
                 "JANE@Example.org;Jane;X\r\njoe@example,org;Joe;X\r\n",
    "press.txt": "Courriel\tPrénom\tMedium\njane@example.org\tJürgen\tDaily; The\n"
                 "JANE@Example.org\tJane\tX\njoe@example,org\tJoe\tX\n",
    "press.vcf": "".join("BEGIN:VCARD\nVERSION:4.0\nN:;%s;;;\nORG:%s\nEMAIL:%s\nEND:VCARD\n" % card
                         for card in [("Jürgen", "Daily\\; The", "jane@example.org"),
                                      ("Jane", "X", "JANE@Example.org"),
                                      ("Joe", "X", "joe@example\\,org")]),
    "press.json": json.dumps([{"email": "jane@example.org", "first_name": "Jürgen",
                               "outlet": "Daily; The"},
                              {"email": "JANE@Example.org", "first_name": "Jane", "outlet": "X"},
                              {"email": "joe@example,org", "first_name": "Joe", "outlet": "X"}],
                             indent=1),
}


def station_with(folder, name, content):
    station = Station(folder, 1, lists={"press": name})
    station.write_list(content, name)
    (station.folder / "news.md").write_text(RELEASE, encoding="utf-8")
    return station


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_format_is_one_list(tmp_path, name, encoding):
    station = station_with(tmp_path, name, LISTS[name].encode(encoding))
    try:
        (report,) = json.loads(station.run("check", "--json", "news.md", cwd=tmp_path).stdout)
        assert report["rows"] == {"all": 3, "selected": 1, "duplicate": 1, "invalid": 1, "empty": 0,
                                  "filtered": 0, "suppressed": 0}
        texts = [f["text"] for f in report["findings"]]
        assert any('did you mean "joe@example.org"?' in text for text in texts)
        shown = station.run("preview", "news.md", cwd=tmp_path).stdout
        assert "Dear Jürgen of Daily; The," in shown
    finally:
        station.close()


def cell(place, text):
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def write_xlsx(path, rows):
    """The least that is a workbook. rows: by their numbers."""
    start = '<?xml version="1.0" encoding="UTF-8"?>'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheet = "".join(f'<row r="{number}">'
                    + "".join(cell(f"{'ABCDEF'[i]}{number}", text) for i, text in enumerate(cells))
                    + "</row>" for number, cells in rows.items())

    def relation(what, target):
        return (f'{start}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
                f'Type="{office}/{what}" Target="{target}"/></Relationships>')
    parts = {
        "[Content_Types].xml":
            f'{start}<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName='
            f'"/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/><Override PartName='
            f'"/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": relation("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'{start}<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
                           '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relation("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml":
            f'{start}<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as book:
        for name, text in parts.items():
            book.writestr(name, text)


@pytest.mark.skipif(shutil.which("ssconvert") is None, reason="ssconvert is not installed")
@pytest.mark.parametrize("name", ["press.xlsx", "press.csv"])
def test_a_spreadsheet(tmp_path, monkeypatch, name):
    """Also under the wrong name; lines are the sheet's rows; nothing is left behind."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    station = station_with(tmp_path, name, "")
    write_xlsx(tmp_path / name, {1: ["Email", "First name", "Outlet"],
                                 2: ["jane@example.org", "Jürgen", "Daily, &quot;The&quot;"],
                                 4: ["joe@example,org", "=1+1", "X"]})
    try:
        (report,) = json.loads(station.run("check", "--json", "news.md", cwd=tmp_path).stdout)
        assert report["rows"] == {"all": 2, "selected": 1, "duplicate": 0, "invalid": 1, "empty": 0,
                                  "filtered": 0, "suppressed": 0}
        assert [f["line"] for f in report["findings"] if "joe@" in f["text"]] == [4]
        assert 'Dear Jürgen of Daily, "The",' in station.run("preview", "news.md", cwd=tmp_path).stdout
    finally:
        station.close()
    assert list(scratch.glob("dateline-list-*")) == []


def test_no_converter(tmp_path):
    station = station_with(tmp_path, "press.ods", b"PK\x03\x04")
    try:
        result = station.run("check", "news.md", check=False, cwd=tmp_path,
                             env={**os.environ, "PATH": str(tmp_path),
                                  "DATELINE_CONFIG": str(station.config)})
        assert "install the Debian package gnumeric" in result.stdout + result.stderr
        assert result.returncode != 0
    finally:
        station.close()


def test_every_row_has_one_fate(tmp_path):
    """The counts add up, and each row that was left out is in the log, with its line."""
    rows = ["email,first_name,outlet", "a@example.org,A,X", "", "A@EXAMPLE.ORG,again,X",
            "b@example.org,B", "b@example.org,B,,", ",,", "b.example.org,B,X", "c@example.org,C,X,Y",
            '"d@example.org","D\nd",X', "e@example.org,E,X"]
    with Sink(tmp_path / "sink") as sink:
        station = Station(tmp_path, sink.port, channel='missing = "skip";')
        try:
            station.write_list("\r\n".join(rows) + "\r\n")
            station.start()
            station.drop("news.md", RELEASE)
            station.wait_done()
            facts = station.facts("--state", "skipped", "news")
            assert [(f["line"], f["fate"]) for f in facts] == [
                (4, "duplicate"), (5, "invalid"), (6, "empty"), (8, "invalid"), (9, "invalid")]
            assert facts[0]["text"] == "same address as press.csv line 2"
            assert {f["file"] for f in facts} == {"press.csv"}
            assert station.stop() == 0
            assert sink.totals()["messages"] == 3
        finally:
            station.close()
