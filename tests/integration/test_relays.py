# SPDX-License-Identifier: Apache-2.0
"""Several relays: which of them a release goes over, and what becomes of it when one falters.

Whatever a relay does, no contact may lose an attempt by it, and none gets a second copy.
"""

import collections
import re
import time

import pytest

from station import wait_until

RELEASE = "---\nsubject: News\n---\nDear {{first_name}} of {{outlet}},\n\nthe news.\n"


def relay(name, port, more=""):
    return f'name = "{name}"; url = "smtp://127.0.0.1:{port}"; {more}'


def set_relays(station, *relays):
    group = ", ".join("{ " + text + " }" for text in relays)
    text = re.sub(r"relays = \(.*?\);\n", lambda _: f"relays = ( {group} );\n",
                  station.config.read_text(), flags=re.S)
    station.config.write_text(text)


@pytest.fixture
def station_with(stations):
    def make(*relays, contacts, **more):
        station = stations(1, **more)
        set_relays(station, *relays)
        station.write_contacts(contacts)
        station.start()
        return station
    return make


def send(station, name="news.md", text=RELEASE):
    station.drop(name, text)


def addresses(count):
    return sorted(f"c{i}@example.org" for i in range(1, count + 1))


def reached(*sinks):
    return sorted(r for sink in sinks for record in sink.records() for r in record.recipients)


def events(station):
    release = (station.queued() + station.done())[0]
    return collections.Counter(line[2] for line in station.journal(release)[1:])


def assert_all_once(station, count, *sinks):
    """Everybody was reached, nobody twice, and no attempt was lost."""
    assert reached(*sinks) == addresses(count)
    counts = events(station)
    assert counts["deferred"] == counts["bounced"] == counts["in-doubt"] == 0, counts
    assert counts["sent"] == count


def wait_over(station):
    """Until nothing more will be sent: a relay that died may leave contacts in doubt."""
    wait_until(lambda: station.done() or "in-doubt" in str(station.live()["releases"]),
               f"the end; log:\n{station.log()[-2000:]}", 20)


def assert_nobody_twice(station, count, *sinks):
    """A relay died: whoever was in doubt is left so, and nobody else is without a copy."""
    counts = events(station)
    assert counts["deferred"] == counts["bounced"] == 0, counts
    everybody = reached(*sinks)
    assert len(everybody) == len(set(everybody))
    assert len(everybody) >= count - counts["in-doubt"]
    return counts["in-doubt"]


def relay_state(station, name):
    return next(each for each in station.live()["relays"] if each["name"] == name)


def wait_state(station, name, state):
    return wait_until(lambda: relay_state(station, name)["state"] == state,
                      f"{name} is {state}; log:\n{station.log()[-2000:]}", 20)


# --- Priorities ---

def test_only_the_best_priority_is_used(sinks, station_with):
    best, next_best = sinks(maildir=False), sinks(maildir=False)
    station = station_with(relay("spare", next_best.port, "priority = 20;"),
                           relay("main", best.port), contacts=200)
    send(station)
    station.wait_done()
    assert_all_once(station, 200, best)
    assert next_best.totals()["connections"] == 0


def test_the_next_priority_takes_over_and_gives_back(sinks, station_with):
    best, spare = sinks("--delay", "2", maildir=False), sinks("--delay", "2", maildir=False)
    station = station_with(relay("main", best.port),
                           relay("spare", spare.port, "priority = 20; idle = 1;"),
                           contacts=2500)
    send(station)
    best.wait_for(100)
    best.stop()
    spare.wait_for(100)
    assert relay_state(station, "main")["state"] in ("trouble", "probing")
    before = len(best.records())
    best.start()
    best.wait_for(before + 100)
    assert relay_state(station, "main")["state"] == "healthy"
    # What was under way is finished; then the spare relay rests.
    wait_until(lambda: relay_state(station, "spare")["connections"] == 0, "the spare rests", 20)
    at_rest = len(spare.records())
    wait_over(station)
    assert len(spare.records()) == at_rest
    assert_nobody_twice(station, 2500, best, spare)


# --- Death and recovery ---

@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_relay_dies_in_mid_release(sinks, station_with, end):
    doomed, living = (sinks("--delay", "5", maildir=False) for _ in range(2))
    station = station_with(relay("doomed", doomed.port, "connections = 4;"),
                           relay("living", living.port, "connections = 4;"), contacts=600)
    send(station)
    doomed.wait_for(100)
    getattr(doomed, end)()
    begin = time.monotonic()
    left = 600 - len(reached(doomed, living))
    wait_over(station)
    took = time.monotonic() - begin
    assert assert_nobody_twice(station, 600, doomed, living) <= 8
    # The living one needs about 20 ms a message on each of its four connections.
    assert took < 3 + 2 * left * 0.02 / 4, (took, left)


def test_connections_that_are_reset(sinks, station_with):
    shaky = sinks(maildir=False, faults=["at=rcpt every=20 reset"])
    steady = sinks(maildir=False)
    station = station_with(relay("shaky", shaky.port), relay("steady", steady.port), contacts=600)
    send(station)
    station.wait_done()
    assert_all_once(station, 600, shaky, steady)
    assert shaky.records() and steady.records()


def test_a_relay_that_recovers_is_used_again(sinks, station_with):
    away, present = (sinks("--delay", "5", maildir=False) for _ in range(2))
    away.stop()
    station = station_with(relay("away", away.port, "connections = 4;"),
                           relay("present", present.port, "connections = 2;"), contacts=900)
    send(station)
    present.wait_for(50)
    assert relay_state(station, "away")["state"] in ("trouble", "probing")
    away.start()
    wait_state(station, "away", "healthy")
    away.wait_for(100)
    station.wait_done()
    assert_all_once(station, 900, away, present)


def test_a_probe_is_one_message(sinks, station_with):
    """The first after trouble goes alone; only when it was taken do others follow."""
    sink = sinks(maildir=False, faults=["at=connect first=1 reset", "at=dot first=1 delay=700ms"])
    station = station_with(relay("main", sink.port, "connections = 20;"), contacts=200)
    send(station)
    wait_state(station, "main", "probing")
    wait_until(lambda: relay_state(station, "main")["connections"] == 1, "the probe")
    assert sink.totals()["peak-connections"] <= 2
    assert events(station)["intended"] <= 1
    station.wait_done()
    assert_all_once(station, 200, sink)
    assert sink.totals()["peak-connections"] > 2


# --- Weights ---

@pytest.mark.parametrize("depth,contacts", [(0, 900), (8, 4000)])
def test_weights(sinks, station_with, depth, contacts):
    heavy, light = (sinks("--delay", "3", maildir=False) for _ in range(2))
    station = station_with(relay("heavy", heavy.port, f"weight = 2; depth = {depth};"),
                           relay("light", light.port, f"depth = {depth};"), contacts=contacts)
    send(station)
    station.wait_done()
    assert_all_once(station, contacts, heavy, light)
    assert 1.5 < len(heavy.records()) / len(light.records()) < 2.7


def test_weights_of_what_trickles(sinks, station_with):
    """One message at a time, while all connections wait: then the weights are exact."""
    heavy, light = (sinks(maildir=False) for _ in range(2))
    station = station_with(relay("heavy", heavy.port, "weight = 2; idle = 60;"),
                           relay("light", light.port, "idle = 60;"), contacts=60,
                           channel='rate = "20/s";')
    send(station)
    station.wait_done()
    assert_all_once(station, 60, heavy, light)
    assert 35 <= len(heavy.records()) <= 45


# --- Senders ---

def release_from(sender):
    return f"---\nsubject: News\nfrom: {sender}\n---\n# News\n\nText.\n"


def test_senders(sinks, station_with):
    ours, theirs = (sinks(maildir=False) for _ in range(2))
    station = station_with(
        relay("ours", ours.port, 'senders = [ "example.org", "*.Example.org" ];'),
        relay("theirs", theirs.port, 'senders = "Desk@embassy.example";'), contacts=20)
    send(station, "a.md", release_from("press@example.org"))
    send(station, "b.md", release_from("Desk <desk@embassy.example>"))
    send(station, "c.md", release_from("press@asia.example.org"))
    station.wait_done(3)
    assert len(ours.records()) == 40 and len(theirs.records()) == 20
    assert {record.sender for record in theirs.records()} == {"desk@embassy.example"}


def test_a_sender_whom_no_relay_takes(sinks, station_with):
    sink = sinks(maildir=False)
    station = station_with(relay("main", sink.port, 'senders = "example.org";'), contacts=5)
    send(station, "news.md", release_from("Desk <desk@embassy.example>"))
    reason, = station.wait_rejected()
    assert "no relay takes mail from desk@embassy.example" in reason and "senders" in reason
    assert sink.totals()["connections"] == 0


def test_senders_change_under_way(sinks, station_with):
    sink = sinks("--delay", "10", maildir=False)
    station = station_with(relay("main", sink.port, "connections = 2;"), contacts=200)
    send(station)
    sink.wait_for(20)
    set_relays(station, relay("main", sink.port, 'connections = 2; senders = "example.com";'))
    station.reload()
    wait_until(lambda: station.live()["releases"][0]["state"] == "paused", "the pause", 20)
    assert "no relay takes mail from press@example.org" in station.live()["releases"][0]["reason"]
    set_relays(station, relay("main", sink.port, 'connections = 8; senders = "example.org";'))
    station.reload()
    station.wait_done()
    assert_all_once(station, 200, sink)


def test_senders_that_are_none(stations):
    station = stations(1)
    set_relays(station, relay("main", 25, 'senders = [ "example.org", "a b" ];'))
    result = station.run("config", "check", check=False)
    assert result.returncode != 0 and '"a b"' in result.stdout + result.stderr


# --- Load ---

def test_a_relay_that_bears_few_connections(sinks, station_with):
    sink = sinks("--delay", "2", maildir=False,
                 faults=['at=connect crowd=4 reply="421 4.7.0 too many" close'])
    station = station_with(relay("main", sink.port, "connections = 20;"), contacts=1000)
    send(station)
    station.wait_done()
    assert_all_once(station, 1000, sink)
    # Not a storm: a few tries beyond what it bears.
    assert sink.totals()["connections"] < 40


def test_a_relay_that_asks_for_less(sinks, station_with):
    """What it refuses is due as before, and it gets less until it refuses no more."""
    sink = sinks(maildir=False, faults=['at=mail after=100 limit=12 reply="451 4.7.1 slow down"'])
    station = station_with(relay("main", sink.port, "connections = 10;"), contacts=400)
    send(station)
    found = wait_until(lambda: relay_state(station, "main")["rate-limit"], "a limit is found", 20)
    assert found > 0
    station.wait_done()
    assert_all_once(station, 400, sink)


# --- What only some relays offer ---

def write_international(station, count):
    """Every second one needs SMTPUTF8."""
    station.write_list("email\n" + "".join(
        f"{'c' if i % 2 else 'grün'}{i}@example.org\n" for i in range(1, count + 1)))


def international(names):
    return [name for name in names if not name.isascii()]


@pytest.mark.parametrize("priority", [10, 20])
def test_smtputf8_goes_where_it_is_offered(sinks, station_with, priority):
    """Over a neighbour, or over one that rests otherwise: nobody bounces or loses an attempt."""
    plain = sinks("--no-extension", "SMTPUTF8", maildir=False)
    able = sinks("--delay", "3", maildir=False)
    station = station_with(relay("plain", plain.port),
                           relay("able", able.port, f"priority = {priority};"), contacts=1)
    write_international(station, 400)
    send(station, text="# News\n\nText.\n")
    station.wait_done()
    counts = events(station)
    assert counts["sent"] == 400 and counts["intended"] == 400, counts
    assert international(reached(plain)) == []
    assert len(set(reached(plain, able))) == 400
    if priority == 20:
        assert len(reached(able)) == 200


def test_smtputf8_waits_for_the_relay_that_offers_it(sinks, station_with):
    """Also alone, with nobody beside it who would keep things going."""
    plain = sinks("--no-extension", "SMTPUTF8", maildir=False)
    able = sinks(maildir=False)
    able.stop()
    station = station_with(relay("plain", plain.port), relay("able", able.port), contacts=1)
    station.write_list("email\ngrün@example.org\n")
    send(station, text="# News\n\nText.\n")
    wait_state(station, "able", "trouble")
    able.start()
    station.wait_done()
    assert reached(able) == ["grün@example.org"] and reached(plain) == []
    assert events(station)["intended"] == 1


def test_smtputf8_that_nobody_offers(sinks, station_with):
    relays = [sinks("--no-extension", "SMTPUTF8", maildir=False) for _ in range(2)]
    station = station_with(relay("one", relays[0].port),
                           relay("two", relays[1].port, "priority = 20;"), contacts=1)
    write_international(station, 100)
    send(station, text="# News\n\nText.\n")
    station.wait_done()
    counts = events(station)
    assert counts["sent"] == counts["bounced"] == 50, counts
    assert international(reached(*relays)) == []


# --- New settings ---

def wait_reloaded(station, times):
    wait_until(lambda: station.log().count("settings read anew") >= times,
               f"the settings are read; log:\n{station.log()[-2000:]}", 20)


def test_a_reload_leaves_alone_what_is_the_same(sinks, station_with):
    """Its connections, and what was found out about it; the neighbour is replaced."""
    steady = sinks(maildir=False, faults=['at=mail after=100 limit=12 reply="451 4.7.1 slow"'])
    changed = sinks("--delay", "5", maildir=False)
    station = station_with(relay("steady", steady.port, "connections = 4;"),
                           relay("changed", changed.port, "connections = 2;"), contacts=3000)
    send(station)
    wait_until(lambda: relay_state(station, "steady")["rate-limit"], "a limit is found", 20)
    before = relay_state(station, "steady")
    set_relays(station, relay("changed", changed.port, "connections = 3;"),
               relay("steady", steady.port, "connections = 4;"))
    station.reload()
    wait_reloaded(station, 1)
    after = relay_state(station, "steady")
    assert after["rate-limit"] > 0 and after["sent"] >= before["sent"] > 0
    wait_until(lambda: relay_state(station, "changed")["connections"] == 3, "three of them", 20)
    assert [each["name"] for each in station.live()["relays"]] == ["changed", "steady"]
    station.wait_done()
    assert_all_once(station, 3000, steady, changed)
    assert steady.totals()["peak-connections"] <= 4


def test_a_reload_tries_at_once(sinks, station_with):
    """Somebody has mended what the settings only point to: no wait of minutes."""
    sink = sinks(maildir=False, faults=['at=connect first=6 reply="554 5.7.1 not you" close'])
    station = station_with(relay("main", sink.port), contacts=10)
    send(station)
    begin = time.monotonic()
    for times in range(1, 7):
        wait_until(lambda: relay_state(station, "main")["state"] == "trouble" or station.done(),
                   "trouble", 20)
        station.reload()
        wait_reloaded(station, times)
    station.wait_done()
    assert_all_once(station, 10, sink)
    # The waits would be 1, 2, 4, 8, 16 and 32 seconds, less a fifth.
    assert time.monotonic() - begin < 30


# --- What is shown ---

def test_status(sinks, station_with):
    present, away = sinks(maildir=False), sinks(maildir=False)
    away.stop()
    station = station_with(relay("present", present.port, "connections = 7;"),
                           relay("away", away.port, "priority = 1;"), contacts=100)
    send(station)
    station.wait_done()
    shown = station.run("status").stdout
    assert re.search(r"^RELAY +STATE +CONNECTIONS +LIMIT FOUND +SENT +URL$", shown, re.M)
    assert re.search(rf"^present +healthy +\d+/7 +- +100 +smtp://127.0.0.1:{present.port}$", shown,
                     re.M)
    assert re.search(r"^away +(trouble|probing) +\d/1 +- +0 +smtp:", shown, re.M)
    state = {each["name"]: each for each in station.status_json()["relays"]}
    assert state["present"]["state"] == "healthy" and state["present"]["sent"] == 100
    assert state["present"]["connections-allowed"] == 7
    assert state["present"]["rate-limit"] is None
    assert state["away"]["state"] in ("trouble", "probing") and state["away"]["priority"] == 1
