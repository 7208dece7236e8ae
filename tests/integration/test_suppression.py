# SPDX-License-Identifier: Apache-2.0
"""Who must not be mailed, several lists, exclude and where: from the file to the log."""

import collections
import json
import os
import re
import sqlite3

import pytest

from station import wait_until

USAGE, DATA, NO_INPUT, NO_PERMISSION = 64, 65, 66, 77
RELEASE = "---\nsubject: News\n{more}---\nDear {{{{first_name|colleague}}}},\n\nthe news.\n"


def release(more=""):
    return RELEASE.format(more=more)


def accepted(sink):
    return collections.Counter(r for record in sink.records() for r in record.recipients)


def listed(station, *arguments):
    output = station.run("suppress", "list", "--json", *arguments).stdout
    return [json.loads(line) for line in output.splitlines()]


def suppressed(station):
    return {entry["address"] for entry in listed(station)}


def drop_suppressions(station, name, text):
    folder = station.spool / "incoming" / ".suppress"
    hidden = folder / ("." + name)
    hidden.write_text(text, encoding="utf-8")
    hidden.rename(folder / name)


def fails(station, status, *arguments):
    result = station.run("suppress", *arguments, check=False)
    assert result.returncode == status, (arguments, result.stdout, result.stderr)
    assert result.stderr.startswith("dateline: ")
    return result.stderr


# --- The command ---

def test_the_list_is_kept_by_the_command(stations):
    station = stations(1)
    assert station.run("suppress", "list").stdout == "Nobody is suppressed.\n"
    assert station.run("suppress", "add", "--reason", "asked", "--evidence", "by telephone",
                       "Jane@Example.org", "*.example.net").stdout == "2 added, 0 known\n"
    assert station.run("suppress", "add", "jane@EXAMPLE.org").stdout == "0 added, 1 known\n"
    assert station.run("suppress", "add", "--scope", "list:press", "jane@example.org",
                       "--json").stdout == '{"added":1,"known":0}\n'
    jane, net, press = listed(station)
    assert (jane["address"], jane["scope"], jane["reason"], jane["evidence"]) == (
        "Jane@example.org", "all", "asked", "by telephone")
    assert net["address"] == "*.example.net" and press["scope"] == "list:press"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", jane["since"])
    assert "jane@example.org" in station.run("suppress", "list", "JANE").stdout.lower()
    assert [e["address"] for e in listed(station, "net")] == ["*.example.net"]
    assert station.run("suppress", "remove", "jane@example.org").stdout == "2 removed, 0 unknown\n"
    assert suppressed(station) == {"*.example.net"}
    assert station.run("suppress", "remove", "joe@example.org",
                       check=False).returncode == NO_INPUT


def test_what_is_exported_can_be_imported(stations, tmp_path):
    station = stations(1)
    station.run("suppress", "add", "--reason", "complained", "--evidence", 'a "b", c',
                "+jane@example.org", "bücher.example")
    before = listed(station)
    exported = station.run("suppress", "export").stdout
    assert exported.splitlines()[0] == "address,scope,reason,since,evidence"
    file = tmp_path / "export.csv"
    file.write_text(exported, encoding="utf-8")
    assert station.run("suppress", "import", str(file)).stdout == "0 added, 2 known, 0 wrong\n"
    station.run("suppress", "remove", "+jane@example.org", "bücher.example")
    assert station.run("suppress", "import", str(file)).stdout == "2 added, 0 known, 0 wrong\n"
    assert listed(station) == before


def test_what_is_wrong_is_said(stations, tmp_path):
    station = stations(1)
    file = tmp_path / "people.txt"
    file.write_text("a@example.org\nnobody\n")
    assert "did you mean" in fails(station, DATA, "add", "jane@example,org")
    assert suppressed(station) == set()
    assert "is no reason" in fails(station, USAGE, "add", "--reason", "boredom", "a@example.org")
    assert "is no scope" in fails(station, USAGE, "add", "--scope", "some", "a@example.org")
    assert "there is no list" in fails(station, USAGE, "add", "--scope", "list:x", "a@example.org")
    fails(station, USAGE, "add", "--scope", "channel:x", "a@example.org")
    fails(station, USAGE, "add")
    fails(station, USAGE, "forget", "a@example.org")
    fails(station, NO_INPUT, "import", str(tmp_path / "nothing.txt"))
    result = station.run("suppress", "import", str(file), check=False)
    assert result.returncode == DATA and result.stdout == "1 added, 0 known, 1 wrong\n"
    assert 'people.txt:2: error: "nobody" is neither' in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_a_list_that_may_not_be_written(stations):
    station = stations(1)
    station.run("suppress", "add", "a@example.org")
    (station.spool / "suppress" / "suppress.db").chmod(0o400)
    assert "group dateline" in fails(station, NO_PERMISSION, "add", "b@example.org")


# --- Acceptance ---

def test_the_suppressed_are_left_out_and_told(sinks, stations):
    sink = sinks()
    station = stations(sink.port)
    station.write_list("email,first_name\na@example.org,A\nB@Example.org,B\nc@sub.example.net,C\n"
                       "d@example.org,D\n")
    station.run("suppress", "add", "--reason", "bounced", "b@example.org", "*.example.net")
    station.run("suppress", "add", "--scope", "channel:press", "a@example.org")
    (station.folder / "news.md").write_text(release())
    (check,) = json.loads(station.run("check", "--json", "news.md", cwd=station.folder).stdout)
    assert check["rows"]["suppressed"] == 3 and check["rows"]["selected"] == 1
    station.start()
    station.drop("news.md", release())
    station.wait_done()
    assert accepted(sink) == {"d@example.org": 1}
    skipped = station.facts("--state", "skipped", station.done()[0])
    assert [(f["fate"], f["line"]) for f in skipped] == [("suppressed", 2), ("suppressed", 3),
                                                         ("suppressed", 4)]
    assert re.match(r"manual since \d{4}-\d\d-\d\d, channel:press", skipped[0]["text"])
    assert re.match(r"bounced since .*, the domain \*\.example\.net", skipped[2]["text"])


def test_lists_are_united_and_people_excluded(sinks, stations):
    sink = sinks()
    lists = {"press": "press.csv", "embassies": "embassies.csv", "never": "never.csv"}
    station = stations(sink.port, lists=lists)
    station.write_list("email,country,first_name\na@example.org,ID,A\nb@example.org,FR,B\n"
                       "x@example.org,ID,X\nz@example.org,ID,Z\n")
    station.write_list("Courriel,Pays\nB@example.org,ID\nc@example.org,ID\nd@example.org,US\n",
                       "embassies.csv")
    station.write_list("email\nX@Example.org\nnobody\n", "never.csv")
    station.start()
    station.drop("news.md", release("list: [press, embassies]\nexclude: [never, Z@example.org]\n"
                                    "where: country IN ('ID', 'FR')\n"))
    station.wait_done()
    assert accepted(sink) == {f"{name}@example.org": 1 for name in "abc"}
    fates = {(f["file"], f["line"]): (f["fate"], f["text"])
             for f in station.facts("--state", "skipped", station.done()[0])}
    assert fates == {
        ("press.csv", 4): ("filtered", "excluded: it is in never.csv line 2"),
        ("press.csv", 5): ("filtered", "excluded by its address"),
        ("embassies.csv", 2): ("duplicate", "same address as press.csv line 3"),
        ("embassies.csv", 4): ("filtered", "where does not select it"),
    }


def test_a_suppression_of_one_list_leaves_the_other(sinks, stations):
    sink = sinks()
    station = stations(sink.port, lists={"press": "press.csv", "embassies": "embassies.csv"})
    station.write_list("email,first_name\na@example.org,A\nb@example.org,B\n")
    station.write_list("email,first_name\na@example.org,A\n", "embassies.csv")
    station.run("suppress", "add", "--scope", "list:press", "a@example.org", "b@example.org")
    station.start()
    station.drop("news.md", release("list: [press, embassies]\n"))
    station.wait_done()
    assert accepted(sink) == {"a@example.org": 1}


@pytest.mark.parametrize("front, says", [
    ("where: contry = 'ID'", r"news\.md:3: error: where: no such column: contry \(did you mean "
                             r'"country"\?\); the columns are: email, country, first_name'),
    ("where: country =", r'news\.md:3: error: where: near "'),
    ("where: randomblob(1e9)", r"the function randomblob\(\) cannot be used here"),
    ("where: load_extension('x')", r"the function load_extension\(\) cannot be used here"),
    ("where: \"1; ATTACH '/tmp/x' AS x\"", r"news\.md:3: error: where: "),
    ("where: \"(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT max(x) FROM "
     "c)\"", r"news\.md:3: error: where: "),
    ("where: \"(WITH a(x) AS (VALUES (1),(2),(3),(4),(5),(6),(7),(8)) SELECT x.x FROM a x, a b, a c,"
     " a d, a e, a f, a g, a h, a i, a j WHERE x.x + b.x + j.x > 99)\"",
     "only the list's columns can be read here"),
    ("where: country = 'XX'", r"there is no recipient: .* 2 are left out by where or exclude"),
    ("exclude: [pess]", r'news\.md:3: error: there is no list "pess" \(did you mean "press"\?\)'),
    ("exclude: [a@example,org]", r"news\.md:3: error: exclude: "),
])
def test_what_is_wrong_with_a_choice_is_refused(stations, front, says):
    station = stations(1)
    station.write_list("email,country,first_name\na@example.org,ID,A\nb@example.org,FR,B\n")
    (station.folder / "news.md").write_text(release(front + "\n"))
    result = station.run("check", "news.md", cwd=station.folder, check=False)
    assert result.returncode == DATA
    assert re.search(says, result.stdout), result.stdout


# --- While it is sent ---

def test_who_is_suppressed_meanwhile_gets_no_mail(sinks, stations):
    sink = sinks("--delay", "300")
    station = stations(sink.port, relay="connections = 1;")
    station.write_contacts(8)
    station.start()
    station.drop("news.md", release())
    wait_until(lambda: sum(accepted(sink).values()) >= 1, "the first message is taken")
    station.run("suppress", "add", "--reason", "asked", "C7@example.org", "c8@example.org")
    station.wait_done()
    assert accepted(sink) == {f"c{i}@example.org": 1 for i in range(1, 7)}
    facts = station.facts("--state", "suppressed", station.done()[0])
    assert [f["address"] for f in facts] == ["c7@example.org", "c8@example.org"]
    assert facts[0]["text"].startswith("asked since ")
    lines = station.journal(station.done()[0])
    (finished,) = [line for line in lines if len(line) > 2 and line[2] == "finished"]
    assert "sent=6" in finished and "suppressed=2" in finished


def test_a_release_ends_with_everybody_suppressed(sinks, stations):
    sink = sinks("--delay", "300")
    station = stations(sink.port, relay="connections = 1;")
    station.write_contacts(300)
    station.start()
    station.drop("news.md", release())
    wait_until(station.queued, "the release is accepted")
    station.run("suppress", "add", "example.org")
    (done,) = station.wait_done()
    sent = sum(accepted(sink).values())
    assert sent < 300 and len(station.facts("--state", "suppressed", done)) == 300 - sent


def test_a_suppression_counts_after_a_crash(sinks, stations):
    """One that came while the daemon did not run, and the release had been accepted before."""
    sink = sinks("--delay", "300")
    station = stations(sink.port, relay="connections = 1;")
    station.write_contacts(8)
    station.start()
    station.drop("news.md", release())
    wait_until(lambda: sum(accepted(sink).values()) >= 1, "the first message is taken")
    station.kill()
    station.run("suppress", "add", "c8@example.org")
    station.start()
    (done,) = wait_until(lambda: [r for r in station.live()["releases"] if r["state"] == "in-doubt"]
                         or station.done(), "the release is over")
    assert "c8@example.org" not in accepted(sink)
    assert [f["address"] for f in station.facts("--state", "suppressed")] == ["c8@example.org"]
    assert done


# --- Dropped files ---

def test_dropped_files_are_imported(stations):
    station = stations(1)
    station.start()
    drop_suppressions(station, "unsubscribed.txt", "a@example.org\n# so\n\nexample.net\n")
    wait_until(lambda: suppressed(station) == {"a@example.org", "example.net"}, "both are listed")
    wait_until(lambda: not any((station.spool / "queue").iterdir()), "the file is gone")
    entries = listed(station)
    assert entries[0]["reason"] == "asked"
    assert entries[0]["evidence"] == "unsubscribed.txt line 1"
    assert not (station.spool / "incoming" / ".suppress" / "unsubscribed.txt").exists()
    drop_suppressions(station, "unsubscribed.txt", "a@example.org\nnobody\nb@example.org\n")
    (reason,) = station.wait_rejected()
    assert reason.startswith("unsubscribed.txt was not wholly taken.\n")
    assert 'unsubscribed.txt:2: error: "nobody" is neither an address nor a domain' in reason
    assert suppressed(station) == {"a@example.org", "b@example.org", "example.net"}
    (kept,) = (station.spool / "rejected").glob("*/unsubscribed.txt")
    assert "nobody" in kept.read_text()


def test_what_is_no_list_of_addresses_is_refused(stations):
    station = stations(1)
    station.start()
    folder = station.spool / "incoming" / ".suppress"
    (folder / "link").symlink_to("/etc/passwd")
    made = station.spool / "made"
    made.mkdir()
    (made / "x.txt").write_text("a@example.org\n")
    made.rename(folder / "folder")
    station.wait_rejected(2)
    assert suppressed(station) == set()


def test_no_file_is_lost_in_a_crash(stations):
    """Whenever the daemon dies, each address is on the list in the end."""
    station = stations(1)
    station.start()
    wanted = set()
    for round_ in range(6):
        for i in range(3):
            names = {f"r{round_}-{i}-{n}@example.org" for n in range(200)}
            wanted |= names
            drop_suppressions(station, f"{round_}-{i}.txt", "\n".join(sorted(names)) + "\n")
        station.kill()
        station.start()
    wait_until(lambda: suppressed(station) == wanted, "all are listed")
    wait_until(lambda: not any((station.spool / "queue").iterdir()), "nothing is left")
    assert not station.rejected()


def test_a_list_that_cannot_be_read_lets_nobody_be_mailed(sinks, stations):
    sink = sinks("--delay", "200")
    station = stations(sink.port, relay="connections = 1;")
    station.write_contacts(20)
    station.run("suppress", "add", "somebody@example.net")
    station.start()
    station.drop("news.md", release())
    wait_until(lambda: sum(accepted(sink).values()) >= 1, "the first message is taken")
    with sqlite3.connect(station.spool / "suppress" / "suppress.db") as database:
        database.execute("DROP TABLE entries")
    wait_until(lambda: any("who must not be mailed cannot be told" in (r["reason"] or "")
                           for r in station.live()["releases"]), "the release is paused")
    assert sum(accepted(sink).values()) < 20
