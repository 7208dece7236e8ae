# SPDX-License-Identifier: Apache-2.0
"""From a dropped file to delivered messages, read by a parser that nobody here wrote."""

import collections
import email
import email.policy
import pathlib
import re

import pytest

import made_up
from station import SOURCE, wait_until

STRICT = email.policy.SMTP.clone(raise_on_defect=True)
REAL = pathlib.Path(SOURCE).parent / "shared/examples/press-release.md"


def strict(octets):
    """The message as sent, parsed without mercy."""
    return email.message_from_bytes(octets, policy=STRICT)


def parts_of(message):
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    return text, html


def messages_by_address(sink):
    messages = [strict(octets) for octets in sink.message_files()]
    return {str(message["Delivered-To"]): message for message in messages}


def deliver(sinks, stations, release, contacts, name="news.md", sink_options=(), **more):
    sink = sinks(*sink_options)
    station = stations(sink.port, **more)
    station.write_list(contacts)
    station.start()
    station.drop(name, release)
    station.wait_done()
    return station, sink


@pytest.mark.skipif(not REAL.exists(), reason="the real press release is not there")
def test_the_real_release_to_a_thousand(sinks, stations):
    rows = made_up.contacts(1000)
    station, sink = deliver(sinks, stations, REAL.read_bytes(), made_up.as_csv(rows),
                            name="press-release.md")
    facts = station.facts("--latest")
    assert len(facts) == 1000
    assert collections.Counter(f["state"] for f in facts) == {"sent": 1000}
    reached = [r for record in sink.records() for r in record.recipients]
    assert len(reached) == len(set(reached)) == 1000
    assert "reader2@xn--bcher-kva.example" in reached
    for octets in sink.message_files()[::50]:
        message = strict(octets)
        assert message["Subject"].startswith("Jakarta hosts experts' workshop on EU-Indonesia")
        text, html = parts_of(message)
        for part in (text, html):
            assert "Stéphane Mechat" in part
            assert "cyberspace,” he added" in part
            assert "“Indonesia and the European Union" in part


def test_headers(sinks, stations):
    release = ("---\nsubject: \"Größe, {{first_name|dear reader}} – ein Test mit einer ziemlich langen "
               "Zeile für den Betreff\"\nreply-to: media@example.org\n---\n# Hello\n\nText.\n")
    contacts = 'email,first_name,last_name\njane@example.org,Jané,"O\'Neil, Jr."\nx@example.org,,\n'
    station, sink = deliver(sinks, stations, release, contacts)
    by_address = messages_by_address(sink)
    jane = by_address["jane@example.org"]
    assert jane["To"].addresses[0].display_name == "Jané O'Neil, Jr."
    assert jane["To"].addresses[0].addr_spec == "jane@example.org"
    assert jane["Subject"] == ("Größe, Jané – ein Test mit einer ziemlich langen Zeile für den "
                               "Betreff")
    assert jane["From"].addresses[0].addr_spec == "press@example.org"
    assert jane["Reply-To"].addresses[0].addr_spec == "media@example.org"
    assert jane["MIME-Version"] == "1.0"
    assert "press.example.org" in jane["List-Id"]
    assert jane["Date"].datetime is not None
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.org>", jane["Message-ID"])
    nameless = by_address["x@example.org"]
    assert nameless["Subject"].startswith("Größe, dear reader")
    assert nameless["Message-ID"] != jane["Message-ID"]
    for octets in sink.message_files():
        ours = [line for line in octets.split(b"\r\n") if not line.startswith(b"X-Sink-")]
        assert max(map(len, ours)) <= 78
        assert b"\n" not in octets.replace(b"\r\n", b"")


def test_merge(sinks, stations):
    release = ("# {{outlet}} first\n\nDear {{first_name|colleague}},\n\n"
               "{{#vip}}Welcome back, {{outlet}}.{{/vip}}{{^vip}}Welcome.{{/vip}}\n\n"
               "[your page](https://example.org/{{id}}?a=b&c={{outlet}})\n\n"
               "| a | b |\n|---|---|\n| {{outlet}} | `{{id}}` |\n")
    contacts = ("email,first_name,outlet,vip,id\n"
                "a@example.org,<script>,\"A & B, \"\"quoted\"\"\",1,x/y z\n"
                "b@example.org,,Plain,0,ü\n")
    station, sink = deliver(sinks, stations, release, contacts)
    by_address = messages_by_address(sink)
    text, html = parts_of(by_address["a@example.org"])
    assert "Dear <script>," in text
    assert "Dear &lt;script&gt;," in html
    assert "Welcome back, A & B, \"quoted\"." in text
    assert "Welcome back, A &amp; B, &quot;quoted&quot;." in html
    assert "https://example.org/x%2Fy%20z?a=b&amp;c=A%20%26%20B%2C%20%22quoted%22" in html
    assert "https://example.org/x%2Fy%20z?a=b&c=A%20%26%20B%2C%20%22quoted%22" in text.replace("\n", "")
    text, html = parts_of(by_address["b@example.org"])
    assert "Dear colleague," in text and "Dear colleague," in html
    assert "Welcome." in text and "Welcome back" not in text
    assert by_address["b@example.org"]["Subject"] == "Plain first"


def test_no_value_breaks_out(sinks, stations):
    """Hostile cells stay where they are put."""
    evil = "x\r\nBcc: victim@example.org\r\n\r\n.\r\nMAIL FROM:<evil@example.org>"
    rows = [{"email": "a@example.org", "first_name": evil, "outlet": "=?utf-8?q?x?= " * 20},
            {"email": "b@example.org", "first_name": ".", "outlet": "\u202e" + "x" * 5000},
            {"email": "c@example.org", "first_name": "\n.\n", "outlet": "From here"}]
    release = "---\nsubject: \"For {{first_name}}\"\n---\n{{first_name}}\n\n{{outlet}}\n\n.\n\nFrom me\n"
    station, sink = deliver(sinks, stations, release, made_up.as_csv(rows))
    assert sorted(r.recipients[0] for r in sink.records()) == [r["email"] for r in rows]
    for address, message in messages_by_address(sink).items():
        row = next(r for r in rows if r["email"] == address)
        assert message["Bcc"] is None and message["Return-Path"] == "<press@example.org>"
        text, html = parts_of(message)
        if len(row["outlet"]) < 100:
            assert row["outlet"].strip() in text
        assert text.rstrip().splitlines().count("From me") == 1


def test_bundle_with_attachments(sinks, stations, tmp_path):
    sink = sinks()
    station = stations(sink.port)
    station.write_list("email\na@example.org\n")
    bundle = tmp_path / "jakarta"
    (bundle / "attachments").mkdir(parents=True)
    (bundle / "release.md").write_text("# News\n\nSee ![the light](light.png) and the file.\n")
    picture = bytes.fromhex("89504e470d0a1a0a") + bytes(range(256)) * 40
    (bundle / "light.png").write_bytes(picture)
    (bundle / "attachments" / "Rede – Übersicht.pdf").write_bytes(b"%PDF-1.4\n" + bytes(range(256)) * 200)
    station.start()
    bundle.rename(station.spool / "incoming" / "jakarta")
    station.wait_done()
    message = strict(sink.message_files()[0])
    attached = list(message.iter_attachments())
    assert [a.get_filename() for a in attached] == ["Rede – Übersicht.pdf"]
    assert attached[0].get_content() == b"%PDF-1.4\n" + bytes(range(256)) * 200
    assert attached[0].get_content_type() == "application/pdf"
    images = [p for p in message.walk() if p.get_content_maintype() == "image"]
    assert len(images) == 1 and images[0].get_content() == picture
    html = message.get_body(("html",)).get_content()
    assert f'src="cid:{images[0]["Content-ID"].strip("<>")}"' in html


def test_every_row_is_accounted_for(sinks, stations):
    contacts = ("email,first_name\n"
                "a@example.org,A\n"
                "not an address,B\n"
                "A@example.org,twin\n"
                "b@example.org\n"
                "c@example.org,C,extra\n"
                "\n"
                "d@example.org,D\n")
    station, sink = deliver(sinks, stations, "Dear {{first_name}}.\n\n# News\n", contacts)
    facts = {(f["list"], f["line"]): f for f in station.facts("--latest")}
    assert {line: f["state"] for (_, line), f in facts.items()} == {
        2: "sent", 3: "skipped", 4: "skipped", 5: "skipped", 6: "skipped", 8: "sent"}
    assert sorted(r.recipients[0] for r in sink.records()) == ["a@example.org", "d@example.org"]
    assert all(f["text"] for f in facts.values() if f["state"] == "skipped")


def test_legacy_encoding_and_semicolons(sinks, stations):
    contacts = "E-Mail;Vorname;Ort\r\na@example.org;Jürgen;Köln\r\nb@example.org;Zoë;Zürich\r\n" * 1
    padding = "".join(f"c{i}@example.org;Günther;Düsseldorf\r\n" for i in range(30))
    station, sink = deliver(sinks, stations, "# Hallo {{vorname}}\n\nGrüße nach {{ort}}.\n",
                            (contacts + padding).encode("cp1252"))
    message = strict(sink.message_files()[0])
    assert message["Subject"].startswith("Hallo ")
    texts = [parts_of(strict(m))[0] for m in sink.message_files()]
    assert any("Grüße nach Köln" in t for t in texts)
    assert any("Grüße nach Zürich" in t for t in texts)


def test_embargo_is_marked(sinks, stations):
    release = "---\nembargo: 2031-11-23 12:00 Asia/Jakarta\n---\n# News\n\nText.\n"
    station, sink = deliver(sinks, stations, release, "email\na@example.org\n")
    message = strict(sink.message_files()[0])
    text, html = parts_of(message)
    assert message["Subject"].startswith("EMBARGOED until ")
    for part in (text, html):
        assert "EMBARGOED until 23 November 2031, 12:00" in part


def test_send_at_holds(sinks, stations):
    sink = sinks()
    station = stations(sink.port)
    station.write_list("email\na@example.org\n")
    station.start()
    station.drop("later.md", "---\nsend-at: 2031-11-23 12:00 Europe/Brussels\n---\n# Later\n\nText.\n")
    wait_until(station.queued, "the release is accepted")
    wait_until(lambda: station.live()["releases"], "the daemon knows it")
    assert station.live()["releases"][0]["state"] == "scheduled"
    assert station.stop() == 0
    assert sink.records() == []


def test_channels_and_reload(sinks, stations):
    sink = sinks()
    station = stations(sink.port)
    station.write_list("email\na@example.org\n")
    station.start()
    good = station.config.read_text()
    station.config.write_text(good + "\nnonsense = 1;\n")
    station.reload()
    wait_until(lambda: "settings stay as they were" in station.log(), "the bad file is refused")
    assert "dateline.conf:" in station.log() and "nonsense" in station.log()
    station.config.write_text(good.replace("channels = {", "channels = {\n  embassies = { from = "
                                           "\"Embassy <embassy@example.net>\"; list = \"press\"; };"))
    station.reload()
    wait_until(lambda: "settings read anew" in station.log(), "the good file is read")
    station.drop("visit.md", "# A visit\n\nText.\n", channel="embassies")
    station.wait_done()
    assert strict(sink.message_files()[0])["From"].addresses[0].addr_spec == "embassy@example.net"
    assert sink.records()[0].sender == "embassy@example.net"
