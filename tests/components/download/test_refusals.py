"""What YouTube refuses and why, through the real yt-dlp and a stand-in for YouTube."""

import dataclasses
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, Make, Server, fetch, item, tone

from components.download import potoken, youtube
from components.shared.refusals import BLOCKED, refusal
from components.shared.rows import Item
from tests.youtube_server import Video, YouTube
from tests.youtube_server import youtube as serving_youtube

BOT = "Sign in to confirm you’re not a bot"
NOW = {"isLive": True, "isLiveContent": True}
REFUSED = {
    "blocked": [
        Video(status="LOGIN_REQUIRED", reason=BOT),
        Video(status="UNPLAYABLE", reason="This content isn't available, try again later"),
        Video(b"x" * 1000, media_status=403),
        Video(b"x" * 1000, media_status=429),
    ],
    "upcoming": [
        Video(status="LIVE_STREAM_OFFLINE", reason="Premieres in 3 hours", details={"isUpcoming": True}),
        Video(status="LIVE_STREAM_OFFLINE", reason="This live event will begin in a few moments.", details={"isUpcoming": True}),
    ],
    "live": [Video(b"x" * 1000, details=NOW)],
    "processing": [
        Video(status="UNPLAYABLE", reason="We're processing this video. Check back later."),
        Video(status="UNPLAYABLE", reason="This live stream recording is not available."),
    ],
    "age_restricted": [
        Video(status="LOGIN_REQUIRED", reason="Sign in to confirm your age", more="This video may be inappropriate for some users.")
    ],
    "members_only": [
        Video(
            status="UNPLAYABLE",
            reason="Join this channel to get access to members-only content like this video, and other exclusive perks.",
        ),
        Video(status="UNPLAYABLE", reason="This video is available to this channel's members on level: Friends (or any higher level)."),
    ],
    "paid": [Video(status="UNPLAYABLE", reason="This video requires payment to watch")],
    "region_locked": [
        Video(status="UNPLAYABLE", reason="Video unavailable", more="The uploader has not made this video available in your country"),
        Video(
            status="UNPLAYABLE", reason="Video unavailable", more="This video contains content from X, who has blocked it in your country"
        ),
    ],
    "private": [Video(status="LOGIN_REQUIRED", reason="Private video", more="Sign in if you've been granted access to this video")],
    "removed": [
        Video(status="ERROR", reason="This video has been removed by the uploader"),
        Video(status="ERROR", reason="This video has been removed for violating YouTube's Terms of Service"),
        Video(status="ERROR", reason="Video unavailable", more="The uploader has closed their YouTube account."),
        Video(
            status="ERROR",
            reason="Video unavailable",
            more="This video is no longer available because the YouTube account associated with this video has been terminated.",
        ),
    ],
    "sign_in": [Video(status="LOGIN_REQUIRED", reason="Please sign in")],
    "unavailable": [Video(status="ERROR", reason="Video unavailable"), Video(status="ERROR", reason="This video is not available")],
}


def video(number: int) -> Item:
    return item(f"https://www.youtube.com/watch?v={number:011d}", "youtube")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[YouTube]:
    (tmp_path / "site").mkdir()
    given = youtube.options
    with serving_youtube(tmp_path / "site") as found:
        way = {"proxy": found.proxy, "nocheckcertificate": True}
        monkeypatch.setattr(youtube, "options", lambda *arguments: given(*arguments) | way)
        yield found


@pytest.fixture(scope="module")
def sound(make: Make) -> bytes:
    return tone(make, "youtube.m4a", 440, 4, "-c:a", "aac").read_bytes()


def test_a_video_becomes_a_recording(site: YouTube, sound: bytes, tmp_path: Path) -> None:
    site.videos["00000000001"] = Video(sound)
    (row,) = fetch(tmp_path, video(1))
    assert (row.reason, row.title) == ("", "Title 00000000001")
    assert row.seconds == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("kind", REFUSED)
def test_each_refusal_has_its_kind(kind: str, site: YouTube, tmp_path: Path) -> None:
    for number, refused in enumerate(REFUSED[kind]):
        site.videos[f"{number:011d}"] = refused
        (row,) = fetch(tmp_path, video(number), policy=dataclasses.replace(QUICK, retries=0))
        assert (found := refusal(row.reason)) and found.name == kind, row.reason
        assert row.samples == 0 and "\n" not in row.reason


def test_a_host_that_blocks_twice_is_not_asked_again(site: YouTube, sound: bytes, server: Server, episode: bytes, tmp_path: Path) -> None:
    for number in range(5):
        site.videos[f"{number:011d}"] = Video(status="LOGIN_REQUIRED", reason=BOT)
    rows = fetch(tmp_path, *map(video, range(4)), item(server.put("/a.mp3", episode)), video(4))
    assert [r.reason.partition(":")[0] for r in rows] == [BLOCKED] * 4 + ["", BLOCKED], "another host is still asked"
    assert {asked.split()[0] for asked in site.asked} == {"00000000000", "00000000001"}
    assert "not asked for" in rows[2].reason and "youtube.com" in rows[2].reason


def test_one_block_is_an_exception(site: YouTube, sound: bytes, tmp_path: Path) -> None:
    blocked = Video(status="LOGIN_REQUIRED", reason=BOT)
    for number in range(6):
        site.videos[f"{number:011d}"] = Video(sound + bytes(number)) if number % 2 else blocked
    rows = fetch(tmp_path, *map(video, range(6)))
    assert [r.reason.partition(":")[0] for r in rows] == [BLOCKED, "", BLOCKED, "", BLOCKED, ""]


def test_a_host_that_asks_for_fewer_requests_blocks(server: Server, episode: bytes, tmp_path: Path) -> None:
    busy = [item(server.put(f"/{n}.mp3", episode, statuses=[429] * 9)) for n in range(3)]
    rows = fetch(tmp_path, *busy, policy=dataclasses.replace(QUICK, retries=1))
    assert [r.reason for r in rows[:2]] == ["blocked: HTTP 429, 2 times"] * 2 and "not asked for" in rows[2].reason
    assert server.paths().count("/2.mp3") == 0


def test_the_next_player_is_tried_after_a_block(site: YouTube, sound: bytes, tmp_path: Path) -> None:
    site.videos["00000000001"] = Video(sound, reason=BOT, clients=("TVHTML5",))
    site.videos["00000000002"] = Video(status="LOGIN_REQUIRED", reason="Private video")
    policy = dataclasses.replace(QUICK, youtube_clients=("web_embedded", "visionos", "tv"))
    rows = fetch(tmp_path, video(1), video(2), policy=policy)
    assert [r.reason.partition(":")[0] for r in rows] == ["", "private"]
    asked = [a.split()[1] for a in site.asked if a.startswith("00000000001")]
    assert asked.index("WEB_EMBEDDED_PLAYER") < asked.index("VISIONOS") < asked.index("TVHTML5")
    assert {a for a in site.asked if a.startswith("00000000002")} == {"00000000002 WEB_EMBEDDED_PLAYER"}, "a private video is no block"


def test_a_po_token_server_lets_a_player_in(site: YouTube, sound: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[dict[str, Any]] = []

    class Tokens(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            questions.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"poToken": "cG8tdG9rZW5z", "contentBinding": "x"}).encode())

        def log_message(self, *_: object) -> None:
            pass

    site.videos["00000000001"] = Video(sound, needs_token=True)
    policy = dataclasses.replace(QUICK, youtube_clients=("mweb",))
    (row,) = fetch(tmp_path / "without", video(1), policy=policy)
    assert refusal(row.reason) and row.samples == 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv(potoken.SERVER, f"http://127.0.0.1:{listening.server_address[1]}/")
        (row,) = fetch(tmp_path / "with", video(1), policy=policy)
        listening.shutdown()
    assert row.reason == "" and questions and "cG8tdG9rZW5z" in site.tokens
