# SPDX-License-Identifier: Apache-2.0
"""What is sent: contacts with eight fields, and releases of a wanted size that use them all."""

import dataclasses
import functools
import itertools

from machine import temporary
from office import Office

KB = 1024
SENTENCE = ("Officials said on Tuesday that the harbour light, rebuilt after the storm of last "
            "winter, would be lit again before the end of the month. ")
FIELDS = ["first_name", "outlet", "city", "country", "beat", "language", "desk", "phone"]

_subjects = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Load:
    """What a sender is to do, and over what line."""
    messages: int
    size: int = 10 * KB
    connections: int = 32
    latency: int = 0         # milliseconds that each reply of the sink is under way
    tls: bool = False        # by STARTTLS
    chunking: bool = True    # whether the sink offers CHUNKING
    depth: int = 0           # messages ahead on a connection; 0: as the sender has it
    steady: bool = False     # only the middle counts, without the beginning of connections


def contacts(count, domain="example.org"):
    rows = (f"c{i}@{domain},Given{i},Outlet {i},City {i % 97},ID,harbours,en,Desk {i % 12},{i:07d}"
            for i in range(1, count + 1))
    return "email," + ",".join(FIELDS) + "\n" + "\n".join(rows) + "\n"


def _text(paragraphs, front=""):
    holes = " ".join("{{%s}}" % field for field in FIELDS)
    return (f"---\nsubject: The harbour light is lit again ({next(_subjects)})\n{front}---\n"
            f"# The harbour light is lit again\n\n{holes}\n\n" + (SENTENCE + "\n\n") * paragraphs)


def release(size, front=""):
    """The shortest release whose copies have at least so many bytes on the wire. Each has a
    subject of its own, since the same content is not sent twice."""
    return _text(_paragraphs(size), front)


def wire_size(size):
    """The bytes of a copy of release(size); the layout alone takes some thousand."""
    return _previewed_size(_paragraphs(size))


@functools.lru_cache(maxsize=None)
def _paragraphs(size):
    least = _previewed_size(0)
    each = (_previewed_size(20) - least) / 20
    paragraphs = max(0, int((size - least) / each))
    while _previewed_size(paragraphs) < size:
        paragraphs += 1
    return paragraphs


@functools.lru_cache(maxsize=None)
def _previewed_size(paragraphs):
    with temporary() as folder, Office(folder, 1) as office:
        office.write_list(contacts(1))
        path = office.folder / "release.md"
        path.write_text(_text(paragraphs))
        preview = office.run("preview", "--eml", str(path)).stdout
        return len(preview.replace("\n", "\r\n").encode())
