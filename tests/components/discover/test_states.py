"""Whether files were replaced: what sources state, and what is asked of them."""

import os
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from components.discover import states
from components.discover.feeds import list_link
from components.discover.items import Listed, listed
from components.discover.listing import list_local
from components.discover.states import examined
from components.shared.state import change, parts_of
from components.shared.table import empty
from store.ledger import PUBLISHED, LedgerRow
from tests.http_server import Server, serving


@pytest.fixture
def server():
    with serving() as state:
        yield state


def had(*entries: Listed, **columns: str) -> Mapping[str, LedgerRow]:
    """A ledger that has these recordings as they are listed."""
    rows = [replace(empty(LedgerRow), recording=e.item.recording, outcome=PUBLISHED, state=e.item.state, **columns) for e in entries]
    return {row.recording: row for row in rows}


def episode(server: Server, entry: str) -> Listed:
    """The only episode of a feed, listed; `entry` is what the feed says of it."""
    text = (
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><item><guid>1</guid>{entry}</item></channel></rss>"
    )
    (found,) = list_link(server.put("/feed", text.encode(), headers={"Content-Type": "application/rss+xml"}))
    return found


def test_a_local_file_has_another_state_when_it_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "show.wav"
    path.write_bytes(b"aaaa")
    (before,) = list_local(tmp_path)
    assert parts_of(before.item.state).keys() == {"bytes", "modified"}
    assert [e.item.state for e in list_local(tmp_path)] == [before.item.state]
    os.utime(path, (1, 1))
    (touched,) = list_local(path)
    path.write_bytes(b"bbbbb")
    (longer,) = list_local(path)
    assert before.item.recording == touched.item.recording == longer.item.recording
    assert "modified" in change(before.item.state, touched.item.state) and "bytes 5, before 4" in change(
        touched.item.state, longer.item.state
    )


def test_a_local_file_is_hashed_only_if_its_size_or_time_is_another(tmp_path: Path) -> None:
    path = tmp_path / "show.wav"
    path.write_bytes(b"aaaa")
    (before,) = list_local(path)
    ledger = had(before, media_sha256=sha256(b"aaaa").hexdigest())
    assert examined([before], ledger, refresh=False) == [before]
    os.utime(path, (1, 1))
    (touched,) = examined(list_local(path), ledger, refresh=False)
    assert touched.media_sha256 == sha256(b"aaaa").hexdigest()


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ('length="9000"', "stated_bytes 9000, before 4000"),
        ('length="4000"', ""),
        ('length="0"', ""),
        ('length="4,000"', ""),
    ],
)
def test_a_feed_states_the_size_of_a_file(server: Server, attributes: str, said: str) -> None:
    def item(attributes: str) -> Listed:
        return episode(server, f'<enclosure url="/1.mp3" {attributes}/>')

    assert change(item('length="4000"').item.state, item(attributes).item.state) == said


@pytest.mark.parametrize(
    ("entry", "changed"),
    [
        ("<pubDate>Tue, 02 Jan 2024 08:00:00 +0900</pubDate><duration>600</duration>", ""),
        ("<pubDate>Mon, 01 Jan 2024 23:00:00 GMT</pubDate><duration>10:00</duration>", ""),
        ("<pubDate>Tue, 02 Jan 2024 09:00:00 +0900</pubDate><duration>600</duration>", "published"),
        ("<pubDate>Tue, 02 Jan 2024 08:00:00 +0900</pubDate><duration>601</duration>", "stated_seconds"),
        ("<duration>600</duration>", ""),
        ("<pubDate>Tue, 02 Jan 2024 08:00:00 +0900</pubDate><atom:updated>2024-01-02T09:00:00+09:00</atom:updated>", "updated"),
    ],
)
def test_a_feed_states_when_a_file_was_published_and_how_long_it_is(server: Server, entry: str, changed: str) -> None:
    def item(entry: str) -> Listed:
        return episode(server, f'<enclosure url="/1.mp3"/>{entry.replace("duration", "itunes:duration")}')

    dates = "<pubDate>Tue, 02 Jan 2024 08:00:00 +0900</pubDate><atom:updated>2024-01-02T08:00:00+09:00</atom:updated>"
    before = item(f"{dates}<duration>600</duration>")
    assert change(before.item.state, item(entry).item.state).partition(" ")[0] == changed


def medium(url: str, kind: str = "media") -> Listed:
    return listed(kind, url, "", url)


def test_the_server_of_a_url_is_asked_in_every_run_and_that_of_an_episode_to_refresh(server: Server) -> None:
    file, episode = medium(server.put("/1.mp3", b"a" * 5000)), medium(server.put("/2.mp3", b"b" * 6000), "feed")
    found = examined([file, episode], had(file, episode), refresh=False)
    assert [parts_of(entry.item.state).get("bytes") for entry in found] == ["5000", None]
    assert [(asked.path, asked.range) for asked in server.asked] == [("/1.mp3", "bytes=0-0")]
    found = examined([file, episode], had(file, episode), refresh=True)
    assert [parts_of(entry.item.state).get("bytes") for entry in found] == ["5000", "6000"]
    assert all("etag" in parts_of(entry.item.state) for entry in found)
    asked = len(server.asked)
    assert examined([file, episode], {}, refresh=True) == [file, episode], "new recordings are downloaded anyway"
    assert len(server.asked) == asked


@pytest.mark.parametrize("behavior", [{"ranges": False}, {"headers": {"ETag": "", "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}}])
def test_a_replaced_file_is_noticed_by_what_its_server_says(server: Server, behavior: dict[str, object]) -> None:
    def state(data: bytes) -> str:
        entry = medium(server.put("/1.mp3", data, **behavior))
        return examined([entry], had(entry), refresh=False)[0].item.state

    assert change(state(b"a" * 5000), state(b"a" * 5000)) == ""
    assert change(state(b"a" * 5000), state(b"b" * 6000)) != ""


def test_an_episode_with_another_date_and_the_same_etag_has_not_changed(server: Server) -> None:
    entry = medium(server.put("/1.mp3", b"a" * 10), "feed")
    before, now = (replace(entry, item=replace(entry.item, state=f"published {day}")) for day in ("today", "tomorrow"))
    (first,) = examined([before], had(before), refresh=True)
    (found,) = examined([now], had(first), refresh=True)
    assert change(first.item.state, now.item.state) and not change(first.item.state, found.item.state)


def test_a_host_that_does_not_answer_is_left_in_peace(server: Server) -> None:
    gone = [medium(f"{server.url}/{n}.mp3") for n in range(9)]
    assert examined(gone, had(*gone), refresh=False) == gone
    assert len(server.asked) == 3


def test_the_questions_end_when_their_time_is_up(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(states, "MAX_SECONDS", -1)
    entry = medium(server.put("/1.mp3", b"a"))
    assert examined([entry], had(entry), refresh=False) == [entry]
    assert "1 of 1 files were not compared" in capsys.readouterr().out and server.asked == []
