# SPDX-License-Identifier: Apache-2.0
"""An office with a dateline of its own, and the sink that it sends to."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
from sink import Sink                                            # noqa: E402
from station import Station, wait_until                          # noqa: E402


def counting_sink(folder, load=None):
    arguments = []
    if load is not None:
        arguments += ["--latency", load.latency] if load.latency else []
        arguments += [] if load.chunking else ["--no-extension", "CHUNKING"]
        arguments += ["--write-ca", str(pathlib.Path(folder) / "ca.pem")] if load.tls else []
    return Sink(folder, *arguments, maildir=False, record=False)


class Office(Station):
    """A station with the settings that a newly installed dateline has. Each list has a
    channel of its name."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def configure(self, relay_port, *, relay="", settings="", channel=""):
        lists = "".join(f'  {n} = {{ file = "{f}"; }};\n' for n, f in self.lists.items())
        channels = "".join(f'  {n} = {{ from = "Press Office <press@example.org>"; list = "{n}"; '
                           f'{channel} }};\n' for n in self.lists)
        self.config.write_text(f"""
spool = "{self.spool}";
runtime = "{self.runtime}";
{settings}
relays = ( {{ url = "smtp://127.0.0.1:{relay_port}"; {relay} }} );
lists = {{
{lists}}};
channels = {{
{channels}}};
""")

    def drop_folder(self, name, files):
        """Puts a release of several files into the spool, by rename."""
        hidden = self.spool / "incoming" / ("." + name)
        for path, octets in files.items():
            (hidden / path).parent.mkdir(parents=True, exist_ok=True)
            (hidden / path).write_bytes(octets)
        hidden.rename(self.spool / "incoming" / name)

    def moments(self, name):
        """The times of the first intent and of every copy sent, in seconds of the day's clock,
        in the order of the journal."""
        folder = next(f for f in (self.spool / "queue" / name, self.spool / "done" / name)
                      if f.exists())
        files = sorted(folder.glob("journal*"), key=lambda p: int(p.suffix[1:] or 1))
        first, sent = None, []
        for path in files:
            with open(path, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    words = line.split(" ", 3)
                    if words[2:3] == ["sent"]:
                        sent.append(words[1])
                    elif first is None and words[2:3] == ["intended"]:
                        first = words[1]
        return seconds(first) if first else None, sent


def seconds(moment):
    """Seconds since the epoch of a journal's time."""
    whole, fraction = moment.rstrip("Z").split(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + \
        float("0." + fraction)


__all__ = ["Office", "Sink", "counting_sink", "seconds", "wait_until"]
