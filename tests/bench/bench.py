# SPDX-License-Identifier: Apache-2.0
"""How fast dateline is, beside what people would use instead, against the same sink.

dateline merges eight fields, writes its journal and syncs it, as it always does. The
peers send constant bytes and keep no record. Figures are of this machine at this
moment; ratios say more. The table is printed as Markdown, or with --json as one object
{"rows": [{"name", "value", "unit", "goal", "met"}, …]}: goal and met are null for a row
without a goal. A row that could not be measured has the value null; met is then false if
dateline is to blame, and null if something is not installed or not there yet. Why
stands in the Markdown table, and on standard error.
"""

import argparse
import pathlib
import signal
import sys

import behaviour
import document
import rates
import table

SOURCE = pathlib.Path(__file__).resolve().parents[2]
QUICK = behaviour.Sizes(million=20_000, window=4, drops=3, big=20_000, urgent=2_000, rounds=1)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                     epilog=__doc__.split("\n\n")[1])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these rows")
    parser.add_argument("--list", action="store_true", help="the names of all rows")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--quick", action="store_true",
                        help="less than a minute: one round, few messages, no heavy rows but "
                             "those named")
    parser.add_argument("--messages", type=int, help="a run (default 40000)")
    parser.add_argument("--rounds", type=int, help="of each (default 5)")
    parser.add_argument("--document", action="store_true",
                        help="write performance.md, too, with the table and the graphs")
    parser.add_argument("--graph", action="store_true", help="only measure and write the graphs")
    parser.add_argument("--folder", type=pathlib.Path, default=SOURCE / "docs",
                        help="where to (default docs)")
    options = parser.parse_args()
    options.messages = options.messages or (4000 if options.quick else 40000)
    options.rounds = options.rounds or (1 if options.quick else 5)
    if min(options.messages, options.rounds) < 1:
        parser.error("--messages and --rounds: at least 1")
    return parser, options


def choose(parser, options):
    """The duels and the other measurements that are wanted."""
    duels, others = rates.duels(options.messages), behaviour.rows()
    rows = [duel.row for duel in duels] + [row for found in others.values() for row in found]
    unknown = set(options.names) - {row.name for row in rows}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; see --list")
    wanted = {row.name for row in rows if row.name in options.names or
              not options.names and not (options.quick and row.heavy)}
    return ([duel for duel in duels if duel.row.name in wanted],
            {function: found for function, found in others.items()
             if any(row.name in wanted for row in found)},
            [row for row in rows if row.name in wanted])


def sizes(options):
    if options.quick:
        return QUICK
    return behaviour.Sizes(rounds=options.rounds)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser, options = read_options()
    signal.signal(signal.SIGTERM, interrupted)
    duels, others, rows = choose(parser, options)
    if options.list:
        print("\n".join(f"{row.name:24}{row.title}" for row in rows))
        return
    if options.graph:
        document.write_graphs(options.folder, options)
        return
    rates.measure(duels, options.rounds)
    for function, found in others.items():
        behaviour.measure(function, found, sizes(options))
    for row in rows:
        if row.value is None:
            print(f"{row.name}: {row.note}", file=sys.stderr)
    print(table.to_json(rows) if options.json else table.markdown(rows), flush=True)
    if options.document:
        document.write(options.folder, rows, options)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
