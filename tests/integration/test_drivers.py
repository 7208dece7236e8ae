# SPDX-License-Identifier: Apache-2.0
"""The readers of lists and addresses, held against Python's and against the standards' words."""

import csv
import io
import json
import os
import pathlib
import random
import re
import subprocess

import pytest

DRIVERS = pathlib.Path(os.environ["DATELINE_BUILDDIR"]) / "tests" / "drivers"


def run_csv2json(path):
    return subprocess.run([DRIVERS / "csv2json", path], capture_output=True, timeout=60)


def read(folder, content):
    """What csv2json makes of content, which it takes without an error."""
    path = folder / "list.csv"
    path.write_bytes(content)
    done = run_csv2json(path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def judge(*candidates):
    """The driver's answers as pairs of verdict and text."""
    done = subprocess.run([DRIVERS / "address"], capture_output=True, timeout=60, check=True,
                          input="".join(c + "\n" for c in candidates).encode())
    answers = [line.split("\t", 1) for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(candidates)
    return answers


# --- CSV ---

PIECES = ['"', '""', ",", ";", "\t", "|", "\n", "\r", "\r\n", " ", "  ", "'", "\\", "\0", "a", "Zoë",
          "日本", "=1+1", "\u00a0", "\ufeff", "\u2028", "\x1a", "\x7f", "sep=", "#", "\U0001f5de"]


def hostile_cell(chance, quoting):
    cell = "".join(chance.choices(PIECES, k=chance.randint(0, 6)))
    # With QUOTE_MINIMAL, Python's writer leaves a line end bare that is not its own.
    return re.sub(r"\r\n|\r|\n", "\r\n", cell) if quoting == csv.QUOTE_MINIMAL else cell


def hostile_table(chance, quoting):
    """Rows of one width, which is at least two: a lone empty cell is a blank line."""
    width = chance.randint(2, 8)
    header = [f"{i}{hostile_cell(chance, quoting)}" for i in range(width)]
    rows = [[hostile_cell(chance, quoting) for _ in range(width)]
            for _ in range(chance.randint(0, 20))]
    return [header, *rows]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_reads_as_python_does(tmp_path, delimiter, end, quoting):
    chance = random.Random(f"{delimiter}{end}{quoting}")
    for _ in range(10):
        table = hostile_table(chance, quoting)
        text = io.StringIO(newline="")
        if chance.random() < 0.5:
            told = f"sep={delimiter}{end}"
        else:
            told = ""
            # More of the delimiter than names without quotation marks can bring of others.
            table = [row + [f"z{i}" for i in range(60)] for row in table]
        writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
        writer.writerows(table)
        python = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter))
        assert python == table
        ours = read(tmp_path, (told + text.getvalue()).encode())
        assert [list(row) for row in ours[:1]] == [table[0] for _ in table[1:2]]
        assert [list(row.values()) for row in ours] == table[1:]


def test_reads_torn_text_as_python_does(tmp_path):
    """Text that nobody would have written, as far as it is a table at all."""
    chance = random.Random("torn")
    compared = 0
    for _ in range(600):
        text = "a,b,c\n" + "".join(chance.choices(['"', ",", "\n", "\r\n", " ", "x", "é"], k=12))
        path = tmp_path / "torn.csv"
        path.write_bytes(text.encode())
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row][1:]
        done = run_csv2json(path)
        ours = json.loads(done.stdout)
        if done.returncode == 0:
            assert [list(row.values())[:len(want)] for row, want in zip(ours, rows)] == rows, text
            assert len(ours) == len(rows), text
            compared += 1
        else:
            assert b"csv2json:" in done.stderr
            assert done.returncode == 65
    assert compared > 60


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be",
                                      "utf-32", "cp1252"])
def test_encodings(tmp_path, encoding):
    text = "email,name,city\r\njose@example.org,José Muñoz,München\r\nz@example.org,Zoë,São Paulo\r\n"
    assert read(tmp_path, text.encode(encoding)) == [
        {"email": "jose@example.org", "name": "José Muñoz", "city": "München"},
        {"email": "z@example.org", "name": "Zoë", "city": "São Paulo"}]


CASES = {
    # Section 2 of RFC 4180, rule by rule.
    "crlf": ("a,b,c\r\n1,2,3\r\n", [{"a": "1", "b": "2", "c": "3"}]),
    "no end": ("a,b,c\r\n1,2,3", [{"a": "1", "b": "2", "c": "3"}]),
    "blanks belong to the cell": ("a,b\n x , y\n", [{"a": " x ", "b": " y"}]),
    "quoted blanks": ('a,b\n" x ","y "\n', [{"a": " x ", "b": "y "}]),
    "quoted": ('"a","b"\r\n"1","2"\r\n', [{"a": "1", "b": "2"}]),
    "some quoted": ('a,b\r\n"1",2\r\n', [{"a": "1", "b": "2"}]),
    "line end in quotes": ('a,b\r\n"1\r\n\r\n2",3\r\n', [{"a": "1\r\n\r\n2", "b": "3"}]),
    "bare line end in quotes": ('a,b\n"1\n2",3\n', [{"a": "1\n2", "b": "3"}]),
    "delimiter in quotes": ('a,b\r\n"1,2",3\r\n', [{"a": "1,2", "b": "3"}]),
    "quote in quotes": ('a,b\r\n"1""2","""3"""\r\n', [{"a": '1"2', "b": '"3"'}]),
    # Its relatives.
    "json": ('k,v\n1,"{""t"": [1, ""x""]}"\n', [{"k": "1", "v": '{"t": [1, "x"]}'}]),
    "empty cells": ('a,b,c\n,,\n"","",""\n', [{"a": "", "b": "", "c": ""}] * 2),
    "blank lines": ("\r\na,b\n\n\n1,2\r\n\r\n", [{"a": "1", "b": "2"}]),
    "one column": ("a\n1\n\n2\n", [{"a": "1"}, {"a": "2"}]),
    "header only": ("a,b\n", []),
    "nothing": ("", []),
    "lone cr": ("a,b\r1,2\r3,4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    "quote in a cell": ('a,b\n6" x,Jane "JJ" Doe\n', [{"a": '6" x', "b": 'Jane "JJ" Doe'}]),
    "quote after a blank": ('a,b\n1, "x"\n', [{"a": "1", "b": ' "x"'}]),
    "blank after quote": ('a,b\n"1" ,2\n', [{"a": "1 ", "b": "2"}]),
    "padded": ('"a", "b"\n"1", "2, 3"\n', [{"a": "1", "b": "2, 3"}]),
    "too few": ("a,b,c\n1\n", [{"a": "1", "b": "", "c": ""}]),
    "no name": ("a,,c\n1,2,3\n", [{"a": "1", "": "2", "c": "3"}]),
    "two of a name": ("a,b,a\n1,2,3\n", [{"a": "3", "b": "2"}]),
    "semicolon": ("a;b\n1,5;2\n", [{"a": "1,5", "b": "2"}]),
    "tab": ("a\tb\n1,5\t2;\n", [{"a": "1,5", "b": "2;"}]),
    "pipe": ("a|b\n1|2\n", [{"a": "1", "b": "2"}]),
    "sep": ("sep=;\na;b\n1;2\n", [{"a": "1", "b": "2"}]),
    "nul": ("a,b\n1\0,2\n", [{"a": "1\0", "b": "2"}]),
}


@pytest.mark.parametrize("name", CASES)
def test_case(tmp_path, name):
    text, rows = CASES[name]
    assert read(tmp_path, text.encode()) == rows


@pytest.mark.parametrize("text, rows, says", [
    ('a,b\n1,2\n3,"4\n5,6\n', [{"a": "1", "b": "2"}], "line 3: the quotation mark"),
    ('a,b\n1,"2"x\n', [{"a": "1", "b": "2x"}], "2: cell 2 goes on after"),
    ("a,b\n1,2,3\n4,5\n", [{"a": "1", "b": "2"}, {"a": "4", "b": "5"}], "2: more cells"),
    ("a,b\n1,é\n2,ü\n3,\udcff\n", [{"a": "1", "b": "é"}, {"a": "2", "b": "ü"}, {"a": "3", "b": ""}],
     "\\xff"),
])
def test_complaint(tmp_path, text, rows, says):
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    done = run_csv2json(path)
    assert done.returncode == 65
    assert json.loads(done.stdout) == rows
    assert says in done.stderr.decode()


def test_no_file(tmp_path):
    done = run_csv2json(tmp_path / "none.csv")
    assert (done.returncode, done.stdout) == (66, b"")


# --- Addresses ---

GOOD = {
    "jane@example.org": None,
    "Jane.Doe@EXAMPLE.Org": "Jane.Doe@example.org",
    "x@example.org": None,
    "a+b-c_d/e=f!g@example.org": None,
    "!#$%&'*+-/=?^_`{|}~@example.org": None,
    '"john..doe"@example.org': None,
    '" "@example.org': None,
    '"a@b"@example.org': None,
    r'"very.(),:;<>[]\".VERY.\"very@\\ \"very\".unusual"@strange.example.com': None,
    "mailhost!username@example.org": None,
    "user%example.com@example.org": None,
    "user-@example.org": None,
    "1234567890@example.org": None,
    "a@b.c.d.e.f.example": None,
    "a@1.example": None,
    "a@xn--bcher-kva.example": None,
    "a@bücher.example": "a@xn--bcher-kva.example",
    "a@BÜCHER.example": "a@xn--bcher-kva.example",
    "a@straße.example": "a@xn--strae-oqa.example",
    "我買@屋企.香港": "我買@xn--hoqu73a.xn--j6w193g",
    "θσερ@εχαμπλε.ψομ": "θσερ@xn--mxahbxey0c.xn--xxaf0a",
    "postmaster@[123.123.123.123]": None,
    "a@[IPv6:2001:0db8:85a3::7334]": "a@[IPv6:2001:db8:85a3::7334]",
    "l" * 64 + "@example.org": None,
    "a@" + "d" * 63 + ".example": None,
    "l" * 64 + "@" + ".".join(["d" * 61] * 3) + ".abc": None,                # 254
}
BAD = [
    "", " ", "plain", "@", "@example.org", "jane@", "a@b@example.org", "jane@example",
    "jane@localhost", ".jane@example.org", "jane.@example.org", "ja..ne@example.org",
    "jane@.example.org", "jane@example..org", "jane@example.org.", "jane@example.org..",
    "jane@-example.org", "jane@example-.org", "jane@example.-org", "jane@exa_mple.org",
    "jane@exam ple.org", "ja ne@example.org", " jane@example.org", "jane@example.org ",
    "jane@example,org", "<jane@example.org>", "Jane <jane@example.org>", "mailto:jane@example.org",
    "jane(comment)@example.org", "(comment)jane@example.org", "jane@example.org(comment)",
    "jane@1.2.3.4", "jane@example.123", "jane@[1.2.3]", "jane@[1.2.3.256]", "jane@[::1]",
    "jane@[IPv6:xyz]", "jane@[1.2.3.4", "jane@1.2.3.4]", 'ja"ne@example.org', '"jane@example.org',
    '"ja"ne@example.org', 'jane"x"@example.org', 'just"not"right@example.com', '"a"."b"@example.org',
    r"this\ still\"not\\allowed@example.com", r"ja\@ne@example.org", "jane;@example.org",
    "a@example.org,b@example.org", "jane@xn--zzzzz9999.example", "jane@exa\u200bmple.org",
    "jane\x01@example.org", "jane@example.org\x7f", "l" * 65 + "@example.org",
    "a@" + "d" * 64 + ".example", "l" * 64 + "@" + ".".join(["d" * 61] * 3) + ".abcd",
    "a@" + "ü" * 60 + ".example", "jane@example.org\x00",
]


def test_good_addresses():
    assert judge(*GOOD) == [["valid", norm or text] for text, norm in GOOD.items()]


def test_bad_addresses():
    taken = [text for text, (verdict, reason) in zip(BAD, judge(*BAD)) if verdict != "invalid"]
    assert taken == []


def test_answers_are_lines():
    """Whatever a candidate holds, its answer is a line of UTF-8."""
    done = subprocess.run([DRIVERS / "address"], capture_output=True, timeout=60, check=True,
                          input=b"jane@exam\xffple.org\r\n\x1b[31m@example.org\n\r\r\nlast@example.org")
    lines = done.stdout.decode().split("\n")
    assert [line.split("\t")[0] for line in lines] == ["invalid", "invalid", "invalid", "valid", ""]
    assert "\x1b" not in done.stdout.decode()
