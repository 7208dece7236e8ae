# SPDX-License-Identifier: Apache-2.0
"""Drops as programs and people make them: slowly, in place, under other names, many at once."""

import signal
import time

from station import PATIENCE

TEXT = "# News\n\nThe first paragraph.\n\nThe last paragraph.\n"


def station_and_sink(sinks, stations, contacts=1, settle="100 ms"):
    sink = sinks()
    station = stations(sink.port)
    station.config.write_text(station.config.read_text().replace('"100 ms"', f'"{settle}"'))
    station.write_contacts(contacts)
    station.start()
    return station, sink


def prove_it_waits(station):
    """A file that was written after it, and had to be quiet as long, has been sent."""
    count = len(station.done())
    (station.spool / "incoming" / f"other{count}.md").write_text(f"# Other {count}\n\nText.\n")
    station.wait_done(count + 1)


def test_file_written_slowly_in_place(sinks, stations):
    """It is quiet for longer than settle at times, but still open."""
    station, sink = station_and_sink(sinks, stations)
    path = station.spool / "incoming" / "news.md"
    with open(path, "w", buffering=1) as file:
        for line in TEXT.splitlines(keepends=True):
            file.write(line)
            time.sleep(0.15)        # the slowness is what is tried
        prove_it_waits(station)
        assert path.exists()
    station.wait_done(2)
    assert any("The last paragraph." in m.get_body(("plain",)).get_content()
               for m in sink.messages())
    assert station.rejected() == []


def append_slowly(path, lines):
    """As a shell does with >>, closing it each time; returns the longest time without a change."""
    longest = 0
    before = time.monotonic()
    for line in lines:
        with open(path, "a") as file:
            file.write(line)
        longest = max(longest, time.monotonic() - before)
        before = time.monotonic()
        time.sleep(0.02)            # the slowness is what is tried
    return longest


def test_file_appended_to_again_and_again(sinks, stations):
    """Faster than settle, and for longer. Where the machine stalled meanwhile, it is tried anew:
    a file that was quiet for so long may be taken."""
    lines, longest = TEXT.splitlines(keepends=True) * 8, 1
    while longest >= 0.5:
        station, sink = station_and_sink(sinks, stations, settle="500 ms")
        longest = append_slowly(station.spool / "incoming" / "news.md", lines)
    station.wait_done()
    body = sink.messages()[0].get_body(("plain",)).get_content()
    assert body.count("The last paragraph.") == 8
    assert len(sink.records()) == 1 and station.rejected() == []


TEMPORARY = [".news.md.swp", ".~lock.news.md#", "news.md~", "news.md.part", "news.md.crdownload",
             "news.tmp", "news.filepart", ".news.md.Xa3f9Q"]


def test_temporary_names(sinks, stations):
    station, sink = station_and_sink(sinks, stations)
    incoming = station.spool / "incoming"
    for name in TEMPORARY:
        (incoming / name).write_text(TEXT)
    prove_it_waits(station)
    assert all((incoming / name).exists() for name in TEMPORARY)
    assert station.rejected() == [] and len(station.done()) == 1
    (incoming / "news.md.part").rename(incoming / "news.md")
    station.wait_done(2)
    assert len(sink.records()) == 2


def test_folder_copied_slowly(sinks, stations):
    station, sink = station_and_sink(sinks, stations)
    bundle = station.spool / "incoming" / "visit"
    (bundle / "attachments").mkdir(parents=True)
    (bundle / "release.md").write_text(TEXT)
    octets = bytes(range(256)) * 1024
    with open(bundle / "attachments" / "speech.pdf", "wb") as file:
        for at in range(0, len(octets), 64 << 10):
            file.write(octets[at:at + (64 << 10)])
            file.flush()
            time.sleep(0.15)        # the slowness is what is tried
        prove_it_waits(station)
        assert bundle.exists()
    station.wait_done(2)
    attached = [part for message in sink.messages() for part in message.iter_attachments()]
    assert [part.get_content() for part in attached] == [octets]
    assert station.rejected() == []


def test_500_drops_at_once(sinks, stations):
    station, sink = station_and_sink(sinks, stations, contacts=2)
    station.daemon.send_signal(signal.SIGSTOP)
    for i in range(500):
        station.drop(f"news{i}.md", f"# News {i}\n\nText {i}.\n")
    station.daemon.send_signal(signal.SIGCONT)
    station.wait_done(500, patience=3 * PATIENCE)
    assert station.rejected() == [] and station.queued() == []
    subjects = sorted((message["Subject"], message["Delivered-To"])
                      for message in sink.messages())
    assert subjects == sorted((f"News {i}", f"c{contact}@example.org")
                              for i in range(500) for contact in (1, 2))
    assert not list((station.spool / "incoming").glob("*.md"))
