# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md: the table, the graphs, the machine, and how to do it again."""

import curves
import graph
import machine
import table

PAGE = """# How fast dateline is

Measured by `tools/bench`, which starts everything itself, on one machine and its loopback
interface. Figures of another machine differ; the ratios differ less.

{facts}

## The table

{table}
Medians of {rounds} rounds. In a round, all that is compared with one another runs once, in turn,
against `dateline-sink`, which only counts. Of the same messages, dateline merges eight fields into
each, writes two durable records for each and syncs them in groups; the others send the same text
again and again, and only Postfix keeps a record.

- A **rate** of dateline is counted from the first intent in the journal to the last outcome. Where
  the row says "the middle 80 %", the beginning, when connections are being opened, and the end
  do not count. Peers are counted from their first message to their last; slow ones get fewer
  messages.
- **CPU a message** is that of all threads, in user and kernel mode, from before the release is
  dropped to after its end: reading the list and making the roster are part of it.
- **Latency** is made by the sink, which lets every reply be so long under way (`--latency`).
- **Resident memory** is all of it, the pages of the mapped attachment as well.

## Messages a second over connections

![Messages a second over connections]({connections})

## Messages a second over latency

32 connections; each reply is so long under way.

![Messages a second over latency]({latency})

## Doing it again

    tools/bench                       # the table; about half an hour
    tools/bench --quick               # a look, in less than a minute
    tools/bench --list                # the rows
    tools/bench rate-10k-32 restart   # only these
    tools/bench --document            # this page

The machine should do nothing else meanwhile. `tools/setup bench` installs the peers; a row whose
peer is missing says so.
"""

CONNECTIONS, LATENCY = "performance-connections.svg", "performance-latency.svg"


def write_graphs(folder, options):
    folder.mkdir(exist_ok=True)
    plan = [
        (CONNECTIONS, "Messages a second over connections, 10 KB", "connections",
         curves.CONNECTIONS, curves.over_connections),
        (LATENCY, "Messages a second over latency, 10 KB, 32 connections", "milliseconds",
         curves.LATENCIES, curves.over_latency),
    ]
    for name, title, across, steps, measure in plan:
        series = measure(options)
        (folder / name).write_text(graph.svg(title, steps, across, series), encoding="utf-8")


def write(folder, rows, options):
    write_graphs(folder, options)
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.facts())
    page = PAGE.format(facts=facts, table=table.markdown(rows), rounds=options.rounds,
                       connections=CONNECTIONS, latency=LATENCY)
    (folder / "performance.md").write_text(page, encoding="utf-8")
