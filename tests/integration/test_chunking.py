# SPDX-License-Identifier: Apache-2.0
"""Several messages in flight on one connection (RFC 3030), and what goes wrong among them.

Every reply at every stage is tried in test_replies.py; here is what takes a longer flight, or
another relay.
"""

import collections

import pytest

from test_replies import BOUNCED, RELEASE, Run, charges, drop_bundle, judge_promises

DEPTH = 8
FLIGHT = DEPTH + 1
ONE = f"connections = 1; depth = {DEPTH};"


def send(run, release=RELEASE):
    run.station.drop("news.md", release)
    return run.rest("in-doubt", "paused")


def in_doubt(histories):
    return {a for a, h in histories.items() if h[-1] == "in-doubt"}


def number(address):
    return int(address.removeprefix("c").partition("@")[0])


@pytest.mark.parametrize("missing,strict", [("PIPELINING", ["--strict"]), ("CHUNKING", [])])
def test_without_what_it_takes_messages_go_by_data(tmp_path, missing, strict):
    """A strict relay without PIPELINING would refuse what is sent ahead."""
    faults = ['at=bdat reply="550 there is no BDAT"']
    with Run(tmp_path / "run", faults, sink=["--no-extension", missing, *strict], relay=ONE,
             contacts=20) as run:
        assert send(run) == "done"
        assert not any(charges(h) for h in judge_promises(run).values())


@pytest.mark.parametrize("refusal,fate", [("550 5.1.1 no", BOUNCED), ("450 4.2.0 later", None)])
@pytest.mark.parametrize("sink,lie", [
    ([], []), (["--strict"], []), ([], ['at=bdat reply="250 2.0.0 taken, whatever it was"'])],
    ids=["lax", "strict", "lying"])
def test_every_third_recipient_is_refused(tmp_path, sink, lie, refusal, fate):
    """Its body follows all the same, and takes the next messages along in no case."""
    faults = [f'at=rcpt every=3 limit=30 reply="{refusal}"', *lie]
    with Run(tmp_path / "run", faults, sink=sink, relay=ONE, contacts=90) as run:
        assert send(run) == "done"
        histories, accepted = judge_promises(run), run.accepted()
        refused = {a: h for a, h in histories.items() if charges(h)}
        assert 30 >= len(refused) >= (30 if fate else 15)
        assert all(set(charges(h)) == {fate or "deferred"} for h in refused.values())
        assert not any("withdrawn" in h for h in histories.values()), "an innocent was sent back"
        assert len(accepted) == 90 - (30 if fate else 0)
        assert run.sink.stop()["connections"] == 1, "the connection was given up"


def test_a_refused_sender_within_a_flight(tmp_path):
    """The strict relay answers 503 to all that follows a refused MAIL, but for RSET."""
    faults = ['at=mail after=3 first=2 reply="451 4.7.1 not so fast"']
    with Run(tmp_path / "run", faults, sink=["--strict"], relay=ONE, contacts=40) as run:
        assert send(run) == "done"
        histories = judge_promises(run)
        assert not any(charges(h) for h in histories.values())
        assert sum("withdrawn" in h for h in histories.values()) == 2


@pytest.mark.parametrize("ending", ["close", "reset", 'reply="421 4.3.2 going down" close'])
def test_a_relay_that_closes_in_the_middle_of_a_flight(tmp_path, ending):
    """Who was answered is sent; who had gone is in doubt, unless the relay said that it goes;
    and the rest is sent over the next connection."""
    with Run(tmp_path / "run", [f"at=bdat match=c15@* once {ending}"], relay=ONE,
             contacts=40) as run:
        assert send(run) == ("in-doubt" if "421" not in ending else "done")
        histories = judge_promises(run)
        doubtful = in_doubt(histories)
        assert not any(charges(h) for a, h in histories.items() if a not in doubtful)
        if "421" in ending:
            assert not doubtful
        else:
            assert 1 <= len(doubtful) <= FLIGHT
            # A reset may overtake replies that were on their way.
            first = 15 if ending == "close" else 15 - DEPTH
            assert all(first <= number(a) < 15 + FLIGHT for a in doubtful), doubtful


def test_replies_in_pieces(tmp_path):
    faults = [f"at={stage} split=1" for stage in ("mail", "rcpt", "bdat", "rset")]
    with Run(tmp_path / "run", faults, relay=ONE, contacts=2 * FLIGHT) as run:
        assert send(run) == "done"
        assert not any(charges(h) for h in judge_promises(run).values())
        assert run.sink.stop()["connections"] == 1


def test_replies_to_a_whole_flight_at_once(tmp_path):
    """They are held back for a moment, and come in one piece."""
    with Run(tmp_path / "run", [], sink=["--latency", "30"], relay=ONE, contacts=20 * FLIGHT) as run:
        assert send(run) == "done"
        assert not any(charges(h) for h in judge_promises(run).values())
        assert run.sink.stop()["connections"] == 1


def test_a_large_flight(tmp_path):
    """Far more than the sockets' buffers hold: the sizes must be exact all along."""
    with Run(tmp_path / "run", [], relay=ONE, contacts=FLIGHT) as run:
        drop_bundle(run.station, RELEASE, bytes(3 << 20))
        assert run.rest("in-doubt", "paused") == "done"
        assert not any(charges(h) for h in judge_promises(run).values())
        assert all(record.size > 4 << 20 for record in run.sink.records())


def test_a_relay_that_reads_no_more(tmp_path):
    """Only what has left as a whole can be in doubt: of this flight, nothing."""
    with Run(tmp_path / "run", ["at=body once after=1000 hang"], contacts=FLIGHT,
             relay=f'{ONE} reply_timeout = "2 s"; dot_timeout = "2 s";') as run:
        drop_bundle(run.station, RELEASE, bytes(12 << 20))
        assert run.rest("in-doubt", "paused") == "done"
        assert not any(charges(h) for h in judge_promises(run).values())


def test_the_same_octets_as_with_data(tmp_path):
    """Dots and all: BDAT stuffs none and ends with none."""
    text = "# News\n\n{{first_name}}\n\n.\n\n..\n\nThe end.\n"
    sizes = []
    for depth in (0, DEPTH):
        with Run(tmp_path / f"depth{depth}", [], sink=["--strict"], contacts=20,
                 relay=f"connections = 1; depth = {depth};") as run:
            names = [".", "..", ".dot", "Zoë", "x" * 300] * 4
            run.station.write_list("email,first_name\n" + "".join(
                f"c{i}@example.org,{name}\n" for i, name in enumerate(names, 1)))
            assert send(run, text) == "done"
            sizes.append({r.recipients[0]: r.size for r in run.sink.records()})
    assert len(sizes[0]) == 20
    assert sizes[0] == sizes[1]


def test_messages_per_connection(tmp_path):
    """A flight ends where the connection is to end."""
    with Run(tmp_path / "run", [], relay=f"{ONE} per_connection = 7;", contacts=50) as run:
        assert send(run) == "done"
        assert not any(charges(h) for h in judge_promises(run).values())
        counts = collections.Counter(r.connection for r in run.sink.records())
        assert max(counts.values()) == 7
        assert run.sink.stop()["connections"] == 8
