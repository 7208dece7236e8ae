# SPDX-License-Identifier: Apache-2.0
"""Polite to receivers and fair among releases: what arrives when, as the sink records it."""

import datetime

from station import A_SECOND, most_within, wait_until

LISTS = {"press": "press.csv", "other": "other.csv"}


def rows(count, domain):
    return "email\n" + "".join(f"c{i}@{domain}\n" for i in range(1, count + 1))


def arrivals(sink, domain):
    """When messages to the domain were accepted, in seconds."""
    return [datetime.datetime.fromisoformat(r.time.replace("Z", "+00:00")).timestamp()
            for r in sink.records() if r.recipients[0].endswith("@" + domain)]


def domains_in_order(sink):
    return [r.recipients[0].split("@")[1] for r in sink.records()]


def between(names, one, other):
    """How many of other came from the first to the last of one."""
    first = names.index(one)
    last = len(names) - names[::-1].index(one)
    return names[first:last].count(other)


def test_a_domains_rate(sinks, stations):
    sink = sinks()
    station = stations(sink.port, settings='domains = ( { match = [ "*.example", "slow.net" ]; '
                                           'rate = "20/s, 30/min"; } );')
    station.write_list(rows(100, "slow.example") + "".join(
        f"o{i}@example.org\n" for i in range(300)))
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    wait_until(lambda: len(arrivals(sink, "slow.example")) == 30 and
               len(arrivals(sink, "example.org")) == 300,
               "the first thirty, and the others while the rest of the hundred wait")
    release, = station.queued()
    slow = station.begun(release, range(1, 101))
    assert len(slow) == 30 and most_within(slow, A_SECOND) <= 20
    assert slow[-1] - slow[0] > 1.4
    # Four may be under way at once, and come closer together than they began.
    assert most_within(arrivals(sink, "slow.example"), 1) <= 20 + 4

    # Nothing is forgotten by a crash, nor over another release.
    station.kill()
    station.write_list("email\nx@slow.net\ny@example.com\n")
    station.start()
    station.drop("more.md", "# More\n\nText.\n")
    wait_until(lambda: arrivals(sink, "example.com"), "another release")
    assert len(arrivals(sink, "slow.example")) == 30
    assert not arrivals(sink, "slow.net")


def test_finished_releases_count(sinks, stations):
    sink = sinks()
    station = stations(sink.port, settings='domains = ( { match = "slow.net"; rate = "8/d"; } );')
    station.write_list(rows(6, "slow.net"))
    station.start()
    station.drop("one.md", "# One\n\nText.\n")
    station.wait_done()
    station.stop()
    station.write_list(rows(6, "slow.net") + "x@example.org\n")
    station.start()
    station.drop("two.md", "# Two\n\nText.\n")
    wait_until(lambda: len(sink.records()) == 9, "two more, and the one who has no limit")
    station.reload()
    station.write_list("email\ny@slow.net\nz@example.com\n")
    station.drop("three.md", "# Three\n\nText.\n")
    wait_until(lambda: arrivals(sink, "example.com"), "another release")
    assert len(arrivals(sink, "slow.net")) == 8


def test_a_relays_rate_is_not_forgotten(sinks, stations):
    sink = sinks()
    station = stations(sink.port, relay='rate = "20/h";')
    station.write_list(rows(12, "example.org"))
    station.start()
    station.drop("one.md", "# One\n\nText.\n")
    station.wait_done()
    station.write_list(rows(12, "example.com"))
    station.drop("two.md", "# Two\n\nText.\n")
    sink.wait_for(20)
    station.kill()
    station.start()
    wait_until(lambda: station.live()["releases"], "the second release is taken up")
    station.reload()
    station.drop("three.md", "---\npriority: urgent\n---\n# Three\n\nText.\n")
    wait_until(lambda: len(station.queued()) == 2, "the third release")
    assert station.stop() == 0
    assert len(sink.records()) == 20


def station_for_two_at_once(sinks, stations, slowness):
    """Twenty contacts at a domain of two connections, whose receiver takes its time; and others."""
    sink = sinks(faults=[f"at=dot match=*@slow.example {slowness}"])
    station = stations(sink.port, settings='domains = ( { match = "slow.example"; '
                                           'connections = 2; } );')
    station.write_list(rows(20, "slow.example") + "".join(
        f"o{i}@example.org\n" for i in range(200)))
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    return sink, station


def test_a_domains_connections(sinks, stations):
    sink, station = station_for_two_at_once(sinks, stations, "delay=100ms")
    station.wait_done()
    slow = arrivals(sink, "slow.example")
    assert len(slow) == 20 and len(arrivals(sink, "example.org")) == 200
    assert slow[-1] - slow[0] >= 0.85, "ten turns of two, each a tenth of a second"


def test_others_need_not_wait_for_a_domain_that_takes_its_time(sinks, stations):
    """It hangs when more than the first two connections are open."""
    sink, station = station_for_two_at_once(sinks, stations, "after=4 delay=60m")
    # Behind each of the two that wait, one more has been taken onto its connection.
    wait_until(lambda: len(arrivals(sink, "example.org")) >= 200 - 2, "the others")
    assert len(arrivals(sink, "slow.example")) <= 4 + 2


def test_a_releases_rate(sinks, stations):
    sink = sinks()
    station = stations(sink.port, channel='rate = "20/s";')
    station.write_list(rows(30, "example.org"))
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    station.wait_done()
    moments = station.begun(station.done()[0])
    assert len(moments) == len(arrivals(sink, "example.org")) == 30
    assert most_within(moments, A_SECOND) <= 20 and moments[-1] - moments[0] > 1.4


def huge_release(sinks, stations, relay):
    sink = sinks(maildir=False)
    station = stations(sink.port, relay=relay, lists=LISTS)
    station.write_list(rows(20000, "huge.example"))
    station.write_list(rows(40, "small.example"), "other.csv")
    station.start()
    station.drop("huge.md", "# Huge\n\nText.\n")
    sink.wait_for(50)
    return sink, station


def test_small_beside_huge(sinks, stations):
    sink, station = huge_release(sinks, stations, 'rate = "400/s"; connections = 4;')
    station.drop("small.md", "---\nlist: other\n---\n# Small\n\nText.\n")
    station.wait_done()
    assert between(domains_in_order(sink), "small.example", "huge.example") <= 40 + 2 * 4


def test_urgent_overtakes(sinks, stations):
    sink, station = huge_release(sinks, stations, 'rate = "400/s"; connections = 1;')
    station.drop("small.md", "---\nlist: other\npriority: urgent\n---\n# Small\n\nText.\n")
    station.wait_done()
    assert between(domains_in_order(sink), "small.example", "huge.example") == 0
    assert "priority=urgent" in [word for line in station.journal(station.done()[0])
                                 for word in line]
    sink.wait_for(len(sink.records()) + 10)   # the huge one goes on


def test_delivery_hours(sinks, stations):
    sink = sinks()
    day = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)
    station = stations(sink.port, lists=LISTS, channel=f'hours = "{day:%a} 08:00-18:00 Z";')
    station.write_list(rows(3, "example.org"))
    station.write_list(rows(2, "example.com"), "other.csv")
    station.start()
    station.drop("normal.md", "# Normal\n\nText.\n")
    # The command may find it before the daemon does, and goes by its journal until then.
    release = wait_until(lambda: next((r for r in station.status_json().get("releases", [])
                                       if r["state"] == "scheduled"), None), "the release")
    assert f"outside delivery hours until {day:%A %Y-%m-%d} 08:00" in release["reason"]
    assert release["deadline"] > f"{day:%Y-%m-%d}T08:00"
    station.drop("urgent.md", "---\npriority: urgent\nlist: other\n---\n# Urgent\n\nText.\n")
    station.wait_done()
    assert domains_in_order(sink) == ["example.com"] * 2
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)
    station.drop("late.md", f"---\nnot-after: {soon:%Y-%m-%d %H:%M} Z\n---\n# Late\n\nText.\n")
    assert "delivery hours" in station.wait_rejected()[0]


def test_refused_content_pauses(sinks, stations):
    sink = sinks(faults=['at=dot reply="554 5.7.1 this looks like spam"'])
    station = stations(sink.port, relay="connections = 1;")
    station.write_list(rows(50, "example.org"))
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    release = wait_until(lambda: next((r for r in station.status_json().get("releases", [])
                                       if r["state"] == "paused"), None), "the pause")
    assert "5.7.1 this looks like spam" in release["reason"]
    assert release["contacts"]["bounced"] == 4
    assert release["contacts"]["sent"] == 0
    assert "this looks like spam" in station.run("status", release["id"]).stdout

    # A crash does not open the way to more of them.
    station.kill()
    station.start()
    wait_until(lambda: any(r["state"] == "paused" for r in station.status_json()["releases"]),
               "the pause")
    assert station.status_json()["releases"][0]["contacts"]["bounced"] == 4


def test_some_refused_content_does_not_pause(sinks, stations):
    sink = sinks(faults=['at=dot match=*@strict.example reply="554 5.7.1 not here"'])
    station = stations(sink.port, relay="connections = 1;")
    station.write_list("email\n" + "".join(
        f"c{i}@{'example.org' if i % 4 == 0 else 'strict.example'}\n" for i in range(40)))
    station.start()
    station.drop("news.md", "# News\n\nText.\n")
    release, = station.wait_done()
    assert len(arrivals(sink, "example.org")) == 10
    assert sum(f["state"] == "bounced" for f in station.facts("--latest")) == 30
