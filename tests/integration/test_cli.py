# SPDX-License-Identifier: Apache-2.0
"""The command dateline, as far as it needs no daemon."""

import csv
import email
import email.policy
import io
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

from forge import Forge, sealed
from station import BUILD, PATIENCE, Station, wait_until

USAGE, DATA, NO_INPUT, UNAVAILABLE, CANT_CREATE, IO, NO_PERMISSION, CONFIG = (
    64, 65, 66, 69, 73, 74, 77, 78)

RELEASE = """---
subject: "News for {{outlet|you}}"
---
# Headline

Dear {{first_name|colleague}},

the **news**.
"""
CONTACTS = """email,first_name,outlet
anna@example.org,Anna,Daily
bruno@example.org,,Echo
ANNA@example.org,Anna again,Daily
not an address,Nobody,None
"""


@pytest.fixture
def desk(stations):
    """A configuration with a list and an empty spool, and a release beside it."""
    station = stations(1)
    station.write_list(CONTACTS)
    (station.folder / "news.md").write_text(RELEASE)
    for folder in ("incoming", "incoming/press", "queue", "done", "rejected"):
        (station.spool / folder).mkdir()
    return station


def fails(station, status, *arguments, **more):
    """Runs the command, which must fail with status and say why, and returns what it says."""
    result = station.run(*arguments, check=False, **more)
    assert result.returncode == status, (arguments, result.stdout, result.stderr)
    assert re.match(r"(dateline: |Usage:|[^\n]+: (error|warning): )", result.stderr), result.stderr
    return result.stderr


# --- The command line ---

def test_version(desk):
    assert re.fullmatch(r"dateline \d+\.\d+\.\d+\n", desk.run("--version").stdout)


COMMANDS = ["check", "preview", "send", "status", "log", "settle", "config", "help"]


def test_help_lists_the_commands(desk):
    for arguments in (["help"], ["--help"], ["-h"]):
        output = desk.run(*arguments).stdout
        for command in COMMANDS:
            assert re.search(rf"^  {command} ", output, re.M)
        assert "reference" not in output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_that_ends_with_an_example(desk, command):
    output = desk.run(command, "--help").stdout
    assert desk.run("help", command).stdout == output
    assert "--config=FILE" in output
    assert re.search(rf"Example:\n  dateline {command} [^\n]+\n*\Z", output)


@pytest.mark.parametrize("arguments", [
    [],
    ["--nonsense"],
    ["chekc"],
    ["check"],
    ["check", "--nonsense", "news.md"],
    ["check", "-c"],
    ["check", "-c", "nowhere", "news.md"],
    ["preview"],
    ["preview", "news.md", "other.md"],
    ["preview", "--html", "--eml", "news.md"],
    ["preview", "-c", "nowhere", "news.md"],
    ["send"],
    ["send", "news.md", "other.md"],
    ["send", "-c", "nowhere", "news.md"],
    ["status", "a", "b"],
    ["log", "a", "b"],
    ["log", "--state", "delivered"],
    ["log", "--format", "xml"],
    ["log", "--since", "yesterday-ish"],
    ["log", "--latest", "--follow"],
    ["config"],
    ["config", "frobnicate"],
    ["config", "show", "--json"],
    ["config", "check", "more"],
    ["help", "nonsense"],
    ["help", "check", "send"],
])
def test_wrong_arguments(desk, arguments):
    fails(desk, USAGE, *arguments, cwd=desk.folder)


def test_a_misspelt_command_is_suggested(desk):
    assert 'did you mean "dateline status"' in fails(desk, USAGE, "statsu")


def test_hostile_arguments_do_not_reach_the_terminal(desk):
    for arguments in (["\x1b[2J"], ["status", "\x1b[2J"], ["check", "\x1b[2J"],
                      ["log", "--state", "\x1b[2J"], ["send", "-c", "\x1b[2J", "x"]):
        output = desk.run(*arguments, check=False)
        assert "\x1b" not in output.stdout + output.stderr
        assert "\\x1b[2J" in output.stderr


def test_arguments_that_are_not_utf8(desk):
    for arguments in ([b"status", b"\xff\xfe"], [b"check", b"\xff.md"],
                      [b"log", b"--address", b"\xff"]):
        result = subprocess.run([str(BUILD / "dateline"), "--config", str(desk.config), *arguments],
                                capture_output=True, timeout=PATIENCE)
        assert result.returncode in (0, NO_INPUT)
        (result.stdout + result.stderr).decode("utf-8")


def test_a_full_disk_is_noticed(desk):
    with open("/dev/full", "w") as full:
        result = subprocess.run([str(BUILD / "dateline"), "--config", str(desk.config), "config",
                                 "show"], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
    assert result.returncode == IO
    assert b"could not be written" in result.stderr


# --- config ---

def test_config_check(desk):
    assert "no errors; 1 relay, 1 list, 1 channel" in desk.run("config", "check").stdout
    report = json.loads(desk.run("config", "check", "--json").stdout)
    assert report == {"file": str(desk.config), "ok": True, "findings": []}


def test_config_check_names_every_mistake(desk):
    desk.config.write_text('spol = "/x";\nrelays = ( { url = "http://x"; } );\n')
    result = desk.run("config", "check", check=False)
    assert result.returncode == CONFIG
    assert 'dateline.conf:1: error' in result.stdout and 'spol' in result.stdout
    assert 'dateline.conf:2: error' in result.stdout
    report = json.loads(desk.run("config", "check", "--json", check=False).stdout)
    assert not report["ok"]
    assert {f["line"] for f in report["findings"]} >= {1, 2}


def test_config_show_can_be_loaded_again(desk):
    shown = desk.run("config", "show").stdout
    again = desk.folder / "again.conf"
    again.write_text(shown)
    assert desk.run("config", "show", "--config", str(again)).stdout == shown


def test_config_reference(desk):
    rows = desk.run("config", "reference").stdout.splitlines()
    assert rows and all(len(row.split("\t")) == 5 for row in rows)


@pytest.mark.parametrize("arguments", [["check", "news.md"], ["preview", "news.md"],
                                       ["send", "news.md"], ["status"], ["log"],
                                       ["config", "show"]])
def test_a_broken_configuration(desk, arguments):
    desk.config.write_text("relays = (")
    assert "dateline.conf:" in fails(desk, CONFIG, *arguments, cwd=desk.folder)
    desk.config.unlink()
    assert str(desk.config) in fails(desk, CONFIG, *arguments, cwd=desk.folder)


def test_the_configuration_may_come_from_the_environment(desk):
    result = subprocess.run([str(BUILD / "dateline"), "config", "check"], capture_output=True,
                            text=True, timeout=PATIENCE,
                            env={**os.environ, "DATELINE_CONFIG": str(desk.config)})
    assert result.returncode == 0 and str(desk.config) in result.stdout


# --- check ---

def test_check(desk):
    output = desk.run("check", "news.md", cwd=desk.folder).stdout
    assert "news.md: would be sent (0 errors, 1 warning)" in output
    assert re.search(r"Subject +News for {{outlet\|you}}", output)
    assert re.search(r"From +Press Office <press@example.org>", output)
    assert re.search(r"Rows +4 rows: 2 selected, 1 duplicate, 1 invalid", output)
    assert re.search(r"Recipients +2\n", output)
    assert re.search(r"When +at once", output)
    assert re.search(r"^press.csv:5: warning: .*not an address", output, re.M)
    assert list(desk.spool.rglob("*.db")) == []


def test_check_json(desk):
    (desk.folder / "later.md").write_text(
        "---\nsubject: Later\nsend-at: 2199-11-23 09:00 Europe/Brussels\n"
        "not-after: 2199-11-24 09:00 Europe/Brussels\n---\nx\n")
    first, second = json.loads(desk.run("check", "--json", "news.md", "later.md",
                                        cwd=desk.folder).stdout)
    assert first["ok"] and first["file"] == "news.md" and first["channel"] == "press"
    assert first["lists"] == ["press"]
    assert first["rows"] == {"all": 4, "selected": 2, "duplicate": 1, "invalid": 1, "empty": 0,
                             "filtered": 0, "suppressed": 0}
    assert first["recipients"] == 2 and first["message-size"] > 500 and first["send-at"] is None
    assert [f["level"] for f in first["findings"]] == ["warning"]
    assert second["send-at"] == "2199-11-23T08:00:00.000Z"
    assert second["deadline"] == "2199-11-24T08:00:00.000Z"


def test_check_tells_all_mistakes_at_once(desk):
    (desk.folder / "bad.md").write_text("---\nsubjet: x\nlist: pres\n---\n# Hi {{nam}}\n")
    result = desk.run("check", "bad.md", "news.md", cwd=desk.folder, check=False)
    assert result.returncode == DATA
    assert "bad.md: would be refused" in result.stdout
    assert 'did you mean "subject"' in result.stdout and "news.md: would be sent" in result.stdout
    bad, good = json.loads(desk.run("check", "--json", "bad.md", "news.md", cwd=desk.folder,
                                    check=False).stdout)
    assert not bad["ok"] and good["ok"] and "recipients" not in bad
    assert any(f["line"] == 2 and f["file"] == "bad.md" for f in bad["findings"])


def test_check_of_what_is_not_there(desk):
    assert "nothing.md" in fails(desk, NO_INPUT, "check", "nothing.md")


def test_check_finds_what_was_sent_before(desk):
    def check():
        result = desk.run("check", "--json", "news.md", cwd=desk.folder, check=False)
        return result.returncode, json.loads(result.stdout)[0]

    status, report = check()
    assert status == 0 and re.fullmatch("[0-9a-f]{64}", report["hash"])
    Forge(desk, "done", "20261120-090000-other", ["anna@example.org"])
    assert check()[0] == 0
    Forge(desk, "done", "20261120-090000-news", ["anna@example.org"], hash=report["hash"])
    status, report = check()
    assert status == DATA and "20261120-090000-news" in report["findings"][-1]["text"]
    again = RELEASE.replace("---\n", "---\nresend: true\n", 1)
    (desk.folder / "news.md").write_text(again)
    assert check()[0] == 0


# --- preview ---

def test_preview_of_the_first_contact(desk):
    output = desk.run("preview", "news.md", cwd=desk.folder).stdout
    head, _, body = output.partition("\n\n")
    assert head.splitlines() == ["From: Press Office <press@example.org>",
                                 "To: Anna <anna@example.org>", "Subject: News for Daily"]
    assert "Dear Anna," in body
    assert "\x1b" not in output


def test_preview_for_somebody(desk):
    output = desk.run("preview", "--for", "BRUNO", "news.md", cwd=desk.folder).stdout
    assert "Subject: News for Echo" in output and "Dear colleague," in output


def test_preview_html(desk):
    output = desk.run("preview", "--html", "--for", "bruno", "news.md", cwd=desk.folder).stdout
    assert "<strong>news</strong>" in output and "Dear colleague," in output
    assert "quoted-printable" not in output


def test_preview_eml(desk):
    result = subprocess.run([str(BUILD / "dateline"), "--config", str(desk.config), "preview",
                             "--eml", "news.md"], cwd=desk.folder, capture_output=True,
                            check=True, timeout=PATIENCE)
    message = email.message_from_bytes(result.stdout, policy=email.policy.default)
    assert message["Subject"] == "News for Daily" and "anna@example.org" in message["To"]
    assert re.fullmatch(r"<[0-9a-f-]{36}@example.org>", message["Message-ID"])
    assert b"\r\n" in result.stdout and not re.search(rb"[^\r]\n", result.stdout)
    assert "Dear Anna," in message.get_body(("plain",)).get_content()


def test_preview_for_nobody(desk):
    assert "zoe" in fails(desk, NO_INPUT, "preview", "--for", "zoe", "news.md", cwd=desk.folder)
    told = fails(desk, NO_INPUT, "preview", "--for", "not an", "news.md", cwd=desk.folder)
    assert "line 5" in told


def test_preview_of_a_bad_release(desk):
    (desk.folder / "bad.md").write_text("---\nsubjet: x\n---\nHello\n")
    told = fails(desk, DATA, "preview", "bad.md", cwd=desk.folder)
    assert "bad.md:2: error" in told
    fails(desk, NO_INPUT, "preview", "nothing.md")


def test_preview_leaves_nothing_behind(desk, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    desk.run("preview", "news.md", cwd=desk.folder, env=environment)
    desk.run("preview", "--for", "nobody", "news.md", cwd=desk.folder, env=environment, check=False)
    assert list(temporary.iterdir()) == []
    assert list(desk.spool.rglob("*.db")) == []


# --- send ---

def test_send_a_file(desk):
    result = desk.run("send", "news.md", cwd=desk.folder)
    assert (desk.spool / "incoming/news.md").read_text() == RELEASE
    assert (desk.spool / "incoming/news.md").stat().st_mode & 0o777 == 0o640
    assert "does not run" in result.stderr and "waits" in result.stdout
    assert sorted(p.name for p in (desk.spool / "incoming").iterdir()) == ["news.md", "press"]
    assert (desk.folder / "news.md").exists()


def test_send_a_folder_into_a_channel(desk):
    bundle = desk.folder / "jakarta"
    (bundle / "attachments").mkdir(parents=True)
    (bundle / "release.md").write_text(RELEASE)
    (bundle / "attachments/a.txt").write_text("a")
    for path in (bundle, bundle / "attachments"):
        path.chmod(0o700)
    (bundle / "release.md").chmod(0o600)
    desk.run("send", "-c", "press", str(bundle) + "/")
    sent = desk.spool / "incoming/press/jakarta"
    assert (sent / "attachments/a.txt").read_text() == "a"
    assert sent.stat().st_mode & 0o777 == 0o770
    assert (sent / "attachments").stat().st_mode & 0o777 == 0o770
    assert (sent / "release.md").stat().st_mode & 0o777 == 0o640
    assert [p.name for p in (desk.spool / "incoming/press").iterdir()] == ["jakarta"]


def test_send_refuses_names_in_the_way(desk):
    desk.run("send", "news.md", cwd=desk.folder)
    assert "rename" in fails(desk, CANT_CREATE, "send", "news.md", cwd=desk.folder)
    (desk.folder / "press").write_text(RELEASE)
    assert "channel" in fails(desk, CANT_CREATE, "send", "press", cwd=desk.folder)
    assert (desk.spool / "incoming/press").is_dir()


@pytest.mark.parametrize("name", ["news.md~", "news.part", ".news.md", "a\nb.md", "x.crdownload"])
def test_send_refuses_names_that_would_be_passed_over(desk, name):
    (desk.folder / name).write_text(RELEASE)
    assert "rename it" in fails(desk, DATA, "send", name, cwd=desk.folder)
    assert [p.name for p in (desk.spool / "incoming").iterdir()] == ["press"]


def test_send_refuses_links_and_pipes(desk):
    (desk.folder / "link.md").symlink_to("news.md")
    os.mkfifo(desk.folder / "pipe.md")
    assert "symbolic link" in fails(desk, DATA, "send", "link.md", cwd=desk.folder)
    assert "pipe" in fails(desk, DATA, "send", "pipe.md", cwd=desk.folder)
    fails(desk, NO_INPUT, "send", "nothing.md", cwd=desk.folder)
    assert [p.name for p in (desk.spool / "incoming").iterdir()] == ["press"]


def test_send_without_spool(desk):
    shutil.rmtree(desk.spool)
    assert str(desk.spool) in fails(desk, CANT_CREATE, "send", "news.md", cwd=desk.folder)


def test_send_tells_the_daemon(desk):
    """Whoever listens at the socket is asked to look."""
    asked = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(desk.runtime / "control"))
        server.listen()

        def answer():
            connection, _ = server.accept()
            with connection, connection.makefile("rw") as stream:
                asked.append(json.loads(stream.readline()))
                asked.append((desk.spool / "incoming/news.md").exists())
                stream.write("{}\n")

        thread = threading.Thread(target=answer)
        thread.start()
        result = desk.run("send", "news.md", cwd=desk.folder)
        thread.join(PATIENCE)
    assert asked == [{"command": "rescan"}, True]
    assert result.stderr == "" and "dateline status news" in result.stdout


# --- status ---

def made_release(desk, folder="queue", release="20261122-101500-news"):
    forge = Forge(desk, folder, release,
                  ["anna@example.org", "bruno@example.org", "clara@example.com",
                   "dora@example.com"],
                  [(6, "duplicate", "Anna@example.org", "same address as press.csv line 2"),
                   (7, "invalid", "=x", "no @")])
    return forge.add("started").send(1).bounce(2).defer(3)


def test_status_of_an_empty_spool(desk):
    output = desk.run("status").stdout
    assert "does not run" in output and "no releases" in output
    report = json.loads(desk.run("status", "--json").stdout)
    assert report["releases"] == [] and report["rejected"] == [] and not report["daemon"]["running"]


def test_status_without_spool(desk):
    shutil.rmtree(desk.spool)
    assert "has datelined ever run" in fails(desk, IO, "status")
    fails(desk, IO, "status", "x")
    fails(desk, IO, "log")


def test_status_table(desk):
    made_release(desk)
    Forge(desk, "done", "20261120-090000-old", ["a@example.org"]).send(1).add("finished sent=1")
    lines = desk.run("status").stdout.splitlines()
    row = next(line for line in lines if line.startswith("20261122-101500-news  "))
    assert row.split()[:6] == ["20261122-101500-news", "waiting", "1/4", "1", "1", "0"]
    done = next(line for line in lines if line.startswith("20261120-090000-old"))
    assert done.split()[:3] == ["20261120-090000-old", "finished", "1/1"]
    assert lines.index(done) < lines.index(row)
    assert any("nothing is sent while datelined does not run" in line for line in lines)


def test_status_shows_the_ten_newest_that_are_done(desk):
    for number in range(12):
        Forge(desk, "done", f"202611{10 + number}-090000-old", []).add("finished sent=0")
    releases = json.loads(desk.run("status", "--json").stdout)["releases"]
    assert [r["id"] for r in releases] == [f"202611{n}-090000-old" for n in range(12, 22)]


def test_status_of_one_release(desk):
    forge = made_release(desk)
    output = desk.run("status", "news").stdout
    assert output.startswith("20261122-101500-news: waiting: ")
    for expected in (r"Subject +News", r"Files +" + re.escape(str(forge.path)), r"sent +1\n",
                     r"deferred +1\n", r"bounced +1\n", r"due +1\n", r"all +4\n", r"selected +4\n",
                     r"duplicate +1\n", r"invalid +1\n", r"all +6\n"):
        assert re.search(expected, output), expected
    report = json.loads(desk.run("status", "--json", "1015").stdout)
    assert report["contacts"] == {"all": 4, "due": 1, "intended": 0, "sent": 1, "deferred": 1,
                                  "bounced": 1, "in-doubt": 0, "expired": 0,
                                  "suppressed": 0}
    assert report["rows"] == {"all": 6, "selected": 4, "duplicate": 1, "invalid": 1, "empty": 0,
                             "filtered": 0, "suppressed": 0}
    assert report["started"] == "2026-11-22T10:15:03.000Z"
    assert report["directory"] == str(forge.path)


def test_states_that_the_files_tell(desk):
    Forge(desk, "queue", "20261122-101500-later", ["a@example.org"],
          send_at="2099-01-01T00:00:00.000Z")
    Forge(desk, "queue", "20261122-101501-doubt", ["a@example.org"]).doubt(1)
    Forge(desk, "queue", "20261122-101502-held", ["a@example.org"]).add('held reason="wrong photo"')
    states = {r["id"][16:]: (r["state"], r["reason"])
              for r in json.loads(desk.run("status", "--json").stdout)["releases"]}
    assert states["later"] == ("scheduled", None)
    assert states["doubt"][0] == "in-doubt" and "decision" in states["doubt"][1]
    assert states["held"] == ("held", "wrong photo")
    assert "begins 20" in desk.run("status").stdout


def test_a_damaged_journal_is_told_and_hides_nothing_else(desk):
    forge = made_release(desk)
    text = forge.journal.read_bytes()
    forge.journal.write_bytes(text.replace(b" sent contact=1", b" sent contact=2"))
    Forge(desk, "queue", "20261122-111111-good", ["a@example.org"])
    (desk.spool / "queue/20261122-121212-bare").mkdir()
    result = desk.run("status")
    assert re.search(r"20261122-101500-news +held", result.stdout)
    assert re.search(r"20261122-111111-good +waiting", result.stdout)
    assert "20261122-121212-bare" in result.stderr


def test_unknown_and_ambiguous_releases(desk):
    made_release(desk)
    made_release(desk, "done", "20261120-101500-news-2")
    for command in ("status", "log"):
        assert "no release" in fails(desk, NO_INPUT, command, "jakarta")
        told = fails(desk, USAGE, command, "news")
        assert "20261122-101500-news" in told and "20261120-101500-news-2" in told
    assert desk.run("status", "20261122-101500-news").stdout.startswith("20261122-101500-news:")


def test_refused_drops(desk):
    refused = desk.spool / "rejected/20261122-101500-bad"
    refused.mkdir()
    (refused / "REASON.txt").write_text(
        'bad.md was not sent.\n\nbad.md:2: error: unknown key "x\x1b[2J"\nbad.md: error: more\n')
    old = desk.spool / "rejected/20260101-101500-old"
    old.mkdir()
    (old / "REASON.txt").write_text("old.md was not sent.\n\nold\n")
    os.utime(old / "REASON.txt", (1e9, 1e9))
    output = desk.run("status").stdout
    assert 'bad.md:2: error: unknown key "x\\x1b[2J"' in output
    assert "error: more" not in output and "old" not in output
    report = json.loads(desk.run("status", "--json").stdout)
    assert [r["id"] for r in report["rejected"]] == ["20261122-101500-bad"]
    one = desk.run("status", "bad").stdout
    assert "20261122-101500-bad: refused" in one and "error: more" in one and "\x1b" not in one
    assert json.loads(desk.run("status", "old", "--json").stdout)["state"] == "refused"
    fails(desk, NO_INPUT, "status", "nothing")


def serve_status(desk, server, reply):
    def answer():
        connection, _ = server.accept()
        with connection, connection.makefile("rw") as stream:
            stream.readline()
            stream.write(reply + "\n")

    server.bind(str(desk.runtime / "control"))
    server.listen()
    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_what_the_daemon_adds(desk):
    made_release(desk)
    reply = json.dumps({
        "version": "0.1.0", "pid": 7, "since": "2026-11-22T10:00:00.000Z",
        "releases": [{"id": "20261122-101500-news", "state": "paused", "reason": "quota \x1b[2J",
                      "rate": 1}],
        "relays": [{"name": "main", "url": "smtp://r", "connections": 3, "sent": 9,
                    "trouble": "connection refused", "next-try": "2026-11-22T10:30:00.000Z"}]})
    with socket.socket(socket.AF_UNIX) as server:
        thread = serve_status(desk, server, reply)
        output = desk.run("status").stdout
        thread.join(PATIENCE)
    assert "runs since" in output and "process 7" in output
    assert "relay main (smtp://r): connection refused" in output
    assert re.search(r"20261122-101500-news +paused +1/4 +1 +1 +0 +1.0/s +2 s left", output)
    assert "quota \\x1b[2J" in output and "\x1b" not in output


@pytest.mark.parametrize("reply", ["", "{", "[]", '{"releases": 3, "relays": [7, {}]}',
                                   '{"error": {"message": "busy", "hint": null}}', '{"error": 1}',
                                   '{"releases": [{"id": 1}, {"id": "20261122-101500-news"}]}'])
def test_a_daemon_that_answers_nonsense(desk, reply):
    made_release(desk)
    with socket.socket(socket.AF_UNIX) as server:
        thread = serve_status(desk, server, reply)
        report = json.loads(desk.run("status", "--json").stdout)
        thread.join(PATIENCE)
    assert report["releases"][0]["contacts"]["sent"] == 1


# --- log ---

def test_log_text(desk):
    made_release(desk)
    lines = desk.run("log", "news", env={**os.environ, "TZ": "Europe/Brussels"}).stdout.splitlines()
    assert lines[0] == ('2026-11-22T11:15:02+01:00 20261122-101500-news skipped '
                        'to=Anna@example.org row=press:6 file=press.csv fate=duplicate '
                        'text="same address as press.csv line 2"')
    assert lines[3] == ('2026-11-22T11:15:05+01:00 20261122-101500-news sent to=anna@example.org '
                        'code=250 status=2.0.0 text="Ok: queued"')
    assert len(lines) == 8


def test_log_json(desk):
    made_release(desk)
    facts = desk.facts("news")
    assert [f["state"] for f in facts] == ["skipped", "skipped", "intended", "sent", "intended",
                                           "bounced", "intended", "deferred"]
    assert facts[5] == {
        "time": "2026-11-22T10:15:07.000Z", "release": "20261122-101500-news", "state": "bounced",
        "contact": 2, "address": "bruno@example.org", "list": "press", "line": 3,
        "fate": "selected", "relay": None, "stage": "rcpt", "code": 550, "status": "5.1.1",
        "text": "no such user", "until": None, "file": "press.csv"}
    assert facts[7]["until"] == "2099-01-01T00:00:00.000Z"


def test_log_csv_is_safe_in_a_spreadsheet(desk):
    made_release(desk).bounce(4, text='=cmd|\' /C calc\'!A0, \\"quoted\\"\\r\\nnext')
    text = desk.run("log", "--format", "csv", "news").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.startswith("time,release,state,contact,address,") and len(rows) == 10
    assert rows[1]["address"] == "'=x" and rows[1]["contact"] == ""
    assert rows[-1]["text"] == "'=cmd|' /C calc'!A0, \"quoted\"\\r\\nnext"
    assert all(not value or value[0] not in "=+-@" for row in rows for value in row.values())


def test_log_filters(desk):
    made_release(desk)

    def states(*arguments):
        return [f["state"] for f in desk.facts(*arguments)]

    assert states("--state", "bounced") == ["bounced"]
    assert states("--state", "skipped") == ["skipped", "skipped"]
    assert states("--address", "ANNA") == ["skipped", "intended", "sent"]
    assert states("--address", "example.com") == ["intended", "deferred"]
    assert states("--address", "zoe") == []
    assert states("--since", "2026-11-22 10:15:08 Z") == ["intended", "deferred"]
    assert states("--since", "2026-11-22T10:15:09.000Z") == ["deferred"]
    assert states("--since", "2026-11-22T11:15:09+01:00") == ["deferred"]
    assert states("--since", "2199-01-01") == []
    assert len(states("--since", "2000-01-01")) == 8
    assert len(states("--since", "20000 d")) == 8


def test_log_latest_has_a_line_for_every_row(desk):
    made_release(desk).intend(4).add('withdrawn contact=4 reason="the relay was full"')
    facts = desk.facts("--latest", "news")
    assert sorted((f["list"], f["line"]) for f in facts) == [("press", n) for n in range(2, 8)]
    assert {f["line"]: f["state"] for f in facts} == {
        2: "sent", 3: "bounced", 4: "deferred", 5: "due", 6: "skipped", 7: "skipped"}
    assert [f["line"] for f in desk.facts("--latest", "--state", "due")] == [5]
    assert [f["line"] for f in desk.facts("--latest", "--address", "bruno")] == [3]


def test_log_latest_of_contacts_that_were_never_tried(desk):
    made_release(desk)
    assert {f["line"]: f["state"] for f in desk.facts("--latest")}[5] == "due"
    assert "due" not in {f["state"] for f in desk.facts()}


def test_log_of_an_expiry(desk):
    made_release(desk).add('expired reason="the deadline has passed"').add("finished sent=1")
    expired = desk.facts("--state", "expired")
    assert [(f["address"], f["text"]) for f in expired] == [
        ("dora@example.com", "the deadline has passed"),
        ("clara@example.com", "the deadline has passed")]
    assert len(desk.facts("--latest")) == 6


def test_log_of_a_settled_doubt(desk):
    (made_release(desk).doubt(4).add("settled contact=4 as=due by=policy").doubt(4)
     .add("settled contact=4 as=sent by=editor"))
    states = [(f["state"], f["text"]) for f in desk.facts("--address", "dora")]
    assert states[2] == ("due", "settled by policy") and states[-1] == ("sent", "settled by editor")
    assert {f["line"]: f["state"] for f in desk.facts("--latest")}[5] == "sent"


def test_log_of_all_releases(desk):
    made_release(desk)
    made_release(desk, "done", "20261120-101500-old")
    releases = [f["release"] for f in desk.facts()]
    assert releases == ["20261120-101500-old"] * 8 + ["20261122-101500-news"] * 8


def test_log_of_a_damaged_journal(desk):
    forge = made_release(desk)
    text = forge.journal.read_bytes()
    forge.journal.write_bytes(text.replace(b"550", b"250"))
    made_release(desk, "queue", "20261122-111111-good")
    result = desk.run("log", "--format", "json", check=False)
    assert result.returncode == IO and "20261122-101500-news" in result.stderr
    facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert len([f for f in facts if f["release"] == "20261122-111111-good"]) == 8
    assert "bounced" not in {f["state"] for f in facts if f["release"] == "20261122-101500-news"}


@pytest.mark.parametrize("event", ["intended contact=5 relay=main", "sent contact=4 code=250",
                                   "bounced contact=1 code=550", "settled contact=1 as=sent"])
def test_log_stops_at_what_cannot_be(desk, event):
    made_release(desk).add(event)
    result = desk.run("log", "--format", "json", "news", check=False)
    assert result.returncode == IO and event.split()[1].replace("=", " ") in result.stderr
    assert len(result.stdout.splitlines()) == 8


def test_replies_do_not_reach_the_terminal(desk):
    made_release(desk).bounce(4, text="\\x1b[2J\\xff\u00fc")
    for format in ("text", "json", "csv"):
        output = desk.run("log", "--format", format).stdout
        assert "\x1b" not in output and "[2J" in output and "\u00fc" in output
    assert desk.facts()[-1]["text"] == "\x1b[2J\ufffd\u00fc"


def on_terminal(desk, *arguments, **environment):
    """What the command sends to a terminal."""
    master, slave = os.openpty()
    process = subprocess.Popen([str(BUILD / "dateline"), "--config", str(desk.config), *arguments],
                               stdout=slave, stderr=slave, cwd=desk.folder,
                               env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment})
    os.close(slave)
    output = b""
    try:
        while chunk := os.read(master, 65536):
            output += chunk
    except OSError:  # how Linux tells that nobody has the other end open any more
        pass
    os.close(master)
    assert process.wait(PATIENCE) == 0
    return output.decode()


def test_colour_is_for_terminals_only(desk):
    made_release(desk)
    for arguments in (["status"], ["status", "news"], ["log"], ["check", "news.md"]):
        assert "\x1b[3" in on_terminal(desk, *arguments)
        assert "\x1b" not in on_terminal(desk, *arguments, NO_COLOR="1")
        assert "\x1b" not in on_terminal(desk, *arguments, TERM="dumb")
        assert "\x1b" not in desk.run(*arguments, cwd=desk.folder).stdout
    assert "\x1b" not in on_terminal(desk, "log", "--format", "json")
    assert "\x1b" not in on_terminal(desk, "log", "--format", "csv")
    assert "\x1b" not in on_terminal(desk, "preview", "--html", "news.md")


class Follower:
    """dateline log --follow, line by line."""

    def __init__(self, desk, *arguments):
        self.lines = []
        self.process = subprocess.Popen(
            [str(BUILD / "dateline"), "--config", str(desk.config), "log", "--follow", "--format",
             "json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def states(self):
        return [json.loads(line)["state"] for line in list(self.lines)]

    def wait(self, count):
        wait_until(lambda: len(self.lines) >= count, f"{count} lines, not {self.lines}")
        return self.states()

    def end(self):
        status = self.process.wait(PATIENCE)
        self.thread.join(PATIENCE)
        return status

    def stop(self):
        self.process.terminate()
        self.end()


def test_follow_until_the_release_is_done(desk):
    forge = made_release(desk)
    follower = Follower(desk, "news")
    try:
        follower.wait(8)
        forge.send(4)
        assert follower.wait(10)[-2:] == ["intended", "sent"]
        # A crash, a new segment, the end, and the move, all before it looks again.
        with forge.journal.open("ab") as journal:
            journal.write(b"17 2026-11-22T10:1")
        forge.journal = forge.path / "journal.2"
        forge.journal.write_bytes(sealed("dateline-journal 1"))
        forge.send(3).add("finished sent=3")
        forge.path.rename(desk.spool / "done" / forge.path.name)
        assert follower.end() == 0
        assert follower.states()[10:] == ["intended", "sent"]
        assert len(follower.lines) == 12
    finally:
        follower.stop()


def test_follow_all_sees_new_releases(desk):
    made_release(desk, "done", "20261120-101500-old")
    follower = Follower(desk, "--state", "sent")
    try:
        follower.wait(1)
        made_release(desk)
        follower.wait(2)
        assert follower.process.poll() is None
    finally:
        follower.stop()


def test_follow_of_a_release_that_is_done_ends_at_once(desk):
    made_release(desk, "done", "20261120-101500-old")
    follower = Follower(desk, "old")
    assert follower.end() == 0 and len(follower.lines) == 8


# --- Permissions ---

@pytest.fixture
def stranger():
    """A station and the arguments to run a command as somebody who has no rights there."""
    folder = tempfile.mkdtemp(prefix="dateline-cli-")
    os.chmod(folder, 0o755)
    station = Station(folder, 1)
    station.write_list(CONTACTS)
    (station.folder / "news.md").write_text(RELEASE)
    for name in ("incoming", "queue", "done", "rejected"):
        (station.spool / name).mkdir()
    closed = [station.spool / "incoming", station.spool / "queue"]
    for path in closed:
        path.chmod(0o700 if os.getuid() == 0 else 0)
    yield station, {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    for path in closed:
        path.chmod(0o700)
    station.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("arguments", [["status"], ["status", "x"], ["log"], ["log", "x"],
                                       ["send", "news.md"]])
def test_without_permission(stranger, arguments):
    station, who = stranger
    told = fails(station, NO_PERMISSION, *arguments, cwd=station.folder, **who)
    assert "group dateline" in told


def test_check_and_preview_need_no_permission(stranger):
    station, who = stranger
    output = station.run("check", "news.md", cwd=station.folder, **who).stdout
    assert "would be sent" in output and "sent before cannot be told" in output
    station.run("preview", "news.md", cwd=station.folder, **who)


def test_a_secret_configuration(stranger):
    station, who = stranger
    station.config.chmod(0o600 if os.getuid() == 0 else 0)
    assert "group dateline" in fails(station, NO_PERMISSION, "status", **who)
