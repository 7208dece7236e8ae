# SPDX-License-Identifier: Apache-2.0
"""What is decoded from the wire equals what was merged, as an independent reader sees it; and
what tags can ask of a list's cells and of a bundle's files."""

import csv
import email
import email.policy
import html.parser
import io
import json
import random
import subprocess
import urllib.parse

import pytest

from station import BUILD

RELEASE = """---
subject: "S{{v}}S"
---
T{{v}}T

> *q{{v}}q*

| A |
|---|
| C{{v}}C |

[L{{v}}L](https://a.org/{{v}}/x?y={{v}} "A{{v}}A") [write](mailto:{{v}}@example.org)
[whole]({{v}})
"""

PIECES = ["Ann", "<script>alert(1)</script>", "\"", "'", "&amp;", "&", "=?utf-8?q?x?=", "=?", "?=",
          "=", "=\n", "\r\nBcc: x@example.org\r\n\r\n", "\n", ".", "\n.\n", "From ", "\t", "\x1b[31m",
          "\u202e", "\u2066", "\u2028", "\x85", "é", "日本語", "שלום", "\U0001f469\u200d\U0001f4bb",
          "{{v}}", "{{{", "|", "[x](y)", "javascript:", "https://", "%0d%0a", "@", ",", ";", "\\",
          " ", "  ", "--", "-->", "]]>", "w" * 80, "wide " * 30]


def framed(value):
    """Lists are read without the blanks around a cell."""
    return f"x{value}!"


def made_up(seed):
    choice = random.Random(seed)
    return framed("".join(choice.choice(PIECES) for _ in range(choice.randint(1, 12))))


def one_line_breaks(value):
    for line_break in ("\r\n", "\r", "\x85", "\u2028", "\u2029"):
        value = value.replace(line_break, "\n")
    return "".join(" " if c != "\n" and (c < " " or "\x7f" <= c <= "\x9f") else c for c in value)


def as_line(value):
    return one_line_breaks(value).replace("\n", " ")


def as_header(value):
    return "".join(c for c in as_line(value) if c not in "\u202a\u202b\u202c\u202d\u202e"
                   "\u2066\u2067\u2068\u2069")


class Reader(html.parser.HTMLParser):
    """Text of the elements and the attributes of links; <br> is a line break."""

    def __init__(self, page):
        super().__init__()
        self.text, self.links, self.names = "", [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        if tag == "br":
            self.text += "\n"
        if tag == "a":
            self.links.append(dict(attributes))

    def handle_data(self, data):
        self.text += data


def rows(*cells):
    out = io.StringIO()
    csv.writer(out).writerows([["email", "name", "v"], *cells])
    return out.getvalue()


def preview(station, path, whose, *arguments):
    result = subprocess.run([str(BUILD / "dateline"), "--config", str(station.config), "preview",
                             *arguments, "--for", whose, str(path)], capture_output=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def read(station, path, whose):
    wire = preview(station, path, whose, "--eml")
    assert all(len(line) <= 78 for line in wire.split(b"\r\n"))
    return email.message_from_bytes(wire, policy=email.policy.SMTP.clone(raise_on_defect=True))


def part(message, kind):
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_is_what_was_merged(stations, seed):
    station = stations(1)
    values = [made_up(seed * 100 + i) for i in range(4)]
    values += [framed(PIECES[(seed * 4 + i) % len(PIECES)]) for i in range(4)]
    station.write_list(rows(*([f"c{i}@example.org", value, value]
                              for i, value in enumerate(values))))
    release = station.folder / "news.md"
    release.write_text(RELEASE)
    for i, value in enumerate(values):
        message = read(station, release, f"c{i}@example.org")
        assert not message.defects
        assert str(message["Subject"]) == f"S{as_header(value)}S".strip()
        assert [address.addr_spec for address in message["To"].addresses] == [f"c{i}@example.org"]
        assert message["Bcc"] is None
        assert f"T{one_line_breaks(value)}T" in part(message, "plain")
        page = Reader(part(message, "html"))
        assert f"T{one_line_breaks(value)}T" in page.text
        assert f"q{one_line_breaks(value)}q" in page.text
        assert f"C{one_line_breaks(value)}C" in page.text
        assert f"L{one_line_breaks(value)}L" in page.text
        assert "script" not in page.names
        quoted = urllib.parse.quote(as_line(value), safe="")
        first, mailbox, whole = page.links[:3]
        assert first["href"] == f"https://a.org/{quoted}/x?y={quoted}"
        assert first["title"] == f"A{as_line(value)}A"
        assert mailbox["href"].startswith("mailto:") and "?" not in mailbox["href"]
        assert whole["href"] == "#" or whole["href"].startswith("https://")


@pytest.fixture
def programme(stations):
    """A bundle with partials, and a list with JSON in its cells."""
    station = stations(1)
    talks = [{"who": "Zoë <z>", "at": 9.5, "tags": ["a", "b"]}, {"who": "Bo", "at": 10, "tags": []}]
    station.write_list(rows(["a@example.org", "Ann", json.dumps(talks)],
                            ["b@example.org", "Bo", "[]"], ["c@example.org", "Cy", "[soon]"]))
    bundle = station.folder / "programme"
    (bundle / "partials").mkdir(parents=True)
    (bundle / "release.md").write_text(
        "# Programme\n\n{{#v}}\n- {{> talk}}\n{{/v}}\n\n{{^v}}Nothing yet.{{/v}}\n\n"
        "| Who | When |\n|---|---|\n{{#v}}\n| {{who|?}} | {{at}} |\n{{/v}}\n\n"
        "{{<frame}}{{$body}}Bye {{name}}{{/body}}{{/frame}}\n")
    (bundle / "partials" / "talk.md").write_text("{{who|Somebody}}{{#tags}} ({{.}}){{/tags}}")
    (bundle / "partials" / "frame.md").write_text("***{{$body}}{{/body}}***\n")
    return station


def test_lists_in_cells(programme):
    text = preview(programme, programme.folder / "programme", "a@example.org").decode()
    assert "- Zoë <z> (a) (b)\n- Bo\n\n" in text
    assert "Nothing" not in text
    table = [line.split() for line in text.splitlines() if "9.5" in line or "10" in line]
    assert table == [["Zoë", "<z>", "9.5"], ["Bo", "10"]]
    page = preview(programme, programme.folder / "programme", "a@example.org", "--html").decode()
    assert page.count("<ul>") == 1 and page.count("<li>") == 2
    assert "<li>Zoë &lt;z&gt; (a) (b)" in page
    assert "<strong>Bye Ann</strong>" in page


def test_no_list_in_the_cell(programme):
    text = preview(programme, programme.folder / "programme", "b@example.org").decode()
    assert "Nothing yet." in text and "\n- " not in text
    text = preview(programme, programme.folder / "programme", "c@example.org").decode()
    assert "- Somebody\n" in text


def test_names_that_no_list_has(programme):
    result = programme.run("check", str(programme.folder / "programme"))
    assert "no list has a column for {{who}}" in result.stdout + result.stderr
    (programme.folder / "bad.md").write_text("# x\n\n{{who}}\n")
    result = programme.run("check", str(programme.folder / "bad.md"), check=False)
    assert result.returncode == 65


def test_a_partial_that_is_not_there(programme):
    (programme.folder / "bad.md").write_text("# x\n\n{{> none}}\n")
    result = programme.run("check", str(programme.folder / "bad.md"), check=False)
    assert result.returncode == 65
    assert "bad.md:3:1: error: there is no partial \"none\"" in result.stdout + result.stderr


def test_a_partial_that_holds_itself(programme):
    bundle = programme.folder / "programme"
    (bundle / "partials" / "talk.md").write_text("{{who}} {{> talk}}\n")
    result = programme.run("check", str(bundle), check=False)
    assert result.returncode == 65
    assert "programme/partials/talk.md:1:" in result.stdout + result.stderr
    assert "holds itself" in result.stdout + result.stderr


def test_html_where_the_channel_passes_it(stations):
    station = stations(1, channel='html = "pass";')
    station.write_list(rows(["a@example.org", "Ann", "\"><script>"]))
    release = station.folder / "news.md"
    release.write_text("# x\n\n<p class=\"lead\" title=\"{{v}}\">a {{v}}</p>\n")
    page = Reader(preview(station, release, "a@example.org", "--html").decode())
    assert "script" not in page.names
    assert "a \"><script>" in page.text
    release.write_text("# x\n\n<script>a</script>\n")
    result = station.run("check", str(release), check=False)
    assert result.returncode == 65 and "<script>" in result.stdout + result.stderr


def test_html_elsewhere_is_left_out(stations):
    station = stations(1)
    station.write_list(rows(["a@example.org", "Ann", "x"]))
    release = station.folder / "news.md"
    release.write_text("# x\n\n<p class=\"lead\">a</p>\n\nb {{v}}\n")
    assert "lead" not in preview(station, release, "a@example.org", "--html").decode()


@pytest.mark.parametrize("template, data, partials, expected", [
    ("{{a.b}}|{{{c}}}|{{c}}", {"a": {"b": 1.5}, "c": "<"}, {}, "1.5|<|&lt;"),
    ("{{#l}}\r\n{{.}}\r\n{{/l}}\r\n", {"l": [1, "é"]}, {}, "1\r\né\r\n"),
    ("{{>p}}", {"n": 1, "k": [{"n": 2, "k": []}]}, {"p": "{{n}}{{#k}}/{{>p}}{{/k}}"}, "1/2"),
    ("{{.}}", "text", {}, "text"),
    ("{{x|a b}}", None, {}, "a b"),
])
def test_driver(template, data, partials, expected):
    given = json.dumps({"template": template, "data": data, "partials": partials})
    result = subprocess.run([str(BUILD / "tests/drivers/mustache")], input=given.encode(),
                            capture_output=True)
    assert (result.returncode, result.stdout.decode(), result.stderr) == (0, expected, b"")


@pytest.mark.parametrize("given", ["", "[]", "{", "{\"data\": 1}", "{\"template\": \"{{#a}}\"}",
                                   "{\"template\": \"{{a\"}"])
def test_driver_refuses(given):
    result = subprocess.run([str(BUILD / "tests/drivers/mustache")], input=given.encode(),
                            capture_output=True)
    assert result.returncode == 65 and result.stdout == b"" and result.stderr != b""
