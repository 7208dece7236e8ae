# SPDX-License-Identifier: Apache-2.0
"""The short form of tools/torture: every experiment, few tries of each."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "torture"))

import clocks                                                               # noqa: E402
import disks                                                                # noqa: E402
import kills                                                                # noqa: E402
import network                                                              # noqa: E402
import points                                                               # noqa: E402
from ground import Impossible                                               # noqa: E402


def possible(experiment, *arguments, **more):
    try:
        return experiment(*arguments, **more)
    except Impossible as reason:
        pytest.skip(str(reason))


def held(outcome):
    lines, problems = outcome
    print("\n".join(lines))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name, count", [("points", 30), ("points-claimed", 8), ("points-sending", 14)])
def test_faults_at_system_calls(name, count):
    held(points.run(name, count, workers=2))


def test_our_own_copy_cannot_be_read():
    """A drop is neither refused for it nor accepted for nobody."""
    calls = [line.split(maxsplit=3) for line in points.list_points(None)]
    numbers = [int(number) for number, _, _, subject in calls if subject.endswith("source/news.md")]
    assert len(numbers) >= 4
    for number in numbers[-4:]:
        assert points.try_point(number, "eio", None)[2] == {"sent": points.CONTACTS}


@pytest.mark.parametrize("disk", [kills.Ext4, kills.Xfs])
def test_power_cuts(disk):
    held(possible(kills.run, disk.kind, disk, 10, small=True))


@pytest.mark.parametrize("name", list(disks.TRIES))
def test_disk(name):
    print(possible(disks.try_one, name))


@pytest.mark.parametrize("name", list(network.TRIES))
def test_network(name):
    print(possible(network.try_one, name))


def test_clock():
    print(possible(clocks.try_one, "to and fro"))
