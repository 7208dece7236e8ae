# SPDX-License-Identifier: Apache-2.0
import socket

import pytest

from sink import Sink
from station import PATIENCE, Station


@pytest.fixture
def sinks(tmp_path):
    """Makes sinks, each in a folder of its own, and stops those that are left."""
    made = []

    def make(*arguments, **more):
        folder = tmp_path / f"sink{len(made)}"
        folder.mkdir()
        made.append(Sink(folder, *arguments, **more).start())
        return made[-1]

    yield make
    for sink in made:
        if sink.process is not None:
            sink.stop()


@pytest.fixture
def stations(tmp_path):
    """Makes stations, each in a folder of its own, and ends their daemons."""
    made = []

    def make(port, **more):
        folder = tmp_path / f"station{len(made)}"
        folder.mkdir()
        made.append(Station(folder, port, **more))
        return made[-1]

    yield make
    for station in made:
        station.close()


@pytest.fixture
def servers():
    """Makes servers of the given kind, and stops them."""
    made = []

    def make(kind, **options):
        made.append(kind(**options))
        return made[-1]

    yield make
    for server in reversed(made):
        server.close()


@pytest.fixture
def notices(tmp_path, monkeypatch):
    """A notification socket; call it for the next message as a dictionary."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield lambda: dict(line.split("=", 1) for line in receiver.recv(4096).decode().splitlines())
