# SPDX-License-Identifier: Apache-2.0
"""tools/bench prints what it promises, and leaves no process behind."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

from station import BUILD, PATIENCE, SOURCE, wait_until

BENCH = [str(SOURCE / "tools" / "bench"), "--quick", "--messages", "200"]
# Those that need nothing but what this project builds.
ROWS = ["rate-starttls", "latency-20-500", "latency-50-chunking", "drop-to-wire"]
KEYS = {"name": str, "value": (int, float), "unit": str, "goal": (int, float), "met": bool}


@pytest.fixture
def folder():
    """For all that is temporary. A socket's path has at most 107 bytes; tmp_path is deep."""
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        yield pathlib.Path(path)


@pytest.fixture
def bench(folder):
    """Starts tools/bench with everything temporary below folder; ends it if it is left."""
    started = []

    def start(*arguments):
        environment = dict(os.environ, TMPDIR=str(folder), DATELINE_BUILDDIR=str(BUILD))
        started.append(subprocess.Popen([*BENCH, *arguments], stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.PIPE, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def processes_of(folder):
    """The command lines of this folder's senders and sinks."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            told = command + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and int(entry.name) != os.getpid():
            found.append(command)
    return found


def test_rows_as_json(bench, folder):
    process = bench("--json", *ROWS)
    output, complaints = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, complaints
    rows = json.loads(output)["rows"]
    assert sorted(row["name"] for row in rows) == sorted(ROWS)
    for row in rows:
        assert list(row) == list(KEYS)
        assert all(value is None or isinstance(value, KEYS[key]) for key, value in row.items())
        assert row["name"] == "latency-50-chunking" or row["value"] > 0, complaints
        assert row["met"] is None or row["met"] == (
            (row["value"] <= row["goal"]) if row["name"] == "drop-to-wire"
            else (row["value"] >= row["goal"]))
    assert not processes_of(folder)


def test_a_table_for_people(bench):
    output, complaints = bench("drop-to-wire").communicate(timeout=2 * PATIENCE)
    lines = output.strip().splitlines()
    assert lines[0] == "| what | measured | goal | met | how |", complaints
    assert len(lines) == 3 and " ms | at most 50 | " in lines[2]


def test_an_interruption_leaves_nothing(bench, folder):
    process = bench("idle-memory", "--json")
    wait_until(lambda: list(folder.rglob("control")) or process.poll() is not None,
               "the daemon listens")
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=PATIENCE)[0] == ""
    assert process.returncode != 0
    assert not processes_of(folder)
    assert not list(folder.iterdir())


def test_a_failure_is_its_rows_alone():
    """What dateline is to blame for is not met; the rest of the table is printed."""
    sys.path.insert(0, str(SOURCE / "tests" / "bench"))
    import row
    import table
    failed = row.Row("a", "A", "s", "at most", 2)
    failed.miss("the daemon fell", failed=True)
    missing = row.Row("b", "B", "×", "at least", 2)
    missing.miss("not installed", failed=False)
    printed = row.Row("c", "C", "×")
    printed.set(3.14159, "c")
    assert json.loads(table.to_json([failed, missing, printed]))["rows"] == [
        {"name": "a", "value": None, "unit": "s", "goal": 2, "met": False},
        {"name": "b", "value": None, "unit": "×", "goal": 2, "met": None},
        {"name": "c", "value": 3.142, "unit": "×", "goal": None, "met": None}]
    assert "| A | not available | at most 2 | **no** | the daemon fell |" in table.markdown([failed])


def test_unknown_rows_are_refused(bench):
    process = bench("rate-10k-33")
    assert "no such row: rate-10k-33" in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 2
