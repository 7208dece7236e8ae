# SPDX-License-Identifier: Apache-2.0
"""How fast dateline sends, beside Postfix's load generator, against the same sink.

Both send messages of 10 KB over 32 connections to one dateline-sink, in turn, and the
medians of all rounds are compared. dateline merges fields, writes and syncs its journal;
smtp-source sends the same constant bytes again and again and keeps no record. Figures
are of this machine at this moment: the ratios are what counts.
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
from sink import Sink                                            # noqa: E402
from station import Station                   # noqa: E402

SIZE = 10 * 1024
CONNECTIONS = 32
SENTENCE = ("Officials said on Tuesday that the harbour light, rebuilt after the storm of last "
            "winter, would be lit again before the end of the month. ")
FIELDS = ["first_name", "outlet", "city", "country", "beat", "language", "desk", "phone"]


def temporary():
    return tempfile.TemporaryDirectory(prefix="dateline-bench-")


def counting_sink(folder):
    return Sink(folder, maildir=False, record=False)


def contacts(count):
    header = "email," + ",".join(FIELDS)
    rows = (f"c{i}@example.org,Given{i},Outlet {i},City {i % 97},ID,harbours,en,Desk {i % 12},{i:07d}"
            for i in range(1, count + 1))
    return header + "\n" + "\n".join(rows) + "\n"


def release(paragraphs):
    holes = " ".join("{{%s}}" % field for field in FIELDS)
    return ("---\nsubject: The harbour light is lit again\n---\n# The harbour light is lit again\n\n"
            f"{holes}\n\n" + (SENTENCE + "\n\n") * paragraphs)


def release_of_size(folder):
    """The shortest release whose copies are at least SIZE bytes on the wire."""
    station = Station(folder, 1)
    station.write_list(contacts(1))
    path = pathlib.Path(folder) / "release.md"
    try:
        for paragraphs in range(1, 200):
            path.write_text(release(paragraphs))
            if len(station.run("preview", "--eml", str(path)).stdout) >= SIZE:
                return release(paragraphs)
    finally:
        station.close()
    raise SystemExit("bench: no release of the size wanted")


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_datelined(text, count):
    """Messages a second from the first intent to the last outcome, and CPU a message of all
    threads from start to end, acceptance included."""
    with temporary() as folder, counting_sink(folder) as sink:
        station = Station(folder, sink.port, relay=f"connections = {CONNECTIONS};")
        station.write_list(contacts(count))
        station.start()
        try:
            before = cpu_of(station.daemon.pid)
            station.drop("light.md", text)
            done = station.wait_done(patience=300)[0]
            cpu = cpu_of(station.daemon.pid) - before
            lines = station.journal(done)
            moments = [line[1] for line in lines if len(line) > 2 and line[2] in ("intended", "sent")]
            assert station.stop() == 0
        finally:
            station.close()
        assert sink.totals()["messages"] == count
    return count / (seconds(moments[-1]) - seconds(moments[0])), cpu / count


def seconds(moment):
    hours, minutes, rest = moment.split("T")[1].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def run_smtp_source(count):
    with temporary() as folder, counting_sink(folder) as sink:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        subprocess.run([shutil.which("smtp-source", path="/usr/sbin:/usr/bin"), "-d", "-s",
                        str(CONNECTIONS), "-m", str(count), "-l", str(SIZE), "-f",
                        "press@example.org", "-t", "reader@example.org", f"127.0.0.1:{sink.port}"],
                       check=True)
        took = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert sink.totals()["messages"] == count
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return count / took, cpu / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=40000, help="a round (default 40000)")
    parser.add_argument("--rounds", type=int, default=5, help="of each (default 5)")
    options = parser.parse_args()
    with temporary() as folder:
        text = release_of_size(folder)
    ours, theirs = [], []
    for number in range(options.rounds):
        theirs.append(run_smtp_source(options.messages))
        ours.append(run_datelined(text, options.messages))
        print(f"round {number + 1}: smtp-source {theirs[-1][0]:.0f}/s, datelined {ours[-1][0]:.0f}/s",
              file=sys.stderr)
    rate = [statistics.median(r for r, _ in runs) for runs in (ours, theirs)]
    cpu = [statistics.median(c for _, c in runs) * 1e6 for runs in (ours, theirs)]
    print(f"10 KB messages, {CONNECTIONS} connections, {options.messages} messages a round, medians "
          f"of {options.rounds}:\n")
    print("| sender | messages/s | CPU a message |")
    print("|---|---|---|")
    print(f"| datelined (merge, journal, fdatasync) | {rate[0]:.0f} | {cpu[0]:.1f} µs |")
    print(f"| smtp-source | {rate[1]:.0f} | {cpu[1]:.1f} µs |")
    print(f"| ratio | {rate[0] / rate[1]:.2f} | {cpu[0] / cpu[1]:.2f} |")


main()
