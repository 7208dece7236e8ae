# SPDX-License-Identifier: Apache-2.0
"""How fast a list is frozen into a roster, beside programs that do less with the same file.

A list of eight columns, one row in a hundred a duplicate and one in a thousand invalid, goes
into a roster with validation, dedupe and fsync, as acceptance does. Beside it: Python's csv
module merely reading the file, and the sqlite3 shell importing it into a table. Figures are of
this machine at this moment; the median of all rounds counts.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("DATELINE_BUILDDIR", pathlib.Path(__file__).parents[2]))
FIELDS = ["first_name", "last_name", "outlet", "city", "country", "beat", "language"]

READ = "import csv, sys\nfor row in csv.reader(open(sys.argv[1], newline='', encoding='utf-8')): pass"


def write_list(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("email," + ",".join(FIELDS) + "\r\n")
        for i in range(rows):
            number = i // 2 if i % 100 == 99 else i
            email = f"broken{i}@example,org" if i % 1000 == 500 else f"c{number}@desk{i % 997}.example"
            if i % 100 == 99:
                email = f"c{number}@desk{number % 997}.example"
            file.write(f'{email},Anaïs {i},Müller {i % 9973},"Outlet, the {i % 313}th",'
                       f"City {i % 97},ID,harbours,en\r\n")


def run(*command, **more):
    """Its output and the seconds that it took."""
    begin = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True, **more)
    return done.stdout, time.monotonic() - begin


def freeze(folder, path):
    roster = folder / "roster.db"
    output, _ = run(BUILD / "tests/bench/freeze", path, roster, *FIELDS)
    size = roster.stat().st_size
    roster.unlink()
    rows, selected, seconds, peak = output.split()
    return int(rows), int(selected), float(seconds), int(peak) * 1024, size


def sqlite_import(folder, path):
    database = folder / "import.db"
    try:
        return run("sqlite3", database, ".mode csv", f".import {path} contacts")[1]
    finally:
        database.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the list (default 1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="of each (default 5)")
    options = parser.parse_args()
    ours, python, sqlite = [], [], []
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as name:
        folder = pathlib.Path(name)
        path = folder / "list.csv"
        write_list(path, options.rows)
        for number in range(options.rounds):
            ours.append(freeze(folder, path))
            python.append(run("/usr/bin/python3", "-c", READ, path)[1])
            sqlite.append(sqlite_import(folder, path))
            print(f"round {number + 1}: frozen in {ours[-1][2]:.2f} s, read by Python in "
                  f"{python[-1]:.2f} s, imported by sqlite3 in {sqlite[-1]:.2f} s", file=sys.stderr)
        megabytes = path.stat().st_size / 1e6
    rows, selected, _, peak, size = ours[-1]
    print(f"{rows} rows x {len(FIELDS) + 1} columns ({megabytes:.0f} MB), {selected} recipients, "
          f"medians of {options.rounds}:\n")
    print("| what | seconds | peak memory |")
    print("|---|---|---|")
    print(f"| frozen into a roster of {size / 1e6:.0f} MB | "
          f"{statistics.median(run[2] for run in ours):.2f} | {peak / 1e6:.0f} MB |")
    print(f"| Python's csv, reading only | {statistics.median(python):.2f} | |")
    print(f"| sqlite3 .import, no checks | {statistics.median(sqlite):.2f} | |")


main()
